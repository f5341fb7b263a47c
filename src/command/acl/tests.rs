use proptest::prelude::*;

use super::{Denied, FileFaults, NewChannels, User, Users, read_file, read_lines};
use crate::command::table;
use crate::command::testing::{Bench, NOW_MS, session_of};
use crate::command::{Fault, Flow};
use crate::net::OwnedArgs;

/// Makes a user of rules between which stand two blanks.
fn user(rules: &str) -> User {
    let mut user = User::new(1, b"u", NewChannels::None);
    for rule in rules.split("  ") {
        user.follow(rule.as_bytes(), NewChannels::None).unwrap_or_else(|e| panic!("{rule}: {e}"));
    }
    user
}

fn line(rules: &str) -> String {
    let line = String::from_utf8(user(rules).line()).unwrap();
    line.strip_prefix("user u ").unwrap().to_owned()
}

fn fault(rule: &str) -> String {
    let mut user = User::new(1, b"u", NewChannels::None);
    let before = user.line();
    let fault = user.follow(rule.as_bytes(), NewChannels::None).unwrap_err();
    assert_eq!(user.line(), before, "{rule}");
    fault.to_string()
}

fn denied(user: &User, words: &str) -> Option<Denied> {
    let words = OwnedArgs::from_words(words.split(' ').collect::<Vec<_>>());
    let command = table::find(&words.as_args()).expect("it is a command");
    user.check(command, &words.as_args()).err()
}

#[test]
fn a_user_is_shown_by_the_rules_that_make_it() {
    for (rules, shown) in [
        ("on  nopass", "on nopass sanitize-payload resetchannels -@all"),
        ("~a  %R~a  %W~b  &c", "off sanitize-payload ~a %W~b resetchannels &c -@all"),
        ("allkeys  allchannels  +@all", "off sanitize-payload ~* &* +@all"),
        (
            "skip-sanitize-payload  +@ALL  -GET  +get  -@Read  +config|GET",
            "off skip-sanitize-payload resetchannels +@all +get -@read +config|get",
        ),
        ("+config|get  +config|set  +config", "off sanitize-payload resetchannels -@all +config"),
        ("+get  +getdel  -get", "off sanitize-payload resetchannels -@all +getdel -get"),
        (
            "+select|0  +cluster|slots",
            "off sanitize-payload resetchannels -@all +select|0 +cluster|slots",
        ),
        (
            "(~a +get)  +set  ()",
            "off sanitize-payload resetchannels -@all +set (~a resetchannels -@all +get) (resetchannels -@all)",
        ),
        ("(~a)  clearselectors", "off sanitize-payload resetchannels -@all"),
        ("on  >x  +@all  (~a)  reset", "off sanitize-payload resetchannels -@all"),
    ] {
        assert_eq!(line(rules), shown, "{rules}");
    }
}

#[test]
fn what_is_no_rule_says_why_and_changes_nothing() {
    for rule in ["+nosuch", "-nosuch", "+@nosuch", "+get|", "-get|x", "+", "+config|nosuch", "(+x)"]
    {
        assert!(!fault(rule).is_empty(), "{rule}");
    }
    assert_eq!(fault("+get|"), "Syntax error");
    assert_eq!(fault("+get|a b"), "Syntax error");
    assert_eq!(fault("~a b"), "Syntax error");
    assert_eq!(fault("+config|get|x"), "Allowing first-arg of a subcommand is not supported");
    assert!(fault("<x").starts_with("The password you are trying to remove"));
    assert!(fault("#AB").starts_with("The password hash must be exactly 64"));
    let mut open = user("allkeys  allchannels");
    let mut follow = |rule: &str| open.follow(rule.as_bytes(), NewChannels::None).unwrap_err();
    assert!(follow("~a").to_string().contains("'allkeys' flag"));
    assert!(follow("&a").to_string().contains("'allchannels' flag"));
}

/// Stock servers up to 7.2.6 take a permission that allows nothing, and panic when they show it.
#[test]
fn a_pattern_that_allows_nothing_is_no_rule_even_within_parentheses() {
    for rule in ["%~a", "%", "%~", "(%~a)", "(+get %~a)", "%X~a", "%RR~a", "%~~"] {
        assert_eq!(fault(rule), "Syntax error", "{rule}");
    }
    // No error of stock's, and read without looking past its end.
    for rule in ["(", ")", "((", "(~a", "~a)", "(\0)"] {
        let mut user = User::new(1, b"u", NewChannels::None);
        let _ = user.follow(rule.as_bytes(), NewChannels::None);
        assert!(user.line().starts_with(b"user u off"), "{rule}");
    }
}

