//! `DEBUG HTSTATS` and its kin: how keys and elements are kept.

use crate::command::{Call, Fault, Flow};
use crate::keyspace::Value;
use crate::number::parse_i64_strict;

/// `DEBUG HTSTATS database [FULL]`: how many keys there are, and how many of them expire.
///
/// Tables here are made of partitions without empty places and without chains.
pub(super) fn of_database(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let number = parse_i64_strict(call.args.word(2)).ok_or(Fault::NOT_AN_INTEGER)?;
    let keyspace = call.data.keyspace;
    let database = usize::try_from(number).ok().filter(|number| *number < keyspace.databases());
    let database = database.ok_or(Fault::fixed("ERR Out of range database"))?;
    let mut text = String::from("[Dictionary HT]\n");
    text.push_str(&table(keyspace.keys_count(database)));
    text.push_str("[Expires HT]\n");
    text.push_str(&table(keyspace.expiring_count(database)));
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// `DEBUG HTSTATS-KEY key [FULL]`: how many elements a value has that is kept in a table.
pub(super) fn of_key(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NO_TABLE: Fault = Fault::fixed(
        "ERR The value stored at the specified key is not represented using an hash table",
    );
    let key = call.key(2);
    let entry = call.data.peek(&key).ok_or(Fault::NO_SUCH_KEY)?;
    if !matches!(entry.encoding(), "hashtable" | "skiplist") {
        return Err(NO_TABLE);
    }
    let text = table(entry.value().elements());
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// `DEBUG LISTPACK key`: tells the strings of a packed value in the server's log.
pub(super) fn listpack(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(2);
    let entry = call.data.peek(&key).ok_or(Fault::NO_SUCH_KEY)?;
    if entry.encoding() != "listpack" {
        return Err(Fault::fixed("ERR Not a listpack encoded object."));
    }
    let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let strings: Vec<_> = match entry.value() {
        Value::String(_) | Value::Stream(_) => Vec::new(),
        Value::List(list) => list.iter().map(shown).collect(),
        Value::Set(set) => set.iter().map(|member| shown(&member.to_bytes())).collect(),
        Value::Hash(hash) => {
            hash.iter().flat_map(|(field, value)| [shown(field), shown(value)]).collect()
        }
        Value::SortedSet(set) => {
            set.iter().flat_map(|m| [shown(m.bytes), m.score.to_string()]).collect()
        }
    };
    tracing::info!(key = shown(key.bytes()), ?strings, "a packed value");
    call.reply.simple("Listpack structure printed on stdout");
    Ok(Flow::Done)
}

fn table(elements: usize) -> String {
    const TITLE: &str = "Hash table 0 stats (main hash table):\n";
    if elements == 0 {
        return format!("{TITLE}No stats available for empty dictionaries\n");
    }
    format!("{TITLE} table size: {elements}\n number of elements: {elements}\n")
}
