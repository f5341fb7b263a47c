//! `CLIENT UNBLOCK`.

use crate::command::{Call, Fault, Flow, Interruption};
use crate::number::parse_i64_strict;

/// `CLIENT UNBLOCK id [TIMEOUT | ERROR]`: 1 if the client waited, and does so no longer.
pub fn client_unblock(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const NO_REASON: Fault = Fault::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    if call.args.len() > 4 {
        return Err(super::too_many_words(call.args.word(1)));
    }
    let why = match call.args.get(3).map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"timeout") => Interruption::Timeout,
        Some(b"error") => Interruption::Error,
        Some(_) => return Err(NO_REASON),
    };
    let id = parse_i64_strict(call.args.word(2)).ok_or(Fault::NOT_AN_INTEGER)?;
    let client = call.host.clients().into_iter().find(|client| client.id as i64 == id);
    let unblocked = client.is_some_and(|client| client.interrupt.interrupt(why));
    call.reply.integer(i64::from(unblocked));
    Ok(Flow::Done)
}
