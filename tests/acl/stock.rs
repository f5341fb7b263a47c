//! Conversations of a few clients, whose every byte is that of a stock server.

use super::support::{Client, Endpoint, Server, Stock, Value, await_until};

/// What stands in the place of what differs from one run to the next.
const FIELDS_OF_AN_ENTRY: [&str; 6] =
    ["count", "reason", "context", "object", "username", "entry-id"];

/// Returns an oracle of 7.2 or later: before that, what was denied is told in other words.
fn oracle() -> Option<Stock> {
    let oracle = Stock::oracle(&[]);
    let is_new = oracle.version() >= (7, 2);
    is_new.then_some(oracle)
}

/// Goes through steps such as `1: GET k`, in order; returns the bytes of each answer.
///
/// What ends in ` ...` has its client wait, and is answered at the end.
fn hold(server: &impl Endpoint, steps: &[&str]) -> Vec<String> {
    let mut clients: Vec<Client> = Vec::new();
    let (mut told, mut waiting) = (Vec::new(), Vec::new());
    for step in steps {
        let (number, line) = step.split_once(": ").expect("a step has a client");
        let number: usize = number.parse().expect("clients are numbered");
        while clients.len() <= number {
            clients.push(server.connect());
        }
        let word = |word| if word == "''" { "" } else { word };
        if let Some(line) = line.strip_suffix(" ...") {
            let mut observer = server.connect();
            clients[number].send_command(&line.split(' ').collect::<Vec<_>>());
            await_until("the client waits", || observer.info("clients", "blocked_clients") == "1");
            waiting.push(number);
            continue;
        }
        clients[number].send_command(&line.split(' ').map(word).collect::<Vec<_>>());
        told.push(format!("{step} => {}", clients[number].read().1.escape_ascii()));
    }
    for number in waiting {
        told.push(format!("{number} => {}", clients[number].read().1.escape_ascii()));
    }
    told
}

/// Has the conversation with both servers, where stock is new enough, and checks ours for `expected`.
#[track_caller]
fn same_as_stock(steps: &[&str], expected: &[&str]) {
    let ours = hold(&Server::start(&[]), steps);
    let all = ours.join("\n");
    for text in expected {
        assert!(all.contains(text), "{text} is not in\n{all}");
    }
    if let Some(stock) = oracle() {
        assert_eq!(ours, hold(&stock, steps));
    }
}

#[test]
fn a_user_may_run_what_its_rules_allow() {
    same_as_stock(
        &[
            "0: ACL SETUSER u on nopass ~a* %R~r* &ch* +@all -get -acl +acl|whoami",
            "1: AUTH u x",
            "1: ACL WHOAMI",
            "1: GET a",
            "1: SET b 1",
            "1: SET a1 1",
            "1: STRLEN r1",
            "1: SET r1 1",
            "1: PUBLISH x 1",
            "1: PUBLISH ch 1",
            "1: ACL LIST",
            "1: NOSUCH",
            "1: SORT a1 BY x* GET #",
            "1: SORT a1 GET #",
            "1: SORT_RO a1 BY nosort GET b*",
            "1: SORT a1 STORE b",
            "0: ACL SETUSER u (%R~* +sort)",
            "1: SORT nokey BY x* GET #",
        ],
        &[
            "-NOPERM User u has no permissions to run the \\'get\\' command",
            "-NOPERM No permissions to access a key",
            "-NOPERM No permissions to access a channel",
            "-ERR BY option of SORT denied due to insufficient ACL permissions.",
        ],
    );
}

#[test]
fn a_transaction_is_looked_at_as_it_is_queued_and_as_it_runs() {
    same_as_stock(
        &[
            "0: ACL SETUSER u on nopass ~a* &ch* +@all",
            "1: AUTH u x",
            "1: MULTI",
            "1: SET a 1",
            "1: SET b 1",
            "1: EXEC",
            "1: MULTI",
            "1: SET a 1",
            "1: GETDEL a",
            "1: PUBLISH ch 1",
            "1: SET ab 1",
            "0: ACL SETUSER u -getdel resetkeys ~ab resetchannels",
            "1: EXEC",
            "0: ACL SETUSER u -exec",
            "1: MULTI",
            "1: EXEC",
            "0: ACL SETUSER u +exec",
            "1: MULTI",
            "1: GET ab",
            "1: ACL SETUSER u -get",
            "1: GET ab",
            "1: EXEC",
        ],
        &["the following reason: no permission to touch the specified keys\\r\\n"],
    );
}

