//! What `[features]` must be beside the other sections.

use super::check_rows::{identify, locate, made_absolute};
use super::error::SpecError;
use super::file::SpecFile;
use super::ranges::Checker;
use super::reuse::Reuse;
use crate::data::images::ImageShape;
use crate::metrics::features::FeatureSpace;

/// Checks `[features]`, reads its weights, and puts their place and digest into the spec.
pub fn features(
    check: &Checker,
    file: &mut SpecFile,
    image: Option<ImageShape>,
    reuse: &mut Reuse,
    warnings: &mut Vec<String>,
) -> Result<Option<FeatureSpace>, SpecError> {
    let Some(features) = &mut file.features else { return Ok(None) };
    check.section("features", features.check())?;
    check.require(image.is_some(), "features", || {
        "`features` are those of images (data.kind = \"images\"); points of other data are compared by their coordinates"
            .to_string()
    })?;
    let weights = match features.weights.clone() {
        None => None,
        Some(path) => {
            let named = ("features.weights", path.as_str(), features.sha256.is_some());
            let place = locate(check, reuse.folder(), named, warnings);
            features.weights = made_absolute(&place).or(features.weights.take());
            let weights = reuse.weights(&place);
            let weights = weights.map_err(|e| check.0.error("features.weights", format!("{path}: {e}")))?;
            identify(check, ("features.sha256", &mut features.sha256), &path, weights.sha256())?;
            Some(weights)
        }
    };
    Ok(Some(FeatureSpace { options: features.clone(), weights }))
}
