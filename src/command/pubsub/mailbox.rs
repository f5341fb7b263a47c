//! What waits to be sent to one subscriber.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use crate::command::session::{ClientInfo, flag};
use crate::net::reply::Protocol;

use super::frames::Message;
use super::limits::Limits;

/// Frames from so many bytes on are shared among the subscribers; shorter ones are cheaper to copy.
const SHARED_FROM_BYTES: usize = 16 * 1024;
/// Where copied frames are this long together, the next ones begin a new piece.
const PIECE_BYTES: usize = 64 * 1024;
/// Nothing more is taken out behind so many bytes, but for what a frame has more.
const TAKEN_BYTES: usize = 256 * 1024;
/// A buffer larger than this is not kept for the next messages.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// What waits to be sent to one subscriber; any thread puts in, the subscriber's worker takes out.
#[derive(Debug)]
pub struct Mailbox {
    info: Arc<ClientInfo>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    /// The length of all pieces.
    bytes: usize,
    /// An empty buffer for the pieces to come.
    spare: Vec<u8>,
    protocol: Protocol,
    /// The worker whose post it is listed in; none before the connection has told.
    post: Option<usize>,
    /// Whether somebody will come for the pieces; true of no empty queue.
    is_listed: bool,
    /// Whether the client is cut off, and nothing is put in any more.
    is_cut: bool,
}

#[derive(Debug)]
enum Piece {
    /// Any number of whole frames.
    Copied(Vec<u8>),
    /// One frame that others have as well.
    Shared(Bytes),
}

/// What putting in a message came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It waits with others that will be come for.
    Waits,
    /// It is the first; the mailbox is to be listed in the post of this worker.
    First(usize),
    /// The client had too much waiting already, and is cut off.
    Cut,
}

impl Mailbox {
    /// Makes the mailbox of a client that speaks `protocol`.
    pub fn new(info: Arc<ClientInfo>, protocol: Protocol) -> Self {
        Self { info, queue: Mutex::new(Queue { protocol, ..Queue::default() }) }
    }

    /// Returns the number of the client.
    pub fn client(&self) -> u64 {
        self.info.id
    }

    /// Puts in a message.
    pub(super) fn put(&self, message: &Message<'_>, limits: &Limits, now_ms: i64) -> Put {
        let queue = self.queue.lock();
        let frame = message.frame(queue.protocol);
        self.append(queue, frame, limits, now_ms)
    }

    /// Puts in what `make` makes for the client's protocol, told whether it subscribes; if anything.
    pub(super) fn put_made(
        &self,
        make: impl FnOnce(Protocol, bool) -> Option<Bytes>,
        limits: &Limits,
        now_ms: i64,
    ) -> Put {
        let queue = self.queue.lock();
        let listens = self.info.flags.load(Ordering::Relaxed) & flag::SUBSCRIBER != 0;
        match make(queue.protocol, listens) {
            Some(frame) => self.append(queue, &frame, limits, now_ms),
            None => Put::Waits,
        }
    }

    /// Puts in a line for a monitor, which is the same in either protocol.
    pub(super) fn put_line(&self, line: &Bytes, limits: &Limits, now_ms: i64) -> Put {
        self.append(self.queue.lock(), line, limits, now_ms)
    }

    fn append(
        &self,
        mut queue: MutexGuard<'_, Queue>,
        frame: &Bytes,
        limits: &Limits,
        now_ms: i64,
    ) -> Put {
        if queue.is_cut {
            return Put::Cut;
        }
        queue.append(frame);
        let waiting = queue.bytes + self.info.output_buffer.load(Ordering::Relaxed);
        if limits.cuts(&self.info, waiting, now_ms) {
            *queue = Queue { is_cut: true, ..Queue::default() };
            self.show(0);
            drop(queue);
            self.info.cut_off(waiting);
            return Put::Cut;
        }
        self.show(queue.bytes);
        if queue.is_listed {
            return Put::Waits;
        }
        queue.is_listed = true;
        queue.post.map_or(Put::Waits, Put::First)
    }

    /// Moves everything that waits to the end of `out`.
    pub fn take_all(&self, out: &mut Vec<u8>) {
        if self.info.pushes.load(Ordering::Acquire) > 0 {
            self.drain(&mut self.queue.lock(), out);
        }
    }

