//! What `redis-cli` shows of a command's arguments while it is typed, which it asks the server for.

use crate::support::{Endpoint, Server, Stock};
use crate::terminal::Terminal;
use crate::{INSTALL, tool};

/// Erases the line that was typed.
const CTRL_U: &str = "\x15";

/// What is typed, and a word of the hint that it must lead to.
const TYPED: &[(&str, &str)] = &[
    ("set ", "KEEPTTL"),
    ("set key value ", "EXAT"),
    ("zadd ", "score member"),
    ("ZADD key ", "NX|XX"),
    ("lmpop ", "numkeys"),
    ("georadius ", "longitude latitude"),
    ("geosearchstore ", "FROMMEMBER"),
    ("config ", ""),
    ("config get ", "parameter"),
    ("object ", ""),
    ("object freq ", "key"),
    ("client list ", "TYPE"),
    ("bitfield ", "OVERFLOW"),
    ("expire ", "NX|XX|GT|LT"),
    ("scan ", "MATCH"),
    ("hello ", "AUTH"),
    ("xyzzy", ""),
    ("wait ", "numreplicas"),
    ("ping ", "message"),
];

/// Parts of hints that Redis 7.2 changed: as this server has them, and as they were.
const CHANGED_IN_7_2: &[(&str, &str)] =
    &[("[STORE storekey|STOREDIST storedistkey]", "[STORE key] [STOREDIST key]")];

/// A session of `redis-cli` at its prompt.
struct Session {
    terminal: Terminal,
    prompt: String,
}

impl Session {
    fn start(server: &impl Endpoint) -> Self {
        let mut command = tool("redis-cli", server, &[]);
        command.env("TERM", "xterm").env("REDISCLI_HISTFILE", "/dev/null");
        // Settings of whoever runs the tests might turn hints off.
        command.env("REDISCLI_RCFILE", "/dev/null");
        let mut terminal = Terminal::start(&mut command, INSTALL);
        let prompt = format!("{}> ", server.address());
        terminal.until(&prompt);
        Self { terminal, prompt }
    }

    /// Types `text` and erases it again; returns each byte shown meanwhile, without the port.
    fn shown_for(&mut self, text: &str) -> String {
        self.terminal.press(text);
        let shown = self.terminal.until(&cursor_behind(self.prompt.len() + text.len()));
        self.terminal.press(CTRL_U);
        let erased = self.terminal.until(&cursor_behind(self.prompt.len()));
        (shown + &erased).replace(&self.prompt, "> ")
    }
}

/// What moves the cursor behind so many columns, at the end of each change of the line.
fn cursor_behind(columns: usize) -> String {
    format!("\r\x1b[{columns}C")
}

#[test]
fn the_hints_of_a_command_that_is_typed_are_a_stock_servers() {
    let (server, stock) = (Server::start(&[]), Stock::start(&[]));
    let (mut ours, mut theirs) = (Session::start(&server), Session::start(&stock));
    for (typed, word) in TYPED {
        let (mut ours, theirs) = (ours.shown_for(typed), theirs.shown_for(typed));
        for (new, old) in CHANGED_IN_7_2.iter().filter(|_| stock.version() < (7, 2)) {
            ours = ours.replace(new, old);
        }
        assert!(
            theirs.contains(word),
            "{typed:?} shows no {word:?} with a stock server: {theirs:?}"
        );
        assert_eq!(ours, theirs, "{typed:?}");
    }
}
