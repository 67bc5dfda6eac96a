//! Which features of images are compared.

use candle_core::Device;
use ndarray::Array2;
use std::fmt;
use std::str::FromStr;

use super::random_network::RandomNetwork;
use crate::data::images::ImageSet;
use crate::metrics::MetricsError;

/// What images become before they are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeatureKind {
    /// The values of the pixels, 0 to 255 divided by 255, one coordinate each.
    #[default]
    Pixels,
    /// What a convolutional network with random weights makes of them: see [`RandomNetwork`].
    Random {
        /// Which weights.
        seed: u64,
    },
}

impl FeatureKind {
    /// Its names, in the order of the variants, each with what it is.
    pub const NAMES: [(&'static str, &'static str); 2] = [
        ("pixels", "the values of the pixels, 0 to 1"),
        ("random", "256 features by a convolutional network with random weights"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pixels => Self::NAMES[0].0,
            Self::Random { .. } => Self::NAMES[1].0,
        }
    }

    /// The features of images, `(n, d)`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn extract(self, images: &ImageSet, device: &Device) -> Result<Array2<f64>, MetricsError> {
        match self {
            Self::Pixels => Ok(images.rows().mapv(|value| f64::from(value) / 255.0)),
            Self::Random { seed } => RandomNetwork::new(seed, images.channels, device)?.features(images),
        }
    }
}

impl fmt::Display for FeatureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FeatureKind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "pixels" => Ok(Self::Pixels),
            "random" => Ok(Self::Random { seed: 0 }),
            _ => Err(format!("`{word}` is no kind of features; write pixels or random")),
        }
    }
}
