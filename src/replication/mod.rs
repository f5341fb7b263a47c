//! Carries the stream to replicas and decides which history a server continues.