    /// Moves some of what waits to the end of `out`, up to the next shared frame at most.
    ///
    /// That one is returned if nothing is to be sent before it. The rest is to be come for when
    /// this is sent.
    pub fn take(&self, out: &mut Vec<u8>) -> Option<Bytes> {
        let mut queue = self.queue.lock();
        let mut shared = None;
        if out.is_empty() && matches!(queue.pieces.front(), Some(Piece::Shared(_))) {
            if let Some(Piece::Shared(frame)) = queue.pieces.pop_front() {
                queue.bytes -= frame.len();
                shared = Some(frame);
            }
        } else {
            while out.len() < TAKEN_BYTES
                && let Some(Piece::Copied(copied)) = queue.pieces.front_mut()
            {
                let copied = std::mem::take(copied);
                queue.pieces.pop_front();
                queue.bytes -= copied.len();
                queue.hand_out(copied, out);
            }
        }
        self.settle(&mut queue);
        shared
    }

    /// Tells whether anything waits.
    pub fn has_waiting(&self) -> bool {
        self.info.pushes.load(Ordering::Acquire) > 0
    }

    /// Notes which worker comes for the messages; true if there are any, for it to list.
    pub fn move_to(&self, post: usize) -> bool {
        let mut queue = self.queue.lock();
        queue.post = Some(post);
        queue.is_listed = !queue.pieces.is_empty();
        queue.is_listed
    }

    /// Returns the worker that comes for the messages.
    pub(super) fn post(&self) -> Option<usize> {
        self.queue.lock().post
    }

    /// Has later messages encoded in another protocol; those before are moved to the end of `out`.
    pub fn set_protocol(&self, protocol: Protocol, out: &mut Vec<u8>) {
        let mut queue = self.queue.lock();
        queue.protocol = protocol;
        self.drain(&mut queue, out);
    }

    fn drain(&self, queue: &mut Queue, out: &mut Vec<u8>) {
        while let Some(piece) = queue.pieces.pop_front() {
            match piece {
                Piece::Copied(copied) => queue.hand_out(copied, out),
                Piece::Shared(frame) => out.extend_from_slice(&frame),
            }
        }
        queue.bytes = 0;
        self.settle(queue);
    }

    /// Shows how many bytes wait.
    fn show(&self, bytes: usize) {
        self.info.pushes.store(bytes, Ordering::Release);
        self.info.weigh();
    }

    /// Shows what is left; nobody need come for nothing.
    fn settle(&self, queue: &mut Queue) {
        if queue.pieces.is_empty() {
            queue.is_listed = false;
        }
        self.show(queue.bytes);
    }
}

impl Queue {
    fn append(&mut self, frame: &Bytes) {
        self.bytes += frame.len();
        if frame.len() >= SHARED_FROM_BYTES {
            self.pieces.push_back(Piece::Shared(frame.clone()));
            return;
        }
        if let Some(Piece::Copied(copied)) = self.pieces.back_mut()
            && copied.len() < PIECE_BYTES
        {
            copied.extend_from_slice(frame);
            return;
        }
        let mut copied = std::mem::take(&mut self.spare);
        copied.extend_from_slice(frame);
        self.pieces.push_back(Piece::Copied(copied));
    }

    /// Appends a piece to `out`, or exchanges the two where that saves the copy.
    fn hand_out(&mut self, mut copied: Vec<u8>, out: &mut Vec<u8>) {
        if out.is_empty() {
            std::mem::swap(out, &mut copied);
        } else {
            out.extend_from_slice(&copied);
        }
        if copied.capacity() <= KEPT_BYTES_MAX {
            copied.clear();
            self.spare = copied;
        }
    }
}

