//! PRDC in many dimensions on the host: every pair is compared once, by products of matrices in single precision.
//!
//! With `|a - b|^2 / 2 = |a|^2 / 2 + |b|^2 / 2 - a.b` in the coordinates of a [`Frame`], a tile of pairs costs one product,
//! which BLAS computes several times faster than distances are summed. The error of a value is bounded as that of the
//! prefilter is, at most `slack (|a|^2 + |b|^2) / 2`. Pairs whose comparison the bound leaves open are few unless points are
//! repeated; they are compared as `sum_c (a_c - b_c)^2` is rounded in the order of the coordinates. So results are those of
//! the trees, bit for bit.

use pulp::Arch;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::counts::PrdcCounts;
use super::distances::squared;
use super::f32_prefilter::{FAR, Frame, TINY, slack};
use crate::numeric::blas::rows_by_rows_f32;

/// Rows and columns of a tile.
const TILE: usize = 512;

/// Pairs that are looked at together.
const CHUNK: usize = 16;

/// The real points with their radii.
pub(super) struct Products {
    frame: Frame,
    d: usize,
    k: usize,
    real: Placed,
    squared_radii: Vec<f64>,
}

/// Points, and the same in the coordinates of a frame in single precision.
struct Placed {
    d: usize,
    /// Row after row, as they were given.
    points: Vec<f64>,
    /// Moved and scaled, row after row; zeros for points that single precision cannot hold.
    coordinates: Vec<f32>,
    /// `(1 - slack) |a|^2 / 2` and `(1 + slack) |a|^2 / 2`; infinite below and above for such points.
    lower: Vec<f32>,
    upper: Vec<f32>,
}

/// A squared radius in the units of half squared distances in single precision: a pair whose lower bound is not below
/// `outside` is outside, one whose upper bound is below `inside` is inside.
#[derive(Clone, Copy)]
struct Limit {
    outside: f32,
    inside: f32,
}

impl Products {
    /// Places the real points, row after row, and finds their exact radii. There are more than `k`.
    pub fn new(points: &[f64], d: usize, k: usize) -> Self {
        let frame = Frame::of(points, d);
        let real = Placed::new(points, d, &frame);
        let squared_radii = real.squared_radii(k, &frame);
        Self { frame, d, k, real, squared_radii }
    }

    /// Squared distance of every real point to its k-th nearest other one.
    pub fn squared_radii(&self) -> &[f64] {
        &self.squared_radii
    }

    /// For each generated point, row after row, the number of real spheres that hold it.
    pub fn holding(&self, fake: &[f64]) -> Vec<u32> {
        let fake = Placed::new(fake, self.d, &self.frame);
        self.compared(&fake, None).holding
    }

    /// Everything that PRDC counts, of more than `k` generated points.
    pub fn counts(&self, fake: &[f64]) -> PrdcCounts {
        let fake = Placed::new(fake, self.d, &self.frame);
        let radii = fake.squared_radii(self.k, &self.frame);
        self.compared(&fake, Some(&radii))
    }

