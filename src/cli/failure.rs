//! A command that failed: the message for people, and the exit code for scripts.

use crate::report::visible;
use crate::run::RunError;
use crate::spec::SpecError;
use crate::store::{StoreError, console};
use crate::study::StudyError;
use std::fmt;

/// A command that failed: one message and the process exit code.
#[derive(Debug)]
pub struct Failure {
    pub(super) message: String,
    pub(super) code: u8,
    /// The message with colours, where they can be shown.
    styled: Option<String>,
}

impl Failure {
    /// A failure with that exit code.
    pub(super) fn new(message: impl Into<String>, code: u8) -> Self {
        Self { message: message.into(), code, styled: None }
    }

    /// The spec, the arguments or an input file are wrong.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(message, 2)
    }

    /// It failed while running.
    pub fn running(message: impl Into<String>) -> Self {
        Self::new(message, 1)
    }

    /// The message as standard error shows it: in colour where that is a terminal that has them, and with no character
    /// that would change the terminal.
    pub fn shown(&self) -> String {
        self.styled.clone().unwrap_or_else(|| visible(&self.message).into_owned())
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
        let shown = |text: &str| visible(text).into_owned();
        let styled = console::has_colours().then(|| error.report(true, &shown));
        Self { styled, ..Self::input(error.report(false, &shown)) }
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        Self::new(error.to_string(), error.exit_code())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::new(error.to_string(), error.exit_code())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::from(StudyError::from(error))
    }
}
