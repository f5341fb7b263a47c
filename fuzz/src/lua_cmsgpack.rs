//! `cmsgpack.unpack` on any bytes.
//!
//! It must not panic, and must not take more memory than there is: the interpreter that it runs in has
//! a limit.

/// What holds for any bytes.
pub fn check(input: &[u8]) {
    backlogd::script::library::hostile::unpack_msgpack(input);
}
