//! How many workers serve, and which of them gives connections away: decided by what each is doing.
//!
//! One worker is enough until it has no time left, and a further one helps only where a core is idle:
//! on a core that others want, two workers put each other off, and a client waits for both. Nor does it
//! help where all want the same shard: then one works while the others sleep and are woken.

/// From this share of its time on, a worker is saturated.
const SATURATED: f64 = 0.9;
/// A further worker needs so many cores that do nothing.
const IDLE_CORES_MIN: f64 = 0.5;
/// Below so many idle cores the machine has none to spare.
const NO_IDLE_CORES: f64 = 0.1;
/// Workers that wait for a core for this share of the time they could work are too many.
const CRAMPED: f64 = 0.3;
/// Workers that sleep for a shard at this share of the commands are too many.
const CONTENDED: f64 = 0.03;
/// One worker less would be busy for no more than this share of its time.
const SPARE: f64 = 0.6;
/// By how much the shares of two workers differ when connections move.
const IMBALANCE: f64 = 0.3;

/// For how many looks in a row the workers must be saturated before one more serves.
const LOOKS_BEFORE_GROWTH: u32 = 3;
/// For how many looks in a row they must be cramped before one less does.
const LOOKS_CRAMPED: u32 = 10;
/// After how many looks at which they did not put each other off growth has proved to be of use.
const LOOKS_PROVEN: u32 = 50;
/// For how many looks in a row they must have time to spare before one less does.
const LOOKS_SPARE: u32 = 50;
/// Growth that proved to be of no use is put off twice as long each time, up to this many doublings.
const DOUBLINGS_MAX: u32 = 8;

/// What a worker did between two looks, in shares of that time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// How long it was on a core.
    pub ran: f64,
    /// How long it could have been on one, and was not.
    pub waited: f64,
    /// How many of its connections executed anything.
    pub active: usize,
}

impl Load {
    fn wanted(&self) -> f64 {
        self.ran + self.waited
    }

    /// Tells whether all of the time went to a connection that began before it and has not ended: it
    /// tells nothing of what the others would do.
    pub fn is_within_one(&self) -> bool {
        self.active == 0 && self.wanted() >= SATURATED
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Stay,
    /// One more worker serves.
    Grow,
    /// One worker less serves; the last gives all its connections away.
    Shrink,
    /// A worker gives away so many of its busy connections to another.
    Shift {
        /// Who gives.
        from: usize,
        /// Who gets.
        to: usize,
        /// How many.
        count: usize,
    },
}

/// Whether the number of workers follows the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// It is what `io-threads` says.
    Fixed,
    /// There may be up to one to each core.
    ByLoad,
}

/// Remembers what was seen at earlier looks.
#[derive(Debug)]
pub struct Balance {
    scaling: Scaling,
    workers_max: usize,
    saturated: u32,
    cramped: u32,
    proven: u32,
    spare: u32,
    doublings: u32,
    /// What was moved last is not judged before it has shown.
    settling: bool,
    /// How many connections of each worker were active when that was last seen.
    active: Vec<usize>,
}

impl Balance {
    /// Begins to look at up to so many workers.
    pub fn new(scaling: Scaling, workers_max: usize) -> Self {
        Self {
            scaling,
            workers_max,
            saturated: 0,
            cramped: 0,
            proven: 0,
            spare: 0,
            doublings: 0,
            settling: false,
            active: Vec::new(),
        }
    }

    /// Tells whether any worker has so much to do that idle cores matter.
    pub fn is_pressed(loads: &[Load]) -> bool {
        loads.iter().any(|load| load.wanted() >= SATURATED)
    }

    /// Decides what is to be done about the workers that serve, of which there is one at least.
    ///
    /// `contention` is the share of commands for which a worker slept until another let go of a shard.
    pub fn decide(&mut self, loads: &[Load], idle_cores: f64, contention: f64) -> Step {
        let loads = self.completed(loads);
        if std::mem::take(&mut self.settling) {
            return Step::Stay;
        }
        let step = match self.scale(&loads, idle_cores, contention) {
            Step::Stay => shift(&loads),
            step => step,
        };
        self.settling = step != Step::Stay;
        step
    }

    /// Fills in what was seen before of workers that one connection kept busy all the time.
    fn completed(&mut self, loads: &[Load]) -> Vec<Load> {
        self.active.resize(loads.len(), 0);
        let complete = |(load, known): (&Load, &mut usize)| {
            if !load.is_within_one() {
                *known = load.active;
            }
            Load { active: *known, ..*load }
        };
        loads.iter().zip(&mut self.active).map(complete).collect()
    }

