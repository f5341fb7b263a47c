//! Geohashes: places as numbers whose leading bits name ever smaller cells of the earth.
//!
//! Longitude and latitude are each halved so many times (the steps of a [`Cell`]), and the halves chosen
//! are the bits of two numbers. Those of the latitude are the even bits of the hash, those of the
//! longitude the odd ones: the Z-order of G. M. Morton. A cell of fewer steps is the beginning of all hashes
//! in it, so what lies in one cell is one range of scores.

/// The steps of the hash of a place.
pub(super) const STEPS_MAX: u32 = 26;

/// What latitudes a score speaks of: those that the square map of Mercator shows.
const LATITUDE_MAX: f64 = 85.051_128_78;
const LONGITUDE_MAX: f64 = 180.0;
/// What latitudes a geohash as text speaks of.
const TEXT_LATITUDE_MAX: f64 = 90.0;

/// The digits of a geohash as text, five bits each.
const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// The characters of a geohash as text: ten that 52 bits suffice for, and a last one that is always zero.
const TEXT_BYTES: usize = 11;

/// A place on earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

/// A rectangle of the map: all places whose hash of so many steps is this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    bits: u64,
    steps: u32,
}

/// The edges of a cell, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Edges {
    pub west: f64,
    pub east: f64,
    pub south: f64,
    pub north: f64,
}

/// By how many cells something lies east and north of another.
pub(super) type Offset = (i32, i32);

impl Point {
    /// Tells whether a score can speak of it.
    pub fn is_on_the_map(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// Returns the score that stands for it.
    pub fn score(self) -> u64 {
        Cell::around(self, STEPS_MAX).bits
    }

    /// Returns the middle of the cell that a score names.
    ///
    /// A score that was not made of a place gives one on the map all the same.
    pub fn of_score(score: f64) -> Self {
        let Edges { west, east, south, north } =
            Cell { bits: unsigned(score), steps: STEPS_MAX }.edges();
        Self {
            longitude: f64::midpoint(west, east).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: f64::midpoint(south, north).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// Returns its geohash as text, as others compute it too.
    pub fn text(self) -> [u8; TEXT_BYTES] {
        let bits = hashed(self, STEPS_MAX, TEXT_LATITUDE_MAX);
        let mut text = [DIGITS[0]; TEXT_BYTES];
        for (place, digit) in text.iter_mut().take(TEXT_BYTES - 1).enumerate() {
            let below = 2 * STEPS_MAX as usize - 5 * (place + 1);
            *digit = DIGITS[(bits >> below) as usize & 31];
        }
        text
    }
}

impl Cell {
    /// Returns the cell of so many steps that a place lies in.
    pub fn around(place: Point, steps: u32) -> Self {
        Self { bits: hashed(place, steps, LATITUDE_MAX), steps }
    }

    /// Returns how often the map is halved to get it.
    pub fn steps(self) -> u32 {
        self.steps
    }

    /// Returns the lowest score in it, and the lowest above it.
    pub fn scores(self) -> (f64, f64) {
        let below = 2 * (STEPS_MAX - self.steps);
        ((self.bits << below) as f64, ((self.bits + 1) << below) as f64)
    }

    /// Returns its edges.
    pub fn edges(self) -> Edges {
        let cells = (1u64 << self.steps) as f64;
        let edge = |number: f64, max: f64| number / cells * (max - -max) + -max;
        let (column, row) = (f64::from(odd_bits(self.bits)), f64::from(even_bits(self.bits)));
        Edges {
            west: edge(column, LONGITUDE_MAX),
            east: edge(column + 1.0, LONGITUDE_MAX),
            south: edge(row, LATITUDE_MAX),
            north: edge(row + 1.0, LATITUDE_MAX),
        }
    }

    /// Returns the cell of the same size that lies so much further; the map ends nowhere.
    pub fn beside(self, (east, north): Offset) -> Self {
        let moved = |number: u32, by: i32| match by {
            0 => number,
            by => number.wrapping_add_signed(by) & ((1 << self.steps) - 1),
        };
        let (column, row) = (odd_bits(self.bits), even_bits(self.bits));
        Self { bits: interleaved(moved(column, east), moved(row, north)), steps: self.steps }
    }
}

/// Hashes a place with latitudes from `-latitude_max` to `latitude_max`.
///
/// A place on the eastern or northern edge of the map belongs to a column or row beyond the last one.
fn hashed(place: Point, steps: u32, latitude_max: f64) -> u64 {
    let cells = (1u64 << steps) as f64;
    let number = |degrees: f64, max: f64| ((degrees - -max) / (max - -max) * cells) as u32;
    interleaved(number(place.longitude, LONGITUDE_MAX), number(place.latitude, latitude_max))
}

fn interleaved(column: u32, row: u32) -> u64 {
    spread(column) << 1 | spread(row)
}

fn odd_bits(bits: u64) -> u32 {
    even_bits(bits >> 1)
}

/// The bits in use when a number lies in one piece, in two halves moved apart, in four quarters …
const APART: [u64; 6] = [
    0x0000_0000_ffff_ffff,
    0x0000_ffff_0000_ffff,
    0x00ff_00ff_00ff_00ff,
    0x0f0f_0f0f_0f0f_0f0f,
    0x3333_3333_3333_3333,
    0x5555_5555_5555_5555,
];

/// Moves each bit to the place of twice its number.
fn spread(number: u32) -> u64 {
    (0..5).fold(u64::from(number), |bits, part| (bits | bits << (16 >> part)) & APART[part + 1])
}

/// Undoes [`spread`], and ignores the odd bits.
fn even_bits(bits: u64) -> u32 {
    let joined = |bits, part| (bits | bits >> (16 >> part)) & APART[part];
    (0..5).rev().fold(bits & APART[5], joined) as u32
}

/// Turns a score into bits as the processors do on which stock servers run.
///
/// Of scores that are no geohash, those below zero wrap around, and those out of reach are zero.
pub(super) fn unsigned(score: f64) -> u64 {
    const SIGN: u64 = 1 << 63;
    const REACH: f64 = SIGN as f64;
    if score < REACH { signed(score) as u64 } else { signed(score - REACH) as u64 ^ SIGN }
}

/// Turns a number into an integer as those processors do: what does not fit is the least one.
pub(super) fn signed(number: f64) -> i64 {
    const REACH: f64 = (1u64 << 63) as f64;
    if (-REACH..REACH).contains(&number) { number as i64 } else { i64::MIN }
}
