//! How a table is to be read, where its file leaves a choice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a user says about a table; what is left out is decided by what the file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TableOptions {
    /// Whether the first line is a header.
    pub header: Option<bool>,
    /// What separates the cells of a line.
    pub delimiter: Option<Delimiter>,
    /// The columns that are the axes of the points, in this order; none asks for all.
    pub columns: Option<Vec<ColumnChoice>>,
    /// What becomes of rows without a value in one of these columns.
    pub missing: MissingRows,
}

/// What becomes of rows in which a value is missing: an empty cell, `NA`, `nan` and the like, or NaN in an array.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum MissingRows {
    /// The table is refused.
    #[default]
    Refuse,
    /// They are left out, and a notice says which.
    LeaveOut,
}

impl TableOptions {
    /// For a file that begins with a header, as those that this program writes do.
    pub fn with_header() -> Self {
        Self { header: Some(true), ..Self::default() }
    }
}

/// What separates the cells of a line: `,`, `;`, a tab, any run of spaces, or another ASCII character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Delimiter(u8);

impl Delimiter {
    /// A comma.
    pub const COMMA: Self = Self(b',');
    /// A tab.
    pub const TAB: Self = Self(b'\t');
    /// A semicolon.
    pub const SEMICOLON: Self = Self(b';');
    /// Any run of spaces and tabs.
    pub const SPACE: Self = Self(b' ');

    /// The character.
    pub fn byte(self) -> u8 {
        self.0
    }
}

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "comma" => Ok(Self::COMMA),
            "tab" | "\\t" => Ok(Self::TAB),
            "semicolon" => Ok(Self::SEMICOLON),
            "space" | "spaces" => Ok(Self::SPACE),
            _ => match text.as_bytes() {
                [b @ (b'\t' | b' '..=b'~')] if !b.is_ascii_alphanumeric() && !b"\"#.+-".contains(b) => {
                    Ok(Self(*b))
                }
                _ => Err(format!(
                    "`{text}` is no delimiter; give \"comma\", \"tab\", \"semicolon\", \"space\", or one character"
                )),
            },
        }
    }
}

impl TryFrom<String> for Delimiter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Delimiter> for String {
    fn from(delimiter: Delimiter) -> Self {
        delimiter.to_string()
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::COMMA => f.write_str("comma"),
            Self::TAB => f.write_str("tab"),
            Self::SEMICOLON => f.write_str("semicolon"),
            Self::SPACE => f.write_str("space"),
            Self(other) => write!(f, "{}", char::from(other)),
        }
    }
}

/// A column: by its place, from 0, or by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ColumnChoice {
    /// Its place, from 0.
    Place(usize),
    /// Its name in the header.
    Name(String),
}

impl FromStr for ColumnChoice {
    type Err = std::convert::Infallible;

    /// A whole number is a place, else it is a name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Name(text.to_string()), Self::Place))
    }
}

impl fmt::Display for ColumnChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => write!(f, "{place}"),
            Self::Name(name) => write!(f, "`{name}`"),
        }
    }
}
