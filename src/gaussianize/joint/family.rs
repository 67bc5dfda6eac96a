//! Gaussian mixtures of several kinds by expectation maximisation, sound for few points too.
//!
//! Every covariance is drawn towards that of all points over `K^(2/d)` (Fraley & Raftery 2007), with the weight of some
//! points: a component that has lost its points neither collapses nor needs to be thrown away. Where clusters are far
//! narrower than all points together, that weight is too much for few points, so it has a factor, `Pooled::strength`.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::numeric::log_sum_exp::log_sum_exp;
use crate::numeric::normal::LOG_SQRT_2PI;

/// Points per parallel task.
const CHUNK: usize = 512;

/// What the covariances of a mixture have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing.
    Full,
    /// They are diagonal.
    Diagonal,
    /// They are one and the same.
    Tied,
}

/// A mixture of `K` normal distributions.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub kind: Kind,
    pub log_weights: Vec<f64>,
    /// `(K, d)`.
    pub means: Array2<f64>,
    /// Lower triangular factors, one for each component or one for all.
    pub factors: Vec<Array2<f64>>,
}

/// The lower triangular factor of a positive definite matrix; a pivot below `1e-9` of its diagonal is raised to that.
pub(crate) fn cholesky(matrix: &Array2<f64>) -> Array2<f64> {
    let d = matrix.nrows();
    let mut l = Array2::<f64>::zeros((d, d));
    for i in 0..d {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum();
            l[[i, j]] = if i == j {
                (matrix[[i, i]] - known).max(1e-9 * matrix[[i, i]]).max(1e-300).sqrt()
            } else {
                (matrix[[i, j]] - known) / l[[j, j]]
            };
        }
    }
    l
}

/// The inverse of a lower triangular matrix.
pub(crate) fn inverse_of_lower(l: &Array2<f64>) -> Array2<f64> {
    let d = l.nrows();
    let mut inverse = Array2::<f64>::zeros((d, d));
    for j in 0..d {
        inverse[[j, j]] = 1.0 / l[[j, j]];
        for i in j + 1..d {
            let known: f64 = (j..i).map(|k| l[[i, k]] * inverse[[k, j]]).sum();
            inverse[[i, j]] = -known / l[[i, i]];
        }
    }
    inverse
}

/// Mean and covariance of points `(n, d)`, the divisor `n`.
pub(crate) fn moments(x: ArrayView2<f64>) -> (Array1<f64>, Array2<f64>) {
    crate::numeric::moments::moments(x, CHUNK)
}

/// Weighted sums of points for each component.
struct Sums {
    totals: Array1<f64>,
    /// `(K, d)`.
    sums: Array2<f64>,
    /// Of squares of each column, `(K, d)`; where covariances are diagonal.
    own_squares: Array2<f64>,
    /// Of products of columns; where covariances are full.
    products: Vec<Array2<f64>>,
    log_likelihood: f64,
}

impl Family {
    /// One normal distribution.
    pub fn one(mean: Array1<f64>, factor: Array2<f64>) -> Self {
        Self {
            kind: Kind::Tied,
            log_weights: vec![0.0],
            means: mean.insert_axis(Axis(0)),
            factors: vec![factor],
        }
    }

    /// Number of components.
    pub fn size(&self) -> usize {
        self.log_weights.len()
    }

