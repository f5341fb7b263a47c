//! Distances on earth, taken for a sphere, by the formula of haversines.

use super::hash::Point;

/// The earth's radius in meters, from which all distances follow.
const RADIUS: f64 = 6_372_797.560_856;
const RADIANS_OF_A_DEGREE: f64 = std::f64::consts::PI / 180.0;

/// Returns how many meters lie between two places.
pub(super) fn distance(from: Point, to: Point) -> f64 {
    let across = half_sine(radians(from.longitude), radians(to.longitude));
    if across == 0.0 {
        return distance_along_meridian(from, to);
    }
    let (south, north) = (radians(from.latitude), radians(to.latitude));
    let along = half_sine(south, north);
    let haversine = along * along + south.cos() * north.cos() * across * across;
    // Opposite to each other two places may be a little more than a half turn apart, by the rounding.
    2.0 * RADIUS * haversine.sqrt().min(1.0).asin()
}

/// Returns how many meters the latitudes of two places are apart.
pub(super) fn distance_along_meridian(from: Point, to: Point) -> f64 {
    RADIUS * (radians(to.latitude) - radians(from.latitude)).abs()
}

/// Returns by how many degrees of latitude so many meters reach.
pub(super) fn degrees_along_meridian(meters: f64) -> f64 {
    degrees(meters / RADIUS)
}

/// Returns by how many degrees of longitude so many meters reach at some latitude.
pub(super) fn degrees_along_parallel(meters: f64, latitude: f64) -> f64 {
    degrees(meters / RADIUS / radians(latitude).cos())
}

fn half_sine(from: f64, to: f64) -> f64 {
    ((to - from) / 2.0).sin()
}

fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_OF_A_DEGREE
}

fn degrees(radians: f64) -> f64 {
    radians / RADIANS_OF_A_DEGREE
}
