//! PRDC from tiles of the matrix of squared distances, computed on a device: for many dimensions, where a GPU is
//! faster, because the tiles are products of matrices.
//!
//! The device works with `|a - b|^2 = |a|^2 + |b|^2 - 2 a.b`, whose rounding error is bounded. It decides every pair
//! whose comparison the error cannot change. The others are few unless points are repeated; they are compared on the
//! host as `sum_c (a_c - b_c)^2` is rounded in the order of the coordinates. So results are those of the trees, bit for
//! bit.

use candle_core::{D, DType, Device, Tensor};
use rayon::prelude::*;
use std::ops::Range;

use super::counts::PrdcCounts;
use super::distances::squared;
use super::f32_prefilter::mean;
use crate::metrics::MetricsError;

/// Entries of a tile: 128 MiB, of which a few exist at a time, for each run under way.
const TILE_ENTRIES: usize = 1 << 24;

/// Coordinates beyond are decided on the host: their squares might overflow.
const FAR: f64 = 1e150;

/// The real points on a device, with what is needed to compare generated points with them.
pub(super) struct TiledDistances {
    device: Device,
    d: usize,
    k: usize,
    tile_entries: usize,
    /// Mean of the real points: norms, and with them rounding errors, are small around it.
    centre: Vec<f64>,
    real: Placed,
}

/// Points on host and device.
struct Placed {
    /// Row after row, as they were given.
    points: Vec<f64>,
    /// Centred, `(n, d)`.
    on_device: Tensor,
    /// `|a|^2` of the centred points, `(n, 1)`.
    norms: Tensor,
    /// Each point's summand in the bound of the error of a squared distance, `(n, 1)`; infinite for those far away.
    error_bounds: Tensor,
    /// Exact.
    squared_radii: Vec<f64>,
    /// The same, `(n, 1)`.
    radii_on_device: Tensor,
}

/// Approximate squared distances of a tile of rows to all points, and bounds of their errors.
struct Distances {
    squared: Tensor,
    error_bound: Tensor,
}

impl TiledDistances {
    /// Places the real points, row after row, and finds their exact radii.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(points: &[f64], d: usize, k: usize, device: &Device) -> Result<Self, MetricsError> {
        Self::with_tile(points, d, k, device, TILE_ENTRIES)
    }

    fn with_tile(
        points: &[f64],
        d: usize,
        k: usize,
        device: &Device,
        tile_entries: usize,
    ) -> Result<Self, MetricsError> {
        let centre = mean(points, d);
        let device = device.clone();
        let real = placed(points, &centre, k, &device, tile_entries)?;
        Ok(Self { device, d, k, tile_entries, centre, real })
    }

    /// Squared distance of every real point to its k-th nearest other one.
    pub fn squared_radii(&self) -> &[f64] {
        &self.real.squared_radii
    }

    /// For each generated point, row after row, the number of real spheres that hold it.
    ///
    /// # Errors
    /// If the device fails.
    pub fn holding(&self, fake: &[f64]) -> Result<Vec<u32>, MetricsError> {
        let fake = Placed::new(fake, &self.centre, &self.device)?;
        let mut holding = vec![0; fake.len()];
        for rows in fake.tiles(&self.real, self.tile_entries) {
            let distances = fake.distances(rows.clone(), &self.real)?;
            let radii = self.real.radii_on_device.t()?;
            let (inside, undecided) = distances.within(&radii)?;
            add(&mut holding[rows.clone()], &inside, 1)?;
            let radius = |_, real: usize| self.real.squared_radii[real];
            for (row, _) in self.decided_on_host(&fake, rows, &undecided, radius)? {
                holding[row] += 1;
            }
        }
        Ok(holding)
    }

    /// Everything that PRDC counts. `m > k`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn counts(&self, fake: &[f64]) -> Result<PrdcCounts, MetricsError> {
        let fake = placed(fake, &self.centre, self.k, &self.device, self.tile_entries)?;
        let n = self.real.len();
        let (mut holding, mut reaching, mut covering) = (vec![0; fake.len()], vec![0; n], vec![0; n]);
        for rows in fake.tiles(&self.real, self.tile_entries) {
            let distances = fake.distances(rows.clone(), &self.real)?;
            let (inside, undecided) = distances.within(&self.real.radii_on_device.t()?)?;
            add(&mut holding[rows.clone()], &inside, 1)?;
            add(&mut covering, &inside, 0)?;
            let radius = |_, real: usize| self.real.squared_radii[real];
            for (row, real) in self.decided_on_host(&fake, rows.clone(), &undecided, radius)? {
                holding[row] += 1;
                covering[real] += 1;
            }
            let (inside, undecided) =
                distances.within(&fake.radii_on_device.narrow(0, rows.start, rows.len())?)?;
            add(&mut reaching, &inside, 0)?;
            let radius = |row: usize, _| fake.squared_radii[row];
            for (_, real) in self.decided_on_host(&fake, rows, &undecided, radius)? {
                reaching[real] += 1;
            }
        }
        let some = |counts: &[u32]| counts.iter().filter(|count| **count > 0).count();
        Ok(PrdcCounts { recalled: some(&reaching), covered: some(&covering), holding })
    }

    /// The pairs (generated, real) among the undecided ones of a tile that are nearer than the radius, compared exactly.
    fn decided_on_host(
        &self,
        fake: &Placed,
        rows: Range<usize>,
        undecided: &Tensor,
        squared_radius: impl Fn(usize, usize) -> f64,
    ) -> Result<Vec<(usize, usize)>, MetricsError> {
        // A look at one number spares the transfer of the mask where, as nearly always, nothing is in error_bound.
        if undecided.max_all()?.to_scalar::<u8>()? == 0 {
            return Ok(Vec::new());
        }
        let (n, undecided) = (self.real.len(), undecided.flatten_all()?.to_vec1::<u8>()?);
        let undecided = undecided.iter().enumerate().filter(|(_, undecided)| **undecided != 0);
        let pairs = undecided.map(|(entry, _)| (rows.start + entry / n, entry % n));
        let near = |&(row, real): &(usize, usize)| {
            squared(fake.row(row, self.d), self.real.row(real, self.d)) < squared_radius(row, real)
        };
        Ok(pairs.filter(near).collect())
    }
}

