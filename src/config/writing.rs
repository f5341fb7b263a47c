//! The directives that say how values are written, in snapshots and by `DUMP`.

use super::store::Config;

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// `backlog-rdb-version`.
    pub rdb_version: u32,
    /// `rdbcompression`.
    pub compressed: bool,
    /// `hash-max-listpack-entries` and `hash-max-listpack-value`.
    pub hashes: Packed,
    /// `set-max-listpack-entries` and `set-max-listpack-value`.
    pub sets: Packed,
    /// `zset-max-listpack-entries` and `zset-max-listpack-value`.
    pub sorted_sets: Packed,
    /// `set-max-intset-entries`.
    pub intset_members_max: usize,
    /// `list-max-listpack-size`.
    pub list_node_max: i64,
}

/// Up to where values of a type are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// So many fields or members.
    pub entries_max: usize,
    /// None longer than so many bytes.
    pub bytes_max: usize,
}

impl Config {
    pub(super) fn writing(&self) -> Writing {
        let packed = |entries, bytes| Packed {
            entries_max: self.unsigned(entries),
            bytes_max: self.unsigned(bytes),
        };
        Writing {
            rdb_version: self.unsigned("backlog-rdb-version"),
            compressed: self.yes("rdbcompression"),
            hashes: packed("hash-max-listpack-entries", "hash-max-listpack-value"),
            sets: packed("set-max-listpack-entries", "set-max-listpack-value"),
            sorted_sets: packed("zset-max-listpack-entries", "zset-max-listpack-value"),
            intset_members_max: self.unsigned("set-max-intset-entries"),
            list_node_max: self.unsigned("list-max-listpack-size"),
        }
    }
}
