//! `PFDEBUG` and `PFSELFTEST`: a look into a sketch, and a test of the whole family.

use std::fmt::Write as _;

use crate::command::{Call, Fault, Flow};
use crate::keyspace::Key;

use super::edit::{edit, raise};
use super::murmur::Mark;
use super::sketch::{self, CORRUPTED, Encoding, REGISTERS, Sketch};
use super::sparse;

/// Runs `PFDEBUG`.
pub fn pfdebug(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NO_SUCH_KEY: Fault = Fault::fixed("ERR The specified key does not exist");
    const NOT_SPARSE: Fault = Fault::fixed("ERR HLL encoding is not sparse");
    let key = call.key(2);
    let sketch = Sketch::of(call.data.peek_string(&key)?.ok_or(NO_SUCH_KEY)?)?;
    let encoding = sketch.encoding();
    let subcommand = call.args.word(1);
    let is = |name: &[u8]| subcommand.eq_ignore_ascii_case(name);
    if is(b"GETREG") {
        make_dense(call, &key, encoding)?;
        answer_registers(call, &key)?;
    } else if is(b"DECODE") {
        if encoding == Encoding::Dense {
            return Err(NOT_SPARSE);
        }
        let text = decoded(sketch.registers());
        call.reply.bulk(text.trim_end().as_bytes());
    } else if is(b"ENCODING") {
        call.reply.simple(if encoding == Encoding::Dense { "dense" } else { "sparse" });
    } else if is(b"TODENSE") {
        make_dense(call, &key, encoding)?;
        call.reply.integer((encoding == Encoding::Sparse).into());
    } else {
        return Err(Fault::quoting("ERR Unknown PFDEBUG subcommand '", subcommand, "'"));
    }
    Ok(Flow::Done)
}

/// Runs `PFSELFTEST`.
pub fn pfselftest(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    test_forms()?;
    call.reply.ok();
    Ok(Flow::Done)
}

fn make_dense(call: &mut Call<'_, '_>, key: &Key<'_>, encoding: Encoding) -> Result<(), Fault> {
    if encoding == Encoding::Sparse {
        edit(call, key, sketch::make_dense)?;
        call.data.changed(key);
    }
    Ok(())
}

fn answer_registers(call: &mut Call<'_, '_>, key: &Key<'_>) -> Result<(), Fault> {
    let mut registers = [0; REGISTERS];
    if let Some(value) = call.data.peek_string(key)? {
        Sketch::of(value)?.merge(&mut registers)?;
    }
    call.reply.array(REGISTERS);
    for value in registers {
        call.reply.integer(i64::from(value));
    }
    Ok(())
}

/// Spells the runs out, each followed by a space.
fn decoded(registers: &[u8]) -> String {
    let mut text = String::new();
    for run in sparse::runs(registers) {
        let written = match (run.value, run.bytes) {
            (0, 1) => write!(text, "z:{} ", run.len),
            (0, _) => write!(text, "Z:{} ", run.len),
            (value, _) => write!(text, "v:{value},{} ", run.len),
        };
        written.expect("a string takes any text");
    }
    text
}

/// Adds elements to a sparse and to a dense sketch: both must agree, and be near the truth.
fn test_forms() -> Result<(), Fault> {
    const ELEMENTS: u64 = 100_000;
    /// Six times the standard error, 1.04 over the root of the registers.
    const ERROR_MAX: f64 = 6.0 * 1.04 / 128.0;
    let (mut grown, mut dense) = (sketch::empty(), sketch::empty());
    sketch::make_dense(&mut dense)?;
    for number in 1..=ELEMENTS {
        let mark = Mark::of(&number.to_le_bytes());
        for bytes in [&mut grown, &mut dense] {
            raise(bytes, mark, SPARSE_BYTES_MAX)?;
        }
        if !number.is_power_of_two() && number != ELEMENTS {
            continue;
        }
        let [one, other] = [&grown, &dense].map(|bytes| counted(bytes));
        let count = other?;
        if one? != count {
            return Err(Fault::of(format!("TESTFAILED dense/sparse disagree at {number}")));
        }
        let error = number.abs_diff(count);
        if error as f64 > (number as f64 * ERROR_MAX).ceil() {
            let text = format!("TESTFAILED Too big error. card:{number} abserr:{error}");
            return Err(Fault::of(text));
        }
    }
    Ok(())
}

/// The bytes of a sparse sketch in the test.
const SPARSE_BYTES_MAX: usize = 3000;

fn counted(bytes: &[u8]) -> Result<u64, Fault> {
    Sketch::parse(bytes).ok_or(CORRUPTED)?.count()
}
