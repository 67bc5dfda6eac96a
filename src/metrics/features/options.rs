//! `[features]` of a spec: in which features images are compared, beside their pixels.

use super::{FeatureExtractor, FeatureKind, NetworkWeights, Resizing};
use crate::metrics::MetricsError;
use crate::numeric::options::{OutOfRange, require};
use candle_core::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `[features]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FeaturesOptions {
    /// What images become before they are compared.
    pub kind: FeatureKind,
    /// File of weights (safetensors) of `"inception"` and `"resnet50"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none"))]
    pub weights: Option<String>,
    /// Digest of that file, filled in from it; another file is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "of the file"))]
    pub sha256: Option<String>,
    /// How images are resized for `"inception"` and `"resnet50"`.
    pub resize: Resizing,
    /// Seed of the weights of `"random"`.
    pub seed: u64,
}

impl FeaturesOptions {
    /// Refuses keys that do not go with the kind.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let (kind, needed) = (self.kind, self.kind.has_weights());
        require(needed == self.weights.is_some(), "weights", || match needed {
            true => format!(
                "is left out, but the features \"{kind}\" need a file of weights; docs/features.md says which"
            ),
            false => format!("is given, but the features \"{kind}\" have no file of weights; leave it out"),
        })?;
        require(needed || self.sha256.is_none(), "sha256", || {
            format!("is given, but the features \"{kind}\" have no file of weights; leave it out")
        })
    }
}

/// The features that a spec asks for, with their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureSpace {
    /// Which features.
    pub options: FeaturesOptions,
    /// The weights, of features that have them.
    pub weights: Option<Arc<NetworkWeights>>,
}

impl FeatureSpace {
    /// What makes the features.
    ///
    /// # Errors
    /// As [`FeatureExtractor::new`].
    pub fn extractor(&self, device: &Device) -> Result<FeatureExtractor, MetricsError> {
        let FeaturesOptions { kind, resize, seed, .. } = self.options;
        FeatureExtractor::new(kind, self.weights.as_deref(), (resize, seed), device)
    }
}
