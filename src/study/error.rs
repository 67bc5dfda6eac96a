//! What can go wrong with a study as a whole, as sentences that say where and how to mend it.

use crate::run::RunError;
use crate::spec::SpecError;
use crate::store::StoreError;
use std::path::PathBuf;

/// Why a study could not be run, planned, collected or listed.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The output folder holds another experiment.
    #[error(
        "{folder} holds results of another spec ({difference}); choose another --out, or overwrite them with `gdiff run --force`"
    )]
    OtherSpec {
        /// The folder.
        folder: String,
        /// The first line in which the specs differ.
        difference: String,
    },
    /// The spec in the output folder cannot be followed here, so that nothing says whether it is the same.
    #[error(
        "{folder} holds results of a spec that cannot be followed here ({reason}); mend that, choose another --out, or overwrite them with `gdiff run --force`"
    )]
    SpecThere {
        /// The folder.
        folder: String,
        /// Why not.
        reason: String,
    },
    /// The output folder holds files of a study's names that no study of ours has written.
    #[error(
        "{folder} holds {name}, which was not written by gdiff as far as the folder shows; choose another --out, or move it"
    )]
    Foreign {
        /// The folder.
        folder: String,
        /// The first such file or folder.
        name: &'static str,
    },
    /// The output folder holds results of ours, and their spec is gone.
    #[error(
        "{folder} holds {name}, but its spec.toml is gone, so that nobody can tell which study it belongs to; put spec.toml back, choose another --out, or start afresh with `gdiff run --force`"
    )]
    SpecIsGone {
        /// The folder.
        folder: String,
        /// The first file or folder of a study there.
        name: &'static str,
    },
    /// Two sweep keys that are the same with underscores.
    #[error(
        "--flat-names would give the sweep keys `{0}` and `{1}` one column; leave it out, so that columns are named as in the spec"
    )]
    OneColumn(String, String),
    /// Threads could not be started.
    #[error("cannot start threads ({0}); give smaller --threads or --jobs")]
    Threads(String),
    /// The folder holds no frozen study.
    #[error("{0} has no points.json; make it with `gdiff sweep plan SPEC --out {0}`")]
    NoPlan(String),
    /// A table of the sweep is another one than when runs of the folder were made.
    #[error(
        "{folder} cannot go on: {reason}; put the table back, choose another --out, or start afresh with --force"
    )]
    TableChanged {
        /// The folder.
        folder: String,
        /// Which table, and which run.
        reason: String,
    },
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
    /// A folder without a finished run.
    #[error(
        "{0} has no finished run; give the output folder of a `gdiff run` that did at least one of its runs"
    )]
    NoFinishedRuns(String),
    /// A metric that no run has.
    #[error("no run has a value of `{name}`; there are {known}")]
    NoMetric {
        /// What was asked for.
        name: String,
        /// The metrics that there are.
        known: String,
    },
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
    /// A submission that ended after some of its arrays were accepted.
    #[error(
        "{source}\n{n} job arrays were accepted before that and stay in the queue; submit again for the rest, or cancel them with\n  scancel {list}",
        n = jobs.len(),
        list = jobs.join(" ")
    )]
    PartlySubmitted {
        /// What ended it.
        source: Box<Self>,
        /// Slurm's numbers of the accepted arrays.
        jobs: Vec<String>,
    },
    /// A file could not be written or read, or the folder is in use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What stopped a run and everything with it.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// A run that failed.
#[derive(Debug)]
pub struct RunFailure {
    /// Its name.
    pub run: String,
    /// Why.
    pub error: RunError,
}

impl StudyError {
    /// Two keys of one column.
    pub(super) fn one_column((first, second): (String, String)) -> Self {
        Self::OneColumn(first, second)
    }

    /// The process exit code: 130 interrupted, 2 for arguments that cannot be followed, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Run(error) => error.exit_code(),
            Self::Store(error) if error.is_of_arguments() => 2,
            Self::OtherSpec { .. }
            | Self::SpecThere { .. }
            | Self::TableChanged { .. }
            | Self::Foreign { .. }
            | Self::SpecIsGone { .. }
            | Self::NoSuchIndex { .. }
            | Self::NoPlan(_)
            | Self::Spec(_)
            | Self::NoRuns(_)
            | Self::NoFinishedRuns(_)
            | Self::NoMetric { .. }
            | Self::OneColumn(..)
            | Self::OtherPlan(_) => 2,
            _ => 1,
        }
    }

    /// Whether it is a request to stop.
    pub fn is_interrupt(&self) -> bool {
        matches!(self, Self::Run(RunError::Interrupted))
    }
}
