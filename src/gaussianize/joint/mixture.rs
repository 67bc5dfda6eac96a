//! All components at once: the Knothe-Rosenblatt map of a Gaussian mixture.
//!
//! `z_j = Phi^-1(F(x_j | x_1 .. x_{j-1}))`. For a mixture with factors `L_k`, `y_k = L_k^-1 (x - m_k)`, the
//! conditional is `sum_k v_k Phi(y_kj)`, where the weights `v_k` of component `j + 1` are those of `j` times
//! `phi(y_kj) / L_kjj`, normalized. So one pass gives `z` and the log-determinant, and the inverse finds one
//! coordinate after the other by a safeguarded Newton iteration between the smallest and the largest of the
//! components' own quantiles. A broad component with the mass of a tenth of a point, or five of less mass in a stack of
//! maps, keep every conditional density positive.

use super::gmm_em::Cluster;
use crate::numeric::normal;

/// Mass of the broad component, in units of one point.
const BROAD_SHARE: f64 = 0.1;
/// Standard deviation of the broad component; components have spread 1.
const BROAD: f64 = 2.0;
/// Logarithm of the fraction of the largest weight below which a weight is left out.
const NEGLIGIBLE: f64 = -46.0;
/// Newton step, in units of the narrowest component, after which no further one is needed.
const CLOSE: f64 = 3e-9;
/// Smallest tail on the linear scale.
const TINY: f64 = 1e-280;

/// The map of a mixture and its inverse.
#[derive(Clone, Debug, PartialEq)]
pub struct MixtureMap {
    dim: usize,
    /// Logarithms of the weights, one per component of the mixture.
    pub(crate) log_weights: Vec<f64>,
    /// Means, one row per component of the mixture.
    pub(crate) means: Vec<f64>,
    /// Lower triangular factors of the covariances, one matrix after another.
    pub(crate) factors: Vec<f64>,
    /// Which of the factors each component of the mixture has.
    pub(crate) factor_of: Vec<usize>,
    /// Whether several components have a factor: these are then computed from `y` of the point itself.
    is_shared: Vec<bool>,
    /// `L^-1 m` of each component whose factor is shared, one row per component.
    whitened_means: Vec<f64>,
}

/// Buffers for one point.
pub(crate) struct Scratch {
    logs: Vec<f64>,
    /// `L^-1 (x - m)`, one row per component whose factor is its own.
    y: Vec<f64>,
    /// `L^-1 x`, one row per shared factor.
    u: Vec<f64>,
    /// `sum_{i < j} L_ji u_i` of the component at hand, of each shared factor.
    known: Vec<f64>,
    /// Per active component: weight, centre, standard deviation.
    active: Vec<[f64; 3]>,
}

impl MixtureMap {
    /// The map for log-weights, means and lower triangular factors, all finite, diagonals positive; a factor for each
    /// component.
    pub fn new(dim: usize, log_weights: Vec<f64>, means: Vec<f64>, factors: Vec<f64>) -> Option<Self> {
        let own = (0..log_weights.len()).collect();
        Self::shared(dim, log_weights, means, factors, own)
    }

    /// As [`new`](Self::new), where several components may have one factor: `factor_of` holds its index for each.
    pub fn shared(
        dim: usize,
        log_weights: Vec<f64>,
        means: Vec<f64>,
        factors: Vec<f64>,
        factor_of: Vec<usize>,
    ) -> Option<Self> {
        let k = log_weights.len();
        let finite = log_weights.iter().chain(&means).chain(&factors).all(|v| v.is_finite());
        let sized = dim > 0 && k > 0 && means.len() == k * dim && factor_of.len() == k;
        if !finite || !sized || !factors.len().is_multiple_of(dim * dim) {
            return None;
        }
        let kinds = factors.len() / (dim * dim);
        let positive = (0..kinds).all(|c| (0..dim).all(|i| factors[(c * dim + i) * dim + i] > 0.0));
        let known = factor_of.iter().all(|f| *f < kinds);
        if !positive || !known {
            return None;
        }
        let mut users = vec![0; kinds];
        factor_of.iter().for_each(|f| users[*f] += 1);
        let is_shared: Vec<bool> = users.into_iter().map(|count| count > 1).collect();
        let mut whitened_means = vec![0.0; if is_shared.contains(&true) { k * dim } else { 0 }];
        for (c, row) in
            whitened_means.chunks_exact_mut(dim).enumerate().filter(|(c, _)| is_shared[factor_of[*c]])
        {
            let factor = &factors[factor_of[c] * dim * dim..][..dim * dim];
            for j in 0..dim {
                let known: f64 = factor[j * dim..j * dim + j].iter().zip(&*row).map(|(l, v)| l * v).sum();
                row[j] = (means[c * dim + j] - known) / factor[j * dim + j];
            }
        }
        Some(Self { dim, log_weights, means, factors, factor_of, is_shared, whitened_means })
    }

