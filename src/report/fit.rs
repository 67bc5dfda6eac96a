//! What a Gaussianizer's fit did, for people.

use crate::gaussianize::{CandidateReport, FitReport, StopReason};
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
            if layer.log_likelihood.is_nan() { "-".into() } else { format!("{:.4}", layer.log_likelihood) },
            format!("{:.4}", layer.distance),
            format!("{:.2}", layer.largest_z),
            if layer.kept { "yes" } else { "no" }.to_string(),
        ]);
    }
    let fresh = match report.stopped {
        StopReason::CrossValidation { .. } | StopReason::Selected { parts: 2.., .. } => {
            "by cross-validation".to_string()
        }
        _ => format!("on {} held-out points", report.held_out),
    };
    let mut text = format!(
        "{table}\n\n{}\nlog-likelihood {:.4} {fresh}, {:.4} on {} training points; round trip within {:.1e} at training points, {:.1e} between and beyond them\n",
        report.stopped,
        report.held_out_log_likelihood,
        report.training_log_likelihood,
        report.trained_on,
        report.round_trip,
        report.round_trip_off_data
    );
    if !report.candidates.is_empty() {
        text += &format!("\n{}\n", candidates_table(&report.candidates));
    }
    for warning in &report.warnings {
        text += &format!("warning: {warning}\n");
    }
    text
}

/// The maps that were tried, the best first.
fn candidates_table(candidates: &[CandidateReport]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(["map tried", "log-likelihood of points left out", "below the chosen one", "chosen"]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for own in candidates {
        table.add_row([
            own.name.clone(),
            format!("{:.4}", own.log_likelihood),
            format!("{:.4} ± {:.4}", own.below, own.error),
            if own.chosen { "yes" } else { "no" }.to_string(),
        ]);
    }
    table
}
