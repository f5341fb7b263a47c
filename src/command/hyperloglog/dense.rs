//! Registers of six bits each, the lowest bits of a byte first.

use super::sketch::REGISTERS;

/// The bytes that all registers take.
pub(super) const BYTES: usize = REGISTERS * BITS / 8;

const BITS: usize = 6;
const MASK: u16 = (1 << BITS) - 1;

/// Visits the values of all registers.
pub(super) fn for_each(registers: &[u8], mut visit: impl FnMut(u8)) {
    const MASK: u8 = self::MASK as u8;
    let (groups, _) = registers.as_chunks();
    for &[a, b, c] in groups {
        visit(a & MASK);
        visit((a >> 6 | b << 2) & MASK);
        visit((b >> 4 | c << 4) & MASK);
        visit(c >> 2);
    }
}

/// Raises a register; tells whether it was lower.
///
/// # Panics
/// When it is none of them.
pub(super) fn raise(registers: &mut [u8], register: usize, value: u8) -> bool {
    let is_lower = is_lower(registers, register, value);
    if is_lower {
        set(registers, register, value);
    }
    is_lower
}

/// Tells whether a register is lower.
///
/// # Panics
/// When it is none of them.
pub(super) fn is_lower(registers: &[u8], register: usize, value: u8) -> bool {
    let (at, shift) = (register * BITS / 8, register * BITS % 8);
    (two(registers, at) >> shift & MASK) < u16::from(value)
}

/// Sets a register.
///
/// # Panics
/// When it is none of them.
pub(super) fn set(registers: &mut [u8], register: usize, value: u8) {
    let (at, shift) = (register * BITS / 8, register * BITS % 8);
    let new = two(registers, at) & !(MASK << shift) | u16::from(value) << shift;
    let [low, high] = new.to_le_bytes();
    registers[at] = low;
    if let Some(next) = registers.get_mut(at + 1) {
        *next = high;
    }
}

/// The byte in which a register begins, and the one into which it may reach.
fn two(registers: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([registers[at], registers.get(at + 1).copied().unwrap_or(0)])
}
