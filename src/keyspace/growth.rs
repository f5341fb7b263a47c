//! Vectors that grow by the allocator's steps instead of doubling, since room to spare is memory.

/// The allocator has four sizes to each doubling; below the first of them, multiples of this.
const STEP_BYTES_MIN: usize = 16;

/// Makes room for more elements: up to the next size that the allocator has.
#[inline]
pub(super) fn reserve<T>(vec: &mut Vec<T>, additional: usize) {
    if vec.capacity() - vec.len() < additional {
        let capacity = capacity_for::<T>(vec.len() + additional);
        vec.reserve_exact(capacity - vec.len());
    }
}

/// Gives back room if a third or more of it is unused.
pub(super) fn trim<T>(vec: &mut Vec<T>) {
    let capacity = capacity_for::<T>(vec.len());
    if vec.capacity() > capacity + capacity / 2 {
        vec.shrink_to(capacity);
    }
}

/// Inserts an element where the room grows by steps.
#[inline]
pub(super) fn insert<T>(vec: &mut Vec<T>, at: usize, element: T) {
    reserve(vec, 1);
    vec.insert(at, element);
}

/// Moves the elements from `at` on into a vector of their own.
pub(super) fn split_off<T>(vec: &mut Vec<T>, at: usize) -> Vec<T> {
    let mut tail = Vec::with_capacity(capacity_for::<T>(vec.len() - at));
    tail.extend(vec.drain(at..));
    vec.shrink_to(capacity_for::<T>(at));
    tail
}

/// Copies elements to the end where the room grows by steps.
pub(super) fn extend<T: Copy>(vec: &mut Vec<T>, elements: &[T]) {
    reserve(vec, elements.len());
    vec.extend_from_slice(elements);
}

/// Replaces a range of bytes; what follows moves.
pub(super) fn splice(vec: &mut Vec<u8>, start: usize, removed: usize, inserted: &[u8]) {
    let (len, end) = (vec.len(), start + removed);
    if inserted.len() > removed {
        let additional = inserted.len() - removed;
        reserve(vec, additional);
        vec.resize(len + additional, 0);
        vec.copy_within(end..len, end + additional);
    } else if inserted.len() < removed {
        vec.copy_within(end..len, start + inserted.len());
        vec.truncate(len - (removed - inserted.len()));
        trim(vec);
    }
    vec[start..start + inserted.len()].copy_from_slice(inserted);
}

/// The elements that fit into the least size of the allocator that `len` of them fit into.
fn capacity_for<T>(len: usize) -> usize {
    let width = size_of::<T>();
    if width == 0 || len == 0 {
        return len;
    }
    let bytes = len * width;
    let step = (1 << (bytes - 1).checked_ilog2().unwrap_or(0)) / 4;
    bytes.next_multiple_of(step.max(STEP_BYTES_MIN)) / width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_grows_by_the_sizes_of_the_allocator() {
        let sizes = [(0, 0), (1, 16), (16, 16), (17, 32), (128, 128), (129, 160), (160, 160)];
        for (len, capacity) in sizes.into_iter().chain([(257, 320), (2048, 2048), (2049, 2560)]) {
            assert_eq!(capacity_for::<u8>(len), capacity, "{len}");
        }
        assert_eq!((capacity_for::<u64>(3), capacity_for::<u64>(17)), (4, 20));
        assert_eq!(capacity_for::<()>(9), 9);
    }

    #[test]
    fn splicing_moves_what_follows() {
        let mut bytes = b"abcdef".to_vec();
        splice(&mut bytes, 2, 2, b"");
        assert_eq!(bytes, b"abef");
        splice(&mut bytes, 2, 0, b"0123456789");
        assert_eq!(bytes, b"ab0123456789ef");
        splice(&mut bytes, 13, 1, b"x");
        assert_eq!(bytes, b"ab0123456789ex");
    }

    #[test]
    fn what_is_no_longer_used_is_given_back() {
        let mut bytes = vec![0_u8; 1000];
        splice(&mut bytes, 0, 900, b"");
        assert!(bytes.capacity() <= 150, "{}", bytes.capacity());
        let tail = split_off(&mut bytes, 10);
        assert_eq!((bytes.capacity(), tail.len(), tail.capacity()), (16, 90, 96));
    }
}
