//! The short table at the end of a run.

use crate::experiment::{Finished, SummaryRow};
use comfy_table::{CellAlignment, Table, presets};

/// Columns of the table: heading, metric of the summary, digits.
const COLUMNS: [(&str, &str, usize); 7] = [
    ("log-likelihood", "log_likelihood", 3),
    ("off-support", "off_support", 4),
    ("precision", "precision", 4),
    ("recall", "recall", 4),
    ("density", "density", 4),
    ("coverage", "coverage", 4),
    ("plateau step", "plateau_step", 0),
];

/// One line for each pipeline and one for fresh real points; then the seconds by stage.
pub fn end_table(finished: &Finished) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    let seconds = ["fit", "train", "sample"].map(|s| format!("{s} s"));
    let headings = COLUMNS.iter().map(|(heading, ..)| (*heading).to_string());
    table.set_header(std::iter::once("pipeline".to_string()).chain(headings).chain(seconds));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut pipelines: Vec<&str> = finished.summary.iter().map(|row| row.pipeline.as_str()).collect();
    pipelines.dedup();
    // Real points last: the line to read the others by.
    pipelines.sort_by_key(|p| *p == "data");
    for pipeline in pipelines {
        let figures = COLUMNS.iter().map(|(_, metric, digits)| {
            let of = |row: &&SummaryRow| row.pipeline == pipeline && row.metric == *metric;
            finished.summary.iter().find(of).map_or(String::new(), |row| figure(row, *digits))
        });
        let label = if pipeline == "data" { "(real points)" } else { pipeline };
        let cells = std::iter::once(label.to_string()).chain(figures);
        table.add_row(cells.chain(stage_seconds(finished, pipeline)));
    }
    let wall = if finished.seconds > 0.0 { format!(" in {:.1} s", finished.seconds) } else { String::new() };
    format!("{table}\n\n{} runs{wall}; tables in {}\n", finished.runs.len(), finished.out.display())
}

/// `mean` or `mean +- half`.
fn figure(row: &SummaryRow, digits: usize) -> String {
    match row.interval_high {
        Some(high) => format!("{:.digits$} +- {:.digits$}", row.mean, high - row.mean),
        None => format!("{:.digits$}", row.mean),
    }
}

/// Mean seconds of each stage over the runs of a pipeline.
fn stage_seconds(finished: &Finished, pipeline: &str) -> Vec<String> {
    let runs: Vec<_> = finished.runs.iter().filter(|r| r.pipeline == pipeline).collect();
    if runs.is_empty() {
        return vec![String::new(); 3];
    }
    let stages = [
        runs.iter().map(|r| r.seconds.gaussianize).sum::<f64>(),
        runs.iter().map(|r| r.seconds.train).sum(),
        runs.iter().map(|r| r.seconds.sample).sum(),
    ];
    stages.iter().map(|total| format!("{:.2}", total / runs.len() as f64)).collect()
}