#[test]
fn a_key_must_match_a_pattern_that_allows_what_is_done_with_it() {
    let user = user("+@all  %R~r*  %W~w*  ~b*  %RW~x");
    for (words, expected) in [
        ("get r1", None),
        ("get w1", Some(Denied::Key(1))),
        ("get b1", None),
        ("set w1 1", None),
        ("set w1 1 get", Some(Denied::Key(1))),
        ("set r1 1", Some(Denied::Key(1))),
        ("copy r1 w1", None),
        ("copy w1 r1", Some(Denied::Key(1))),
        ("copy r1 r2", Some(Denied::Key(2))),
        ("exists w1 r1 b1", None),
        ("exists w1 r1 c1", Some(Denied::Key(3))),
        ("bitfield r1 get u8 0", None),
        ("bitfield r1 set u8 0 1", Some(Denied::Key(1))),
        ("bitfield x set u8 0 1", None),
        ("eval x 1 r1", Some(Denied::Key(3))),
        ("eval x 0 c", None),
        ("eval_ro x 1 r1", None),
        ("migrate h 1  0 1 keys b1 b2", None),
        ("migrate h 1  0 1 keys b1 c2", Some(Denied::Key(8))),
        ("spublish c x", Some(Denied::Channel(1))),
    ] {
        assert_eq!(denied(&user, words), expected, "{words}");
    }
}

/// CVE-2023-41053: of `SORT_RO` the key was not looked at. Nor may a key hide behind an option.
#[test]
fn every_key_of_sort_is_looked_at() {
    let user = user("+@all  ~own*");
    for (words, expected) in [
        ("sort_ro own", None),
        ("sort_ro other", Some(Denied::Key(1))),
        ("sort other", Some(Denied::Key(1))),
        ("sort own store own2", None),
        ("sort own store other", Some(Denied::Key(3))),
        ("sort own alpha STORE other desc", Some(Denied::Key(4))),
        ("sort own store own2 store other", Some(Denied::Key(5))),
        // What is stored goes to the last one, whatever the first is called.
        ("sort own store own2 get store store other", Some(Denied::Key(7))),
        ("sort own limit store 1 store other", Some(Denied::Key(6))),
    ] {
        assert_eq!(denied(&user, words), expected, "{words}");
    }
    let hidden = self::user("+@all  ~own*  ~get");
    assert_eq!(denied(&hidden, "sort own store get store other"), Some(Denied::Key(5)));
}

#[test]
fn one_selector_has_to_cover_all_of_a_command() {
    let user = user("+get  ~a*  (+set ~b* &c*)  (+@pubsub &d* resetkeys)");
    for (words, expected) in [
        ("get a", None),
        ("set b 1", None),
        ("get b", Some(Denied::Key(1))),
        ("set a 1", Some(Denied::Key(1))),
        ("del a", Some(Denied::Command)),
        ("publish d x", None),
        ("publish c x", Some(Denied::Channel(1))),
        ("psubscribe d* d?", Some(Denied::Channel(2))),
        ("subscribe d1 d2", None),
        ("ping", Some(Denied::Command)),
        ("auth x", None),
    ] {
        assert_eq!(denied(&user, words), expected, "{words}");
    }
}

#[test]
fn a_first_argument_may_be_allowed_until_the_command_is_denied() {
    let allowed = user("+select|0  +get|Key");
    assert_eq!(denied(&allowed, "select 0"), None);
    assert_eq!(denied(&allowed, "select 1"), Some(Denied::Command));
    assert_eq!(denied(&allowed, "select"), Some(Denied::Command));
    let again = user("+select|0  -select");
    assert_eq!(denied(&again, "select 0"), Some(Denied::Command));
    let container = user("+config  -config|set");
    assert_eq!(denied(&container, "config get x"), None);
    assert_eq!(denied(&container, "config set x y"), Some(Denied::Command));
}

#[test]
fn words_of_any_number_are_looked_at_without_harm() {
    let user = user("+@all  ~a  (+@all ~b)");
    for words in [
        "set",
        "eval x 9223372036854775807 k",
        "eval x -9223372036854775808 k",
        "zunionstore a 18446744073709551617 b",
        "xread streams",
        "migrate h 1",
        "sort k store",
        "lmpop 0",
        "sort",
    ] {
        let words = OwnedArgs::from_words(words.split(' ').collect::<Vec<_>>());
        let args = words.as_args();
        let _ = user.check(table::find(&args).unwrap(), &args);
    }
}

