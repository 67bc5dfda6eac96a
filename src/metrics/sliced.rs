//! The sliced Wasserstein-2 distance between two sets of points.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use std::f64::consts::PI;

use super::MetricsError;
use super::points::{Checked, checked_points};
use crate::numeric::orthogonal::haar;
use crate::numeric::power_of_two::{exponent, times_power_of_two};
use crate::numeric::random::Stream;
use crate::numeric::sort::sort_ascending;
use crate::numeric::wasserstein::squared_w2_of_sorted;

/// Angles over the half circle in two dimensions. The average over evenly spaced angles converges fast: between 10,000
/// and 10,000 points of one distribution, turning all angles together changes the distance by 5e-5 of itself (standard
/// deviation over 20 turns), and by 1e-5 with 128; 64 independent directions would scatter it by 5 %.
const ANGLES: usize = 64;

/// Directions in three or more dimensions, at least. In 64 dimensions, for 10,000 points, another set of directions
/// changes the distance of fresh points by 2.2 % (3.4 % with 64 directions, 1.0 % with 512), and of points stretched
/// by a tenth along one axis by 1.7 % (independent directions: 4.7 %); another draw of the points changes it by 12 %.
const DIRECTIONS: usize = 128;

/// Points whose coordinates stay in the cache while they are projected.
const BLOCK: usize = 512;

/// Powers of 2 by which generated points may exceed the real ones and still be measured in their unit.
const ROOM: i32 = 100;

/// Real points with their sorted projections: computed once, then compared with any number of generated sets.
///
/// # Formula
///
/// `SW2(R, F) = ( 1/K sum_k W2^2(theta_k . R, theta_k . F) )^(1/2)` over `K` fixed unit directions `theta_k` (Bonneel et
/// al. 2015, "Sliced and Radon Wasserstein barycenters of measures"), with
/// `W2^2` of two samples on a line the integral over `u` of the squared difference of their quantile functions. It is
/// exact for sets of different sizes too. The average over directions makes it about `1 / sqrt(d)` of the
/// Wasserstein-2 distance in `d` dimensions: a translation by `v` gives `|v| / sqrt(d)`.
///
/// Two finite sets of points of the *same* distribution have a distance above 0, which falls as `n^(-1/2)`. For 10,000
/// points of the mixture of `configs/gmm_width16.toml` it is .068 (standard deviation .022) to another 10,000 and .052
/// (.011) to 100,000, most of it because the numbers of points per mode differ. So a distance is read beside that of
/// fresh real points.
///
/// Memory: `K n` numbers of 8 bytes.
#[derive(Clone, Debug)]
pub struct SlicedW2 {
    /// `(K, d)`, unit rows.
    directions: Array2<f64>,
    real: Projections,
}

/// The projections of a set of points, for each direction ascending.
#[derive(Clone, Debug)]
struct Projections {
    sorted: Vec<Vec<f64>>,
    /// The projections are divided by 2 to this power, so that squares neither overflow nor underflow.
    exponent: i32,
}

impl SlicedW2 {
    /// Projects and sorts the real points, shape `(n, d)`, along the fixed [`directions`].
    ///
    /// # Errors
    ///
    /// No points, no columns, or a coordinate that is not finite.
    pub fn new(real: ArrayView2<f64>) -> Result<Self, MetricsError> {
        Self::along(directions(real.ncols()), real)
    }

    /// The same along directions of one's own: unit vectors in the rows of `directions`, shape `(K, d)`, `K >= 1`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Panics
    ///
    /// When there is no direction, or the directions have other than `d` columns.
    pub fn along(directions: Array2<f64>, real: ArrayView2<f64>) -> Result<Self, MetricsError> {
        let real = checked_points(&real, "real")?;
        assert!(
            directions.nrows() > 0 && directions.ncols() == real.d,
            "no direction, or one of another dimension"
        );
        let directions = directions.as_standard_layout().into_owned();
        let exponent = exponent_of_largest(&real.rows);
        let points = Points::new(&real, exponent);
        let sorted = (0..directions.nrows())
            .into_par_iter()
            .map_init(Scratch::default, |scratch, k| {
                points.project(direction(&directions, k), scratch);
                scratch.projected.clone()
            })
            .collect();
        Ok(Self { directions, real: Projections { sorted, exponent } })
    }

    /// The sliced Wasserstein-2 distance to points `x`, shape `(m, d)`, in the units of the data.
    ///
    /// The same for any number of threads and any order of the points; infinite where it exceeds the largest double.
    ///
    /// # Errors
    ///
    /// No points, `d` other than that of the real points, or a coordinate that is not finite.
    pub fn distance(&self, x: ArrayView2<f64>) -> Result<f64, MetricsError> {
        let (real, generated) = (self.directions.ncols(), x.ncols());
        if real != generated {
            return Err(MetricsError::DifferentColumns { real, generated });
        }
        let x = checked_points(&x, "generated")?;
        // In the unit of the real points, unless the generated ones are so large that their squares might overflow.
        let largest = exponent_of_largest(&x.rows);
        let exponent = if largest > self.real.exponent + ROOM { largest } else { self.real.exponent };
        let x = Points::new(&x, exponent);
        let shrunk = self.real.exponent - exponent;
        let squared: Vec<f64> = (0..self.directions.nrows())
            .into_par_iter()
            .map_init(Scratch::default, |scratch, k| {
                x.project(direction(&self.directions, k), scratch);
                let real = &self.real.sorted[k];
                if shrunk == 0 {
                    return squared_w2_of_sorted(real, &scratch.projected);
                }
                let real: Vec<f64> = real.iter().map(|v| times_power_of_two(*v, shrunk)).collect();
                squared_w2_of_sorted(&real, &scratch.projected)
            })
            .collect();
        // Summed in the order of the directions, whoever computed them.
        let mean = squared.iter().sum::<f64>() / squared.len() as f64;
        Ok(times_power_of_two(mean.sqrt(), exponent))
    }

