//! The one place that says which replies may differ between two correct servers, and how far.
//!
//! - Order: KEYS, SCAN, HSCAN, HGETALL, HKEYS, HVALS and what returns a set follow hash tables; they are
//!   compared as sorted lists.
//! - Choice: RANDOMKEY, HRANDFIELD and SRANDMEMBER pick at random; only the kinds of their elements are
//!   compared.
//! - Clock: TTL and its kin count from "now"; they may differ by [`CLOCK_SECONDS`]. OBJECT IDLETIME likewise.
//! - Pending entries and consumers of streams: how long ago, and when; likewise.
//! - Disk: WAITAOF tells how much is on disk by now; only that it tells is compared.
//! - Encoding: 7.0 calls every list a quicklist, 7.2 and this server small ones listpacks.
//! - Leftovers: after a number that was out of range for another command, stock's SORT takes those it
//!   reads for such as well; what it refuses then is not compared.
//! - Identity: HELLO tells version, id and role; only its field names are compared.
//!
//! Everything else is compared byte for byte.

use crate::support::Value;

/// Seconds by which two servers asked one after the other may disagree on a time to live.
const CLOCK_SECONDS: i64 = 5;

/// Tells whether `ours` and `stock` are the same reply to `command`; `queued` are EXEC's commands.
pub fn same(command: &[Vec<u8>], queued: &[Vec<Vec<u8>>], ours: &Reply, stock: &Reply) -> bool {
    ours.raw == stock.raw || similar(command, queued, &ours.value, &stock.value)
}

/// A reply, read and as it came.
#[derive(Debug)]
pub struct Reply {
    /// What it says.
    pub value: Value,
    /// Its bytes.
    pub raw: Vec<u8>,
}

fn similar(command: &[Vec<u8>], queued: &[Vec<Vec<u8>>], ours: &Value, stock: &Value) -> bool {
    if ours == stock && !matches!(ours, Value::Null) {
        return true;
    }
    if ["SORT", "SORT_RO"].contains(&name(command).as_str()) && refuses_weights(stock) {
        return true;
    }
    if ours.is_error() || stock.is_error() || command.is_empty() {
        return false;
    }
    match name(command).as_str() {
        "KEYS" | "SCAN" | "HSCAN" | "SSCAN" | "ZSCAN" | "HKEYS" | "HVALS" | "HGETALL"
        | "SMEMBERS" | "SINTER" | "SUNION" | "SDIFF" | "SPOP" => {
            sorted(command, ours) == sorted(command, stock)
        }
        "RANDOMKEY" | "HRANDFIELD" | "ZRANDMEMBER" | "SRANDMEMBER" => shape(ours) == shape(stock),
        "WAITAOF" => ours.elements().len() == stock.elements().len(),
        "OBJECT" if is_list_of_7_0(ours, stock) => true,
        "TTL" | "EXPIRETIME" | "OBJECT" => near(ours, stock, CLOCK_SECONDS),
        "PTTL" | "PEXPIRETIME" => near(ours, stock, CLOCK_SECONDS * 1000),
        "XPENDING" | "XINFO" => same_but_times(ours, stock),
        "HELLO" => field_names(ours) == field_names(stock),
        "EXEC" => match (ours, stock) {
            (Value::Array(ours), Value::Array(stock)) => {
                ours.len() == stock.len()
                    && queued.len() == ours.len()
                    && (queued.iter().zip(ours).zip(stock))
                        .all(|((command, ours), stock)| same_inside(command, ours, stock))
            }
            _ => false,
        },
        _ => false,
    }
}

/// As [`similar`] inside EXEC's reply, where a null's bytes are not at hand.
fn same_inside(command: &[Vec<u8>], ours: &Value, stock: &Value) -> bool {
    ours == stock || similar(command, &[], ours, stock)
}

/// The command's name in capitals.
pub fn name(command: &[Vec<u8>]) -> String {
    String::from_utf8_lossy(&command[0]).to_uppercase()
}

