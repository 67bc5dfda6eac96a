//! The files that commands write where they are asked to.

use super::{Failure, print};
use crate::data::table;
use crate::store::leftovers::remove_leftovers;
use crate::store::{atomic, names};
use ndarray::Array2;
use serde::Serialize;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Refuses an output that is an input of the same command, or a file of a study: writing it would destroy it.
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
        None => refuse_study_file(argument, out),
    }
}

/// Refuses an output that is one of the files that a spec names, or a file in a folder that it names.
pub(super) fn refuse_input_of_spec(argument: &str, out: &Path, inputs: &[PathBuf]) -> Result<(), Failure> {
    // An output that is not there yet has no place of its own, but the folder that it will be in has.
    let folder = out.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
    let folder = folder.and_then(|folder| folder.canonicalize().ok());
    let is_within = |input: &Path| match (input.canonicalize(), &folder) {
        (Ok(input), Some(folder)) => input.is_dir() && folder.starts_with(input),
        _ => false,
    };
    // A new table beside pictures is none of them; new pictures are.
    let is_picture =
        argument == AS_IMAGES || out.extension().is_some_and(|end| end.eq_ignore_ascii_case("png"));
    let adds = is_picture || out.exists();
    let found = inputs.iter().find(|input| atomic::is_same_file(out, input) || adds && is_within(input));
    found.map_or(Ok(()), |input| {
        let (out, input) = (out.display(), input.display());
        Err(Failure::input(format!(
            "{argument} {out} would change {input}, which the spec reads; choose another place"
        )))
    })
}

/// The argument that asks for pictures.
pub(super) const AS_IMAGES: &str = "--as-images";

/// Refuses `-`, and an output that is a file of a study or of one of its runs, which other commands would read back. A folder with
/// runs or the provenance of tables is a study's, one with a status a run's; a spec alone may be anybody's.
fn refuse_study_file(argument: &str, out: &Path) -> Result<(), Failure> {
    if out == Path::new("-") {
        return Err(Failure::input(format!(
            "{argument} - would write a file named `-`; leave {argument} out where the command prints its table, or write ./- if you mean the file"
        )));
    }
    let (Some(folder), Some(name)) = (out.parent(), out.file_name().and_then(OsStr::to_str)) else {
        return Ok(());
    };
    let is_studys = folder.join(names::RUNS).is_dir() || folder.join(names::PROVENANCE).is_file();
    let of_study = || names::TABLES.contains(&name) || names::OPTIONAL.contains(&name) || name == names::SPEC;
    let is_runs = folder.join(names::STATUS).is_file();
    if out.exists() && (is_studys && of_study() || is_runs && names::RUN_FILES.contains(&name)) {
        return Err(Failure::input(format!(
            "{argument} {} is a file of a study, which would be destroyed; choose another file",
            out.display()
        )));
    }
    Ok(())
}

/// Ends of the names of files that are neither text of commas nor npy.
const OTHER_FORMATS: [&str; 16] = [
    "npz", "gz", "zip", "tsv", "parquet", "feather", "arrow", "h5", "hdf5", "mat", "pt", "pkl", "json",
    "xlsx", "ods", "png",
];

/// As [`refuse_input`], for a table: refuses the name of another kind of file too.
pub(super) fn refuse_as_table(out: &Path, inputs: &[&Path]) -> Result<(), Failure> {
    let end = out.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    match end.filter(|end| OTHER_FORMATS.contains(&end.as_str())) {
        Some(end) => Err(Failure::input(format!(
            "{} would hold comma-separated text under the name of a .{end} file; let it end in .csv or .npy",
            out.display()
        ))),
        None => refuse_input(out, inputs),
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
