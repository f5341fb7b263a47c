//! The directives for users, beside the lines that make them.

use std::path::PathBuf;

use super::store::Config;
use super::value::Value;

/// What holds for all users.
#[derive(Clone, Debug)]
pub struct UserSettings {
    /// `aclfile`, found from `dir` as other servers find it.
    pub file: Option<PathBuf>,
    /// `acllog-max-len`.
    pub log_len_max: usize,
    /// `acl-pubsub-default allchannels`.
    pub opens_channels: bool,
}

impl Config {
    pub(super) fn user_settings(&self) -> UserSettings {
        UserSettings {
            file: self.path("aclfile").map(|path| self.dir().join(path)),
            log_len_max: self.unsigned("acllog-max-len"),
            opens_channels: *self.value("acl-pubsub-default") == Value::Choice("allchannels"),
        }
    }
}
