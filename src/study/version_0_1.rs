//! Runs of version 0.1, which kept no keys: what they are follows from the spec in their folder.

use crate::spec::{self, Identity, StageKeys, Study};
use crate::store::names;
use std::path::Path;

/// The keys that a run of version 0.1 has today, from its spec; none where its spec cannot be read.
pub fn keys(folder: &Path) -> Option<StageKeys> {
    let study = read(folder).ok()?;
    let plan = &study.points.first()?.plan;
    plan.pipelines.first().map(|pipeline| Identity::of_version_0_1(plan).stage_keys(pipeline))
}

/// The spec of a run of version 0.1.
///
/// # Errors
/// Why it cannot be read.
pub fn read(folder: &Path) -> Result<Study, String> {
    let text = std::fs::read_to_string(folder.join(names::SPEC)).map_err(|e| e.to_string())?;
    spec::read_finished(folder, names::SPEC, &text, &[]).map_err(|e| e.to_string())
}
