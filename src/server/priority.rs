//! Threads that give way to the workers when there are fewer free cores than threads that want one.

use std::io;
use std::thread;

/// How nice such a thread is (setpriority(2)): a busy core gives it about a tenth of its time.
///
/// Nicer still, and a machine that is busy for good would never have a snapshot.
const NICENESS: i32 = 10;

/// Does something long on a thread of its own that gives way, and waits for it.
pub fn give_way<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, || {
            be_nice();
            work()
        })?;
        thread.join().map_err(|_| io::Error::other(format!("the {name} thread has panicked")))
    })
}

/// Lets the calling thread give way from now on.
pub fn be_nice() {
    // To Linux, no process means the calling thread. Where it may not be nicer, it is as it was.
    let _ = rustix::process::setpriority_process(None, NICENESS);
}
