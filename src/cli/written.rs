//! The files that commands write where they are asked to.

use super::{Failure, print};
use crate::data::table;
use crate::store::atomic;
use crate::store::leftovers::remove_leftovers;
use ndarray::Array2;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// Refuses an output that is an input of the same command: writing it would destroy it.
pub(super) fn refuse_input(out: &Path, inputs: &[&Path]) -> Result<(), Failure> {
    refuse_input_at("--out", out, inputs)
}

/// As [`refuse_input`], for the output of another argument.
pub(super) fn refuse_input_at(argument: &str, out: &Path, inputs: &[&Path]) -> Result<(), Failure> {
    match inputs.iter().find(|input| atomic::is_same_file(out, input)) {
        Some(_) => {
            let message =
                format!("{argument} {} is an input of this command; choose another file", out.display());
            Err(Failure::input(message))
        }
        None => Ok(()),
    }
}

/// Writes a file that was asked for, whole or not at all.
pub(super) fn write_file(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    path.parent().map_or(Ok(()), remove_leftovers)?;
    atomic::write(path, fill)?;
    Ok(())
}

/// Writes rows as CSV with the names of their columns, whole or not at all.
pub(super) fn write_rows<R: Serialize>(
    path: &Path,
    columns: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<(), Failure> {
    write_file(path, |out| {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        writer.write_record(columns)?;
        rows.into_iter().try_for_each(|row| writer.serialize(row))?;
        writer.flush()
    })
}

/// Writes a table of points, whole or not at all: npy by its name, else CSV.
pub(super) fn write_table(path: &Path, names: &[String], points: &Array2<f64>) -> Result<(), Failure> {
    write_file(path, |out| table::write(out, path, names, points))
}

/// Writes a table of points to a file, as [`write_table`], or prints it as CSV.
pub(super) fn give_table(out: Option<&Path>, names: &[String], points: &Array2<f64>) -> Result<(), Failure> {
    if let Some(path) = out {
        return write_table(path, names, points);
    }
    let mut text = Vec::new();
    table::write_csv(&mut text, names, points).map_err(|e| Failure::running(e.to_string()))?;
    print(&String::from_utf8_lossy(&text))
}
