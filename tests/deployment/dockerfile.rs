//! Reads a Dockerfile.

/// The instructions of one stage, each a verb and what follows it on the line.
#[derive(Debug)]
pub struct Stage {
    pub base: String,
    instructions: Vec<(String, String)>,
}

/// Reads the stages in order.
pub fn stages(text: &str) -> Vec<Stage> {
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", "");
    let mut stages: Vec<Stage> = Vec::new();
    for line in joined.lines().filter(|line| !line.trim().is_empty()) {
        let (verb, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no word: {line:?}"));
        let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        if verb == "FROM" {
            stages.push(Stage { base: rest, instructions: Vec::new() });
        } else {
            let stage = stages.last_mut().expect("FROM comes first");
            stage.instructions.push((verb.to_owned(), rest));
        }
    }
    stages
}

impl Stage {
    /// What follows each instruction of this verb.
    pub fn all(&self, verb: &str) -> Vec<&str> {
        let found = self.instructions.iter().filter(|(found, _)| found == verb);
        found.map(|(_, rest)| rest.as_str()).collect()
    }

    /// What follows the only one of this verb.
    #[track_caller]
    pub fn only(&self, verb: &str) -> &str {
        let found = self.all(verb);
        assert_eq!(found.len(), 1, "{verb}: {found:?}");
        found[0]
    }

    /// Where the first instruction of this verb stands.
    #[track_caller]
    pub fn place_of(&self, verb: &str) -> usize {
        let found = self.instructions.iter().position(|(found, _)| found == verb);
        found.unwrap_or_else(|| panic!("there is no {verb}"))
    }
}

/// The words of an instruction in its JSON form, which no shell reads.
#[track_caller]
pub fn words(json: &str) -> Vec<String> {
    let inner = json.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let inner = inner.unwrap_or_else(|| panic!("not in JSON form: {json}"));
    let word = |quoted: &str| {
        let bare = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        bare.unwrap_or_else(|| panic!("no word: {quoted}")).to_owned()
    };
    inner.split(", ").map(word).collect()
}