#[test]
fn scripts_may_do_what_their_caller_may() {
    same_as_stock(
        &[
            "0: ACL SETUSER u on nopass ~ab &n* +@all -get",
            "1: AUTH u x",
            "1: EVAL return(redis.call('get','ab')) 0",
            "1: EVAL return(redis.pcall('set','zz','1')) 0",
            "1: EVAL return(redis.pcall('publish','zz','1')) 0",
            "1: EVAL return(redis.pcall('set','ab','1')) 0",
            "1: EVAL return(redis.acl_check_cmd('set','ab','1')) 0",
            "1: EVAL return(redis.acl_check_cmd('set','b','1')) 0",
            "1: EVAL return(redis.acl_check_cmd('get','ab')) 0",
            "1: EVAL return(redis.acl_check_cmd('nosuch')) 0",
            "1: EVAL return(redis.acl_check_cmd('config','nosuch')) 0",
            "1: EVAL return(redis.acl_check_cmd('eval','x','9223372036854775807','b')) 0",
            "1: EVAL return(redis.pcall('sort','k','by','x*')) 1 ab",
            "1: EVAL return(redis.pcall('sort','ab','by','x*')) 1 ab",
            "1: EVAL return(redis.pcall('sort','ab','by','nosort')) 1 ab",
            "1: EVAL return(1) 1 b",
        ],
        &["-ERR ACL failure in script: User u has no permissions to run the \\'get\\' command"],
    );
}

/// Commands that lack words, of which stock looks at none but those that are there.
const SHORT: &str = "get|mget|set a1|set b|set b 1 get|mset a1|mset a1 1 b|ping|ping a b|echo|eval|\
     eval x|eval x 5 a1|xread|xread streams|xread streams a1|xread count 1|\
     xread streams a1 b 0 0|config|config get|config set|config nosuch|nosuch|publish|\
     publish x|subscribe|sort a1 by|object|object encoding b|bitop and|\
     zunionstore a1 2 b|fcall f 1|";
/// Those of which it looks at the key that is not there: at what an earlier call has left, if any.
const SHORTEST: &str = "set|sort|bitfield|migrate|set b 1|set|sort|bitfield|migrate";

#[test]
fn scripts_may_ask_about_commands_that_lack_words() {
    let rules = "0: ACL SETUSER u on nopass ~a* &ch* +@all -mget -config +config|get";
    let ask = |client: usize, words: &str| {
        let words = words.replace(' ', "','");
        format!("{client}: EVAL return(redis.acl_check_cmd('{words}')) 0")
    };
    let steps = |lists: [(usize, &str); 2]| {
        let mut steps = vec![rules.to_owned(), "1: AUTH u x".to_owned()];
        for (client, list) in lists {
            steps.extend(list.split('|').map(|words| ask(client, words)));
        }
        steps
    };
    let both = steps([(0, SHORT), (1, SHORT)]);
    let expected = [
        "1: EVAL return(redis.acl_check_cmd('get')) 0 => :1\\r\\n",
        "1: EVAL return(redis.acl_check_cmd('mget')) 0 => $-1\\r\\n",
        "1: EVAL return(redis.acl_check_cmd('set','a1')) 0 => :1\\r\\n",
        "1: EVAL return(redis.acl_check_cmd('set','b')) 0 => $-1\\r\\n",
        "1: EVAL return(redis.acl_check_cmd('config')) 0 => $-1\\r\\n",
        "1: EVAL return(redis.acl_check_cmd('config','get')) 0 => :1\\r\\n",
    ];
    same_as_stock(&both.iter().map(String::as_str).collect::<Vec<_>>(), &expected);
    let own = steps([(0, SHORTEST), (1, SHORTEST)]);
    let told = hold(&Server::start(&[]), &own.iter().map(String::as_str).collect::<Vec<_>>());
    let denied: Vec<_> = told.iter().filter(|line| line.ends_with("=> $-1\\r\\n")).collect();
    assert_eq!(denied, ["1: EVAL return(redis.acl_check_cmd('set','b','1')) 0 => $-1\\r\\n"]);
}

