//! Who competes: the flags of each, and each with its replicas.

use std::io;

use crate::server::{Kind, Running};

/// A server that can be started, as often as it is needed.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// What its rows are called.
    pub name: String,
    /// Which server.
    pub kind: Kind,
    arguments: Vec<String>,
}

/// A server that runs, with its replicas.
#[derive(Debug)]
pub struct Contestant {
    /// What its rows are called.
    pub name: String,
    /// The server that is measured.
    pub server: Running,
    replicas: Vec<Running>,
}

impl Entrant {
    /// redis-server with its AOF, which nothing rewrites meanwhile.
    pub fn redis_aof(policy: &str) -> Self {
        Self::redis("redis aof", &["--appendonly", "yes", "--appendfsync", policy])
    }

    /// redis-server without a log.
    pub fn redis_bare() -> Self {
        Self::redis("redis bare", &["--appendonly", "no"])
    }

    /// backlogd as it is by default, but for the policy and for snapshots nobody asked for.
    pub fn backlogd(policy: &str) -> Self {
        let arguments = ["--appendfsync", policy, "--backlog-snapshot-ratio", "1000000"];
        Self::new("backlogd", Kind::Backlogd, &arguments)
    }

    /// redis-server with its AOF first, backlogd by default, and with each number of workers.
    pub fn all(policy: &str, workers: &[usize]) -> Vec<Self> {
        let fixed = workers.iter().map(|workers| {
            Self::backlogd(policy)
                .called(&format!("backlogd {workers}"))
                .with(&["--io-threads", &workers.to_string()])
        });
        [Self::redis_aof(policy), Self::backlogd(policy)].into_iter().chain(fixed).collect()
    }

    /// Gives it another name.
    pub fn called(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Gives it more arguments.
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Starts it with an empty directory.
    pub fn start(&self) -> io::Result<Running> {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        Running::start(self.kind, &arguments)
    }

    /// Starts it, and so many stock replicas, and waits until they follow.
    pub fn compete(&self, replicas: usize) -> io::Result<Contestant> {
        let server = self.start()?;
        let replicas = (0..replicas).map(|_| server.replica()).collect::<io::Result<Vec<_>>>()?;
        server.until_followed_by(&replicas)?;
        Ok(Contestant { name: self.name.clone(), server, replicas })
    }

    /// Starts it, and a replica that is its twin, and waits until that follows.
    pub fn compete_with_twin(&self) -> io::Result<Contestant> {
        let server = self.start()?;
        let replicas = vec![server.twin()?];
        server.until_followed_by(&replicas)?;
        Ok(Contestant { name: self.name.clone(), server, replicas })
    }

    fn redis(name: &str, arguments: &[&str]) -> Self {
        let quiet = ["--auto-aof-rewrite-percentage", "0", "--repl-diskless-sync-delay", "0"];
        Self::new(name, Kind::Redis, arguments).with(&quiet)
    }

    fn new(name: &str, kind: Kind, arguments: &[&str]) -> Self {
        Self { name: name.to_owned(), kind, arguments: Vec::new() }.with(arguments)
    }
}

impl Contestant {
    /// Waits until the replicas have all that the server has.
    pub fn until_followed(&self) -> io::Result<()> {
        self.server.until_followed_by(&self.replicas).map(drop)
    }

    /// Its only replica.
    pub fn replica(&self) -> io::Result<&Running> {
        self.replicas.first().ok_or_else(|| io::Error::other("it has no replica"))
    }
}
