//! Reads places and lengths out of a request, and writes them into a reply.

use crate::command::Fault;
use crate::net::reply::Reply;
use crate::number::parse_f64_strict;

use super::area::{Extent, Form};
use super::hash::{Point, signed};

/// The units by name, and how many meters each is.
const UNITS: [(&str, f64); 4] = [("m", 1.0), ("km", 1000.0), ("ft", 0.3048), ("mi", 1609.34)];

/// Reads a longitude and a latitude.
pub(super) fn parse_point(longitude: &[u8], latitude: &[u8]) -> Result<Point, Fault> {
    let longitude = parse_f64_strict(longitude).ok_or(Fault::NOT_A_FLOAT)?;
    let latitude = parse_f64_strict(latitude).ok_or(Fault::NOT_A_FLOAT)?;
    let place = Point { longitude, latitude };
    if place.is_on_the_map() {
        return Ok(place);
    }
    let text = format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}");
    Err(Fault::of(text))
}

/// Reads the name of a unit; returns how many meters it is.
pub(super) fn parse_unit(word: &[u8]) -> Result<f64, Fault> {
    const UNKNOWN: Fault = Fault::fixed("ERR unsupported unit provided. please use M, KM, FT, MI");
    let is_named = |(name, _): &&(&str, f64)| name.as_bytes().eq_ignore_ascii_case(word);
    UNITS.iter().find(is_named).map(|(_, meters)| *meters).ok_or(UNKNOWN)
}

/// Reads a radius and its unit.
pub(super) fn parse_circle(radius: &[u8], unit: &[u8]) -> Result<Extent, Fault> {
    let radius = parse_f64_strict(radius).ok_or(Fault::fixed("ERR need numeric radius"))?;
    if radius < 0.0 {
        return Err(Fault::fixed("ERR radius cannot be negative"));
    }
    Ok(Extent { form: Form::Circle { radius }, unit: parse_unit(unit)? })
}

/// Reads the width and the height of a box and their unit.
pub(super) fn parse_box(width: &[u8], height: &[u8], unit: &[u8]) -> Result<Extent, Fault> {
    let width = parse_f64_strict(width).ok_or(Fault::fixed("ERR need numeric width"))?;
    let height = parse_f64_strict(height).ok_or(Fault::fixed("ERR need numeric height"))?;
    if width < 0.0 || height < 0.0 {
        return Err(Fault::fixed("ERR height or width cannot be negative"));
    }
    Ok(Extent { form: Form::Box { width, height }, unit: parse_unit(unit)? })
}

/// Writes a longitude and a latitude.
pub(super) fn reply_point(reply: &mut Reply<'_>, place: Point) {
    reply.array(2);
    reply.decimal(place.longitude);
    reply.decimal(place.latitude);
}

/// Writes a distance, rounded to four decimals.
pub(super) fn reply_distance(reply: &mut Reply<'_>, distance: f64) {
    const PARTS: u64 = 10_000;
    let parts = signed((distance * PARTS as f64).round_ties_even());
    let sign = if parts < 0 { "-" } else { "" };
    let (whole, rest) = (parts.unsigned_abs() / PARTS, parts.unsigned_abs() % PARTS);
    reply.bulk(format!("{sign}{whole}.{rest:04}").as_bytes());
}