/// The reply with its elements in order: pairs for maps, single ones otherwise.
fn sorted(command: &[Vec<u8>], value: &Value) -> Value {
    let by = |a: &Value, b: &Value| a.partial_cmp(b).expect("bulk strings have an order");
    match (name(command).as_str(), value) {
        ("SCAN" | "HSCAN" | "SSCAN" | "ZSCAN", Value::Array(parts)) if parts.len() == 2 => {
            let is_paired = matches!(name(command).as_str(), "HSCAN" | "ZSCAN");
            let inner = if is_paired { "HGETALL" } else { "KEYS" };
            let elements = sorted(&[inner.as_bytes().to_vec()], &parts[1]);
            Value::Array(vec![parts[0].clone(), elements])
        }
        ("HGETALL", Value::Array(flat)) => {
            let mut pairs: Vec<_> =
                flat.chunks(2).map(|pair| Value::Array(pair.to_vec())).collect();
            pairs.sort_by(by);
            Value::Array(pairs)
        }
        ("HGETALL", Value::Map(pairs)) => {
            let mut pairs = pairs.clone();
            pairs.sort_by(|(a, _), (b, _)| by(a, b));
            Value::Map(pairs)
        }
        (_, Value::Array(elements)) => {
            let mut elements = elements.clone();
            elements.sort_by(by);
            Value::Array(elements)
        }
        (_, Value::Set(elements)) => {
            let mut elements = elements.clone();
            elements.sort_by(by);
            Value::Set(elements)
        }
        (_, other) => other.clone(),
    }
}

/// The reply with every string empty.
fn shape(value: &Value) -> Value {
    match value {
        Value::Bulk(_) => Value::Bulk(Vec::new()),
        Value::Double(_) => Value::Double(String::new()),
        Value::Array(elements) => Value::Array(elements.iter().map(shape).collect()),
        other => other.clone(),
    }
}

fn refuses_weights(stock: &Value) -> bool {
    stock.is_error() && stock.text().contains("scores can't be converted")
}

fn is_list_of_7_0(ours: &Value, stock: &Value) -> bool {
    matches!((ours, stock), (Value::Bulk(ours), Value::Bulk(stock))
        if ours == b"listpack" && stock == b"quicklist")
}

fn near(ours: &Value, stock: &Value, tolerance: i64) -> bool {
    match (ours, stock) {
        (Value::Integer(ours), Value::Integer(stock)) => {
            // Below zero are the answers "no such key" and "no expiry".
            *ours >= 0 && *stock >= 0 && ours.abs_diff(*stock) <= tolerance.unsigned_abs()
        }
        _ => false,
    }
}

/// Tells whether replies about streams are the same but for times: since when, or how long ago.
fn same_but_times(ours: &Value, stock: &Value) -> bool {
    /// No count is as large as a time of this century.
    const TIME_MIN: i64 = 1_000_000_000_000;
    let all = |ours: &[Value], stock: &[Value]| {
        let is_time = |at: usize| {
            let is_named = at.checked_sub(1).is_some_and(|before| is_time_named(&ours[before]));
            // What is pending: ID, consumer, for how long, how often.
            is_named || (at == 2 && ours.len() == 4 && matches!(ours[3], Value::Integer(_)))
        };
        ours.len() == stock.len()
            && ours.iter().zip(stock).enumerate().all(|(at, (ours, stock))| {
                same_but_times(ours, stock)
                    || (is_time(at) && near(ours, stock, CLOCK_SECONDS * 1000))
            })
    };
    match (ours, stock) {
        (Value::Array(ours), Value::Array(stock)) => all(ours, stock),
        (Value::Map(ours), Value::Map(stock)) => {
            ours.len() == stock.len()
                && ours.iter().zip(stock).all(|((name, ours), (other, stock))| {
                    let pair = |name: &Value, value: &Value| vec![name.clone(), value.clone()];
                    all(&pair(name, ours), &pair(other, stock))
                })
        }
        (Value::Integer(one), Value::Integer(other)) if *one > TIME_MIN && *other > TIME_MIN => {
            near(ours, stock, CLOCK_SECONDS * 1000)
        }
        (ours, stock) => ours == stock,
    }
}

fn is_time_named(value: &Value) -> bool {
    ["idle", "inactive", "seen-time", "active-time"].contains(&value.text().as_str())
}

fn field_names(value: &Value) -> Option<Vec<Value>> {
    match value {
        Value::Array(flat) => Some(flat.iter().step_by(2).cloned().collect()),
        Value::Map(pairs) => Some(pairs.iter().map(|(field, _)| field.clone()).collect()),
        _ => None,
    }
}
