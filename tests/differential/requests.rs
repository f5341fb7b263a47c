//! The request parser alone against stock: random bytes, cut into commands by both.
//!
//! Stock shows what it read by what it answers: ECHO gives a word back, everything else an error.

use backlogd::net::parser::BULK_BYTES_MAX_DEFAULT;
use backlogd::net::{Args, Parsed, Parser, Peer};

use crate::support::random::Random;
use crate::support::{Endpoint, Stock};

/// Inputs compared in an ordinary run.
const INPUTS: u64 = 3_000;

/// What inputs are made of; no NUL, at which stock waits for more and this parser does not.
const FRAGMENTS: &[&[u8]] = &[
    b"*1\r\n",
    b"*2\r\n",
    b"*2\r\n",
    b"*2\r\n",
    b"*0\r\n",
    b"*-1\r\n",
    b"*02\r\n",
    b"*x\r\n",
    b"*2\rX",
    b"$4\r\nECHO\r\n",
    b"$4\r\nECHO\r\n",
    b"$4\r\nECHO\r\n",
    b"$4\rXechozz",
    b"$0\r\n\r\n",
    b"$3\r\nabc\r\n",
    b"$3\r\na\r\n\r\n",
    b"$-1\r\n",
    b"$03\r\n",
    b"$9\r\n",
    b"$",
    b"*",
    b"\r\n",
    b"\n",
    b"ECHO ",
    b"ECHO ",
    b"'",
    b"\"",
    b"\\",
    b"x41",
    b"\\n",
    b"\\'",
    b" ",
    b"\t",
    b"\x0b",
    b"a",
    b"\xff",
    b"$536870912\r\n",
    b"$536870913\r\n",
    b"*11\r\n",
];

/// What is known of one reply.
#[derive(Debug, PartialEq)]
enum Answer {
    /// These exact bytes.
    Exactly(Vec<u8>),
    /// An error, of the command and not of the protocol.
    CommandError,
}

#[test]
fn the_parser_cuts_requests_as_stock_does() {
    let oracle = Stock::oracle(&[]);
    // Valkey takes what follows a blank line for an inline command, whatever it is.
    let stock = if oracle.is_valkey() { Stock::start(&[]) } else { oracle };
    for seed in 0..INPUTS {
        let mut random = Random::new(seed);
        let count = 1 + random.below(14);
        let input = (0..count).flat_map(|_| random.pick(FRAGMENTS).to_vec()).collect::<Vec<_>>();
        let mut client = stock.connect();
        drop(client.try_send(&input));
        client.finish_sending();
        let theirs = answers(&client.read_to_close());
        assert_eq!(expected(&input), theirs, "seed {seed}: {}", input.escape_ascii());
    }
}

/// Parts what stock said into answers.
fn answers(mut said: &[u8]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while let Some(line_end) = said.windows(2).position(|pair| pair == b"\r\n") {
        let mut end = line_end + 2;
        if said[0] == b'$' {
            let length = std::str::from_utf8(&said[1..line_end]).expect("digits");
            end += length.parse::<usize>().expect("a length") + 2;
        }
        let (reply, rest) = said.split_at(end);
        let of_command = reply[0] == b'-' && !reply.starts_with(b"-ERR Protocol error");
        answers.push(if of_command {
            Answer::CommandError
        } else {
            Answer::Exactly(reply.to_vec())
        });
        said = rest;
    }
    answers
}

/// What a server behind the parser would say.
fn expected(input: &[u8]) -> Vec<Answer> {
    let mut parser = Parser::new(Peer::Client, BULK_BYTES_MAX_DEFAULT);
    let (mut answers, mut begin) = (Vec::new(), 0);
    loop {
        let buffer = &input[begin..];
        match parser.parse(buffer) {
            Ok(Parsed::Incomplete { .. }) => return answers,
            Ok(Parsed::Empty { consumed }) => begin += consumed,
            Ok(Parsed::Command { consumed }) => {
                answers.push(answer(parser.args(buffer)));
                begin += consumed;
            }
            Err(error) => {
                let mut reply = Vec::new();
                error.encode_into(&mut reply);
                answers.push(Answer::Exactly(reply));
                return answers;
            }
        }
    }
}

fn answer(args: Args<'_>) -> Answer {
    if args.len() != 2 || !args[0].eq_ignore_ascii_case(b"ECHO") {
        return Answer::CommandError;
    }
    let mut reply = Vec::new();
    backlogd::net::wire::put_bulk(&mut reply, &args[1]);
    Answer::Exactly(reply)
}
