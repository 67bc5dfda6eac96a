//! Who runs the jobs of a planned study on other machines.

mod slurm;

pub use slurm::{Engine, Submission, SubmitOptions, Submitted, engine_lines, submit};
