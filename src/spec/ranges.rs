//! Ranges that many keys share.

use super::error::SpecError;
use super::origin::Origins;

/// Counts past this are typing errors, not experiments.
const MOST: usize = 1_000_000_000;

/// Refuses values out of their range, each at its own place.
pub struct Checker<'a>(pub &'a Origins);

impl Checker<'_> {
    /// Refuses unless `ok`.
    pub fn require(&self, ok: bool, key: &str, message: impl FnOnce() -> String) -> Result<(), SpecError> {
        if ok { Ok(()) } else { Err(self.0.error(key, message())) }
    }

    /// A whole number from 1 up.
    pub fn count(&self, key: &str, value: usize) -> Result<(), SpecError> {
        self.require((1..=MOST).contains(&value), key, || {
            format!("`{key}` is {value}, but it must be a whole number from 1 to {MOST}")
        })
    }

    /// Above 0 and finite.
    pub fn positive(&self, key: &str, value: f64) -> Result<(), SpecError> {
        self.require(value.is_finite() && value > 0.0, key, || {
            format!("`{key}` is {value}, but it must be a positive finite number")
        })
    }

    /// 0 or more, and finite.
    pub fn not_negative(&self, key: &str, value: f64) -> Result<(), SpecError> {
        self.require(value.is_finite() && value >= 0.0, key, || {
            format!("`{key}` is {value}, but it must be a finite number, 0 or more")
        })
    }

    /// `0 <= value < 1`
    pub fn fraction(&self, key: &str, value: f64) -> Result<(), SpecError> {
        self.require((0.0..1.0).contains(&value), key, || {
            format!("`{key}` is {value}, but it must be at least 0 and below 1")
        })
    }

    /// `0 < value < 1`
    pub fn beta(&self, key: &str, value: f64) -> Result<(), SpecError> {
        self.require(value > 0.0 && value < 1.0, key, || {
            format!("`{key}` is {value}, but a beta must lie between 0 and 1, both excluded")
        })
    }
}
