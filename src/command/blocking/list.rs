//! Lists that are waited for.

use crate::command::flow::Block;
use crate::command::list::{PopsOfFirst, end, pop_one, transfer};
use crate::command::{Call, Fault, Flow};
use crate::keyspace::{Kind, ListEnd, Wish};

use super::time::time;
use super::wait;

const LIST: Wish = Wish::Value(Kind::List);

/// `BLPOP key [key …] timeout`: the first element of the first list that has some, with its key.
pub fn blpop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    pop_first(call, ListEnd::Left, b"LPOP")
}

/// `BRPOP key [key …] timeout`: as [`blpop`], the last element.
pub fn brpop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    pop_first(call, ListEnd::Right, b"RPOP")
}

/// `BLMPOP timeout numkeys key [key …] LEFT|RIGHT [COUNT count]`: as `LMPOP`.
pub fn blmpop(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let pops = PopsOfFirst::read(&call.args, 2)?;
    let timeout = time(call.args.word(1), call.data.now_ms)?;
    if pops.run(call)? {
        return Ok(Flow::Done);
    }
    Ok(wait(call, Block { keys: pops.keys(), wish: LIST, timeout, words: None }))
}

/// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`: as `LMOVE`.
pub fn blmove(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let (from, to) = (end(call.args.word(3))?, end(call.args.word(4))?);
    let words = call.args;
    let plain = [&b"LMOVE"[..], words.word(1), words.word(2), words.word(3), words.word(4)];
    move_one(call, (from, to), 5, &plain)
}

/// `BRPOPLPUSH source destination timeout`: as `RPOPLPUSH`.
pub fn brpoplpush(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    let plain = [&b"RPOPLPUSH"[..], call.args.word(1), call.args.word(2)];
    move_one(call, (ListEnd::Right, ListEnd::Left), 3, &plain)
}

fn pop_first(call: &mut Call<'_, '_>, end: ListEnd, plain: &[u8]) -> Result<Flow, Fault> {
    let last = call.args.len() - 1;
    let timeout = time(call.args.word(last), call.data.now_ms)?;
    for index in 1..last {
        let key = call.key(index);
        if call.data.peek_list(&key)?.is_none() {
            continue;
        }
        call.reply.array(2);
        call.reply.bulk(key.bytes());
        pop_one(call, &key, end)?;
        call.data.effect.rewrite(&[plain, key.bytes()]);
        return Ok(Flow::Done);
    }
    Ok(wait(call, Block { keys: 1..last, wish: LIST, timeout, words: None }))
}

fn move_one(
    call: &mut Call<'_, '_>,
    (from, to): (ListEnd, ListEnd),
    timeout_at: usize,
    plain: &[&[u8]],
) -> Result<Flow, Fault> {
    let timeout = time(call.args.word(timeout_at), call.data.now_ms)?;
    let (source, destination) = (call.key(1), call.key(2));
    if transfer(call, (&source, from), (&destination, to))? {
        call.data.effect.rewrite(plain);
        return Ok(Flow::Done);
    }
    if call.session.executing {
        // Where nothing waits it answers as its plain form does.
        call.reply.null();
        return Ok(Flow::Done);
    }
    Ok(wait(call, Block { keys: 1..2, wish: LIST, timeout, words: None }))
}
