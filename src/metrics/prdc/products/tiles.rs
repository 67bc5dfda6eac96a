//! Points in tiles of neighbours. Where points lie in clusters, the balls around the tiles of one cluster are far from those
//! of another, and all pairs between them are left out at once.

use pulp::Arch;
use rayon::prelude::*;

use super::super::f32_prefilter::{FAR, Frame, TINY, slack};

/// Points side by side.
pub(super) const PANEL: usize = 16;

/// Points of a tile, at most.
const TILE: usize = 512;

/// Pivots, each of which gathers the points that are nearest to it.
const PIVOTS: usize = 16;

/// Points among which pivots are chosen.
const SAMPLE: usize = 256;

/// Room for the rounding of the gap between two balls.
const GAP_ROUNDING: f64 = 1e-6;

/// Some of the points, near each other: as they were given, and in the coordinates of a frame in single precision.
pub(super) struct Tile {
    /// Their rows among all points.
    pub rows: Vec<usize>,
    /// Row after row.
    points: Vec<f64>,
    /// Moved and scaled: sixteen points after sixteen points, coordinate after coordinate; zeros for points that single
    /// precision cannot hold, and behind the last point.
    pub coordinates: Vec<[f32; PANEL]>,
    /// `(1 - slack) |a|^2 / 2` and `(1 + slack) |a|^2 / 2`; infinite below and above for points that single precision cannot
    /// hold, and both infinite behind the last point.
    pub lower: Vec<f32>,
    pub upper: Vec<f32>,
    /// The ball that holds them, in the coordinates of the frame.
    centre: Vec<f64>,
    radius: f64,
}

/// Tiles of all points, given row after row.
pub(super) fn tiles(points: &[f64], d: usize, frame: &Frame) -> Vec<Tile> {
    let groups = groups(points, d, frame);
    let pieces: Vec<&[usize]> = groups.iter().flat_map(|rows| even_pieces(rows)).collect();
    pieces.into_par_iter().map(|rows| Tile::new(points, rows, d, frame)).collect()
}

/// Pieces of nearly the same length, none longer than a tile.
fn even_pieces(rows: &[usize]) -> std::slice::Chunks<'_, usize> {
    rows.chunks(rows.len().div_ceil(rows.len().div_ceil(TILE).max(1)).max(1))
}

