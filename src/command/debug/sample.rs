//! `DEBUG` subcommands that answer by what they are asked for: `PROTOCOL` and `ERROR`.

use crate::command::{Call, Fault, Flow};
use crate::net::reply::Protocol;

/// Stock's example of a floating-point number.
#[expect(clippy::approx_constant, reason = "the digits are what is asked for")]
const DOUBLE: f64 = 3.141;

/// `DEBUG PROTOCOL type`: a reply of that type.
pub(super) fn protocol(call: &mut Call<'_, '_>) -> Result<Flow, Fault> {
    const UNKNOWN: Fault = Fault::fixed(
        "ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|\
         null|array|set|map|attrib|push|verbatim|true|false",
    );
    let reply = &mut call.reply;
    let is_resp3 = reply.protocol() == Protocol::Resp3;
    match call.args.word(2).to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(DOUBLE),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        b"attrib" => {
            if is_resp3 {
                reply.attribute(1);
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            if !is_resp3 {
                return Err(Fault::fixed("ERR RESP2 is not supported by this command"));
            }
            reply.bulk(b"Some real reply following the push reply");
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"bignum" => reply.big_number("1234567999999999999999999999999999999"),
        _ => return Err(UNKNOWN),
    }
    Ok(Flow::Done)
}

/// `DEBUG ERROR text`: an error of that text, without line ends.
pub(super) fn error(call: &mut Call<'_, '_>) {
    let one_line = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
    let text: Vec<u8> = call.args.word(2).iter().map(one_line).collect();
    call.reply.error(text);
}
