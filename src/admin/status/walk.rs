//! Finds the servers that replicate with one another: up to the root, then down over its replicas.

use std::collections::HashMap;

use super::address::Address;
use super::facts::{Facts, Feed, Role};
use super::topology::{Extent, Member, Seen, Shape, Standing, Topology};

/// So many servers are asked at most, so that none of them can lead us on for ever.
pub(super) const MEMBERS_MAX: usize = 1000;
/// The way up ends after so many servers.
const HEIGHT_MAX: usize = 32;
/// The way down ends so many levels below the root.
const DEPTH_MAX: usize = 64;

/// What a server answers, or why it does not.
pub(super) type Answer = Result<Facts, String>;

/// Asks servers, all of them at once.
pub(super) type Ask<'a> = dyn Fn(&[Address]) -> Vec<Answer> + 'a;

/// A server that has answered.
type Known = (Address, Facts);

/// Finds all that replicate with the server at `address`, which has answered with `facts`.
pub(super) fn walk(address: Address, facts: Facts, ask: &Ask<'_>) -> Topology {
    let (mut chain, top) = climb(address, facts, ask);
    // From the highest down.
    chain.reverse();
    let (root_address, root_facts) = chain[0].clone();
    let mut walk = Descent { ask, chain, places: HashMap::new(), found: 1, extent: Extent::Whole };
    let standing = matches!(root_facts.role, Role::Replica(_))
        .then(|| Standing::between(None, None, &root_address, Some(&root_facts)));
    let root = walk.grow(root_address, root_facts, standing, 0);
    let (root, shape) = match top {
        Top::Root => (root, Shape::Tree),
        Top::Circle => (root, Shape::Circle),
        Top::Silent(address, why) => {
            let seen = Seen::Silent(why);
            (Member { address, seen, standing: None, replicas: vec![root] }, Shape::Tree)
        }
    };
    Topology { root, shape, extent: walk.extent }
}

/// What is above the highest server that answered.
enum Top {
    Root,
    Circle,
    Silent(Address, String),
}

fn climb(address: Address, facts: Facts, ask: &Ask<'_>) -> (Vec<Known>, Top) {
    let mut chain = vec![(address, facts)];
    loop {
        let (below, facts) = &chain[chain.len() - 1];
        let Role::Replica(link) = &facts.role else { return (chain, Top::Root) };
        if chain.len() == HEIGHT_MAX {
            return (chain, Top::Root);
        }
        let above = link.primary.clone().told_by(below);
        match one(ask(std::slice::from_ref(&above))) {
            Err(why) => return (chain, Top::Silent(above, why)),
            Ok(facts) => {
                let identity = facts.identity(&above);
                if chain.iter().any(|(address, known)| known.identity(address) == identity) {
                    return (chain, Top::Circle);
                }
                chain.push((above, facts));
            }
        }
    }
}

fn one(answers: Vec<Answer>) -> Answer {
    answers.into_iter().next().unwrap_or_else(|| Err("it was not asked".to_owned()))
}

struct Descent<'a> {
    ask: &'a Ask<'a>,
    /// The servers on the way up, the highest first.
    chain: Vec<Known>,
    /// Where each server stands in the tree.
    places: HashMap<String, Address>,
    /// How many servers are in the tree, or will be.
    found: usize,
    extent: Extent,
}

impl Descent<'_> {
    /// Makes a member of a server that answered, `depth` levels below the root, with all that follow it.
    fn grow(
        &mut self,
        address: Address,
        facts: Facts,
        standing: Option<Standing>,
        depth: usize,
    ) -> Member {
        let identity = facts.identity(&address);
        self.places.insert(identity.clone(), address.clone());
        let mut replicas: Vec<_> = self.listed(&address, &facts, depth);
        // Whom we came by may be unknown to its primary, since its link is down.
        let mut chain = self.chain.iter();
        let _ = chain.find(|(address, known)| known.identity(address) == identity);
        if let Some((below, known)) = chain.next().cloned()
            && !self.places.contains_key(&known.identity(&below))
        {
            let standing = Standing::between(Some(&facts), None, &below, Some(&known));
            self.found += 1;
            replicas.push(self.grow(below, known, Some(standing), depth + 1));
        }
        Member { address, seen: Seen::Answered(Box::new(facts)), standing, replicas }
    }

    /// Makes members of the replicas that `primary` lists.
    fn listed(&mut self, address: &Address, primary: &Facts, depth: usize) -> Vec<Member> {
        let resolve = |feed: &Feed| feed.address.clone().told_by(address);
        let mut feeds: Vec<_> = primary.feeds.iter().map(|feed| (resolve(feed), feed)).collect();
        let room = if depth < DEPTH_MAX { MEMBERS_MAX.saturating_sub(self.found) } else { 0 };
        if feeds.len() > room {
            self.extent = Extent::CutOff;
            feeds.truncate(room);
        }
        self.found += feeds.len();
        let may_be_asked = |(address, _): &&(Address, &Feed)| address.port != 0;
        let asked: Vec<_> =
            feeds.iter().filter(may_be_asked).map(|(address, _)| address.clone()).collect();
        let mut answers = (self.ask)(&asked).into_iter();
        let mut member = |(address, feed): (Address, &Feed)| {
            let answer = if address.port == 0 { None } else { answers.next() };
            let standing = |facts: Option<&Facts>| {
                Some(Standing::between(Some(primary), Some(feed), &address, facts))
            };
            let seen = match answer {
                None => Seen::Unasked,
                Some(Err(why)) => Seen::Silent(why),
                Some(Ok(facts)) => {
                    let Some(place) = self.places.get(&facts.identity(&address)) else {
                        let standing = standing(Some(&facts));
                        return self.grow(address, facts, standing, depth + 1);
                    };
                    Seen::Elsewhere(place.clone())
                }
            };
            Member { standing: standing(None), address, seen, replicas: Vec::new() }
        };
        feeds.into_iter().map(&mut member).collect()
    }
}
