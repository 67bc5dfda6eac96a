//! The tables that commands read, and what a user can say about them.

use super::Failure;
use crate::data::table::{self, ColumnChoice, DataTable, Delimiter, MissingRows, TableOptions};
use crate::report::note;
use clap::Args;
use ndarray::{Array2, Axis};
use std::collections::HashSet;
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

/// The points of a table for something that has axes of its own: the columns of these names in the order of the axes, where
/// the table has all of them, else the columns as they stand. `named` says whether the names of the axes were given, not made
/// up; `whose` is what has the axes, for messages, with its kind.
pub(super) fn in_order_of(
    table: DataTable,
    path: &Path,
    (wanted, named): (&[String], bool),
    (kind, whose): (&str, &str),
) -> Result<Array2<f64>, Failure> {
    let given = &table.names;
    let same_count = given.len() == wanted.len();
    // Names that say nothing but which column it is find no column among others.
    let is_made_up = |names: &[String]| *names == table::axis_names(names.len());
    let tell = named && (same_count || !is_made_up(wanted));
    let Some(places) = places_of(wanted, given).filter(|_| tell) else {
        if !same_count {
            return Err(Failure::input(format!(
                "{} has {} columns, but {whose} is for {} ({}); say by --columns which they are",
                path.display(),
                given.len(),
                wanted.len(),
                listed(wanted)
            )));
        }
        if named && !is_made_up(given) && !is_made_up(wanted) {
            if let Some(moved) =
                (0..given.len()).find(|&i| wanted[i] != given[i] && wanted.contains(&given[i]))
            {
                return Err(Failure::input(format!(
                    "{}: column {} is `{}`, which {whose} has in another place ({}), and not all of its names are there; say by --columns which columns are meant, in its order, or rename them",
                    path.display(),
                    moved + 1,
                    given[moved],
                    listed(wanted)
                )));
            }
            note(&format!(
                "{}: its columns {} are taken for {} in this order, though their names are others",
                path.display(),
                listed(given),
                listed(wanted)
            ));
        }
        return Ok(table.points);
    };
    if places.iter().copied().eq(0..given.len()) {
        return Ok(table.points);
    }
    let others: Vec<String> =
        (0..given.len()).filter(|i| !places.contains(i)).map(|i| given[i].clone()).collect();
    let unused = if others.is_empty() { String::new() } else { format!("; not used: {}", listed(&others)) };
    note(&format!(
        "{}: the columns are taken in the order of the {kind}'s axes: {}{unused}",
        path.display(),
        wanted.join(", ")
    ));
    Ok(table.points.select(Axis(1), &places))
}

/// Where each of the wanted names is among the given ones, if each is there once: as they are written, else whatever their
/// capitals.
fn places_of(wanted: &[String], given: &[String]) -> Option<Vec<usize>> {
    let find = |same: &dyn Fn(&str, &str) -> bool| -> Option<Vec<usize>> {
        let place = |name: &String| {
            let mut places = (0..given.len()).filter(|i| same(&given[*i], name));
            places.next().filter(|_| places.next().is_none())
        };
        let places: Vec<usize> = wanted.iter().map(place).collect::<Option<_>>()?;
        let each_once = places.iter().collect::<HashSet<_>>().len() == places.len();
        each_once.then_some(places)
    };
    find(&|a, b| a == b).or_else(|| find(&|a, b| a.to_lowercase() == b.to_lowercase()))
}

/// Names in a message: all of them, or the first ten.
fn listed(names: &[String]) -> String {
    let shown = names.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 10 { format!("{shown}, ...") } else { shown }
}
