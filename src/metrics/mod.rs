//! How good are the samples: log-likelihood, precision, recall, density and coverage, and the summary
//! statistics that the reports print.
//!
//! PRDC, the costly one, is built from the bottom up: eight numbers side by side, squared distances
//! between packets of eight points, a tree of packets, the k-th neighbours of a set, the spheres that
//! reach to them, and [`RealManifold`] on top; or, on a GPU and in many dimensions, from blocks of distances. Its results are counts of exact comparisons, so they
//! depend neither on the number of threads nor on the instruction set.

mod blocks;
mod boxes;
mod distances;
mod error;
mod log_likelihood;
mod neighbours;
mod plateau;
mod prdc;
mod reach;
mod screen;
mod spheres;
mod tree;

pub use error::MetricsError;
pub use log_likelihood::{LogLikelihoodStats, log_likelihood_stats};
pub use plateau::plateau_step;
pub use prdc::{Prdc, RealManifold};