impl Tile {
    fn new(points: &[f64], rows: &[usize], d: usize, frame: &Frame) -> Self {
        let places = rows.len().next_multiple_of(PANEL);
        let mut tile = Self {
            rows: rows.to_vec(),
            points: Vec::with_capacity(rows.len() * d),
            coordinates: vec![[0.0; PANEL]; places / PANEL * d],
            lower: vec![f32::INFINITY; places],
            upper: vec![f32::INFINITY; places],
            centre: vec![0.0; d],
            radius: 0.0,
        };
        let slack = slack(d);
        let (mut scaled, mut any_far) = (Vec::with_capacity(rows.len() * d), frame.scale == 0.0);
        for (place, row) in rows.iter().enumerate() {
            let point = &points[row * d..(row + 1) * d];
            tile.points.extend_from_slice(point);
            let (from, mut norm, mut far) = (scaled.len(), 0.0, frame.scale == 0.0);
            for (value, centre) in point.iter().zip(&frame.centre) {
                let value = (value - centre) * frame.scale;
                norm += value * value;
                far |= value.is_nan() || value.abs() >= FAR;
                scaled.push(value);
            }
            any_far |= far;
            tile.lower[place] = if far { f32::NEG_INFINITY } else { (0.5 * (1.0 - slack) * norm) as f32 };
            tile.upper[place] = if far { f32::INFINITY } else { (0.5 * (1.0 + slack) * norm) as f32 };
            if !far {
                let panel = &mut tile.coordinates[place / PANEL * d..][..d];
                panel
                    .iter_mut()
                    .zip(&scaled[from..])
                    .for_each(|(out, value)| out[place % PANEL] = *value as f32);
            }
        }
        for point in scaled.chunks_exact(d) {
            tile.centre.iter_mut().zip(point).for_each(|(sum, value)| *sum += value / rows.len() as f64);
        }
        let distance = |point: &[f64]| squared(point, &tile.centre).sqrt();
        tile.radius = match any_far {
            true => f64::INFINITY,
            false => scaled.chunks_exact(d).map(distance).fold(0.0, f64::max),
        };
        tile
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// A point as it was given.
    pub fn point(&self, place: usize, d: usize) -> &[f64] {
        &self.points[place * d..(place + 1) * d]
    }

    /// Whether all points are farther from those of another tile than a limit of half the squared distance.
    pub fn is_farther(&self, other: &Self, limit: f32, d: usize) -> bool {
        let gap = squared(&self.centre, &other.centre).sqrt() - self.radius - other.radius;
        gap > 0.0 && 0.5 * gap * gap * (1.0 - GAP_ROUNDING) > f64::from(limit) + TINY * d as f64
    }
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The rows of the points that are nearest to each of some pivots: the first of a few points, and one after the other
/// the one that is farthest from all pivots so far (Gonzalez 1985, "Clustering to minimize the maximum intercluster
/// distance").
fn groups(points: &[f64], d: usize, frame: &Frame) -> Vec<Vec<usize>> {
    let n = points.len() / d;
    let place = |row: usize, out: &mut [f32]| {
        let scaled =
            points[row * d..(row + 1) * d].iter().zip(&frame.centre).map(|(v, c)| (v - c) * frame.scale);
        out.iter_mut().zip(scaled).for_each(|(out, value)| *out = value as f32);
    };
    let mut pivots = vec![[0.0f32; PIVOTS]; d];
    let mut point = vec![0.0; d];
    let sample: Vec<usize> = (0..n.min(SAMPLE)).map(|i| i * (n / n.min(SAMPLE))).collect();
    let mut nearest = vec![f32::INFINITY; sample.len()];
    let mut chosen = sample.first().copied().unwrap_or(0);
    let mut count = 0;
    while count < PIVOTS && n > 0 {
        place(chosen, &mut point);
        pivots.iter_mut().zip(&point).for_each(|(pivot, value)| pivot[count] = *value);
        count += 1;
        let pivot = point.clone();
        let mut farthest = 0.0;
        for (row, nearest) in sample.iter().zip(&mut nearest) {
            place(*row, &mut point);
            let distance: f32 = point.iter().zip(&pivot).map(|(a, b)| (a - b) * (a - b)).sum();
            *nearest = nearest.min(distance);
            if *nearest > farthest && nearest.is_finite() {
                (farthest, chosen) = (*nearest, *row);
            }
        }
        if farthest == 0.0 {
            break;
        }
    }
    let of_row = |row: usize, point: &mut Vec<f32>| {
        place(row, point);
        let mut distances = [0.0f32; PIVOTS];
        Arch::new().dispatch(|| add_distances(point, &pivots, &mut distances));
        let nearer = |best: usize, next: usize| if distances[next] < distances[best] { next } else { best };
        (0..count).fold(0, nearer)
    };
    let numbers: Vec<usize> = (0..n)
        .into_par_iter()
        .with_min_len(64)
        .map_init(|| vec![0.0; d], |point, row| of_row(row, point))
        .collect();
    let mut groups = vec![Vec::new(); count];
    numbers.into_iter().enumerate().for_each(|(row, group)| groups[group].push(row));
    groups
}

/// Adds the squared distances of a point to all pivots.
#[inline(always)]
fn add_distances(point: &[f32], pivots: &[[f32; PIVOTS]], distances: &mut [f32; PIVOTS]) {
    let mut sums = *distances;
    for (value, pivots) in point.iter().zip(pivots) {
        for (sum, pivot) in sums.iter_mut().zip(pivots) {
            *sum += (value - pivot) * (value - pivot);
        }
    }
    *distances = sums;
}
