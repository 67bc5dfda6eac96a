//! The Gaussian kernel density estimate of one component by its exact sums.
//!
//! These sums are the definition: the fast map of [`super::marginal`] is built from them and tested against them. Their
//! cost is proportional to the number of kernels near the point, so samples never go through them.

use pulp::Arch;

use crate::numeric::exp_log::exp;
use crate::numeric::normal;
use crate::numeric::simd::{LANES, Lanes};

/// Logarithm of the relative size below which a kernel is left out of a sum.
const NEGLIGIBLE: f64 = 42.0;
/// Distance in bandwidths at which `Phi` is 1 to better than one unit in the last place.
const SATURATED: f64 = 9.5;

/// `p(s) = 1/(n h) sum_i K((s - s_i)/h)` (G 9) and its CDF `F(s) = 1/n sum_i Phi((s - s_i)/h)` (G 10).
#[derive(Clone, Debug)]
pub struct Kde {
    sorted: Vec<f64>,
    bandwidth: f64,
}

impl Kde {
    /// The estimate over `points` (any order, not empty) with bandwidth `bandwidth > 0`.
    pub fn new(mut points: Vec<f64>, bandwidth: f64) -> Self {
        points.sort_unstable_by(f64::total_cmp);
        Self { sorted: points, bandwidth }
    }

    /// The kernel centres, ascending.
    pub fn points(&self) -> &[f64] {
        &self.sorted
    }

    /// The bandwidth `h`.
    pub fn bandwidth(&self) -> f64 {
        self.bandwidth
    }

    /// `log p(s)` (G 9).
    pub fn log_pdf(&self, s: f64) -> f64 {
        let (h, all) = (self.bandwidth, &self.sorted);
        let at = all.partition_point(|v| *v < s);
        let nearest = [at.checked_sub(1), Some(at)]
            .into_iter()
            .flatten()
            .filter_map(|i| all.get(i))
            .map(|v| ((s - v) / h).abs())
            .fold(f64::INFINITY, f64::min);
        let reach = h * (nearest * nearest + 2.0 * NEGLIGIBLE + 2.0 * self.log_n()).sqrt();
        let near = &all[all.partition_point(|v| *v < s - reach)..all.partition_point(|v| *v <= s + reach)];
        let top = -0.5 * nearest * nearest;
        let sum: f64 = near.iter().map(|v| (-0.5 * ((s - v) / h).powi(2) - top).exp()).sum();
        top + sum.ln() - normal::LOG_SQRT_2PI - h.ln() - self.log_n()
    }

    /// `log F(s)` (G 10), with its relative accuracy kept in both tails.
    pub fn log_cdf(&self, s: f64) -> f64 {
        self.logs(s).0
    }

    /// `log(1 - F(s))`, with its relative accuracy kept in both tails.
    pub fn log_sf(&self, s: f64) -> f64 {
        self.logs(s).1
    }

    /// `(log F(s), log(1 - F(s)))`.
    pub fn logs(&self, s: f64) -> (f64, f64) {
        let lower = log_mass_below(&self.sorted, self.bandwidth, s) - self.log_n();
        let upper = log_mass_above(&self.sorted, self.bandwidth, s) - self.log_n();
        if lower < upper { (lower, (-lower.exp()).ln_1p()) } else { ((-upper.exp()).ln_1p(), upper) }
    }

    /// `Phi^-1(F(s))` (G 11, G 12).
    pub fn z(&self, s: f64) -> f64 {
        let (log_p, log_q) = self.logs(s);
        normal::quantile_from_logs(log_p, log_q)
    }

    fn log_n(&self) -> f64 {
        (self.sorted.len() as f64).ln()
    }
}

