//! Distances between two sets of feature vectors, `(n, d)` and `(m, d)`: columns of tables, pixels, or what a network makes
//! of images.
//!
//! | file | idea |
//! | --- | --- |
//! | `frechet` | the Frechet distance of two normal distributions with the moments of the sets (FID) |
//! | `kernel_distance`, `kernel_interval` | the unbiased squared maximum mean discrepancy with a cubic kernel (KID), and its interval |
//! | `kind`, `extractor` | which features of images are compared, and how images become features |
//! | `options` | `[features]` of a spec |
//! | `resize` | images resized for a network, in the ways of three public tools |
//! | `random_network` | features by a convolutional network with random weights |
//! | `networks` | networks with trained weights |
//! | `inception_score` | the inception score of class probabilities (IS) |

mod extractor;
mod frechet;
mod inception_score;
mod kernel_distance;
mod kernel_interval;
mod kind;
mod networks;
mod options;
mod random_network;
mod resize;

pub use extractor::{FeatureExtractor, ImageFeatures};
pub use frechet::{FrechetMoments, frechet_bootstrap, frechet_distance};
pub use inception_score::{InceptionScore, PARTS, inception_score};
pub use kernel_distance::{KernelDistance, KernelDistanceOptions, kernel_distance};
pub use kernel_interval::kernel_interval;
pub use kind::FeatureKind;
pub use networks::{InceptionNetwork, NetworkOutput, NetworkWeights, Probe, ResNet50};
pub use options::{FeatureSpace, FeaturesOptions};
pub use random_network::RandomNetwork;
pub use resize::Resizing;

/// Mean and standard deviation, squares divided by their number, as the usual tools do.
fn mean_and_std(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}
