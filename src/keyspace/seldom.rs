//! What is seldom there.

/// A value that is made where it is needed; nothing but a null until then.
///
/// Dropping it costs those for whom there is none no more than a look at that.
#[derive(Debug)]
pub(super) struct Seldom<T>(Option<Box<T>>);

impl<T> Seldom<T> {
    #[inline]
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    #[inline]
    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    #[inline]
    pub(super) fn take(&mut self) -> Option<Box<T>> {
        self.0.take()
    }
}

impl<T: Default> Seldom<T> {
    pub(super) fn get_or_default(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T> Default for Seldom<T> {
    #[inline]
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Drop for Seldom<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            discard(value);
        }
    }
}

#[cold]
#[inline(never)]
fn discard<T>(value: Box<T>) {
    drop(value);
}
