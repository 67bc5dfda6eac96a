//! PRDC in many dimensions on the host, by products of matrices in single precision.
//!
//! | file | idea |
//! | --- | --- |
//! | `tiles` | points in tiles of neighbours, each with the ball that holds it |
//! | `block` | the products of a few rows with some columns, in registers |
//! | `limit` | squared radii in single precision |
//! | `nearest` | the k-th nearest other point of each point |
//!
//! With `|a - b|^2 / 2 = |a|^2 / 2 + |b|^2 / 2 - a.b` in the coordinates of a [`Frame`], a pair costs one product. The error
//! of a value is bounded as that of the prefilter is, at most `slack (|a|^2 + |b|^2) / 2`. Pairs whose comparison the bound
//! leaves open are few unless points are repeated; they are compared as `sum_c (a_c - b_c)^2` is rounded in the order of the
//! coordinates. Pairs of tiles whose balls are farther apart than all radii are left out together. So results are those of
//! the trees, bit for bit.

mod block;
mod limit;
mod nearest;
mod tiles;

use rayon::prelude::*;

use super::counts::PrdcCounts;
use super::distances::squared;
use super::f32_prefilter::Frame;
use block::{Block, NOTHING, PackedRows, ROWS};
use limit::{Limit, limit};
use tiles::{PANEL, Tile};

/// The real points with their radii.
pub(super) struct Products {
    frame: Frame,
    d: usize,
    k: usize,
    real: Vec<Tile>,
    /// Of each tile the squared radii of its points, their limits, and the largest of these.
    spheres: Vec<TileSpheres>,
    squared_radii: Vec<f64>,
}

/// The radii of the points of a tile.
struct TileSpheres {
    squared_radii: Vec<f64>,
    limits: Vec<Limit>,
    /// `outside` of the limits, for whole panels; nothing is within the radius of a place without a point.
    outside: Vec<f32>,
    largest: f32,
}

impl Products {
    /// Places the real points, row after row, and finds their exact radii. There are more than `k`.
    pub fn new(points: &[f64], d: usize, k: usize) -> Self {
        let frame = Frame::of(points, d);
        let real = tiles::tiles(points, d, &frame);
        let radii = nearest::squared_radii(&real, d, k, &frame);
        let mut squared_radii = vec![0.0; points.len() / d];
        for (tile, radii) in real.iter().zip(&radii) {
            tile.rows.iter().zip(radii).for_each(|(row, radius)| squared_radii[*row] = *radius);
        }
        let spheres = radii.into_iter().map(|radii| TileSpheres::new(radii, d, &frame)).collect();
        Self { frame, d, k, real, spheres, squared_radii }
    }

    /// Squared distance of every real point to its k-th nearest other one.
    pub fn squared_radii(&self) -> &[f64] {
        &self.squared_radii
    }

    /// For each generated point, row after row, the number of real spheres that hold it.
    pub fn holding(&self, fake: &[f64]) -> Vec<u32> {
        self.compared(&tiles::tiles(fake, self.d, &self.frame), None).holding
    }

    /// Everything that PRDC counts, of more than `k` generated points.
    pub fn counts(&self, fake: &[f64]) -> PrdcCounts {
        let fake = tiles::tiles(fake, self.d, &self.frame);
        let radii = nearest::squared_radii(&fake, self.d, self.k, &self.frame);
        let spheres: Vec<TileSpheres> =
            radii.into_iter().map(|radii| TileSpheres::new(radii, self.d, &self.frame)).collect();
        self.compared(&fake, Some(&spheres))
    }

