//! All users of a server: a set that is never changed but replaced, and noticed by its version.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::log::Log;
use super::selector::NewChannels;
use super::{DEFAULT, DEFAULT_ID, Reason, User};

/// All users at one time, by their names.
#[derive(Clone, Debug)]
pub struct UserSet {
    version: u64,
    users: BTreeMap<Vec<u8>, Arc<User>>,
}

/// All users of a server.
#[derive(Debug)]
pub struct Users {
    version: Version,
    current: RwLock<Arc<UserSet>>,
    next_id: AtomicU64,
    /// `acl-pubsub-default`.
    opens_channels: AtomicBool,
    log: Mutex<Log>,
    denied: [AtomicU64; 4],
}

/// The version of the present set; never zero.
///
/// Every command of every client looks at it, so it has a line of the cache for itself.
#[derive(Debug)]
#[repr(align(128))]
struct Version(AtomicU64);

impl Default for Users {
    fn default() -> Self {
        let default = Arc::new(User::open_default());
        let users = BTreeMap::from([(DEFAULT.to_vec(), default)]);
        Self {
            version: Version(AtomicU64::new(1)),
            current: RwLock::new(Arc::new(UserSet { version: 1, users })),
            next_id: AtomicU64::new(DEFAULT_ID + 1),
            opens_channels: AtomicBool::new(false),
            log: Mutex::default(),
            denied: Default::default(),
        }
    }
}

impl UserSet {
    /// Its version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Finds a user.
    pub fn find(&self, name: &[u8]) -> Option<&Arc<User>> {
        self.users.get(name)
    }

    /// Finds a user by its number, among all of them.
    pub fn find_by_id(&self, id: u64) -> Option<&Arc<User>> {
        self.users.values().find(|user| user.id == id)
    }

    /// Returns the user that clients are who did not say who they are.
    pub fn default_user(&self) -> &Arc<User> {
        // It is in every set.
        &self.users[DEFAULT]
    }

    /// Lists the users, by their names.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &Arc<User>> {
        self.users.values()
    }

    /// Puts a user in, in the place of one of its name.
    pub fn put(&mut self, user: User) {
        self.users.insert(user.name.clone(), Arc::new(user));
    }

    /// Takes a user out; the default one stays.
    pub fn remove(&mut self, name: &[u8]) -> Option<Arc<User>> {
        if name == DEFAULT { None } else { self.users.remove(name) }
    }

    /// Takes all users out but those that `stays` names, and the default one.
    pub fn retain(&mut self, stays: impl Fn(&[u8]) -> bool) {
        self.users.retain(|name, _| name == DEFAULT || stays(name));
    }
}

impl Users {
    /// Returns the version of the present set.
    #[inline]
    pub fn version(&self) -> u64 {
        self.version.0.load(Ordering::Acquire)
    }

    /// Returns the present set.
    pub fn current(&self) -> Arc<UserSet> {
        Arc::clone(&self.current.read())
    }

    /// Puts a changed set in the place of the present one, unless the change fails.
    pub fn change<R, E>(&self, change: impl FnOnce(&mut UserSet) -> Result<R, E>) -> Result<R, E> {
        let mut current = self.current.write();
        let mut next = UserSet::clone(&current);
        let result = change(&mut next)?;
        next.version += 1;
        let version = next.version;
        *current = Arc::new(next);
        self.version.0.store(version, Ordering::Release);
        Ok(result)
    }

    /// Makes a user that may do nothing; it is in no set yet.
    pub fn make(&self, name: &[u8]) -> User {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        User::new(id, name, self.new_channels())
    }

    /// Gives the default user a password, or has it take any, as `requirepass` wants.
    pub fn require(&self, password: Option<&[u8]>) {
        let changed: Result<(), std::convert::Infallible> = self.change(|users| {
            let mut user = User::clone(users.default_user());
            user.require(password);
            users.put(user);
            Ok(())
        });
        let Ok(()) = changed;
    }

    /// Returns which channels new users may use.
    pub fn new_channels(&self) -> NewChannels {
        let all = self.opens_channels.load(Ordering::Relaxed);
        if all { NewChannels::All } else { NewChannels::None }
    }

    /// Says which channels new users may use.
    pub fn set_new_channels(&self, channels: NewChannels) {
        self.opens_channels.store(channels == NewChannels::All, Ordering::Relaxed);
    }

    /// Returns what was denied of late.
    pub fn log(&self) -> &Mutex<Log> {
        &self.log
    }

    /// Counts a denial.
    pub fn count_denied(&self, reason: Reason) {
        self.denied[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Tells how often something was denied for a reason.
    pub fn denied(&self, reason: Reason) -> u64 {
        self.denied[reason as usize].load(Ordering::Relaxed)
    }
}