    /// Row `j` of the factor of component `c`.
    #[inline]
    fn factor_row(&self, c: usize, j: usize) -> &[f64] {
        let d = self.dim;
        &self.factors[(self.factor_of[c] * d + j) * d..][..d]
    }

    /// The map of fitted clusters of `n` points, with the broad component.
    pub(crate) fn from_clusters(clusters: &[Cluster], dim: usize, n: f64) -> Option<Self> {
        let share = BROAD_SHARE / (n + 1.0);
        let (mut logs, mut means, mut factors) = (vec![share.ln()], vec![0.0; dim], vec![0.0; dim * dim]);
        (0..dim).for_each(|i| factors[i * dim + i] = BROAD);
        let total: f64 = clusters.iter().map(|c| c.weight).sum();
        for cluster in clusters {
            logs.push((cluster.weight / total * (1.0 - share)).ln());
            means.extend_from_slice(&cluster.gaussian.mean);
            factors.extend_from_slice(&cluster.gaussian.factor);
        }
        Self::new(dim, logs, means, factors)
    }

    /// Components of the mixture, the broad ones among them.
    pub fn components(&self) -> usize {
        self.log_weights.len()
    }

    /// Dimension.
    pub fn dim(&self) -> usize {
        self.dim
    }

    pub(crate) fn scratch(&self) -> Scratch {
        let k = self.components();
        let kinds = self.is_shared.len();
        Scratch {
            logs: vec![0.0; k],
            y: vec![0.0; k * self.dim],
            u: vec![0.0; kinds * self.dim],
            known: vec![0.0; kinds],
            active: Vec::with_capacity(k),
        }
    }

    /// Maps `x` to `z` in place and returns `log |det J|`.
    pub(crate) fn forward(&self, x: &mut [f64], scratch: &mut Scratch) -> f64 {
        scratch.logs.copy_from_slice(&self.log_weights);
        let mut log_det = 0.0;
        for (j, slot) in x.iter_mut().enumerate() {
            self.conditional(j, scratch);
            let (z, log_derivative) = value(&scratch.active, *slot);
            log_det += log_derivative;
            self.condition(j, *slot, scratch);
            *slot = z;
        }
        log_det
    }

    /// Maps `z` to `x` in place.
    pub(crate) fn inverse(&self, z: &mut [f64], scratch: &mut Scratch) {
        scratch.logs.copy_from_slice(&self.log_weights);
        for (j, slot) in z.iter_mut().enumerate() {
            self.conditional(j, scratch);
            *slot = solve(&scratch.active, *slot);
            self.condition(j, *slot, scratch);
        }
    }

    /// The conditional of component `j` given those before, as a list of normals.
    fn conditional(&self, j: usize, scratch: &mut Scratch) {
        let d = self.dim;
        let top = scratch.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        scratch.active.clear();
        for (f, known) in scratch.known.iter_mut().enumerate().filter(|(f, _)| self.is_shared[*f]) {
            let row = &self.factors[(f * d + j) * d..][..j];
            *known = row.iter().zip(&scratch.u[f * d..]).map(|(l, u)| l * u).sum();
        }
        let mut total = 0.0;
        for (c, log) in scratch.logs.iter().enumerate() {
            if log - top < NEGLIGIBLE {
                continue;
            }
            let (row, f) = (self.factor_row(c, j), self.factor_of[c]);
            let centre = if self.is_shared[f] {
                scratch.known[f] + row[j] * self.whitened_means[c * d + j]
            } else {
                let known: f64 = row[..j].iter().zip(&scratch.y[c * d..]).map(|(l, y)| l * y).sum();
                self.means[c * d + j] + known
            };
            let weight = (log - top).exp();
            total += weight;
            scratch.active.push([weight, centre, row[j]]);
        }
        scratch.active.iter_mut().for_each(|a| a[0] /= total);
    }

