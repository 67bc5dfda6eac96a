//! The short table at the end of a run.

use crate::experiment::{Finished, Status, SummaryRow};
use comfy_table::{CellAlignment, Table, presets};
use std::collections::{HashMap, HashSet};

/// Columns: heading, metric of the summary, digits, and whether the terminal shows it too.
const COLUMNS: [(&str, &str, usize, bool); 10] = [
    ("log-likelihood", "log_likelihood", 3, true),
    ("median", "log_likelihood_median", 3, false),
    ("off-support", "off_support", 4, true),
    ("precision", "precision", 4, true),
    ("recall", "recall", 4, true),
    ("density", "density", 4, true),
    ("coverage", "coverage", 4, true),
    ("plateau step", "plateau_step", 0, true),
    ("final loss", "final_loss", 4, false),
    ("map alone", "map_log_likelihood", 3, false),
];

/// The columns of which a summary has something: heading, metric, digits, and whether the terminal shows it.
pub(super) fn columns(summary: &[SummaryRow]) -> Vec<(&'static str, &'static str, usize, bool)> {
    let has = |metric| summary.iter().any(|row| row.metric == metric);
    COLUMNS.into_iter().filter(|(_, metric, ..)| has(*metric)).collect()
}

/// The pipeline under which fresh real points stand in the summary.
const DATA: &str = "data";

/// More lines than this are for `summary.csv`.
const MOST_LINES: usize = 60;

/// Pipeline and values of the sweep keys.
type Line<'a> = (&'a str, &'a [String]);

/// The lines of a table over a summary: pipelines and sweep points, then fresh real points.
pub(super) fn lines(summary: &[SummaryRow]) -> Vec<Line<'_>> {
    // Points that share their data share the line of fresh real points.
    let mut groups: Vec<(Line, Vec<u64>)> = Vec::new();
    let mut places: HashMap<Line, usize> = HashMap::new();
    for row in summary {
        let line = (row.pipeline.as_str(), row.values.as_slice());
        let place = *places.entry(line).or_insert(groups.len());
        if place == groups.len() {
            groups.push((line, Vec::new()));
        }
        groups[place].1.push(row.figures.mean.to_bits());
    }
    let mut seen = HashSet::new();
    groups.retain(|((pipeline, _), means)| *pipeline != DATA || seen.insert(means.clone()));
    let mut lines: Vec<(&str, &[String])> = groups.into_iter().map(|(line, _)| line).collect();
    // Real points last: the line to read the others by.
    lines.sort_by_key(|(pipeline, _)| *pipeline == DATA);
    lines
}

/// One line for each pipeline and point, and one for fresh real points; then the seconds by stage.
pub fn end_table(finished: &Finished) -> String {
    let lines = lines(&finished.summary);
    let wall = if finished.seconds > 0.0 { format!(" in {:.1} s", finished.seconds) } else { String::new() };
    let runs = match (finished.runs.len(), finished.all) {
        (done, all) if done == all => format!("{all} runs"),
        (done, all) => format!("{done} of {all} runs"),
    };
    let end = format!("{runs}{wall}; tables in {}\n", finished.out.display());
    if lines.iter().filter(|(pipeline, _)| *pipeline != DATA).count() > MOST_LINES {
        return end;
    }
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    let heading = |text: &str| text.to_string();
    let keys = finished.keys.iter().map(|key| heading(key.rsplit('.').next().unwrap_or(key)));
    let columns: Vec<_> =
        columns(&finished.summary).into_iter().filter(|(.., in_terminal)| *in_terminal).collect();
    table.set_header(
        std::iter::once(heading("pipeline"))
            .chain(keys)
            .chain(columns.iter().map(|(text, ..)| heading(text)))
            .chain(["fit s", "train s", "sample s"].map(heading)),
    );
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (pipeline, values) in lines {
        let figures = columns.iter().map(|(_, metric, digits, _)| {
            let of =
                |row: &&SummaryRow| row.pipeline == pipeline && row.values == values && row.metric == *metric;
            finished.summary.iter().find(of).map_or(String::new(), |row| figure(row, *digits))
        });
        let label = if pipeline == DATA { "(real points)" } else { pipeline };
        let cells = std::iter::once(label.to_string()).chain(values.iter().cloned()).chain(figures);
        table.add_row(cells.chain(stage_seconds(&finished.runs, pipeline, values)));
    }
    format!("{table}\n\n{end}")
}

/// `mean` or `mean +- half`.
fn figure(row: &SummaryRow, digits: usize) -> String {
    let numbers = &row.figures;
    match numbers.interval_high {
        Some(high) => format!("{:.digits$} +- {:.digits$}", numbers.mean, high - numbers.mean),
        None => format!("{:.digits$}", numbers.mean),
    }
}

/// Mean seconds of each stage over the runs of a pipeline at a point.
fn stage_seconds(runs: &[Status], pipeline: &str, values: &[String]) -> Vec<String> {
    let runs: Vec<_> =
        runs.iter().filter(|r| r.label.pipeline == pipeline && r.label.values == values).collect();
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
