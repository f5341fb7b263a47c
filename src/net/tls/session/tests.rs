use std::collections::VecDeque;

use super::*;
use crate::net::tls::testing::configs;

/// One end of a connection whose socket is a queue that takes and gives as much as it is told to.
struct End {
    session: Session,
    socket: VecDeque<u8>,
}

/// How much a socket takes before it is full.
const ENDLESS: usize = usize::MAX;

impl End {
    fn pair() -> (Self, Self) {
        let (server, client) = configs();
        let end = |session| Self { session, socket: VecDeque::new() };
        let (mut client, mut server) = (
            end(Session::client(client, "server").unwrap()),
            end(Session::server(server).unwrap()),
        );
        client.session.flush(put(&mut server.socket, ENDLESS)).unwrap();
        while client.session.is_handshaking() || server.session.is_handshaking() {
            assert!(server.read(&mut client, ENDLESS).is_empty());
            assert!(client.read(&mut server, ENDLESS).is_empty());
        }
        server.read(&mut client, ENDLESS);
        client.read(&mut server, ENDLESS);
        (client, server)
    }

    /// Reads all that has come, so many bytes at a time; answers go to `other`.
    fn read(&mut self, other: &mut Self, at_once: usize) -> Vec<u8> {
        let mut plain = BytesMut::new();
        let get = get(&mut self.socket, at_once);
        match self.session.receive(&mut plain, get, put(&mut other.socket, ENDLESS)) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(0) => panic!("it was not ended"),
            Ok(_) => plain.extend_from_slice(&self.read(other, at_once)),
            Err(error) => panic!("{error}"),
        }
        plain.to_vec()
    }
}

