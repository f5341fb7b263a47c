//! Transactions beside a stock server, where a conversation's bytes tell more than they may.

use crate::support::{Client, Endpoint as _, Server, Stock};

/// What `EXEC` answers behind each `HELLO` in it, whose own reply tells the version and the client.
fn behind_each_hello(client: &mut Client, lines: &[&str]) -> Vec<String> {
    for line in ["MULTI"].iter().chain(lines) {
        client.run(line);
    }
    client.send_command(&["EXEC"]);
    let reply = client.read().1.escape_ascii().to_string();
    let mut parts: Vec<_> = reply.split(r"modules\r\n*0\r\n").map(str::to_owned).collect();
    // The next one begins with a header that is compared, and the server's name.
    for part in &mut parts {
        part.truncate(part.find("server").unwrap_or(part.len()));
    }
    parts
}

#[test]
fn hello_changes_the_protocol_of_what_is_behind_it() {
    let (server, stock) = (Server::start(&[]), Stock::oracle(&[]));
    let (mut ours, mut theirs) = (server.connect(), stock.connect());
    let first = ["GET a", "HELLO 3", "GET a", "HGETALL h", "HELLO 4", "HELLO", "SMEMBERS s"];
    let second = ["GET a", "HELLO 2", "GET a", "HGETALL h", "BLPOP l 0", "SMEMBERS s"];
    let third = ["GET a", "HELLO 3", "GET a", "HELLO 2", "GET a", "HGETALL h", "HELLO 3"];
    for lines in [&first[..], &second, &third] {
        let answered = behind_each_hello(&mut ours, lines);
        assert_eq!(answered, behind_each_hello(&mut theirs, lines), "{lines:?}");
        let hellos = lines.iter().filter(|line| line.starts_with("HELLO") && **line != "HELLO 4");
        assert_eq!(answered.len(), 1 + hellos.count(), "{answered:?}");
        // The protocol stays that of the last one.
        for client in [&mut ours, &mut theirs] {
            client.send_command(&["HGETALL", "h"]);
        }
        assert_eq!(ours.read().1, theirs.read().1, "{lines:?}");
    }
}
