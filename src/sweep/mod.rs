//! Many runs on many machines: a study frozen into numbered points, executed in parts, collected again.
//!
//! `plan` writes `points.json`; any number of processes, on any machines that share the folder, `exec`
//! parts of it; `collect` makes the same tables as one `gdiff run` would have. Nothing but the folder is
//! shared: each run has its own lock, checkpoints and status.

mod execute;
mod frozen;
mod ls;
mod ranges;
mod slurm;

pub use execute::{Collected, Executed};
pub use frozen::{FrozenRun, FrozenStudy};
pub use ls::{RunLine, RunList, RunState, list};
pub use ranges::ranges;
pub use slurm::{Engine, Submission, SubmitOptions, Submitted, engine_lines, submit};
