//! Runs of earlier versions: those of version 0.1, whose names come from the bytes of their spec, and those of other
//! numerics. A run that is the same today is kept under today's name; for the others there is a reason.

use super::found_runs::{FoundRun, found_runs};
use super::planned::PlannedRun;
use super::version_0_1;
use crate::spec::{self, NUMERICS, StageKeys};
use crate::store::{Label, Lock, Status, StoreError, atomic, names};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// What tells runs apart: pipeline, key and replicate.
type RunKey = (String, String, usize);

fn run_key(label: &Label, keys: &StageKeys) -> RunKey {
    (label.pipeline.clone(), keys.run.clone(), label.replicate)
}

/// The finished runs of version 0.1 in a folder. None where the folder has none, which is known without reading each
/// run's spec.
pub struct OldRuns(HashMap<RunKey, FoundRun>);

impl OldRuns {
    /// Looks through a folder.
    pub fn read(out: &Path) -> Self {
        let old = found_runs(out).into_iter().filter(|run| run.status.keys.is_none());
        let by_key = |run: FoundRun| Some((run_key(&run.status.label, run.keys.as_ref()?), run));
        Self(old.filter_map(by_key).collect())
    }

    /// Where a run is finished, and its status there: in its own folder, or under the name of version 0.1.
    pub fn locate(&self, run: &PlannedRun) -> Option<(PathBuf, Status)> {
        let today = run.finished().map(|status| (run.folder.clone(), status));
        today.or_else(|| {
            let old = self.0.get(&run_key(&run.label, &run.keys))?;
            Some((old.folder.clone(), old.status.clone()))
        })
    }
}

/// Gives the old runs that a study asks for their new names, keys and digests; returns how many.
///
/// # Errors
/// If a folder is in use or cannot be renamed.
pub fn adopt(out: &Path, runs: &[PlannedRun]) -> Result<usize, StoreError> {
    let OldRuns(mut old) = OldRuns::read(out);
    let mut adopted = 0;
    for run in runs {
        let Some(found) = old.remove(&run_key(&run.label, &run.keys)) else { continue };
        if found.folder != run.folder && run.folder.exists() {
            continue;
        }
        let lock = Lock::exclusive(&found.folder)?;
        let failed = |source| StoreError::Write { path: run.folder.clone(), source };
        if found.folder != run.folder {
            std::fs::rename(&found.folder, &run.folder).map_err(failed)?;
        }
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(&run.folder).map_err(failed)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != names::LOCK && name != names::STATUS && entry.path().is_file() {
                let bytes = std::fs::read(entry.path()).map_err(failed)?;
                files.insert(name, atomic::digest(&bytes));
            }
        }
        let label = Label { run: run.label.run.clone(), ..found.status.label.clone() };
        let (keys, numerics) = (found.keys, Some(NUMERICS));
        Status { label, keys, numerics, files, ..found.status }.write(&run.folder)?;
        drop(lock);
        adopted += 1;
    }
    Ok(adopted)
}

/// Why runs of earlier versions that stand for some of these runs are computed again: a sentence for each reason, with
/// the number of runs.
pub fn why_again(out: &Path, sweep_keys: &[String], missing: &[&PlannedRun]) -> Vec<String> {
    if missing.is_empty() {
        return Vec::new();
    }
    let place = |label: &Label, values| (label.pipeline.clone(), label.replicate, values);
    let mut asked: HashMap<(String, usize, Vec<String>), &PlannedRun> = HashMap::new();
    for run in missing {
        asked.insert(place(&run.label, run.label.values.clone()), run);
    }
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for found in found_runs(out).into_iter().filter(|run| run.status.numerics != Some(NUMERICS)) {
        let label = &found.status.label;
        if let Some(run) = asked.get(&place(label, found.sweep_values(sweep_keys))) {
            reasons.entry(reason(&found, run)).or_default().push(found.name());
        }
    }
    let sentence = |(reason, names): (String, Vec<String>)| match names.as_slice() {
        [name] => format!("{name} is computed again: {reason}"),
        [name, ..] => format!("{} runs ({name} and others) are computed again: {reason}", names.len()),
        [] => unreachable!("a reason is that of a run"),
    };
    reasons.into_iter().map(sentence).collect()
}

/// Why the run in a folder is not the one that is asked for.
fn reason(found: &FoundRun, run: &PlannedRun) -> String {
    if let Some(numerics) = found.status.numerics {
        return format!(
            "its results are those of numerics {numerics}, and this gdiff computes numerics {NUMERICS} (docs/compatibility.md)"
        );
    }
    let study = match version_0_1::read(&found.folder) {
        Ok(study) => study,
        Err(error) => return format!("its spec cannot be read today: {error}"),
    };
    let Some((plan, pipeline)) =
        study.points.first().and_then(|p| Some((&p.plan, p.plan.pipelines.first()?)))
    else {
        return "its spec names no pipeline".to_string();
    };
    let then = spec::Identity::of_version_0_1(plan).run_lines(pipeline);
    let now = spec::Identity::of(run.plan).run_lines(run.pipeline);
    let differs = |key: &&String| then.get(*key) != now.get(*key);
    let Some(key) = now.keys().chain(then.keys()).find(differs) else {
        return "version 0.1 wrote another run of these values under its name".to_string();
    };
    let what = match key.rsplit('.').next() {
        Some("clip") => {
            "the predicted x0 is clipped where alpha_bar is small at the first step (`diffusion.clip`)"
        }
        Some("cross_validated") => "cross-validation chooses the layers of a Gaussianizer of so few points",
        Some("header") => {
            "a first line of numbers can be the names of the columns (`data.header`), and version 0.1 read it as a point"
        }
        _ => {
            let shown = |lines: &BTreeMap<String, String>| {
                lines.get(key).map_or("the default", String::as_str).to_string()
            };
            return format!("`{key}` was {} there, and is {} here", shown(&then), shown(&now));
        }
    };
    format!("today {what}")
}
