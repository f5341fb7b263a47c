//! Holds the data set in memory: shards, partitions, values and expiry; no I/O.
