//! `BITPOS`.

use crate::command::{Call, Fault, Flow};
use crate::net::args::Args;

use super::range::{Ends, Unit, integer};
use super::scan::{self, Bit};

/// Runs `BITPOS`.
pub fn bitpos(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NO_BIT: Fault = Fault::fixed("ERR The bit argument must be 1 or 0.");
    let bit = match integer(&call.args, 2)? {
        0 => Bit::Clear,
        1 => Bit::Set,
        _ => return Err(NO_BIT),
    };
    let key = call.key(1);
    let Some(value) = call.data.read_string(&key)? else {
        // A string that is not there goes on in zeroes for ever.
        call.reply.integer(if bit == Bit::Set { -1 } else { 0 });
        return Ok(Flow::Done);
    };
    let ends = ends(&call.args)?;
    let found = ends.bits(value.len()).and_then(|bits| {
        let end_is_open = call.args.len() < 5;
        // Behind the end of a string are zeroes, unless the client asked about a part of it only.
        let behind = (bit == Bit::Clear && end_is_open).then_some(bits.end() + 1);
        scan::find(value, &bits, bit).or(behind)
    });
    call.reply.integer(found.map_or(-1, |at| at as i64));
    Ok(Flow::Done)
}

fn ends(args: &Args<'_>) -> Result<Ends, Fault> {
    if args.len() > 6 {
        return Err(Fault::SYNTAX);
    }
    if args.len() == 3 {
        return Ok(Ends::ALL);
    }
    let first = integer(args, 3)?;
    let unit = Unit::parse(args.get(5))?;
    let last = if args.len() > 4 { integer(args, 4)? } else { -1 };
    Ok(Ends { first, last, unit })
}