    fn scale(&mut self, loads: &[Load], idle_cores: f64, contention: f64) -> Step {
        if self.scaling == Scaling::Fixed {
            return Step::Stay;
        }
        let workers = loads.len();
        let ran: f64 = loads.iter().map(|load| load.ran).sum();
        let waited: f64 = loads.iter().map(|load| load.waited).sum();
        let are_saturated = loads.iter().all(|load| load.wanted() >= SATURATED);
        let can_share = loads.iter().any(|load| load.active > 1);
        let grows = workers < self.workers_max
            && are_saturated
            && can_share
            && idle_cores >= IDLE_CORES_MIN;
        let is_cramped = workers > 1
            && idle_cores < NO_IDLE_CORES
            && Self::is_pressed(loads)
            && waited >= CRAMPED * (ran + waited);
        let is_contended = workers > 1 && contention >= CONTENDED;
        let is_proven = workers > 1 && !is_cramped && !is_contended;
        let has_spare = workers > 1 && ran <= SPARE * (workers - 1) as f64;
        for (count, seen) in [
            (&mut self.saturated, grows),
            (&mut self.cramped, is_cramped),
            (&mut self.proven, is_proven),
            (&mut self.spare, has_spare),
        ] {
            *count = if seen { *count + 1 } else { 0 };
        }
        if self.saturated >= LOOKS_BEFORE_GROWTH << self.doublings {
            self.saturated = 0;
            return Step::Grow;
        }
        if self.cramped >= LOOKS_CRAMPED || is_contended {
            self.cramped = 0;
            self.doublings = (self.doublings + 1).min(DOUBLINGS_MAX);
            return Step::Shrink;
        }
        if self.proven >= LOOKS_PROVEN {
            self.doublings = 0;
        }
        if self.spare >= LOOKS_SPARE {
            (self.spare, self.doublings) = (0, 0);
            return Step::Shrink;
        }
        Step::Stay
    }
}

