//! The one error of the spec reader: what is wrong, where, and how to mend it.

use std::fmt;

/// Where in the user's input a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Line and column of the spec file, from 1.
    At {
        /// Line.
        line: usize,
        /// Column, in characters.
        column: usize,
    },
    /// An argument of the command line, as typed.
    Argument(String),
    /// Nowhere in particular: the file as a whole.
    Whole,
}

/// A spec that cannot be run, in one sentence with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    file: String,
    place: Place,
    message: String,
}

impl SpecError {
    /// An error at a place of a spec file.
    pub fn new(file: &str, place: Place, message: impl Into<String>) -> Self {
        Self { file: file.to_string(), place, message: message.into() }
    }

    /// The spec file could not be read at all.
    pub fn unreadable(file: &str, error: &std::io::Error) -> Self {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file; check the path of the spec".to_string(),
            std::io::ErrorKind::InvalidData => "not UTF-8 text, so not a TOML spec".to_string(),
            _ => format!("cannot be read: {error}"),
        };
        Self::new(file, Place::Whole, message)
    }

    /// The sentence without its place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::At { line, column } => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            Place::Argument(text) => write!(f, "{text}: {}", self.message),
            Place::Whole => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for SpecError {}

/// The candidate nearest to what was typed, if one is near enough to be meant.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(&typed.to_lowercase(), c), c))
        .filter(|(distance, c)| *distance <= (c.len().max(typed.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}
