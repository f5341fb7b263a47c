//! `INFO`: the state of the server in sections.

use super::{Call, Fault, Flow};

/// `INFO [section …]`.
pub fn info(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let lower = |word: &[u8]| String::from_utf8_lossy(word).to_ascii_lowercase();
    let sections: Vec<_> = call.args.from(1).iter().map(lower).collect();
    let text = call.host.info(&sections, call.data.locked);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use crate::command::testing::Bench;

    #[test]
    fn sections_are_asked_for_in_lower_case() {
        let reply = Bench::resp3().reply("info Server CLIENTS");
        assert_eq!(reply, "=38 txt:# Sections asked:server,clients");
    }
}