impl ClientInfo {
    /// Ends the connection, as more waits for the client than its class may leave unread.
    pub fn cut_off(&self, waiting: usize) {
        self.flags.fetch_or(flag::KILLED, Ordering::Relaxed);
        self.excess.note_cut(waiting as u64);
        self.kill.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::pubsub::Limit;
    use crate::command::testing::{NOW_MS, session_of};

    fn mailbox() -> Mailbox {
        let info = session_of(1).info;
        info.flags.store(flag::SUBSCRIBER, Ordering::Relaxed);
        let mailbox = Mailbox::new(info, Protocol::Resp2);
        assert!(!mailbox.move_to(3));
        mailbox
    }

    fn put(mailbox: &Mailbox, text: &[u8]) -> Put {
        mailbox.put(&Message::to_channel("message", b"c", text), &Limits::default(), NOW_MS)
    }

    fn framed(text: &str) -> String {
        format!("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${}\r\n{text}\r\n", text.len())
    }

    #[test]
    fn only_the_first_message_has_the_mailbox_listed() {
        let mailbox = mailbox();
        assert_eq!(put(&mailbox, b"1"), Put::First(3));
        assert_eq!(put(&mailbox, b"2"), Put::Waits);
        let mut out = Vec::new();
        assert_eq!(mailbox.take(&mut out), None);
        assert_eq!(out, format!("{}{}", framed("1"), framed("2")).into_bytes());
        assert!(!mailbox.has_waiting());
        assert_eq!(put(&mailbox, b"3"), Put::First(3));
        mailbox.take_all(&mut out);
        assert!(out.ends_with(framed("3").as_bytes()));
        assert_eq!(put(&mailbox, b"4"), Put::First(3));
    }

    #[test]
    fn a_long_frame_is_shared_and_keeps_its_place() {
        let mailbox = mailbox();
        let long = "x".repeat(SHARED_FROM_BYTES);
        put(&mailbox, b"1");
        put(&mailbox, long.as_bytes());
        put(&mailbox, b"2");
        let mut out = b"before".to_vec();
        assert_eq!(mailbox.take(&mut out), None);
        assert_eq!(out, format!("before{}", framed("1")).into_bytes());
        // Something is to be sent first, so the frame stays where it is.
        assert_eq!(mailbox.take(&mut out), None);
        out.clear();
        assert_eq!(mailbox.take(&mut out).as_deref(), Some(framed(&long).as_bytes()));
        assert_eq!((out.len(), mailbox.has_waiting()), (0, true));
        assert_eq!(put(&mailbox, b"3"), Put::Waits, "somebody is to come for the rest");
        mailbox.take(&mut out);
        assert_eq!(out, format!("{}{}", framed("2"), framed("3")).into_bytes());
    }

    #[test]
    fn a_backlog_is_taken_in_pieces_and_stays_in_order() {
        let mailbox = mailbox();
        let texts: Vec<_> = (0..1000).map(|number| format!("{number:01000}")).collect();
        for text in &texts {
            put(&mailbox, text.as_bytes());
        }
        let (mut all, mut times) = (Vec::new(), 0);
        while mailbox.has_waiting() {
            let mut out = Vec::new();
            assert_eq!(mailbox.take(&mut out), None);
            assert!(out.len() < TAKEN_BYTES + PIECE_BYTES + 2000, "{} at once", out.len());
            all.extend(out);
            times += 1;
        }
        assert!(times >= 3, "taken {times} times");
        assert_eq!(all, texts.iter().map(|text| framed(text)).collect::<String>().into_bytes());
    }

    #[test]
    fn a_client_that_leaves_too_much_unread_is_cut_off_and_gets_nothing_more() {
        let mailbox = mailbox();
        let limits = Limits::default();
        let hard = Limit { hard_bytes: 100, ..Limit::default() };
        limits.set(Limit::default(), hard);
        let message = Message::to_channel("message", b"c", b"0123456789");
        let put = || mailbox.put(&message, &limits, NOW_MS);
        assert_eq!([put(), put(), put()], [Put::First(3), Put::Waits, Put::Cut]);
        assert_eq!(put(), Put::Cut);
        assert!(!mailbox.has_waiting());
        assert_ne!(mailbox.info.flags.load(Ordering::Relaxed) & flag::KILLED, 0);
        let mut out = Vec::new();
        assert_eq!((mailbox.take(&mut out), out.len()), (None, 0));
    }

    #[test]
    fn what_the_socket_has_not_taken_counts_as_well() {
        let mailbox = mailbox();
        let limits = Limits::default();
        limits.set(Limit::default(), Limit { hard_bytes: 100, ..Limit::default() });
        mailbox.info.output_buffer.store(99, Ordering::Relaxed);
        let message = Message::to_channel("message", b"c", b"");
        assert_eq!(mailbox.put(&message, &limits, NOW_MS), Put::Cut);
    }

    #[test]
    fn a_change_of_protocol_lets_go_of_what_was_written_before() {
        let mailbox = mailbox();
        put(&mailbox, b"1");
        let mut out = Vec::new();
        mailbox.set_protocol(Protocol::Resp3, &mut out);
        assert_eq!(out, framed("1").into_bytes());
        put(&mailbox, b"2");
        out.clear();
        mailbox.take(&mut out);
        assert_eq!(out, framed("2").replacen('*', ">", 1).into_bytes());
    }
}
