//! RDB files exchanged with a stock redis-server, in both directions.

#![expect(clippy::unwrap_used, reason = "a failed test says where by panicking")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use backlogd::position::{Offset, Position, Replid};
use backlogd::snapshot::rdb::{
    Checksum, Compression, Decoder, Encoder, Item, Limits, Options, Preamble, Value, crc64,
};

const INSTALL: &str = "is needed by this test: apt-get install redis-server redis-tools";

#[derive(Clone, Debug, PartialEq)]
enum Held {
    String(Vec<u8>),
    Hash(BTreeMap<Vec<u8>, Vec<u8>>),
}

/// Database and key, with expiry and value.
type Model = BTreeMap<(u64, Vec<u8>), (Option<i64>, Held)>;

/// A stock server on a Unix socket of its own directory.
struct Stock {
    child: Child,
    connection: BufReader<UnixStream>,
    place: PathBuf,
}

#[derive(Debug, PartialEq)]
enum Reply {
    Line(String),
    Bulk(Option<Vec<u8>>),
    Array(Vec<Reply>),
}

impl Stock {
    fn start(place: &Path) -> Self {
        let mut child = Command::new("redis-server")
            .current_dir(place)
            .args(["--port", "0", "--unixsocket", "stock.sock", "--save", "", "--daemonize", "no"])
            .args(["--enable-debug-command", "yes", "--logfile", ""])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("redis-server {INSTALL} ({error})"));
        let log = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        for line in log.lines() {
            let line = line.unwrap();
            if line.contains("eady to accept connections") || line.contains("accept connections at")
            {
                let stream = UnixStream::connect(place.join("stock.sock")).unwrap();
                let connection = BufReader::new(stream);
                return Self { child, connection, place: place.to_owned() };
            }
            said.push_str(&line);
            said.push('\n');
        }
        let _ = child.wait();
        panic!("redis-server did not start:\n{said}");
    }

    fn call(&mut self, arguments: &[&[u8]]) -> Reply {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            request.extend(format!("${}\r\n", argument.len()).as_bytes());
            request.extend_from_slice(argument);
            request.extend(b"\r\n");
        }
        self.connection.get_mut().write_all(&request).unwrap();
        self.read_reply()
    }

    fn read_reply(&mut self) -> Reply {
        let mut line = String::new();
        self.connection.read_line(&mut line).unwrap();
        let line = line.trim_end();
        let count = || line[1..].parse::<i64>().unwrap();
        match line.as_bytes()[0] {
            b'$' if count() < 0 => Reply::Bulk(None),
            b'$' => {
                let mut bulk = vec![0; count() as usize + 2];
                self.connection.read_exact(&mut bulk).unwrap();
                bulk.truncate(bulk.len() - 2);
                Reply::Bulk(Some(bulk))
            }
            b'*' => Reply::Array((0..count()).map(|_| self.read_reply()).collect()),
            b'-' => panic!("stock says {line}"),
            _ => Reply::Line(line[1..].to_owned()),
        }
    }

    fn fill(&mut self, model: &Model) {
        for ((db, key), (expiry, held)) in model {
            self.call(&[b"SELECT", db.to_string().as_bytes()]);
            match held {
                Held::String(value) => {
                    self.call(&[b"SET", key, value]);
                }
                Held::Hash(fields) => {
                    for (field, value) in fields {
                        self.call(&[b"HSET", key, field, value]);
                    }
                }
            }
            if let Some(expiry) = expiry {
                self.call(&[b"PEXPIREAT", key, expiry.to_string().as_bytes()]);
            }
        }
    }

    fn save(&mut self) -> Vec<u8> {
        self.call(&[b"SAVE"]);
        fs::read(self.place.join("dump.rdb")).unwrap()
    }

    fn digest(&mut self) -> Reply {
        self.call(&[b"DEBUG", b"DIGEST"])
    }

    /// Checks that the server holds exactly what `model` says.
    fn expect(&mut self, model: &Model) {
        let mut keys_by_db: BTreeMap<u64, i64> = BTreeMap::new();
        for ((db, key), (expiry, held)) in model {
            *keys_by_db.entry(*db).or_default() += 1;
            self.call(&[b"SELECT", db.to_string().as_bytes()]);
            let expected = expiry.unwrap_or(-1).to_string();
            assert_eq!(self.call(&[b"PEXPIRETIME", key]), Reply::Line(expected));
            match held {
                Held::String(value) => {
                    assert_eq!(self.call(&[b"GET", key]), Reply::Bulk(Some(value.clone())));
                }
                Held::Hash(fields) => {
                    assert_eq!(self.call(&[b"HLEN", key]), Reply::Line(fields.len().to_string()));
                    for (field, value) in fields {
                        let reply = self.call(&[b"HGET", key, field]);
                        assert_eq!(reply, Reply::Bulk(Some(value.clone())));
                    }
                }
            }
        }
        for (db, keys) in keys_by_db {
            self.call(&[b"SELECT", db.to_string().as_bytes()]);
            assert_eq!(self.call(&[b"DBSIZE"]), Reply::Line(keys.to_string()));
        }
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn noise(len: u32, seed: u32) -> Vec<u8> {
    (0..len).map(|n| (n ^ seed).wrapping_mul(0x9e37_79b1).to_be_bytes()[0]).collect()
}

fn hash(fields: u32, value: impl Fn(u32) -> Vec<u8>) -> Held {
    Held::Hash((0..fields).map(|n| (format!("field:{n}").into_bytes(), value(n))).collect())
}

/// Every kind of string and hash, over several databases, some of it expiring far from now.
fn model() -> Model {
    let mut model = Model::new();
    let mut put = |db: u64, key: &[u8], expiry, held| {
        model.insert((db, key.to_vec()), (expiry, held));
    };
    let later = Some(4_000_000_000_123);
    for bits in [0, 6, 7, 8, 14, 15, 16, 30, 31, 32, 52, 62] {
        for n in [1i64 << bits, -(1i64 << bits), (1i64 << bits) - 1] {
            let text = n.to_string().into_bytes();
            put(
                0,
                &text,
                (bits % 2 == 0).then_some(4_000_000_000_000 + bits),
                Held::String(text.clone()),
            );
        }
    }
    for len in [0, 1, 20, 21, 63, 64, 16_383, 16_384, 70_000, 2_000_000] {
        put(0, format!("repeats:{len}").as_bytes(), None, Held::String(b"ab".repeat(len)));
        put(3, format!("noise:{len}").as_bytes(), later, Held::String(noise(len as u32, 7)));
        let mixed = [noise(len as u32, 1), b"lorem ipsum dolor ".repeat(len / 9)].concat();
        put(3, format!("mixed:{len}").as_bytes(), None, Held::String(mixed));
    }
    for text in ["-0", "007", "1.5", "+1", " 1", "9223372036854775808", "12345678901"] {
        put(9, text.as_bytes(), None, Held::String(text.as_bytes().to_vec()));
    }
    put(9, b"long key that repeats, long key that repeats, repeats", None, Held::String(vec![1]));
    put(9, b"\x00\xff\r\n", later, Held::String(vec![0, 255, 13, 10]));
    put(15, b"small", None, hash(3, |n| n.to_string().into_bytes()));
    put(15, b"integers", later, hash(60, |n| (-(1i64 << n)).to_string().into_bytes()));
    put(15, b"packed", None, hash(512, |n| noise(n.min(64), n)));
    put(15, b"many", later, hash(513, |_| b"v".to_vec()));
    put(15, b"wide", None, hash(2, |n| noise(65 + n * 50_000, n)));
    put(15, b"large", None, hash(5000, |n| b"value ".repeat(n as usize % 20)));
    model
}

fn decode(bytes: &[u8]) -> (Model, BTreeMap<String, String>) {
    let (mut model, mut aux) = (Model::new(), BTreeMap::new());
    let mut decoder = Decoder::new(bytes, Limits::default()).unwrap();
    let mut db = 0;
    loop {
        match decoder.next_item().unwrap() {
            Item::Aux { key, value } => {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                aux.insert(text(key), text(value));
            }
            Item::SelectDb(selected) => db = selected,
            Item::Entry(entry) => {
                let held = match entry.value {
                    Value::String(value) => Held::String(value.to_vec()),
                    Value::Hash(pairs) => Held::Hash(
                        pairs
                            .iter()
                            .map(|(field, value)| (field.to_vec(), value.to_vec()))
                            .collect(),
                    ),
                    other => panic!("no such value was put there: {other:?}"),
                };
                let twice = model.insert((db, entry.key.to_vec()), (entry.expiry_ms, held));
                assert_eq!(twice, None);
            }
            Item::ResizeDb { .. } => {}
            Item::Function(_) => panic!("nobody has loaded a library"),
            Item::Eof { checksum } => {
                assert_eq!(checksum, crc64(0, &bytes[..bytes.len() - 8]));
                assert_eq!(decoder.consumed(), bytes.len() as u64);
                return (model, aux);
            }
        }
    }
}

fn preamble() -> Preamble<'static> {
    Preamble {
        redis_version: "7.2.5",
        created_seconds: 1_700_000_000,
        used_memory_bytes: 1 << 20,
        position: Position { replid: Replid::from_bytes([0x5a; 20]), offset: Offset(1234) },
        stream_db: 3,
    }
}

