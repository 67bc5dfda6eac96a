//! Tables that a sweep names and that hold other points than when runs of the folder were made. The digest of the base's
//! table stands in the study's own spec, which is compared as a whole; those of the others stand in the specs of the runs.

use super::error::StudyError;
use super::found_runs::{FoundRun, found_runs};
use super::planned::PlannedRun;
use crate::spec::{NUMERICS, Study};
use crate::store::names;
use std::path::Path;
use toml::{Table, Value};

/// A sentence about the first finished run that was made from other points than the file holds that it names; none where
/// there is no such run.
pub fn changed_table(study: &Study, out: &Path, runs: &[PlannedRun]) -> Option<String> {
    study.keys.iter().any(|key| key == "data.path").then_some(())?;
    let changed = |found: &FoundRun| {
        let label = &found.status.label;
        if found.status.numerics != Some(NUMERICS) {
            return None;
        }
        let values = found.sweep_values(&study.keys);
        let asked = runs.iter().find(|run| {
            let own = &run.label;
            (&own.pipeline, own.replicate, &own.values) == (&label.pipeline, label.replicate, &values)
        })?;
        if found.keys.as_ref().is_none_or(|keys| keys.data == asked.keys.data) {
            return None;
        }
        let there = std::fs::read_to_string(found.folder.join(names::SPEC)).ok()?;
        let ((path, before), (other, now)) = (digest(&there)?, digest(&asked.spec)?);
        (path == other && before != now).then(|| {
            format!(
                "{path} holds other points than when {} was made from it (data.sha256 was {before}, and is {now})",
                label.run
            )
        })
    };
    found_runs(out).iter().find_map(changed)
}

/// Refuses to go on in a folder with such a run.
///
/// # Errors
/// Naming the table and the run.
pub fn refuse_changed_table(study: &Study, out: &Path, runs: &[PlannedRun]) -> Result<(), StudyError> {
    let reason = changed_table(study, out, runs);
    let folder = out.display().to_string();
    reason.map_or(Ok(()), |reason| Err(StudyError::TableChanged { folder, reason }))
}

/// The file of a run's data and its digest.
fn digest(spec: &str) -> Option<(String, String)> {
    let spec: Table = toml::from_str(spec).ok()?;
    let text = |key: &str| spec.get("data")?.get(key).and_then(Value::as_str).map(str::to_string);
    Some((text("path")?, text("sha256")?))
}
