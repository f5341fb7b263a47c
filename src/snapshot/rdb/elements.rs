//! A flat, reusable buffer for the elements of one aggregate value.

/// Holds byte strings end to end, so that decoding a value allocates nothing once warm.
#[derive(Debug, Default)]
pub(super) struct Elements {
    bytes: Vec<u8>,
    /// Where each element ends; it begins where the one before it ends.
    ends: Vec<usize>,
}

impl Elements {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(super) fn count(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn push(&mut self, element: &[u8]) {
        self.bytes.extend_from_slice(element);
        self.ends.push(self.bytes.len());
    }

    pub(super) fn push_integer(&mut self, integer: i64) {
        self.push(itoa::Buffer::new().format(integer).as_bytes());
    }

    /// Lets `fill` append one element's bytes.
    pub(super) fn push_with<E>(
        &mut self,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        fill(&mut self.bytes)?;
        self.ends.push(self.bytes.len());
        Ok(())
    }

    /// Views the elements two by two; an odd last one would be left out, so there must be none.
    pub(super) fn pairs(&self) -> Pairs<'_> {
        debug_assert!(self.ends.len().is_multiple_of(2), "a decoder checks for odd counts");
        Pairs { elements: self }
    }

    fn element(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

/// The fields of a hash, each with its value, in the order of the file.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    elements: &'a Elements,
}

impl<'a> Pairs<'a> {
    /// Counts the pairs.
    pub fn len(&self) -> usize {
        self.elements.count() / 2
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Walks the pairs.
    pub fn iter(&self) -> PairsIter<'a> {
        PairsIter { elements: self.elements, next: 0 }
    }
}

impl<'a> IntoIterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = PairsIter<'a>;

    fn into_iter(self) -> PairsIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = PairsIter<'a>;

    fn into_iter(self) -> PairsIter<'a> {
        self.iter()
    }
}

/// Walks [`Pairs`].
#[derive(Clone, Debug)]
pub struct PairsIter<'a> {
    elements: &'a Elements,
    next: usize,
}

impl<'a> Iterator for PairsIter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next + 1 >= self.elements.count() {
            return None;
        }
        let pair = (self.elements.element(self.next), self.elements.element(self.next + 1));
        self.next += 2;
        Some(pair)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.elements.count() - self.next) / 2;
        (left, Some(left))
    }
}

impl ExactSizeIterator for PairsIter<'_> {}