    /// Compares generated with real points; without generated radii nothing is recalled.
    fn compared(&self, fake: &Placed, fake_radii: Option<&[f64]>) -> PrdcCounts {
        let real_limits: Vec<Limit> =
            self.squared_radii.iter().map(|r| limit(*r, self.d, &self.frame)).collect();
        let outside: Vec<f32> = real_limits.iter().map(|limit| limit.outside).collect();
        let n = self.real.len();
        let strips = fake.tiles().into_par_iter().map(|rows| {
            let mut strip = Strip {
                holding: vec![0; rows.len()],
                recalled: vec![false; n],
                not_recalled: vec![f32::INFINITY; n],
                covered: vec![false; n],
            };
            let (mut products, mut near) = (vec![0.0; TILE * TILE], Vec::with_capacity(TILE / CHUNK));
            for columns in self.real.tiles() {
                let products = &mut products[..rows.len() * columns.len()];
                fake.products(&rows, &self.real, &columns, products);
                for (row, products) in rows.clone().zip(products.chunks_exact(columns.len())) {
                    let own = fake_radii.map(|radii| (radii[row], limit(radii[row], self.d, &self.frame)));
                    let (lower, own_limit) =
                        (fake.lower[row], own.map_or(f32::NEG_INFINITY, |(_, limit)| limit.outside));
                    let (places, open) = (columns.clone(), &strip.not_recalled[columns.clone()]);
                    let (others, limits) = (&self.real.lower[places.clone()], &outside[places]);
                    Arch::new().dispatch(|| {
                        near_either(products, (lower, own_limit), (others, limits, open), &mut near)
                    });
                    for chunk in near.drain(..) {
                        let products = &products[chunk..products.len().min(chunk + CHUNK)];
                        let first = columns.start + chunk;
                        for (column, product) in (first..).zip(products) {
                            let pair = Pair {
                                lower: fake.lower[row] + self.real.lower[column] - product,
                                upper: fake.upper[row] + self.real.upper[column] - product,
                                exact: &|| squared(fake.row(row), self.real.row(column)),
                            };
                            if pair.is_within(self.squared_radii[column], real_limits[column]) {
                                strip.holding[row - rows.start] += 1;
                                strip.covered[column] = true;
                            }
                            if let Some((radius, limit)) = own.filter(|_| !strip.recalled[column])
                                && pair.is_within(radius, limit)
                            {
                                strip.recalled[column] = true;
                                strip.not_recalled[column] = f32::NEG_INFINITY;
                            }
                        }
                    }
                }
            }
            strip
        });
        let strips: Vec<Strip> = strips.collect();
        let any =
            |of: fn(&Strip) -> &[bool]| (0..n).filter(|i| strips.iter().any(|strip| of(strip)[*i])).count();
        let (recalled, covered) = (any(|strip| &strip.recalled), any(|strip| &strip.covered));
        PrdcCounts {
            holding: strips.into_iter().flat_map(|strip| strip.holding).collect(),
            recalled,
            covered,
        }
    }
}

/// What the generated points of some rows found.
struct Strip {
    holding: Vec<u32>,
    /// Of the real points.
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

/// The first columns of the chunks in which a pair may be within the column's limit, or within the row's where the column is
/// open. A point that is far away has no lower bound, and passes whatever its product.
#[inline(always)]
fn near_either(
    products: &[f32],
    (row, own_limit): (f32, f32),
    (columns, limits, open): (&[f32], &[f32], &[f32]),
    near: &mut Vec<usize>,
) {
    let chunks =
        products.chunks(CHUNK).zip(columns.chunks(CHUNK)).zip(limits.chunks(CHUNK).zip(open.chunks(CHUNK)));
    for (index, ((products, columns), (limits, open))) in chunks.enumerate() {
        let mut any = false;
        let pairs = products.iter().zip(columns).zip(limits.iter().zip(open));
        for ((product, column), (limit, open)) in pairs {
            any |= row + column - product < limit.max(own_limit.min(*open));
        }
        if any {
            near.push(index * CHUNK);
        }
    }
}

/// The limits of a squared radius.
fn limit(squared: f64, d: usize, frame: &Frame) -> Limit {
    // Nothing is nearer than 0, and without a unit nothing is known.
    if squared == 0.0 || frame.scale == 0.0 {
        let outside = if squared == 0.0 { f32::NEG_INFINITY } else { f32::INFINITY };
        return Limit { outside, inside: f32::NEG_INFINITY };
    }
    let (half, slack, tiny) = (0.5 * squared * frame.scale * frame.scale, slack(d), TINY * d as f64);
    let inside = (1.0 - slack) * half - tiny;
    Limit {
        outside: ((1.0 + slack) * half + tiny) as f32 * (1.0 + f32::EPSILON),
        inside: if inside > 0.0 { inside as f32 * (1.0 - f32::EPSILON) } else { f32::NEG_INFINITY },
    }
}

impl Placed {
    fn new(points: &[f64], d: usize, frame: &Frame) -> Self {
        let n = points.len() / d;
        let mut placed = Self {
            d,
            points: points.to_vec(),
            coordinates: Vec::with_capacity(points.len()),
            lower: Vec::with_capacity(n),
            upper: Vec::with_capacity(n),
        };
        let slack = slack(d);
        for point in points.chunks_exact(d) {
            let (from, mut norm, mut far) = (placed.coordinates.len(), 0.0, frame.scale == 0.0);
            for (value, centre) in point.iter().zip(&frame.centre) {
                let value = (value - centre) * frame.scale;
                norm += value * value;
                far |= value.is_nan() || value.abs() >= FAR;
                placed.coordinates.push(value as f32);
            }
            if far {
                placed.coordinates[from..].fill(0.0);
            }
            placed.lower.push(if far { f32::NEG_INFINITY } else { (0.5 * (1.0 - slack) * norm) as f32 });
            placed.upper.push(if far { f32::INFINITY } else { (0.5 * (1.0 + slack) * norm) as f32 });
        }
        placed
    }

