//! Either the real thing or shuttle's, as decided where it is made.
//!
//! Shuttle knows sequential consistency only: a weaker ordering than is needed goes unnoticed.
//! Its time stands still: a wait with a deadline ends by being woken or, if nobody does, the
//! execution fails as a deadlock.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use parking_lot as real;
use shuttle::sync as scheduled;
use tokio::sync::futures::Notified;

/// No holder of a lock of the log panics in a passing test.
const POISONED: &str = "the execution has failed already";
const MIXED: &str = "what works together is made together";

/// Whether the caller runs in an execution of shuttle.
fn is_scheduled() -> bool {
    shuttle::current::try_get_current_task().is_some()
}

macro_rules! atomic {
    ($name:ident, $value:ty, $($operation:ident $(-> $result:ty)?),*) => {
        #[derive(Debug)]
        pub enum $name {
            Real(std::sync::atomic::$name),
            Scheduled(scheduled::atomic::$name),
        }

        impl $name {
            pub fn new(value: $value) -> Self {
                if is_scheduled() {
                    Self::Scheduled(scheduled::atomic::$name::new(value))
                } else {
                    Self::Real(std::sync::atomic::$name::new(value))
                }
            }

            pub fn load(&self, ordering: Ordering) -> $value {
                match self {
                    Self::Real(atomic) => atomic.load(ordering),
                    Self::Scheduled(atomic) => atomic.load(ordering),
                }
            }

            $(pub fn $operation(&self, value: $value, ordering: Ordering) $(-> $result)? {
                match self {
                    Self::Real(atomic) => atomic.$operation(value, ordering),
                    Self::Scheduled(atomic) => atomic.$operation(value, ordering),
                }
            })*
        }
    };
}

atomic!(AtomicBool, bool, store);
atomic!(AtomicU8, u8, fetch_and -> u8, fetch_or -> u8);
atomic!(AtomicU32, u32, store);
atomic!(AtomicU64, u64, store, fetch_add -> u64, fetch_max -> u64);
atomic!(AtomicUsize, usize, store, fetch_add -> usize, fetch_sub -> usize);

#[derive(Debug)]
pub enum Mutex<T> {
    Real(real::Mutex<T>),
    Scheduled(scheduled::Mutex<T>),
}

pub enum MutexGuard<'a, T> {
    Real(real::MutexGuard<'a, T>),
    /// The guard is absent only while it is lent to a wait.
    Scheduled(&'a scheduled::Mutex<T>, Option<scheduled::MutexGuard<'a, T>>),
}

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        if is_scheduled() {
            Self::Scheduled(scheduled::Mutex::new(value))
        } else {
            Self::Real(real::Mutex::new(value))
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        match self {
            Self::Real(mutex) => MutexGuard::Real(mutex.lock()),
            Self::Scheduled(mutex) => {
                MutexGuard::Scheduled(mutex, Some(mutex.lock().expect(POISONED)))
            }
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> MutexGuard<'_, T> {
    pub fn unlocked<R>(guard: &mut Self, act: impl FnOnce() -> R) -> R {
        match guard {
            Self::Real(guard) => real::MutexGuard::unlocked(guard, act),
            Self::Scheduled(mutex, guard) => {
                *guard = None;
                let result = act();
                *guard = Some(mutex.lock().expect(POISONED));
                result
            }
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Real(guard) => guard,
            Self::Scheduled(_, guard) => guard.as_ref().expect(MIXED),
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match self {
            Self::Real(guard) => guard,
            Self::Scheduled(_, guard) => guard.as_mut().expect(MIXED),
        }
    }
}

#[derive(Debug)]
pub enum Condvar {
    Real(real::Condvar),
    Scheduled(scheduled::Condvar),
}

pub struct TimedOut(bool);

impl TimedOut {
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub fn new() -> Self {
        if is_scheduled() {
            Self::Scheduled(scheduled::Condvar::new())
        } else {
            Self::Real(real::Condvar::new())
        }
    }

    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        match (self, guard) {
            (Self::Real(condvar), MutexGuard::Real(guard)) => condvar.wait(guard),
            (Self::Scheduled(condvar), MutexGuard::Scheduled(_, guard)) => {
                let lent = guard.take().expect(MIXED);
                *guard = Some(condvar.wait(lent).expect(POISONED));
            }
            _ => panic!("{MIXED}"),
        }
    }

    pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, deadline: Instant) -> TimedOut {
        if let (Self::Real(condvar), MutexGuard::Real(guard)) = (self, &mut *guard) {
            return TimedOut(condvar.wait_until(guard, deadline).timed_out());
        }
        self.wait(guard);
        TimedOut(false)
    }

    pub fn notify_one(&self) {
        match self {
            Self::Real(condvar) => drop(condvar.notify_one()),
            Self::Scheduled(condvar) => condvar.notify_one(),
        }
    }

    pub fn notify_all(&self) {
        match self {
            Self::Real(condvar) => drop(condvar.notify_all()),
            Self::Scheduled(condvar) => condvar.notify_all(),
        }
    }
}

#[derive(Debug)]
pub enum RwLock<T> {
    Real(real::RwLock<T>),
    Scheduled(scheduled::RwLock<T>),
}

impl<T> RwLock<T> {
    pub fn new(value: T) -> Self {
        if is_scheduled() {
            Self::Scheduled(scheduled::RwLock::new(value))
        } else {
            Self::Real(real::RwLock::new(value))
        }
    }

    pub fn read(&self) -> Box<dyn Deref<Target = T> + '_> {
        match self {
            Self::Real(lock) => Box::new(lock.read()),
            Self::Scheduled(lock) => Box::new(lock.read().expect(POISONED)),
        }
    }

    pub fn write(&self) -> Box<dyn DerefMut<Target = T> + '_> {
        match self {
            Self::Real(lock) => Box::new(lock.write()),
            Self::Scheduled(lock) => Box::new(lock.write().expect(POISONED)),
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// Tokio's own, which is not made of modelled parts, with a point before each step.
#[derive(Debug)]
pub struct Notify {
    point: AtomicBool,
    tasks: tokio::sync::Notify,
}

impl Notify {
    pub fn new() -> Self {
        Self { point: AtomicBool::new(false), tasks: tokio::sync::Notify::new() }
    }

    pub fn notified(&self) -> Notified<'_> {
        self.point.load(Ordering::SeqCst);
        self.tasks.notified()
    }

    pub fn notify_waiters(&self) {
        self.point.load(Ordering::SeqCst);
        self.tasks.notify_waiters();
    }
}

#[derive(Debug)]
pub enum JoinHandle<T> {
    Real(thread::JoinHandle<T>),
    Scheduled(shuttle::thread::JoinHandle<T>),
}

impl<T> JoinHandle<T> {
    pub fn join(self) -> thread::Result<T> {
        match self {
            Self::Real(handle) => handle.join(),
            Self::Scheduled(handle) => handle.join(),
        }
    }
}

pub fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    if is_scheduled() {
        let builder = shuttle::thread::Builder::new().name(name.into());
        builder.spawn(body).map(JoinHandle::Scheduled)
    } else {
        thread::Builder::new().name(name.into()).spawn(body).map(JoinHandle::Real)
    }
}