/// Moves connections from the busiest to the idlest, so that both have the same to do.
fn shift(loads: &[Load]) -> Step {
    let by_wanted = |a: &(usize, &Load), b: &(usize, &Load)| a.1.wanted().total_cmp(&b.1.wanted());
    let busiest = loads.iter().enumerate().max_by(by_wanted);
    let idlest = loads.iter().enumerate().min_by(by_wanted);
    let Some(((from, most), (to, least))) = busiest.zip(idlest) else { return Step::Stay };
    let surplus = most.wanted() - least.wanted();
    // A single connection that saturates a worker does so anywhere.
    if most.wanted() < SATURATED || surplus < IMBALANCE || most.active < 2 {
        return Step::Stay;
    }
    let share = surplus / (2.0 * most.wanted());
    let count = ((most.active as f64 * share) as usize).clamp(1, most.active - 1);
    Step::Shift { from, to, count }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Load = Load { ran: 0.0, waited: 0.0, active: 0 };

    fn busy(active: usize) -> Load {
        Load { ran: 0.97, waited: 0.02, active }
    }

    fn looks(balance: &mut Balance, count: usize, loads: &[Load], idle_cores: f64) -> Vec<Step> {
        let steps = (0..count).map(|_| balance.decide(loads, idle_cores, 0.0));
        steps.filter(|&step| step != Step::Stay).collect()
    }

    #[test]
    fn a_saturated_worker_gets_help_where_a_core_is_idle_and_only_there() {
        let mut balance = Balance::new(Scaling::ByLoad, 4);
        assert_eq!(looks(&mut balance, 100, &[busy(50)], 0.2), []);
        assert_eq!(looks(&mut balance, 3, &[busy(50)], 1.0), [Step::Grow]);
        let half = Load { ran: 0.5, waited: 0.1, active: 50 };
        assert_eq!(looks(&mut balance, 100, &[half], 1.5), []);
    }

    #[test]
    fn one_connection_cannot_be_shared_and_the_cores_are_the_limit() {
        let mut balance = Balance::new(Scaling::ByLoad, 2);
        assert_eq!(looks(&mut balance, 100, &[busy(1)], 1.0), []);
        assert_eq!(looks(&mut balance, 100, &[busy(9), busy(9)], 3.0), []);
        let mut balance = Balance::new(Scaling::Fixed, 4);
        assert_eq!(looks(&mut balance, 100, &[busy(9)], 3.0), []);
    }

    #[test]
    fn a_new_worker_gets_its_share_of_the_busy_connections() {
        let mut balance = Balance::new(Scaling::Fixed, 2);
        let shift = Step::Shift { from: 0, to: 1, count: 25 };
        assert_eq!(balance.decide(&[busy(50), IDLE], 1.0, 0.0), shift);
        // It takes a look until the move shows.
        assert_eq!(balance.decide(&[busy(50), IDLE], 1.0, 0.0), Step::Stay);
        let shift = Step::Shift { from: 1, to: 0, count: 1 };
        assert_eq!(balance.decide(&[IDLE, busy(2)], 1.0, 0.0), shift);
        assert_eq!(looks(&mut balance, 9, &[busy(1), IDLE], 1.0), []);
    }

    #[test]
    fn workers_that_put_each_other_off_become_fewer_and_growth_is_tried_more_rarely() {
        let mut balance = Balance::new(Scaling::ByLoad, 2);
        let cramped = Load { ran: 0.5, waited: 0.45, active: 25 };
        assert_eq!(looks(&mut balance, 10, &[cramped, cramped], 0.0), [Step::Shrink]);
        assert_eq!(looks(&mut balance, 6, &[busy(50)], 1.0), []);
        assert_eq!(looks(&mut balance, 1, &[busy(50)], 1.0), [Step::Grow]);
    }

    #[test]
    fn connections_are_shared_though_one_executes_for_longer_than_from_look_to_look() {
        let mut balance = Balance::new(Scaling::ByLoad, 2);
        assert_eq!(looks(&mut balance, 9, &[busy(0)], 1.0), []);
        assert_eq!(looks(&mut balance, 1, &[busy(2)], 1.0), []);
        assert_eq!(looks(&mut balance, 2, &[busy(0)], 1.0), [Step::Grow]);
        let shift = Step::Shift { from: 0, to: 1, count: 1 };
        assert_eq!(looks(&mut balance, 2, &[busy(0), IDLE], 1.0), [shift]);
        assert_eq!(looks(&mut balance, 9, &[busy(1), IDLE], 1.0), []);
        assert_eq!(looks(&mut balance, 9, &[busy(0), IDLE], 1.0), []);
    }

    #[test]
    fn workers_with_time_to_spare_become_fewer() {
        let mut balance = Balance::new(Scaling::ByLoad, 2);
        let little = Load { ran: 0.2, waited: 0.0, active: 9 };
        assert_eq!(looks(&mut balance, 50, &[little, little], 1.0), [Step::Shrink]);
    }

    #[test]
    fn workers_that_sleep_for_one_shard_become_fewer_and_growth_is_tried_more_rarely() {
        let mut balance = Balance::new(Scaling::ByLoad, 2);
        let mut tries = Vec::new();
        let mut workers = 1;
        for look in 0..1000 {
            let contention = if workers > 1 { 0.06 } else { 0.0 };
            match balance.decide(&vec![busy(25); workers], 1.0, contention) {
                Step::Grow => {
                    tries.push(look);
                    workers += 1;
                }
                Step::Shrink => workers -= 1,
                _ => {}
            }
        }
        assert_eq!(workers, 1);
        let waits: Vec<_> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(waits.windows(2).all(|pair| pair[1] >= pair[0] * 3 / 2), "{waits:?}");
        assert!(tries.len() < 10, "{tries:?}");
    }

    #[test]
    fn growth_that_proved_to_be_of_use_is_tried_as_soon_as_at_first() {
        let mut balance = Balance::new(Scaling::ByLoad, 2);
        let cramped = Load { ran: 0.5, waited: 0.45, active: 25 };
        assert_eq!(looks(&mut balance, 10, &[cramped, cramped], 0.0), [Step::Shrink]);
        assert_eq!(looks(&mut balance, 7, &[busy(50)], 1.0), [Step::Grow]);
        assert_eq!(looks(&mut balance, 60, &[busy(25), busy(25)], 1.0), []);
        assert_eq!(looks(&mut balance, 10, &[cramped, cramped], 0.0), [Step::Shrink]);
        // Put off once, and not twice.
        assert_eq!(looks(&mut balance, 7, &[busy(50)], 1.0), [Step::Grow]);
    }
}
