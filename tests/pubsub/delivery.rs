//! Who gets which messages, in which order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::support::{Client, Endpoint, Server, Value, await_until};
use super::{listen, listeners, next, words};

fn publish(client: &mut Client, channel: &str, text: &str) -> i64 {
    client.call(&["PUBLISH", channel, text]).integer()
}

#[test]
fn each_publisher_is_heard_in_order_by_subscribers_of_all_workers() {
    const MESSAGES: usize = 2_000;
    const PUBLISHERS: usize = 3;
    let server = Server::start(&["--io-threads", "2"]);
    // Each subscriber is with another worker than the one before.
    let mut subscribers: Vec<_> = (0..6).map(|_| server.connect()).collect();
    for (number, subscriber) in subscribers.iter_mut().enumerate() {
        let line = if number % 3 == 2 { "PSUBSCRIBE chan*" } else { "SUBSCRIBE channel" };
        listen(subscriber, line);
    }
    thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let mut client = server.connect();
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    client.send_command(&["PUBLISH", "channel", &format!("{publisher} {number}")]);
                }
                for _ in 0..MESSAGES {
                    assert_eq!(client.read().0.integer(), 6);
                }
            });
        }
        for subscriber in &mut subscribers {
            scope.spawn(move || {
                let mut heard = BTreeMap::new();
                for _ in 0..MESSAGES * PUBLISHERS {
                    let text = words(&subscriber.read().0).pop().expect("a message has a text");
                    let (publisher, number) = text.split_once(' ').expect("both are told");
                    let expected = heard.entry(publisher.to_owned()).or_insert(0);
                    assert_eq!(number.parse(), Ok(*expected), "of publisher {publisher}");
                    *expected += 1;
                }
            });
        }
    });
}

#[test]
fn all_subscribers_of_a_channel_hear_its_messages_in_one_order() {
    const MESSAGES: usize = 1_000;
    let server = Server::start(&["--io-threads", "2"]);
    let mut subscribers = listeners(&server, 4, "SUBSCRIBE channel");
    thread::scope(|scope| {
        for publisher in 0..2 {
            let mut client = server.connect();
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    assert_eq!(
                        publish(&mut client, "channel", &format!("{publisher}:{number}")),
                        4
                    );
                }
            });
        }
    });
    let heard = |subscriber: &mut Client| -> Vec<String> {
        (0..2 * MESSAGES).map(|_| next(subscriber)).collect()
    };
    let first = heard(&mut subscribers[0]);
    for subscriber in &mut subscribers[1..] {
        assert!(heard(subscriber) == first, "subscribers heard different orders");
    }
}

#[test]
fn whoever_is_told_of_a_write_can_read_it() {
    let server = Server::start(&["--io-threads", "2"]);
    let (mut writer, mut listener, mut reader) =
        (server.connect(), server.connect(), server.connect());
    listen(&mut listener, "SUBSCRIBE written");
    for number in 0..500 {
        let number = number.to_string();
        writer.run("MULTI");
        writer.call(&["PUBLISH", "written", &number]);
        writer.call(&["SET", "key", &number]);
        writer.send_command(&["EXEC"]);
        assert_eq!(next(&mut listener), format!("message written {number}"));
        assert_eq!(reader.call(&["GET", "key"]).text(), number);
        writer.read();
    }
}

#[test]
fn subscribers_may_leave_in_the_middle_of_a_flood() {
    let server = Server::start(&["--io-threads", "2"]);
    let mut publisher = server.connect();
    let mut faithful = server.connect();
    listen(&mut faithful, "SUBSCRIBE flood");
    let text = "x".repeat(1000);
    for round in 0..20 {
        let mut leaving = listeners(&server, 10, "SUBSCRIBE flood");
        for client in &mut leaving {
            listen(client, "PSUBSCRIBE flo*");
        }
        for number in 0..100 {
            publisher.send_command(&["PUBLISH", "flood", &format!("{round} {number} {text}")]);
            if number == 50 {
                leaving.clear();
            }
        }
        for number in 0..100 {
            assert!(publisher.read().0.integer() >= 1);
            assert_eq!(next(&mut faithful), format!("message flood {round} {number} {text}"));
        }
    }
    await_until("those who left are forgotten", || publish(&mut publisher, "flood", "end") == 1);
    assert_eq!(publisher.run("PUBSUB NUMPAT").integer(), 0);
}

