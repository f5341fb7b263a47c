//! `DUMP`: a value as bytes that `RESTORE` takes, here and in stock servers.

use crate::command::{Call, Fault, Flow, stored};
use crate::snapshot::rdb::payload;

/// Runs `DUMP`; the payload is of the version that snapshots are, `backlog-rdb-version`.
pub fn dump(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let options = call.host.rdb_options();
    let found = call.data.read(&key);
    let payload = found
        .map(|entry| payload::encode(options, |encoder| stored::encode(encoder, &entry)))
        .transpose()
        .map_err(|error| Fault::of(format!("ERR {error}")))?;
    call.reply.bulk_or_null(payload.as_deref());
    Ok(Flow::Done)
}