    /// Log-weight plus log-density of each component at the points `(n, d)`: `(n, K)`.
    fn terms(&self, x: ArrayView2<f64>, inverses: &[Array2<f64>]) -> Array2<f64> {
        let d = x.ncols() as f64;
        let head = |k: usize, inverse: &Array2<f64>| {
            self.log_weights[k] + inverse.diag().mapv(f64::ln).sum() - d * LOG_SQRT_2PI
        };
        let mut out = Array2::zeros((x.nrows(), self.size()));
        match self.kind {
            Kind::Tied => {
                // |y - m|^2 from products, since all points are whitened by one matrix.
                let (y, m) = (x.dot(&inverses[0].t()), self.means.dot(&inverses[0].t()));
                let norms = |v: &Array2<f64>| v.map_axis(Axis(1), |row| row.dot(&row));
                let (of_points, of_means) = (norms(&y), norms(&m));
                out = y.dot(&m.t());
                for (mut row, own) in out.outer_iter_mut().zip(&of_points) {
                    for ((k, value), mean) in row.iter_mut().enumerate().zip(&of_means) {
                        *value += self.log_weights[k] - 0.5 * (own + mean);
                    }
                }
                out += head(0, &inverses[0]) - self.log_weights[0];
            }
            Kind::Diagonal => {
                for (k, mut column) in out.columns_mut().into_iter().enumerate() {
                    let (own, scales, mean) =
                        (head(k, &inverses[k]), inverses[k].diag().to_vec(), self.means.row(k));
                    for (value, x) in column.iter_mut().zip(x.outer_iter()) {
                        let terms = x.iter().zip(&mean).zip(&scales);
                        let squared: f64 = terms.map(|((x, m), s)| ((x - m) * s).powi(2)).sum();
                        *value = own - 0.5 * squared;
                    }
                }
            }
            Kind::Full => {
                for (k, mut column) in out.columns_mut().into_iter().enumerate() {
                    let own = head(k, &inverses[k]);
                    let y = (&x - &self.means.row(k)).dot(&inverses[k].t());
                    for (value, y) in column.iter_mut().zip(y.outer_iter()) {
                        *value = own - 0.5 * y.dot(&y);
                    }
                }
            }
        }
        out
    }

    fn inverses(&self) -> Vec<Array2<f64>> {
        self.factors.par_iter().map(inverse_of_lower).collect()
    }

