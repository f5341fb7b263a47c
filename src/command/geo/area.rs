//! Areas to search: what lies in them, and the few cells of the map that cover them.

use super::earth;
use super::hash::{Cell, Offset, Point, STEPS_MAX};

/// Half the length of the map's side in meters: no search reaches further.
const REACH_MAX: f64 = 20_037_726.37;

/// The nine cells of a search in the order in which they are walked: the one in the middle, those beside
/// it, those at its corners.
const AROUND: [Offset; 9] =
    [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// An area around a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub center: Point,
    pub extent: Extent,
}

/// How far an area reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub form: Form,
    /// How many meters one of its units is.
    pub unit: f64,
}

/// The form of an area, with lengths in some unit; none is negative, any may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// The cells to walk for an area.
#[derive(Clone, Copy, Debug)]
struct Grid {
    middle: Cell,
    /// The degrees that the area lies between.
    bounds: Bounds,
}

#[derive(Clone, Copy, Debug)]
struct Bounds {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Area {
    /// Returns the distance of a place from the center in meters, if it lies in the area.
    pub fn distance_within(&self, place: Point) -> Option<f64> {
        let Extent { form, unit } = self.extent;
        match form {
            Form::Circle { radius } => {
                let distance = earth::distance(self.center, place);
                (distance <= radius * unit).then_some(distance)
            }
            Form::Box { width, height } => {
                let along = earth::distance_along_meridian(place, self.center);
                if along > height * unit / 2.0 {
                    return None;
                }
                let beside = Point { longitude: self.center.longitude, ..place };
                if earth::distance(place, beside) > width * unit / 2.0 {
                    return None;
                }
                Some(earth::distance(self.center, place))
            }
        }
    }

    /// Lists the cells that cover the area, in the order in which stock servers walk them.
    ///
    /// The largest areas reach around the earth: then cells on different sides are the same one. Of two
    /// that follow each other one is left out, but never for the sake of the first.
    pub fn cells(&self) -> Vec<Cell> {
        let grid = self.grid();
        let mut cells = Vec::with_capacity(AROUND.len());
        for cell in AROUND.iter().filter(|offset| grid.is_needed(**offset)) {
            let cell = grid.middle.beside(*cell);
            if cells.len() < 2 || cells.last() != Some(&cell) {
                cells.push(cell);
            }
        }
        cells
    }

    fn grid(&self) -> Grid {
        let bounds = self.bounds();
        let steps = self.steps();
        let grid = Grid { middle: Cell::around(self.center, steps), bounds };
        if steps > 1 && !grid.covers_all() {
            return Grid { middle: Cell::around(self.center, steps - 1), bounds };
        }
        grid
    }

    /// Returns the degrees that the area lies between; they may lie beyond the map.
    fn bounds(&self) -> Bounds {
        let Extent { form, unit } = self.extent;
        let (width, height) = match form {
            Form::Circle { radius } => (unit * radius, unit * radius),
            Form::Box { width, height } => (unit * (width / 2.0), unit * (height / 2.0)),
        };
        let Point { longitude, latitude } = self.center;
        let along = earth::degrees_along_meridian(height);
        // Meridians are closest where the area is closest to a pole.
        let closest = if latitude < 0.0 { latitude - along } else { latitude + along };
        let across = earth::degrees_along_parallel(width, closest);
        Bounds {
            west: longitude - across,
            east: longitude + across,
            south: latitude - along,
            north: latitude + along,
        }
    }

    /// Estimates the steps of cells that are just large enough.
    fn steps(&self) -> u32 {
        let Extent { form, unit } = self.extent;
        let mut reach = match form {
            Form::Circle { radius } => radius,
            Form::Box { width, height } => {
                let (width, height) = (width / 2.0, height / 2.0);
                (width * width + height * height).sqrt()
            }
        } * unit;
        if reach == 0.0 {
            return STEPS_MAX;
        }
        let mut steps = 1;
        while reach < REACH_MAX {
            reach *= 2.0;
            steps += 1;
        }
        // Two less, so that what is around a cell of the size of the reach is covered as well; and less
        // towards the poles, where the cells of the map are smaller on earth.
        let latitude = self.center.latitude.abs();
        let less = 2 + i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        (steps - less).clamp(1, STEPS_MAX as i32) as u32
    }
}

impl Grid {
    /// Tells whether the cells beside the middle one reach as far as the area.
    fn covers_all(&self) -> bool {
        let edges = |offset| self.middle.beside(offset).edges();
        let falls_short = edges((0, 1)).north < self.bounds.north
            || edges((0, -1)).south > self.bounds.south
            || edges((1, 0)).east < self.bounds.east
            || edges((-1, 0)).west > self.bounds.west;
        !falls_short
    }

    /// Tells whether the area may reach into a cell around the middle one.
    fn is_needed(&self, (east, north): Offset) -> bool {
        if self.middle.steps() < 2 {
            return true;
        }
        let edges = self.middle.edges();
        let is_behind = (north < 0 && edges.south < self.bounds.south)
            || (north > 0 && edges.north > self.bounds.north)
            || (east < 0 && edges.west < self.bounds.west)
            || (east > 0 && edges.east > self.bounds.east);
        !is_behind
    }
}
