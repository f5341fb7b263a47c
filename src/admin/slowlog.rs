//! The slow log: the commands that took longest lately.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::command::ClientInfo;
use crate::command::host::SlowEntry;

/// The most words of a command that are kept.
const WORDS_MAX: usize = 32;
/// The most bytes of a word that are kept.
const WORD_BYTES_MAX: usize = 128;

/// The commands that took longer than `slowlog-log-slower-than`, the newest ones.
#[derive(Debug)]
pub struct SlowLog {
    entries: Mutex<Entries>,
    len_max: AtomicUsize,
}

#[derive(Debug, Default)]
struct Entries {
    newest_first: VecDeque<SlowEntry>,
    next_id: u64,
}

impl SlowLog {
    /// Keeps at most `len_max` entries.
    pub fn new(len_max: usize) -> Self {
        Self { entries: Mutex::default(), len_max: AtomicUsize::new(len_max) }
    }

    /// Changes how many entries are kept.
    pub fn set_len_max(&self, len_max: usize) {
        self.len_max.store(len_max, Ordering::Relaxed);
        self.entries.lock().newest_first.truncate(len_max);
    }

    /// Enters a command by the words of it that may be shown.
    pub fn enter<'a>(
        &self,
        words: impl ExactSizeIterator<Item = &'a [u8]>,
        took_us: u64,
        now_ms: i64,
        client: &ClientInfo,
    ) {
        let words = shorten(words);
        let name = client.names.lock().name.clone();
        let mut entries = self.entries.lock();
        let id = entries.next_id;
        entries.next_id += 1;
        let address = client.address.clone();
        let at_s = now_ms / 1000;
        entries.newest_first.push_front(SlowEntry { id, at_s, took_us, words, address, name });
        entries.newest_first.truncate(self.len_max.load(Ordering::Relaxed));
    }

    /// Lists the newest entries, newest first.
    pub fn newest(&self, count: usize) -> Vec<SlowEntry> {
        self.entries.lock().newest_first.iter().take(count).cloned().collect()
    }

    /// Counts the entries.
    pub fn count(&self) -> usize {
        self.entries.lock().newest_first.len()
    }

    /// Forgets all entries; numbers are not used again.
    pub fn reset(&self) {
        self.entries.lock().newest_first.clear();
    }
}

fn shorten<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let count = words.len();
    let kept = if count > WORDS_MAX { WORDS_MAX - 1 } else { count };
    let mut short: Vec<Vec<u8>> = words.take(kept).map(shorten_word).collect();
    if kept < count {
        short.push(format!("... ({} more arguments)", count - kept).into_bytes());
    }
    short
}

fn shorten_word(word: &[u8]) -> Vec<u8> {
    if word.len() <= WORD_BYTES_MAX {
        return word.to_vec();
    }
    let mut short = word[..WORD_BYTES_MAX].to_vec();
    short.extend_from_slice(format!("... ({} more bytes)", word.len() - WORD_BYTES_MAX).as_bytes());
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_command_is_shortened_as_stock_does() {
        let words: Vec<Vec<u8>> = (0..40).map(|_| vec![b'x'; 130]).collect();
        let short = shorten(words.iter().map(Vec::as_slice));
        assert_eq!(short.len(), 32);
        assert!(short[0].ends_with(b"... (2 more bytes)"));
        assert_eq!(short[31], b"... (9 more arguments)");
    }
}
