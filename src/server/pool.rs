//! The pool of workers: who serves, who gets the next client, and who gives connections away.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::net::socket::Accepted;

use super::balance::{Balance, Load, Scaling, Step};
use super::connection::Traveller;

/// With fewer commands than these, it tells nothing that one slept for a shard.
const COMMANDS_MIN: u64 = 1000;

/// What a worker is sent.
#[derive(Debug)]
pub enum Arrival {
    /// A client that has just connected.
    New(Accepted),
    /// A client that another worker served until now.
    Moved(Box<Traveller>),
    /// There will be no further ones: the server ends.
    Last,
}

/// The workers, as others see them.
#[derive(Debug)]
pub struct Pool {
    seats: Vec<Seat>,
    /// How many of them serve, from the first on; the others wait until they are needed.
    serving: AtomicUsize,
    /// Which look at the loads comes next: connections count themselves once for each.
    look: AtomicU32,
    /// How many clients have moved from one worker to another.
    moved: AtomicU64,
    watch: Mutex<Watch>,
}

/// One worker, as others see it.
#[derive(Debug)]
pub struct Seat {
    /// Unbounded: what waits there is bounded by the descriptors of the process.
    inbox: UnboundedSender<Arrival>,
    /// The thread as the kernel knows it; zero before it runs.
    thread: AtomicI32,
    connections: AtomicUsize,
    /// How many connections executed something since the last look.
    active: AtomicUsize,
    /// How many connections are to leave for another worker, each when it next has executed.
    leaving: AtomicUsize,
    destination: AtomicUsize,
    /// Whether a script runs on it for too long.
    busy: AtomicBool,
}

/// What all workers have done since the server began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// How many commands they executed.
    pub commands: u64,
    /// How often one slept until another let go of a shard.
    pub sleeps: u64,
}

/// What was seen at the last look.
#[derive(Debug)]
struct Watch {
    balance: Balance,
    at: Instant,
    progress: Progress,
    threads: Vec<ThreadTimes>,
    idle: Option<Duration>,
}

/// How long a thread has run, and has waited for a core, since it began.
#[derive(Clone, Copy, Debug, Default)]
struct ThreadTimes {
    ran: Duration,
    waited: Duration,
}

impl Pool {
    /// Makes a pool of so many workers, and the inboxes they are to serve.
    ///
    /// With [`Scaling::ByLoad`] one of them serves at first.
    pub fn new(workers: usize, scaling: Scaling) -> (Self, Vec<UnboundedReceiver<Arrival>>) {
        // The last one serves while a script keeps all others busy.
        let (seats, inboxes) = (0..=workers).map(|_| Seat::new()).unzip();
        let serving = match scaling {
            Scaling::Fixed => workers,
            Scaling::ByLoad => 1,
        };
        let watch = Watch {
            balance: Balance::new(scaling, workers),
            at: Instant::now(),
            progress: Progress::default(),
            threads: vec![ThreadTimes::default(); workers],
            idle: None,
        };
        let pool = Self {
            seats,
            serving: AtomicUsize::new(serving),
            look: AtomicU32::new(0),
            moved: AtomicU64::new(0),
            watch: Mutex::new(watch),
        };
        (pool, inboxes)
    }

    /// Returns a worker's seat.
    pub fn seat(&self, number: usize) -> &Seat {
        &self.seats[number]
    }

    /// Counts the workers, those that wait until they are needed among them.
    ///
    /// The last one is for clients that come while scripts run for too long on all others that serve.
    pub fn workers(&self) -> usize {
        self.seats.len()
    }

    /// Counts the workers that serve.
    pub fn serving(&self) -> usize {
        self.serving.load(Ordering::Relaxed)
    }

    /// Counts the clients that have moved from one worker to another.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// Hands a client to the serving worker that has the fewest; false once the server ends.
    pub fn assign(&self, client: Accepted) -> bool {
        let serving = self.seats[..self.serving()].iter();
        let idle = serving.filter(|seat| !seat.busy.load(Ordering::Relaxed));
        let fewest = idle.min_by_key(|seat| seat.connections.load(Ordering::Relaxed));
        let seat = fewest.unwrap_or_else(|| self.spare());
        // Counted here, since many may be accepted before the worker gets to the first of them.
        seat.connections.fetch_add(1, Ordering::Relaxed);
        seat.inbox.send(Arrival::New(client)).is_ok()
    }

