//! The runs of a study: a pipeline of a replicate of a point, each with a name, a folder and a spec.

use super::checkpoints::Checkpoints;
use super::error::ExperimentError;
use super::files;
use super::lock::Lock;
use super::records::Label;
use super::status::{State, Status};
use crate::numeric::digest::hex;
use crate::spec::{Pipeline, Plan, Study};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The spec of a folder: of a run, or of the whole.
pub const SPEC: &str = "spec.toml";

/// One run of a study.
pub struct PlannedRun<'a> {
    /// Name, pipeline, replicate, values of the sweep keys.
    pub label: Label,
    /// Its pipeline.
    pub pipeline: Pipeline,
    /// The plan of its point.
    pub plan: &'a Plan,
    /// Its own spec.
    pub spec: Arc<str>,
    /// Its folder.
    pub folder: PathBuf,
}

impl PlannedRun<'_> {
    /// Its status, if it is finished with this very spec.
    pub fn finished(&self) -> Option<Status> {
        Self::status_of(&self.folder, &self.spec, &self.label)
    }

    /// The status in a run's folder, if that run is finished with this very spec.
    pub fn status_of(folder: &Path, spec: &str, label: &Label) -> Option<Status> {
        let status = Status::read(folder).filter(|s| s.state == State::Done && s.label == *label)?;
        std::fs::read_to_string(folder.join(SPEC)).is_ok_and(|old| old == spec).then_some(status)
    }

    /// Whether a run of that name has that spec, as far as the name tells: it ends in a hash of it in a sweep.
    pub fn is_named_after(name: &str, spec: &str) -> bool {
        name.matches('-').count() < 2 || name.ends_with(&id(spec))
    }

    /// Whether its folder holds something of this very run.
    pub fn is_begun(&self) -> bool {
        std::fs::read_to_string(self.folder.join(SPEC)).is_ok_and(|old| *old == *self.spec)
    }

    /// The folder of the finished run with lambda = 0 that has the very network of this control run.
    pub fn plain_sibling(&self, in_sweep: bool) -> Option<PathBuf> {
        let spec = self.plan.plain_toml(self.pipeline).ok()??;
        let name = run_name(self.pipeline, self.label.replicate, &spec, in_sweep);
        let folder = self.folder.parent()?.join(&name);
        let status = Status::read(&folder).filter(|s| s.state == State::Done && s.label.run == name)?;
        Self::status_of(&folder, &spec, &status.label).map(|_| folder)
    }

    /// Makes the folder ready to run in: an old status goes, and so do checkpoints but of this very run.
    ///
    /// # Errors
    /// If the folder cannot be made or cleared.
    pub fn make_ready(&self) -> Result<Lock, ExperimentError> {
        files::make_folder(&self.folder)?;
        let lock = Lock::exclusive(&self.folder)?;
        Status::remove(&self.folder)?;
        if !self.is_begun() {
            Checkpoints::new(&self.folder, Duration::MAX).clear()?;
            files::write(&self.folder.join(SPEC), |out| out.write_all(self.spec.as_bytes()))?;
        }
        files::remove_leftovers(&self.folder)?;
        Ok(lock)
    }
}

/// The name of a run and of its folder.
fn run_name(pipeline: Pipeline, replicate: usize, spec: &str, in_sweep: bool) -> String {
    let mut name = format!("{pipeline}-r{replicate}");
    if in_sweep {
        name += "-";
        name += &id(spec);
    }
    name
}

/// A hash of a spec, long enough that a million runs share none.
fn id(spec: &str) -> String {
    let mut name = hex(Sha256::new_with_prefix(spec));
    name.truncate(16);
    name
}

/// All runs of a study, point by point, then replicate by replicate.
///
/// A run is named by pipeline and replicate; in a sweep also by a hash of its own spec, so that points can
/// be added or taken away and the others keep their folders.
pub fn planned<'a>(study: &'a Study, out: &Path) -> Vec<PlannedRun<'a>> {
    let mut runs = Vec::new();
    for point in &study.points {
        for replicate in 0..point.plan.replicates {
            for (&pipeline, spec) in point.plan.pipelines.iter().zip(&point.specs) {
                let run = run_name(pipeline, replicate, spec, !study.keys.is_empty());
                let folder = out.join("runs").join(&run);
                let label =
                    Label { run, pipeline: pipeline.to_string(), replicate, values: point.values.clone() };
                runs.push(PlannedRun { label, pipeline, plan: &point.plan, spec: Arc::clone(spec), folder });
            }
        }
    }
    runs
}
