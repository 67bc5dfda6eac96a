//! What can go wrong while a run is under way, as sentences that say where and how to mend it.

use crate::diffusion::DiffusionError;
use crate::metrics::MetricsError;
use crate::space::{ConstantColumn, SpaceError};
use crate::spec::SpecError;
use crate::store::StoreError;

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Ctrl-C or a termination signal.
    #[error("interrupted; finished runs and checkpoints are kept")]
    Interrupted,
    /// The device asked for is not there.
    #[error("{0}")]
    Device(String),
    /// CUDA was asked for in a build without it.
    #[error(
        "this build has no CUDA; docs/cuda.md says how to build one (scripts/build-cuda.sh, or `cargo build --release --features cuda`); give --device cpu, or leave --device out"
    )]
    NoCuda,
    /// A file could not be written or read back, or the folder is in use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A finished run was to be sampled in a way that cannot be meant.
    #[error(transparent)]
    Spec(Box<SpecError>),
    /// A run that is not finished has no results to read back.
    #[error("{0} is not finished; `gdiff run` with the study's spec and --out goes on with it")]
    Unfinished(String),
    /// The spec of a finished run cannot be followed here, for example because its table of points is gone.
    #[error("the spec of the run {folder} cannot be followed here: {reason}")]
    SpecOfRun {
        /// The run's folder.
        folder: String,
        /// Why.
        reason: String,
    },
    /// A stage of a run failed.
    #[error("run {run}, stage {stage}: {source}")]
    Stage {
        /// Which run.
        run: String,
        /// Which stage.
        stage: &'static str,
        /// What failed.
        source: Box<StageError>,
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

/// Why a stage failed.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Scaling the reference points.
    #[error(transparent)]
    Scaling(#[from] ConstantColumn),
    /// Fitting a transform.
    #[error(transparent)]
    Space(#[from] SpaceError),
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
        what: String,
    },
    /// Squares of the points overflow in the space of the diffusion.
    #[error(
        "the training points are so large in the space of the diffusion that their squares leave the range of numbers (isotropy at t = {t}); set data.scale = \"standardize\""
    )]
    OutOfRange {
        /// Diffusion time.
        t: usize,
    },
    /// The scores of fresh real points are infinite.
    #[error(
        "the {what} of fresh real points is infinite: some lie too far out for the range of numbers; rescale the data"
    )]
    InfiniteScore {
        /// Which score.
        what: &'static str,
    },
    /// An exact denoiser in a space where the data are no mixture.
    #[error(
        "in the space of this pipeline the data are no Gaussian mixture, so no exact denoiser is known; take a space of scales and whitenings, or another denoiser"
    )]
    NoExactDenoiser,
    /// The isotropy of the plain network is out of the formula's range.
    #[error(
        "the trained network predicts noise of mean square {q:.4} per dimension, but the control needs one between 0 and 1; train longer"
    )]
    NoScale {
        /// Mean square of the predicted noise over dimensions.
        q: f64,
    },
    /// A picture of samples could not be made.
    #[error("the picture of the samples could not be made: {0}")]
    Picture(String),
    /// Writing or reading a file during the stage.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stop asked for from outside.
    #[error("interrupted")]
    Interrupted,
}

impl RunError {
    /// Whether it is the failure of one run, which leaves the others alone.
    pub fn is_of_one_run(&self) -> bool {
        matches!(
            self,
            Self::Stage { .. } | Self::Data { .. } | Self::Defect(_) | Self::Store(StoreError::Locked { .. })
        )
    }

    /// The process exit code: 130 interrupted, 2 for arguments that cannot be followed, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Interrupted => 130,
            Self::Store(error) if error.is_of_arguments() => 2,
            Self::Spec(_) | Self::SpecOfRun { .. } | Self::NoCuda | Self::Unfinished(_) => 2,
            _ => 1,
        }
    }
}

impl StageError {
    /// The error of the run `run` whose stage `stage` this stopped.
    pub fn of(self, run: &str, stage: &'static str) -> RunError {
        match self {
            Self::Store(error) => RunError::Store(error),
            Self::Interrupted => RunError::Interrupted,
            source => RunError::Stage { run: run.to_string(), stage, source: Box::new(source) },
        }
    }
}
