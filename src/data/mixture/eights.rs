//! Log-density and score of eight points side by side.

use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

use super::{GaussianMixture, ROUNDED_OFF};
use crate::numeric::exp_log::exp;
use crate::numeric::log_sum_exp::log_sum_exp_of_lanes;
use crate::numeric::simd::{LANES, Lanes};

impl GaussianMixture {
    /// [`log_density`](Self::log_density) of a few rows, eight at a time.
    #[inline(always)]
    pub(super) fn log_densities(&self, mut out: ArrayViewMut1<f64>, x: ArrayView2<f64>) {
        let mut point = vec![Lanes::splat(0.0); self.dim];
        let (mut y, mut terms) = (point.clone(), vec![Lanes::splat(0.0); self.len()]);
        for first in (0..x.nrows()).step_by(LANES) {
            load(&mut point, x, first);
            for (term, c) in terms.iter_mut().zip(&self.components) {
                let squared = c.gaussian.whiten_lanes(&point, &mut y);
                (0..LANES).for_each(|l| term.0[l] = c.log_scale - 0.5 * squared.0[l]);
            }
            let found = log_sum_exp_of_lanes(&terms).0;
            out.iter_mut().skip(first).zip(found).for_each(|(out, value)| *out = value);
        }
    }

    /// [`score`](Self::score) of a few rows, eight at a time; rows that are so far out that their responsibilities need more
    /// care go one by one.
    #[inline(always)]
    pub(super) fn scores(&self, mut out: ArrayViewMut2<f64>, x: ArrayView2<f64>) {
        let d = self.dim;
        let mut point = vec![Lanes::splat(0.0); d];
        let (mut whitened, mut terms) =
            (vec![Lanes::splat(0.0); d * self.len()], vec![Lanes::splat(0.0); self.len()]);
        let mut grad = point.clone();
        for first in (0..x.nrows()).step_by(LANES) {
            load(&mut point, x, first);
            for ((term, c), y) in terms.iter_mut().zip(&self.components).zip(whitened.chunks_exact_mut(d)) {
                let squared = c.gaussian.whiten_lanes(&point, y);
                (0..LANES).for_each(|l| term.0[l] = c.log_scale - 0.5 * squared.0[l]);
            }
            let total = log_sum_exp_of_lanes(&terms);
            grad.fill(Lanes::splat(0.0));
            for ((term, c), y) in terms.iter_mut().zip(&self.components).zip(whitened.chunks_exact_mut(d)) {
                (0..LANES).for_each(|l| term.0[l] -= total.0[l]);
                let responsibility = exp(*term);
                c.gaussian.whiten_transposed_lanes(y);
                for (grad, y) in grad.iter_mut().zip(&*y) {
                    (0..LANES).for_each(|l| grad.0[l] -= responsibility.0[l] * y.0[l]);
                }
            }
            for lane in 0..LANES.min(x.nrows() - first) {
                let row = first + lane;
                let out = out.row_mut(row);
                if total.0[lane] >= ROUNDED_OFF {
                    out.into_iter().zip(&grad).for_each(|(out, grad)| *out = grad.0[lane]);
                } else {
                    let grad = self.scores_far_out(x.slice(s![row..row + 1, ..]));
                    out.into_iter().zip(grad).for_each(|(out, grad)| *out = grad);
                }
            }
        }
    }
}

/// The coordinates of eight rows from `first` on, side by side; the last row stands for those behind it.
#[inline(always)]
fn load(point: &mut [Lanes], x: ArrayView2<f64>, first: usize) {
    for lane in 0..LANES {
        let row = x.row((first + lane).min(x.nrows() - 1));
        point.iter_mut().zip(row).for_each(|(point, value)| point.0[lane] = *value);
    }
}
