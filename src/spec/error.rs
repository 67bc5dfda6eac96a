//! The error of the spec reader: everything that is wrong, each with what, where, and how to mend it.

use super::excerpt::excerpt;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// At most so many faults are shown.
const MOST_SHOWN: usize = 20;

/// Where in the user's input a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the spec file.
    At {
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// The bytes of the key with its value, or of an item of a list.
        span: Range<usize>,
        /// Where the key alone ends.
        key: usize,
    },
    /// An argument of the command line, as typed.
    Argument(String),
    /// Nowhere in particular: the file as a whole.
    Whole,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The dotted key that it is about; empty for the file as a whole.
    pub key: String,
    /// Where it was written.
    pub place: Place,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// A spec that cannot be run: all that is wrong with it, each in a sentence with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecError {
    file: Arc<str>,
    /// The text of the spec, of which lines are shown.
    text: Arc<str>,
    /// At least one.
    faults: Vec<Fault>,
}

impl SpecError {
    /// An error about a key, at a place of a spec file with that text.
    pub fn new(file: &str, text: &Arc<str>, fault: Fault) -> Self {
        Self { file: file.into(), text: Arc::clone(text), faults: vec![fault] }
    }

    /// The spec file could not be read at all.
    pub fn unreadable(file: &str, error: &std::io::Error) -> Self {
        let message = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "no such file; check the path of the spec (`gdiff init` writes one to start from)".to_string()
            }
            std::io::ErrorKind::InvalidData => "not UTF-8 text, so not a TOML spec".to_string(),
            _ => format!("cannot be read: {error}"),
        };
        Self::new(file, &"".into(), Fault { key: String::new(), place: Place::Whole, message })
    }

    /// The sentences without their places.
    pub fn message(&self) -> String {
        self.faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Whether nothing is wrong but with the files that the spec names: one is gone, or is another by now.
    pub fn is_only_of_files(&self) -> bool {
        const OF_FILES: [&str; 4] = ["data.path", "data.sha256", "features.weights", "features.sha256"];
        self.faults.iter().all(|fault| OF_FILES.contains(&fault.key.as_str()))
    }

    /// What is wrong.
    pub(super) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Adds what another error of the same spec says, but for what is known already.
    pub(super) fn extend(&mut self, other: Self) {
        for fault in other.faults {
            let known =
                |f: &Fault| f.message == fault.message && (f.key == fault.key || f.place == fault.place);
            if !self.faults.iter().any(known) {
                self.faults.push(fault);
            }
        }
    }

    /// Sorts what is wrong by its place in the file.
    pub(super) fn sort(&mut self) {
        self.faults.sort_by_key(|fault| match &fault.place {
            Place::Whole => 0,
            Place::At { span, .. } => 1 + span.start,
            Place::Argument(_) => usize::MAX,
        });
    }

    /// Each fault as a sentence with its place, and beneath it the line of the file with carets under what is meant; in
    /// colour where `styled`. `visible` writes out characters that would change a terminal.
    pub fn report(&self, styled: bool, visible: &dyn Fn(&str) -> String) -> String {
        let (bold, red, end) = if styled { ("\u{1b}[1m", "\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "", "") };
        let mut lines = Vec::new();
        for fault in self.faults.iter().take(MOST_SHOWN) {
            let (place, message) = (visible(&self.place(fault)), visible(&fault.message));
            lines.push(format!("{bold}{place}:{end} {red}{message}{end}"));
            if let Place::At { line, span, .. } = &fault.place
                && span.start <= self.text.len()
            {
                lines.push(excerpt(&self.text, *line, span.clone(), styled));
            }
        }
        match self.faults.len() {
            1 => {}
            all if all > MOST_SHOWN => {
                lines.push(format!(
                    "{all} errors in {}, of which {MOST_SHOWN} are shown",
                    visible(&self.file)
                ));
            }
            all => lines.push(format!("{all} errors in {}", visible(&self.file))),
        }
        lines.join("\n")
    }

    fn place(&self, fault: &Fault) -> String {
        match &fault.place {
            Place::At { line, column, .. } => format!("{}:{line}:{column}", self.file),
            Place::Argument(text) => text.clone(),
            Place::Whole => self.file.to_string(),
        }
    }
}

/// Each fault on a line.
impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            let end = if i > 0 { "\n" } else { "" };
            write!(f, "{end}{}: {}", self.place(fault), fault.message)?;
        }
        Ok(())
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
