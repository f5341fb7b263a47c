//! One message as it is sent: encoded once for each protocol, however many receive it.

use std::cell::OnceCell;

use bytes::Bytes;

use crate::net::reply::{Protocol, Reply};

/// One message on its way to those who subscribe to one channel, or to one pattern.
pub struct Message<'m> {
    label: &'static str,
    pattern: Option<&'m [u8]>,
    channel: &'m [u8],
    text: &'m [u8],
    resp2: OnceCell<Bytes>,
    resp3: OnceCell<Bytes>,
}

impl<'m> Message<'m> {
    /// Makes what subscribers of the channel get; `label` is the first word.
    pub fn to_channel(label: &'static str, channel: &'m [u8], text: &'m [u8]) -> Self {
        let (resp2, resp3) = (OnceCell::new(), OnceCell::new());
        Self { label, pattern: None, channel, text, resp2, resp3 }
    }

    /// Makes what subscribers of a pattern get.
    pub fn to_pattern(pattern: &'m [u8], channel: &'m [u8], text: &'m [u8]) -> Self {
        let pattern = Some(pattern);
        Self { pattern, ..Self::to_channel("pmessage", channel, text) }
    }

    /// Returns the bytes for a client that speaks `protocol`.
    pub fn frame(&self, protocol: Protocol) -> &Bytes {
        let frame = match protocol {
            Protocol::Resp2 => &self.resp2,
            Protocol::Resp3 => &self.resp3,
        };
        frame.get_or_init(|| self.encode(protocol))
    }

    fn encode(&self, protocol: Protocol) -> Bytes {
        const HEADERS_BYTES: usize = 96;
        let words_bytes =
            self.channel.len() + self.text.len() + self.pattern.map_or(0, <[u8]>::len);
        let mut bytes = Vec::with_capacity(words_bytes + HEADERS_BYTES);
        let mut reply = Reply::new(&mut bytes, protocol);
        reply.push(3 + usize::from(self.pattern.is_some()));
        reply.bulk(self.label.as_bytes());
        if let Some(pattern) = self.pattern {
            reply.bulk(pattern);
        }
        reply.bulk(self.channel);
        reply.bulk(self.text);
        bytes.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_array_in_resp2_and_a_push_in_resp3() {
        let message = Message::to_channel("message", b"ch", b"hello");
        let rest = "$7\r\nmessage\r\n$2\r\nch\r\n$5\r\nhello\r\n";
        assert_eq!(message.frame(Protocol::Resp2), &format!("*3\r\n{rest}"));
        assert_eq!(message.frame(Protocol::Resp3), &format!(">3\r\n{rest}"));
        let message = Message::to_pattern(b"c*", b"ch", b"");
        let rest = "$8\r\npmessage\r\n$2\r\nc*\r\n$2\r\nch\r\n$0\r\n\r\n";
        assert_eq!(message.frame(Protocol::Resp2), &format!("*4\r\n{rest}"));
        assert_eq!(message.frame(Protocol::Resp3), &format!(">4\r\n{rest}"));
    }
}
