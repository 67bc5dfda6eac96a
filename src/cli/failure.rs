//! A command that failed: the message for people, and the exit code for scripts.

use crate::run::RunError;
use crate::spec::SpecError;
use crate::store::StoreError;
use crate::study::StudyError;
use std::fmt;

/// A command that failed: one message and the process exit code.
#[derive(Debug)]
pub struct Failure {
    pub(super) message: String,
    pub(super) code: u8,
}

impl Failure {
    /// The spec, the arguments or an input file are wrong.
    pub fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// It failed while running.
    pub fn running(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// The process exit code.
    pub fn exit_code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        Self { message: error.to_string(), code: error.exit_code() }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self { message: error.to_string(), code: error.exit_code() }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(StudyError::from(error))
    }
}
