//! One layer: an affine map to rotated, whitened axes, then one marginal map per axis (G 8, G 11-15).

use ndarray::{Array1, Array2, ArrayView2};

use super::error::GaussianizeError;
use super::joint::joint_map::JointMap;
use super::joint::pair::PairMap;
use super::kde::marginal::Marginal;

/// `z_j = Phi^-1(F_j(s_j))`, `s = W (x - mean)`, and its inverse.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Subtracted first, `(d,)`.
    pub(super) mean: Array1<f64>,
    /// `W`, `(d, d)`.
    pub(super) w: Array2<f64>,
    /// `W^-1`.
    pub(super) w_inverse: Array2<f64>,
    /// `log |det W|`.
    pub(super) log_det: f64,
    /// One per axis; an axis with `None` stays as it is, or belongs to a pair.
    pub(super) marginals: Vec<Option<Marginal>>,
    /// Axes that are mapped two by two.
    pub(super) pairs: Vec<Pair>,
    /// A joint map of all axes, in place of the others.
    pub(super) joint: Option<JointMap>,
}

/// Two axes of a layer and their joint map.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The axis that is mapped by its marginal.
    pub first: usize,
    /// The axis that is mapped by its conditional given the first.
    pub second: usize,
    /// The map.
    pub map: PairMap,
}

/// Two rows of `m` numbers out of a block.
fn two_rows(block: &mut [f64], m: usize, first: usize, second: usize) -> (&mut [f64], &mut [f64]) {
    let (head, rest) = block.split_at_mut(first.max(second) * m);
    let (low, high) = (&mut head[first.min(second) * m..][..m], &mut rest[..m]);
    if first < second { (low, high) } else { (high, low) }
}

impl Layer {
    /// A layer from `mean (d,)`, `w` and its inverse `(d, d)`, `log |det w|`, `d` marginals.
    ///
    /// # Errors
    /// [`GaussianizeError::Mismatch`] when shapes differ or a number is not finite.
    pub fn new(
        mean: Array1<f64>,
        w: Array2<f64>,
        w_inverse: Array2<f64>,
        log_det: f64,
        marginals: Vec<Option<Marginal>>,
    ) -> Result<Self, GaussianizeError> {
        let d = mean.len();
        let mismatch = |what: String| Err(GaussianizeError::Mismatch(what));
        if d == 0 || w.dim() != (d, d) || w_inverse.dim() != (d, d) || marginals.len() != d {
            return mismatch(format!(
                "mean of {d}, W {:?}, its inverse {:?} and {} marginals belong to different dimensions",
                w.dim(),
                w_inverse.dim(),
                marginals.len()
            ));
        }
        let numbers = mean.iter().chain(&w).chain(&w_inverse).chain([&log_det]);
        if !numbers.into_iter().all(|v| v.is_finite()) {
            return mismatch("a mean, W or determinant is not finite".into());
        }
        let standard = |m: Array2<f64>| m.as_standard_layout().into_owned();
        Ok(Self {
            mean,
            w: standard(w),
            w_inverse: standard(w_inverse),
            log_det,
            marginals,
            pairs: Vec::new(),
            joint: None,
        })
    }

    /// The layer with `pairs` of axes mapped jointly.
    ///
    /// # Errors
    /// [`GaussianizeError::Mismatch`] when an axis does not exist or is mapped twice.
    pub fn with_pairs(mut self, pairs: Vec<Pair>) -> Result<Self, GaussianizeError> {
        let mut taken: Vec<bool> = self.marginals.iter().map(Option::is_some).collect();
        for axis in pairs.iter().flat_map(|pair| [pair.first, pair.second]) {
            match taken.get_mut(axis) {
                Some(taken) if !*taken => *taken = true,
                _ => {
                    let what = format!("axis {axis} of a pair does not exist or is mapped twice");
                    return Err(GaussianizeError::Mismatch(what));
                }
            }
        }
        self.pairs = pairs;
        Ok(self)
    }

    /// The layer with a joint map of all axes.
    ///
    /// # Errors
    /// [`GaussianizeError::Mismatch`] when its dimension differs or an axis is mapped already.
    pub fn with_joint(mut self, joint: impl Into<JointMap>) -> Result<Self, GaussianizeError> {
        let joint = joint.into();
        let is_other = joint.dim().is_some_and(|dim| dim != self.dim());
        let is_taken =
            self.joint.is_some() || !self.pairs.is_empty() || self.marginals.iter().any(Option::is_some);
        if is_other || is_taken {
            let what = "a joint map needs all axes of its layer for itself".into();
            return Err(GaussianizeError::Mismatch(what));
        }
        self.joint = Some(joint);
        Ok(self)
    }

