//! `PFCOUNT`.

use crate::command::{Call, Fault, Flow, Mode};

use super::edit::edit;
use super::estimate::{Histogram, estimate};
use super::sketch::{self, REGISTERS, Sketch};

/// Runs `PFCOUNT`.
pub fn pfcount(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    if call.args.len() > 2 {
        return count_together(call);
    }
    let key = call.key(1);
    let Some(value) = call.data.read_string(&key)? else {
        call.reply.integer(0);
        return Ok(Flow::Done);
    };
    let sketch = Sketch::of(value)?;
    let cached = sketch.cached();
    let count = cached.map_or_else(|| sketch.count(), Ok)?;
    // The count is kept with the data and so is data, which a replica has from its primary alone.
    if cached.is_none() && call.data.mode != Mode::Reader {
        edit(call, &key, |bytes| {
            sketch::keep_count(bytes, count);
            Ok(())
        })?;
        call.data.changed(&key);
    }
    call.reply.integer(count as i64);
    Ok(Flow::Done)
}

/// Counts the elements of several keys together; nothing is kept.
fn count_together(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let mut registers = [0; REGISTERS];
    for index in 1..call.args.len() {
        let key = call.key(index);
        if let Some(value) = call.data.read_string(&key)? {
            Sketch::of(value)?.merge(&mut registers)?;
        }
    }
    let mut histogram = Histogram::default();
    for value in registers {
        histogram.add(value, 1);
    }
    call.reply.integer(estimate(&histogram) as i64);
    Ok(Flow::Done)
}
