//! What can go wrong while an experiment runs, as sentences that say where and how to mend it.

use crate::data::scaling::ConstantColumn;
use crate::diffusion::DiffusionError;
use crate::gaussianize::GaussianizeError;
use crate::metrics::MetricsError;
use crate::spec::SpecError;
use std::path::PathBuf;

/// Why an experiment stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// Ctrl-C or a termination signal.
    #[error("interrupted; finished runs and checkpoints are kept")]
    Interrupted,
    /// The output folder holds another experiment.
    #[error(
        "{folder} holds results of another spec ({difference}); choose another --out, or give --force to overwrite them"
    )]
    OtherSpec {
        /// The folder.
        folder: String,
        /// The first line in which the specs differ.
        difference: String,
    },
    /// Another process works in the folder.
    #[error("{folder} is in use by {holder}; wait for it, or choose another --out")]
    Locked {
        /// The folder.
        folder: String,
        /// Who holds it.
        holder: String,
    },
    /// Threads could not be started.
    #[error("cannot start threads ({0}); give smaller --threads or --jobs")]
    Threads(String),
    /// The folder holds no frozen study.
    #[error("{0} has no points.json; make it with `gdiff sweep plan SPEC --out {0}`")]
    NoPlan(String),
    /// A frozen study that cannot be read back.
    #[error(
        "cannot read {path}: {reason}; `gdiff sweep plan` with the same spec writes it anew, and runs that are done are kept"
    )]
    DamagedPlan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The frozen spec of a run is refused, here and now.
    #[error("{0}")]
    Spec(SpecError),
    /// The folder holds no runs.
    #[error("{0} has no runs; give the output folder of `gdiff run` or `gdiff sweep plan`")]
    NoRuns(String),
    /// The folder holds another frozen study.
    #[error(
        "{0} has a plan of other runs already, and jobs may count on its numbers; choose another --out, or remove {0}/points.json"
    )]
    OtherPlan(String),
    /// An index past the end of a frozen study.
    #[error("there is no run {index}: the study has {count}, counted from 0")]
    NoSuchIndex {
        /// The index asked for.
        index: usize,
        /// How many runs there are.
        count: usize,
    },
    /// The cluster's own command failed.
    #[error("{command}: {reason}; check that Slurm is installed and that its options fit the cluster")]
    Engine {
        /// The command.
        command: String,
        /// What it said.
        reason: String,
    },
    /// A file or folder could not be written.
    #[error(
        "cannot write {path}: {source}; check that the folder is writable and the disk not full, then run again"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file of an earlier run could not be read back.
    #[error("cannot read {path}: {reason}; remove the folder it is in, and run again")]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The device asked for is not there.
    #[error("{0}")]
    Device(String),
    /// A stage of a run failed.
    #[error("run {run}, stage {stage}: {source}")]
    Stage {
        /// Which run.
        run: String,
        /// Which stage.
        stage: &'static str,
        /// What failed.
        source: StageError,
    },
    /// The data of a replicate could not be prepared.
    #[error("replicate {replicate}, stage data: {reason}")]
    Data {
        /// Which replicate.
        replicate: usize,
        /// What failed.
        reason: String,
    },
    /// A run broke down in a way that is a defect of this program.
    #[error("run {0} broke down; this is a defect of gdiff, please report it with its spec")]
    Defect(String),
}

/// A run that failed.
#[derive(Debug)]
pub struct RunFailure {
    /// Its name.
    pub run: String,
    /// Why.
    pub error: ExperimentError,
}

/// Why a stage failed.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Scaling the data.
    #[error(transparent)]
    Scaling(#[from] ConstantColumn),
    /// Fitting or applying the Gaussianizer.
    #[error(transparent)]
    Gaussianize(#[from] GaussianizeError),
    /// Training or sampling.
    #[error(transparent)]
    Diffusion(#[from] DiffusionError),
    /// Scoring.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// Samples ran off to infinity.
    #[error(
        "the samples diverged at reverse step {step} (t = {t}): {what}; train longer, lower train.learning_rate, or take more diffusion.steps"
    )]
    Diverged {
        /// Reverse step.
        step: usize,
        /// Diffusion time.
        t: usize,
        /// What was seen.
        what: &'static str,
    },
    /// The isotropy of the plain network is out of the formula's range.
    #[error(
        "the trained network predicts noise of mean square {q:.4} per dimension, but the control needs one between 0 and 1; train longer"
    )]
    NoScale {
        /// Mean square of the predicted noise over dimensions.
        q: f64,
    },
    /// Stop asked for from outside.
    #[error("interrupted")]
    Interrupted,
}

impl ExperimentError {
    /// Whether it is the failure of one run, which leaves the others alone.
    pub fn is_of_one_run(&self) -> bool {
        matches!(self, Self::Stage { .. } | Self::Data { .. } | Self::Defect(_) | Self::Locked { .. })
    }

    /// The process exit code: 130 interrupted, 2 for arguments that cannot be followed, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted => 130,
            Self::OtherSpec { .. }
            | Self::Locked { .. }
            | Self::NoSuchIndex { .. }
            | Self::NoPlan(_)
            | Self::Spec(_)
            | Self::NoRuns(_)
            | Self::OtherPlan(_) => 2,
            _ => 1,
        }
    }
}
