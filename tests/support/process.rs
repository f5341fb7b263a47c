//! A child process whose output is read line by line, and that ends with its owner.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::process::Signal;

use super::wait::PATIENCE;

/// Lines of output shown when a test fails.
const TAIL_LINES: usize = 40;

/// A running child process.
pub struct Process {
    name: String,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command`; `hint` says how to install a program that is missing.
    pub fn start(command: &mut Command, hint: &str) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}. {hint}"));
        let (sender, lines) = channel();
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let readers = vec![forward(stdout, sender.clone()), forward(stderr, sender)];
        Self { name, child, lines, seen: Vec::new(), readers }
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads output up to a line that contains `text`; `Err` with all of it if the process ends before.
    pub fn wait_for_line(&mut self, text: &str) -> Result<String, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let output = self.output();
                    panic!("{} did not say {text:?} in {PATIENCE:?}:\n{output}", self.name)
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.output()),
            }
        }
    }

    /// Everything it has printed so far.
    pub fn output(&mut self) -> String {
        self.seen.extend(self.lines.try_iter());
        self.seen.join("\n")
    }

    /// Leaves out of [`Self::output`] what was waited for so far.
    pub fn forget(&mut self) {
        self.seen.clear();
    }

    /// Tells whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the child can be asked").is_none()
    }

    /// Ends it as `kill -9` does and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself, which is as good.
        drop(self.child.kill());
        self.wait();
    }

    /// Asks it to end as an operator does (SIGTERM), without waiting.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal)
            .unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.name));
    }

    /// Waits until it has ended and its output has been read.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.child.wait().expect("the child can be waited for");
        for reader in self.readers.drain(..) {
            reader.join().expect("a reader of output does not panic");
        }
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let text = self.output();
            let skipped = text.lines().count().saturating_sub(TAIL_LINES);
            let tail: Vec<_> = text.lines().skip(skipped).collect();
            let note = format!("last output of {}:\n{}\n", self.name, tail.join("\n"));
            // A test that fails shows what its servers said.
            drop(std::io::stderr().write_all(note.as_bytes()));
        }
    }
}

fn forward(pipe: impl Read + Send + 'static, lines: Sender<String>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    })
}
