//! Writes lists, sets, sorted sets and hashes, in the layouts that servers of the version write.
//!
//! Iterators are walked more than once, so that what is large needs no room beside itself.

use crate::number::parse_i64_strict;
use std::io::Write;

use super::super::format as rdb;
use super::super::intset;
use super::super::packer::{Cutter, Step};
use super::{EncodeError, Encoder, Small};
use crate::listpack;

/// Sets of more integers are never written as intsets: servers refuse those.
const INTSET_MEMBERS_MAX: usize = 1 << 30;

impl<W: Write> Encoder<W> {
    /// Writes a list, cut into nodes as stock servers cut one whose elements are pushed one by one.
    ///
    /// The caller sees to it that there is an element, here and with the other aggregates: stock
    /// servers do not load empty ones.
    pub fn list<E, I>(
        &mut self,
        key: &[u8],
        expiry_ms: Option<i64>,
        elements: I,
    ) -> Result<(), EncodeError>
    where
        E: AsRef<[u8]>,
        I: ExactSizeIterator<Item = E> + Clone,
    {
        let has_listpacks = self.options.version >= rdb::VERSION_LISTPACK_MIN;
        let cutter = Cutter::new(&self.options);
        let (mut counting, mut nodes, mut alone) = (cutter.clone(), 0, false);
        for element in elements.clone() {
            let step = counting.step(element.as_ref());
            nodes += u64::from(step != Step::Same);
            alone |= step == Step::Alone;
        }
        if alone && !has_listpacks {
            // No ziplist has room for it, and there are no other nodes.
            return self.plain(rdb::TYPE_LIST, key, expiry_ms, elements);
        }
        let code =
            if has_listpacks { rdb::TYPE_LIST_QUICKLIST_2 } else { rdb::TYPE_LIST_QUICKLIST };
        self.begin_entry(code, key, expiry_ms)?;
        self.put_length(nodes);
        self.put_nodes(cutter, elements)?;
        self.spill()
    }

    /// Writes a set; one of few integers, or one that is small, is packed.
    pub fn set<M, I>(
        &mut self,
        key: &[u8],
        expiry_ms: Option<i64>,
        members: I,
    ) -> Result<(), EncodeError>
    where
        M: AsRef<[u8]>,
        I: ExactSizeIterator<Item = M> + Clone,
    {
        if self.gather_integers(members.clone()) {
            self.begin_entry(rdb::TYPE_SET_INTSET, key, expiry_ms)?;
            let mut packed = Vec::new();
            intset::write(&mut self.integers, &mut packed);
            self.put_string(&packed)?;
            return self.spill();
        }
        let lens = members.clone().map(|member| member.as_ref().len());
        if self.options.version >= rdb::VERSION_SET_LISTPACK_MIN
            && is_small(self.options.sets, lens)
        {
            self.begin_entry(rdb::TYPE_SET_LISTPACK, key, expiry_ms)?;
            self.packer.clear();
            members.for_each(|member| self.packer.push(member.as_ref()));
            self.put_packed()?;
            return self.spill();
        }
        self.plain(rdb::TYPE_SET, key, expiry_ms, members)
    }

    /// Writes a sorted set, packed if it is small; the members come in their order, lowest first.
    pub fn sorted_set<M, I>(
        &mut self,
        key: &[u8],
        expiry_ms: Option<i64>,
        members: I,
    ) -> Result<(), EncodeError>
    where
        M: AsRef<[u8]>,
        I: ExactSizeIterator<Item = (M, f64)> + Clone,
    {
        let version = self.options.version;
        let lens = members.clone().map(|(member, _)| member.as_ref().len());
        if is_small(self.options.sorted_sets, lens) {
            let has_listpacks = version >= rdb::VERSION_LISTPACK_MIN;
            let code = if has_listpacks { rdb::TYPE_ZSET_LISTPACK } else { rdb::TYPE_ZSET_ZIPLIST };
            self.begin_entry(code, key, expiry_ms)?;
            self.packer.clear();
            for (member, score) in members {
                self.packer.push(member.as_ref());
                self.packer.push_score(score, version);
            }
            self.put_packed()?;
            return self.spill();
        }
        self.begin_entry(rdb::TYPE_ZSET_2, key, expiry_ms)?;
        self.put_length(members.len() as u64);
        for (member, score) in members {
            self.put_string(member.as_ref())?;
            self.buffer.extend_from_slice(&score.to_le_bytes());
            self.spill()?;
        }
        self.spill()
    }

