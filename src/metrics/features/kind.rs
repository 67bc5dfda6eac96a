//! Which features of images are compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What images become before they are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// The values of the pixels, 0 to 255 divided by 255, one coordinate each.
    #[default]
    Pixels,
    /// 256 features by a convolutional network with random weights, which needs no file.
    Random,
    /// 2048 features by the Inception-v3 of the FID: the means of its last maps.
    Inception,
    /// 2048 features by ResNet-50: the means of its last maps.
    Resnet50,
}

impl FeatureKind {
    /// Its names, in the order of the variants, each with what it is.
    pub const NAMES: [(&'static str, &'static str); 4] = [
        ("pixels", "the values of the pixels, 0 to 1"),
        ("random", "256 features by a convolutional network with random weights"),
        ("inception", "2048 features by the Inception-v3 of the FID, with --weights"),
        ("resnet50", "2048 features by ResNet-50, with --weights"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }

    /// Whether the features need a file of weights, and images resized for the network.
    pub fn has_weights(self) -> bool {
        matches!(self, Self::Inception | Self::Resnet50)
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
        let all = [Self::Pixels, Self::Random, Self::Inception, Self::Resnet50];
        all.into_iter().find(|kind| kind.name() == word).ok_or_else(|| {
            format!("`{word}` is no kind of features; write pixels, random, inception or resnet50")
        })
    }
}