#[test]
fn who_is_not_logged_in_may_do_nothing_else() {
    same_as_stock(
        &[
            "0: CONFIG SET requirepass foo",
            "0: PING",
            "1: GET k",
            "1: AUTH bar",
            "1: AUTH default foo",
            "1: GET k",
            "0: ACL SETUSER u on >pw +@all ~*",
            "0: ACL SETUSER default off",
            "2: AUTH foo",
            "2: GET k",
            "2: HELLO 3",
            "2: AUTH u pw",
            "2: GET k",
            "2: RESET",
            "2: GET k",
            "0: ACL SETUSER default on nopass",
            "2: GET k",
            "2: ACL WHOAMI",
            "2: CONFIG GET requirepass",
            "2: AUTH foo",
            "0: CLIENT KILL USER nosuch",
            "0: CONFIG SET requirepass ''",
            "0: ACL GETUSER default",
        ],
        &["-NOAUTH Authentication required."],
    );
}

#[test]
fn a_client_that_waits_is_looked_at_again() {
    same_as_stock(
        &[
            "0: ACL SETUSER u on nopass ~* +@all",
            "1: AUTH u x",
            "1: BLPOP k 0 ...",
            "0: ACL SETUSER u -blpop",
            "0: RPUSH k v",
            "0: LLEN k",
        ],
        &["-NOPERM User u has no permissions to run the \\'blpop\\' command"],
    );
}

fn end_of_connections(server: &impl Endpoint) {
    let mut admin = server.connect();
    let client = |line: &str| {
        let mut client = server.connect();
        assert!(!client.run("AUTH s x").is_error());
        client.run(line);
        client
    };
    let ends = |mut client: Client| assert_eq!(client.read_to_close(), b"");
    assert_eq!(admin.run("ACL SETUSER s on nopass ~* +@all resetchannels &ch* &p*").text(), "OK");
    let channel = client("SUBSCRIBE ch1");
    let pattern = client("PSUBSCRIBE p*");
    let mut shard = client("SSUBSCRIBE ch2");
    let mut neither = client("PING");
    admin.run("ACL SETUSER s &x");
    assert_eq!(admin.run("PUBSUB NUMPAT").integer(), 1, "more may be heard, and nobody ends");
    admin.run("ACL SETUSER s resetchannels &ch2 &x");
    ends(channel);
    ends(pattern);
    assert_eq!(shard.run("PING").elements().len(), 2);
    assert_eq!(neither.run("PING").text(), "PONG");
    assert_eq!(admin.run("ACL DELUSER s nobody").integer(), 1);
    ends(shard);
    ends(neither);
    admin.run("ACL SETUSER s on nopass allkeys +@all");
    let mut own = client("PING");
    assert_eq!(own.run("ACL DELUSER s").integer(), 1);
    ends(own);
}

#[test]
fn connections_end_with_their_user_or_its_right_to_hear() {
    end_of_connections(&Server::start(&[]));
    end_of_connections(&Stock::oracle(&[]));
}

#[test]
fn a_first_argument_may_be_all_that_is_allowed() {
    same_as_stock(
        &[
            "0: ACL SETUSER f on nopass +select|0 +get|X +multi +exec +ping ~*",
            "1: AUTH f y",
            "1: SELECT 0",
            "1: SELECT 1",
            "1: GET x",
            "1: GET y",
            "1: MULTI",
            "1: AUTH f y",
            "1: AUTH nobody y",
            "1: AUTH default y",
            "1: DBSIZE",
            "1: EXEC",
            "1: SELECT 1",
        ],
        &["-NOPERM User f has no permissions to run the \\'select\\' command"],
    );
}

