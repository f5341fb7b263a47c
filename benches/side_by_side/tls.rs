//! Clients in TLS, beside redis-server with its AOF: the same certificate, the same cipher.

use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

use crate::aims::Aim;
use crate::benchmark::{COLUMNS, Load, benchmark};
use crate::contestants::{Contestant, Entrant};
use crate::figures::{Column, interleaved};
use crate::load::{Pace, describe, requests};
use crate::table::Table;

/// What both sides agree on.
const CIPHER: &str = "TLS_AES_256_GCM_SHA384";
/// What a command should cost, beside the stock server's.
const CPU_TIMES_MAX: f64 = 0.9;

/// Runs all rows and writes them.
pub fn run(workers: &[usize], rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let files = Files::new()?;
    let contestants = Entrant::all("everysec", workers)
        .into_iter()
        .map(|entrant| files.compete(entrant))
        .collect::<io::Result<Vec<_>>>()?;
    let table = Table::begin("TLS, appendfsync everysec", COLUMNS, out)?;
    // Short values show what a record costs, long ones what its bytes cost.
    for (pipeline, value_bytes) in [(1, 64), (16, 64), (1, 4096)] {
        for command in ["set", "get"] {
            let requests = requests(command, pipeline, pace);
            let load = Load { command, pipeline, value_bytes, threads: 1, requests };
            let run = |index: usize| {
                let (contestant, port): &(Contestant, u16) = &contestants[index];
                let mut arguments = load.arguments(*port);
                arguments.extend(["--tls", "--cacert"].map(str::to_owned));
                arguments.push(files.certificate());
                benchmark(contestant, &arguments, requests)
            };
            let medians = interleaved(contestants.len(), rounds, run)?;
            let names = contestants.iter().map(|(contestant, _)| &*contestant.name);
            let aims = [
                Aim::times_or_less(Column::Cpu, CPU_TIMES_MAX),
                Aim::times_or_more(Column::Rate, 1.0),
            ];
            table.cell(&describe(&load), names, &medians, &aims, out)?;
        }
    }
    Ok(())
}

/// The certificate that all show, and its key.
struct Files(TempDir);

impl Files {
    fn new() -> io::Result<Self> {
        let directory = TempDir::new()?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).map_err(io::Error::other)?;
        fs::write(directory.path().join("crt"), cert.pem())?;
        fs::write(directory.path().join("key"), signing_key.serialize_pem())?;
        Ok(Self(directory))
    }

    fn certificate(&self) -> String {
        self.0.path().join("crt").display().to_string()
    }

    /// Starts an entrant that listens in TLS too; returns the port for that.
    fn compete(&self, entrant: Entrant) -> io::Result<(Contestant, u16)> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let key = self.0.path().join("key").display().to_string();
        let entrant = entrant.with(&["--tls-port", &port.to_string()]).with(&[
            "--tls-cert-file",
            &self.certificate(),
            "--tls-key-file",
            &key,
            "--tls-auth-clients",
            "no",
            "--tls-ciphersuites",
            CIPHER,
        ]);
        Ok((entrant.compete(0)?, port))
    }
}
