//! As much of YAML as compose.yaml needs; whatever else stands there is a failure.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Yaml {
    Map(Vec<(String, Yaml)>),
    List(Vec<Yaml>),
    Text(String),
    Nothing,
}

impl Yaml {
    pub fn read(text: &str) -> Self {
        let lines: Vec<_> =
            text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let lines: Vec<_> = lines
            .into_iter()
            .filter(|line| !line.trim().is_empty())
            .map(|line| {
                assert!(!line.contains('\t') && line.trim_end() == line, "blanks in {line:?}");
                (line.len() - line.trim_start().len(), line.trim_start())
            })
            .collect();
        let mut rest = lines.as_slice();
        let value = block(&mut rest, 0);
        assert!(rest.is_empty(), "indented otherwise: {:?}", rest[0]);
        value
    }

    /// The value of a key of a map.
    #[track_caller]
    pub fn of(&self, key: &str) -> &Self {
        self.find(key).unwrap_or_else(|| panic!("there is no {key} in {self:?}"))
    }

    pub fn find(&self, key: &str) -> Option<&Self> {
        let Self::Map(pairs) = self else { panic!("no map: {self:?}") };
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    #[track_caller]
    pub fn pairs(&self) -> &[(String, Self)] {
        let Self::Map(pairs) = self else { panic!("no map: {self:?}") };
        pairs
    }

    #[track_caller]
    pub fn text(&self) -> &str {
        let Self::Text(text) = self else { panic!("no text: {self:?}") };
        text
    }

    #[track_caller]
    pub fn texts(&self) -> Vec<&str> {
        let Self::List(values) = self else { panic!("no list: {self:?}") };
        values.iter().map(Self::text).collect()
    }
}

/// Reads the lines that are indented so far.
fn block(rest: &mut &[(usize, &str)], indent: usize) -> Yaml {
    if rest.first().is_some_and(|(_, line)| line.starts_with("- ")) {
        let mut values = Vec::new();
        while let Some((found, line)) = rest.first()
            && *found == indent
        {
            let item = line.strip_prefix("- ").unwrap_or_else(|| panic!("no item: {line:?}"));
            *rest = &rest[1..];
            values.push(match item.split_once(": ") {
                Some((key, value)) => Yaml::Map(vec![(key.to_owned(), scalar(value))]),
                None => scalar(item),
            });
        }
        return Yaml::List(values);
    }
    let mut pairs: Vec<(String, Yaml)> = Vec::new();
    while let Some((found, line)) = rest.first()
        && *found == indent
    {
        let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("no key: {line:?}"));
        *rest = &rest[1..];
        let value = match (value.strip_prefix(' '), rest.first()) {
            (Some(value), _) => scalar(value),
            (None, Some((deeper, _))) if *deeper > indent => block(rest, *deeper),
            (None, _) => Yaml::Nothing,
        };
        assert!(pairs.iter().all(|(known, _)| known != key), "{key} is given twice");
        pairs.push((key.to_owned(), value));
    }
    Yaml::Map(pairs)
}

fn scalar(text: &str) -> Yaml {
    if let Some(list) = text.strip_prefix('[') {
        let list = list.strip_suffix(']').unwrap_or_else(|| panic!("no list: {text:?}"));
        return Yaml::List(list.split(", ").map(scalar).collect());
    }
    if let Some(quoted) = text.strip_prefix('"') {
        let quoted = quoted.strip_suffix('"').filter(|quoted| !quoted.contains(['"', '\\']));
        return Yaml::Text(quoted.unwrap_or_else(|| panic!("no text: {text:?}")).to_owned());
    }
    let is_plain = !text.starts_with(['&', '*', '|', '>', '{', '!', '\'', '%', '@', '`']);
    assert!(is_plain && !text.contains(": ") && !text.contains(" #"), "not read here: {text:?}");
    Yaml::Text(text.to_owned())
}