#[test]
fn what_makes_no_sense_is_refused_in_the_words_of_stock() {
    same_as_stock(
        &[
            "0: ACL GENPASS 0",
            "0: ACL GENPASS x",
            "0: ACL GENPASS 4097",
            "0: ACL GENPASS 1 2",
            "0: ACL CAT",
            "0: ACL CAT x y",
            "0: ACL CAT nope",
            "0: ACL LOG x",
            "0: ACL LOG -1",
            "0: ACL LOG 1 2",
            "0: ACL DRYRUN u",
            "0: ACL DRYRUN default nope x",
            "0: ACL DRYRUN default get",
            "0: ACL DRYRUN nobody get x",
            "0: ACL DRYRUN default config nope",
            "0: ACL LOAD",
            "0: ACL SAVE",
            "0: ACL GETUSER nobody",
            "0: ACL SETUSER x (a",
            "0: ACL SETUSER x +nope",
            "0: ACL DELUSER default",
            "0: ACL NOPE",
            "0: ACL USERS",
        ],
        &["-ERR This Redis instance is not configured to use an ACL file."],
    );
}

/// Reads the entries of `ACL LOG` as far as they do not differ from one run to the next.
fn entries(client: &mut Client) -> Vec<Vec<String>> {
    let told = client.run("ACL LOG 100");
    let fields = |entry: &Value| -> Vec<String> {
        let words = entry.elements().chunks(2);
        let told = words.filter(|pair| FIELDS_OF_AN_ENTRY.contains(&pair[0].text().as_str()));
        told.map(|pair| match &pair[1] {
            Value::Integer(number) => number.to_string(),
            other => other.text(),
        })
        .collect()
    };
    told.elements().iter().map(fields).collect()
}

fn denials(server: &impl Endpoint) -> (Vec<Vec<String>>, Vec<String>) {
    let mut client = server.connect();
    client.run("ACL SETUSER u on >pw ~a +@all -get resetchannels");
    let mut bound = server.connect();
    bound.run("AUTH u wrong");
    bound.run("AUTH u pw");
    for line in [
        "GET a",
        "GET a",
        "SET b 1",
        "PUBLISH c x",
        "AUTH nobody x",
        "MULTI",
        "SET b 1",
        "GET a",
        "EXEC",
        "SUBSCRIBE c",
        "PSUBSCRIBE c*",
        "GET a",
        "CONFIG NOPE",
        "MGET a",
    ] {
        bound.run(line);
    }
    bound.call(&["EVAL", "redis.pcall('get', 'a') redis.pcall('set', 'b', 1)", "0"]);
    let counts = ["auth", "cmd", "key", "channel"];
    let mut client = server.connect();
    let count = |what: &&str| client.info("stats", &format!("acl_access_denied_{what}"));
    let counts = counts.iter().map(count).collect();
    (entries(&mut server.connect()), counts)
}

#[test]
fn what_was_denied_is_noted_and_counted() {
    let server = Server::start(&[]);
    let (ours, counts) = denials(&server);
    assert_eq!(counts, ["2", "5", "3", "3"]);
    assert_eq!(ours.len(), 10, "{ours:?}");
    if let Some(stock) = oracle() {
        assert_eq!((ours, counts), denials(&stock));
    }
    let mut client = server.connect();
    assert_eq!(client.run("ACL LOG 2").elements().len(), 2);
    assert_eq!(client.run("ACL LOG RESET").text(), "OK");
    assert!(client.run("ACL LOG").elements().is_empty());
    client.run("CONFIG SET acllog-max-len 1");
    client.run("AUTH a x");
    client.run("AUTH b x");
    let kept = entries(&mut client);
    assert_eq!((kept.len(), kept[0][4].as_str()), (1, "b"));
}

#[test]
fn categories_hold_the_commands_that_they_hold_in_stock() {
    let (server, stock) = (Server::start(&[]), Stock::oracle(&[]));
    let (mut ours, mut theirs) = (server.connect(), stock.connect());
    let list = |client: &mut Client, line: &str| -> Vec<String> {
        let mut words: Vec<_> = client.run(line).elements().iter().map(Value::text).collect();
        words.sort();
        words
    };
    let categories = list(&mut ours, "ACL CAT");
    assert_eq!(categories, list(&mut theirs, "ACL CAT"));
    let known = list(&mut theirs, "COMMAND LIST FILTERBY PATTERN *");
    let own = list(&mut ours, "COMMAND LIST FILTERBY PATTERN *");
    for category in categories {
        let line = format!("ACL CAT {category}");
        let both = |mut names: Vec<String>| {
            names.retain(|name| known.contains(name) && own.contains(name));
            names
        };
        assert_eq!(both(list(&mut ours, &line)), both(list(&mut theirs, &line)), "{category}");
    }
}
