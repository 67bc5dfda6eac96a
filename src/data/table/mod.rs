//! Tables of points: text (CSV, TSV and their like), plain or gzipped, and NumPy arrays.
//!
//! What a file is, its first bytes say: names may lie, and a pipe has none.

mod data_table;
mod error;
mod header;
mod numpy;
mod options;
mod survey;
mod text;
mod text_rows;
mod unpack;

pub use data_table::{DataTable, axis_name, axis_names};
pub use error::TableError;
pub(super) use numpy::check_bytes;
pub use options::{ColumnChoice, Delimiter, MissingRows, TableOptions};
pub use survey::{Survey, SurveyColumn};
pub(super) use unpack::gunzip;

use crate::numeric::memory::size;
use ndarray::Array2;
use ndarray_npy::WriteNpyExt;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How a gzipped file begins.
pub(super) const GZIP: &[u8] = b"\x1f\x8b";

/// Reads a table from a file.
///
/// # Errors
/// If the file cannot be read or is no table of finite numbers.
pub fn read(path: &Path, options: &TableOptions) -> Result<DataTable, TableError> {
    decode_named(path, &file_bytes(path)?, options)
}

/// Reads a table from the bytes of the file of that name.
///
/// # Errors
/// As [`decode`], or if the name ends in `.npy` and the bytes are no NumPy array.
pub fn decode_named(path: &Path, bytes: &[u8], options: &TableOptions) -> Result<DataTable, TableError> {
    if is_npy(path) && !bytes.starts_with(numpy::NPY) {
        return Err(TableError::Npy("it does not begin as one".to_string()));
    }
    decode(bytes, options)
}

/// The bytes of a file. What can be read once only, such as a pipe, is kept for whoever asks for it later.
///
/// # Errors
/// If the file cannot be read, or is longer than a table that fits into memory can be.
pub fn file_bytes(path: &Path) -> Result<Arc<Vec<u8>>, TableError> {
    static STREAMS: Mutex<Option<HashMap<PathBuf, Arc<Vec<u8>>>>> = Mutex::new(None);
    let about = std::fs::metadata(path)?;
    if about.is_file() {
        unpack::check(about.len(), &format!("it has {}", size(about.len())))?;
        return Ok(Arc::new(std::fs::read(path)?));
    }
    let mut streams = STREAMS.lock().unwrap_or_else(PoisonError::into_inner);
    let streams = streams.get_or_insert_default();
    if let Some(bytes) = streams.get(path) {
        return Ok(Arc::clone(bytes));
    }
    let bytes = Arc::new(unpack::read_all(std::fs::File::open(path)?)?);
    streams.insert(path.to_path_buf(), Arc::clone(&bytes));
    Ok(bytes)
}

/// Reads a table from the bytes of a file.
///
/// # Errors
/// If they are no table of finite numbers; the message names line and column, or row and column of an array.
pub fn decode(bytes: &[u8], options: &TableOptions) -> Result<DataTable, TableError> {
    if bytes.starts_with(GZIP) {
        let inner = unpack::gunzip(bytes)?;
        return if inner.starts_with(GZIP) {
            Err(TableError::NotText("it is gzipped twice".to_string()))
        } else {
            decode(&inner, options)
        };
    }
    if bytes.starts_with(numpy::NPY) {
        return array(&numpy::read_npy(bytes)?, options);
    }
    if bytes.starts_with(numpy::ZIP) {
        return array(&numpy::read_npz(bytes)?, options);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text::read(text, options),
        Err(e) => {
            let line = 1 + bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count();
            Err(TableError::NotText(format!(
                "line {line} is not UTF-8 text, and the file is no NumPy array and not gzipped"
            )))
        }
    }
}

/// Looks at the bytes of a file, whatever its columns hold.
///
/// # Errors
/// As [`decode`], but for cells that are no numbers.
pub fn survey(bytes: &[u8], options: &TableOptions) -> Result<Survey, TableError> {
    if bytes.starts_with(GZIP) && !unpack::gunzip(bytes)?.starts_with(GZIP) {
        return survey(&unpack::gunzip(bytes)?, options);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.starts_with(numpy::NPY) && !bytes.starts_with(numpy::ZIP) => {
            text::survey(text, options)
        }
        _ => {
            let table = decode(bytes, options)?;
            let columns = table.names.iter().zip(table.points.columns());
            let columns = columns
                .map(|(name, values)| SurveyColumn { name: name.clone(), values: Ok(values.to_vec()) });
            Ok(Survey { text: None, rows: table.points.nrows(), left_out: 0, columns: columns.collect() })
        }
    }
}

/// The chosen columns of an array, all of them finite.
fn array(points: &Array2<f64>, options: &TableOptions) -> Result<DataTable, TableError> {
    let names = axis_names(points.ncols());
    let places = data_table::select(&names, options.columns.as_deref())?;
    let points = points.select(ndarray::Axis(1), &places);
    let mut notices = Vec::new();
    let points = match options.missing {
        MissingRows::Refuse => points,
        MissingRows::LeaveOut => data_table::without_missing(points, "row", &|row| row as u64, &mut notices)?,
    };
    if let Some(((row, column), &value)) = points.indexed_iter().find(|(_, v)| !v.is_finite()) {
        return Err(TableError::Entry { row, column: places[column], value });
    }
    let names: Vec<String> = places.iter().map(|&j| names[j].clone()).collect();
    if options.columns.is_none() {
        notices.extend(data_table::row_numbers(&points, &names, &vec![false; names.len()]));
    }
    if options.header.is_some() || options.delimiter.is_some() {
        notices.push(
            "a NumPy array has no header and no delimiter, so what was said of them has no effect".into(),
        );
    }
    Ok(DataTable { points, names, found_header_of_numbers: false, notices })
}

/// Writes points `(n, d)` in the format that the file's name asks for: a NumPy array of float64 if it ends
/// in `.npy`, else CSV.
///
/// # Errors
/// If the writer fails.
pub fn write(output: impl Write, path: &Path, names: &[String], points: &Array2<f64>) -> std::io::Result<()> {
    if is_npy(path) {
        points.write_npy(output).map_err(std::io::Error::other)
    } else {
        write_csv(output, names, points).map_err(std::io::Error::from)
    }
}

fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy"))
}

/// Writes points `(n, d)` under a header of the `names` of their axes, each number as the shortest decimal that reads
/// back to it.
///
/// # Errors
/// If the writer fails.
pub fn write_csv(output: impl Write, names: &[String], points: &Array2<f64>) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(names)?;
    for row in points.rows() {
        writer.serialize(row.as_slice().map_or_else(|| row.to_vec(), <[f64]>::to_vec))?;
    }
    writer.flush()?;
    Ok(())
}
