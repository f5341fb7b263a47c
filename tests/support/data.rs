//! Data for tests of what is kept.

use super::Client;
use super::random::Random;

/// Writes strings, hashes, a counter and keys that expire, in four databases.
pub fn fill(client: &mut Client, from: usize, count: usize) {
    for index in from..from + count {
        client.call(&["SELECT", &(index % 4).to_string()]);
        client.call(&["SET", &format!("key:{index}"), &"x".repeat(index % 300)]);
        client.call(&["HSET", &format!("hash:{index}"), "a", "1", "b", &index.to_string()]);
        client.call(&["INCR", "counter"]);
        client.call(&["SET", &format!("lasting:{index}"), "v", "EX", "1000"]);
    }
    client.run("SELECT 0");
}

/// Makes everything written so far durable.
pub fn sync(client: &mut Client) {
    assert_eq!(client.run("WAITAOF 1 0 0").elements()[0].integer(), 1);
}

/// Makes text that cannot be compressed much, 16 bytes for each of `count`.
pub fn text(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| format!("{:016x}", random.bits())).collect::<Vec<_>>().concat()
}
