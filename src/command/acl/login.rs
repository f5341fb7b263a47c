//! Who a client is: logging in, noticing that users have changed, and what is denied.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::command::client::describe;
use crate::command::session::flag as client;
use crate::command::table::{Command, flag};
use crate::command::{Call, Fault, Session};
use crate::net::Args;

use super::log::Event;
use super::{Context, DEFAULT, Denied, Reason, User, UserSet, Users};

/// What a client is told that has to log in first.
pub const NOT_LOGGED_IN: Fault = Fault::fixed("NOAUTH Authentication required.");

/// Who a client is, as far as it was looked at; one of the server itself is nobody and may do anything.
#[derive(Clone, Debug)]
pub struct Login {
    user: Option<Arc<User>>,
    /// Whether it gave a password, or needed none when it came.
    is_known: bool,
    /// The version of the users that this was looked up in.
    seen: u64,
    /// The same, if it may do anything as they are; zero otherwise.
    unbound: u64,
    /// Whether `SORT` may look at keys by patterns, in the command that was checked last.
    reads_any_key: bool,
}

impl Default for Login {
    fn default() -> Self {
        Self::of_server()
    }
}

impl Login {
    /// Begins as the server itself.
    pub fn of_server() -> Self {
        Self { user: None, is_known: true, seen: 0, unbound: 0, reads_any_key: true }
    }

    /// Returns the user, if it is one.
    pub fn user(&self) -> Option<&Arc<User>> {
        self.user.as_ref()
    }

    /// Tells whether it is the same as another one, looked at when users were the same.
    #[inline]
    pub fn is_same(&self, other: &Self) -> bool {
        let user = |login: &Self| login.user.as_ref().map(Arc::as_ptr);
        self.seen == other.seen && user(self) == user(other)
    }

    /// Tells whether it may run a command, by users as they are now; notes nothing.
    pub fn may_run(&self, users: &Users, command: &'static Command, args: &Args<'_>) -> bool {
        let Some(user) = &self.user else { return true };
        let current = users.current();
        let found = current.find(&user.name).filter(|found| found.id == user.id);
        found.is_some_and(|user| user.check(command, args).is_ok())
    }

    /// Returns the version of the users that bind it by nothing, which may be none.
    pub fn unbound(&self) -> u64 {
        self.unbound
    }

    /// Tells whether it may do anything, as users of that version are.
    #[inline]
    pub fn is_unbound(&self, version: u64) -> bool {
        self.unbound == version
    }
}

impl Session {
    /// Makes it what a client is that has just connected.
    pub fn become_default(&mut self, users: &UserSet) {
        let user = Arc::clone(users.default_user());
        let is_known = user.lets_in();
        self.become_user(user, is_known, users);
    }

    /// Logs it in.
    pub fn log_in(&mut self, user: Arc<User>, users: &UserSet) {
        self.become_user(user, true, users);
    }

    fn become_user(&mut self, user: Arc<User>, is_known: bool, users: &UserSet) {
        self.info.user_id.store(user.id, Relaxed);
        self.info.names.lock().user = String::from_utf8_lossy(&user.name).into_owned();
        self.login = Login { user: Some(user), is_known, ..Login::of_server() };
        self.settle_login(users);
    }

    fn settle_login(&mut self, users: &UserSet) {
        let login = &mut self.login;
        let is_open = login.user.as_ref().is_none_or(|user| user.is_unbound());
        self.authenticated = login.is_known || users.default_user().lets_in();
        login.seen = users.version();
        login.unbound = if is_open && self.authenticated { login.seen } else { 0 };
        login.reads_any_key = true;
    }

    /// Looks anew if users have changed; an error if its own is gone.
    pub fn notice_users(&mut self, users: &Users) -> Result<(), Fault> {
        let Some(user) = self.login.user.as_ref().filter(|_| self.login.seen != users.version())
        else {
            return Ok(());
        };
        let current = users.current();
        let found = current.find(&user.name).filter(|found| found.id == user.id);
        if let Some(found) = found {
            self.login.user = Some(Arc::clone(found));
            self.settle_login(&current);
            return Ok(());
        }
        // Whoever took the user away is closing this connection.
        self.become_stranger(&current);
        self.info.flags.fetch_or(client::KILLED, Relaxed);
        self.info.kill.notify_one();
        Err(NOT_LOGGED_IN)
    }

