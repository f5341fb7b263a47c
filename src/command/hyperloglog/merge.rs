//! `PFMERGE`.

use crate::command::{Call, Classes, Fault, Flow};

use super::edit::{edit, raise};
use super::murmur::Mark;
use super::sketch::{self, Encoding, REGISTERS, Sketch};

/// Runs `PFMERGE`: the destination is a source as well, if it is there.
pub fn pfmerge(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (mut registers, mut is_dense) = ([0; REGISTERS], false);
    for index in 1..call.args.len() {
        let key = call.key(index);
        if let Some(value) = call.data.read_string(&key)? {
            let sketch = Sketch::of(value)?;
            is_dense |= sketch.encoding() == Encoding::Dense;
            sketch.merge(&mut registers)?;
        }
    }
    let key = call.key(1);
    let sparse_max = call.data.keyspace.limits().sparse_sketch_bytes_max();
    edit(call, &key, |bytes| {
        if is_dense {
            sketch::make_dense(bytes)?;
        }
        let marks = registers.iter().enumerate().filter(|(_, rank)| **rank > 0);
        for (register, rank) in marks {
            raise(bytes, Mark { register, rank: *rank }, sparse_max)?;
        }
        sketch::forget_count(bytes);
        Ok(())
    })?;
    call.data.changed(&key);
    call.data.notify(Classes::STRING, "pfadd", &key);
    call.reply.ok();
    Ok(Flow::Done)
}
