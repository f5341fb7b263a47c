//! Looks at data from below: `DEBUG DIGEST`, `DIGEST-VALUE` and `OBJECT`.

use crate::command::digest::Digest;
use crate::command::scan::holds_all;
use crate::command::{Call, Data, Fault, Flow};
use crate::keyspace::{Entry, Key, Locked, ShardSet, Value};

/// The access clock has 24 bits.
const CLOCK_MASK: u32 = (1 << 24) - 1;

/// Writes the signature of all data.
pub(super) fn digest(call: &mut Call<'_, '_>) {
    let keyspace = call.data.keyspace;
    let digest = if holds_all(&call.data) {
        of_everything(call.data.locked, keyspace.databases())
    } else {
        of_everything(&mut keyspace.lock_all(), keyspace.databases())
    };
    call.reply.simple(&digest.to_string());
}

fn of_everything(locked: &mut Locked<'_>, databases: usize) -> Digest {
    let mut digest = Digest::default();
    for index in 0..databases {
        digest.mix_database(index, &locked.db(index));
    }
    digest
}

/// Writes the signature of each key's value; zeros where there is none.
pub(super) fn digest_values(call: &mut Call<'_, '_>) {
    call.reply.array(call.args.len() - 2);
    for index in 2..call.args.len() {
        let key = call.key(index);
        let digest = with_live(&mut call.data, &key, |entry| Digest::of_value(&entry));
        call.reply.simple(&digest.unwrap_or_default().to_string());
    }
}

/// Writes what is known of a key's value, in the shape that Redis gives it.
///
/// A value has no address and no count of references here. The length is that of its strings; how
/// many bytes it would take in a snapshot is not known before it is compressed.
pub(super) fn object(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(2);
    let clock = call.data.clock() & CLOCK_MASK;
    let line = with_live(&mut call.data, &key, |entry| {
        let bytes = match entry.value() {
            Value::String(string) => string.len(),
            Value::Hash(hash) => hash.iter().map(|(field, value)| field.len() + value.len()).sum(),
            Value::List(list) => list.iter().map(<[u8]>::len).sum(),
            Value::Set(set) => set.iter().map(|member| member.len()).sum(),
            Value::SortedSet(set) => set.iter().map(|member| member.bytes.len() + 8).sum(),
            Value::Stream(stream) => stream.parts_bytes(),
        };
        let idle_s = clock.wrapping_sub(entry.accessed()) & CLOCK_MASK;
        format!(
            "Value at:0x0 refcount:1 encoding:{} serializedlength:{bytes} lru:{} \
             lru_seconds_idle:{idle_s}",
            entry.encoding(),
            entry.accessed(),
        )
    });
    call.reply.simple(&line.ok_or(Fault::NO_SUCH_KEY)?);
    Ok(Flow::Done)
}

/// Looks at a live key whose shard need not be held; an expired one is left where it is.
fn with_live<T>(
    data: &mut Data<'_, '_>,
    key: &Key<'_>,
    look: impl FnOnce(Entry<'_>) -> T,
) -> Option<T> {
    let (now_ms, database) = (data.now_ms, data.database);
    let live = |locked: &mut Locked<'_>| {
        let entry = locked.db(database).into_entry(key)?;
        (!entry.is_expired(now_ms)).then(|| look(entry))
    };
    if data.locked.holds(ShardSet::of(key)) || holds_all(data) {
        live(data.locked)
    } else {
        live(&mut data.keyspace.lock(ShardSet::of(key)))
    }
}
