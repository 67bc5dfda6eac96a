//! Rules for the kernel bandwidth `h` of one component.

use serde::{Deserialize, Serialize};

use super::{isj, shimazaki};

/// How the bandwidth of each component is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BandwidthRule {
    /// This number, in units of the component's standard deviation (components are whitened).
    Fixed(f64),
    /// `std (3 n / 4)^(-1/5)`.
    Silverman,
    /// `std n^(-1/5)`.
    Scott,
    /// The improved Sheather-Jones plug-in of Botev, Grotowski & Kroese (2010).
    Isj,
    /// The least expected squared error of Shimazaki & Shinomoto (2010), the first paper's own pointer.
    Shimazaki,
}

/// A bandwidth, and what went wrong if its rule gave none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bandwidth {
    /// The bandwidth, positive.
    pub value: f64,
    /// The rule had no answer, so this is Silverman's.
    pub fell_back: bool,
}

impl BandwidthRule {
    /// The bandwidth for ascending `sorted` points of one component.
    ///
    /// A rule without an answer (no fixed point, no minimum inside its range) falls back to
    /// Silverman's and says so.
    pub fn choose(self, sorted: &[f64]) -> Bandwidth {
        let n = sorted.len() as f64;
        let std = standard_deviation(sorted);
        let silverman = std * (0.75 * n).powf(-0.2);
        let found = match self {
            Self::Fixed(h) => Some(h),
            Self::Silverman => Some(silverman),
            Self::Scott => Some(std * n.powf(-0.2)),
            Self::Isj => isj::bandwidth(sorted),
            Self::Shimazaki => shimazaki::bandwidth(sorted, std),
        };
        let found = found.filter(|h| *h > 0.0 && h.is_finite());
        Bandwidth { value: found.unwrap_or(silverman), fell_back: found.is_none() }
    }
}

/// Standard deviation with `n - 1` in the denominator; 0 for fewer than two points.
pub fn standard_deviation(points: &[f64]) -> f64 {
    if points.len() < 2 {
        return 0.0;
    }
    let n = points.len() as f64;
    let mean = points.iter().sum::<f64>() / n;
    (points.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}