    fn spare(&self) -> &Seat {
        self.seats.last().expect("there is one more than serve")
    }

    /// Notes that a script runs for too long on a worker, which gets no clients meanwhile.
    pub fn begin_busy(&self, number: usize) {
        self.seats[number].busy.store(true, Ordering::Relaxed);
        self.spare().leaving.store(0, Ordering::Relaxed);
    }

    /// Notes that it is over; who came meanwhile goes where it would have gone.
    pub fn end_busy(&self, number: usize) {
        self.seats[number].busy.store(false, Ordering::Relaxed);
        self.spare().give_away(usize::MAX, number);
    }

    /// Hands on who came to a worker before a script had run for too long on it.
    pub fn pass_on(&self, from: usize, arrival: Arrival) {
        let seat = match arrival {
            // It is for the worker itself, when it comes to it.
            Arrival::Last => &self.seats[from],
            Arrival::New(_) | Arrival::Moved(_) => {
                self.seats[from].leave();
                self.spare().connections.fetch_add(1, Ordering::Relaxed);
                self.spare()
            }
        };
        // Where the server ends meanwhile, the connection ends with it.
        let _ = seat.inbox.send(arrival);
    }

    /// Hands a client of `from` to the worker it was told to leave for.
    pub fn hand_over(&self, from: usize, client: Box<Traveller>) {
        let to = &self.seats[self.seats[from].destination.load(Ordering::Relaxed)];
        to.connections.fetch_add(1, Ordering::Relaxed);
        self.moved.fetch_add(1, Ordering::Relaxed);
        // Where the server ends meanwhile, the connection ends with it.
        let _ = to.inbox.send(Arrival::Moved(client));
    }

    /// Tells the workers that no further clients come.
    pub fn end(&self) {
        for seat in &self.seats {
            // A worker that is gone already need not be told.
            let _ = seat.inbox.send(Arrival::Last);
        }
    }

    /// Returns the number of the present look, for connections to count themselves by.
    pub fn look(&self) -> u32 {
        self.look.load(Ordering::Relaxed)
    }

    /// Looks at what each worker did since the last time, and acts on it.
    pub fn balance(&self, progress: Progress) {
        let mut watch = self.watch.lock();
        let loads = watch.loads(&self.seats[..self.serving()]);
        let contention = watch.contention(progress);
        self.look.fetch_add(1, Ordering::Relaxed);
        let idle_cores = watch.idle_cores(Balance::is_pressed(&loads));
        watch.at = Instant::now();
        for (seat, load) in self.seats.iter().zip(&loads) {
            seat.recall(load);
        }
        match watch.balance.decide(&loads, idle_cores, contention) {
            Step::Stay => {}
            Step::Grow => {
                let serving = self.serving.fetch_add(1, Ordering::Relaxed) + 1;
                let idle_cores = format_args!("{idle_cores:.1}");
                tracing::info!(serving, %idle_cores, "a further worker serves clients");
            }
            Step::Shrink => {
                let serving = self.serving.fetch_sub(1, Ordering::Relaxed) - 1;
                self.seats[serving].give_away(usize::MAX, 0);
                tracing::info!(serving, "one worker less serves clients");
            }
            Step::Shift { from, to, count } => self.seats[from].give_away(count, to),
        }
    }
}

impl Seat {
    fn new() -> (Self, UnboundedReceiver<Arrival>) {
        let (inbox, arrivals) = unbounded_channel();
        let seat = Self {
            inbox,
            thread: AtomicI32::new(0),
            connections: AtomicUsize::new(0),
            active: AtomicUsize::new(0),
            leaving: AtomicUsize::new(0),
            destination: AtomicUsize::new(0),
            busy: AtomicBool::new(false),
        };
        (seat, arrivals)
    }

