//! The durable log: one endless run of bytes, cut into segment files.
