//! Room for records on their way, kept by each thread for all of its connections.

use std::cell::RefCell;

/// A scratch that has grown beyond this is given back.
const KEPT_BYTES_MAX: usize = 256 * 1024;

thread_local! {
    static INCOMING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static OUTGOING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lends room for so many bytes that come in.
pub(super) fn with_incoming<R>(bytes: usize, work: impl FnOnce(&mut [u8]) -> R) -> R {
    INCOMING.with_borrow_mut(|scratch| {
        if scratch.len() < bytes {
            scratch.resize(bytes, 0);
        }
        let done = work(&mut scratch[..bytes]);
        if scratch.len() > KEPT_BYTES_MAX {
            *scratch = Vec::new();
        }
        done
    })
}

/// Lends a vector for what goes out; of what is in it only the caller knows.
///
/// It stays as long as it has become, so that nothing has to be filled with zeroes each time.
pub(super) fn with_outgoing<R>(work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    OUTGOING.with_borrow_mut(|scratch| {
        let done = work(scratch);
        if scratch.len() > KEPT_BYTES_MAX {
            *scratch = Vec::new();
        }
        done
    })
}
