//! The daemon: flags, configuration, tracing, then the server.

fn main() {}
