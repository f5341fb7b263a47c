//! Who does what next: a step small enough that a crash may fall between any two.

use backlogd::log::heap::Crash;
use backlogd::replication::feed::DurableOnly;
use backlogd::snapshot::Role;

use super::following::Following;
use super::node::{Completes, Start};
use super::quiet;
use super::rules::Stop;
use super::world::{Politeness, Weather, World};

/// How many steps a seed takes before it becomes quiet.
const STEPS: usize = 500;

/// What a node may do, or have done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Write,
    Seal,
    Sync,
    FailSync,
    WriteBack,
    Feed,
    Ask,
    Deliver,
    Adopt,
    FailAdoption,
    CutSnapshot,
    NameSnapshot,
    Retire,
    Promote,
    Follow,
    HandOver,
    SetFeed,
    Disconnect,
    Part,
    Kill,
    LosePower,
    ShutDown,
    Start,
    TakeCopy,
}

use Action as A;

/// What makes a history grow, with weights. It is often not possible, the rest nearly always is.
const WORK: &[(Action, usize)] = &[
    (A::Write, 40),
    (A::Seal, 30),
    (A::Sync, 24),
    (A::Feed, 90),
    (A::Ask, 60),
    (A::Deliver, 120),
    (A::Adopt, 60),
    (A::NameSnapshot, 12),
];
/// What happens to any node, in some seeds more often than in others.
const EVENTS: &[(Action, usize)] = &[
    (A::FailSync, 1),
    (A::WriteBack, 3),
    (A::FailAdoption, 2),
    (A::CutSnapshot, 2),
    (A::Retire, 2),
    (A::HandOver, 4),
    (A::Disconnect, 2),
    (A::Part, 1),
    (A::Kill, 1),
    (A::LosePower, 2),
    (A::ShutDown, 1),
];
/// What happens when it is wild.
const DISORDER: &[(Action, usize)] = &[(A::Promote, 2), (A::Follow, 3), (A::SetFeed, 2)];
/// What happens to a node that is down.
const DOWN: &[(Action, usize)] = &[(A::Start, 16), (A::LosePower, 1)];
const DOWN_DISORDER: &[(Action, usize)] = &[(A::TakeCopy, 2)];

/// What may happen in one seed to nodes that are up, and to those that are down.
#[derive(Debug)]
struct Weights {
    up: Vec<(Action, usize)>,
    down: Vec<(Action, usize)>,
}

impl Weights {
    fn draw(world: &mut World) -> Self {
        let mut drawn = |tables: &[&[(Action, usize)]]| {
            let all = tables.iter().copied().flatten().copied();
            all.map(|(action, weight)| (action, weight * world.random.pick(&[0, 1, 1, 3])))
                .collect::<Vec<_>>()
        };
        let (mut up, mut down) = (WORK.to_vec(), DOWN.to_vec());
        match world.weather {
            Weather::Wild => {
                up.extend(drawn(&[EVENTS, DISORDER]));
                down.extend(drawn(&[DOWN_DISORDER]));
            }
            Weather::Calm => up.extend(drawn(&[EVENTS])),
        }
        Self { up, down }
    }

    fn choose(&self, world: &mut World, number: usize) -> Action {
        let table = if world.nodes[number].life.is_some() { &self.up } else { &self.down };
        let sum = table.iter().map(|(_, weight)| weight).sum();
        let mut at = world.random.below(sum);
        for &(action, weight) in table {
            if at < weight {
                return action;
            }
            at -= weight;
        }
        unreachable!("the weights add up")
    }
}

/// Runs a world until it has become quiet and everybody agrees.
pub fn run(world: &mut World) -> Result<(), Stop> {
    let weights = Weights::draw(world);
    for _ in 0..STEPS {
        step(world, &weights)?;
    }
    quiet::calm_down(world)
}

/// Picks nodes and actions until one of them can be done.
fn step(world: &mut World, weights: &Weights) -> Result<(), Stop> {
    for _ in 0..16 {
        let number = world.random.below(world.nodes.len());
        let action = weights.choose(world, number);
        world.doing = format!("in {action:?} of node {number}");
        let done = match act(world, number, action) {
            Err(Stop::Died) => {
                fall(world, number, action)?;
                true
            }
            done => done?,
        };
        if done {
            world.doing = format!("after {action:?} of node {number}");
            return world.check(number);
        }
    }
    Ok(())
}

