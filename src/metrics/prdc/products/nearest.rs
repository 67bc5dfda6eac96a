//! The squared distance of every point to its k-th nearest other one, by products of tiles.

use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

use super::super::f32_prefilter::Frame;
use super::block::{Block, PackedRows, ROWS};
use super::limit::limit;
use super::tiles::{PANEL, Tile};

/// For each tile the squared distance of every point to its `k`-th nearest other one; there are more than `k` points.
pub(super) fn squared_radii(tiles: &[Tile], d: usize, k: usize, frame: &Frame) -> Vec<Vec<f64>> {
    let search = Search { tiles, d, frame };
    let nearest: Vec<Mutex<Nearest>> =
        tiles.iter().map(|tile| Mutex::new(Nearest::new(tile.len(), k))).collect();
    let held = |index: usize| nearest[index].lock().unwrap_or_else(PoisonError::into_inner);
    // Within each tile first, so that most pairs of tiles are known to be too far apart.
    (0..tiles.len()).into_par_iter().for_each(|t| search.within(t, &mut held(t)));
    for pairs in search.rounds(&nearest) {
        pairs.into_par_iter().for_each(|(i, j)| {
            // No other pair of the round has one of them, so nobody waits.
            search.between((i, &mut held(i)), (j, &mut held(j)));
        });
    }
    let finished = nearest.into_par_iter().enumerate().map(|(t, nearest)| {
        nearest.into_inner().unwrap_or_else(PoisonError::into_inner).squared_radii(&search, t)
    });
    finished.collect()
}

/// The points among which neighbours are looked for.
struct Search<'a> {
    tiles: &'a [Tile],
    d: usize,
    frame: &'a Frame,
}

impl Search<'_> {
    /// The pairs of different tiles with points that may be neighbours, in rounds in which no tile is twice.
    fn rounds(&self, nearest: &[Mutex<Nearest>]) -> Vec<Vec<(usize, usize)>> {
        let held =
            |nearest: &Mutex<Nearest>| nearest.lock().unwrap_or_else(PoisonError::into_inner).largest_limit();
        let limits: Vec<f32> = nearest.iter().map(held).collect();
        let n = self.tiles.len();
        let (mut rounds, mut busy) = (Vec::<Vec<(usize, usize)>>::new(), vec![Vec::<bool>::new(); n]);
        for i in 0..n {
            for j in i + 1..n {
                if self.tiles[i].is_farther(&self.tiles[j], limits[i].max(limits[j]), self.d) {
                    continue;
                }
                let is_free = |tile: usize, round: usize| !busy[tile].get(round).copied().unwrap_or(false);
                let round = (0..).find(|round| is_free(i, *round) && is_free(j, *round)).unwrap_or(0);
                if round == rounds.len() {
                    rounds.push(Vec::new());
                }
                rounds[round].push((i, j));
                for tile in [i, j] {
                    let taken = busy[tile].len().max(round + 1);
                    busy[tile].resize(taken, false);
                    busy[tile][round] = true;
                }
            }
        }
        rounds
    }

    /// Compares the points of a tile with each other.
    fn within(&self, t: usize, nearest: &mut Nearest) {
        let tile = &self.tiles[t];
        let rows = PackedRows::new(tile, self.d);
        let (mut block, open) = (Block::default(), vec![f32::INFINITY; tile.lower.len()]);
        let none = vec![f32::NEG_INFINITY; tile.lower.len()];
        for group in 0..rows.groups() {
            let first = group * ROWS;
            let some = first..tile.len().min(first + ROWS);
            block.multiply(rows.group(group), &tile.coordinates);
            for row in some.clone() {
                // A point is no neighbour of itself: infinitely far.
                *block.product(row - first, row) = f32::NEG_INFINITY;
                nearest.start(row, (&block, row - first), tile.upper[row], &tile.upper);
            }
            let own = &nearest.limits[some.clone()];
            block.find_near((&tile.lower[some], own), (&tile.lower, &none, &open));
            for (row, column, product) in block.near() {
                let row = first + row;
                if column < tile.len() && column != row {
                    let lower = tile.lower[row] + tile.lower[column] - product;
                    let upper = tile.upper[row] + tile.upper[column] - product;
                    nearest.offer(self, (t, row), Candidate::new(t, column, lower), upper);
                }
            }
        }
    }

    /// Compares the points of two tiles, unless none can be a neighbour of another.
    fn between(&self, (i, of_rows): (usize, &mut Nearest), (j, of_columns): (usize, &mut Nearest)) {
        let (own, other) = (&self.tiles[i], &self.tiles[j]);
        if own.is_farther(other, of_rows.largest_limit().max(of_columns.largest_limit()), self.d) {
            return;
        }
        let rows = PackedRows::new(own, self.d);
        let (mut block, open) = (Block::default(), vec![f32::INFINITY; other.lower.len()]);
        for group in 0..rows.groups() {
            let first = group * ROWS;
            let some = first..own.len().min(first + ROWS);
            block.multiply(rows.group(group), &other.coordinates);
            for row in some.clone() {
                of_rows.start(row, (&block, row - first), own.upper[row], &other.upper);
            }
            let limits = &of_rows.limits[some.clone()];
            block.find_near((&own.lower[some], limits), (&other.lower, &of_columns.limits, &open));
            for (row, column, product) in block.near().filter(|(_, column, _)| *column < other.len()) {
                let row = first + row;
                let lower = own.lower[row] + other.lower[column] - product;
                let upper = own.upper[row] + other.upper[column] - product;
                of_rows.offer(self, (i, row), Candidate::new(j, column, lower), upper);
                of_columns.offer(self, (j, column), Candidate::new(i, row, lower), upper);
            }
        }
    }
}

