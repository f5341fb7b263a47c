//! Whether a script keeps to the keys that it names.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How often a script has to keep to its keys before that is expected of it.
const TRIALS: u32 = 16;
/// It did not, at some time.
const STRAYS: u32 = u32::MAX;

/// What is known of the keys that a script asks for.
///
/// None has to name them, though all ought to. One that does may be run while others are, and it is found
/// out by running it while none is.
#[derive(Debug, Default)]
pub struct Conduct(AtomicU32);

impl Conduct {
    /// Tells whether it is expected to keep to its keys.
    #[inline]
    pub fn is_trusted(&self) -> bool {
        (TRIALS..STRAYS).contains(&self.0.load(Relaxed))
    }

    /// Tells whether it has ever asked for another key.
    #[inline]
    pub fn has_strayed(&self) -> bool {
        self.0.load(Relaxed) == STRAYS
    }

    /// Notes that it has kept to its keys, where that is not known.
    #[inline]
    pub fn kept(&self) {
        let runs = self.0.load(Relaxed);
        if runs < TRIALS {
            // One run of several at once may go uncounted; that one strayed may not.
            let _ = self.0.compare_exchange(runs, runs + 1, Relaxed, Relaxed);
        }
    }

    /// Notes that it has asked for another key.
    #[cold]
    pub fn strayed(&self) {
        self.0.store(STRAYS, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_trusted_after_some_runs_and_never_again_once_it_strayed() {
        let conduct = Conduct::default();
        for _ in 0..TRIALS {
            assert!(!conduct.is_trusted() && !conduct.has_strayed());
            conduct.kept();
        }
        assert!(conduct.is_trusted());
        conduct.kept();
        conduct.strayed();
        conduct.kept();
        assert!(!conduct.is_trusted() && conduct.has_strayed());
    }
}
