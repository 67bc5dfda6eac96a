//! Tables of points: CSV with a header `x0, x1, ...`, or a NumPy array.

use super::npy_header;
use ndarray::{Array1, Array2, Axis};
use ndarray_npy::{ReadNpyError, ReadNpyExt, WriteNpyExt};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// Why a table could not be read. Rows and columns count from 1, the header being line 1.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// Not CSV: rows of different length, bad quoting, or the file broke off.
    #[error("{0}")]
    Csv(#[from] csv::Error),
    /// A cell that is no number.
    #[error("line {line}, column {column}: `{text}` is not a number")]
    NotANumber {
        /// Line in the file.
        line: u64,
        /// Column.
        column: usize,
        /// The cell's text.
        text: String,
    },
    /// A cell that holds NaN or infinity.
    #[error("line {line}, column {column}: `{text}` is not finite; remove the row or mend the value")]
    NotFinite {
        /// Line in the file.
        line: u64,
        /// Column.
        column: usize,
        /// The cell's text.
        text: String,
    },
    /// The file could not be opened.
    #[error("cannot be read: {0}")]
    Open(#[from] std::io::Error),
    /// Not a NumPy array of points.
    #[error("not a NumPy array of float64 or float32 with one or two axes: {0}")]
    Npy(String),
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
    /// No row beneath the header.
    #[error("the table has no points: a header and at least one row are needed")]
    Empty,
}

/// Reads a table from a file: a NumPy array if its name ends in `.npy`, else CSV.
///
/// # Errors
/// If the file cannot be opened or is no table of finite numbers.
pub fn read(path: &Path) -> Result<Array2<f64>, TableError> {
    if is_npy(path) { read_npy(path) } else { read_csv(File::open(path)?) }
}

/// Reads a NumPy array of float64 or float32, shape `(n, d)` or `(n)`.
fn read_npy(path: &Path) -> Result<Array2<f64>, TableError> {
    let open = || File::open(path);
    let wide = || Array2::<f64>::read_npy(open()?);
    let narrow = || Ok(Array2::<f32>::read_npy(open()?)?.mapv(f64::from));
    let column = || Ok(Array1::<f64>::read_npy(open()?)?.insert_axis(Axis(1)));
    let narrow_column = || Ok(Array1::<f32>::read_npy(open()?)?.mapv(f64::from).insert_axis(Axis(1)));
    let file = open()?;
    let about = file.metadata()?;
    if about.is_file() {
        npy_header::check(file, about.len()).map_err(TableError::Npy)?;
    }
    let points: Array2<f64> = wide()
        .or_else(|first: ReadNpyError| {
            let others =
                narrow().or_else(|_: ReadNpyError| column()).or_else(|_: ReadNpyError| narrow_column());
            others.map_err(|_: ReadNpyError| first)
        })
        .map_err(|e| TableError::Npy(e.to_string()))?;
    if points.is_empty() {
        return Err(TableError::Empty);
    }
    match points.indexed_iter().find(|(_, v)| !v.is_finite()) {
        Some(((row, column), &value)) => Err(TableError::Entry { row, column, value }),
        None => Ok(points),
    }
}

/// Reads a table of finite numbers, shape `(n, d)`. A first line in which no cell is a number is the
/// header; without one all lines are points.
///
/// # Errors
/// If the text is no CSV, is empty, or a cell is not a finite number; the message names line and column.
pub fn read_csv(input: impl Read) -> Result<Array2<f64>, TableError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(input);
    let (mut values, mut width, mut rows) = (Vec::new(), 0, 0);
    let mut record = csv::StringRecord::new();
    let mut first = true;
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        width = record.len();
        if std::mem::take(&mut first) && record.iter().all(|cell| cell.parse::<f64>().is_err()) {
            continue;
        }
        for (column, cell) in record.iter().enumerate() {
            let text = || cell.to_string();
            let value: f64 = cell.parse().map_err(|_| TableError::NotANumber {
                line,
                column: column + 1,
                text: text(),
            })?;
            if !value.is_finite() {
                return Err(TableError::NotFinite { line, column: column + 1, text: text() });
            }
            values.push(value);
        }
        rows += 1;
    }
    if rows == 0 || width == 0 {
        return Err(TableError::Empty);
    }
    Array2::from_shape_vec((rows, width), values).map_err(|_| TableError::Empty)
}

/// Writes points `(n, d)` in the format that the file's name asks for: a NumPy array of float64 if it ends
/// in `.npy`, else CSV.
///
/// # Errors
/// If the writer fails.
pub fn write(output: impl Write, path: &Path, points: &Array2<f64>) -> std::io::Result<()> {
    if is_npy(path) {
        points.write_npy(output).map_err(std::io::Error::other)
    } else {
        write_csv(output, points).map_err(std::io::Error::from)
    }
}

fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"))
}

/// Writes points `(n, d)` under a header `x0, x1, ...`, each number as the shortest decimal that reads
/// back to it.
///
/// # Errors
/// If the writer fails.
pub fn write_csv(output: impl Write, points: &Array2<f64>) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record((0..points.ncols()).map(|j| format!("x{j}")))?;
    for row in points.rows() {
        writer.serialize(row.as_slice().map_or_else(|| row.to_vec(), <[f64]>::to_vec))?;
    }
    writer.flush()?;
    Ok(())
}