/// Places points and finds their radii.
fn placed(
    points: &[f64],
    centre: &[f64],
    k: usize,
    device: &Device,
    tile_entries: usize,
) -> Result<Placed, MetricsError> {
    let mut placed = Placed::new(points, centre, device)?;
    let (n, d) = (placed.len(), centre.len());
    let mut squared_radii = Vec::with_capacity(n);
    for rows in placed.tiles(&placed, tile_entries) {
        let candidates = placed.distances(rows.clone(), &placed)?.nearest(k)?;
        let candidates = candidates.flatten_all()?.to_vec1::<u8>()?;
        let radii = candidates.par_chunks(n).zip(rows).map(|(candidates, row)| {
            let others = candidates.iter().enumerate().filter(|&(other, near)| *near != 0 && other != row);
            let point = placed.row(row, d);
            let mut distances: Vec<f64> =
                others.map(|(other, _)| squared(point, placed.row(other, d))).collect();
            *distances.select_nth_unstable_by(k - 1, f64::total_cmp).1
        });
        squared_radii.par_extend(radii);
    }
    placed.radii_on_device = Tensor::from_slice(&squared_radii, (n, 1), device)?;
    placed.squared_radii = squared_radii;
    Ok(placed)
}

/// Adds the sums of a mask along a dimension.
fn add(counts: &mut [u32], mask: &Tensor, dim: usize) -> Result<(), MetricsError> {
    // In double precision, as no sum of bytes or integers is to be had on every device.
    let sums = mask.to_dtype(DType::F64)?.sum(dim)?.to_vec1::<f64>()?;
    counts.iter_mut().zip(sums).for_each(|(count, sum)| *count += sum as u32);
    Ok(())
}

