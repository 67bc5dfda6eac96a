//! The tables of `[diagnostics]`: when the samples choose their modes, the error of the predicted noise, and the
//! likelihood of fresh points.

use super::rows::Row;
use serde::{Deserialize, Serialize};

/// A row of `bifurcation.csv`: how far the samples have chosen their modes at one reverse step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BifurcationRow {
    /// Reverse step: 0 is x_T.
    pub step: usize,
    /// Diffusion time: T at step 0, 0 at the end.
    pub t: usize,
    /// Share of the samples that are in the mode in which they end; empty where the step is not scored.
    pub committed: Option<f64>,
    /// Mean entropy of the responsibilities of the modes, nats; empty where the step is not scored.
    pub entropy: Option<f64>,
    /// Share of the pairs that went on twice from this step with independent noise and ended in one mode; empty where
    /// nothing was cloned.
    pub clones_agree: Option<f64>,
    /// The same less what chance gives, over what it leaves: 0 by chance, 1 where all agree.
    pub clones_agree_normalized: Option<f64>,
}

impl Row for BifurcationRow {
    fn columns() -> Vec<&'static str> {
        vec!["step", "t", "committed", "entropy", "clones_agree", "clones_agree_normalized"]
    }
}

/// Which points an error of the predicted noise was measured at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Where {
    /// Fresh real points with noise: those that the loss is about.
    Noised,
    /// The sampler's own points.
    Path,
}

/// A row of `error_over_t.csv`: the error of the predicted noise at one diffusion time, for each dimension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorRow {
    /// Diffusion time, from 1.
    pub t: usize,
    /// `E |eps_theta - eps|^2 / d` on noised points; empty along the path, where there is no true noise.
    pub mse: Option<f64>,
    /// The same of the exact denoiser on the same points; empty where none is known.
    pub optimal: Option<f64>,
    /// `E |eps_theta - eps*|^2 / d`; empty where no exact denoiser is known.
    pub excess: Option<f64>,
    /// Which points.
    #[serde(rename = "where")]
    pub place: Where,
    /// Divergence of the model's reverse step from the exact one at t, nats; empty where the sampler is not ancestral.
    pub kl: Option<f64>,
    /// Its share of the sum over all t.
    pub kl_share: Option<f64>,
}

impl Row for ErrorRow {
    fn columns() -> Vec<&'static str> {
        vec!["t", "mse", "optimal", "excess", "where", "kl", "kl_share"]
    }
}

/// A row of `likelihood.csv`: how likely one point is, nats, in the units of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LikelihoodRow {
    /// Number of the point, from 0.
    pub point: usize,
    /// Log-likelihood under the model; empty where the point lies so far out that it leaves the range of numbers.
    pub log_likelihood: Option<f64>,
    /// Its error: what half the grid changes, and the standard error where the divergence is estimated.
    pub error: Option<f64>,
    /// Log-density under the space alone, without diffusion; empty where that is but a scaling.
    pub map_log_likelihood: Option<f64>,
    /// Log-density under that of the data; empty where it is not known.
    pub true_log_likelihood: Option<f64>,
}

impl Row for LikelihoodRow {
    fn columns() -> Vec<&'static str> {
        vec!["point", "log_likelihood", "error", "map_log_likelihood", "true_log_likelihood"]
    }
}