/// The process gives up, and perhaps the machine with it.
fn fall(world: &mut World, number: usize, action: Action) -> Result<(), Stop> {
    world.nodes[number].files.sync_failed |= action == A::FailSync;
    let crash = if world.random.chance(30) { Crash::Power } else { Crash::Process };
    crash_with(world, number, crash)?;
    world.tell(number, &format!("dies of {action:?}, {crash:?}"));
    Ok(())
}

fn crash_with(world: &mut World, number: usize, crash: Crash) -> Result<(), Stop> {
    world.disconnect(number);
    world.network.drop_replicas_of(number);
    world.nodes[number].crash(crash, &mut world.random)
}

/// Does it if it can be done; tells whether it could.
fn act(world: &mut World, number: usize, action: Action) -> Result<bool, Stop> {
    let life = world.nodes[number].life.as_ref();
    let following = life.and_then(|life| life.following.as_ref());
    let is_between_logs = following.is_some_and(Following::is_between_logs);
    let always = [A::Adopt, A::FailAdoption, A::Kill, A::LosePower, A::ShutDown];
    if is_between_logs && !always.contains(&action) {
        return Ok(false);
    }
    match action {
        A::Write | A::Seal | A::Sync | A::FailSync | A::WriteBack => log(world, number, action),
        A::CutSnapshot | A::NameSnapshot | A::Retire => Ok(keep(world, number, action)),
        A::Feed => world.feed(number),
        A::Ask => world.ask(number),
        A::Deliver => world.deliver(number),
        A::Adopt => world.adopt(number),
        A::FailAdoption => {
            let operations = world.random.below(3) as u64;
            world.nodes[number].files.log.fail_after(operations);
            let adopted = world.adopt(number);
            world.nodes[number].files.log.fail_after(u64::MAX);
            adopted
        }
        A::Promote | A::Follow | A::HandOver => reassign(world, number, action),
        A::SetFeed => {
            let feed = world.configured_feed();
            world.nodes[number].set_feed(feed);
            let what = if feed == DurableOnly::Yes { "feeds durable" } else { "feeds sealed" };
            world.tell(number, what);
            Ok(true)
        }
        A::Disconnect => {
            let is_connected = world.network.connections.contains_key(&number);
            world.disconnect(number);
            if is_connected {
                world.tell(number, "closes its link");
            }
            Ok(is_connected)
        }
        A::Part => {
            let other = world.another(number);
            world.network.toggle(number, other);
            world.tell(number, &format!("can, or no longer can, reach node {other}"));
            Ok(true)
        }
        A::Kill | A::LosePower | A::ShutDown => end(world, number, action),
        A::Start => start(world, number),
        A::TakeCopy => {
            world.take_copy(number)?;
            Ok(true)
        }
    }
}

/// Lets a primary write.
pub fn write(world: &mut World, number: usize) -> Result<bool, Stop> {
    log(world, number, A::Write)
}

/// What concerns the log alone.
fn log(world: &mut World, number: usize, action: Action) -> Result<bool, Stop> {
    let unit = world.unit();
    let node = &mut world.nodes[number];
    let Some(life) = &mut node.life else { return Ok(false) };
    match action {
        A::Write if life.following.is_some() => return Ok(false),
        A::Write => life.append(&unit)?,
        A::Seal if life.sealed().0 as usize == life.data.len() => return Ok(false),
        A::Seal => life.seal(),
        A::WriteBack => {
            for _ in 0..4 {
                node.files.log.write_back(&mut || world.random.bits());
            }
        }
        _ if life.durable() == life.sealed() => return Ok(false),
        A::Sync => life.sync()?,
        _ => {
            node.files.log.fail_after(world.random.below(2) as u64);
            let synced = life.sync();
            node.files.log.fail_after(u64::MAX);
            synced?;
        }
    }
    world.tell(number, &format!("{action:?}"));
    Ok(true)
}

