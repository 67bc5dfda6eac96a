//! The runs of a folder as a table.

use super::json::metrics_of;
use super::key_values::key_values;
use super::visible::visible_cell;
use crate::metrics::scored::{Column, columns};
use crate::report::point_names::short_keys;
use crate::study::{RunLine, RunList};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;

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

/// An object a line for each run: what it is, how far it is, and the metrics of its last step.
pub fn run_lines_json(list: &RunList) -> String {
    let object = |line: &RunLine| {
        let stage = line.progress.map(|progress| progress.stage.name());
        json!({
            "run": line.label.run,
            "pipeline": line.label.pipeline,
            "replicate": line.label.replicate,
            "state": line.state.to_string(),
            "stage": stage,
            "progress": line.part(),
            "keys": key_values(&list.keys, &line.label),
            "metrics": line.last.as_ref().map(metrics_of).unwrap_or_default(),
            "asked_for": line.asked_for,
            "error": line.error,
        })
    };
    list.lines.iter().map(|line| format!("{}\n", object(line))).collect()
}

/// The metrics that the list shows: those of the short tables of which every line has room for a few.
fn shown() -> impl Iterator<Item = &'static Column> {
    columns().filter(|column| column.headline)
}

fn cells(line: &RunLine, keys: usize) -> Vec<String> {
    let mut state = line.state.to_string();
    if let Some(progress) = line.progress {
        state += &format!(", {} {:.0} %", progress.stage.name(), 100.0 * progress.part);
    }
    if !line.asked_for {
        state += ", not asked for";
    }
    let mut cells = vec![visible_cell(&line.label.run).into_owned(), state];
    cells.extend(
        (0..keys).map(|k| line.label.values.get(k).map_or(String::new(), |v| visible_cell(v).into_owned())),
    );
    let value = |column: &Column| line.last.as_ref().and_then(|row| row.get(column.name));
    cells.extend(shown().map(|column| value(column).map_or(String::new(), |v| format!("{v:.4}"))));
    cells
}