    /// The directions, unit vectors in rows, shape `(K, d)`.
    pub fn directions(&self) -> ArrayView2<'_, f64> {
        self.directions.view()
    }
}

/// The sliced Wasserstein-2 distance between two sets of points, shapes `(n, d)` and `(m, d)`: see [`SlicedW2`], which
/// is faster where one set is compared with several.
///
/// # Errors
///
/// As [`SlicedW2::new`] and [`SlicedW2::distance`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
/// let real = array![[0.0, 0.0], [1.0, 2.0], [4.0, 1.0]];
/// let moved = &real + &array![3.0, 4.0];
/// let distance = gdiff::metrics::sliced_w2(real.view(), moved.view())?;
/// assert!((distance - 5.0 / 2f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), gdiff::metrics::MetricsError>(())
/// ```
pub fn sliced_w2(real: ArrayView2<f64>, x: ArrayView2<f64>) -> Result<f64, MetricsError> {
    SlicedW2::new(real)?.distance(x)
}

/// The fixed directions in `d` dimensions, unit vectors in rows, shape `(K, d)`.
///
/// - `d = 1`: one.
/// - `d = 2`: the angles `(i + 1/2) pi / 64`, evenly spaced over a half circle.
/// - `d` from 3 to 128: the rows of as many random rotations (uniform, from a stream of their own with seed 0) as make at
///   least 128. Within a rotation directions are orthogonal, so that the squared lengths of a vector's projections
///   average to exactly `|v|^2 / d`, which independent directions only do in expectation.
/// - more: 128 orthonormal directions.
pub fn directions(d: usize) -> Array2<f64> {
    match d {
        0 | 1 => Array2::eye(d),
        2 => Array2::from_shape_fn((ANGLES, 2), |(i, axis)| {
            let angle = (i as f64 + 0.5) * PI / ANGLES as f64;
            if axis == 0 { angle.cos() } else { angle.sin() }
        }),
        _ => orthonormal_frames(d, DIRECTIONS, &Stream::new(0, 0, "sliced directions")),
    }
}

/// At least `count` directions in `d` dimensions: whole orthonormal frames, or `count` directions of one.
fn orthonormal_frames(d: usize, count: usize, stream: &Stream) -> Array2<f64> {
    let each = d.min(count);
    let frames = count.div_ceil(each);
    let mut rows = Array2::zeros((frames * each, d));
    for (frame, mut rows) in rows.exact_chunks_mut((each, d)).into_iter().enumerate() {
        let columns = haar(&stream.standard_normal(frame as u64, d, each));
        rows.assign(&columns.expect("a finite matrix has QR factors").t());
    }
    rows
}

/// Direction `k`.
fn direction(directions: &Array2<f64>, k: usize) -> &[f64] {
    let d = directions.ncols();
    &directions.as_slice().expect("directions are kept in standard layout")[k * d..(k + 1) * d]
}

/// Points column after column, divided by a power of 2.
struct Points {
    columns: Vec<f64>,
    n: usize,
}

/// What the projection of one set on one direction needs, used again for the next.
#[derive(Default)]
struct Scratch {
    projected: Vec<f64>,
    sort: Vec<f64>,
}

impl Points {
    fn new(points: &Checked, exponent: i32) -> Self {
        let Checked { n, d, .. } = *points;
        let mut columns = vec![0.0; n * d];
        for (i, row) in points.rows.chunks_exact(d).enumerate() {
            row.iter().enumerate().for_each(|(c, v)| columns[c * n + i] = times_power_of_two(*v, -exponent));
        }
        Self { columns, n }
    }

    /// The projections `theta . x` of all points, each summed in the order of the coordinates, ascending.
    fn project(&self, theta: &[f64], scratch: &mut Scratch) {
        let Scratch { projected, sort } = scratch;
        projected.clear();
        projected.resize(self.n, 0.0);
        for (block, sums) in projected.chunks_mut(BLOCK).enumerate() {
            let (first, count) = (block * BLOCK, sums.len());
            let of_block = |column: usize| &self.columns[column * self.n + first..][..count];
            let (fours, rest) = theta.as_chunks::<4>();
            // Four coordinates in one pass over the sums, added one after the other.
            for (at, [a, b, c, d]) in fours.iter().enumerate() {
                let columns = [4 * at, 4 * at + 1, 4 * at + 2, 4 * at + 3].map(of_block);
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum =
                        *sum + a * columns[0][i] + b * columns[1][i] + c * columns[2][i] + d * columns[3][i];
                }
            }
            for (at, weight) in rest.iter().enumerate() {
                sums.iter_mut().zip(of_block(4 * fours.len() + at)).for_each(|(sum, v)| *sum += weight * v);
            }
        }
        sort_ascending(projected, sort);
    }
}

/// The exponent of the largest coordinate.
fn exponent_of_largest(values: &[f64]) -> i32 {
    exponent(values.iter().fold(0.0, |largest: f64, v| largest.max(v.abs())))
}