    /// Writes a hash, packed if it is small.
    pub fn hash<F, V, I>(
        &mut self,
        key: &[u8],
        expiry_ms: Option<i64>,
        fields: I,
    ) -> Result<(), EncodeError>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
        I: ExactSizeIterator<Item = (F, V)> + Clone,
    {
        let lens =
            fields.clone().map(|(field, value)| field.as_ref().len().max(value.as_ref().len()));
        if is_small(self.options.hashes, lens) {
            let has_listpacks = self.options.version >= rdb::VERSION_LISTPACK_MIN;
            let code = if has_listpacks { rdb::TYPE_HASH_LISTPACK } else { rdb::TYPE_HASH_ZIPLIST };
            self.begin_entry(code, key, expiry_ms)?;
            self.packer.clear();
            for (field, value) in fields {
                self.packer.push(field.as_ref());
                self.packer.push(value.as_ref());
            }
            self.put_packed()?;
            return self.spill();
        }
        self.begin_entry(rdb::TYPE_HASH, key, expiry_ms)?;
        self.put_length(fields.len() as u64);
        for (field, value) in fields {
            self.put_string(field.as_ref())?;
            self.put_string(value.as_ref())?;
            self.spill()?;
        }
        self.spill()
    }

    /// Writes a count, and each element as a string of its own.
    fn plain<E: AsRef<[u8]>>(
        &mut self,
        code: u8,
        key: &[u8],
        expiry_ms: Option<i64>,
        elements: impl ExactSizeIterator<Item = E>,
    ) -> Result<(), EncodeError> {
        self.begin_entry(code, key, expiry_ms)?;
        self.put_length(elements.len() as u64);
        for element in elements {
            self.put_string(element.as_ref())?;
            self.spill()?;
        }
        self.spill()
    }

    fn put_nodes<E: AsRef<[u8]>>(
        &mut self,
        mut cutter: Cutter,
        elements: impl Iterator<Item = E>,
    ) -> Result<(), EncodeError> {
        let mut is_open = false;
        for element in elements {
            let element = element.as_ref();
            let step = cutter.step(element);
            if step != Step::Same && std::mem::take(&mut is_open) {
                self.put_node()?;
            }
            if step == Step::Alone {
                self.put_length(rdb::NODE_PLAIN);
                self.put_string(element)?;
                continue;
            }
            if step == Step::New {
                self.packer.clear();
                is_open = true;
            }
            self.packer.push(element);
        }
        if is_open { self.put_node() } else { Ok(()) }
    }

    fn put_node(&mut self) -> Result<(), EncodeError> {
        if self.options.version >= rdb::VERSION_LISTPACK_MIN {
            self.put_length(rdb::NODE_PACKED);
        }
        self.put_packed()?;
        self.spill()
    }

    fn put_packed(&mut self) -> Result<(), EncodeError> {
        let mut packer = std::mem::take(&mut self.packer);
        let put = self.put_string(packer.finish());
        self.packer = packer;
        put
    }

    /// Gathers the members if they make an intset; tells whether they do.
    fn gather_integers<M: AsRef<[u8]>>(
        &mut self,
        members: impl ExactSizeIterator<Item = M>,
    ) -> bool {
        self.integers.clear();
        if members.len() > self.options.intset_members_max.min(INTSET_MEMBERS_MAX) {
            return false;
        }
        for member in members {
            let Some(integer) = parse_i64_strict(member.as_ref()) else { return false };
            self.integers.push(integer);
        }
        true
    }
}

/// Tells whether a value is to be packed, by the size of the longer part of each of its entries.
fn is_small(small: Small, lens: impl ExactSizeIterator<Item = usize>) -> bool {
    if lens.len() > small.entries_max {
        return false;
    }
    let mut total = listpack::ENTRY_OVERHEAD_MAX;
    for len in lens {
        if len > small.bytes_max {
            return false;
        }
        total = total.saturating_add(2 * (len + listpack::ENTRY_OVERHEAD_MAX));
        if total > listpack::BYTES_MAX {
            return false;
        }
    }
    true
}