    /// Takes away who it is: it has to log in, whatever the default user is like.
    pub fn become_stranger(&mut self, users: &UserSet) {
        self.become_user(Arc::clone(users.default_user()), false, users);
    }

    /// Checks that the client may run a command, as its users are at present.
    pub fn check(
        &mut self,
        users: &Users,
        command: &'static Command,
        args: &Args<'_>,
    ) -> Result<(), Denied> {
        if self.login.is_unbound(users.version()) {
            return Ok(());
        }
        let Some(user) = &self.login.user else { return Ok(()) };
        user.check(command, args)?;
        if command.has(flag::PATTERN_KEYS) {
            self.login.reads_any_key = user.reads_any_key(command, args);
        }
        Ok(())
    }

    /// Tells whether `SORT` may look at keys by patterns.
    pub fn reads_any_key(&self) -> bool {
        self.login.reads_any_key
    }

    /// Has the commands of its scripts read what it may itself, in the command that was checked last.
    pub fn share_reading(&self, scripted: &mut Self) {
        scripted.login.reads_any_key = self.login.reads_any_key;
    }
}

/// Takes note that something was denied, and says so.
pub fn deny(
    users: &Users,
    session: &Session,
    denied: Denied,
    (command, args): (&'static Command, &Args<'_>),
    now_ms: i64,
) -> Fault {
    let within = session.transaction.is_some();
    let context = if within { Context::Multi } else { Context::TopLevel };
    note(users, session, (denied, context), (command, args), now_ms);
    match session.login.user() {
        Some(user) => denied.fault(user, command),
        None => NOT_LOGGED_IN,
    }
}

/// Does what [`deny`] does for a command that was queued when it was still allowed.
pub fn deny_queued(
    call: &Call<'_, '_>,
    denied: Denied,
    request: (&'static Command, &Args<'_>),
) -> Fault {
    let users = call.host.users();
    note(users, call.session, (denied, Context::Multi), request, call.data.now_ms);
    let reason = match denied {
        Denied::Command => "no permission to execute the command or subcommand",
        Denied::Key(_) => "no permission to touch the specified keys",
        Denied::Channel(_) => "no permission to access one of the channels used as arguments",
    };
    Fault::of(format!(
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC \
         call. This command is no longer allowed for the following reason: {reason}"
    ))
}

/// Takes note that something was denied to a script, and says so.
pub fn deny_script(
    call: &Call<'_, '_>,
    denied: Denied,
    request: (&'static Command, &Args<'_>),
) -> Fault {
    let users = call.host.users();
    note(users, call.session, (denied, Context::Lua), request, call.data.now_ms);
    let told = call.session.login.user().map(|user| denied.told(user, request.0));
    let told = told.unwrap_or_default();
    Fault::of_bytes([b"ERR ACL failure in script: ".as_slice(), &told].concat())
}

fn note(
    users: &Users,
    session: &Session,
    (denied, context): (Denied, Context),
    (command, args): (&'static Command, &Args<'_>),
    now_ms: i64,
) {
    let user = session.login.user().map_or(DEFAULT, |user| user.name.as_slice());
    let event = Event {
        reason: denied.reason(),
        context,
        object: denied.object(command, args).to_vec(),
        user: user.to_vec(),
        client: client_line(session, now_ms),
    };
    note_event(users, event, now_ms);
}

/// Takes note that a client could not log in as the user of a name.
pub fn note_login(call: &Call<'_, '_>, user: &[u8]) {
    let within = call.session.transaction.is_some();
    let event = Event {
        reason: Reason::Auth,
        context: if within { Context::Multi } else { Context::TopLevel },
        object: call.args.word(0).to_vec(),
        user: user.to_vec(),
        client: client_line(call.session, call.data.now_ms),
    };
    note_event(call.host.users(), event, call.data.now_ms);
}

fn note_event(users: &Users, event: Event, now_ms: i64) {
    users.count_denied(event.reason);
    users.log().lock().note(event, now_ms);
}

fn client_line(session: &Session, now_ms: i64) -> String {
    describe(&session.info, now_ms).trim_end().to_owned()
}