fn encode(model: &Model, path: &Path, options: Options) {
    let mut encoder = Encoder::new(File::create(path).unwrap(), options).unwrap();
    encoder.preamble(&preamble()).unwrap();
    let mut selected = None;
    for ((db, key), (expiry, held)) in model {
        if selected != Some(*db) {
            selected = Some(*db);
            encoder.select_db(*db).unwrap();
            let entries = model.iter().filter(|((other, _), _)| other == db);
            let expires = entries.clone().filter(|(_, (expiry, _))| expiry.is_some()).count();
            encoder.resize_db(entries.count() as u64, expires as u64).unwrap();
        }
        match held {
            Held::String(value) => encoder.string(key, *expiry, value).unwrap(),
            Held::Hash(fields) => encoder.hash(key, *expiry, fields.iter()).unwrap(),
        }
    }
    encoder.finish().unwrap();
}

fn check_with_stock_tool(path: &Path) {
    let output = Command::new("redis-check-rdb")
        .arg(path)
        .output()
        .unwrap_or_else(|error| panic!("redis-check-rdb {INSTALL} ({error})"));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("RDB looks OK"), "{said}");
}

#[test]
fn what_stock_saves_is_decoded_in_full() {
    for options in [["yes", "yes"], ["no", "no"]] {
        let place = tempfile::tempdir().unwrap();
        let mut stock = Stock::start(place.path());
        stock.call(&[b"CONFIG", b"SET", b"rdbcompression", options[0].as_bytes()]);
        stock.fill(&model());
        let (decoded, aux) = decode(&stock.save());
        assert_eq!(decoded, model());
        assert_eq!(aux["redis-bits"], "64");
        assert!(aux.contains_key("redis-ver"));
    }
}

