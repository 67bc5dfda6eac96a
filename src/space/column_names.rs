//! Columns in sentences, by the names that their table gives them.

/// Names written out; of more the first ones stand for all.
const WRITTEN: usize = 6;

/// The name of a column; its number from 0 where it has none.
pub(super) fn name(axes: &[String], column: usize) -> String {
    axes.get(column).map_or_else(|| format!("column {column}"), |name| format!("`{name}`"))
}

/// The names of several columns: `a`, `b` and 7 more.
pub(super) fn names(axes: &[String], columns: &[usize]) -> String {
    let written = columns.iter().take(WRITTEN).map(|column| name(axes, *column));
    let written: Vec<String> = written.collect();
    match (columns.len().saturating_sub(WRITTEN), written.as_slice()) {
        (0, [one]) => one.clone(),
        (0, [first @ .., last]) => format!("{} and {last}", first.join(", ")),
        (more, all) => format!("{} and {more} more", all.join(", ")),
    }
}