fn get(socket: &mut VecDeque<u8>, at_once: usize) -> impl FnMut(&mut [u8]) -> io::Result<usize> {
    move |bytes| {
        let count = bytes.len().min(socket.len()).min(at_once);
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        for (to, from) in bytes.iter_mut().zip(socket.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

fn put(socket: &mut VecDeque<u8>, room: usize) -> impl FnMut(&[u8]) -> io::Result<usize> {
    let mut room = room;
    move |bytes| {
        let count = bytes.len().min(room);
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        room -= count;
        socket.extend(&bytes[..count]);
        Ok(count)
    }
}

fn text(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 7 / 3) as u8).collect()
}

#[test]
fn however_a_socket_cuts_what_is_sent_it_arrives_whole_and_once() {
    let (mut client, mut server) = End::pair();
    let sent = text(200_000);
    for at_once in [1, 5, 6, 1000, 16_384, 70_000, ENDLESS] {
        let (mut at, mut came) = (0, Vec::new());
        while at < sent.len() {
            match client.session.send(&sent[at..], put(&mut server.socket, at_once)) {
                Ok(count) => at += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            came.extend(server.read(&mut client, at_once));
        }
        while !client.session.is_flushed() {
            // The socket has room again and again.
            drop(client.session.flush(put(&mut server.socket, at_once)));
            came.extend(server.read(&mut client, at_once));
        }
        assert!(came == sent, "{at_once}");
    }
}

#[test]
fn a_full_socket_is_handed_one_batch_and_nothing_more() {
    let (mut client, mut server) = End::pair();
    let sent = text(1 << 20);
    let mut taken = client.session.send(&sent, put(&mut server.socket, 10)).unwrap();
    assert_eq!(taken, BATCH_BYTES);
    let again = client.session.send(&sent[taken..], put(&mut server.socket, 10)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::WouldBlock);
    assert!(client.session.outgoing.len() < BATCH_BYTES + 5 * RECORD_EXTRA_BYTES);
    while taken < sent.len() {
        taken += client.session.send(&sent[taken..], put(&mut server.socket, ENDLESS)).unwrap();
    }
    assert!(server.read(&mut client, ENDLESS) == sent);
}

#[test]
fn the_end_is_told_and_what_follows_is_not_heard() {
    let (mut client, mut server) = End::pair();
    client.session.send(b"last", put(&mut server.socket, ENDLESS)).unwrap();
    client.session.end(put(&mut server.socket, ENDLESS));
    server.socket.extend(b"beyond the end");
    let mut plain = BytesMut::new();
    let mut receive = |plain: &mut BytesMut| {
        let get = get(&mut server.socket, ENDLESS);
        server.session.receive(plain, get, |_| Ok(0)).unwrap()
    };
    assert_eq!(receive(&mut plain), 4);
    assert_eq!(receive(&mut plain), 0);
    assert_eq!(&plain[..], b"last");
    // The other direction is still open.
    server.session.send(b"answer", put(&mut client.socket, ENDLESS)).unwrap();
    assert_eq!(client.read(&mut server, ENDLESS), b"answer");
}

#[test]
fn what_is_no_tls_is_an_error_that_the_peer_is_told_once() {
    let hello = [&[0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1][..], &[7; 32], &[0, 0, 2, 0, 0x2f, 1, 0]];
    for garbage in [
        b"PING\r\n",
        &b"*1\r\n$4\r\nPING\r\n"[..],
        &[0; 20],
        &[0x16, 3, 1, 0xff, 0xff, 1],
        // A message of a handshake in two records, the second of which is none.
        &[0x16, 3, 1, 0, 4, 1, 0, 1, 0, 0x17, 3, 3, 0, 1, 0],
        // One that is too long.
        &[0x16, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
        &hello.concat(),
        // An alert, and more behind it.
        &[0x15, 3, 3, 0, 2, 2, 40, 0x16, 3, 3, 0, 1, 0],
    ] {
        let mut session = Session::server(configs().0).unwrap();
        let (mut socket, mut answers) = (VecDeque::from(garbage.to_vec()), VecDeque::new());
        let mut plain = BytesMut::new();
        let error = session
            .receive(&mut plain, get(&mut socket, ENDLESS), put(&mut answers, ENDLESS))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{garbage:?}");
        assert!(answers.is_empty() || (answers[0], answers.len()) == (0x15, 7), "{answers:?}");
        session.end(put(&mut answers, ENDLESS));
        assert!(session.send(b"reply", put(&mut answers, ENDLESS)).is_err());
    }
}

#[test]
fn a_changed_byte_ends_the_connection_and_says_nothing() {
    // The head, but for the kind of record, which is encrypted as well; the text; the tag.
    for at in [1, 4, 20, 60] {
        let (mut client, mut server) = End::pair();
        client.session.send(&text(50), put(&mut server.socket, ENDLESS)).unwrap();
        server.socket[at] ^= 1;
        let mut plain = BytesMut::new();
        let received = server.session.receive(
            &mut plain,
            get(&mut server.socket, ENDLESS),
            put(&mut client.socket, ENDLESS),
        );
        assert!(received.is_err(), "{at}");
        assert!(plain.is_empty());
    }
}

#[test]
fn whatever_becomes_of_the_bytes_between_them_neither_end_panics_or_hears_what_was_not_said() {
    let (said, mut heard_whole) = (text(3000), 0);
    for seed in 0..400_u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut below = |limit: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % limit as u64) as usize
        };
        let (server, client) = configs();
        let mut ends =
            [Session::client(client, "server").unwrap(), Session::server(server).unwrap()];
        let mut sockets = [VecDeque::new(), VecDeque::new()];
        let mut heard = [BytesMut::new(), BytesMut::new()];
        let mut has_said = [false; 2];
        // The first steps are those of the handshake.
        let harm_at = below(14);
        for step in 0..16 {
            let (own, other) = (step % 2, 1 - step % 2);
            if step == harm_at {
                harm(&mut sockets[own], &mut below);
            }
            let at_once = [1 + below(50), ENDLESS][below(2)];
            for _ in 0..below(200) {
                let [first, second] = &mut sockets;
                let (from, to) = if own == 0 { (first, second) } else { (second, first) };
                let (get, put) = (get(from, at_once), put(to, ENDLESS));
                if ends[own].receive(&mut heard[own], get, put).is_err() {
                    break;
                }
            }
            drop(ends[own].flush(put(&mut sockets[other], ENDLESS)));
            if !ends[own].is_handshaking() && !has_said[own] {
                has_said[own] = ends[own].send(&said, put(&mut sockets[other], ENDLESS)).is_ok();
            }
        }
        for (end, socket) in ends.iter_mut().zip(&mut sockets) {
            end.end(put(socket, ENDLESS));
        }
        for heard in heard {
            assert!(said.starts_with(&heard), "{seed}");
            heard_whole += usize::from(heard.len() == said.len());
        }
    }
    assert!((100..700).contains(&heard_whole), "some get through, and some do not: {heard_whole}");
}

/// Flips, takes out, doubles or puts in bytes.
fn harm(socket: &mut VecDeque<u8>, below: &mut impl FnMut(usize) -> usize) {
    if socket.is_empty() {
        socket.extend([0x16, 3, 3, 0, 4]);
    }
    let at = below(socket.len());
    let count = 1 + below(8.min(socket.len() - at));
    match below(4) {
        0 => socket[at] ^= 1 << below(8),
        1 => drop(socket.drain(at..at + count)),
        2 => {
            let copy: Vec<_> = socket.range(at..at + count).copied().collect();
            for byte in copy {
                socket.insert(at, byte);
            }
        }
        _ => socket.truncate(at),
    }
}
