//! Picks elements of a collection at random: what `HRANDFIELD` and its kin have in common.

use std::collections::HashSet;

use super::Fault;
use crate::keyspace::dice::random_below;
use crate::net::Reply;
use crate::number::parse_i64_strict;

/// A count that no reply could be made of.
pub const OUT_OF_RANGE: Fault = Fault::fixed("ERR value is out of range");

/// How long a reply of repeated picks may become: as long as the longest string.
const PICKS_BYTES_MAX: usize = 512 * 1024 * 1024;
/// The shortest element of a reply: an empty bulk string.
const ELEMENT_BYTES_MIN: u64 = 6;
/// The part of a collection up to which its elements are drawn until enough different ones came.
const DRAWN_PART: usize = 3;

/// Reads how many elements are asked for: different ones, or any if negative.
pub fn parse_count(text: &[u8]) -> Result<i64, Fault> {
    match parse_i64_strict(text) {
        None => Err(Fault::NOT_AN_INTEGER),
        Some(i64::MIN) => Err(Fault::of(format!(
            "ERR value is out of range, value must between {} and {}",
            -i64::MAX,
            i64::MAX
        ))),
        Some(count) => Ok(count),
    }
}

/// Writes an array of `count` picks out of `len` elements, each independent of the others.
///
/// A pick takes `width` elements of the array. Redis goes on until its memory is gone; here a reply
/// that would be too long is refused. What has to be walked to reach an element passes all of them as
/// `listed`, and is walked once for all picks.
pub fn repeatedly<T: Copy>(
    reply: &mut Reply<'_>,
    count: u64,
    width: usize,
    len: usize,
    listed: Option<&[T]>,
    nth: impl Fn(usize) -> Option<T>,
    mut tell: impl FnMut(&mut Reply<'_>, T),
) -> Result<(), Fault> {
    if count > PICKS_BYTES_MAX as u64 / ELEMENT_BYTES_MIN {
        return Err(OUT_OF_RANGE);
    }
    let begun = reply.buffer().len();
    reply.array(count as usize * width);
    for _ in 0..count {
        let index = random_below(len);
        let picked = match listed {
            Some(listed) => Some(listed[index]),
            None => nth(index),
        };
        let Some(element) = picked else {
            unreachable!("the index is below the number of elements")
        };
        tell(reply, element);
        if reply.buffer().len() - begun > PICKS_BYTES_MAX {
            reply.buffer().truncate(begun);
            return Err(OUT_OF_RANGE);
        }
    }
    Ok(())
}

/// Tells whether so many picks are such a part of `len` that to walk all is quicker than to seek each.
pub fn are_many(count: usize, len: usize) -> bool {
    count > len / DRAWN_PART
}

/// Picks `count` different indices below `len`, in their order; all, if there are no more.
///
/// Every set of so many indices is equally likely.
pub fn different(count: u64, len: usize) -> Vec<usize> {
    let count = usize::try_from(count).map_or(len, |count| count.min(len));
    if !are_many(count, len) {
        let mut drawn = HashSet::with_capacity(count);
        while drawn.len() < count {
            drawn.insert(random_below(len));
        }
        let mut indices: Vec<_> = drawn.into_iter().collect();
        indices.sort_unstable();
        return indices;
    }
    // Each is taken with the chance that leaves all sets of what is still wanted equally likely.
    let mut indices = Vec::with_capacity(count);
    for index in 0..len {
        if random_below(len - index) < count - indices.len() {
            indices.push(index);
        }
    }
    indices
}

/// Visits the elements at these indices, which ascend, out of `len`.
///
/// What has to be walked to reach an element is walked once for all of them.
pub fn visit<T>(
    picked: Vec<usize>,
    (len, is_walked): (usize, bool),
    all: impl Iterator<Item = T>,
    nth: impl Fn(usize) -> Option<T>,
    visit: impl FnMut(T),
) {
    if is_walked || are_many(picked.len(), len) {
        let mut picked = picked.into_iter().peekable();
        let all = all.enumerate().filter(|(index, _)| picked.next_if_eq(index).is_some());
        all.map(|(_, element)| element).for_each(visit);
    } else {
        picked.into_iter().filter_map(nth).for_each(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_indices_is_picked_about_as_often() {
        for (count, len, sets) in [(2, 4, 6), (2, 6, 15), (0, 3, 1), (9, 3, 1), (1, 1, 1)] {
            let mut seen = std::collections::HashMap::new();
            for _ in 0..sets * 500 {
                *seen.entry(different(count, len)).or_insert(0) += 1;
            }
            assert_eq!(seen.len(), sets, "{count} of {len}");
            assert!(seen.values().all(|times| (350..700).contains(times)), "{seen:?}");
            assert!(seen.keys().all(|indices| indices.is_sorted_by(|a, b| a < b)));
        }
    }

    #[test]
    fn what_was_picked_is_visited_be_it_walked_or_sought() {
        let elements: Vec<_> = (100..120).collect();
        for (picked, is_walked) in
            [(vec![], false), (vec![0, 19], false), (vec![0, 19], true), ((5..20).collect(), false)]
        {
            let expected: Vec<_> = picked.iter().map(|index| elements[*index]).collect();
            let mut seen = Vec::new();
            let nth = |index: usize| elements.get(index).copied();
            let all = elements.iter().copied();
            visit(picked, (elements.len(), is_walked), all, nth, |element| seen.push(element));
            assert_eq!(seen, expected);
        }
    }
}