#[test]
fn what_stock_saves_under_an_eviction_policy_is_decoded_too() {
    for policy in [&b"allkeys-lru"[..], b"allkeys-lfu"] {
        let place = tempfile::tempdir().unwrap();
        let mut stock = Stock::start(place.path());
        stock.call(&[b"CONFIG", b"SET", b"maxmemory-policy", policy]);
        stock.fill(&model());
        assert_eq!(decode(&stock.save()).0, model());
    }
}

#[test]
fn what_we_save_is_loaded_by_stock_in_every_version_and_variant() {
    let mut digests = Vec::new();
    for version in [9, 10] {
        for compression in [Compression::None, Compression::Lzf] {
            for checksum in [Checksum::Omitted, Checksum::Written] {
                let place = tempfile::tempdir().unwrap();
                let path = place.path().join("dump.rdb");
                let options = Options { version, compression, checksum, ..Options::default() };
                encode(&model(), &path, options);
                assert_eq!(decode(&fs::read(&path).unwrap()).0, model());
                check_with_stock_tool(&path);
                let mut stock = Stock::start(place.path());
                stock.expect(&model());
                digests.push(stock.digest());
                if version == 10 {
                    assert_eq!(decode(&stock.save()).0, model());
                }
            }
        }
    }
    let place = tempfile::tempdir().unwrap();
    let mut stock = Stock::start(place.path());
    stock.fill(&model());
    let digest = stock.digest();
    assert!(digests.iter().all(|other| *other == digest), "{digest:?} {digests:?}");
}

