//! Why a table could not be read.

/// Why a table could not be read. Lines and columns of text count from 1, the header being a line; rows and columns of
/// arrays count from 0.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file broke off.
    #[error("{0}")]
    Csv(#[from] csv::Error),
    /// Rows of different lengths.
    #[error(
        "line {line} has {cells} {}, but line {above} has {expected}; every row must have as many: mend the line, or say what separates the cells (delimiter)",
        if *cells == 1 { "cell" } else { "cells" }
    )]
    Ragged {
        /// Line in the file.
        line: u64,
        /// Its cells.
        cells: usize,
        /// The first line that is not empty and no comment.
        above: u64,
        /// The cells of that one.
        expected: usize,
    },
    /// A cell that is no number.
    #[error("line {line}, column {column}: `{text}` is not a number{hint}")]
    NotANumber {
        /// Line in the file.
        line: u64,
        /// Column.
        column: usize,
        /// The cell's text.
        text: String,
        /// How to mend it, or nothing.
        hint: &'static str,
    },
    /// A cell that holds infinity.
    #[error("line {line}, column {column}: `{text}` is not finite; remove the row or mend the value")]
    NotFinite {
        /// Line in the file.
        line: u64,
        /// Column.
        column: usize,
        /// The cell's text.
        text: String,
    },
    /// A cell without a value: empty, `NA`, `nan` and the like.
    #[error(
        "line {line}, column {column}: the value is missing ({}); every value must be a finite number: fill it in, remove the row, or let such rows be left out (missing = \"leave_out\")",
        if text.is_empty() { "the cell is empty".to_string() } else { format!("`{text}`") }
    )]
    Missing {
        /// Line in the file.
        line: u64,
        /// Column.
        column: usize,
        /// The cell's text.
        text: String,
    },
    /// The file could not be opened or read.
    #[error("cannot be read: {0}")]
    Open(#[from] std::io::Error),
    /// Bytes that are neither text nor a NumPy array.
    #[error("not a table: {0}")]
    NotText(String),
    /// Not a NumPy array of points.
    #[error("not a NumPy array of real numbers with one or two axes: {0}")]
    Npy(String),
    /// An archive of NumPy arrays of which none can be chosen, or which is damaged.
    #[error("not an npz archive of one array of points: {0}")]
    Npz(String),
    /// An entry of a NumPy array that is NaN or infinity.
    #[error("row {row}, column {column} (from 0) is {value}; remove the row or mend the value")]
    Entry {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The entry.
        value: f64,
    },
    /// A column that was asked for and is not there, or not once.
    #[error("{0}")]
    NoColumn(String),
    /// A table that cannot fit into memory, or that unpacks to one.
    #[error("the table is too large: {0}")]
    TooLarge(String),
    /// Every row misses a value.
    #[error("a value is missing in each of its {rows} rows; choose columns that are complete")]
    NoneComplete {
        /// How many rows there are.
        rows: usize,
    },
    /// No row beneath the header.
    #[error("the table has no points: a header and at least one row are needed")]
    Empty,
}
