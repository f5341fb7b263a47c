//! How many entries a group has read, and how many it has not: as far as it can be told.
//!
//! The entries ever added are counted, and so an ID near either end tells how many came before it. In
//! the middle nothing does: whether entries were removed there is known of the greatest such ID only.

use super::entries::Stream;
use super::group::Group;
use super::id::StreamId;

impl Stream {
    /// Counts the entries that a group has not read yet; none if that cannot be told.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let added = self.counters.entries_added as i64;
        if added == 0 {
            return Some(0);
        }
        let read = match group.entries_read {
            Some(read) if !self.has_removed_after(group.last_id) => read,
            _ => self.entries_up_to(group.last_id)?,
        };
        Some(added.wrapping_sub(read))
    }

    /// Counts the entries ever added up to an ID; none if that cannot be told.
    pub fn entries_up_to(&self, id: StreamId) -> Option<i64> {
        let counters = &self.counters;
        let (added, len) = (counters.entries_added as i64, self.len as i64);
        if added == 0 {
            return Some(0);
        }
        if self.len == 0 && id < counters.last_id {
            return Some(added);
        }
        if id == counters.last_id {
            return Some(added);
        }
        if id > counters.last_id {
            return None;
        }
        // Whatever was removed lies before the first entry that is there.
        let is_whole =
            counters.max_deleted_id == StreamId::MIN || counters.max_deleted_id < counters.first_id;
        match id.cmp(&counters.first_id) {
            std::cmp::Ordering::Less if is_whole => Some(added.wrapping_sub(len)),
            std::cmp::Ordering::Equal if is_whole => Some(added.wrapping_sub(len).wrapping_add(1)),
            _ => None,
        }
    }

    /// Tells whether an entry was removed, by its ID, that lay between others and came after this ID.
    pub fn has_removed_after(&self, id: StreamId) -> bool {
        let counters = &self.counters;
        self.len > 0
            && counters.max_deleted_id != StreamId::MIN
            && counters.max_deleted_id >= counters.first_id
            && id <= counters.max_deleted_id
    }

    /// Notes that a group has got an entry that is new to it.
    pub fn read_on(&self, group: &mut Group, id: StreamId) {
        match &mut group.entries_read {
            // It stops at the greatest number: no command could tell a replica another one.
            Some(read) if !self.has_removed_after(id) => *read = read.saturating_add(1),
            read if self.counters.entries_added > 0 => {
                *read = self.entries_up_to(id).filter(|read| *read >= 0);
            }
            _ => {}
        }
        group.last_id = id;
    }
}