    fn len(&self) -> usize {
        self.lower.len()
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.points[row * self.d..(row + 1) * self.d]
    }

    fn tiles(&self) -> Vec<Range<usize>> {
        let n = self.len();
        (0..n).step_by(TILE).map(|first| first..n.min(first + TILE)).collect()
    }

    /// Products of some of these points with some others, `(rows, columns)`.
    fn products(&self, rows: &Range<usize>, others: &Self, columns: &Range<usize>, out: &mut [f32]) {
        let d = self.d;
        let (a, b) = (rows.start * d..rows.end * d, columns.start * d..columns.end * d);
        rows_by_rows_f32(&self.coordinates[a], &others.coordinates[b], d, out);
    }

    /// Squared distance of every point to its `k`-th nearest other one.
    fn squared_radii(&self, k: usize, frame: &Frame) -> Vec<f64> {
        let tiles = self.tiles();
        let nearest: Vec<Mutex<Nearest>> =
            tiles.iter().map(|rows| Mutex::new(Nearest::new(rows.clone(), k))).collect();
        // Every pair once: the tiles on and above the diagonal.
        let pairs: Vec<(usize, usize)> =
            (0..tiles.len()).flat_map(|i| (i..tiles.len()).map(move |j| (i, j))).collect();
        let nothing = vec![f32::NEG_INFINITY; TILE];
        pairs.into_par_iter().for_each_init(
            || (vec![0.0; TILE * TILE], Vec::with_capacity(TILE / CHUNK)),
            |(products, near), (i, j)| {
                let (rows, columns) = (&tiles[i], &tiles[j]);
                let products = &mut products[..rows.len() * columns.len()];
                self.products(rows, self, columns, products);
                let held = |index: usize| nearest[index].lock().unwrap_or_else(PoisonError::into_inner);
                // Always the smaller number first, so that no two threads wait for each other.
                let mut of_rows = held(i);
                let mut of_columns = (i != j).then(|| held(j));
                for (row, products) in rows.clone().zip(products.chunks_exact(columns.len())) {
                    let (lower, own) = (self.lower[row], of_rows.limits[row - rows.start]);
                    let limits = of_columns.as_deref().map_or(&nothing[..columns.len()], |of| &of.limits);
                    let others = &self.lower[columns.clone()];
                    Arch::new().dispatch(|| near_any(products, (lower, own), (others, limits), near));
                    for chunk in near.drain(..) {
                        let products = &products[chunk..products.len().min(chunk + CHUNK)];
                        let first = columns.start + chunk;
                        for (column, product) in (first..).zip(products).filter(|(column, _)| *column != row)
                        {
                            let lower = self.lower[row] + self.lower[column] - product;
                            let upper = self.upper[row] + self.upper[column] - product;
                            of_rows.offer(self, frame, row, (column, lower, upper));
                            if let Some(of_columns) = &mut of_columns {
                                of_columns.offer(self, frame, column, (row, lower, upper));
                            }
                        }
                    }
                }
            },
        );
        let finished = nearest.into_par_iter().flat_map_iter(|nearest| {
            let nearest = nearest.into_inner().unwrap_or_else(PoisonError::into_inner);
            nearest.squared_radii(self)
        });
        finished.collect()
    }
}

/// The first columns of the chunks in which a pair may be within the limit of its row or its column.
#[inline(always)]
fn near_any(
    products: &[f32],
    (row, own_limit): (f32, f32),
    (columns, limits): (&[f32], &[f32]),
    near: &mut Vec<usize>,
) {
    let chunks = products.chunks(CHUNK).zip(columns.chunks(CHUNK)).zip(limits.chunks(CHUNK));
    for (index, ((products, columns), limits)) in chunks.enumerate() {
        let mut any = false;
        for ((product, column), limit) in products.iter().zip(columns).zip(limits) {
            any |= row + column - product <= own_limit.max(*limit);
        }
        if any {
            near.push(index * CHUNK);
        }
    }
}

/// What is known of the nearest neighbours of the points of some rows.
struct Nearest {
    rows: Range<usize>,
    k: usize,
    /// Candidates farther than this cannot be among the `k` nearest: the k-th smallest upper bound so far.
    limits: Vec<f32>,
    /// The `k` smallest upper bounds, ascending, for each point.
    uppers: Vec<f32>,
    /// For each point the others, with their lower bounds, that may be among the nearest.
    candidates: Vec<Vec<(usize, f32)>>,
    /// For each point the `k` smallest exact squared distances to those that are no candidates any more.
    exact: Vec<Vec<f64>>,
}

impl Nearest {
    fn new(rows: Range<usize>, k: usize) -> Self {
        let n = rows.len();
        Self {
            rows,
            k,
            limits: vec![f32::INFINITY; n],
            uppers: vec![f32::INFINITY; n * k],
            candidates: vec![Vec::new(); n],
            exact: vec![Vec::new(); n],
        }
    }

