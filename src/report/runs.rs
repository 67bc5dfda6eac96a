//! The runs of a folder as a table.

use super::figures::names::short_keys;
use super::visible::visible_cell;
use crate::metrics::scored::{Column, columns};
use crate::study::{RunLine, RunList};
use comfy_table::{CellAlignment, Table, presets};

/// A line for each run: state, sweep values, main results of its last step.
pub fn run_table(list: &RunList) -> String {
    let keys = short_keys(&list.keys);
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    let results = shown().map(|column| column.heading);
    table.set_header(["run", "state"].into_iter().chain(keys.iter().map(String::as_str)).chain(results));
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in &list.lines {
        table.add_row(cells(line, keys.len()));
    }
    format!("{table}\n")
}

/// The metrics that the list shows: those of the short tables of which every line has room for a few.
fn shown() -> impl Iterator<Item = &'static Column> {
    columns().filter(|column| column.headline)
}

fn cells(line: &RunLine, keys: usize) -> Vec<String> {
    let state =
        if line.asked_for { line.state.to_string() } else { format!("{}, not asked for", line.state) };
    let mut cells = vec![visible_cell(&line.label.run).into_owned(), state];
    cells.extend(
        (0..keys).map(|k| line.label.values.get(k).map_or(String::new(), |v| visible_cell(v).into_owned())),
    );
    let value = |column: &Column| line.last.as_ref().and_then(|row| row.get(column.name));
    cells.extend(shown().map(|column| value(column).map_or(String::new(), |v| format!("{v:.4}"))));
    cells
}
