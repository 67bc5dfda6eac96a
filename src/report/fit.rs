//! What a Gaussianizer's fit did, for people.

use crate::gaussianize::FitReport;
use comfy_table::{CellAlignment, Table, presets};

/// A line for each layer, and where the fit stopped and why.
pub fn fit_table(report: &FitReport) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["layer", "held-out log-likelihood", "distance to N(0, I)", "largest |z|", "kept"]);
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for layer in &report.layers {
        table.add_row([
            layer.layer.to_string(),
            format!("{:.4}", layer.log_likelihood),
            format!("{:.4}", layer.distance),
            format!("{:.2}", layer.largest_z),
            if layer.kept { "yes" } else { "no" }.to_string(),
        ]);
    }
    let mut text = format!(
        "{table}\n\n{}\nlog-likelihood {:.4} on {} held-out points, {:.4} on {} training points; round trip within {:.1e}\n",
        report.stopped,
        report.held_out_log_likelihood,
        report.held_out,
        report.training_log_likelihood,
        report.trained_on,
        report.round_trip
    );
    for warning in &report.warnings {
        text += &format!("warning: {warning}\n");
    }
    text
}