#[test]
fn whoever_may_do_everything_is_known_by_it() {
    assert!(user("+@all  ~*  &*").is_unbound());
    assert!(user("(+@all ~* &*)").is_unbound());
    assert!(user("+@all  -get  +get  ~*  &*").is_unbound());
    for rules in ["+@all  ~*", "+@all  -get  ~*  &*", "+@all  %R~*  &*", "~*  &*  (+@all)"] {
        assert!(!user(rules).is_unbound(), "{rules}");
    }
}

#[test]
fn every_line_of_a_file_that_is_wrong_is_told() {
    let users = Users::default();
    let read = |text: &str| read_file(text.as_bytes(), "f", &users);
    let text = "\nuser a on >x  (~a  +get) \n\t\r\nuser b +@all\n";
    let names: Vec<_> = read(text).unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(names, [b"a", b"b"]);
    let told = |text: &str| read(text).unwrap_err().to_string();
    let end = "WARNING: ACL errors detected, no change to the previously active ACL rules was \
               performed";
    for (text, faults) in [
        ("x", "f:1 should start with user keyword followed by the username. "),
        ("user a\nuser a", "WARNING: Duplicate user 'a' found on line 2. "),
        (
            "user a +x >p",
            "f:1: Error in applying operation '+x': Unknown command or category name in ACL. ",
        ),
        ("user a foo bar", "f:1: Syntax error. "),
        ("\nuser a (+get", "f:2: Unmatched parenthesis in selector definition. "),
    ] {
        assert_eq!(told(text), format!("{faults}{end}"), "{text}");
    }
    assert!(!told("user a >secret +x (foo").contains("secret"));
}

#[test]
fn a_line_of_the_configuration_that_is_wrong_is_named_without_its_secrets() {
    let users = Users::default();
    let read = |texts: &[&str]| {
        let words = |text: &&str| text.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        read_lines(&texts.iter().map(words).collect::<Vec<_>>(), &users)
    };
    assert_eq!(read(&["a on", "b off"]).unwrap().len(), 2);
    for (lines, line, problem) in [
        (&["a on", "a on"][..], 1, "Error in user declaration 'a': Duplicate user found."),
        (&["a +x"], 0, "Error in user declaration '+x': Unknown command"),
        (&["a #secret"], 0, "Error in user declaration '#': The password hash"),
        (&["a on (+get"], 0, "Error in user declaration '(+get': Unmatched"),
    ] {
        let fault = read(lines).unwrap_err();
        assert_eq!(fault.line, line, "{lines:?}");
        assert!(fault.problem.starts_with(problem), "{}", fault.problem);
    }
}

#[test]
fn clients_of_a_user_notice_that_it_has_changed_or_is_gone() {
    let mut bench = Bench::new();
    bench.session.become_default(&bench.host.users.current());
    bench.reply("ACL SETUSER u on >pw +get ~a");
    let mut other = session_of(8);
    let users = &bench.host.users;
    let current = users.current();
    other.log_in(current.find(b"u").unwrap().clone(), &current);
    bench.host.clients.lock().push(other.info.clone());
    let words = OwnedArgs::from_words(["set", "a", "1"]);
    let set = table::lookup(b"set").unwrap();
    assert_eq!(other.check(users, set, &words.as_args()), Err(Denied::Command));
    bench.reply("ACL SETUSER u +set");
    let users = &bench.host.users;
    assert_eq!(other.notice_users(users), Ok(()));
    assert_eq!(other.check(users, set, &words.as_args()), Ok(()));
    assert!(!other.login.is_unbound(users.version()));
    assert!(bench.session.check(users, set, &words.as_args()).is_ok());
    // Another one of the same name is not it.
    assert_eq!(bench.reply("ACL DELUSER u x"), ":1");
    bench.reply("ACL SETUSER u on >pw +@all ~*");
    let gone = Fault::fixed("NOAUTH Authentication required.");
    assert_eq!(other.notice_users(&bench.host.users), Err(gone));
}

#[test]
fn a_client_that_deletes_its_own_user_reads_its_answer_and_goes() {
    let mut bench = Bench::new();
    bench.reply("ACL SETUSER u on nopass +@all");
    assert_eq!(bench.reply("AUTH u x"), "+OK");
    assert_eq!(bench.reply("ACL WHOAMI"), "$1 u");
    let outcome = bench.run("ACL DELUSER u");
    assert_eq!((outcome.text().as_str(), outcome.flow), (":1", Some(Flow::Close)));
    assert!(!bench.session.authenticated || bench.host.users.current().default_user().lets_in());
    assert_eq!(bench.reply("ACL DELUSER default"), "-ERR The 'default' user cannot be removed");
}

