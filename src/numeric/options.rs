//! Options out of their range. Each options struct checks itself, once, and says which of its keys is wrong and what
//! would be right; whoever read the options from a file adds the section and the line.

use std::fmt;

/// The largest count that is taken for meant: more is a typing error, not an experiment.
const LARGEST_COUNT: usize = 1_000_000_000;

/// A value out of its range: the key, and the rest of the sentence that begins with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfRange {
    /// The key within its options (`learning_rate`, `isotropy.lambda`, `hidden[1]`).
    pub key: String,
    /// What the value is, and what it must be: "is -1, but it must be a positive finite number".
    pub reason: String,
}

impl OutOfRange {
    /// The sentence "`key` reason".
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }

    /// The same with the key of a section before it: `learning_rate` in `train` is `train.learning_rate`.
    #[must_use]
    pub fn within(self, section: &str) -> Self {
        Self { key: format!("{section}.{}", self.key), ..self }
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.reason)
    }
}

impl std::error::Error for OutOfRange {}

/// Refuses `key` unless `fine`.
///
/// # Errors
/// The sentence "`key` reason" where it is not.
pub fn require(fine: bool, key: &str, reason: impl FnOnce() -> String) -> Result<(), OutOfRange> {
    if fine { Ok(()) } else { Err(OutOfRange::new(key, reason())) }
}

/// A whole number from 1 up.
///
/// # Errors
/// If it is not.
pub fn count(key: &str, value: usize) -> Result<(), OutOfRange> {
    require((1..=LARGEST_COUNT).contains(&value), key, || {
        format!("is {value}, but it must be a whole number from 1 to {LARGEST_COUNT}")
    })
}

/// A number in a message: `-1`, and `1e200` where its digits are many.
fn shown(value: f64) -> String {
    let (plain, short) = (value.to_string(), format!("{value:e}"));
    if plain.len() > 12 && short.len() < plain.len() { short } else { plain }
}

/// Above 0 and finite.
///
/// # Errors
/// If it is not.
pub fn positive(key: &str, value: f64) -> Result<(), OutOfRange> {
    require(value.is_finite() && value > 0.0, key, || {
        format!("is {}, but it must be a positive finite number", shown(value))
    })
}

/// 0 or more, and finite.
///
/// # Errors
/// If it is not.
pub fn not_negative(key: &str, value: f64) -> Result<(), OutOfRange> {
    require(value.is_finite() && value >= 0.0, key, || {
        format!("is {}, but it must be a finite number, 0 or more", shown(value))
    })
}

/// `0 <= value < 1`
///
/// # Errors
/// If it is not.
pub fn fraction(key: &str, value: f64) -> Result<(), OutOfRange> {
    require((0.0..1.0).contains(&value), key, || {
        format!("is {}, but it must be at least 0 and below 1", shown(value))
    })
}

/// `0 < value < 1`
///
/// # Errors
/// If it is not.
pub fn open_unit(key: &str, value: f64) -> Result<(), OutOfRange> {
    require(value > 0.0 && value < 1.0, key, || {
        format!("is {}, but it must lie between 0 and 1, both excluded", shown(value))
    })
}
