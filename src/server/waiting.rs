//! What a client's connection does while a request waits: for a key, the server, or a pause to end.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::command::Interruption;
use crate::command::flow::{Block, Request};
use crate::command::session::{ReplyMode, flag};
use crate::net::Reply;

use super::blocking::Waiting;
use super::clock::unix_ms;
use super::commit::Sight;
use super::connection::{Connection, End, READ_BYTES, TURN_BYTES, note_input};
use super::requests;
use super::turn::Outbox;
use super::worker::Worker;

impl Connection {
    /// Waits until clients may be held back no longer; whoever leaves meanwhile asks for nothing.
    pub(super) async fn sit_out_the_pause(&mut self) -> Result<(), End> {
        let pause = &self.worker.server.pause;
        // Nobody is heard while the server is asleep, and so nobody leaves.
        pause.awake().await;
        let flags = &self.session.info.flags;
        flags.fetch_or(flag::BLOCKED, Ordering::Relaxed);
        let left = tokio::select! {
            () = pause.over(unix_ms()) => None,
            left = until_gone(&self.worker, &self.outbox) => Some(left),
        };
        flags.fetch_and(!flag::BLOCKED, Ordering::Relaxed);
        left.map_or(Ok(()), Err)
    }

    /// Waits until a key holds something for the client, its time is over, or it leaves.
    pub(super) async fn block(&mut self, block: &Block, mut waiting: Waiting) -> Result<(), End> {
        let info = Arc::clone(&self.session.info);
        info.flags.fetch_or(flag::BLOCKED, Ordering::Relaxed);
        let waits = info.interrupt.wait();
        if self.worker.server.live.is_replica() && waiting.writes() {
            info.interrupt.interrupt(Interruption::RoleChange);
        }
        let over = async {
            match block.timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let answer = tokio::select! {
            answer = waiting.answered() => Ok(answer),
            () = over => Err(Interruption::Timeout),
            why = waits.interrupted() => Err(why),
            left = until_gone(&self.worker, &self.outbox) => return Err(left),
        };
        let (answer, why) = match answer {
            Ok(answer) => (Some(answer), None),
            Err(why) => (waiting.give_up(), Some(why)),
        };
        info.flags.fetch_and(!flag::BLOCKED, Ordering::Relaxed);
        let mut output = Vec::new();
        let mut reply = Reply::new(&mut output, self.session.protocol);
        let fault = why.and_then(Interruption::fault);
        let sight = answer.as_ref().and_then(|answer| answer.sight);
        match (answer, fault) {
            (Some(answer), _) => output = answer.reply,
            (None, Some(fault)) => reply.error(fault.bytes()),
            (None, None) => reply.null_array(),
        }
        if !self.takes_no_answer() {
            let mut replies = self.outbox.replies();
            let start = replies.len();
            replies.extend_from_slice(&output);
            if let Some(sight) = sight {
                self.outbox.holding.mark(start..replies.len(), sight);
            }
        }
        self.end_of_waiting(why).await
    }

    /// Tells whether the client does not want the answer to what it waits for.
    fn takes_no_answer(&mut self) -> bool {
        let mode = self.session.reply;
        if mode == ReplyMode::Skip {
            self.session.reply = ReplyMode::On;
        }
        mode != ReplyMode::On
    }

    /// Goes on, unless the waiting was ended by a change of the server's role.
    async fn end_of_waiting(&mut self, why: Option<Interruption>) -> Result<(), End> {
        if why != Some(Interruption::RoleChange) {
            return Ok(());
        }
        let now = Instant::now();
        self.worker.turn.owe(&self.outbox, now, now);
        self.flush().await?;
        Err(End::Closed)
    }

    /// Waits for the server to do what a command asked for, and writes its reply.
    pub(super) async fn answer(&mut self, request: Request) -> Result<(), End> {
        let info = Arc::clone(&self.session.info);
        info.flags.fetch_or(flag::BLOCKED, Ordering::Relaxed);
        let written = info.written.load(Ordering::Relaxed);
        let muted = self.takes_no_answer();
        let mut output = Vec::new();
        let mut reply = Reply::new(&mut output, self.session.protocol);
        let ends_early = request.ends_early();
        let waits = info.interrupt.wait();
        let done = tokio::select! {
            done = requests::answer(&self.worker.server, &self.session, request, &mut reply, &waits)
                => done,
            left = until_gone(&self.worker, &self.outbox), if ends_early => return Err(left),
        };
        let why = waits.interruption();
        if let Err(fault) = &done {
            reply.error(fault.bytes());
        }
        if let Some(work) = self.session.under_way.take() {
            self.worker.executor.borrow_mut().account_work(
                &self.session,
                &work,
                done.as_ref().err(),
            );
        }
        if let Some(failure) = self.outbox.holding.take_failure() {
            output.clear();
            Reply::new(&mut output, self.session.protocol).error(failure.as_bytes());
        }
        if !muted {
            let mut replies = self.outbox.replies();
            let start = replies.len();
            replies.extend_from_slice(&output);
            let has_written = info.written.load(Ordering::Relaxed) != written;
            if has_written && self.worker.server.commit.is_on() {
                self.outbox.holding.mark(start..replies.len(), Sight::Wrote);
            }
        }
        info.flags.fetch_and(!flag::BLOCKED, Ordering::Relaxed);
        self.end_of_waiting(why.filter(|_| done.is_err())).await
    }
}

/// Reads on while a client waits, to notice that it leaves; what it sends is executed afterwards.
async fn until_gone(worker: &Worker, outbox: &Outbox) -> End {
    let Err(end) = read_ahead(worker, outbox).await;
    end
}

async fn read_ahead(worker: &Worker, outbox: &Outbox) -> Result<Infallible, End> {
    let mut turn_bytes = 0;
    loop {
        outbox.drain().await?;
        outbox.input.borrow_mut().reserve(READ_BYTES);
        let read = outbox.socket.try_read(&mut outbox.input.borrow_mut());
        match read {
            Ok(0) => return Err(End::Closed),
            Ok(count) => {
                note_input(worker, outbox, count)?;
                outbox.info.weigh();
                turn_bytes += count;
                if turn_bytes >= TURN_BYTES {
                    turn_bytes = 0;
                    tokio::task::yield_now().await;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                turn_bytes = 0;
                outbox.readable().await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
