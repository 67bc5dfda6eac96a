//! A table as it was read: the points, the names of their axes, and what a reader should know of them.

use super::error::TableError;
use super::options::ColumnChoice;
use ndarray::{Array2, ArrayView1, Axis};

/// A table of finite numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct DataTable {
    /// The points, `(n, d)`, `n >= 1`, `d >= 1`.
    pub points: Array2<f64>,
    /// The names of the `d` axes.
    pub names: Vec<String>,
    /// Whether the first line was taken as the header though it holds numbers and nobody said so. Version 0.1 took such
    /// a line as a point.
    pub found_header_of_numbers: bool,
    /// What was decided and may not be meant, one sentence each.
    pub notices: Vec<String>,
}

/// The names of `d` axes that have none: `x0`, `x1`, ...
pub fn axis_names(d: usize) -> Vec<String> {
    (0..d).map(axis_name).collect()
}

/// The name of an axis that has none.
pub fn axis_name(axis: usize) -> String {
    format!("x{axis}")
}

/// The places of the columns that are asked for; all of `names` if nothing is.
///
/// # Errors
/// If one is not there, is there more than once under its name, or is asked for twice.
pub(super) fn select(names: &[String], columns: Option<&[ColumnChoice]>) -> Result<Vec<usize>, TableError> {
    let Some(columns) = columns else { return Ok((0..names.len()).collect()) };
    let wrong = |reason: String| Err(TableError::NoColumn(reason));
    let mut places: Vec<usize> = Vec::new();
    for column in columns {
        let name = match column {
            ColumnChoice::Place(place) if *place < names.len() => None,
            // A header of numbers, such as years.
            ColumnChoice::Place(place) => Some(place.to_string()),
            ColumnChoice::Name(name) => Some(name.clone()),
        };
        let found: Vec<usize> = match (&name, column) {
            (None, ColumnChoice::Place(place)) => vec![*place],
            _ => (0..names.len()).filter(|&j| Some(&names[j]) == name.as_ref()).collect(),
        };
        match found.as_slice() {
            [one] if places.contains(one) => return wrong(format!("the column {column} is chosen twice")),
            [one] => places.push(*one),
            [] => {
                let all = names.iter().enumerate().map(|(j, name)| format!("{j} `{name}`"));
                let by_number = if names.iter().any(|name| name.contains(',')) {
                    "; a name with a comma is chosen by its number"
                } else {
                    ""
                };
                return wrong(format!(
                    "there is no column {column}; the columns are {}{by_number}",
                    all.collect::<Vec<_>>().join(", ")
                ));
            }
            several => {
                return wrong(format!(
                    "{} columns have the name {column}; choose by number: {several:?}",
                    several.len()
                ));
            }
        }
    }
    if places.is_empty() { wrong("`columns` is empty; name at least one".into()) } else { Ok(places) }
}

/// Rows that a notice names one by one; of more it gives the number.
const NAMED_ROWS: usize = 10;

/// The points without the rows that hold a NaN, which a notice names: `place` is the `kind` of place of a row in its file.
///
/// # Errors
/// If no row is left.
pub(super) fn without_missing(
    points: Array2<f64>,
    kind: &str,
    place: &dyn Fn(usize) -> u64,
    notices: &mut Vec<String>,
) -> Result<Array2<f64>, TableError> {
    let complete = |row: ArrayView1<f64>| !row.iter().any(|v| v.is_nan());
    let (kept, out): (Vec<usize>, Vec<usize>) = (0..points.nrows()).partition(|&i| complete(points.row(i)));
    if out.is_empty() {
        return Ok(points);
    }
    if kept.is_empty() {
        return Err(TableError::NoneComplete { rows: out.len() });
    }
    let named: Vec<String> = out.iter().take(NAMED_ROWS).map(|&row| place(row).to_string()).collect();
    let more = out.len() - named.len();
    notices.push(format!(
        "{} of {} rows are left out, because a value is missing ({kind}{} {}{})",
        out.len(),
        points.nrows(),
        if out.len() == 1 { "" } else { "s" },
        named.join(", "),
        if more > 0 { format!(", and {more} more") } else { String::new() }
    ));
    Ok(points.select(Axis(0), &kept))
}

/// A sentence for each axis that looks like the number of its row.
pub(super) fn row_numbers(points: &Array2<f64>, names: &[String], unnamed: &[bool]) -> Vec<String> {
    let is_count = |column: ArrayView1<f64>| {
        let first = column[0];
        (first == 0.0 || first == 1.0)
            && column.len() >= 3
            && column.iter().enumerate().all(|(i, v)| *v == first + i as f64)
    };
    let axes = points.axis_iter(Axis(1)).enumerate();
    axes.filter_map(|(j, column)| {
        let name = if unnamed[j] { format!("column {j}, which has no name,") } else { format!("the column `{}`", names[j]) };
        if is_count(column) {
            Some(format!(
                "{name} counts the rows from {}, as the index does that pandas writes: it is taken as an axis of the points; `columns` chooses the others",
                column[0]
            ))
        } else {
            unnamed[j].then(|| format!("{name} is taken as an axis of the points; `columns` chooses the others"))
        }
    })
    .collect()
}
