//! One publisher, and subscribers that read everything: what the server takes for each delivery.
//!
//! Clients are tasks on one thread. A delivery is one message to one subscriber.

use std::io::{self, Write};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::aims::Aim;
use crate::client;
use crate::contestants::Entrant;
use crate::figures::{Column, Figures, interleaved};
use crate::load::Pace;
use crate::server::Running;
use crate::table::Table;

const COLUMNS: &[Column] = &[Column::Rate, Column::Cpu];
const SUBSCRIBERS: usize = 100;
const MESSAGE_BYTES: usize = 32;
const CHANNEL: &str = "channel";
/// How much a subscriber reads at once.
const READ_BYTES: usize = 64 * 1024;

/// Runs all rows and writes them.
pub fn run(workers: &[usize], rounds: usize, pace: Pace, out: &mut impl Write) -> io::Result<()> {
    let entrants = Entrant::all("everysec", workers);
    let servers = entrants.iter().map(Entrant::start).collect::<io::Result<Vec<_>>>()?;
    let title = format!(
        "PUBLISH of {MESSAGE_BYTES} B to {SUBSCRIBERS} subscribers, everysec; rate and CPU are of deliveries"
    );
    let table = Table::begin(&title, COLUMNS, out)?;
    for pipeline in [1, 16, 64] {
        let messages = match (pace, pipeline) {
            (Pace::Quick, _) | (_, 1) => 5_000,
            _ => 50_000,
        };
        let batches = messages / pipeline;
        let medians = interleaved(servers.len(), rounds, |index| {
            measure(&servers[index], pipeline, batches)
        })?;
        let names = entrants.iter().map(|entrant| &*entrant.name);
        let aims = [Aim::times_or_less(Column::Cpu, 1.0)];
        table.cell(&format!("pipeline {pipeline}"), names, &medians, &aims, out)?;
    }
    Ok(())
}

fn measure(server: &Running, pipeline: usize, batches: usize) -> io::Result<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (took, busy) = runtime.block_on(async {
        let mut subscribers = Vec::new();
        for _ in 0..SUBSCRIBERS {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await?;
            talk(&mut stream, &[&["SUBSCRIBE", CHANNEL]], confirmation().len()).await?;
            subscribers.push(stream);
        }
        let publisher = TcpStream::connect(("127.0.0.1", server.port)).await?;
        publisher.set_nodelay(true)?;
        let (begun, before) = (Instant::now(), server.busy()?);
        let mut tasks = JoinSet::new();
        for stream in subscribers {
            tasks.spawn(hear(stream, message().len() * pipeline * batches));
        }
        tasks.spawn(publish(publisher, pipeline, batches));
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(io::Error::other)??;
        }
        io::Result::Ok((begun.elapsed(), server.busy()?.saturating_sub(before)))
    })?;
    let deliveries = (pipeline * batches * SUBSCRIBERS) as f64;
    Ok(Figures::default()
        .with(Column::Rate, deliveries / took.as_secs_f64() / 1e3)
        .with(Column::Cpu, busy.as_secs_f64() * 1e6 / deliveries))
}

/// Publishes so many batches, each when the one before is answered.
async fn publish(mut stream: TcpStream, pipeline: usize, batches: usize) -> io::Result<()> {
    let text = "x".repeat(MESSAGE_BYTES);
    let words = ["PUBLISH", CHANNEL, &text];
    let requests = vec![&words[..]; pipeline];
    let replies_bytes = format!(":{SUBSCRIBERS}\r\n").len() * pipeline;
    for _ in 0..batches {
        talk(&mut stream, &requests, replies_bytes).await?;
    }
    Ok(())
}

/// Reads so many bytes.
async fn hear(mut stream: TcpStream, mut bytes: usize) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    while bytes > 0 {
        let most = READ_BYTES.min(bytes);
        match stream.read(&mut buffer[..most]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes -= count,
        }
    }
    Ok(())
}

async fn talk(
    stream: &mut TcpStream,
    requests: &[&[&str]],
    replies_bytes: usize,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for words in requests {
        client::encode(words, &mut bytes);
    }
    stream.write_all(&bytes).await?;
    let mut replies = vec![0; replies_bytes];
    stream.read_exact(&mut replies).await.map(drop)
}

fn confirmation() -> String {
    format!("*3\r\n$9\r\nsubscribe\r\n${}\r\n{CHANNEL}\r\n:1\r\n", CHANNEL.len())
}

fn message() -> String {
    let text = "x".repeat(MESSAGE_BYTES);
    let channel = format!("${}\r\n{CHANNEL}\r\n", CHANNEL.len());
    format!("*3\r\n$7\r\nmessage\r\n{channel}${MESSAGE_BYTES}\r\n{text}\r\n")
}
