//! How good are the samples: log-likelihood; precision, recall, density and coverage; the sliced Wasserstein and energy
//! distances; the error of the mode weights.
//!
//! | file | idea |
//! | --- | --- |
//! | `log_likelihood` | mean and median log-density, and samples off the support (G 24-25) |
//! | [`prdc`] | precision, recall, density and coverage by k nearest neighbours |
//! | [`scored`] | the table of metrics that a run computes at its reverse steps |
//! | [`sliced`] | the sliced Wasserstein-2 distance |
//! | [`energy`] | the energy distance |
//! | [`features`] | distances between features of images, or between columns of tables: Frechet, kernel; the inception score |
//! | `mode_error` | the error of the mode weights |
//! | `mode_choice` | which mode each sample is in, and how far it has chosen it |
//! | `steps_to_real` | the reverse step from which the samples are as good as real points |
//! | `plateau` | when a curve over reverse steps has arrived |
//! | `interval` | how far a metric would move with other points: its spread over resampled sets |
//! | `points`, `error` | the points that a metric takes, and what can be wrong with them |
//!
//! Results depend neither on the number of threads nor on the instruction set: PRDC counts exact comparisons, and sums
//! run in a fixed order.

pub mod energy;
mod error;
pub mod features;
mod interval;
mod log_likelihood;
mod mode_choice;
mod mode_error;
mod plateau;
mod points;
pub mod prdc;
pub mod scored;
pub mod sliced;
mod steps_to_real;

pub use energy::{EnergyDistance, energy_distance};
pub use error::MetricsError;
pub use interval::ResampledInterval;
pub use log_likelihood::{LogLikelihoodStats, log_likelihood_stats};
pub use mode_choice::{ModeChoice, mode_choice, share_alike};
pub use mode_error::mode_error;
pub use plateau::plateau_step;
pub use prdc::{Prdc, PrdcIntervals, RealManifold, prdc_intervals};
pub use sliced::{SlicedW2, sliced_w2};
pub use steps_to_real::{Quality, steps_to_real};
