use crate::command::table;
use crate::command::testing::Bench;

#[test]
fn info_describes_a_command_in_ten_fields() {
    assert_eq!(
        Bench::resp3().reply("command info MSET nosuch"),
        "*2 *10 $4 mset :-3 ~2 +write +denyoom :1 :-1 :2 ~3 +@write +@string +@slow ~2 \
         $26 request_policy:multi_shard $29 response_policy:all_succeeded ~1 %3 $5 flags ~2 +OW \
         +update $12 begin_search %2 $4 type $5 index $4 spec %1 $5 index :1 $9 find_keys %2 \
         $4 type $5 range $4 spec %3 $7 lastkey :-1 $7 keystep :2 $5 limit :0 ~0 _"
    );
    assert_eq!(
        Bench::new().reply("command info config|GET config| config|nosuch"),
        "*3 *10 $10 config|get :-3 *4 +admin +noscript +loading +stale :0 :0 :0 *3 +@admin \
         +@slow +@dangerous *0 *0 *0 $-1 $-1"
    );
}

#[test]
fn a_container_shows_its_subcommands() {
    let reply = Bench::new().reply("command info config");
    assert!(reply.starts_with("*1 *10 $6 config :-2 *0 :0 :0 :0 *1 +@slow *0 *0 *5 *10 "));
}

#[test]
fn commands_are_counted_without_their_subcommands() {
    let mut bench = Bench::new();
    let count = table::all().iter().filter(|row| !row.name.contains('|')).count();
    assert_eq!(bench.reply("command count"), format!(":{count}"));
    assert!(bench.reply("command").starts_with(&format!("*{count} *10 ")));
    let rows = table::all().len();
    assert!(bench.reply("command list").starts_with(&format!("*{rows} $6 append ")));
    assert!(bench.reply("command docs").starts_with(&format!("*{} $6 append ", 2 * count)));
}

#[test]
fn docs_are_maps_of_what_there_is() {
    let mut bench = Bench::resp3();
    let getset = bench.reply("command docs getset nosuch");
    assert!(getset.starts_with("%1 $6 getset %8 $7 summary "), "{getset}");
    assert!(
        getset.contains(
            "$9 doc_flags ~1 +deprecated $16 deprecated_since $5 6.2.0 $11 replaced_by \
             $30 `SET` with the `!GET` argument $9 arguments *2 %3 $4 name $3 key $4 type $3 key \
             $14 key_spec_index :0 %2 $4 name $5 value $4 type $6 string"
        ),
        "{getset}"
    );
    let debug = bench.reply("command docs debug");
    assert!(debug.ends_with(" $9 doc_flags ~1 +syscmd"), "{debug}");
    let config = bench.reply("command docs config|get");
    assert!(config.starts_with("%1 $10 config|get %6 "), "{config}");
    assert!(config.contains("$7 history ~1 *2 $5 7.0.0 "), "{config}");
    assert!(config.contains("$4 type $5 block $5 flags ~1 +multiple $9 arguments *1 "), "{config}");
}

#[test]
fn names_can_be_filtered() {
    let mut bench = Bench::new();
    for (filter, reply) in [
        ("aclcat TRANSACTION", "*5 $7 discard $4 exec $5 multi $7 unwatch $5 watch"),
        ("aclcat nosuch", "*0"),
        ("module x", "*0"),
        ("pattern CONFIG|R*", "*2 $16 config|resetstat $14 config|rewrite"),
        ("pattern h?et", "*2 $4 hget $4 hset"),
        ("x y", "-ERR syntax error"),
        ("module x y", "-ERR syntax error"),
    ] {
        assert_eq!(bench.reply(&format!("command list filterby {filter}")), reply, "{filter}");
    }
    assert_eq!(bench.reply("command list x"), "-ERR syntax error");
}

#[test]
fn keys_are_found_in_a_whole_command() {
    let mut bench = Bench::new();
    for (words, reply) in [
        ("get a", "*1 $1 a"),
        ("mset a b c", "*2 $1 a $1 c"),
        ("MGET a b c", "*3 $1 a $1 b $1 c"),
        ("copy a b", "*2 $1 a $1 b"),
        ("memory usage k", "*1 $1 k"),
        ("object ENCODING k", "*1 $1 k"),
        ("nosuch a", "-ERR Invalid command specified"),
        ("config nos x", "-ERR Invalid command specified"),
        ("config get x", "-ERR The command has no key arguments"),
        ("ping a b c", "-ERR The command has no key arguments"),
        ("get", "-ERR Invalid number of arguments specified for command"),
        ("ping", "-ERR The command has no key arguments"),
        ("object", "-ERR The command has no key arguments"),
        ("nosuch", "-ERR Invalid command specified"),
        ("mset a", "-ERR Invalid number of arguments specified for command"),
        ("get a b", "-ERR Invalid number of arguments specified for command"),
    ] {
        assert_eq!(bench.reply(&format!("command getkeys {words}")), reply, "{words}");
    }
}

#[test]
fn flags_of_keys_follow_the_words() {
    let mut bench = Bench::resp3();
    for (words, reply) in [
        ("set a b", "*1 *2 $1 a ~2 +OW +update"),
        ("set a b ex 1 GET", "*1 *2 $1 a ~3 +RW +access +update"),
        ("mset a b c d", "*2 *2 $1 a ~2 +OW +update *2 $1 c ~2 +OW +update"),
        ("copy a b", "*2 *2 $1 a ~2 +RO +access *2 $1 b ~2 +OW +update"),
    ] {
        let words = format!("command getkeysandflags {words}");
        assert_eq!(bench.reply(&words), reply, "{words}");
    }
}

#[test]
fn what_there_is_none_of_says_so() {
    let mut bench = Bench::new();
    assert_eq!(bench.reply("acl whoami"), "$7 default");
    assert_eq!(bench.reply("module list"), "*0");
    let fault = "-ERR This instance has cluster support disabled";
    assert_eq!(bench.reply("cluster info"), fault);
    let time = bench.reply("time");
    assert!(time.starts_with("*2 $10 "), "{time}");
}