/// `log sum_i Phi((s - s_i)/h)` over ascending `points`.
pub(crate) fn log_mass_below(points: &[f64], h: f64, s: f64) -> f64 {
    let full = points.partition_point(|v| *v < s - SATURATED * h);
    let rest = &points[full..];
    let Some(first) = points.first() else { return f64::NEG_INFINITY };
    let gap = ((first - s) / h).max(0.0);
    if gap == 0.0 {
        let near = &rest[..rest.partition_point(|v| *v <= s + SATURATED * h)];
        return (full as f64 + near.iter().map(|v| normal::cdf((s - v) / h)).sum::<f64>()).ln();
    }
    let limit = NEGLIGIBLE + (points.len() as f64).ln();
    let reach = (gap * gap + 2.0 * limit).sqrt();
    let near = &rest[..rest.partition_point(|v| *v <= s + reach * h)];
    let top = normal::log_cdf(-gap);
    if !top.is_finite() {
        return top;
    }
    top + near.iter().map(|v| (normal::log_cdf((s - v) / h) - top).exp()).sum::<f64>().ln()
}

/// `log sum_i Phi((s - s_i)/h)` over ascending `points` and its derivative with respect to `s`, at an `s` at least one
/// bandwidth below them all; none elsewhere, and where a square of a distance in bandwidths is no number.
///
/// # Formula
///
/// With `t_i = (s_i - s)/h`, every term is `exp(-t_i^2/2) erfcx(t_i / sqrt 2) / 2`, and the derivative of the sum has the
/// terms `exp(-t_i^2/2) / (h sqrt(2 pi))`: both are summed relative to the nearest point's exponential, eight at a time.
pub(crate) fn log_mass_outside(points: &[f64], h: f64, s: f64) -> Option<(f64, f64)> {
    let gap = (points.first()? - s) / h;
    if !(1.0..1e150).contains(&gap) {
        return None;
    }
    let limit = NEGLIGIBLE + (points.len() as f64).ln();
    let reach = (gap * gap + 2.0 * limit).sqrt();
    let near = &points[..points.partition_point(|v| *v <= s + reach * h).max(1)];
    let (mass, density) = Arch::new().dispatch(|| sums_outside(near, h, s, gap));
    let log_mass = -0.5 * gap * gap + (0.5 * mass).ln();
    Some((log_mass, density * 2.0 * normal::INV_SQRT_2PI / (mass * h)))
}

/// `sum_i e_i erfcx(t_i / sqrt 2)` and `sum_i e_i`, `e_i = exp((gap^2 - t_i^2)/2)`.
#[inline(always)]
fn sums_outside(points: &[f64], h: f64, s: f64, gap: f64) -> (f64, f64) {
    let (mut mass, mut density) = (Lanes::splat(0.0), Lanes::splat(0.0));
    for some in points.chunks(LANES) {
        // Lanes without a point are infinitely far and add nothing.
        let mut t = Lanes::splat(f64::INFINITY);
        t.0.iter_mut().zip(some).for_each(|(t, point)| *t = (point - s) / h);
        let (mut exponent, mut scaled) = (t, t);
        for l in 0..LANES {
            exponent.0[l] = -0.5 * ((t.0[l] - gap) * (t.0[l] + gap));
            scaled.0[l] = t.0[l] * std::f64::consts::FRAC_1_SQRT_2;
        }
        let (own, complement) = (exp(exponent), normal::erfcx_of_lanes(scaled));
        for l in 0..LANES {
            mass.0[l] += own.0[l] * complement.0[l];
            density.0[l] += own.0[l];
        }
    }
    (mass.0.iter().sum(), density.0.iter().sum())
}

/// `log sum_i Phi((s_i - s)/h)` over ascending `points`.
fn log_mass_above(points: &[f64], h: f64, s: f64) -> f64 {
    let Some(last) = points.last() else { return f64::NEG_INFINITY };
    let full = points.partition_point(|v| *v <= s + SATURATED * h);
    let (rest, above) = (&points[..full], (points.len() - full) as f64);
    let gap = ((s - last) / h).max(0.0);
    if gap == 0.0 {
        let near = &rest[rest.partition_point(|v| *v < s - SATURATED * h)..];
        return (above + near.iter().map(|v| normal::cdf((v - s) / h)).sum::<f64>()).ln();
    }
    let limit = NEGLIGIBLE + (points.len() as f64).ln();
    let reach = (gap * gap + 2.0 * limit).sqrt();
    let near = &rest[rest.partition_point(|v| *v < s - reach * h)..];
    let top = normal::log_cdf(-gap);
    if !top.is_finite() {
        return top;
    }
    top + near.iter().map(|v| (normal::log_cdf((v - s) / h) - top).exp()).sum::<f64>().ln()
}
