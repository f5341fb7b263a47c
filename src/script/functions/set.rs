//! All libraries of the server.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use crate::script::Conduct;

use super::library::{Function, Library, folded};

/// What becomes of a library that has the name of one that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the other one is refused.
    Stays,
    /// The other one takes its place.
    Replaced,
}

/// Libraries that can be called.
#[derive(Clone, Debug, Default)]
pub struct Set {
    libraries: BTreeMap<Box<[u8]>, Arc<Library>>,
    /// By their names in lower case.
    functions: HashMap<Box<[u8]>, Found>,
}

/// A function, and where it is.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its library.
    pub library: Arc<Library>,
    pub(super) index: usize,
    /// How often the libraries had changed when it was found.
    generation: u64,
}

impl Found {
    /// Returns the function.
    pub fn function(&self) -> &Function {
        &self.library.functions[self.index]
    }

    /// Tells whether it keeps to the keys that it names.
    pub fn conduct(&self) -> &Conduct {
        &self.library.conducts[self.index]
    }
}

impl Set {
    /// Walks the libraries in the order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Library>> {
        self.libraries.values()
    }

    /// Counts the functions.
    pub fn functions_count(&self) -> usize {
        self.functions.len()
    }

    /// Tells whether there is a library of this name.
    pub fn has(&self, name: &[u8]) -> bool {
        self.libraries.contains_key(name)
    }

    /// Finds a function by its name, in any case.
    pub fn find(&self, name: &[u8]) -> Option<&Found> {
        self.functions.get(&folded(name))
    }

    /// Adds a library; the error is what the client is told, and leaves the set of no use.
    pub fn add(&mut self, library: Arc<Library>, existing: Existing) -> Result<(), Vec<u8>> {
        if existing == Existing::Stays && self.has(&library.name) {
            return Err([b"ERR Library '", &*library.name, b"' already exists"].concat());
        }
        self.remove(&library.name);
        for (index, function) in library.functions.iter().enumerate() {
            let found = Found { library: Arc::clone(&library), index, generation: 0 };
            if self.functions.insert(folded(&function.name), found).is_some() {
                return Err([b"ERR Function ", &*function.name, b" already exists"].concat());
            }
        }
        self.libraries.insert(library.name.clone(), library);
        Ok(())
    }

    /// Adds all libraries of another set; the error is as that of [`Self::add`].
    pub fn join(&mut self, other: &Self, existing: Existing) -> Result<(), Vec<u8>> {
        // Whatever is replaced makes room for the functions of all that come.
        for name in other.libraries.keys() {
            let is_there = self.remove(name);
            if is_there && existing == Existing::Stays {
                return Err([b"ERR Library ", &**name, b" already exists"].concat());
            }
        }
        other.iter().try_for_each(|library| self.add(Arc::clone(library), Existing::Stays))
    }

    /// Removes a library; tells whether it was there.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Some(library) = self.libraries.remove(name) else { return false };
        for function in &library.functions {
            self.functions.remove(&folded(&function.name));
        }
        true
    }

    /// Counts the bytes that the libraries take.
    pub fn bytes(&self) -> u64 {
        self.iter().map(|library| library.bytes()).sum()
    }

    pub(super) fn has_number(&self, name: &[u8], number: u64) -> bool {
        self.libraries.get(name).is_some_and(|library| library.number == number)
    }
}

/// The libraries of the server.
///
/// A set is never changed: another one takes its place, and whoever holds it goes on with it.
#[derive(Debug, Default)]
pub struct Libraries {
    set: RwLock<Arc<Set>>,
    /// Held by whoever makes the next set.
    turn: Mutex<()>,
    /// How often the set has changed.
    generation: AtomicU64,
}

impl Libraries {
    /// Returns the libraries as they are now.
    pub fn current(&self) -> Arc<Set> {
        Arc::clone(&self.set.read())
    }

    /// Finds a function by its name, in any case.
    pub fn find(&self, name: &[u8]) -> Option<Found> {
        // Looked at before: whatever changes meanwhile makes what is found out of date.
        let generation = self.generation();
        let found = self.set.read().find(name).cloned()?;
        Some(Found { generation, ..found })
    }

    /// Tells whether a function that was found is still the one that is called so.
    #[inline]
    pub fn holds(&self, found: &Found) -> bool {
        found.generation == self.generation()
    }

    /// Changes the libraries, or leaves all as it is if that fails.
    pub fn change<E>(&self, change: impl FnOnce(&mut Set) -> Result<(), E>) -> Result<(), E> {
        let _turn = self.turn.lock();
        let mut set = Set::clone(&self.set.read());
        change(&mut set)?;
        self.put(Arc::new(set));
        Ok(())
    }

    /// Puts other libraries in the place of all.
    pub fn replace(&self, set: Arc<Set>) {
        let _turn = self.turn.lock();
        self.put(set);
    }

    fn put(&self, set: Arc<Set>) {
        *self.set.write() = set;
        self.generation.fetch_add(1, Ordering::Release);
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Flags;

    fn library(name: &str, functions: &[&str]) -> Arc<Library> {
        let functions = functions.iter().map(|name| Function {
            name: name.as_bytes().into(),
            description: None,
            flags: Flags::default(),
        });
        Arc::new(Library::new(name.into(), b"#!lua\n", 5, functions.collect()))
    }

    fn text(result: Result<(), Vec<u8>>) -> String {
        String::from_utf8(result.unwrap_err()).unwrap()
    }

    #[test]
    fn a_library_is_there_with_all_its_functions_or_not_at_all() {
        let libraries = Libraries::default();
        let add = |library, existing| libraries.change(|set| set.add(library, existing));
        add(library("a", &["f", "G"]), Existing::Stays).unwrap();
        let found = libraries.find(b"g").unwrap();
        assert_eq!((&*found.function().name, &*found.library.name), (&b"G"[..], &b"a"[..]));
        let again = add(library("a", &["h"]), Existing::Stays);
        assert_eq!(text(again), "ERR Library 'a' already exists");
        let taken = add(library("b", &["h", "F"]), Existing::Replaced);
        assert_eq!(text(taken), "ERR Function F already exists");
        assert!(libraries.find(b"h").is_none() && !libraries.current().has(b"b"));
        assert!(libraries.holds(&found));
        add(library("a", &["h"]), Existing::Replaced).unwrap();
        assert!(!libraries.holds(&found));
        assert!(libraries.find(b"f").is_none() && libraries.find(b"H").is_some());
        libraries.change(|set| if set.remove(b"a") { Ok(()) } else { Err(()) }).unwrap();
        assert_eq!((libraries.current().iter().len(), libraries.current().bytes()), (0, 0));
    }

    #[test]
    fn sets_are_joined_as_a_whole() {
        let mut old = Set::default();
        for (name, function) in [("a", "f"), ("b", "g")] {
            old.add(library(name, &[function]), Existing::Stays).unwrap();
        }
        let mut new = Set::default();
        new.add(library("a", &["g"]), Existing::Stays).unwrap();
        new.add(library("b", &["f"]), Existing::Stays).unwrap();
        let refused = old.clone().join(&new, Existing::Stays);
        assert_eq!(text(refused), "ERR Library a already exists");
        let mut joined = old.clone();
        joined.join(&new, Existing::Replaced).unwrap();
        assert_eq!(&*joined.find(b"f").unwrap().library.name, b"b");
        let mut other = Set::default();
        other.add(library("c", &["F"]), Existing::Stays).unwrap();
        let refused = old.join(&other, Existing::Replaced);
        assert_eq!(text(refused), "ERR Function F already exists");
    }
}
