//! `[features]` of a spec: in which features images are compared, beside their pixels.

use super::{FeatureExtractor, FeatureKind, NetworkWeights, Resizing};
use crate::metrics::MetricsError;
use crate::numeric::options::{OutOfRange, require};
use candle_core::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

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

    /// The weights in their file; none of features that have none.
    ///
    /// # Errors
    /// If the file cannot be read or holds no weights, in a sentence.
    pub fn read_weights(&self) -> Result<Option<NetworkWeights>, String> {
        let Some(path) = &self.weights else { return Ok(None) };
        let failed = |reason: String| format!("{path}: {reason}");
        let bytes = std::fs::read(Path::new(path)).map_err(|e| failed(e.to_string()))?;
        NetworkWeights::read(&bytes).map(Some).map_err(|e| failed(e.to_string()))
    }

    /// What makes the features.
    ///
    /// # Errors
    /// If the weights cannot be used, or the device fails.
    pub fn extractor(&self, device: &Device) -> Result<FeatureExtractor, MetricsError> {
        let weights = self.read_weights().map_err(MetricsError::Weights)?;
        if let (Some(weights), Some(expected)) = (&weights, &self.sha256)
            && weights.sha256() != expected
        {
            let path = self.weights.as_deref().unwrap_or_default();
            return Err(MetricsError::Weights(format!(
                "{path} has changed: its SHA-256 is {}, not {expected}",
                weights.sha256()
            )));
        }
        match (self.kind, &weights) {
            (FeatureKind::Random, _) => Ok(FeatureExtractor::random(self.seed, device)),
            (FeatureKind::Inception, Some(weights)) => {
                FeatureExtractor::inception(weights, self.resize, device)
            }
            (FeatureKind::Resnet50, Some(weights)) => {
                FeatureExtractor::resnet50(weights, self.resize, device)
            }
            _ => Ok(FeatureExtractor::pixels()),
        }
    }
}
