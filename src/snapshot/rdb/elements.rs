//! Reusable buffers for the elements of one aggregate value, and the views of them.

use super::stream::Stream;

/// Marks in [`Place::end`] that the element is a text of its own rather than a part of the input.
const IS_TEXT: usize = 1 << (usize::BITS - 1);

/// Holds the elements of a value, so that decoding it allocates nothing once warm.
///
/// Those that are strings stay where the file has them, be that within a packed value.
#[derive(Debug, Default)]
pub(super) struct Elements {
    /// What was read: packed values as they are, and strings of their own.
    bytes: Vec<u8>,
    places: Places,
    /// Of a sorted set: the scores of its members, in the order of these.
    scores: Vec<f64>,
    /// All that there is of a stream.
    pub(super) stream: Stream,
}

/// Where the elements of a value are.
#[derive(Debug, Default)]
pub(super) struct Places {
    places: Vec<Place>,
    /// The decimal forms of packed integers.
    texts: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    /// With [`IS_TEXT`] if it lies among the texts.
    end: usize,
}

/// Takes what is found in a packed value.
#[derive(Debug)]
pub(super) struct Found<'f> {
    places: &'f mut Places,
    /// Where the packed value lies in memory.
    address: usize,
    /// Where in the bytes of the elements it begins.
    start: usize,
}

impl Found<'_> {
    /// Adds an element that lies within the packed value.
    pub(super) fn push(&mut self, element: &[u8]) {
        let start = element.as_ptr().addr() - self.address + self.start;
        self.places.places.push(Place { start, end: start + element.len() });
    }

    /// Adds an element that is the decimal form of an integer.
    pub(super) fn push_integer(&mut self, integer: i64) {
        let texts = &mut self.places.texts;
        let start = texts.len();
        texts.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
        self.places.places.push(Place { start, end: texts.len() | IS_TEXT });
    }
}

impl Elements {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.places.places.clear();
        self.places.texts.clear();
        self.scores.clear();
        self.stream.clear();
    }

    pub(super) fn count(&self) -> usize {
        self.places.places.len()
    }

    /// Lets `fill` append bytes; returns where they begin.
    pub(super) fn append<E>(
        &mut self,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let start = self.bytes.len();
        fill(&mut self.bytes)?;
        Ok(start)
    }

    /// Returns all that was read.
    pub(super) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// Counts the bytes of all that was read.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Makes the bytes from `start` on one element.
    pub(super) fn push_from(&mut self, start: usize) {
        self.places.places.push(Place { start, end: self.bytes.len() });
    }

    /// Lets `read` find the elements of the packed value that begins at `start`.
    pub(super) fn unpack<E>(
        &mut self,
        start: usize,
        read: impl FnOnce(&[u8], &mut Found<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let packed = &self.bytes[start..];
        let address = packed.as_ptr().addr();
        read(packed, &mut Found { places: &mut self.places, address, start })
    }

    /// Notes the score of the member that was added last.
    pub(super) fn push_score(&mut self, score: f64) {
        self.scores.push(score);
    }

    /// Takes every second element for the score of the one before it, and parses it.
    ///
    /// None if one is no number. There must be an even number of elements.
    pub(super) fn split_scores(&mut self) -> Option<()> {
        let count = self.count() / 2;
        for index in 0..count {
            let text = std::str::from_utf8(self.element(2 * index + 1)).ok()?;
            let score: f64 = text.parse().ok().filter(|score: &f64| !score.is_nan())?;
            self.scores.push(score);
            self.places.places[index] = self.places.places[2 * index];
        }
        self.places.places.truncate(count);
        Some(())
    }

    /// Views the elements one by one.
    pub(super) fn strings(&self) -> Strings<'_> {
        Strings { elements: self }
    }

    /// Views the elements two by two; an odd last one would be left out, so there must be none.
    pub(super) fn pairs(&self) -> Pairs<'_> {
        debug_assert!(self.count().is_multiple_of(2), "a decoder checks for odd counts");
        Pairs { elements: self }
    }

    /// Views the elements with their scores.
    pub(super) fn scored(&self) -> Scored<'_> {
        debug_assert!(self.count() == self.scores.len(), "each member has a score");
        Scored { elements: self }
    }

    fn element(&self, index: usize) -> &[u8] {
        let Place { start, end } = self.places.places[index];
        if end & IS_TEXT == 0 {
            &self.bytes[start..end]
        } else {
            &self.places.texts[start..end & !IS_TEXT]
        }
    }
}

