//! Puts places into a geographical set.

use crate::command::{Call, Classes, Fault, Flow};
use crate::keyspace::ScoreSet;

use super::words::parse_point;

/// Which members `GEOADD` gives a place.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Which {
    #[default]
    All,
    /// Those not there yet.
    New,
    /// Those there already.
    Known,
}

/// What `GEOADD` counts.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Counted {
    #[default]
    Added,
    /// Those whose place is another one now as well.
    Changed,
}

/// `GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member …]`.
///
/// Its effect is a `ZADD` of the hashes, as in stock servers.
pub fn geoadd(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (which, counted, options) = parse_options(call)?;
    let triples = call.args.from(2 + options);
    let mut scored = Vec::with_capacity(triples.len() / 3);
    let mut words = triples.iter();
    while let (Some(longitude), Some(latitude), Some(member)) =
        (words.next(), words.next(), words.next())
    {
        scored.push((member, parse_point(longitude, latitude)?.score()));
    }
    let key = call.key(1);
    let is_absent = call.data.peek_sorted_set(&key)?.is_none();
    if is_absent && which == Which::Known {
        call.reply.integer(0);
        return Ok(Flow::Done);
    }
    let clock = call.data.clock();
    let mut db = call.data.db();
    let mut set = db.sorted_set_or_create(&key, clock);
    let (mut added, mut moved) = (0, 0);
    for (member, score) in &scored {
        let passes = match which {
            Which::All => true,
            Which::New => set.view().score(member).is_none(),
            Which::Known => set.view().score(member).is_some(),
        };
        if passes {
            match set.set(member, *score as f64) {
                ScoreSet::Added => added += 1,
                ScoreSet::Moved => moved += 1,
                ScoreSet::Same => {}
            }
        }
    }
    if added + moved > 0 {
        call.data.changed(&key);
        // Redis counts each member as a change; `save` points go by that count.
        call.data.effect.changed(added + moved - 1);
        call.data.notify(Classes::SORTED_SET, "zadd", &key);
        rewrite_as_zadd(call, options, &scored);
    }
    let count = if counted == Counted::Changed { added + moved } else { added };
    call.reply.integer(count as i64);
    Ok(Flow::Done)
}

/// Reads the options; returns also how many words they are.
fn parse_options(call: &Call<'_, '_>) -> Result<(Which, Counted, usize), Fault> {
    let words = call.args.from(2);
    let (mut new, mut known, mut counted) = (false, false, Counted::Added);
    let mut options = 0;
    for word in &words {
        if word.eq_ignore_ascii_case(b"NX") {
            new = true;
        } else if word.eq_ignore_ascii_case(b"XX") {
            known = true;
        } else if word.eq_ignore_ascii_case(b"CH") {
            counted = Counted::Changed;
        } else {
            break;
        }
        options += 1;
    }
    let rest = words.len() - options;
    if !rest.is_multiple_of(3) || rest == 0 {
        return Err(Fault::SYNTAX);
    }
    let which = match (new, known) {
        (true, true) => return Err(Fault::SYNTAX),
        (true, false) => Which::New,
        (false, true) => Which::Known,
        (false, false) => Which::All,
    };
    Ok((which, counted, options))
}

fn rewrite_as_zadd(call: &mut Call<'_, '_>, options: usize, scored: &[(&[u8], u64)]) {
    let digits: Vec<_> = scored.iter().map(|(_, score)| score.to_string()).collect();
    let head = call.args.from(1);
    let mut words: Vec<&[u8]> = vec![b"ZADD"];
    words.extend(head.iter().take(1 + options));
    for ((member, _), digits) in scored.iter().zip(&digits) {
        words.extend([digits.as_bytes(), *member]);
    }
    call.data.effect.rewrite(&words);
}
