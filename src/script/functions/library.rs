//! A library of functions.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::script::cache::names_tables;
use crate::script::{Conduct, Flags};

/// A library, as it was loaded once.
#[derive(Debug)]
pub struct Library {
    /// Its name.
    pub name: Box<[u8]>,
    /// Its text, with the line that names it.
    pub source: Box<[u8]>,
    /// Its functions, in the order in which it registered them.
    pub functions: Vec<Function>,
    /// Whether each of them keeps to the keys that it names.
    pub(super) conducts: Vec<Conduct>,
    /// Whether they may put something into a table through a function of the library `table`.
    pub(super) reaches_tables: bool,
    /// Different for whatever was loaded, be it of the same text.
    pub(super) number: u64,
    /// Where the program begins in the text.
    pub(super) program: usize,
}

/// What a library says of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: Box<[u8]>,
    /// What it does, if that is told.
    pub description: Option<Box<[u8]>>,
    /// What it may do.
    pub flags: Flags,
}

impl Library {
    /// Makes a library of what a run of its program has registered.
    pub(super) fn new(
        name: Vec<u8>,
        source: &[u8],
        program: usize,
        functions: Vec<Function>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let conducts = functions.iter().map(|_| Conduct::default()).collect();
        let (name, reaches_tables) = (name.into(), names_tables(source));
        let source = source.into();
        Self { name, source, functions, conducts, reaches_tables, number, program }
    }

    /// Returns the program, whose lines are numbered as those of the text.
    pub fn program(&self) -> &[u8] {
        &self.source[self.program..]
    }

    /// Counts the bytes that it takes.
    pub fn bytes(&self) -> u64 {
        let of_function = |function: &Function| {
            // Where it is found by its name, that is there once more.
            let text = function.description.as_deref().map_or(0, <[u8]>::len);
            size_of::<(Function, Conduct)>() + 2 * function.name.len() + text
        };
        let functions: usize = self.functions.iter().map(of_function).sum();
        (size_of::<Self>() + 2 * self.name.len() + self.source.len() + functions) as u64
    }
}

/// Writes a name as names are compared: functions are found whatever the case.
pub(super) fn folded(name: &[u8]) -> Box<[u8]> {
    name.to_ascii_lowercase().into()
}
