//! Each kind of server in each place of a chain: primary, replica, replica of the replica.
//!
//! Links are cut, members killed and restarted, replicas promoted; old primaries come back. At the end
//! of each step all hold the same data at the same offset, and there were exactly as many full
//! resyncs as the rules say: none between two backlogds, nor where stock has kept its history.
//!
//! `BACKLOGD_TEST_REPLICAS` names further stock programs, which then take stock's places as well.

#[path = "../support/mod.rs"]
mod support;

mod chain;
mod writes;

use chain::Chain;
use support::{Kind, Program};

/// A member of a chain, by its place.
const PRIMARY: usize = 0;
const REPLICA: usize = 1;
const LAST: usize = 2;

/// Who is in a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Backlogd,
    Stock,
}

use Place::{Backlogd, Stock};

fn live_through_it(places: [Place; 3]) {
    let programs = Program::replicas();
    let count = if places == [Backlogd; 3] { 1 } else { programs.len() };
    for program in &programs[..count] {
        let kinds = places.map(|place| match place {
            Backlogd => Kind::Backlogd,
            Stock => Kind::Stock(program.clone()),
        });
        let mut chain = Chain::start(&kinds);
        links_are_cut(&mut chain);
        members_are_killed(&mut chain);
        members_are_killed_under_load(&mut chain);
        members_end_in_order(&mut chain);
        all_are_killed(&mut chain);
        replicas_are_promoted(&mut chain);
        an_old_primary_returns_after_its_death(&mut chain);
    }
}

/// Wherever a link is cut, the rest is asked for and no more.
fn links_are_cut(chain: &mut Chain) {
    for _ in 0..2 {
        chain.cut_within_writes(PRIMARY);
        chain.cut_within_writes(REPLICA);
    }
    chain.away_during_writes(PRIMARY);
    chain.settle("the links were cut");
}

/// A backlogd continues. Stock has lost its data with its process, and its history with them.
fn members_are_killed(chain: &mut Chain) {
    chain.kill(LAST);
    chain.write();
    chain.expect_full_if(chain.is_stock(LAST), REPLICA);
    chain.restart(LAST);
    chain.settle("the last one was killed");

    chain.kill(REPLICA);
    chain.write();
    chain.expect_full_if(chain.is_stock(REPLICA), PRIMARY);
    // What follows is behind where the new snapshot of stock is; that of a backlogd is an old one.
    chain.expect_full_if(chain.is_stock(REPLICA) && chain.is_stock(PRIMARY), REPLICA);
    chain.restart(REPLICA);
    chain.settle("the replica was killed");

    chain.kill(PRIMARY);
    chain.expect_full_if(chain.is_stock(PRIMARY), PRIMARY);
    chain.expect_full_if(chain.is_stock(PRIMARY), REPLICA);
    chain.restart(PRIMARY);
    chain.settle("the primary was killed");
}

/// Killed while writes come; only a backlogd is to lose nothing by that.
fn members_are_killed_under_load(chain: &mut Chain) {
    for victim in [LAST, REPLICA, PRIMARY] {
        if !chain.is_stock(victim) {
            chain.kill_under_load(victim);
            chain.restart(victim);
            chain.settle("one was killed while writes came");
        }
    }
}

/// Ended in order, stock keeps its history as well.
fn members_end_in_order(chain: &mut Chain) {
    for place in [LAST, REPLICA, PRIMARY] {
        chain.shut_down(place);
        if place != PRIMARY {
            chain.write();
        }
        chain.restart(place);
        chain.settle("one ended in order");
    }
}

/// All at once: what each has on disk decides.
fn all_are_killed(chain: &mut Chain) {
    for place in [PRIMARY, REPLICA, LAST] {
        chain.kill(place);
    }
    chain.restart(PRIMARY);
    chain.write();
    chain.expect_full_if(chain.is_stock(PRIMARY) || chain.is_stock(REPLICA), PRIMARY);
    chain.expect_full_if(chain.is_stock(PRIMARY) || chain.is_stock(LAST), REPLICA);
    chain.restart(REPLICA);
    chain.restart(LAST);
    chain.settle("all were killed");
}

/// A promoted replica is followed by all who are not ahead of it, the old primary among them.
fn replicas_are_promoted(chain: &mut Chain) {
    for order in [
        [REPLICA, PRIMARY, LAST],
        [PRIMARY, REPLICA, LAST],
        [LAST, REPLICA, PRIMARY],
        [PRIMARY, REPLICA, LAST],
    ] {
        chain.rearrange(order);
        chain.settle("the order is another");
    }
}

/// It died as a primary and comes back as a replica of its successor.
fn an_old_primary_returns_after_its_death(chain: &mut Chain) {
    chain.kill(PRIMARY);
    chain.promote(REPLICA);
    chain.write();
    chain.expect_full_if(chain.is_stock(PRIMARY), REPLICA);
    chain.restart(PRIMARY);
    chain.settle("the old primary is back");
}

#[test]
fn a_chain_of_backlogds() {
    live_through_it([Backlogd, Backlogd, Backlogd]);
}

#[test]
fn a_chain_that_ends_in_stock() {
    live_through_it([Backlogd, Backlogd, Stock]);
}

#[test]
fn a_chain_with_stock_in_its_middle() {
    live_through_it([Backlogd, Stock, Backlogd]);
}

#[test]
fn a_chain_of_stock_behind_a_backlogd() {
    live_through_it([Backlogd, Stock, Stock]);
}

#[test]
fn a_chain_of_backlogds_behind_stock() {
    live_through_it([Stock, Backlogd, Backlogd]);
}

#[test]
fn a_chain_with_a_backlogd_in_its_middle() {
    live_through_it([Stock, Backlogd, Stock]);
}

#[test]
fn a_chain_that_ends_in_a_backlogd() {
    live_through_it([Stock, Stock, Backlogd]);
}

#[test]
fn a_chain_of_stock_agrees_with_what_is_expected_of_it() {
    live_through_it([Stock, Stock, Stock]);
}
