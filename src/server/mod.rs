//! Wires the parts together and owns every task and thread.
