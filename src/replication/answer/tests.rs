use proptest::prelude::*;

use super::*;

fn one(input: &[u8]) -> Answer {
    let (answer, consumed) = read(input).unwrap().unwrap();
    assert_eq!(consumed, input.len());
    answer
}

#[test]
fn every_kind_of_answer_is_read() {
    assert_eq!(one(b"+OK\r\n"), Answer::Status(b"OK".to_vec()));
    assert_eq!(one(b"+\r\n"), Answer::Status(Vec::new()));
    assert_eq!(one(b"-ERR no \xff\r\n"), Answer::Error(b"ERR no \xff".to_vec()));
    assert_eq!(one(b":-42\r\n"), Answer::Integer(-42));
    assert_eq!(one(b"$4\r\na\r\nb\r\n"), Answer::Bulk(b"a\r\nb".to_vec()));
    assert_eq!(one(b"$0\r\n\r\n"), Answer::Bulk(Vec::new()));
    assert_eq!(one(b"$-1\r\n"), Answer::Null);
}

#[test]
fn line_feeds_that_keep_a_replica_waiting_are_skipped_and_can_be_counted() {
    assert_eq!(read(b"\n\n\n"), Ok(None));
    assert_eq!(leading_newlines(b"\n\n\n"), 3);
    assert_eq!(read(b"\n\n+CONT"), Ok(None));
    assert_eq!(leading_newlines(b"\n\n+CONT"), 2);
    assert_eq!(one(b"\n\n+CONTINUE\r\n"), Answer::Status(b"CONTINUE".to_vec()));
    assert_eq!(leading_newlines(b"+CONTINUE\r\n\n"), 0);
}

#[test]
fn answers_that_follow_are_left_alone() {
    let input = b"+OK\r\n-ERR no\r\n";
    assert_eq!(read(input), Ok(Some((Answer::Status(b"OK".to_vec()), 5))));
    assert_eq!(read(&input[5..]), Ok(Some((Answer::Error(b"ERR no".to_vec()), 9))));
}

#[test]
fn what_no_handshake_answers_is_refused_before_it_is_there() {
    assert_eq!(read(b"*"), Err(AnswerError::Array));
    assert_eq!(read(b"HTTP/1.1 400"), Err(AnswerError::Kind(b'H')));
    assert_eq!(read(b"\x15\x03\x01"), Err(AnswerError::Kind(0x15)));
    assert_eq!(read(b"$1048577\r\n"), Err(AnswerError::BulkTooLong(1_048_577)));
    for length in ["$99999999999", "$\r\n", "$+1\r\n", "$-2\r\n", "$1x\r\n", "$1\n\n\n\n\n\n\n\n"] {
        assert_eq!(read(length.as_bytes()), Err(AnswerError::Length), "{length:?}");
    }
    assert_eq!(read(b"$1\r\nabc"), Err(AnswerError::Unterminated));
    assert_eq!(read(b":one\r\n"), Err(AnswerError::Malformed));
    assert_eq!(read(b":9223372036854775808\r\n"), Err(AnswerError::Malformed));
}

#[test]
fn a_stack_of_arrays_does_not_reach_the_decoder() {
    assert_eq!(read(&b"*1\r\n".repeat(1 << 20)), Err(AnswerError::Array));
}

#[test]
fn a_line_has_an_end_or_is_refused() {
    let mut line = vec![b'+'];
    line.resize(1 + LINE_BYTES_MAX, b'x');
    assert_eq!(read(&line), Ok(None));
    let whole = [&line[..], b"\r\n"].concat();
    assert!(matches!(read(&whole), Ok(Some((Answer::Status(_), _)))));
    assert_eq!(read(&[&line[..], b"x\r\n"].concat()), Err(AnswerError::LineTooLong));
    line.resize(4 * LINE_BYTES_MAX, b'x');
    assert_eq!(read(&line), Err(AnswerError::LineTooLong));
}

#[test]
fn a_bulk_string_may_be_as_long_as_the_limit() {
    let text = vec![b'x'; BULK_BYTES_MAX];
    let whole = [&b"$1048576\r\n"[..], &text, b"\r\n"].concat();
    assert_eq!(read(&whole[..whole.len() - 1]), Ok(None));
    assert_eq!(one(&whole), Answer::Bulk(text));
}

fn any_answer() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[+-][ -~]{0,40}\r\n".prop_map(String::into_bytes),
        any::<i64>().prop_map(|number| format!(":{number}\r\n").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| {
            [format!("${}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat()
        }),
        Just(b"$-1\r\n".to_vec()),
    ]
}

proptest! {
    #[test]
    fn an_answer_is_there_with_its_last_byte_and_not_before(
        newlines in 0_usize..4,
        answer in any_answer(),
        rest in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let whole = [&vec![b'\n'; newlines][..], &answer].concat();
        for end in 0..whole.len() {
            prop_assert_eq!(read(&whole[..end]), Ok(None));
        }
        let (alone, consumed) = read(&whole).unwrap().unwrap();
        prop_assert_eq!(consumed, whole.len());
        let followed = [&whole[..], &rest].concat();
        prop_assert_eq!(read(&followed), Ok(Some((alone, consumed))));
    }

    #[test]
    fn arbitrary_bytes_are_an_answer_or_an_error_or_too_few(
        input in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        match read(&input) {
            Ok(Some((_, consumed))) => prop_assert!(consumed <= input.len()),
            // What is refused stays refused, whatever follows.
            Err(error) => prop_assert_eq!(read(&[&input[..], b"\r\n"].concat()), Err(error)),
            Ok(None) => {}
        }
    }
}
