//! One experiment: its runs, the stages of each in order, and what they write.
//!
//! A *run* is one pipeline of one replicate. The replicates share nothing; the pipelines of a replicate
//! share data, reference points and noise, so that they can be compared in pairs. Finished runs are kept:
//! an experiment that was interrupted goes on with those that are missing.

mod assemble;
mod checkpoints;
mod context;
mod device;
mod error;
pub mod files;
mod fit_report;
mod lock;
mod observer;
mod pipeline;
mod points;
mod provenance;
mod records;
mod replay;
mod replicate;
mod runs;
mod sampling;
mod schedule_runs;
mod shared_data;
mod status;
mod together;
mod training;
mod wait_point;
mod work;

pub(crate) use assemble::{summarize, write_tables as tables};
pub use context::{Interrupt, RunOptions};
pub use device::DeviceChoice;
pub use error::{ExperimentError, RunFailure};
pub use fit_report::{FitRow, write_fit};
pub(crate) use lock::Lock;
pub use observer::{Observer, Quiet, Stage};
pub(crate) use provenance::Provenance;
pub(crate) use records::read_summary;
pub use records::{IsotropyRow, Label, LossRow, MetricsRow, Row, SummaryFigures, SummaryRow};
pub use records::{LabelledRows, read_labelled, read_last_row, read_rows};
pub use replay::{Cloud, Replay};
pub use replicate::{Purpose, Replicate};
pub(crate) use runs::{PlannedRun, planned};
pub(crate) use schedule_runs::holds;
pub use schedule_runs::{Finished, Outcome, run};
pub use status::{StageSeconds, State, Status};
pub(crate) use work::Work;
