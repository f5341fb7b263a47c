//! How much of what is owed to a client its socket takes at once.

use std::io;

/// What one socket is sent before others have their turn.
const SHARE_BYTES: usize = 1 << 20;

/// What became of the replies of turns that have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The socket has them, or they are held.
    Clear,
    /// The socket was full, or has had its share: the connection's task sends what is left.
    Stuck,
    /// The socket failed: nobody sends them.
    Broken,
}

/// Writes as much as the socket takes, and a share at most: one whose client reads as fast as this
/// writes is never full. Returns how much, and what is to become of the rest.
pub fn write(
    mut try_write: impl FnMut(&[u8]) -> io::Result<usize>,
    bytes: &[u8],
) -> (usize, State) {
    let share = &bytes[..bytes.len().min(SHARE_BYTES)];
    let mut sent = 0;
    while sent < share.len() {
        match try_write(&share[sent..]) {
            Ok(0) => return (sent, State::Broken),
            Ok(count) => sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return (sent, State::Stuck),
            Err(_) => return (sent, State::Broken),
        }
    }
    (sent, if sent < bytes.len() { State::Stuck } else { State::Clear })
}

/// Tells what is to become of the rest once all was written, and the system has it or not.
pub fn flush(flushed: io::Result<()>) -> State {
    match flushed {
        Ok(()) => State::Clear,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => State::Stuck,
        Err(_) => State::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_more_than_a_share_at_once() {
        let mut taken = Vec::new();
        let mut reader = |bytes: &[u8]| {
            let count = bytes.len().min(SHARE_BYTES / 3);
            taken.push(count);
            Ok(count)
        };
        let long = vec![0; 3 * SHARE_BYTES];
        assert_eq!(write(&mut reader, &long), (SHARE_BYTES, State::Stuck));
        assert_eq!(write(&mut reader, &long[..SHARE_BYTES]), (SHARE_BYTES, State::Clear));
        assert_eq!(taken.iter().sum::<usize>(), 2 * SHARE_BYTES);
    }

    #[test]
    fn a_socket_that_is_full_or_broken_keeps_the_rest() {
        let full = || Err(io::ErrorKind::WouldBlock.into());
        let mut answers = [Ok(10), full(), Ok(0), Err(io::ErrorKind::ConnectionReset.into())];
        let mut answers = answers.iter_mut().map(|answer| std::mem::replace(answer, Ok(0)));
        let mut next = |_: &[u8]| answers.next().expect("there is another");
        assert_eq!(write(&mut next, &[0; 100]), (10, State::Stuck));
        assert_eq!(write(&mut next, &[0; 90]), (0, State::Broken));
        assert_eq!(write(&mut next, &[0; 90]), (0, State::Broken));
    }
}
