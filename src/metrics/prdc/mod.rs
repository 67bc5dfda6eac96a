//! Precision, recall, density and coverage.
//!
//! | file | idea |
//! | --- | --- |
//! | [`advice`] | what to know about the points that were compared |
//! | `tree`, `leaves`, `boxes` | a k-d tree over packets of eight points, how it is sorted, and the gap between two of its boxes |
//! | `distances`, `f32_prefilter` | squared distances between packets, and in high dimension a cheap test before them |
//! | `neighbours` | the k-th nearest neighbour of every point |
//! | `spheres`, `hits` | spheres around the points of a tree, and which points of two sets lie in whose |
//! | `intervals` | how far the four values would move with other points |
//! | `counts` | what the three ways count |
//! | `unit` | coordinates times a power of 2, so that squares stay in the range of numbers |
//! | `products` | the same from products of matrices in single precision, in many dimensions |
//! | `tiled_distances` | the same from tiles of the matrix of distances, on a GPU |

pub mod advice;
mod boxes;
mod counts;
mod distances;
mod f32_prefilter;
mod hits;
mod intervals;
mod leaves;
mod neighbours;
mod products;
mod spheres;
mod tiled_distances;
mod tree;
mod unit;

use candle_core::Device;
use ndarray::ArrayView2;
use serde::Serialize;
use std::borrow::Cow;

pub use intervals::{PrdcIntervals, prdc_intervals};

use super::MetricsError;
use super::points::checked;
use counts::PrdcCounts;
use f32_prefilter::Frame;
use products::Products;
use spheres::Spheres;
use tiled_distances::TiledDistances;
use tree::PointTree;
use unit::Unit;

/// Precision, recall (Kynkaanniemi et al. 2019, "Improved precision and recall metric for assessing
/// generative models", eq. 1-3), density and coverage (Naeem et al. 2020, "Reliable fidelity and
/// diversity metrics for generative models", eq. 4 and 6).
///
/// # Formula
///
/// With real points `R_1..R_n`, generated points `F_1..F_m`, and `r_i`, `f_j` their distances to the
/// `k`-th nearest *other* point of the same set,
///
/// - `precision = 1/m #{ j : exists i, |F_j - R_i| < r_i }`
/// - `recall = 1/n #{ i : exists j, |R_i - F_j| < f_j }`
/// - `density = 1/(k m) sum_j #{ i : |F_j - R_i| < r_i }`
/// - `coverage = 1/n #{ i : min_j |F_j - R_i| < r_i }`
///
/// The comparison is strict, as in the Python package `prdc`: duplicates have radius 0 and hold
/// nothing. Distances are compared squared, as `sum_c (a_c - b_c)^2` is rounded in `f64` when summed in
/// the order of the coordinates; so points at exactly the radius are outside, without exception.
/// Density is the mean count divided by `k`, in this order of rounding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Prdc {
    /// Fraction of generated points within the real manifold, 0 to 1.
    pub precision: f64,
    /// Fraction of real points within the generated manifold, 0 to 1.
    pub recall: f64,
    /// Mean number of real spheres around a generated point, divided by `k`; may exceed 1.
    pub density: f64,
    /// Fraction of real points with a generated point in their sphere, 0 to 1.
    pub coverage: f64,
}

/// Real points with their k-nearest-neighbour spheres, sorted for search: computed once and then
/// compared with any number of generated sets, from any number of threads.
///
/// Distances are squared in a unit of the size of the real coordinates, a power of 2. Those of more than 1e150 times it
/// count as infinite, differences of less than 1e-150 times it as none.
/// ```
/// use gdiff::metrics::RealManifold;
/// use gdiff::numeric::random::Stream;
///
/// let normal = |index: u64| Stream::new(1, 0, "points").standard_normal(index, 1000, 2);
/// let manifold = RealManifold::new(normal(0).view(), 5)?;
/// let (good, narrow) = (manifold.prdc(normal(1).view())?, manifold.prdc((normal(1) * 0.3).view())?);
/// assert!(good.coverage > 0.9 && narrow.coverage < 0.5);
/// assert!(narrow.precision > 0.9 && narrow.density > good.density);
/// # Ok::<(), gdiff::metrics::MetricsError>(())
/// ```
pub struct RealManifold {
    backend: Backend,
    radii: Vec<f64>,
    d: usize,
    k: usize,
    unit: Unit,
}

/// How neighbours are found; the results are the same to the last bit.
enum Backend {
    /// In k-d trees, on the host.
    Tree { frame: Frame, spheres: Spheres },
    /// By products of matrices, on the host.
    Products(Products),
    /// From tiles of the matrix of distances, on a device.
    Tiled(TiledDistances),
}

/// Dimensions from which on the host multiplies matrices: boxes of so many dimensions exclude little.
const PRODUCTS_FROM: usize = 32;

/// Dimensions from which on a GPU takes over. Up to here the host's products of matrices in single precision, which leave few
/// pairs to be settled in double precision, are estimated to be no slower than moving tiles to and from a GPU.
const MANY_DIMENSIONS: usize = 256;

impl RealManifold {
    /// Finds the `k`-th nearest other point of each of the real points, shape `(n, d)`.
    ///
    /// # Errors
    ///
    /// `k = 0`, `d = 0`, `n <= k`, or a coordinate that is not finite.
    pub fn new(real: ArrayView2<f64>, k: usize) -> Result<Self, MetricsError> {
        match real.ncols() < PRODUCTS_FROM {
            true => Self::in_trees(real, k),
            false => Self::by_products(real, k),
        }
    }

