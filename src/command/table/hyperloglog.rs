//! Commands that count distinct elements.

use super::flag::{ADMIN, DENYOOM, FAST, KEEPS_RESULT, READONLY, WRITE};
use super::row::{arg, command, key, key_at, keys_from};
use super::{Command, acl};
use crate::command::hyperloglog;

pub(super) const ROWS: &[Command] = &[
    command("pfadd", -2, WRITE | DENYOOM | FAST)
        .acl(acl::HYPERLOGLOG)
        .run(hyperloglog::pfadd)
        .keys(&[key_at(1, "RW insert")])
        .docs("Adds elements to a HyperLogLog.", "2.8.9", "O(1) per element.")
        .takes(&[key("key", 0), arg("element", "string").optional().multiple()]),
    command("pfcount", -2, READONLY | KEEPS_RESULT)
        .acl(acl::HYPERLOGLOG)
        .run(hyperloglog::pfcount)
        .keys(&[keys_from(1, -1, 1, "RW access").noted("RW, as the count is kept with the key")])
        .docs(
            "Estimates how many distinct elements were added to HyperLogLogs, taken together.",
            "2.8.9",
            "O(1) for one key, whose count is kept; O(N) for N keys.",
        )
        .takes(&[key("key", 0).multiple()]),
    command("pfdebug", 3, WRITE | DENYOOM | ADMIN)
        .acl(acl::HYPERLOGLOG)
        .run(hyperloglog::pfdebug)
        .keys(&[key_at(2, "RW access")])
        .docs("Looks into a HyperLogLog, for tests.", "2.8.9", "N/A")
        .internal()
        .takes(&[arg("subcommand", "string"), key("key", 0)]),
    command("pfmerge", -2, WRITE | DENYOOM)
        .acl(acl::HYPERLOGLOG)
        .run(hyperloglog::pfmerge)
        .keys(&[key_at(1, "RW access insert"), keys_from(2, -1, 1, "RO access")])
        .docs(
            "Merges HyperLogLogs into one.",
            "2.8.9",
            "O(N), N being the HyperLogLogs, with a large factor.",
        )
        .takes(&[key("destkey", 0), key("sourcekey", 1).multiple()]),
    command("pfselftest", 1, ADMIN)
        .acl(acl::HYPERLOGLOG)
        .run(hyperloglog::pfselftest)
        .docs("Tests that HyperLogLogs count as they should.", "2.8.9", "N/A")
        .internal(),
];
