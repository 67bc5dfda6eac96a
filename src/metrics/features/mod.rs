//! Distances between two sets of feature vectors, `(n, d)` and `(m, d)`: columns of tables, pixels, or what a network makes
//! of images.
//!
//! | file | idea |
//! | --- | --- |
//! | `frechet` | the Frechet distance of two normal distributions with the moments of the sets (FID) |
//! | `kernel_distance` | the unbiased squared maximum mean discrepancy with a cubic kernel (KID) |
//! | `kind` | which features of images are compared |
//! | `random_network` | features by a convolutional network with random weights |
//! | `inception_score` | the inception score of class probabilities (IS) |

mod frechet;
mod inception_score;
mod kernel_distance;
mod kind;
mod random_network;

pub use frechet::{FrechetBootstrap, FrechetMoments, frechet_bootstrap, frechet_distance};
pub use inception_score::{InceptionScore, inception_score};
pub use kernel_distance::{KernelDistance, KernelDistanceOptions, kernel_distance};
pub use kind::FeatureKind;
pub use random_network::RandomNetwork;

/// Mean and standard deviation, squares divided by their number, as the usual tools do.
fn mean_and_std(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}