    /// Dimension `d`.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The layer applied to a block of columns: `block` holds `d` rows of `m` numbers. With `log_det`,
    /// `log |det J|` of every point is added to it.
    pub(super) fn forward(
        &self,
        block: &mut [f64],
        scratch: &mut [f64],
        m: usize,
        log_det: Option<&mut [f64]>,
    ) {
        scratch.fill(0.0);
        for (out, weights) in scratch.chunks_exact_mut(m).zip(self.w.outer_iter()) {
            for ((x, weight), shift) in block.chunks_exact(m).zip(weights).zip(&self.mean) {
                out.iter_mut().zip(x).for_each(|(o, v)| *o += weight * (v - shift));
            }
        }
        match log_det {
            None => {
                for (row, marginal) in scratch.chunks_exact_mut(m).zip(&self.marginals) {
                    if let Some(marginal) = marginal {
                        row.iter_mut().for_each(|v| *v = marginal.forward(*v));
                    }
                }
                for Pair { first, second, map } in &self.pairs {
                    let (a, b) = two_rows(scratch, m, *first, *second);
                    a.iter_mut().zip(b).for_each(|(a, b)| (*a, *b, _) = map.forward(*a, *b));
                }
                if let Some(joint) = &self.joint {
                    joint.forward(scratch, m, |_, _| ());
                }
            }
            Some(log_det) => {
                log_det.iter_mut().for_each(|v| *v += self.log_det);
                for (row, marginal) in scratch.chunks_exact_mut(m).zip(&self.marginals) {
                    let Some(marginal) = marginal else { continue };
                    for (v, total) in row.iter_mut().zip(log_det.iter_mut()) {
                        let (z, derivative) = marginal.forward_with_derivative(*v);
                        *v = z;
                        *total += derivative.ln();
                    }
                }
                for Pair { first, second, map } in &self.pairs {
                    let (a, b) = two_rows(scratch, m, *first, *second);
                    for ((a, b), total) in a.iter_mut().zip(b).zip(log_det.iter_mut()) {
                        let log_derivative;
                        (*a, *b, log_derivative) = map.forward(*a, *b);
                        *total += log_derivative;
                    }
                }
                if let Some(joint) = &self.joint {
                    joint.forward(scratch, m, |i, own| log_det[i] += own);
                }
            }
        }
        block.copy_from_slice(scratch);
    }

    /// The inverse of [`Layer::forward`] on a block.
    pub(super) fn inverse(&self, block: &mut [f64], scratch: &mut [f64], m: usize) {
        for (row, marginal) in block.chunks_exact_mut(m).zip(&self.marginals) {
            if let Some(marginal) = marginal {
                row.iter_mut().for_each(|v| *v = marginal.inverse(*v));
            }
        }
        for Pair { first, second, map } in &self.pairs {
            let (a, b) = two_rows(block, m, *first, *second);
            a.iter_mut().zip(b).for_each(|(a, b)| (*a, *b) = map.inverse(*a, *b));
        }
        if let Some(joint) = &self.joint {
            joint.inverse(block, m);
        }
        for ((out, weights), shift) in
            scratch.chunks_exact_mut(m).zip(self.w_inverse.outer_iter()).zip(&self.mean)
        {
            out.fill(0.0);
            for (s, weight) in block.chunks_exact(m).zip(weights) {
                out.iter_mut().zip(s).for_each(|(o, v)| *o += weight * v);
            }
            out.iter_mut().for_each(|o| *o += shift);
        }
        block.copy_from_slice(scratch);
    }
}

/// Rows per block: a few kilobytes, so that a block goes through all layers inside the cache.
const ROWS: usize = 256;

/// Runs `work` over blocks of rows of `x` `(n, d)`, transposed to `d` rows of `m`; the second slice is
/// scratch of the same size, the third one number per point. Blocks run in parallel, each on its own,
/// so that results do not depend on the number of threads.
pub(super) fn by_blocks(
    x: ArrayView2<f64>,
    work: impl Fn(&mut [f64], &mut [f64], &mut [f64], usize) + Sync,
) -> (Array2<f64>, Array1<f64>) {
    use ndarray::Axis;
    use rayon::prelude::*;
    let (n, d) = x.dim();
    let mut out = Array2::zeros((n, d));
    let mut extra = Array1::zeros(n);
    out.axis_chunks_iter_mut(Axis(0), ROWS)
        .into_par_iter()
        .zip(x.axis_chunks_iter(Axis(0), ROWS))
        .zip(extra.axis_chunks_iter_mut(Axis(0), ROWS))
        .for_each(|((mut out, x), mut extra)| {
            let m = x.nrows();
            let mut block = vec![0.0; m * d];
            let mut scratch = vec![0.0; m * d];
            let mut numbers = vec![0.0; m];
            for (row, column) in block.chunks_exact_mut(m).zip(x.columns()) {
                row.iter_mut().zip(column).for_each(|(a, b)| *a = *b);
            }
            work(&mut block, &mut scratch, &mut numbers, m);
            for (row, mut column) in block.chunks_exact(m).zip(out.columns_mut()) {
                column.iter_mut().zip(row).for_each(|(a, b)| *a = *b);
            }
            extra.iter_mut().zip(numbers).for_each(|(a, b)| *a = b);
        });
    (out, extra)
}
