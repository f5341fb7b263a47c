//! Single commands to this server and to stock redis-server, where a batch does not say enough.

use crate::Subject;
use crate::support::{Client, Endpoint as _, Stock};

/// The same commands to both.
pub struct Both {
    ours: Client,
    stock: Client,
    _servers: (Subject, Stock),
}

impl Both {
    /// Starts both servers.
    pub fn start() -> Self {
        let (subject, oracle) = (Subject::start(), Stock::oracle(&[]));
        let (ours, stock) = (subject.connect(), oracle.connect());
        Self { ours, stock, _servers: (subject, oracle) }
    }

    /// Sends a command to both; the replies must be the same bytes.
    #[track_caller]
    pub fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) {
        for client in [&mut self.ours, &mut self.stock] {
            client.send_command(words);
        }
        let (ours, stock) = (self.ours.read().1, self.stock.read().1);
        let name = words[0].as_ref().escape_ascii();
        let (our_text, stock_text) = (ours.escape_ascii(), stock.escape_ascii());
        assert!(ours == stock, "{name}\nours:  {our_text}\nstock: {stock_text}");
    }

    /// Sends words that are separated by single spaces.
    #[track_caller]
    pub fn run(&mut self, line: &str) {
        self.call(&line.split(' ').collect::<Vec<_>>());
    }
}
