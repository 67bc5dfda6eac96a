//! Many runs: which are still to do, who does them, what they share, and the tables that are made of them; here or on
//! many machines.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`mod@planned`] | the runs of a study: names, folders, keys |
//! | [`mark`] | what shows that gdiff wrote into a folder |
//! | [`held`] | what an output folder holds already |
//! | `changed_tables` | tables of a sweep that hold other points than when runs were made from them |
//! | [`clear`] | emptying it of what a study wrote there |
//! | [`mod@run_study`] | all of it, or what is missing |
//! | `queue`, `scheduler` | which run comes next; the threads that do them |
//! | [`side_by_side`] | how many runs the memory holds at a time |
//! | [`work`] | how much work runs are that share stages |
//! | `shared_stages` | data, spaces and networks that runs have in common |
//! | [`tables`], `summary`, [`run_values`], [`provenance`] | the study's own tables, made of those of its runs |
//! | [`frozen_plan`], [`frozen_run`], [`execute`] | runs numbered for good; parts of them executed anywhere, and collected |
//! | `found_runs` | the finished runs of a folder, and what each found |
//! | `paired` | values of two groups, replicate by replicate |
//! | [`study_runs`], [`mod@compare`], `same_point` | two studies, run by run |
//! | `estimate` | what a study will do, how long that takes, and how much it writes |
//! | [`pilot`] | how much paired differences vary, and how many replicates they need |
//! | `verify` | every file against its digest |
//! | [`mod@list`], [`mod@run_progress`] | the runs of a folder and their states; how far those are that are not done |
//! | [`old_folders`], `version_0_1` | runs of earlier versions: which are kept, and why others are not |
//! | [`engines`] | job arrays on a cluster |
//!
//! Nothing but the folder is shared between processes: each run has its own lock, checkpoints and status.

mod changed_tables;
pub mod clear;
pub mod compare;
pub mod engines;
pub mod error;
mod estimate;
pub mod execute;
mod found_runs;
pub mod frozen_plan;
pub mod frozen_run;
pub mod held;
mod index_list;
pub mod list;
pub mod mark;
pub mod old_folders;
pub mod paired;
pub mod pilot;
pub mod planned;
pub mod provenance;
mod queue;
mod renamed_runs;
pub mod run_progress;
pub mod run_study;
pub mod run_values;
mod same_point;
mod scheduler;
mod shared_stages;
pub mod side_by_side;
pub mod study_runs;
mod summary;
pub mod tables;
mod verify;
mod version_0_1;
pub mod work;

pub use compare::{Compared, ComparedLine, ComparedRow, compare};
pub use engines::{ENGINES, Engine, Submission, SubmitOptions, Submitted, engine};
pub use error::{RunFailure, StudyError};
pub use estimate::{Estimate, estimate};
pub use execute::{Collected, Executed};
pub use frozen_plan::FrozenStudy;
pub use frozen_run::FrozenRun;
pub use index_list::index_list;
pub use list::{RunLine, RunList, RunState, list, not_asked_for};
pub use pilot::{Needed, Pilot, PilotLine, PilotRuns};
pub use planned::{PlannedRun, planned};
pub use run_progress::RunProgress;
pub use run_study::{Finished, Outcome, run_study};
pub use study_runs::{SpecDifference, StudyRuns};
pub use verify::{Verified, verify};
