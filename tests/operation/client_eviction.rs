//! `maxmemory-clients`: which clients are closed when all take too much, beside what stock servers do.

use crate::support::history::{await_online, number};
use crate::support::{Client, Endpoint, Server, Stock, Value, await_until};
use backlogd::net::wire::put_command;

const MIB: usize = 1 << 20;

/// Who steers the server, and stays whatever the others take.
struct Control(Client);

impl Control {
    fn of(server: &impl Endpoint) -> Self {
        let mut client = server.connect();
        assert_eq!(client.run("CLIENT NO-EVICT ON").text(), "OK");
        client.run("CLIENT SETNAME control");
        Self(client)
    }

    /// Lists the clients there are: their names, and what each takes.
    fn clients(&mut self) -> Vec<(String, usize)> {
        let list = self.0.run("CLIENT LIST").text();
        let field = |line: &str, name: &str| {
            let found = line.split(' ').find_map(|field| field.strip_prefix(name));
            found.unwrap_or_else(|| panic!("no {name} in {line}")).to_owned()
        };
        let client =
            |line: &str| (field(line, "name="), field(line, "tot-mem=").parse().expect("a number"));
        list.lines().map(client).collect()
    }

    fn names(&mut self) -> Vec<String> {
        let mut names: Vec<_> = self.clients().into_iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        names
    }

    fn memory_of(&mut self, name: &str) -> usize {
        let clients = self.clients();
        clients.iter().find(|(own, _)| own == name).map_or(0, |(_, bytes)| *bytes)
    }

    fn total(&mut self) -> usize {
        self.clients().iter().map(|(_, bytes)| bytes).sum()
    }

    fn limit(&mut self, limit: impl std::fmt::Display) {
        assert_eq!(self.0.run(&format!("CONFIG SET maxmemory-clients {limit}")).text(), "OK");
    }

    fn evicted(&mut self) -> u64 {
        number(&mut self.0, "stats", "evicted_clients")
    }

    /// Limits all to what remains without a half of what one takes, and waits until it is gone.
    fn drive_out(&mut self, name: &str) -> Vec<String> {
        let limit = self.total() - self.memory_of(name) / 2;
        self.limit(limit);
        await_until(&format!("{name} is closed"), || self.memory_of(name) == 0);
        self.names()
    }
}

fn named(server: &impl Endpoint, name: &str) -> Client {
    let mut client = server.connect();
    assert_eq!(client.call(&["CLIENT", "SETNAME", name]).text(), "OK");
    client
}

/// Has a client send all but the end of a request so long, and waits until the server has it.
fn half_sent(server: &impl Endpoint, control: &mut Control, name: &str, bytes: usize) -> Client {
    let mut client = named(server, name);
    send_half(&mut client, bytes);
    await_until("the request is there", || control.memory_of(name) >= bytes / 2);
    client
}

fn send_half(client: &mut Client, bytes: usize) {
    let mut request = Vec::new();
    put_command(&mut request, &["SET", "key", &"x".repeat(bytes)]);
    client.send(&request[..request.len() - 100]);
}

/// Closes clients one by one, and tells who was left each time.
fn largest_first(server: &impl Endpoint) -> Vec<Vec<String>> {
    let mut control = Control::of(server);
    let mut exempt = named(server, "exempt");
    exempt.run("CLIENT NO-EVICT ON");
    send_half(&mut exempt, 40 * MIB);
    await_until("the request is there", || control.memory_of("exempt") >= 20 * MIB);
    let mut small = half_sent(server, &mut control, "small", MIB / 4);
    let mut large = half_sent(server, &mut control, "large", 9 * MIB);
    let mut middle = half_sent(server, &mut control, "middle", 2 * MIB);
    let mut steps = vec![control.names()];
    for (name, client) in [("large", &mut large), ("middle", &mut middle), ("small", &mut small)] {
        steps.push(control.drive_out(name));
        assert_eq!(client.read_to_close(), b"", "{name} is told nothing");
    }
    // Whoever is exempt stays, whatever the limit.
    control.limit("1mb");
    let mut idle = server.connect();
    assert!(!(0..2).all(|_| idle.try_call(&["PING"]).is_ok()), "it goes with its second command");
    steps.push(control.names());
    exempt.send(&[b'x'; 98]);
    exempt.send(b"\r\n");
    assert_eq!(exempt.read().0.text(), "OK");
    assert_eq!(control.0.run("STRLEN key").integer() as usize, 40 * MIB);
    steps.push(vec![control.evicted().to_string()]);
    steps
}

#[test]
fn those_that_take_most_go_first_and_the_exempt_stay_as_in_stock() {
    let (ours, stock) = (Server::start(&[]), Stock::oracle(&[]));
    let expected: &[&[&str]] = &[
        &["control", "exempt", "large", "middle", "small"],
        &["control", "exempt", "middle", "small"],
        &["control", "exempt", "small"],
        &["control", "exempt"],
        &["control", "exempt"],
        &["4"],
    ];
    assert_eq!(largest_first(&stock), expected);
    assert_eq!(largest_first(&ours), expected);
}

/// Lets one client take memory in a way that `fill` has it, until it is closed for it.
fn grows_until_closed(
    server: &impl Endpoint,
    limit: usize,
    fill: impl Fn(&mut Control, &mut Client, usize) -> std::io::Result<()>,
) {
    let mut control = Control::of(server);
    let before = control.evicted();
    let mut bystander = named(server, "bystander");
    let mut greedy = named(server, "greedy");
    let total = control.total();
    control.limit(total + limit);
    let mut rounds = 0;
    while control.memory_of("greedy") > 0 {
        rounds += 1;
        assert!(rounds < 10_000, "never closed: {:?}", control.clients());
        if fill(&mut control, &mut greedy, rounds).is_err() {
            await_until("it has left", || control.memory_of("greedy") == 0);
        }
    }
    assert_eq!(bystander.run("PING").text(), "PONG");
    assert_eq!(control.evicted() - before, 1);
    control.limit(0);
}

