//! Conversations of a few clients, step by step, to be compared byte for byte with another server's.

use super::{Client, Endpoint, Value, await_until};

/// Answered like any command, by a bulk string or, while the client listens, by an array.
const MARK: &str = "~mark~";

/// One server, and the clients that the steps number, each with all it has been sent.
pub struct Talk<'s, S> {
    server: &'s S,
    clients: Vec<(Client, Vec<u8>)>,
}

impl<'s, S: Endpoint> Talk<'s, S> {
    /// Goes through the steps; returns the bytes that each client was sent.
    pub fn hold(server: &'s S, steps: &[&str]) -> Vec<String> {
        let mut talk = Talk { server, clients: Vec::new() };
        for step in steps {
            talk.step(step);
        }
        for client in 0..talk.clients.len() {
            talk.mark(client);
        }
        talk.clients.iter().map(|(_, seen)| seen.escape_ascii().to_string()).collect()
    }

    /// `1: PING`; what ends in `!` is answered by nothing that can be waited for, and what ends in
    /// ` ...` has its client wait, which others see before the next step.
    fn step(&mut self, step: &str) {
        let (number, line) = step.split_once(": ").expect("a step has a client");
        let number: usize = number.parse().expect("clients are numbered");
        while self.clients.len() <= number {
            self.clients.push((self.server.connect(), Vec::new()));
        }
        if let Some(line) = line.strip_suffix(" ...") {
            self.block(number, line);
            return;
        }
        let (line, is_silent) = line.strip_suffix('!').map_or((line, false), |line| (line, true));
        let words: Vec<_> =
            line.split(' ').map(|word| if word == "''" { "" } else { word }).collect();
        if words[0] == "HELLO" {
            // Its reply tells the version, and nothing else comes between.
            self.mark(number);
            self.clients[number].0.call(&words);
            return;
        }
        let (client, _) = &mut self.clients[number];
        client.send_command(&words);
        if !is_silent {
            self.mark(number);
        }
    }

    fn block(&mut self, number: usize, line: &str) {
        let mut observer = self.server.connect();
        let mut blocked =
            || observer.info("clients", "blocked_clients").parse::<usize>().expect("a number");
        let before = blocked();
        self.clients[number].0.send_command(&line.split(' ').collect::<Vec<_>>());
        await_until("one client more waits", || blocked() == before + 1);
    }

    /// Reads up to the reply to a command of no other effect.
    fn mark(&mut self, number: usize) {
        let (client, seen) = &mut self.clients[number];
        let mark = format!("*2\r\n$4\r\nPING\r\n${}\r\n{MARK}\r\n", MARK.len());
        if client.try_send(mark.as_bytes()).is_err() {
            seen.extend_from_slice(b"(closed)");
            return;
        }
        loop {
            let Ok((value, bytes)) = client.try_read() else {
                seen.extend_from_slice(b"(closed)");
                return;
            };
            seen.extend(bytes);
            let is_mark =
                |value: &Value| matches!(value, Value::Bulk(text) if text == MARK.as_bytes());
            match &value {
                Value::Array(words) if words.len() == 2 && is_mark(&words[1]) => return,
                value if is_mark(value) => return,
                _ => {}
            }
        }
    }
}
