//! Principal components: the axes of largest variance, each to unit variance. The leading ones are what a Gaussianizer
//! works on; the others are kept, whitened, or dropped.

use super::SpaceError;
use super::moments::{combine, is_orthonormal, moments, project};
use super::transform::{LogDet, Transform};
use crate::data::mixture::{GaussianMixture, MixtureError};
use crate::gaussianize::Rest;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use ndarray_linalg::{Eigh, UPLO};

/// A variance below this part of the largest one is rounding.
const ROUNDING: f64 = 1e-13;

/// `x -> (x - m) V^T / sqrt(variances)`, along the eigenvectors of the covariance of the training points.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// `m`, `(d)`.
    pub(super) mean: Array1<f64>,
    /// The axes, orthonormal rows `(e, d)`, by falling variance.
    pub(super) axes: Array2<f64>,
    /// The variances along them, `(e)`.
    pub(super) variances: Array1<f64>,
    /// How many of them lead.
    pub(super) leading: usize,
    /// The share of the variance along the axes that were dropped.
    pub(super) dropped: f64,
}

impl Principal {
    /// The components of points `(n, d)`, of which `leading` lead.
    ///
    /// # Errors
    /// If the points have no variance along so many axes, or along all of them where the others are whitened; or the
    /// eigenvalue routine fails.
    pub fn fit(x: ArrayView2<f64>, leading: usize, rest: Rest) -> Result<Self, SpaceError> {
        let (n, d) = x.dim();
        let kept = if rest == Rest::Drop { leading } else { d };
        let (mean, variances, axes, total) =
            if n < d { of_few_points(x) } else { of_covariance(x) }.map_err(SpaceError::Reduce)?;
        let floor = ROUNDING * variances.first().copied().unwrap_or(0.0);
        // n points have variance along n - 1 axes.
        let rank =
            variances.iter().take(n.saturating_sub(1)).take_while(|v| **v > floor && v.is_finite()).count();
        if leading > rank {
            return Err(SpaceError::Reduce(format!(
                "`reduce` is {leading}, but the {n} training points have variance along {rank} axes only; give at most that, or more points"
            )));
        }
        if kept > rank {
            return Err(SpaceError::Reduce(format!(
                "the components after the first {leading} cannot be whitened, because the {n} training points have variance along {rank} of {d} axes only; take rest = \"drop\", or more points"
            )));
        }
        let variances = variances.slice(s![..kept]).to_owned();
        let dropped = (1.0 - variances.sum() / total).max(0.0);
        let axes = axes.slice(s![..kept, ..]).as_standard_layout().into_owned();
        Ok(Self { mean, axes, variances, leading, dropped: if kept == d { 0.0 } else { dropped } })
    }

    /// How many components lead.
    pub fn leading(&self) -> usize {
        self.leading
    }

    /// The variances along the axes that are kept, falling.
    pub fn variances(&self) -> &Array1<f64> {
        &self.variances
    }

    /// Whether the numbers make a map.
    pub(super) fn is_consistent(&self) -> bool {
        let (e, d) = self.axes.dim();
        (1..=e).contains(&self.leading)
            && e <= d
            && self.mean.len() == d
            && self.variances.len() == e
            && (0.0..=1.0).contains(&self.dropped)
            && self.variances.iter().all(|v| *v > 0.0 && v.is_finite())
            && self.mean.iter().all(|v| v.is_finite())
            && is_orthonormal(&self.axes)
    }

    /// What was kept, in a sentence.
    pub fn notice(&self) -> String {
        let (e, d) = self.axes.dim();
        let lead = self.leading;
        let of_leading = self.variances.slice(s![..lead]).sum();
        if e == lead && e < d {
            return format!(
                "{lead} principal components of {d} are kept and the others dropped, which loses {:.3} % of the variance; samples have the mean along these axes",
                100.0 * self.dropped
            );
        }
        format!(
            "{lead} principal components of {d} are gaussianized, with {:.3} % of the variance, and the others whitened",
            100.0 * of_leading / self.variances.sum()
        )
    }
}

/// Mean, variances (falling), axes as rows, and the whole variance.
type Components = (Array1<f64>, Array1<f64>, Array2<f64>, f64);

/// By the eigenvectors of the covariance.
fn of_covariance(x: ArrayView2<f64>) -> Result<Components, String> {
    let (mean, covariance) = moments(x);
    let total = covariance.diag().sum();
    let (values, vectors) = covariance.eigh(UPLO::Lower).map_err(|e| e.to_string())?;
    let axes = vectors.t().slice(s![..;-1, ..]).to_owned();
    Ok((mean, values.slice(s![..;-1]).to_owned(), signed(axes), total))
}

/// By the eigenvectors `u` of the matrix of products of the `n < d` points, which is smaller: the axes are `X^T u`.
fn of_few_points(x: ArrayView2<f64>) -> Result<Components, String> {
    let (n, d) = x.dim();
    let mean = x.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(d));
    let centred = &x - &mean;
    let products = centred.dot(&centred.t()) / n as f64;
    let total = products.diag().sum();
    let (values, vectors) = products.eigh(UPLO::Lower).map_err(|e| e.to_string())?;
    let mut axes = vectors.t().slice(s![..;-1, ..]).dot(&centred);
    for mut axis in axes.rows_mut() {
        let length = axis.dot(&axis).sqrt();
        if length > 0.0 {
            axis /= length;
        }
    }
    Ok((mean, values.slice(s![..;-1]).to_owned(), signed(axes), total))
}

/// The largest entry of each axis is positive, so that signs do not depend on the library.
fn signed(mut axes: Array2<f64>) -> Array2<f64> {
    for mut axis in axes.rows_mut() {
        let lead = axis.iter().fold(0.0_f64, |a, b| if b.abs() > a.abs() + 1e-9 { *b } else { a });
        if lead < 0.0 {
            axis.mapv_inplace(|v| -v);
        }
    }
    axes
}

impl Transform for Principal {
    fn dims(&self) -> (usize, usize) {
        (self.axes.ncols(), self.axes.nrows())
    }

    fn lost_variance(&self) -> Option<f64> {
        (self.axes.nrows() < self.axes.ncols()).then_some(self.dropped)
    }

    fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        project(x, &self.mean, self.axes.view()) / &self.variances.mapv(f64::sqrt)
    }

    fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        combine((&z * &self.variances.mapv(f64::sqrt)).view(), self.axes.view()) + &self.mean
    }

    fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, LogDet) {
        let log_det = -0.5 * self.variances.iter().map(|v| v.ln()).sum::<f64>();
        (self.forward(x), LogDet::Constant(log_det))
    }

    fn push_forward(&self, mixture: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError> {
        let scaled = &self.axes / &self.variances.mapv(f64::sqrt).insert_axis(Axis(1));
        mixture.affine(&self.mean, &scaled).map(Some)
    }
}
