//! The end of every run: no more faults, one primary, and everybody comes to agree.

use backlogd::snapshot::Role;

use super::node::Completes;
use super::rules::{Stop, must};
use super::schedule::{start_as, write};
use super::world::{Weather, World};

const ROUNDS: usize = 60;

/// Ends a run.
pub fn calm_down(world: &mut World) -> Result<(), Stop> {
    world.network.heal();
    "in quiet times".clone_into(&mut world.doing);
    let primary = elect(world)?;
    let order = line_up(world, primary)?;
    for round in 0..ROUNDS {
        if round < 3 {
            write(world, primary)?;
        }
        for &number in &order {
            work(world, number)?;
            world.check(number)?;
        }
        if round > 3 && agrees(world, &order) {
            return Ok(());
        }
    }
    must(false, || format!("after {ROUNDS} quiet rounds not all nodes agree with {primary}"))
}

/// The primary with most to tell; a new one if there is none.
fn elect(world: &mut World) -> Result<usize, Stop> {
    for number in 0..world.nodes.len() {
        while world.nodes[number].life.is_some() && world.adopt(number)? {}
    }
    if world.weather == Weather::Calm {
        let leader = world.leader;
        if world.nodes[leader].life.is_none() {
            start_as(world, leader, Role::Primary, leader, Completes::Yes)?;
        }
        return Ok(leader);
    }
    let primaries = (0..world.nodes.len()).filter(|&number| {
        world.nodes[number].life.as_ref().is_some_and(|life| life.following.is_none())
    });
    let most = primaries
        .max_by_key(|&number| world.nodes[number].life.as_ref().map_or(0, |life| life.data.len()));
    if let Some(most) = most {
        return Ok(most);
    }
    if world.nodes[0].life.is_none() {
        start_as(world, 0, Role::Replica, 1, Completes::Yes)?;
    }
    world.promote(0)?;
    Ok(0)
}

/// Each follows the primary, or one that does.
fn line_up(world: &mut World, primary: usize) -> Result<Vec<usize>, Stop> {
    let mut order = vec![primary];
    for number in (0..world.nodes.len()).filter(|&number| number != primary) {
        let upstream = order[world.random.below(order.len())];
        let upstream = if world.weather == Weather::Calm { primary } else { upstream };
        if world.nodes[number].life.is_none() {
            start_as(world, number, Role::Replica, upstream, Completes::Yes)?;
        } else if world.nodes[number].upstream() != Some(upstream) {
            world.follow(number, upstream);
        }
        world.check(number)?;
        order.push(number);
    }
    Ok(order)
}

fn work(world: &mut World, number: usize) -> Result<(), Stop> {
    world.ask(number)?;
    while world.feed(number)? {}
    while world.deliver(number)? || world.adopt(number)? {}
    let Some(life) = &mut world.nodes[number].life else { return Ok(()) };
    life.seal();
    life.sync()?;
    world.nodes[number].name_snapshot();
    Ok(())
}

fn agrees(world: &World, order: &[usize]) -> bool {
    let of = |number: usize| world.nodes[number].life.as_ref().map(|life| &life.data);
    order.iter().all(|&number| of(number) == of(order[0]))
        && order[1..].iter().all(|number| world.network.connections.contains_key(number))
}