impl Placed {
    /// Without radii yet.
    fn new(points: &[f64], centre: &[f64], device: &Device) -> Result<Self, MetricsError> {
        let d = centre.len();
        let n = points.len() / d;
        // Of the products, the norms, the centring and the comparison on the host, several times over (Higham 2002,
        // section 3.1).
        let share = (8 * (d + 16)) as f64 * f64::EPSILON;
        let mut centred = Vec::with_capacity(points.len());
        let (mut norms, mut error_bounds) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for point in points.chunks_exact(d) {
            let from = centred.len();
            centred.extend(point.iter().zip(centre).map(|(p, c)| (p - c).clamp(-FAR, FAR)));
            let norm: f64 = centred[from..].iter().map(|c| c * c).sum();
            let far = centred[from..].iter().any(|c| c.abs() >= FAR);
            norms.push(norm);
            error_bounds.push(if far { f64::INFINITY } else { share * norm + f64::MIN_POSITIVE });
        }
        Ok(Self {
            points: points.to_vec(),
            on_device: Tensor::from_vec(centred, (n, d), device)?,
            norms: Tensor::from_vec(norms, (n, 1), device)?,
            error_bounds: Tensor::from_vec(error_bounds, (n, 1), device)?,
            squared_radii: Vec::new(),
            radii_on_device: Tensor::zeros((n, 1), DType::F64, device)?,
        })
    }

    fn len(&self) -> usize {
        self.norms.elem_count()
    }

    fn row(&self, row: usize, d: usize) -> &[f64] {
        &self.points[row * d..(row + 1) * d]
    }

    /// These points cut so that a tile of their distances to others has at most so many entries.
    fn tiles(&self, others: &Placed, tile_entries: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let (n, step) = (self.len(), (tile_entries / others.len()).max(1));
        (0..n).step_by(step).map(move |first| first..n.min(first + step))
    }

    /// From some of these points to all others.
    fn distances(&self, rows: Range<usize>, others: &Placed) -> Result<Distances, MetricsError> {
        let rows_of = |tensor: &Tensor| tensor.narrow(0, rows.start, rows.len());
        let products = rows_of(&self.on_device)?.matmul(&others.on_device.t()?)?;
        let sums = rows_of(&self.norms)?.broadcast_add(&others.norms.t()?)?;
        Ok(Distances {
            squared: (sums - (products * 2.0)?)?,
            error_bound: rows_of(&self.error_bounds)?.broadcast_add(&others.error_bounds.t()?)?,
        })
    }
}

impl Distances {
    /// Masks of the pairs that are nearer than a squared radius (which is broadcast) whatever the error, and of those that
    /// the error leaves undecided.
    fn within(&self, squared_radii: &Tensor) -> Result<(Tensor, Tensor), MetricsError> {
        let gap = self.squared.broadcast_sub(squared_radii)?;
        Ok((gap.lt(&self.error_bound.neg()?)?, gap.abs()?.le(&self.error_bound)?))
    }

    /// A mask with at least the `k` nearest others of each point of the tile, and the point itself.
    fn nearest(&self, k: usize) -> Result<Tensor, MetricsError> {
        let mut upper = (&self.squared + &self.error_bound)?;
        let infinite = Tensor::full(f64::INFINITY, upper.shape(), upper.device())?;
        // The k + 1 smallest different upper bounds, of which one may be the point's own: at least k others are no
        // farther than the last of them.
        for _ in 0..k {
            let least = upper.min_keepdim(D::Minus1)?.broadcast_as(upper.shape())?;
            upper = upper.le(&least)?.where_cond(&infinite, &upper)?;
        }
        let limit = upper.min_keepdim(D::Minus1)?.broadcast_as(upper.shape())?;
        Ok((&self.squared - &self.error_bound)?.le(&limit)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::Stream;

    #[test]
    fn counts_do_not_depend_on_the_size_of_tiles() {
        let normal = |index, n| Stream::new(1, 0, "blocks").standard_normal(index, n, 3);
        let (real, fake) = (normal(0, 70), normal(1, 50));
        let (real, fake) = (real.as_slice().unwrap(), fake.as_slice().unwrap());
        let with = |tile_entries| TiledDistances::with_tile(real, 3, 4, &Device::Cpu, tile_entries).unwrap();
        let (whole, cut) = (with(TILE_ENTRIES), with(500));
        assert_eq!(whole.squared_radii(), cut.squared_radii());
        let (a, b) = (whole.counts(fake).unwrap(), cut.counts(fake).unwrap());
        assert_eq!((&a.holding, a.recalled, a.covered), (&b.holding, b.recalled, b.covered));
        assert_eq!(cut.holding(fake).unwrap(), a.holding);
        assert!(a.recalled > 0 && a.covered > 0);
    }
}
