//! The commands of geographical sets: sorted sets whose scores are geohashes of 52 bits.

mod area;
mod earth;
mod hash;

mod query;
mod words;

mod add;
mod look;
mod search;

pub use add::geoadd;
pub use look::{geodist, geohash, geopos};
pub use search::{
    georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore,
};

#[cfg(test)]
mod tests;
