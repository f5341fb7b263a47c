use proptest::prelude::*;

use super::*;

const MARK: &[u8; MARK_BYTES] = b"0123456789abcdef0123456789abcdef01234567";

/// What came of a whole transfer.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    data: Vec<u8>,
    /// How much of the input was taken, all in all.
    consumed: usize,
    state: PayloadState,
}

/// Hands over `input` in pieces that end at `ends`, as whoever reads from a socket does.
fn receive(input: &[u8], ends: impl IntoIterator<Item = usize>) -> Result<Outcome, PayloadError> {
    let (mut payload, mut data, mut begin) = (Payload::new(), Vec::new(), 0);
    let mut state = PayloadState::Head;
    for end in ends {
        let taken = payload.take(&input[begin..end])?;
        assert!(end - begin - taken.consumed < HEAD_BYTES_MAX || taken.state == PayloadState::Done);
        data.extend_from_slice(taken.data);
        begin += taken.consumed;
        state = taken.state;
        assert_eq!(payload.received(), data.len() as u64);
    }
    Ok(Outcome { data, consumed: begin, state })
}

fn at_once(input: &[u8]) -> Result<Outcome, PayloadError> {
    receive(input, [input.len()])
}

fn marked(data: &[u8], mark: &[u8], rest: &[u8]) -> Vec<u8> {
    [b"$EOF:", mark, b"\r\n", data, mark, rest].concat()
}

fn counted(data: &[u8], rest: &[u8]) -> Vec<u8> {
    [format!("${}\r\n", data.len()).as_bytes(), data, rest].concat()
}

#[test]
fn a_snapshot_of_a_known_length_ends_there() {
    let input = counted(b"REDIS\r\n\0", b"*1\r\n");
    let outcome = at_once(&input).unwrap();
    assert_eq!(outcome.data, b"REDIS\r\n\0");
    assert_eq!((outcome.consumed, outcome.state), (input.len() - 4, PayloadState::Done));
}

#[test]
fn a_snapshot_of_unknown_length_ends_at_its_mark() {
    let input = marked(b"REDIS0123456789", MARK, b"*1\r\n");
    let outcome = at_once(&input).unwrap();
    assert_eq!(outcome.data, b"REDIS0123456789");
    assert_eq!((outcome.consumed, outcome.state), (input.len() - 4, PayloadState::Done));
}

#[test]
fn progress_is_told() {
    let mut payload = Payload::new();
    assert_eq!((payload.total(), payload.received()), (None, 0));
    let taken = payload.take(b"\n\n").unwrap();
    assert_eq!(taken, Taken { consumed: 2, data: b"", state: PayloadState::Head });
    let taken = payload.take(b"$5\r").unwrap();
    assert_eq!(taken, Taken { consumed: 0, data: b"", state: PayloadState::Head });
    let taken = payload.take(b"$5\r\nab").unwrap();
    assert_eq!(taken, Taken { consumed: 6, data: b"ab", state: PayloadState::Data });
    assert_eq!((payload.total(), payload.received()), (Some(5), 2));
    let taken = payload.take(b"cdef").unwrap();
    assert_eq!(taken, Taken { consumed: 3, data: b"cde", state: PayloadState::Done });
    let taken = payload.take(b"f").unwrap();
    assert_eq!(taken, Taken { consumed: 0, data: b"", state: PayloadState::Done });
    assert_eq!((payload.total(), payload.received()), (Some(5), 5));
}

#[test]
fn what_may_be_the_beginning_of_the_mark_is_not_handed_out() {
    let mut payload = Payload::new();
    let taken = payload.take(b"$EOF:0123456789abcdef0123456789abcdef01234567\r\ndata0123").unwrap();
    assert_eq!((taken.data, taken.consumed), (&b"data"[..], 51));
    let taken = payload.take(b"0123x").unwrap();
    assert_eq!((taken.data, taken.consumed), (&b"0123x"[..], 5));
    let taken = payload.take(MARK).unwrap();
    assert_eq!(taken, Taken { consumed: 40, data: b"", state: PayloadState::Done });
    assert_eq!(payload.received(), 9);
}

#[test]
fn a_refusal_in_place_of_a_snapshot_is_told_with_its_words() {
    let refused = at_once(b"\n-ERR cannot fork\r\n").unwrap_err();
    assert_eq!(refused, PayloadError::Refused("ERR cannot fork".to_owned()));
}