#[test]
fn a_file_is_loaded_whole_or_not_at_all() {
    let mut bench = Bench::new();
    bench.reply("ACL SETUSER u on");
    bench.reply("ACL SAVE");
    let saved = bench.host.acl_file.lock().clone().unwrap();
    bench.reply("ACL SETUSER v on");
    *bench.host.acl_file.lock() = Some(b"user w\nnonsense".to_vec());
    assert!(bench.reply("ACL LOAD").starts_with("-ERR users.acl:2 should start with"));
    assert_eq!(bench.reply("ACL USERS"), "*3 $7 default $1 u $1 v");
    *bench.host.acl_file.lock() = Some(saved);
    assert_eq!(bench.reply("ACL LOAD"), "+OK");
    assert_eq!(bench.reply("ACL USERS"), "*2 $7 default $1 u");
    *bench.host.acl_file.lock() = Some(Vec::new());
    assert_eq!(bench.reply("ACL LOAD"), "+OK");
    assert_eq!(
        bench.reply("ACL LIST"),
        "*1 $51 user default on nopass sanitize-payload ~* &* +@all"
    );
}

#[test]
fn who_could_not_log_in_is_noted() {
    let mut bench = Bench::new();
    bench.reply("AUTH nobody x");
    bench.now_ms += 1500;
    let told = bench.reply("ACL LOG");
    assert!(
        told.starts_with("*1 *20 $5 count :1 $6 reason $4 auth $7 context $8 toplevel"),
        "{told}"
    );
    assert!(
        told.contains("$6 object $4 AUTH $8 username $6 nobody $11 age-seconds $3 1.5"),
        "{told}"
    );
    assert!(told.ends_with(&format!(
        "$17 timestamp-created :{NOW_MS} $22 timestamp-last-updated :{NOW_MS}"
    )));
    assert_eq!(bench.reply("ACL LOG RESET"), "+OK");
    assert_eq!(bench.reply("ACL LOG 5"), "*0");
}

fn rule() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[-+@~%&<>#!()|a-zRW* ]{0,12}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
        2 => "[-+](@read|@write|@all|get|set|config|config\\|get|select\\|[0-9])".prop_map(String::into_bytes),
        1 => "\\((~[ab*]{1,2} ?|\\+get ?|&[ab*] ?){0,4}\\)".prop_map(String::into_bytes),
    ]
}

#[test]
fn a_pattern_of_all_keys_is_kept_as_the_rule_that_it_was() {
    for rules in ["%RW~*  ~", "~a  %R~*  %W~*", "+get  (%RW~* ~b +set)"] {
        let user = user(rules);
        let kept = user.kept_line();
        let read = read_file(&kept, "f", &Users::default()).unwrap();
        assert_eq!(read[0].line(), user.line(), "{rules}");
        assert_eq!(read[0].kept_line(), kept, "{rules}");
    }
    // Shown as stock shows it, though that is another rule, behind which no pattern may come.
    assert_eq!(line("%RW~*  ~a"), "off sanitize-payload ~* ~a resetchannels -@all");
}

proptest! {
    #[test]
    fn what_is_kept_makes_the_same_user_again(rules in prop::collection::vec(rule(), 0..12)) {
        let mut user = User::new(1, b"u", NewChannels::None);
        for rule in &rules {
            let before = user.line();
            if user.follow(rule, NewChannels::None).is_err() {
                prop_assert_eq!(user.line(), before);
            }
        }
        let line = user.kept_line();
        // Within parentheses a quote opens, and a parenthesis that a pattern ends with closes.
        let inner = line.splitn(2, |byte| *byte == b'(').nth(1).unwrap_or_default();
        let hides = |word: &[u8]| word.ends_with(b"))") || word.iter().any(|b| b"\"'".contains(b));
        prop_assume!(!inner.split(|byte| *byte == b' ').any(hides));
        prop_assume!(!rules.iter().any(|rule| rule.ends_with(b")") && !rule.starts_with(b"(")));
        let read: Result<Vec<User>, FileFaults> = read_file(&line, "f", &Users::default());
        let read = read.map_err(|faults| TestCaseError::fail(faults.to_string()))?;
        let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
        prop_assert_eq!(text(&read[0].kept_line()), text(&line));
    }
}
