//! Copied directories, of servers that are down or running.

use backlogd::snapshot::Role;

use super::machine::{Files, beginning};
use super::node::HalfCopy;
use super::rules::Stop;
use super::world::World;

impl World {
    /// Copies another directory over that of a node which is down, or the first part of it.
    ///
    /// Whoever copies the files of a running server copies them one after the other. A copy that
    /// turns out to be unusable is removed again.
    pub fn take_copy(&mut self, number: usize) -> Result<(), Stop> {
        let begun = self.nodes[number].half_copy.take();
        if begun.as_ref().is_some_and(|half| half.place != self.nodes[half.from].place()) {
            self.tell(number, "gives up a copy of what is no longer there");
            return Ok(());
        }
        let from = match &begun {
            Some(half) => half.from,
            None => self.another(number),
        };
        let (files, owed) = (self.nodes[from].files.copied(), self.nodes[from].owed_to_copies());
        let parts = ["the log first", "the log last", "at once"];
        let part = begun.as_ref().map_or_else(|| *self.random.pick(&parts), |half| half.part);
        let (files, owed) = match (begun, part) {
            (None, "at once") => (files, owed),
            (None, part) => {
                self.nodes[number].half_copy =
                    Some(HalfCopy { from, place: self.nodes[from].place(), part, files });
                self.tell(number, &format!("begins to copy the directory of node {from}, {part}"));
                return Ok(());
            }
            (Some(half), "the log first") => (Files::torn(files, half.files), None),
            (Some(half), _) => (Files::torn(half.files, files), None),
        };
        let is_torn = owed.is_none();
        match self.nodes[number].take_copy(files, owed, &mut self.random) {
            Err(Stop::Lie(reason)) if is_torn && reason.contains("refuses to start") => {
                let replid = self.mint();
                let mut machine = self.nodes[number].machine;
                machine.restore();
                let files = Files::new(&beginning(&machine, replid, Role::Replica));
                self.nodes[number].take_copy(files, None, &mut self.random)?;
                self.tell(number, &format!("finds its copy unusable: {reason}"));
            }
            taken => {
                taken?;
                self.tell(number, &format!("has a copy of the directory of node {from}, {part}"));
            }
        }
        Ok(())
    }
}