    /// Notes that the calling thread is the worker of this seat.
    pub fn take(&self) {
        self.thread.store(rustix::thread::gettid().as_raw_nonzero().get(), Ordering::Relaxed);
    }

    /// Notes that a connection has left, to whatever place.
    pub fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that a connection began or ended to execute for the first time since the last look.
    pub fn count_active(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells the connection that asks whether it is to leave for another worker.
    pub fn sends_away(&self) -> bool {
        // Only this seat's worker takes from the number, so it need not be one step.
        let leaving = self.leaving.load(Ordering::Relaxed);
        if leaving > 0 && leaving < usize::MAX {
            self.leaving.store(leaving - 1, Ordering::Relaxed);
        }
        leaving > 0
    }

    fn give_away(&self, count: usize, to: usize) {
        self.destination.store(to, Ordering::Relaxed);
        self.leaving.store(count, Ordering::Relaxed);
    }

    /// Has those stay who were to leave and did not come by: they have nothing to do.
    ///
    /// While one executes for long nobody can come by.
    fn recall(&self, load: &Load) {
        if !load.is_within_one() {
            self.leaving.store(0, Ordering::Relaxed);
        }
    }

    fn times(&self) -> ThreadTimes {
        read_times(self.thread.load(Ordering::Relaxed)).unwrap_or_default()
    }
}

impl Watch {
    fn loads(&mut self, seats: &[Seat]) -> Vec<Load> {
        let elapsed = self.at.elapsed().as_secs_f64().max(0.001);
        let share =
            |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() / elapsed;
        let loads = seats.iter().zip(&mut self.threads).map(|(seat, times)| {
            let (then, now) = (*times, seat.times());
            *times = now;
            Load {
                ran: share(now.ran, then.ran),
                waited: share(now.waited, then.waited),
                active: seat.active.swap(0, Ordering::Relaxed),
            }
        });
        loads.collect()
    }

    /// Tells for what share of the commands since the last look a worker slept until another let go
    /// of a shard.
    fn contention(&mut self, now: Progress) -> f64 {
        let then = std::mem::replace(&mut self.progress, now);
        let commands = now.commands.saturating_sub(then.commands).max(COMMANDS_MIN);
        now.sleeps.saturating_sub(then.sleeps) as f64 / commands as f64
    }

    /// Tells how many cores did nothing since the last look, if that matters; zero if it was not known.
    fn idle_cores(&mut self, matters: bool) -> f64 {
        let now = if matters { read_idle() } else { None };
        let then = std::mem::replace(&mut self.idle, now);
        let idle = now.zip(then).map(|(now, then)| now.saturating_sub(then));
        idle.unwrap_or_default().as_secs_f64() / self.at.elapsed().as_secs_f64().max(0.001)
    }
}

/// Reads how long a thread of this process has run and waited (`schedstat` of proc(5)).
fn read_times(thread: i32) -> Option<ThreadTimes> {
    let text = fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    let mut fields = text.split_ascii_whitespace().map(|field| field.parse().ok());
    let mut next = || fields.next().flatten().map(Duration::from_nanos);
    Some(ThreadTimes { ran: next()?, waited: next()? })
}

/// Reads how long the machine's cores have done nothing, added up (`/proc/stat` of proc(5)).
fn read_idle() -> Option<Duration> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    // cpu user nice system idle iowait …
    let mut fields = text.lines().next()?.split_ascii_whitespace().skip(4);
    let mut next = || fields.next()?.parse::<u64>().ok();
    let ticks = next()? + next()?;
    Some(Duration::from_secs(ticks) / rustix::param::clock_ticks_per_second() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_to_leave_is_not_told_to_stay_before_anybody_could_come_by() {
        let (seat, _arrivals) = Seat::new();
        seat.give_away(2, 1);
        seat.recall(&Load { ran: 1.0, waited: 0.0, active: 0 });
        assert!(seat.sends_away());
        seat.recall(&Load { ran: 1.0, waited: 0.0, active: 1 });
        assert!(!seat.sends_away());
        seat.give_away(1, 1);
        seat.recall(&Load::default());
        assert!(!seat.sends_away());
    }
}