/// A point that may be among the nearest of another, and a lower bound of half of their squared distance.
#[derive(Clone, Copy)]
struct Candidate {
    tile: u32,
    place: u32,
    lower: f32,
}

impl Candidate {
    fn new(tile: usize, place: usize, lower: f32) -> Self {
        Self { tile: tile as u32, place: place as u32, lower }
    }
}

/// What is known of the nearest neighbours of the points of a tile.
struct Nearest {
    k: usize,
    /// Candidates farther than this cannot be among the `k` nearest: the k-th smallest upper bound so far. For whole
    /// panels; nothing is near a place without a point.
    limits: Vec<f32>,
    /// The `k` smallest upper bounds, ascending, for each point.
    uppers: Vec<f32>,
    /// For each point the others that may be among the nearest.
    candidates: Vec<Vec<Candidate>>,
    /// For each point the `k` smallest exact squared distances to those that are no candidates any more.
    exact: Vec<Vec<f64>>,
}

/// Candidates whose squared distances are summed at once, as additions wait for each other.
const AT_ONCE: usize = 4;

/// The squared distances of a point to others, each rounded as it is when summed in the order of the coordinates.
fn squared_of_several(point: &[f64], others: [&[f64]; AT_ONCE]) -> [f64; AT_ONCE] {
    let mut sums = [0.0; AT_ONCE];
    let [a, b, c, d] = others;
    for ((((x, a), b), c), d) in point.iter().zip(a).zip(b).zip(c).zip(d) {
        for (sum, other) in sums.iter_mut().zip([a, b, c, d]) {
            *sum += (x - other) * (x - other);
        }
    }
    sums
}

/// Candidates of a point that are kept before those that are too far by now are dropped.
fn many(k: usize) -> usize {
    4 * k + 16
}

impl Nearest {
    fn new(n: usize, k: usize) -> Self {
        let mut limits = vec![f32::INFINITY; n];
        limits.resize(n.next_multiple_of(PANEL), f32::NEG_INFINITY);
        Self {
            k,
            limits,
            uppers: vec![f32::INFINITY; n * k],
            candidates: (0..n).map(|_| Vec::with_capacity(many(k) + 1)).collect(),
            exact: vec![Vec::new(); n],
        }
    }

    fn largest_limit(&self) -> f32 {
        self.limits.iter().copied().fold(f32::NEG_INFINITY, f32::max)
    }

    /// Lowers a limit that is still infinite by the upper bounds of a block; `upper` are those of the columns' half norms.
    fn start(&mut self, row: usize, (block, in_block): (&Block, usize), own: f32, upper: &[f32]) {
        if self.limits[row] == f32::INFINITY {
            self.limits[row] = block.kth_smallest_at_most(in_block, own, upper, self.k);
        }
    }

    /// Offers point `at` of tile `t` another one, `upper` bounding half of their squared distance.
    fn offer(&mut self, search: &Search, (t, at): (usize, usize), candidate: Candidate, upper: f32) {
        if candidate.lower > self.limits[at] {
            return;
        }
        let k = self.k;
        let uppers = &mut self.uppers[at * k..(at + 1) * k];
        let place = uppers.partition_point(|known| *known <= upper);
        if place < k {
            uppers.copy_within(place..k - 1, place + 1);
            uppers[place] = upper;
            self.limits[at] = uppers[k - 1].min(self.limits[at]);
        }
        self.candidates[at].push(candidate);
        let many = many(k);
        if self.candidates[at].len() > many {
            let least = self.limits[at];
            self.candidates[at].retain(|candidate| candidate.lower <= least);
            // Repeated points: the bounds do not tell them apart.
            if self.candidates[at].len() > many / 2 {
                self.decide(search, (t, at));
                if let Some(farthest) = self.exact[at].get(k - 1) {
                    let outside = limit(*farthest, search.d, search.frame).outside;
                    self.limits[at] = self.limits[at].min(outside);
                }
            }
        }
    }

    /// Turns the candidates of a point into exact squared distances.
    fn decide(&mut self, search: &Search, (t, at): (usize, usize)) {
        let row = search.tiles[t].point(at, search.d);
        let exact = &mut self.exact[at];
        for some in self.candidates[at].chunks(AT_ONCE) {
            let place = |i: usize| {
                let Candidate { tile, place, .. } = some[i.min(some.len() - 1)];
                search.tiles[tile as usize].point(place as usize, search.d)
            };
            exact.extend_from_slice(&squared_of_several(row, std::array::from_fn(place))[..some.len()]);
        }
        self.candidates[at].clear();
        exact.sort_unstable_by(f64::total_cmp);
        exact.truncate(self.k);
    }

    fn squared_radii(mut self, search: &Search, t: usize) -> Vec<f64> {
        let radius = |at: usize| {
            let limit = self.limits[at];
            self.candidates[at].retain(|candidate| candidate.lower <= limit);
            self.decide(search, (t, at));
            *self.exact[at].get(self.k - 1).expect("there are more than k points")
        };
        (0..search.tiles[t].len()).map(radius).collect()
    }
}