#[test]
fn what_is_no_head_is_refused() {
    for line in ["", "$", "$x", "$-1", "$+5", "$5 ", "+OK", "$EOF:", "$EOF:short", "*3"] {
        let input = format!("{line}\r\n");
        assert_eq!(at_once(input.as_bytes()), Err(PayloadError::Head(line.to_owned())));
    }
    assert_eq!(at_once(b"$5\n"), Err(PayloadError::Head("$5".to_owned())));
    let long = [&b"$EOF:"[..], MARK, b"8\r\n"].concat();
    assert!(matches!(at_once(&long), Err(PayloadError::Head(_))));
}

#[test]
fn lengths_have_a_limit() {
    assert_eq!(at_once(b"$0\r\n"), Err(PayloadError::Length(0)));
    assert_eq!(at_once(b"$281474976710657\r\n"), Err(PayloadError::Length((1 << 48) + 1)));
    assert!(at_once(b"$281474976710656\r\n").is_ok());
    let beyond = at_once(b"$99999999999999999999\r\n");
    assert!(matches!(beyond, Err(PayloadError::Head(_))), "{beyond:?}");
}

#[test]
fn a_head_without_an_end_is_refused() {
    let mut line = vec![b'$'; HEAD_BYTES_MAX - 1];
    assert_eq!(at_once(&line).unwrap().state, PayloadState::Head);
    line.push(b'$');
    assert_eq!(at_once(&line), Err(PayloadError::HeadTooLong));
    line.resize(10 * HEAD_BYTES_MAX, b'\n');
    assert_eq!(at_once(&line), Err(PayloadError::HeadTooLong));
}

#[test]
fn a_mark_is_found_wherever_it_is_cut() {
    let input = marked(b"0123456789abcdef0123456789abcdef0123456", MARK, b"");
    let whole = at_once(&input).unwrap();
    assert_eq!(whole.data.len(), 39);
    for cut in 0..=input.len() {
        assert_eq!(receive(&input, [cut, input.len()]).unwrap(), whole, "cut at {cut}");
    }
}

/// Marks that overlap themselves and data made of their parts: where a search can go wrong.
fn mark_and_data() -> impl Strategy<Value = ([u8; MARK_BYTES], Vec<u8>)> {
    let byte = prop_oneof![Just(b'a'), Just(b'b')];
    let mark = prop_oneof![
        Just([b'a'; MARK_BYTES]),
        proptest::array::uniform(byte),
        proptest::array::uniform(any::<u8>()).prop_map(|mark: [u8; MARK_BYTES]| {
            mark.map(|byte| if byte.is_ascii_control() { b'x' } else { byte })
        }),
    ];
    let pieces = proptest::collection::vec((0..MARK_BYTES, 0..MARK_BYTES, any::<u8>()), 0..8);
    (mark, pieces).prop_map(|(mark, pieces)| {
        let mut data = Vec::new();
        for (one, other, byte) in pieces {
            data.extend_from_slice(&mark[one.min(other)..one.max(other)]);
            data.push(byte);
        }
        (mark, data)
    })
}

proptest! {
    #[test]
    fn the_first_mark_ends_a_snapshot_however_it_is_cut(
        (mark, data) in mark_and_data(),
        rest in proptest::collection::vec(any::<u8>(), 0..8),
        cuts in proptest::collection::vec(0.0..=1.0, 0..6),
    ) {
        let input = marked(&data, &mark, &rest);
        let behind_head = [&data[..], &mark, &rest].concat();
        let first = behind_head.windows(MARK_BYTES).position(|window| window == mark).unwrap();

        let whole = at_once(&input).unwrap();
        prop_assert_eq!(&whole.data[..], &behind_head[..first]);
        prop_assert_eq!(whole.state, PayloadState::Done);
        prop_assert_eq!(whole.consumed, input.len() - behind_head.len() + first + MARK_BYTES);

        let mut ends: Vec<_> =
            cuts.iter().map(|cut: &f64| (input.len() as f64 * cut) as usize).collect();
        ends.push(input.len());
        ends.sort_unstable();
        prop_assert_eq!(&receive(&input, ends).unwrap(), &whole);
        prop_assert_eq!(&receive(&input, 0..=input.len()).unwrap(), &whole);
    }

    #[test]
    fn a_counted_snapshot_is_the_same_however_it_is_cut(
        newlines in 0_usize..3,
        data in proptest::collection::vec(any::<u8>(), 1..200),
        rest in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let input = [&vec![b'\n'; newlines][..], &counted(&data, &rest)].concat();
        let whole = at_once(&input).unwrap();
        prop_assert_eq!(&whole.data, &data);
        prop_assert_eq!(whole.consumed, input.len() - rest.len());
        prop_assert_eq!(&receive(&input, 0..=input.len()).unwrap(), &whole);
    }
}
