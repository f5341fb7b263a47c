//! What must hold after every step, whoever asks whom.

use backlogd::position::{Offset, Position, Replid};
use backlogd::replication::lineage::{Divergence, Lineage, Verdict};

use super::node::{Node, Presented};
use super::rules::Stop;

/// Up to where a history answers `+CONTINUE` to those who know it as `replid`.
///
/// The answer is the production code's: who asks from beyond everything is told where it ends.
fn reach(lineage: &Lineage, replid: Replid, end: Offset) -> Option<Offset> {
    match lineage.continues(Position { replid, offset: Offset(u64::MAX) }, end) {
        Verdict::Continues(_) => Some(end),
        Verdict::Diverges(Divergence::UnknownHistory) => None,
        Verdict::Diverges(Divergence::AheadOfEnd { end }) => Some(end),
        Verdict::Diverges(Divergence::PastCeiling { ceiling }) => Some(ceiling),
    }
}

fn names(lineage: &Lineage) -> impl Iterator<Item = Replid> + '_ {
    let past = lineage.past().iter().map(|ancestor| ancestor.replid);
    std::iter::once(lineage.current()).chain(past)
}

/// Two that continue one position hold the same bytes below it.
///
/// Each continues a name up to one offset, and what it holds is itself a position: so it is enough
/// to look at the lower of the two offsets, for every name both know.
fn agree(a: &Presented, b: &Presented) -> Result<(), (Replid, Offset)> {
    for replid in names(&a.lineage) {
        let both = reach(&a.lineage, replid, a.end).zip(reach(&b.lineage, replid, b.end));
        let Some((own, other)) = both else { continue };
        let shared = own.min(other);
        let below = ..shared.0 as usize;
        let (Some(own), Some(other)) = (a.data.get(below), b.data.get(below)) else {
            return Err((replid, shared));
        };
        if own != other {
            return Err((replid, shared));
        }
    }
    Ok(())
}

/// Holds the nodes that a step touched against all.
pub fn check(nodes: &[Node], touched: &[usize]) -> Result<(), Stop> {
    let all: Vec<Vec<Presented>> = nodes.iter().map(Node::presents).collect();
    for &one in touched {
        for (other, others) in all.iter().enumerate().filter(|(other, _)| *other != one) {
            for (a, b) in all[one].iter().flat_map(|a| others.iter().map(move |b| (a, b))) {
                if let Err((replid, shared)) = agree(a, b) {
                    return Err(Stop::Lie(format!(
                        "nodes {one} and {other} both continue {replid} at {shared}, but their \
                         bytes below it differ"
                    )));
                }
            }
        }
        nodes[one].check_memory()?;
        check_limits(&nodes[one])?;
    }
    Ok(())
}

/// What the rules of the log and of the manifest say of one node.
fn check_limits(node: &Node) -> Result<(), Stop> {
    let number = node.machine.number;
    let manifest = node.files.manifest();
    let Some(life) = &node.life else { return Ok(()) };
    let (name, past) = (life.lineage.current(), life.lineage.past());
    let is_recorded = manifest.replid == name && manifest.past == past;
    node.rules.hold(is_recorded && manifest == life.manifest, || {
        format!("node {number} believes what its manifest does not say")
    })?;
    if let Some(meta) = &manifest.snapshot {
        node.rules.hold(meta.offset <= life.durable(), || {
            format!("node {number} names a snapshot at {}, beyond what is durable", meta.offset)
        })?;
    }
    node.rules.hold(life.durable() <= life.sealed(), || {
        format!("node {number} is durable beyond its seal")
    })
}