    /// Conditions the weights on the value of component `j`.
    fn condition(&self, j: usize, x: f64, scratch: &mut Scratch) {
        let d = self.dim;
        // Beyond this a square would no longer be a number.
        let bounded = |y: f64| y.clamp(-1e100, 1e100);
        for (f, known) in scratch.known.iter().enumerate().filter(|(f, _)| self.is_shared[*f]) {
            scratch.u[f * d + j] = bounded((x - known) / self.factors[(f * d + j) * d + j]);
        }
        for c in 0..self.components() {
            let (row, f) = (self.factor_row(c, j), self.factor_of[c]);
            if self.is_shared[f] {
                let y = scratch.u[f * d + j] - self.whitened_means[c * d + j];
                scratch.logs[c] += -0.5 * y * y - row[j].ln();
                continue;
            }
            let known: f64 = row[..j].iter().zip(&scratch.y[c * d..]).map(|(l, y)| l * y).sum();
            let y = bounded((x - self.means[c * d + j] - known) / row[j]);
            scratch.y[c * d + j] = y;
            scratch.logs[c] += -0.5 * y * y - row[j].ln();
        }
    }
}

/// `(z, log dz/dx)` of a mixture of normals at `x`.
fn value(active: &[[f64; 3]], x: f64) -> (f64, f64) {
    let (mut p, mut q, mut density) = (0.0, 0.0, 0.0);
    for [weight, centre, std] in active {
        let t = (x - centre) / std;
        let tail = normal::cdf(-t.abs());
        let (below, above) = if t < 0.0 { (tail, 1.0 - tail) } else { (1.0 - tail, tail) };
        p += weight * below;
        q += weight * above;
        density += weight * normal::pdf(t) / std;
    }
    if p.min(q) > TINY {
        let z = normal::quantile(p, q);
        return (z, density.ln() - normal::log_pdf(z));
    }
    if x.is_nan() {
        return (x, x);
    }
    // Far outside: the same on the logarithmic scale, from the side that is empty.
    let sign = if p < q { 1.0 } else { -1.0 };
    let t = |a: &[f64; 3]| (sign * (x - a[1]) / a[2]).clamp(-1e150, 1e150);
    let sum = |of: &dyn Fn(&[f64; 3]) -> f64| {
        let top = active.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        top + active.iter().map(|a| (of(a) - top).exp()).sum::<f64>().ln()
    };
    let log_tail = sum(&|a| a[0].ln() + normal::log_cdf(t(a)));
    let log_density = sum(&|a| a[0].ln() + normal::log_pdf(t(a)) - a[2].ln());
    let z = normal::quantile_from_logs(log_tail, (-log_tail.exp()).ln_1p());
    (sign * z, log_density - normal::log_pdf(z))
}

/// The `x` with `value(x) = z`.
fn solve(active: &[[f64; 3]], z: f64) -> f64 {
    let quantiles = active.iter().map(|a| a[1] + a[2] * z);
    let (mut low, mut high) =
        quantiles.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    if z.is_nan() || low >= high {
        return if z.is_nan() { z } else { low };
    }
    // The heaviest component's own quantile is the first guess.
    let heaviest = active.iter().fold([0.0, 0.0, 1.0], |a, b| if b[0] > a[0] { *b } else { a });
    let mut x = (heaviest[1] + heaviest[2] * z).clamp(low, high);
    let narrowest = active.iter().map(|a| a[2]).fold(f64::INFINITY, f64::min);
    let mut last = f64::INFINITY;
    for _ in 0..200 {
        let (here, log_derivative) = value(active, x);
        let miss = here - z;
        if miss > 0.0 {
            high = x
        } else {
            low = x
        }
        // Newton while it converges and stays in the bracket, else bisection.
        let newton = x - miss * (-log_derivative).exp();
        let step = (newton - x).abs();
        let good = newton > low && newton < high && miss.abs() < 0.7 * last;
        // Newton squares the error: what is left after such a step is rounding.
        if good && step <= CLOSE * narrowest {
            return newton;
        }
        if step <= 4e-16 * x.abs() || high - low <= f64::EPSILON * x.abs() {
            break;
        }
        x = if good { newton } else { 0.5 * (low + high) };
        last = miss.abs();
    }
    x
}
