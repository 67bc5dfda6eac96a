//! The runs of a study: a pipeline of a replicate of a point, each with a name, a folder, a spec and keys.

use super::version_0_1;
use crate::spec::{Pipeline, Plan, StageKeys, Study};
use crate::store::{Label, Status, names};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One run of a study.
#[derive(Clone)]
pub struct PlannedRun<'a> {
    /// Name, pipeline, replicate, values of the sweep keys.
    pub label: Label,
    /// Its pipeline.
    pub pipeline: &'a Pipeline,
    /// The plan of its point.
    pub plan: &'a Plan,
    /// Its own spec.
    pub spec: Arc<str>,
    /// The keys of its stages.
    pub keys: Arc<StageKeys>,
    /// Its folder.
    pub folder: PathBuf,
}

impl PlannedRun<'_> {
    /// Its status, if this very run is finished in its folder.
    pub fn finished(&self) -> Option<Status> {
        finished(&self.folder, |key| key == self.keys.run, self.label.replicate)
    }

    /// The name that it would have in a study without a sweep, if this one has a sweep, and the other way round.
    pub fn other_name(&self) -> String {
        let is_plain = self.label.run == name(self.pipeline, self.label.replicate, None);
        name(self.pipeline, self.label.replicate, is_plain.then_some(&self.keys))
    }
}

/// The status in a run's folder, if the run of that key and replicate is finished there. It counts as finished
/// whatever the sweep that ran it: its label may hold other sweep keys than now.
pub fn finished(folder: &Path, is_key: impl Fn(&str) -> bool, replicate: usize) -> Option<Status> {
    let status = Status::read_done(folder).filter(|status| status.label.replicate == replicate)?;
    let is_run = run_key(folder, &status).is_some_and(|key| is_key(&key));
    is_run.then_some(status)
}

/// The key of the run whose status this is. Version 0.1 kept none: there it follows from the run's spec, as the
/// numerics are the same.
pub fn run_key(folder: &Path, status: &Status) -> Option<String> {
    match &status.keys {
        Some(keys) => Some(keys.run.clone()),
        None => version_0_1::keys(folder).map(|keys| keys.run),
    }
}

/// The folder of a run by its name.
pub fn folder(out: &Path, run: &str) -> PathBuf {
    out.join(names::RUNS).join(run)
}

/// The names of the folders under `runs`, sorted.
pub fn run_folders(out: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(out.join(names::RUNS)).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut found: Vec<String> = folders.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    found
}

/// The name of a run: pipeline and replicate; in a sweep also its key, so that points and axes can be added or taken away and
/// the others keep their folders.
fn name(pipeline: &Pipeline, replicate: usize, in_sweep: Option<&StageKeys>) -> String {
    let plain = format!("{pipeline}-r{replicate}");
    in_sweep.map_or_else(|| plain.clone(), |keys| format!("{plain}-{}", keys.folder_suffix()))
}

/// All runs of a study, point by point, then replicate by replicate.
pub fn planned<'a>(study: &'a Study, out: &Path) -> Vec<PlannedRun<'a>> {
    let in_sweep = !study.keys.is_empty();
    let mut runs = Vec::new();
    for point in &study.points {
        for replicate in 0..point.plan.replicates {
            for (pipeline, identity) in point.plan.pipelines.iter().zip(&point.runs) {
                let run = name(pipeline, replicate, in_sweep.then_some(&identity.keys));
                let folder = folder(out, &run);
                let label =
                    Label { run, pipeline: pipeline.to_string(), replicate, values: point.values.clone() };
                runs.push(PlannedRun {
                    label,
                    pipeline,
                    plan: &point.plan,
                    spec: Arc::clone(&identity.spec),
                    keys: Arc::clone(&identity.keys),
                    folder,
                });
            }
        }
    }
    runs
}
