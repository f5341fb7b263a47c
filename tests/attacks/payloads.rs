//! Values that were made by hand: sketches, dumps.

use backlogd::snapshot::rdb::crc64;

use super::{Target, request};
use crate::support::Value;

/// A sparse sketch of these opcodes.
fn sketch(opcodes: &[u8]) -> Vec<u8> {
    let header = b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80";
    [&header[..], opcodes].concat()
}

/// CVE-2025-32023, CVE-2019-10192: runs whose sum goes beyond the registers there are.
#[test]
fn sketches_whose_runs_overflow_are_refused_by_every_command() {
    const WHOLE: usize = 4;
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    let xzero = |count: usize| [0x7f, 0xff].repeat(count);
    let made = [
        sketch(&xzero(2)),
        sketch(&xzero(200_000)),
        sketch(&[&xzero(131_072)[..], &[0x80]].concat()),
        sketch(&[0xff; 16_384]),
        sketch(&[0x3f; 256]),
        sketch(&[0x3f; 257]),
        sketch(&[0x7f]),
        sketch(&[]),
        [b"HYLL\0\0\0\0\0\0\0\0\0\0\0\x80".as_slice(), &[0xff; 12_287]].concat(),
        [b"HYLL\0\0\0\0\0\0\0\0\0\0\0\x80".as_slice(), &[0xff; 12_289]].concat(),
        b"HYLL\x02".repeat(5000),
        b"HYLL".to_vec(),
    ];
    for (number, value) in made.iter().enumerate() {
        // 256 runs of 64 make 16384 registers, which is a whole sketch.
        let is_whole = number == WHOLE;
        for line in ["PFCOUNT crafted", "PFCOUNT crafted other", "PFMERGE merged crafted"] {
            client.call::<&[u8]>(&[b"SET", b"crafted", value]);
            let reply = client.run(line);
            assert_eq!(reply.is_error(), !is_whole, "{line} of sketch {number}: {reply:?}");
        }
        // These change what they come upon first, and need not see that the end is wrong.
        for line in ["PFADD crafted a b c", "PFMERGE crafted crafted", "PFDEBUG GETREG crafted"] {
            client.call::<&[u8]>(&[b"SET", b"crafted", value]);
            client.run(line);
            client.run("PFCOUNT crafted");
            target.answers_others();
        }
    }
    target.stands();
}

/// A value with the version and the sum that `DUMP` puts behind it.
fn dump(value: &[u8]) -> Vec<u8> {
    let body = [value, &[10, 0]].concat();
    let sum = crc64(0, &body).to_le_bytes();
    [&body[..], &sum].concat()
}

/// CVE-2021-32625 and its kin: counts and lengths in a dump that nothing stands behind.
#[test]
fn dumps_that_lie_about_sizes_are_refused_at_once() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    // What follows is 64 bits long; the most there is.
    let huge = [&[0x81][..], &u64::MAX.to_be_bytes()].concat();
    let large = [&[0x81][..], &(1_u64 << 40).to_be_bytes()].concat();
    let billion = [&[0x80][..], &1_000_000_000_u32.to_be_bytes()].concat();
    for kind in 0..=21_u8 {
        for size in [&huge, &large, &billion] {
            for tail in [&[][..], &[1, b'a'], &[0; 32], size.as_slice()] {
                let payload = dump(&[&[kind][..], size, tail].concat());
                let words: [&[u8]; 4] = [b"RESTORE", b"k", b"0", &payload];
                let reply = client.call(&words);
                assert!(reply.is_error(), "of type {kind}: {reply:?}");
            }
        }
    }
    assert_eq!(client.run("EXISTS k"), Value::Integer(0));
    target.stands();
}

/// A compressed string that says to be far longer than it is.
#[test]
fn a_dump_does_not_unfold_into_more_than_it_can_hold() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    for claimed in [u32::MAX, 1 << 30, 500_000_000] {
        let length = [&[0x80][..], &claimed.to_be_bytes()].concat();
        let value = [&[0, 0xc3, 3][..], &length, &[0xe0, 0xff, 0]].concat();
        let reply = client.call::<&[u8]>(&[b"RESTORE", b"k", b"0", &dump(&value)]);
        assert!(reply.is_error(), "{claimed}: {reply:?}");
    }
    target.stands();
}

/// A dump of a module's value, of functions or of nothing.
#[test]
fn dumps_of_what_is_no_value_are_refused() {
    let mut target = Target::start(&[]);
    let mut client = target.connect();
    let mut sent = Vec::new();
    for kind in [6, 7, 22, 100, 245, 246, 247, 250, 255] {
        let payload = dump(&[kind, 0, 0, 0, 0]);
        sent.extend(request::<&[u8]>(&[b"RESTORE", b"k", b"0", &payload]));
        sent.extend(request::<&[u8]>(&[b"FUNCTION", b"RESTORE", &payload]));
    }
    client.send(&sent);
    for _ in 0..18 {
        let reply = client.read().0;
        assert!(reply.is_error(), "{reply:?}");
    }
    target.stands();
}
