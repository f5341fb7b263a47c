//! How much memory images alone hold: what was copied or removed since they were taken.
//!
//! It goes with them, however little is removed meanwhile. So whoever removes keys to have less in
//! memory leaves it out of account; otherwise a snapshot would cost keys, each of which costs the copy
//! of a partition. What was written to within large collections is not counted.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static IMAGES: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

/// Counts an image for as long as it lives.
#[derive(Debug)]
pub(super) struct Holder(());

impl Holder {
    pub(super) fn new() -> Self {
        IMAGES.fetch_add(1, Relaxed);
        Self(())
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if IMAGES.fetch_sub(1, Relaxed) == 1 {
            BYTES.store(0, Relaxed);
        }
    }
}

/// Tells how many bytes images hold that nothing else does; about, and zero without images.
pub fn held_bytes() -> u64 {
    BYTES.load(Relaxed) as u64
}

/// Tells whether there is an image.
#[inline]
pub(super) fn has_images() -> bool {
    IMAGES.load(Relaxed) > 0
}

/// Notes that only images have these bytes from now on.
pub(super) fn note(bytes: usize) {
    if has_images() {
        BYTES.fetch_add(bytes, Relaxed);
    }
}

/// Notes that an image has let go of bytes that only it had.
pub(super) fn let_go(bytes: usize) {
    // What was copied before the image was counted is not in the sum.
    let less = |sum: usize| Some(sum.saturating_sub(bytes));
    let _ = BYTES.fetch_update(Relaxed, Relaxed, less);
}