    /// Log-density of points `(n, d)`.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let inverses = self.inverses();
        let parts: Vec<Vec<f64>> = x
            .axis_chunks_iter(Axis(0), CHUNK)
            .into_par_iter()
            .map(|x| {
                self.terms(x, &inverses).outer_iter().map(|row| log_sum_exp(row.iter().copied())).collect()
            })
            .collect();
        parts.concat().into()
    }

    /// Steps of expectation maximisation over points `(n, d)`, from this mixture, until a step gains less than `converged`
    /// per point.
    pub fn climb(mut self, x: ArrayView2<f64>, pooled: &Pooled, steps: usize, converged: f64) -> Self {
        let n = x.nrows() as f64;
        let mut last = f64::NEG_INFINITY;
        for _ in 0..steps {
            let sums = self.expect(x);
            self = Self::of_sums(&sums, self.kind, pooled);
            if sums.log_likelihood - last < converged * n {
                break;
            }
            last = sums.log_likelihood;
        }
        self
    }

    /// From points `(n, d)` and the component that each belongs to.
    pub fn of_labels(x: ArrayView2<f64>, labels: &[usize], size: usize, kind: Kind, pooled: &Pooled) -> Self {
        let mut shares = Array2::zeros((labels.len(), size));
        labels.iter().enumerate().for_each(|(i, k)| shares[[i, *k]] = 1.0);
        let mut sums = Sums::new(size, x.ncols(), kind);
        sums.add(x, &shares, kind);
        Self::of_sums(&sums, kind, pooled)
    }

    fn expect(&self, x: ArrayView2<f64>) -> Sums {
        let (size, d) = (self.size(), x.ncols());
        let inverses = self.inverses();
        let parts: Vec<Sums> = x
            .axis_chunks_iter(Axis(0), CHUNK)
            .into_par_iter()
            .map(|x| {
                let mut sums = Sums::new(size, d, self.kind);
                let mut shares = self.terms(x, &inverses);
                for mut row in shares.outer_iter_mut() {
                    let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    row.mapv_inplace(|v| if v - top < -40.0 { 0.0 } else { (v - top).exp() });
                    let total = row.sum();
                    sums.log_likelihood += top + total.ln();
                    row /= total;
                }
                sums.add(x, &shares, self.kind);
                sums
            })
            .collect();
        parts.into_iter().fold(Sums::new(size, d, self.kind), Sums::merge)
    }

    fn of_sums(sums: &Sums, kind: Kind, pooled: &Pooled) -> Self {
        let (size, d) = sums.sums.dim();
        let n = pooled.count;
        let shrink = (size as f64).powf(-2.0 / d as f64);
        let prior = match kind {
            Kind::Full => pooled.strength * (d as f64 + 2.0),
            Kind::Diagonal | Kind::Tied => pooled.strength * 3.0,
        };
        let totals = sums.totals.mapv(|total| total.max(1e-10));
        let means = &sums.sums / &totals.view().insert_axis(Axis(1));
        let log_weights = totals.iter().map(|total| ((total + 1.0) / (n + size as f64)).ln()).collect();
        let drawn = &pooled.covariance * (prior * shrink);
        let outer = |mean: ndarray::ArrayView1<f64>, weight: f64| {
            mean.insert_axis(Axis(1)).dot(&mean.insert_axis(Axis(0))) * weight
        };
        let factors = match kind {
            Kind::Tied => {
                // The products over all points do not change.
                let mut all = &pooled.covariance * n + &outer(pooled.mean.view(), n) + &drawn;
                for (mean, total) in means.outer_iter().zip(&totals) {
                    all -= &outer(mean, *total);
                }
                vec![cholesky(&(all / (n + prior)))]
            }
            Kind::Diagonal => (0..size)
                .map(|k| {
                    let own = &sums.own_squares.row(k) - &(means.row(k).mapv(|m| m * m) * totals[k]);
                    let variances = (own + drawn.diag()) / (totals[k] + prior);
                    Array2::from_diag(&variances.mapv(|v| v.max(1e-12).sqrt()))
                })
                .collect(),
            Kind::Full => (0..size)
                .into_par_iter()
                .map(|k| {
                    let own = &sums.products[k] - &outer(means.row(k), totals[k]);
                    cholesky(&((own + &drawn) / (totals[k] + prior)))
                })
                .collect(),
        };
        Self { kind, log_weights, means, factors }
    }
}

/// What all points say of a component's covariance.
pub(crate) struct Pooled {
    /// Number of points, their mean and their covariance.
    pub count: f64,
    pub mean: Array1<f64>,
    pub covariance: Array2<f64>,
    /// Factor on the weight of this covariance, 1 for that of Fraley & Raftery.
    pub strength: f64,
}

impl Sums {
    fn new(size: usize, d: usize, kind: Kind) -> Self {
        let products = if kind == Kind::Full { size } else { 0 };
        Self {
            totals: Array1::zeros(size),
            sums: Array2::zeros((size, d)),
            own_squares: Array2::zeros((size, d)),
            products: vec![Array2::zeros((d, d)); products],
            log_likelihood: 0.0,
        }
    }

    /// Adds points `(n, d)`, of which each component has these shares `(n, K)`.
    fn add(&mut self, x: ArrayView2<f64>, shares: &Array2<f64>, kind: Kind) {
        self.totals += &shares.sum_axis(Axis(0));
        self.sums += &shares.t().dot(&x);
        match kind {
            Kind::Tied => {}
            Kind::Diagonal => self.own_squares += &shares.t().dot(&x.mapv(|v| v * v)),
            Kind::Full => {
                for (product, share) in self.products.iter_mut().zip(shares.columns()) {
                    let weighted = &x * &share.insert_axis(Axis(1));
                    *product += &weighted.t().dot(&x);
                }
            }
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.totals += &other.totals;
        self.sums += &other.sums;
        self.own_squares += &other.own_squares;
        self.products.iter_mut().zip(&other.products).for_each(|(a, b)| *a += b);
        self.log_likelihood += other.log_likelihood;
        self
    }
}