    /// Compares generated with real points; without generated spheres nothing is recalled.
    fn compared(&self, fake: &[Tile], fake_spheres: Option<&[TileSpheres]>) -> PrdcCounts {
        let strip = |index: usize| self.strip(&fake[index], fake_spheres.map(|spheres| &spheres[index]));
        let strips: Vec<Strip> = (0..fake.len()).into_par_iter().map(strip).collect();
        let mut holding = vec![0; fake.iter().map(Tile::len).sum()];
        for (tile, strip) in fake.iter().zip(&strips) {
            tile.rows.iter().zip(&strip.holding).for_each(|(row, count)| holding[*row] = *count);
        }
        let places = self.real.iter().enumerate().flat_map(|(t, tile)| (0..tile.len()).map(move |i| (t, i)));
        let any = |of: fn(&Found) -> &[bool]| {
            let found = |(t, i): &(usize, usize)| {
                strips.iter().any(|strip| strip.found[*t].as_ref().is_some_and(|found| of(found)[*i]))
            };
            places.clone().filter(found).count()
        };
        let (recalled, covered) = (any(|found| &found.recalled), any(|found| &found.covered));
        PrdcCounts { holding, recalled, covered }
    }

    /// Compares the generated points of a tile with all real points.
    fn strip(&self, tile: &Tile, own: Option<&TileSpheres>) -> Strip {
        let rows = PackedRows::new(tile, self.d);
        let mut block = Block::default();
        let mut holding = vec![0; tile.len()];
        let found = self.real.iter().zip(&self.spheres).map(|(real, spheres)| {
            let reach = own.map_or(spheres.largest, |own| own.largest.max(spheres.largest));
            if tile.is_farther(real, reach, self.d) {
                return None;
            }
            let mut found = Found {
                recalled: vec![false; real.len()],
                not_recalled: vec![f32::INFINITY; spheres.outside.len()],
                covered: vec![false; real.len()],
            };
            for group in 0..rows.groups() {
                let first = group * ROWS;
                let some = first..tile.len().min(first + ROWS);
                block.multiply(rows.group(group), &real.coordinates);
                let radii = own.map_or(&NOTHING[..some.len()], |own| &own.outside[some.clone()]);
                block.find_near(
                    (&tile.lower[some], radii),
                    (&real.lower, &spheres.outside, &found.not_recalled),
                );
                for (row, column, product) in block.near().filter(|(_, column, _)| *column < real.len()) {
                    let row = first + row;
                    let pair = Pair {
                        lower: tile.lower[row] + real.lower[column] - product,
                        upper: tile.upper[row] + real.upper[column] - product,
                        exact: &|| squared(tile.point(row, self.d), real.point(column, self.d)),
                    };
                    if pair.is_within(spheres.squared_radii[column], spheres.limits[column]) {
                        holding[row] += 1;
                        found.covered[column] = true;
                    }
                    if let Some(own) = own.filter(|_| !found.recalled[column])
                        && pair.is_within(own.squared_radii[row], own.limits[row])
                    {
                        found.recalled[column] = true;
                        found.not_recalled[column] = f32::NEG_INFINITY;
                    }
                }
            }
            Some(found)
        });
        Strip { found: found.collect(), holding }
    }
}

/// What the generated points of a tile found.
struct Strip {
    /// Of each generated point, the real spheres that hold it.
    holding: Vec<u32>,
    /// Of each real tile that is near enough.
    found: Vec<Option<Found>>,
}

/// What the generated points of a tile found of the real points of another.
struct Found {
    recalled: Vec<bool>,
    /// Infinity, or minus infinity once a real point is recalled.
    not_recalled: Vec<f32>,
    covered: Vec<bool>,
}

/// A pair of points, with bounds of half of its squared distance.
struct Pair<'a> {
    lower: f32,
    upper: f32,
    exact: &'a dyn Fn() -> f64,
}

impl Pair<'_> {
    /// Whether the squared distance is less than a squared radius, of which `limit` is known.
    fn is_within(&self, radius: f64, limit: Limit) -> bool {
        self.lower < limit.outside && (self.upper < limit.inside || (self.exact)() < radius)
    }
}

impl TileSpheres {
    fn new(squared_radii: Vec<f64>, d: usize, frame: &Frame) -> Self {
        let limits: Vec<Limit> = squared_radii.iter().map(|radius| limit(*radius, d, frame)).collect();
        let mut outside: Vec<f32> = limits.iter().map(|limit| limit.outside).collect();
        let largest = outside.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        outside.resize(outside.len().next_multiple_of(PANEL), f32::NEG_INFINITY);
        Self { squared_radii, limits, outside, largest }
    }
}
