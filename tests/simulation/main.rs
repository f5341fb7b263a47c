//! Random lives of a few servers, by seed: whatever happens to them, no history lies.
//!
//! One thread drives the production code that decides about histories (`Lineage`, `identity`, the
//! manifest, the log and its recovery) on disks that lose what real ones may lose. After each step
//! every node is held against every other.
//!
//! `BACKLOGD_SEED=<number>` runs one seed alone and prints its steps; `BACKLOGD_SEEDS=<count>` runs
//! more seeds or fewer.

#[path = "../support/random.rs"]
mod random;

mod copying;
mod exchange;
mod following;
mod invariant;
mod machine;
mod network;
mod node;
mod quiet;
mod recovery;
mod rules;
mod schedule;
mod world;

use std::io::Write as _;

use rules::{Broken, Looks, Rules, Stop};
use world::{Resyncs, Weather, World};

/// Seeds in an ordinary run.
const SEEDS: u64 = 400;
/// Within how many seeds a broken rule must be noticed.
const SEEDS_TO_NOTICE: u64 = 1500;
/// How many steps of a failed seed are told.
const STEPS_TOLD: usize = 60;

/// A run that went wrong.
struct Failure {
    seed: u64,
    lie: String,
    trace: Vec<String>,
}

impl Failure {
    fn tell(&self, test: &str) -> String {
        let from = self.trace.len().saturating_sub(STEPS_TOLD);
        let Self { seed, lie, trace } = self;
        format!(
            "seed {seed}: {lie}\nthe last steps:\n{}\nall of them: \
             BACKLOGD_SEED={seed} cargo test --test simulation {test}",
            trace[from..].join("\n")
        )
    }
}

fn run(seed: u64, weather: Weather, rules: Rules) -> Result<World, Failure> {
    let mut world = World::new(seed, weather, rules);
    match schedule::run(&mut world) {
        Ok(()) => Ok(world),
        Err(stop) => {
            let lie = match stop {
                Stop::Lie(lie) => lie,
                Stop::Died => "a node dies in quiet times".to_owned(),
            };
            let lie = format!("{}, {lie}", world.doing);
            Err(Failure { seed, lie, trace: world.trace })
        }
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text:?}")))
}

/// Runs the seeds of this run; tells how many resyncs there were.
fn run_all(test: &str, weather: Weather) -> Resyncs {
    let alone = number("BACKLOGD_SEED");
    let seeds = match alone {
        Some(seed) => seed..seed + 1,
        None => 0..number("BACKLOGD_SEEDS").unwrap_or(SEEDS),
    };
    let mut sum = Resyncs::default();
    for seed in seeds {
        let (trace, failure) = match run(seed, weather, Rules::ALL) {
            Ok(world) => {
                sum.full += world.resyncs.full;
                sum.partial += world.resyncs.partial;
                (world.trace, None)
            }
            Err(failure) => (failure.trace.clone(), Some(failure)),
        };
        if alone.is_some() {
            writeln!(std::io::stderr(), "{}", trace.join("\n")).expect("stderr takes it");
        }
        if let Some(failure) = failure {
            panic!("{}", failure.tell(test));
        }
    }
    sum
}

#[test]
fn no_history_lies_whatever_happens() {
    let resyncs = run_all("no_history_lies", Weather::Wild);
    assert!(resyncs.partial > 0, "{resyncs:?}");
}

#[test]
fn who_has_joined_a_history_is_never_resynchronised_in_full_while_nobody_differs() {
    // That it is not is checked at every answer.
    let resyncs = run_all("who_has_joined", Weather::Calm);
    assert!(resyncs.partial > resyncs.full, "{resyncs:?}");
}

#[test]
fn a_seed_leads_to_the_same_steps_again() {
    for seed in 0..20 {
        let [one, other] = [(); 2].map(|()| match run(seed, Weather::Wild, Rules::ALL) {
            Ok(world) => world.trace,
            Err(failure) => failure.trace,
        });
        assert_eq!(one, other, "seed {seed}");
    }
}

/// Runs a model with a broken rule until a check notices.
fn must_notice(broken: Broken, looks: Looks, words: &[&str]) {
    let mut noticed = Vec::new();
    for seed in 0..SEEDS_TO_NOTICE {
        let rules = Rules::but(broken, looks);
        let Err(failure) = run(seed, Weather::Wild, rules) else { continue };
        if words.iter().any(|words| failure.lie.contains(words)) {
            return;
        }
        noticed.push(failure.lie);
    }
    panic!("{broken:?}: none of {words:?} within {SEEDS_TO_NOTICE} seeds, but {noticed:#?}");
}

/// What the checks of histories say.
const LIES: &[&str] = &["both continue", "with other bytes below it"];

/// A broken rule, and what some check must say of it.
macro_rules! noticed {
    ($($name:ident: $broken:ident, $looks:ident, $words:expr;)*) => {
        $(#[test]
        fn $name() {
            must_notice(Broken::$broken, Looks::$looks, $words);
        })*
    };
}

noticed! {
    a_replid_kept_over_a_loss_is_noticed: KeepsName, AtHistories, LIES;
    a_ceiling_one_too_high_is_noticed: CeilingTooHigh, AtHistories, LIES;
    an_adoption_before_the_snapshot_is_whole_is_noticed: AdoptsEarly, AtHistories, &["claims"];
    a_new_name_in_memory_alone_is_noticed: NameNotDurable, AtRules, &["does not say"];
    a_new_name_in_memory_alone_makes_histories_lie: NameNotDurable, AtHistories, LIES;
    replicas_kept_over_a_new_name_are_noticed: KeepsReplicas, AtRules, &["under another name"];
    replicas_kept_over_a_promotion_make_histories_lie: KeepsReplicasWhenPromoted, AtHistories,
        LIES;
    a_snapshot_named_before_it_is_durable_is_noticed: SnapshotNotDurable, AtRules,
        &["beyond what is durable"];
    a_snapshot_named_before_it_is_durable_ends_in_a_refusal: SnapshotNotDurable, AtHistories,
        &["refuses to start"];
    a_former_replica_that_writes_under_its_primary_s_name_makes_histories_lie: ForgetsItFollowed,
        AtHistories, LIES;
    a_sealed_feed_that_is_not_recorded_is_noticed: FeedNotRecorded, AtRules,
        &["has not recorded it"];
    a_sealed_feed_that_is_not_recorded_makes_histories_lie: FeedNotRecorded, AtHistories,
        LIES;
    a_promotion_without_a_sync_makes_histories_lie: PromotesUnsynced, AtHistories,
        LIES;
    an_old_log_taken_for_that_of_a_full_resync_is_noticed: OldLogNotGivenUp, AtHistories,
        &["not those it had", "refuses to start"];
    a_copy_that_vouches_for_all_it_holds_makes_histories_lie: CopyVouchesForAll, AtHistories,
        LIES;
}