/// What concerns snapshots, and the log that is kept behind them.
fn keep(world: &mut World, number: usize, action: Action) -> bool {
    match action {
        A::CutSnapshot => world.nodes[number].cut_snapshot(),
        A::NameSnapshot if !world.nodes[number].name_snapshot() => return false,
        A::NameSnapshot => {}
        _ => {
            let politeness = match world.weather {
                Weather::Calm => Politeness::Everybody,
                Weather::Wild if world.random.chance(50) => Politeness::None,
                Weather::Wild => Politeness::Attached,
            };
            let Some(horizon) = world.horizon(number, politeness) else { return false };
            let life = world.nodes[number].life.as_ref();
            if let Some((log, _)) = life.and_then(|life| life.log.as_ref()) {
                log.retire_to(horizon);
            }
        }
    }
    world.tell(number, &format!("{action:?}"));
    true
}

/// What concerns who follows whom.
fn reassign(world: &mut World, number: usize, action: Action) -> Result<bool, Stop> {
    match action {
        A::Promote => world.promote(number)?,
        A::Follow => {
            let upstream = world.choose_upstream(number);
            world.follow(number, upstream);
        }
        _ => return hand_over(world, number),
    }
    Ok(true)
}

/// A primary stops writing, waits until `number` has all it has, and becomes its replica.
fn hand_over(world: &mut World, number: usize) -> Result<bool, Stop> {
    let upstream = world.nodes[number].upstream();
    let Some(old) = upstream.filter(|&upstream| world.network.reaches(number, upstream)) else {
        return Ok(false);
    };
    let Some(primary) = &mut world.nodes[old].life else { return Ok(false) };
    if primary.following.is_some() || primary.log.is_none() {
        return Ok(false);
    }
    primary.seal();
    primary.sync()?;
    let all = primary.position();
    while world.feed(number)? {}
    while world.deliver(number)? {}
    let Some(replica) = &mut world.nodes[number].life else { return Ok(false) };
    replica.seal();
    if replica.position() != all || replica.log.is_none() {
        return Ok(false);
    }
    world.promote(number)?;
    world.follow(old, number);
    world.check(old)?;
    if world.weather == Weather::Calm {
        world.leader = number;
        world.joined.insert(number);
        for other in 0..world.nodes.len() {
            let Some(life) = &world.nodes[other].life else { continue };
            let free = life.following.as_ref().is_some_and(|it| !it.is_between_logs());
            if free && other != old {
                world.follow(other, number);
            }
        }
    }
    Ok(true)
}

fn end(world: &mut World, number: usize, action: Action) -> Result<bool, Stop> {
    match action {
        A::Kill => crash_with(world, number, Crash::Process)?,
        A::LosePower => crash_with(world, number, Crash::Power)?,
        _ => {
            world.disconnect(number);
            world.network.drop_replicas_of(number);
            world.nodes[number].shut_down(&mut world.random)?;
        }
    }
    world.tell(number, &format!("{action:?}"));
    Ok(true)
}

/// Starts a node by its configuration, which may have changed.
fn start(world: &mut World, number: usize) -> Result<bool, Stop> {
    let (role, upstream) = match world.weather {
        Weather::Calm if world.leader == number => (Role::Primary, number),
        Weather::Calm => (Role::Replica, world.leader),
        Weather::Wild => {
            let last = world.nodes[number].files.manifest().role;
            let any = *world.random.pick(&[Role::Primary, Role::Replica]);
            let role = if world.random.chance(70) { last } else { any };
            (role, world.choose_upstream(number))
        }
    };
    let completes = if world.random.chance(12) { Completes::No } else { Completes::Yes };
    start_as(world, number, role, upstream, completes)?;
    Ok(true)
}

/// Starts a node.
pub fn start_as(
    world: &mut World,
    number: usize,
    role: Role,
    upstream: usize,
    completes: Completes,
) -> Result<(), Stop> {
    let (feed, past, minted) = (world.configured_feed(), world.configured_past(), world.mint());
    world.nodes[number].start(Start { role, upstream, feed, past, minted, completes })?;
    world.tell(number, &format!("starts as {role:?}"));
    Ok(())
}
