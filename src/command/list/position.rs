//! `LPOS`: looks for an element.

use crate::command::{Call, Fault, Flow};
use crate::keyspace::List;
use crate::net::args::Args;
use crate::number::parse_i64_strict;

use super::words::{at_least, integer};

/// What `LPOS` looks for beside the element.
struct Search {
    /// Matches that are passed over.
    passed: usize,
    from_end: bool,
    /// How many matches are told; none asks for one, told without an array around it.
    count: Option<usize>,
    /// How many elements are looked at.
    looks: usize,
}

/// `LPOS key element [RANK rank] [COUNT matches] [MAXLEN len]`: where the element is.
pub fn lpos(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let key = call.key(1);
    let search = Search::read(&call.args.from(3))?;
    let list = call.data.read_list(&key)?;
    let places = list.map(|list| places_of(call.args.word(2), list, &search)).unwrap_or_default();
    if search.count.is_some() {
        call.reply.array(places.len());
        for place in places {
            call.reply.count(place);
        }
    } else if let Some(place) = places.first() {
        call.reply.count(*place);
    } else {
        call.reply.null();
    }
    Ok(Flow::Done)
}

fn places_of(wanted: &[u8], list: List<'_>, search: &Search) -> Vec<usize> {
    let (len, most) = (list.len(), search.count.unwrap_or(1));
    let is_wanted = |(_, element): &(usize, &[u8])| *element == wanted;
    if search.from_end {
        let backward = (0..len).rev().zip(list.iter_back_from(len)).take(search.looks);
        let matches = backward.filter(is_wanted).map(|(place, _)| place);
        return matches.skip(search.passed).take(most).collect();
    }
    let matches = list.iter().enumerate().take(search.looks).filter(is_wanted);
    matches.map(|(place, _)| place).skip(search.passed).take(most).collect()
}

impl Search {
    fn read(options: &Args<'_>) -> Result<Self, Fault> {
        const COUNT: Fault = Fault::fixed("ERR COUNT can't be negative");
        const MAXLEN: Fault = Fault::fixed("ERR MAXLEN can't be negative");
        let mut search = Self { passed: 0, from_end: false, count: None, looks: usize::MAX };
        // Zero asks for all of them.
        let or_all = |number: usize| if number == 0 { usize::MAX } else { number };
        let mut words = options.iter();
        while let Some(option) = words.next() {
            let value = words.next().ok_or(Fault::SYNTAX)?;
            if option.eq_ignore_ascii_case(b"RANK") {
                let rank = read_rank(value)?;
                search.from_end = rank < 0;
                search.passed = rank.unsigned_abs() as usize - 1;
            } else if option.eq_ignore_ascii_case(b"COUNT") {
                search.count = Some(or_all(at_least(0, value, COUNT)?));
            } else if option.eq_ignore_ascii_case(b"MAXLEN") {
                search.looks = or_all(at_least(0, value, MAXLEN)?);
            } else {
                return Err(Fault::SYNTAX);
            }
        }
        Ok(search)
    }
}

fn read_rank(word: &[u8]) -> Result<i64, Fault> {
    match parse_i64_strict(word) {
        Some(0) => Err(Fault::fixed(
            "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or \
             use negative to start from the end of the list",
        )),
        Some(i64::MIN) => Err(Fault::of(format!(
            "ERR value is out of range, value must between {} and {}",
            -i64::MAX,
            i64::MAX
        ))),
        _ => integer(word),
    }
}
