//! The tables that commands read, and what a user can say about them.

use super::Failure;
use crate::data::table::{self, ColumnChoice, DataTable, Delimiter, MissingRows, TableOptions};
use crate::report::note;
use clap::Args;
use ndarray::{Array2, Axis};
use std::path::Path;

/// How tables are to be read, where their files leave a choice.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct TableArgs {
    /// Whether the first line is a header: true or false [default: all rows decide]
    #[arg(long, value_name = "BOOL")]
    pub header: Option<bool>,
    /// What separates cells: comma, tab, semicolon, space or one character [default: the file decides]
    #[arg(long, value_name = "NAME")]
    pub delimiter: Option<Delimiter>,
    /// The columns that are the axes, by name or by number from 0 [default: all]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub columns: Option<Vec<ColumnChoice>>,
    /// What becomes of rows in which a value is missing
    #[arg(long, value_name = "NAME", default_value = "refuse")]
    pub missing: MissingRows,
}

impl TableArgs {
    /// The same for the reader.
    pub(super) fn options(&self) -> TableOptions {
        TableOptions {
            header: self.header,
            delimiter: self.delimiter,
            columns: self.columns.clone(),
            missing: self.missing,
        }
    }

    /// Reads a table of points, and tells what was decided about it; messages name the file.
    pub(super) fn read(&self, path: &Path) -> Result<DataTable, Failure> {
        let found = table::read(path, &self.options());
        let found = found.map_err(|e| Failure::input(format!("{}: {e}", path.display())))?;
        for notice in &found.notices {
            note(&format!("{}: {notice}", path.display()));
        }
        Ok(found)
    }
}

/// The points of a table for something that has axes of its own: in the order of these where the names are the same, else
/// as they stand. `named` says whether the names of the axes were given, not made up; `whose` is what has the axes, for
/// messages, with its kind.
pub(super) fn in_order_of(
    table: DataTable,
    path: &Path,
    (wanted, named): (&[String], bool),
    (kind, whose): (&str, &str),
) -> Result<Array2<f64>, Failure> {
    let given = &table.names;
    if given.len() != wanted.len() {
        return Err(Failure::input(format!(
            "{} has {} columns, but {whose} is for {}",
            path.display(),
            given.len(),
            wanted.len()
        )));
    }
    let places: Option<Vec<usize>> =
        wanted.iter().map(|name| given.iter().position(|other| other == name)).collect();
    let reordered = places.filter(|places| {
        let mut sorted = places.clone();
        sorted.sort_unstable();
        named && !places.is_sorted() && sorted.iter().copied().eq(0..wanted.len())
    });
    let Some(places) = reordered else { return Ok(table.points) };
    note(&format!(
        "{}: the columns are taken in the order of the {kind}'s axes: {}",
        path.display(),
        wanted.join(", ")
    ));
    Ok(table.points.select(Axis(1), &places))
}
