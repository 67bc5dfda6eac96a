//! The runs of a folder as a table.

use crate::sweep::RunLine;
use comfy_table::{CellAlignment, Table, presets};

/// A line for each run: state, sweep values, main results of its last step.
pub fn run_table(lines: &[RunLine]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header([
        "run",
        "state",
        "values",
        "log-likelihood",
        "precision",
        "recall",
        "density",
        "coverage",
    ]);
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in lines {
        let last = line.last.as_ref();
        let shown = |value: Option<f64>| value.map_or(String::new(), |v| format!("{v:.4}"));
        table.add_row([
            line.label.run.clone(),
            line.state.to_string(),
            line.label.values.join(", "),
            shown(last.and_then(|l| l.log_likelihood)),
            shown(last.and_then(|l| l.precision)),
            shown(last.and_then(|l| l.recall)),
            shown(last.and_then(|l| l.density)),
            shown(last.and_then(|l| l.coverage)),
        ]);
    }
    format!("{table}\n")
}
