//! What `[features]` must be beside the other sections.

use super::check_rows::locate_at;
use super::error::SpecError;
use super::file::SpecFile;
use super::ranges::Checker;
use crate::data::images::ImageShape;
use std::path::Path;

/// Checks `[features]`, and puts the place and the digest of its weights into the spec.
pub fn features(
    check: &Checker,
    file: &mut SpecFile,
    image: Option<ImageShape>,
    folder: &Path,
    warnings: &mut Vec<String>,
) -> Result<(), SpecError> {
    let Some(features) = &mut file.features else { return Ok(()) };
    check.section("features", features.check())?;
    check.require(image.is_some(), "features", || {
        "`features` are those of images (data.kind = \"images\"); points of other data are compared by their coordinates"
            .to_string()
    })?;
    let Some(path) = features.weights.clone() else { return Ok(()) };
    let place = locate_at(check, folder, ("features.weights", &path), warnings);
    if let Some(absolute) = std::path::absolute(&place).ok().and_then(|p| p.to_str().map(str::to_string)) {
        features.weights = Some(absolute);
    }
    let weights = features.read_weights().map_err(|e| check.0.error("features.weights", e))?;
    if let Some(weights) = weights {
        let found = weights.sha256();
        let sha256 = features.sha256.get_or_insert_with(|| found.to_string());
        check.require(sha256 == found, "features.sha256", || {
            format!("{path} is not the file that this spec was made for: its SHA-256 is {found}, here stands {sha256}; restore the file, or take the key out")
        })?;
    }
    Ok(())
}
