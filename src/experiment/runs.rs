//! The runs of a study: a pipeline of a replicate of a point, each with a name, a folder and a spec.

use super::error::ExperimentError;
use super::records::Label;
use super::status::Status;
use crate::spec::{Pipeline, Plan, Study};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

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
    pub spec: String,
    /// Its folder.
    pub folder: PathBuf,
}

impl PlannedRun<'_> {
    /// Its status, if it is finished with this very spec.
    pub fn finished(&self) -> Option<Status> {
        let same = std::fs::read_to_string(self.folder.join(SPEC)).is_ok_and(|old| old == self.spec);
        if same { Status::read(&self.folder) } else { None }
    }
}

/// All runs of a study, point by point, then replicate by replicate.
///
/// A run is named by pipeline and replicate; in a sweep also by a hash of its own spec, so that points can
/// be added or taken away and the others keep their folders.
///
/// # Errors
/// If a spec has no TOML form.
pub fn planned<'a>(study: &'a Study, out: &Path) -> Result<Vec<PlannedRun<'a>>, ExperimentError> {
    let mut runs = Vec::new();
    for point in &study.points {
        let specs = point
            .plan
            .pipelines
            .iter()
            .map(|&pipeline| point.plan.run_toml(pipeline).map(|spec| (pipeline, spec)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| ExperimentError::Defect(format!("spec: {e}")))?;
        for replicate in 0..point.plan.replicates {
            for (pipeline, spec) in &specs {
                let mut run = format!("{pipeline}-r{replicate}");
                if !study.keys.is_empty() {
                    let digest = Sha256::digest(spec.as_bytes());
                    run += "-";
                    run.extend(digest.iter().take(4).map(|byte| format!("{byte:02x}")));
                }
                let folder = out.join("runs").join(&run);
                let label =
                    Label { run, pipeline: pipeline.to_string(), replicate, values: point.values.clone() };
                runs.push(PlannedRun {
                    label,
                    pipeline: *pipeline,
                    plan: &point.plan,
                    spec: spec.clone(),
                    folder,
                });
            }
        }
    }
    Ok(runs)
}