    /// The same by products of matrices, in any number of dimensions.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn by_products(real: ArrayView2<f64>, k: usize) -> Result<Self, MetricsError> {
        let points = checked_real(&real, k)?;
        let unit = Unit::of(&points);
        let points = unit.scaled(points);
        let products = Products::new(&points, real.ncols(), k);
        let radii = products.squared_radii().iter().map(|squared| unit.distance(squared.sqrt())).collect();
        Ok(Self { backend: Backend::Products(products), radii, d: real.ncols(), k, unit })
    }

    /// The same in trees, in any number of dimensions.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn in_trees(real: ArrayView2<f64>, k: usize) -> Result<Self, MetricsError> {
        let points = checked_real(&real, k)?;
        let unit = Unit::of(&points);
        let points = unit.scaled(points);
        let frame = Frame::of(&points, real.ncols());
        let spheres = Spheres::new(&points, real.ncols(), k, &frame);
        let mut radii = vec![0.0; real.nrows()];
        for (&row, squared) in spheres.tree.order.iter().zip(&spheres.squared_radii) {
            radii[row] = unit.distance(squared.sqrt());
        }
        Ok(Self { backend: Backend::Tree { frame, spheres }, radii, d: real.ncols(), k, unit })
    }

    /// The same on the faster backend: tiles on `device` if it is a GPU and there are many dimensions, else as
    /// [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), or the device fails.
    pub fn on(device: &Device, real: ArrayView2<f64>, k: usize) -> Result<Self, MetricsError> {
        match device.is_cpu() || real.ncols() < MANY_DIMENSIONS {
            true => Self::new(real, k),
            false => Self::in_tiles(device, real, k),
        }
    }

    /// The same from tiles of the matrix of distances, computed on a device whatever it is.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), or the device fails.
    pub fn in_tiles(device: &Device, real: ArrayView2<f64>, k: usize) -> Result<Self, MetricsError> {
        let points = checked_real(&real, k)?;
        let unit = Unit::of(&points);
        let points = unit.scaled(points);
        let tiled = TiledDistances::new(&points, real.ncols(), k, device)?;
        let radii = tiled.squared_radii().iter().map(|squared| unit.distance(squared.sqrt())).collect();
        Ok(Self { backend: Backend::Tiled(tiled), radii, d: real.ncols(), k, unit })
    }

    /// [`Prdc`] of generated points, shape `(m, d)`, against the real points.
    ///
    /// The same for any number of threads, and for any order of the points.
    ///
    /// # Errors
    ///
    /// `d` other than that of the real points, `m <= k`, a coordinate that is not finite, or the device fails.
    pub fn prdc(&self, fake: ArrayView2<f64>) -> Result<Prdc, MetricsError> {
        let points = self.checked_fake(&fake)?;
        let (m, k) = (fake.nrows(), self.k);
        if m <= k {
            return Err(MetricsError::TooFewPoints { which: "generated", n: m, k });
        }
        let PrdcCounts { holding, recalled, covered } = match &self.backend {
            Backend::Tree { frame, spheres } => {
                let generated = Spheres::new(&points, self.d, k, frame);
                spheres.counts(&generated)
            }
            Backend::Products(products) => products.counts(&points),
            Backend::Tiled(tiled) => tiled.counts(&points)?,
        };
        let held = holding.iter().filter(|&&count| count > 0).count();
        let holding: u64 = holding.iter().map(|&count| u64::from(count)).sum();
        let (n, m, k) = (self.radii.len() as f64, m as f64, k as f64);
        Ok(Prdc {
            precision: held as f64 / m,
            recall: recalled as f64 / n,
            density: holding as f64 / m / k,
            coverage: covered as f64 / n,
        })
    }

    /// Distance of every real point to its `k`-th nearest other real point, in the order given.
    pub fn radii(&self) -> &[f64] {
        &self.radii
    }

    /// For each generated point, shape `(m, d)` with any `m`, the number of real spheres that hold it:
    /// `#{ i : |F_j - R_i| < r_i }`, the summand of density.
    ///
    /// # Errors
    ///
    /// `d` other than that of the real points, a coordinate that is not finite, or the device fails.
    pub fn spheres_holding(&self, fake: ArrayView2<f64>) -> Result<Vec<u32>, MetricsError> {
        let points = self.checked_fake(&fake)?;
        let (frame, spheres) = match &self.backend {
            Backend::Tree { frame, spheres } => (frame, spheres),
            Backend::Products(products) => return Ok(products.holding(&points)),
            Backend::Tiled(tiled) => return tiled.holding(&points),
        };
        let tree = PointTree::new(&points, self.d, frame);
        let mut by_row = vec![0; fake.nrows()];
        for (&row, count) in tree.order.iter().zip(spheres.count_around(&tree)) {
            by_row[row] = count;
        }
        Ok(by_row)
    }

    /// The generated points in the unit of the real ones, row after row.
    fn checked_fake<'a>(&self, fake: &'a ArrayView2<f64>) -> Result<Cow<'a, [f64]>, MetricsError> {
        let (real, generated) = (self.d, fake.ncols());
        if real != generated {
            return Err(MetricsError::DifferentColumns { real, generated });
        }
        self.unit.generated(checked(fake, "generated")?)
    }
}

/// The real points row after row, unless there are too few of them, or as [`checked`].
fn checked_real<'a>(real: &'a ArrayView2<f64>, k: usize) -> Result<Cow<'a, [f64]>, MetricsError> {
    if k == 0 {
        return Err(MetricsError::NoNeighbours);
    }
    let points = checked(real, "real")?;
    match real.nrows() <= k {
        true => Err(MetricsError::TooFewPoints { which: "real", n: real.nrows(), k }),
        false => Ok(points),
    }
}
