//! `BITCOUNT`.

use crate::command::{Call, Fault, Flow};
use crate::net::args::Args;

use super::range::{Ends, Unit, integer};
use super::scan;

/// Runs `BITCOUNT`.
pub fn bitcount(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    // As in stock, nothing is wrong with the range of a string that is not there.
    let Some(value) = call.data.read_string(&key)? else {
        call.reply.integer(0);
        return Ok(Flow::Done);
    };
    let ends = ends(&call.args)?;
    let bits = if is_backwards(ends) { None } else { ends.bits(value.len()) };
    call.reply.integer(bits.map_or(0, |bits| scan::count(value, &bits) as i64));
    Ok(Flow::Done)
}

fn ends(args: &Args<'_>) -> Result<Ends, Fault> {
    match args.len() {
        2 => Ok(Ends::ALL),
        4 | 5 => {
            let (first, last) = (integer(args, 2)?, integer(args, 3)?);
            Ok(Ends { first, last, unit: Unit::parse(args.get(4))? })
        }
        _ => Err(Fault::SYNTAX),
    }
}

/// Tells whether a range from the end is empty, and not to be cut to the beginning of the string.
fn is_backwards(ends: Ends) -> bool {
    ends.last < 0 && ends.first > ends.last && ends.first < 0
}
