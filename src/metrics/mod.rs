//! How good are the samples: log-likelihood, precision, recall, density and coverage, and the summary
//! statistics that the reports print.

mod distances;
mod error;
mod interval;
mod lanes;
mod log_likelihood;
mod neighbours;
mod plateau;
mod prdc;
mod screen;
mod spheres;
mod tree;

pub use error::MetricsError;
pub use interval::{Interval, mean_interval, paired_difference};
pub use log_likelihood::{LogLikelihoodStats, log_likelihood_stats};
pub use plateau::plateau_step;
pub use prdc::{Prdc, RealManifold};
