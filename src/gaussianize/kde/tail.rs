//! The tails of a marginal map: its values beyond its table.

use super::exact::{log_mass_below, log_mass_outside};
use crate::numeric::normal;

/// Distance from its edge, in z, at which a kernel tail is a straight line to double precision.
const FAR: f64 = 1e17;
/// Newton step, in bandwidths, after which no further one is needed.
const CLOSE: f64 = 1e-8;
/// Distance from its edge, in scales, beyond which a Pareto tail no longer changes.
const LARGEST: f64 = 1e250;

/// A marginal map beyond one end of its table, mirrored so that it is always the lower end.
#[derive(Clone, Debug, PartialEq)]
pub enum Tail {
    /// `z` is linear in `s`, with this derivative.
    Linear(f64),
    /// The mass beyond a distance `t` from the edge is that of a generalized Pareto law,
    /// `Phi(z_edge) (1 + shape t / scale)^(-1/shape)`; with shape 0 that of an exponential law, `exp(-t / scale)`.
    Pareto {
        /// Scale, in units of `s`.
        scale: f64,
        /// Shape, the inverse of the tail index; at least 0.
        shape: f64,
    },
    /// The kernel sums themselves: outermost points ascending, bandwidth, number of points in all.
    Kernel {
        /// Points that contribute beyond the table, ascending (mirrored at the upper end).
        points: Vec<f64>,
        /// Bandwidth.
        bandwidth: f64,
        /// Number of points of the whole estimate.
        count: f64,
    },
}

/// The points that contribute to the lower tail from `from` on, to better than one unit in the last place.
pub(crate) fn outermost(ascending: &mut dyn Iterator<Item = f64>, from: f64, h: f64, n: f64) -> Vec<f64> {
    let mut points = Vec::new();
    let mut reach = f64::INFINITY;
    for s in ascending {
        let t = (s - from) / h;
        if points.is_empty() {
            reach = (t.max(0.0).powi(2) + 2.0 * (42.0 + n.ln())).sqrt();
        }
        if t > reach {
            break;
        }
        points.push(s);
    }
    points
}

impl Tail {
    pub(crate) fn forward(&self, s: f64, edge: f64, z_edge: f64) -> (f64, f64) {
        match self {
            Self::Linear(derivative) => ((z_edge + (s - edge) * derivative).max(f64::MIN), *derivative),
            Self::Pareto { scale, shape } => {
                let t = ((edge - s) / scale).clamp(0.0, LARGEST);
                let fall = if *shape > 0.0 { (shape * t).ln_1p() / shape } else { t };
                let log_p = normal::log_cdf(z_edge) - fall;
                let z = normal::quantile_from_logs(log_p, (-log_p.exp()).ln_1p()).min(z_edge);
                (z, (1.0 / (scale * (1.0 + shape * t) * hazard(z))).max(f64::MIN_POSITIVE))
            }
            Self::Kernel { points, bandwidth, count } => {
                let far = z_edge + (s - edge) / bandwidth;
                if far - z_edge < -FAR {
                    return (far.max(f64::MIN), 1.0 / bandwidth);
                }
                if let Some((log_mass, slope)) = log_mass_outside(points, *bandwidth, s) {
                    let log_p = log_mass - count.ln();
                    let z = normal::quantile_from_logs(log_p, (-log_p.exp()).ln_1p()).min(z_edge);
                    return (z, (slope / hazard(z)).max(f64::MIN_POSITIVE));
                }
                let log_p = log_mass_below(points, *bandwidth, s) - count.ln();
                let z = normal::quantile_from_logs(log_p, (-log_p.exp()).ln_1p()).min(z_edge);
                (z, self.kernel_derivative(s, z))
            }
        }
    }

    /// `p(s) / phi(z)`, from `phi / Phi` of the outermost kernels and of `z`, where nothing cancels.
    fn kernel_derivative(&self, s: f64, z: f64) -> f64 {
        let Self::Kernel { points, bandwidth, .. } = self else { return 1.0 };
        let top = points.first().map_or(0.0, |first| normal::log_cdf((s - first) / bandwidth));
        let (mut mass, mut density) = (0.0, 0.0);
        for point in points {
            let t = (s - point) / bandwidth;
            let share = (normal::log_cdf(t) - top).exp();
            mass += share;
            density += share * hazard(t);
        }
        (density / (mass * hazard(z) * bandwidth)).max(f64::MIN_POSITIVE)
    }

    pub(crate) fn inverse(&self, z: f64, edge: f64, z_edge: f64) -> f64 {
        let (bandwidth, mut derivative) = match self {
            Self::Linear(derivative) => return (edge + (z - z_edge) / derivative).max(f64::MIN),
            Self::Pareto { scale, shape } => {
                let fall = normal::log_cdf(z_edge) - normal::log_cdf(z);
                let t = if *shape > 0.0 { (shape * fall).exp_m1() / shape } else { fall };
                return (edge - scale * t).max(f64::MIN);
            }
            Self::Kernel { bandwidth, .. } => (*bandwidth, 1.0 / bandwidth),
        };
        let mut s = edge + (z - z_edge) / derivative;
        if z - z_edge < -FAR {
            return s.max(f64::MIN);
        }
        let (mut below, mut above) = (f64::NEG_INFINITY, edge);
        for _ in 0..200 {
            let (value, here) = self.forward(s, edge, z_edge);
            derivative = here;
            if value > z {
                above = above.min(s);
            } else {
                below = below.max(s);
            }
            let step = (z - value) / derivative;
            let newton = s + step;
            let inside = newton > below && newton < above;
            // Newton squares the error, in units of the bandwidth: what is left after such a step is rounding.
            if step.abs() <= f64::EPSILON * s.abs() || (inside && step.abs() <= CLOSE * bandwidth) {
                return newton.min(edge);
            }
            let next = match (inside, below.is_finite()) {
                (true, _) => newton,
                (false, true) => 0.5 * (below + above),
                (false, false) => above - (edge - above).max(bandwidth),
            };
            if (next - s).abs() <= f64::EPSILON * s.abs() {
                return next;
            }
            s = next;
        }
        s
    }
}

/// `phi(t) / Phi(t)`.
pub(crate) fn hazard(t: f64) -> f64 {
    if t > 0.0 {
        normal::pdf(t) / normal::cdf(t)
    } else {
        2.0 * normal::INV_SQRT_2PI / normal::erfcx(-t * std::f64::consts::FRAC_1_SQRT_2)
    }
}
