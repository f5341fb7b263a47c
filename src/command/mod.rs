//! Executes commands: one table row and one function each.
