//! The runs of a study: a pipeline of a replicate of a point, each with a name, a folder, a spec and keys.

use crate::spec::{self, Pipeline, Plan, StageKeys, Study};
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
        finished(&self.folder, &self.keys.run, self.label.replicate)
    }
}

/// The status in a run's folder, if the run of that key and replicate is finished there. It counts as finished
/// whatever the sweep that ran it: its label may hold other sweep keys than now.
pub fn finished(folder: &Path, key: &str, replicate: usize) -> Option<Status> {
    let status = Status::read_done(folder)?;
    (status.label.replicate == replicate && run_key(folder, &status).as_deref() == Some(key))
        .then_some(status)
}

/// The key of the run whose status this is. Version 0.1 kept none: there it follows from the run's spec, as the
/// numerics are the same.
pub fn run_key(folder: &Path, status: &Status) -> Option<String> {
    match &status.keys {
        Some(keys) => Some(keys.run.clone()),
        None => keys_of_version_0_1(folder).map(|keys| keys.run.clone()),
    }
}

/// The keys of a run of version 0.1, from its spec.
pub fn keys_of_version_0_1(folder: &Path) -> Option<Arc<StageKeys>> {
    let text = std::fs::read_to_string(folder.join(names::SPEC)).ok()?;
    let study = spec::read_finished(folder, names::SPEC, &text).ok()?;
    let point = study.points.first()?;
    // Fits to few points were not cross-validated then, so these runs are none of today's.
    let plan = &point.plan;
    let gaussianizers =
        plan.pipelines.first()?.space.iter().filter_map(|t| t.gaussianizer(&plan.gaussianize));
    let changed = gaussianizers.into_iter().any(|options| options.is_cross_validated(plan.data.samples));
    point.runs.first().filter(|_| !changed).map(|run| Arc::clone(&run.keys))
}

/// The folder of a run by its name.
pub fn folder(out: &Path, run: &str) -> PathBuf {
    out.join(names::RUNS).join(run)
}

/// All runs of a study, point by point, then replicate by replicate.
///
/// A run is named by pipeline and replicate; in a sweep also by its key, so that points and axes can be added or
/// taken away and the others keep their folders.
pub fn planned<'a>(study: &'a Study, out: &Path) -> Vec<PlannedRun<'a>> {
    let in_sweep = !study.keys.is_empty();
    let mut runs = Vec::new();
    for point in &study.points {
        for replicate in 0..point.plan.replicates {
            for (pipeline, identity) in point.plan.pipelines.iter().zip(&point.runs) {
                let mut run = format!("{pipeline}-r{replicate}");
                if in_sweep {
                    run = format!("{run}-{}", identity.keys.folder_suffix());
                }
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
