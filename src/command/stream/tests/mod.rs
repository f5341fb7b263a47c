//! Commands of streams, without a server around them.

mod effects;
mod reading;
mod waiting;

use crate::command::testing::Bench;

/// A stream `s` of the entries 1-0, 2-0 and 3-0.
fn bench() -> Bench {
    let mut bench = Bench::new();
    for ms in 1..=3 {
        bench.run(&format!("XADD s {ms} f v{ms}"));
    }
    bench
}