/// Declares a view of the elements and the iterator that walks it.
macro_rules! view {
    ($(#[$doc:meta])* $view:ident, $iter:ident, $item:ty, $step:literal, $at:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $view<'a> {
            elements: &'a Elements,
        }

        impl<'a> $view<'a> {
            /// Counts them.
            #[must_use]
            pub fn len(&self) -> usize {
                self.elements.count() / $step
            }

            /// Tells whether there are none.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Walks them.
            #[must_use]
            pub fn iter(&self) -> $iter<'a> {
                $iter { elements: self.elements, next: 0, end: self.len() }
            }
        }

        impl<'a> IntoIterator for $view<'a> {
            type Item = $item;
            type IntoIter = $iter<'a>;

            fn into_iter(self) -> $iter<'a> {
                self.iter()
            }
        }

        impl<'a> IntoIterator for &$view<'a> {
            type Item = $item;
            type IntoIter = $iter<'a>;

            fn into_iter(self) -> $iter<'a> {
                self.iter()
            }
        }

        #[doc = concat!("Walks [`", stringify!($view), "`].")]
        #[derive(Clone, Debug)]
        pub struct $iter<'a> {
            elements: &'a Elements,
            next: usize,
            end: usize,
        }

        impl<'a> $iter<'a> {
            fn at(&self, index: usize) -> $item {
                let at: fn(&'a Elements, usize) -> $item = $at;
                at(self.elements, index)
            }
        }

        impl<'a> Iterator for $iter<'a> {
            type Item = $item;

            fn next(&mut self) -> Option<Self::Item> {
                let index = (self.next < self.end).then_some(self.next)?;
                self.next += 1;
                Some(self.at(index))
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                let left = self.end - self.next;
                (left, Some(left))
            }
        }

        impl DoubleEndedIterator for $iter<'_> {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.end = (self.next < self.end).then(|| self.end - 1)?;
                Some(self.at(self.end))
            }
        }

        impl ExactSizeIterator for $iter<'_> {}
    };
}

view!(
    /// The elements of a list or a set, in the order of the file.
    Strings,
    StringsIter,
    &'a [u8],
    1,
    |elements, index| elements.element(index)
);

view!(
    /// The fields of a hash, each with its value, in the order of the file.
    Pairs,
    PairsIter,
    (&'a [u8], &'a [u8]),
    2,
    |elements, index| (elements.element(2 * index), elements.element(2 * index + 1))
);

view!(
    /// The members of a sorted set, each with its score, in the order of the file.
    Scored,
    ScoredIter,
    (&'a [u8], f64),
    1,
    |elements, index| (elements.element(index), elements.scores[index])
);

/// Reads one packed value into elements of its own.
#[cfg(test)]
pub(super) fn unpacked<E>(
    bytes: &[u8],
    read: impl FnOnce(&[u8], &mut Found<'_>) -> Result<(), E>,
) -> Result<Vec<Vec<u8>>, E> {
    let mut elements = Elements::default();
    let before = elements.append(|all| {
        all.extend_from_slice(b"what lies before");
        Ok(())
    })?;
    elements.push_from(before);
    let start = elements.append(|all| {
        all.extend_from_slice(bytes);
        Ok(())
    })?;
    elements.unpack(start, read)?;
    Ok(elements.strings().iter().skip(1).map(<[u8]>::to_vec).collect())
}