    /// Offers point `row` another one.
    fn offer(
        &mut self,
        points: &Placed,
        frame: &Frame,
        row: usize,
        (other, lower, upper): (usize, f32, f32),
    ) {
        let (k, at) = (self.k, row - self.rows.start);
        if lower > self.limits[at] {
            return;
        }
        let uppers = &mut self.uppers[at * k..(at + 1) * k];
        let place = uppers.partition_point(|known| *known <= upper);
        if place < k {
            uppers.copy_within(place..k - 1, place + 1);
            uppers[place] = upper;
            self.limits[at] = uppers[k - 1].min(self.limits[at]);
        }
        self.candidates[at].push((other, lower));
        let many = 8 * k + 64;
        if self.candidates[at].len() > many {
            let least = self.limits[at];
            self.candidates[at].retain(|(_, lower)| *lower <= least);
            // Repeated points: the bounds do not tell them apart.
            if self.candidates[at].len() > many / 2 {
                self.decide(points, at);
                if let Some(farthest) = self.exact[at].get(k - 1) {
                    self.limits[at] = self.limits[at].min(limit(*farthest, points.d, frame).outside);
                }
            }
        }
    }

    /// Turns the candidates of a point into exact squared distances.
    fn decide(&mut self, points: &Placed, at: usize) {
        let row = points.row(self.rows.start + at);
        let exact = &mut self.exact[at];
        exact.extend(self.candidates[at].drain(..).map(|(other, _)| squared(row, points.row(other))));
        exact.sort_unstable_by(f64::total_cmp);
        exact.truncate(self.k);
    }

    fn squared_radii(mut self, points: &Placed) -> Vec<f64> {
        let n = self.rows.len();
        let radius = |at: usize| {
            let limit = self.limits[at];
            self.candidates[at].retain(|(_, lower)| *lower <= limit);
            self.decide(points, at);
            *self.exact[at].get(self.k - 1).expect("there are more than k points")
        };
        (0..n).map(radius).collect()
    }
}
