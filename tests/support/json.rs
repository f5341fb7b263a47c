//! What the tools write for programs, read strictly.

/// A JSON value; strings of a dump have one character for each byte.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Truth(bool),
    Number(u64),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Parses a whole document; panics at the first byte that JSON does not allow.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let mut rest = text.trim_end().chars().peekable();
        let value = Self::value(&mut rest);
        assert_eq!(rest.next(), None, "after {value:?}");
        value
    }

    fn value(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Self {
        let word = |rest: &mut std::iter::Peekable<_>, word: &str, value| {
            assert!(word.chars().all(|char| rest.next() == Some(char)), "not {word}");
            value
        };
        match rest.peek().expect("a value") {
            'n' => word(rest, "null", Self::Null),
            't' => word(rest, "true", Self::Truth(true)),
            'f' => word(rest, "false", Self::Truth(false)),
            '"' => Self::Text(Self::string(rest)),
            '[' => Self::Array(Self::list(rest, ']', Self::value)),
            '{' => Self::Object(Self::list(rest, '}', |rest| {
                let name = Self::string(rest);
                assert_eq!(rest.next(), Some(':'));
                (name, Self::value(rest))
            })),
            _ => {
                let mut digits = String::new();
                digits.extend(std::iter::from_fn(|| rest.next_if(char::is_ascii_digit)));
                Self::Number(digits.parse().expect("a number"))
            }
        }
    }

    fn list<T>(
        rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
        close: char,
        mut element: impl FnMut(&mut std::iter::Peekable<std::str::Chars<'_>>) -> T,
    ) -> Vec<T> {
        rest.next();
        let mut elements = Vec::new();
        if rest.next_if_eq(&close).is_some() {
            return elements;
        }
        loop {
            elements.push(element(rest));
            match rest.next() {
                Some(char) if char == close => return elements,
                char => assert_eq!(char, Some(',')),
            }
        }
    }

    fn string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
        assert_eq!(rest.next(), Some('"'));
        let mut text = String::new();
        loop {
            match rest.next().expect("the string goes on") {
                '"' => return text,
                '\\' => text.push(match rest.next().expect("an escape") {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let digits: String = rest.by_ref().take(4).collect();
                        let code = u32::from_str_radix(&digits, 16).expect("four digits");
                        char::from_u32(code).expect("no surrogate")
                    }
                    char @ ('"' | '\\' | '/') => char,
                    char => panic!("escape {char:?}"),
                }),
                char => {
                    assert!(char >= ' ', "a raw {char:?}");
                    text.push(char);
                }
            }
        }
    }

    /// The member of an object.
    #[track_caller]
    pub fn member(&self, name: &str) -> &Self {
        let Self::Object(members) = self else { panic!("no object: {self:?}") };
        let found = members.iter().find(|(own, _)| own == name);
        &found.unwrap_or_else(|| panic!("no {name} in {self:?}")).1
    }

    /// The value of a number.
    #[track_caller]
    pub fn number(&self) -> u64 {
        let Self::Number(number) = self else { panic!("no number: {self:?}") };
        *number
    }

    /// The elements of an array.
    #[track_caller]
    pub fn elements(&self) -> &[Self] {
        let Self::Array(elements) = self else { panic!("no array: {self:?}") };
        elements
    }

    /// The bytes a string of a dump stands for.
    #[track_caller]
    pub fn latin_1(&self) -> Vec<u8> {
        let Self::Text(text) = self else { panic!("no string: {self:?}") };
        text.chars().map(|char| u8::try_from(u32::from(char)).expect("one byte")).collect()
    }
}
