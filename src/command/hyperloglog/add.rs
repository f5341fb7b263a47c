//! `PFADD`.

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::RAW;

use super::edit::{edit, raise};
use super::murmur::Mark;
use super::sketch::{self, Sketch};

/// Runs `PFADD`.
pub fn pfadd(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let elements = call.args.from(2);
    let found = call.data.use_string(&key)?;
    let is_new = found.is_none();
    if let Some((string, encoding)) = found {
        let sketch = Sketch::of(string)?;
        if encoding == RAW && elements.iter().all(|element| sketch.has(Mark::of(element))) {
            call.reply.integer(0);
            return Ok(Flow::Done);
        }
    }
    let sparse_max = call.data.keyspace.limits().sparse_sketch_bytes_max();
    let changes = edit(call, &key, |bytes| {
        let mut changes = u64::from(is_new);
        for element in &elements {
            changes += u64::from(raise(bytes, Mark::of(element), sparse_max)?);
        }
        if changes > 0 {
            sketch::forget_count(bytes);
        }
        Ok(changes)
    })?;
    if changes > 0 {
        call.data.changed(&key);
        call.data.effect.changed(changes - 1);
        call.data.notify(Classes::STRING, "pfadd", &key);
    }
    call.reply.integer((changes > 0).into());
    Ok(Flow::Done)
}