#[test]
fn between_its_two_confirmations_a_subscription_misses_nothing_and_then_gets_nothing() {
    let server = Server::start(&["--io-threads", "2"]);
    let (mut client, mut publisher) = (server.connect(), server.connect());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                publish(&mut publisher, "channel", &number.to_string());
            }
        });
        let mut last = -1;
        for round in 0..300 {
            client.send_command(&["SUBSCRIBE", "channel"]);
            assert_eq!(next(&mut client), "subscribe channel 1");
            let mut heard = Vec::new();
            while heard.len() < round % 7 {
                heard.push(next(&mut client));
            }
            client.send_command(&["UNSUBSCRIBE", "channel"]);
            client.send_command(&["GET", "key"]);
            loop {
                match next(&mut client) {
                    end if end == "unsubscribe channel 0" => break,
                    message => heard.push(message),
                }
            }
            assert_eq!(client.read().0, Value::Null, "a message after the end");
            let number = |message: &String| -> i64 {
                let number = message.strip_prefix("message channel ").expect("a message");
                number.parse().expect("a number")
            };
            let numbers: Vec<_> = heard.iter().map(number).collect();
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
            assert!(numbers.first().is_none_or(|first| *first > last), "{numbers:?} after {last}");
            last = numbers.last().copied().unwrap_or(last);
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn ten_thousand_channels_are_no_burden_for_one_client() {
    const CHANNELS: usize = 10_000;
    let server = Server::start(&[]);
    let (mut subscriber, mut other) = (server.connect(), server.connect());
    let names: Vec<_> = (0..CHANNELS).map(|number| format!("channel:{number}")).collect();
    let subscribe: Vec<_> =
        std::iter::once("SUBSCRIBE").chain(names.iter().map(String::as_str)).collect();
    subscriber.send_command(&subscribe);
    for (number, name) in names.iter().enumerate() {
        assert_eq!(next(&mut subscriber), format!("subscribe {name} {}", number + 1));
    }
    assert_eq!(other.info("stats", "pubsub_channels"), CHANNELS.to_string());
    for name in names.iter().step_by(997) {
        assert_eq!(publish(&mut other, name, "here"), 1);
        assert_eq!(next(&mut subscriber), format!("message {name} here"));
    }
    subscriber.send_command(&["UNSUBSCRIBE"]);
    for (number, name) in names.iter().enumerate() {
        assert_eq!(next(&mut subscriber), format!("unsubscribe {name} {}", CHANNELS - number - 1));
    }
    listen(&mut subscriber, "SUBSCRIBE a b c");
    drop(subscriber);
    await_until("the channels are gone", || other.info("stats", "pubsub_channels") == "0");
}

#[test]
fn names_patterns_and_messages_are_any_bytes_of_any_length() {
    let server = Server::start(&[]);
    let (mut subscriber, mut other) = (server.connect(), server.connect());
    let name: Vec<u8> = (0..100_000u32).map(|number| (number % 256) as u8).collect();
    let text = name.repeat(20);
    // A star for each byte would take for ever, were patterns tried by brute force.
    let pattern = [b"\x00*".as_slice(), &b"*?".repeat(20), b"\x9f"].concat();
    subscriber.send_command(&[b"SUBSCRIBE".as_slice(), &name]);
    assert_eq!(subscriber.read().0.elements()[1], Value::Bulk(name.clone()));
    subscriber.send_command(&[b"PSUBSCRIBE".as_slice(), &pattern]);
    subscriber.read();
    assert_eq!(other.call(&[b"PUBLISH".as_slice(), &name, &text]).integer(), 2);
    let texts = |value: Value| -> Vec<Value> { value.elements()[1..].to_vec() };
    let (name, text) = (Value::Bulk(name), Value::Bulk(text));
    assert_eq!(texts(subscriber.read().0), [name.clone(), text.clone()]);
    assert_eq!(texts(subscriber.read().0), [Value::Bulk(pattern), name, text]);
}

#[test]
fn clients_that_listen_are_told_apart() {
    let server = Server::start(&["--timeout", "1"]);
    let (mut subscriber, mut sharded, mut other) =
        (server.connect(), server.connect(), server.connect());
    listen(&mut subscriber, "SUBSCRIBE a b");
    listen(&mut subscriber, "PSUBSCRIBE p*");
    listen(&mut sharded, "SSUBSCRIBE s");
    let list = |client: &mut Client, kind: &str| -> Vec<(String, String)> {
        let text = client.call(&["CLIENT", "LIST", "TYPE", kind]).text();
        let field = |line: &str, name: &str| {
            let found = line.split(' ').find_map(|field| field.strip_prefix(name));
            found.unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
        };
        let counts = |line: &str| ["sub=", "psub=", "ssub="].map(|n| field(line, n)).join(" ");
        text.lines().map(|line| (field(line, "flags="), counts(line))).collect()
    };
    let shown = |flags: &str, counts: &str| (flags.to_owned(), counts.to_owned());
    assert_eq!(list(&mut other, "pubsub"), [shown("P", "2 1 0"), shown("P", "0 0 1")]);
    assert_eq!(list(&mut other, "normal"), [shown("N", "0 0 0")]);
    let stats = |client: &mut Client| {
        ["pubsub_channels", "pubsub_patterns", "pubsubshard_channels"]
            .map(|field| client.info("stats", field))
    };
    assert_eq!(stats(&mut other), ["2", "1", "1"]);
    // Whoever listens may be silent for longer than others.
    let mut idle = server.connect();
    idle.run("PING");
    await_until("the idle client is closed", || {
        other.run("PING");
        list(&mut other, "normal").len() == 1
    });
    assert_eq!(list(&mut other, "pubsub").len(), 2);
    listen(&mut subscriber, "UNSUBSCRIBE a");
    assert_eq!(other.run("CLIENT KILL TYPE pubsub").integer(), 2);
    await_until("they are gone", || stats(&mut other) == ["0", "0", "0"]);
}

#[test]
fn subscribers_move_between_workers_and_miss_nothing() {
    const BATCH: usize = 50;
    let server = Server::start(&["--io-threads", "2"]);
    let mut publisher = server.connect();
    for (key, letter) in [("one", "a"), ("two", "b")] {
        publisher.call(&["SET", key, &letter.repeat(600)]);
    }
    // Clients are spread evenly, so every second one of these is at one worker; the rest leaves.
    let mut subscribers: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for subscriber in &mut subscribers {
        subscriber.run("HELLO 3");
        listen(subscriber, "SUBSCRIBE channel");
    }
    let mut subscribers: Vec<_> = subscribers.into_iter().step_by(2).collect();
    let mut told = 0;
    let mut heard = vec![0; subscribers.len()];
    await_until("clients have moved", || {
        for subscriber in &mut subscribers {
            // Work that takes the worker's time, and next to none of this thread's.
            (0..BATCH).for_each(|_| subscriber.send_command(&["LCS", "one", "two", "LEN"]));
        }
        for _ in 0..BATCH {
            publisher.send_command(&["PUBLISH", "channel", &told.to_string()]);
            told += 1;
        }
        (0..BATCH).for_each(|_| assert!(publisher.read().0.integer() >= 4));
        for (subscriber, heard) in subscribers.iter_mut().zip(&mut heard) {
            let mut answered = 0;
            while answered < BATCH || *heard < told {
                match subscriber.read().0 {
                    Value::Push(message) => {
                        assert_eq!(message[2].text(), heard.to_string());
                        *heard += 1;
                    }
                    other => {
                        assert_eq!(other, Value::Integer(0));
                        answered += 1;
                    }
                }
            }
        }
        publisher.info("stats", "backlogd_clients_moved") != "0"
    });
    assert_eq!(publish(&mut publisher, "channel", "end"), 4);
    for subscriber in &mut subscribers {
        assert_eq!(next(subscriber), "message channel end");
    }
}
