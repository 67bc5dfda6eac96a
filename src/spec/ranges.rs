//! Checks of a spec: what an options struct says of itself, put at its line.

use super::error::SpecError;
use super::origin::Origins;
use crate::numeric::options::{self, OutOfRange};

/// Refuses values out of their range, each at its own place.
pub struct Checker<'a>(pub &'a Origins);

impl Checker<'_> {
    /// What an options struct says of itself, at its section of the spec.
    pub fn section(&self, name: &str, checked: Result<(), OutOfRange>) -> Result<(), SpecError> {
        self.take(checked.map_err(|refused| refused.within(name)))
    }

    /// A refusal of a key with its whole path, at its place.
    pub fn take(&self, checked: Result<(), OutOfRange>) -> Result<(), SpecError> {
        checked.map_err(|refused| self.0.error(&refused.key, refused.to_string()))
    }

    /// Refuses unless `ok`.
    pub fn require(&self, ok: bool, key: &str, message: impl FnOnce() -> String) -> Result<(), SpecError> {
        if ok { Ok(()) } else { Err(self.0.error(key, message())) }
    }

    /// A whole number from 1 up.
    pub fn count(&self, key: &str, value: usize) -> Result<(), SpecError> {
        self.take(options::count(key, value))
    }

    /// Above 0 and finite.
    pub fn positive(&self, key: &str, value: f64) -> Result<(), SpecError> {
        self.take(options::positive(key, value))
    }

    /// 0 or more, and finite.
    pub fn not_negative(&self, key: &str, value: f64) -> Result<(), SpecError> {
        self.take(options::not_negative(key, value))
    }
}
