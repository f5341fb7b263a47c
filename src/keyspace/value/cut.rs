//! Places between the members of a sorted set, which the ends of ranges are.

/// A place in an order, told by what lies left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut<T> {
    /// Left of everything.
    Start,
    /// Right of all that is less.
    Before(T),
    /// Right of all that is less or the same.
    After(T),
    /// Right of everything.
    End,
}

impl<T: PartialOrd> Cut<T> {
    /// Tells whether an item lies left of it.
    pub fn is_behind(&self, item: &T) -> bool {
        match self {
            Self::Start => false,
            Self::Before(first) => item < first,
            Self::After(last) => item <= last,
            Self::End => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_cut_is_behind_it() {
        let behind = |cut: Cut<f64>| [1.0, 2.0, 3.0].map(|item| cut.is_behind(&item));
        assert_eq!(behind(Cut::Start), [false; 3]);
        assert_eq!(behind(Cut::Before(2.0)), [true, false, false]);
        assert_eq!(behind(Cut::After(2.0)), [true, true, false]);
        assert_eq!(behind(Cut::End), [true; 3]);
    }
}