#[test]
fn each_kind_of_memory_counts_as_in_stock() {
    let (ours, stock) = (Server::start(&[]), Stock::oracle(&[]));
    let fails = |value: Value| assert!(!value.is_error(), "{value:?}");
    // Queued commands.
    let queue = |_: &mut Control, greedy: &mut Client, round: usize| {
        if round == 1 {
            fails(greedy.try_call(&["MULTI"])?);
        }
        greedy.try_call(&["SET", "key", &"x".repeat(30_000)]).map(fails)
    };
    grows_until_closed(&stock, 3 * MIB, queue);
    grows_until_closed(&ours, 3 * MIB, queue);
    // Keys under WATCH.
    let watch = |_: &mut Control, greedy: &mut Client, round: usize| {
        let names: Vec<_> = (0..500).map(|i| format!("key:{round}:{i}")).collect();
        greedy.try_call(&[&["WATCH".to_owned()], &*names].concat()).map(fails)
    };
    grows_until_closed(&stock, MIB / 4, watch);
    grows_until_closed(&ours, MIB / 4, watch);
    // Prefixes that are tracked.
    let track = |_: &mut Control, greedy: &mut Client, round: usize| {
        if round == 1 {
            greedy.try_call(&["HELLO", "3"])?;
        }
        let mut words = vec!["CLIENT".to_owned(), "TRACKING".to_owned(), "ON".to_owned()];
        words.push("BCAST".to_owned());
        for number in 0..100 {
            words.extend(["PREFIX".to_owned(), format!("{round:04}:{number:04}")]);
        }
        greedy.try_call(&words).map(fails)
    };
    grows_until_closed(&stock, MIB / 4, track);
    grows_until_closed(&ours, MIB / 4, track);
    // Messages that are not read.
    let listen = |control: &mut Control, greedy: &mut Client, round: usize| {
        if round == 1 {
            fails(greedy.try_call(&["SUBSCRIBE", "channel"])?);
        }
        fails(control.0.call(&["PUBLISH", "channel", &"m".repeat(100_000)]));
        Ok(())
    };
    grows_until_closed(&stock, 8 * MIB, listen);
    grows_until_closed(&ours, 8 * MIB, listen);
}

#[test]
fn who_asks_for_too_much_is_closed_and_nothing_of_it_is_done() {
    for server in [&Server::start(&[]) as &dyn Asked, &Stock::oracle(&[])] {
        let mut control = server.control();
        control.limit("4mb");
        let mut client = server.named("greedy");
        let sent = client.try_call(&["SET", "key", &"x".repeat(20 * MIB)]);
        assert!(sent.is_err(), "{sent:?}");
        await_until("it has left", || control.names() == ["control"]);
        assert_eq!(control.0.run("EXISTS key").integer(), 0);
        assert_eq!(control.evicted(), 1);
    }
}

/// Servers of either kind in one list.
trait Asked {
    fn control(&self) -> Control;
    fn named(&self, name: &str) -> Client;
}

impl<E: Endpoint> Asked for E {
    fn control(&self) -> Control {
        Control::of(self)
    }

    fn named(&self, name: &str) -> Client {
        named(self, name)
    }
}

#[test]
fn the_limit_may_be_a_share_of_maxmemory_and_stand_in_the_configuration() {
    let mut server = Server::start(&["--maxmemory", "200mb", "--maxmemory-clients", "5%"]);
    let mut control = Control::of(&server);
    assert_eq!(control.0.run("CONFIG GET maxmemory-clients").elements()[1].text(), "5%");
    let mut client = half_sent(&server, &mut control, "small", 2 * MIB);
    // With more memory in all there is more for clients.
    assert_eq!(control.0.run("CONFIG SET maxmemory 4gb").text(), "OK");
    let mut large = half_sent(&server, &mut control, "large", 12 * MIB);
    assert_eq!(control.0.run("CONFIG SET maxmemory 200mb").text(), "OK");
    assert_eq!(large.read_to_close(), b"");
    await_until("it has left", || control.names() == ["control", "small"]);
    // Without maxmemory there is nothing to have a share of.
    assert_eq!(control.0.run("CONFIG SET maxmemory 0").text(), "OK");
    let mut large = half_sent(&server, &mut control, "large", 40 * MIB);
    assert_eq!(control.evicted(), 1);
    control.limit("1mb");
    assert_eq!((large.read_to_close(), client.read_to_close()), (vec![], vec![]));
    assert_eq!(control.evicted(), 3);
    let said = server.await_line("evicting a client, as all take too much");
    assert!(said.contains("name=large"), "{said}");
}

#[test]
fn replicas_stay_and_are_told_nothing_of_it() {
    let server = Server::start(&["--maxmemory-clients", "1mb"]);
    let twin = Server::start(&[]);
    twin.connect().call(&["REPLICAOF", "127.0.0.1", &server.address().port().to_string()]);
    await_online(&server, 1);
    let mut control = Control::of(&server);
    let mut client = server.connect();
    let sent = client.try_call(&["SET", "key", &"x".repeat(20 * MIB)]);
    assert!(sent.is_err(), "{sent:?}");
    await_until("it has left", || control.evicted() == 1);
    assert_eq!(control.0.run("SET other value").text(), "OK");
    let mut replica = twin.connect();
    await_until("the replica goes on", || replica.run("EXISTS other").integer() == 1);
    assert_eq!(number(&mut control.0, "stats", "sync_full"), 1);
}
