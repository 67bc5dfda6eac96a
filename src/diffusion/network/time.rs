//! The time encoding: how a step becomes the network's input, one row of a table for each step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest period of the sinusoidal encoding, relative to the shortest (Vaswani et al. 2017).
const PERIODS: f64 = 10_000.0;

/// How the step `t` is shown to the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeEncoding {
    /// `time_dim` sines and cosines of `1000 (t - 1) / T`.
    Sinusoidal,
    /// One value, `(t - 1) / T`.
    Scalar,
    /// A learned row of `time_dim` values for each step, N(0, 1) at first (PyTorch's nn.Embedding).
    Learned,
}

impl TimeEncoding {
    /// Every encoding.
    pub const ALL: [Self; 3] = [Self::Sinusoidal, Self::Scalar, Self::Learned];

    /// Values per step.
    pub fn width(self, time_dim: usize) -> usize {
        if self == Self::Scalar { 1 } else { time_dim }
    }

    /// The encoding of a real time `tau` in `[1, T]`, `width` values; at whole ones the row of the table. None of one that
    /// is learned for whole steps.
    pub fn at(self, tau: f64, steps: usize, width: usize) -> Option<Vec<f64>> {
        match self {
            Self::Sinusoidal => Some(sinusoidal_row(tau - 1.0, steps, width)),
            Self::Scalar => Some(vec![(tau - 1.0) / steps as f64]),
            Self::Learned => None,
        }
    }
}

/// The sinusoidal encoding of `t = 1..=T`, shape `(T, dim)` row by row; `dim` is even.
///
/// With `u = 1000 (t - 1) / T` and `w_k = 10000^(-k / (dim / 2))`:
/// `[sin(u w_0), sin(u w_1), ..., cos(u w_0), cos(u w_1), ...]`. So the encoding covers the same range
/// whatever `T` is.
pub fn sinusoidal(steps: usize, dim: usize) -> Vec<f64> {
    (0..steps).flat_map(|row| sinusoidal_row(row as f64, steps, dim)).collect()
}

/// The row of `t = row + 1`.
fn sinusoidal_row(row: f64, steps: usize, dim: usize) -> Vec<f64> {
    let half = dim / 2;
    let u = 1000.0 * row / steps as f64;
    let angles = || (0..half).map(|k| u * PERIODS.powf(-(k as f64) / half as f64));
    angles().map(f64::sin).chain(angles().map(f64::cos)).collect()
}

/// `(t - 1) / T` for `t = 1..=T`.
pub fn scalar(steps: usize) -> Vec<f64> {
    (0..steps).map(|t| t as f64 / steps as f64).collect()
}
