//! The runs of a folder as a table.

use crate::experiment::MetricsRow;
use crate::sweep::{RunLine, RunList};
use comfy_table::{CellAlignment, Table, presets};

/// The results shown: heading, and where the figure is.
type Result = (&'static str, fn(&MetricsRow) -> Option<f64>);

const RESULTS: [Result; 5] = [
    ("log-likelihood", |row| row.log_likelihood),
    ("precision", |row| row.precision),
    ("recall", |row| row.recall),
    ("density", |row| row.density),
    ("coverage", |row| row.coverage),
];

/// A line for each run: state, sweep values, main results of its last step.
pub fn run_table(list: &RunList) -> String {
    let keys: Vec<&str> = list.keys.iter().map(|key| key.rsplit('.').next().unwrap_or(key)).collect();
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    let results = RESULTS.iter().map(|(heading, _)| *heading);
    table.set_header(["run", "state"].into_iter().chain(keys.iter().copied()).chain(results));
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in &list.lines {
        table.add_row(cells(line, keys.len()));
    }
    format!("{table}\n")
}

fn cells(line: &RunLine, keys: usize) -> Vec<String> {
    let mut cells = vec![line.label.run.clone(), line.state.to_string()];
    cells.extend((0..keys).map(|k| line.label.values.get(k).cloned().unwrap_or_default()));
    let shown = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.4}"));
    cells.extend(RESULTS.iter().map(|(_, figure)| shown(line.last.as_ref().and_then(figure))));
    cells
}
