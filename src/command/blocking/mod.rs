//! Commands that wait until a key holds something for them.
//!
//! Each looks as its plain form does; if there is nothing it says for which keys it waits, and is run
//! again when one of them may hold something. What it puts into the stream is its plain form.

mod list;
mod sorted_set;
mod stream;
mod time;

use super::flow::{Block, Request};
use super::{Call, Flow};

pub use list::{blmove, blmpop, blpop, brpop, brpoplpush};
pub use sorted_set::{bzmpop, bzpopmax, bzpopmin};
pub use stream::{xread, xreadgroup};

/// Has the client wait; within a transaction or a script there is nothing at once.
fn wait(call: &mut Call<'_, '_>, block: Block) -> Flow {
    if !call.session.executing {
        return Flow::ask(Request::Block(block));
    }
    call.reply.null_array();
    Flow::Done
}
