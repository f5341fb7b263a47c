//! Reads, holds and rewrites the configuration: redis.conf syntax and its directives.
