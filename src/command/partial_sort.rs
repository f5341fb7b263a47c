//! Sorts the first few of many.

use std::cmp::Ordering;
use std::ops::Range;

/// Below so many, elements are put into their places one by one.
const FEW: usize = 7;
/// Above so many, the element to part by is the median of three medians.
const MANY: usize = 40;

/// Moves the `count` least elements to the front, in order; the others follow in no order.
///
/// Which of equal ones come first is not by chance: stock servers sort so for `COUNT` and `LIMIT`, with the
/// quicksort of J. Bentley and M. D. `McIlroy` ("Engineering a Sort Function", 1993) that leaves alone what
/// lies behind. Here it changes to another sort where it parts too unevenly to be quick.
pub fn sort_first<T>(items: &mut [T], count: usize, compare: impl Fn(&T, &T) -> Ordering) {
    let rounds = 4 * (items.len().max(1).ilog2() + 1);
    let mut parts = vec![(0..items.len(), rounds)];
    while let Some((part, rounds)) = parts.pop() {
        if part.start >= count || part.len() < 2 {
            continue;
        }
        let Some(rounds) = rounds.checked_sub(1) else {
            items[part].sort_by(&compare);
            continue;
        };
        let (start, end) = (part.start, part.end);
        if part.len() < FEW {
            insert_each(&mut items[part], &compare);
            continue;
        }
        let equal = split(&mut items[part], &compare);
        parts.push((start + equal.end..end, rounds));
        parts.push((start..start + equal.start, rounds));
    }
}

fn insert_each<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    for sorted in 1..items.len() {
        let mut at = sorted;
        while at > 0 && compare(&items[at - 1], &items[at]).is_gt() {
            items.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Puts what is less than some element before it and what is greater behind; returns where its equals are.
///
/// Equals are gathered at both ends while the others are exchanged, and swapped to the middle at last.
fn split<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> Range<usize> {
    items.swap(0, pivot(items, compare));
    let len = items.len();
    // Equal below `left`, less below `low`; greater above `high`, equal above `right`.
    let (mut left, mut low) = (1, 1);
    let (mut right, mut high) = (len, len);
    loop {
        while low < high {
            match compare(&items[low], &items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(left, low);
                    left += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low < high {
            match compare(&items[high - 1], &items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    items.swap(high - 1, right - 1);
                    right -= 1;
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low >= high {
            break;
        }
        items.swap(low, high - 1);
        low += 1;
        high -= 1;
    }
    let (less, greater) = (low - left, right - high);
    exchange(items, 0, low, left.min(less));
    exchange(items, low, len, greater.min(len - right));
    less..len - greater
}

/// Swaps `count` elements at `front` with as many that end at `end`.
fn exchange<T>(items: &mut [T], front: usize, end: usize, count: usize) {
    for place in 0..count {
        items.swap(front + place, end - count + place);
    }
}

/// Returns the place of the element to part by.
fn pivot<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let len = items.len();
    let middle = len / 2;
    if len == FEW {
        return middle;
    }
    let median = |a, b, c| median(items, [a, b, c], compare);
    if len <= MANY {
        return median(0, middle, len - 1);
    }
    let apart = len / 8;
    median(
        median(0, apart, 2 * apart),
        median(middle - apart, middle, middle + apart),
        median(len - 1 - 2 * apart, len - 1 - apart, len - 1),
    )
}

/// Returns the place of the one between the two others.
fn median<T>(items: &[T], [a, b, c]: [usize; 3], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let order = |left: usize, right: usize| compare(&items[left], &items[right]);
    if order(a, b).is_lt() {
        if order(b, c).is_lt() {
            b
        } else if order(a, c).is_lt() {
            c
        } else {
            a
        }
    } else if order(b, c).is_gt() {
        b
    } else if order(a, c).is_lt() {
        a
    } else {
        c
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_are_those_of_a_whole_sort(
            items in prop::collection::vec(0u16..60, 0..200),
            count in 0usize..220,
        ) {
            let mut partly = items.clone();
            sort_first(&mut partly, count, Ord::cmp);
            let mut sorted = items;
            sorted.sort_unstable();
            let count = count.min(sorted.len());
            prop_assert_eq!(&partly[..count], &sorted[..count]);
            partly.sort_unstable();
            prop_assert_eq!(partly, sorted);
        }
    }

    #[test]
    fn an_order_made_to_part_unevenly_is_sorted_in_good_time() {
        // The adversary of M. D. McIlroy: whatever is chosen to part by turns out to be nearly the least.
        const COUNT: usize = 20_000;
        let state = std::cell::RefCell::new((vec![usize::MAX; COUNT], 0, 0, 0));
        let mut items: Vec<usize> = (0..COUNT).collect();
        sort_first(&mut items, COUNT, |a, b| {
            let (values, solid, candidate, compared) = &mut *state.borrow_mut();
            *compared += 1;
            if values[*a] == usize::MAX && values[*b] == usize::MAX {
                let frozen = if *a == *candidate { *a } else { *b };
                values[frozen] = *solid;
                *solid += 1;
            }
            if values[*a] == usize::MAX {
                *candidate = *a;
            } else if values[*b] == usize::MAX {
                *candidate = *b;
            }
            values[*a].cmp(&values[*b])
        });
        let (values, _, _, compared) = state.into_inner();
        assert!(items.is_sorted_by_key(|item| values[*item]));
        assert!(compared < 100 * COUNT, "{compared} comparisons");
    }
}