#[test]
fn packed_hashes_keep_their_encoding_in_stock() {
    let place = tempfile::tempdir().unwrap();
    encode(&model(), &place.path().join("dump.rdb"), Options::default());
    let mut stock = Stock::start(place.path());
    stock.call(&[b"SELECT", b"15"]);
    for (key, encoding) in [("small", "listpack"), ("packed", "listpack"), ("many", "hashtable")] {
        let reply = stock.call(&[b"OBJECT", b"ENCODING", key.as_bytes()]);
        assert_eq!(reply, Reply::Bulk(Some(encoding.into())), "{key}");
    }
}

#[test]
fn stock_reads_the_old_hash_encodings_as_we_do() {
    let zipmap = b"\x02\x01f\x01\x02vxx\x03foo\x02\x0042\xff";
    let mut ziplist = vec![0; 8];
    ziplist.extend(
        b"\x0a\0\x00\x01a\x03\xfe\xf0\x03\x01b\x03\xc0\x00\x10\x04\x01c\x03\xf0\x00\x00\x80",
    );
    ziplist.extend(b"\x05\x01d\x03\xd0\x00\x00\x00\x80\x06\x01e");
    let last = ziplist.len() as u32;
    ziplist.extend(b"\x03\xe0\x00\x00\x00\x00\x00\x00\x00\x80\xff");
    let total = (ziplist.len() as u32).to_le_bytes();
    ziplist[..4].copy_from_slice(&total);
    ziplist[4..8].copy_from_slice(&last.to_le_bytes());
    let place = tempfile::tempdir().unwrap();
    let mut file = b"REDIS0003\xfe\x00".to_vec();
    for (code, packed) in [(9, &zipmap[..]), (13, &ziplist[..])] {
        file.extend([code, 1, b'a' + code, packed.len() as u8]);
        file.extend(packed);
    }
    file.push(0xff);
    let ours = decode_old(&file);
    assert_eq!(ours.len(), 2);
    fs::write(place.path().join("dump.rdb"), &file).unwrap();
    let mut stock = Stock::start(place.path());
    stock.expect(&ours);
    assert_eq!(decode(&stock.save()).0, ours);
}

/// Decodes a file from before checksums.
fn decode_old(file: &[u8]) -> Model {
    let mut model = Model::new();
    let mut decoder = Decoder::new(file, Limits::default()).unwrap();
    loop {
        match decoder.next_item().unwrap() {
            Item::Entry(entry) => {
                let Value::Hash(pairs) = entry.value else { panic!("only hashes are there") };
                let pairs = pairs.iter().map(|(f, v)| (f.to_vec(), v.to_vec())).collect();
                model.insert((0, entry.key.to_vec()), (entry.expiry_ms, Held::Hash(pairs)));
            }
            Item::Eof { .. } => return model,
            _ => {}
        }
    }
}

#[test]
fn libraries_of_functions_are_read_from_a_stock_file() {
    let place = tempfile::tempdir().unwrap();
    let mut stock = Stock::start(place.path());
    // Long enough to be compressed.
    let library = format!(
        "#!lua name=l\nredis.register_function('f', function() return 1 end)\n{}",
        "-- much of the same\n".repeat(20)
    );
    stock.call(&[b"FUNCTION", b"LOAD", library.as_bytes()]);
    let bytes = stock.save();
    let mut decoder = Decoder::new(&bytes[..], Limits::default()).unwrap();
    let mut found = Vec::new();
    loop {
        match decoder.next_item().unwrap() {
            Item::Eof { .. } => break,
            Item::Function(source) => found.push(String::from_utf8_lossy(source).into_owned()),
            _ => {}
        }
    }
    assert_eq!(found, [library]);
}
