//! The short table at the end of a run.

use super::figures::names::short_keys;
use super::visible::visible_cell;
use crate::metrics::scored;
use crate::spec::DATA;
use crate::store::{Status, SummaryRow};
use crate::study::Finished;
use comfy_table::{CellAlignment, Table, presets};
use std::collections::{HashMap, HashSet};

/// A column of a table over a summary.
#[derive(Debug, Clone, Copy)]
pub(super) struct SummaryColumn {
    pub heading: &'static str,
    /// The metric of the summary.
    pub metric: &'static str,
    /// Digits after the point.
    pub digits: usize,
    /// Whether the terminal shows it too.
    pub in_terminal: bool,
}

/// What a summary has beside the metrics of the last step.
const OF_THE_WHOLE_RUN: [SummaryColumn; 3] = [
    SummaryColumn { heading: "plateau step", metric: "plateau_step", digits: 0, in_terminal: true },
    SummaryColumn { heading: "final loss", metric: "final_loss", digits: 4, in_terminal: false },
    SummaryColumn { heading: "map alone", metric: "map_log_likelihood", digits: 3, in_terminal: false },
];

/// The columns of which a summary has something.
pub(super) fn columns(summary: &[SummaryRow]) -> Vec<SummaryColumn> {
    let has = |metric| summary.iter().any(|row| row.metric == metric);
    let of_a_metric = |column: &scored::Column| SummaryColumn {
        heading: column.heading,
        metric: column.name,
        digits: column.digits,
        in_terminal: column.headline,
    };
    let all = scored::columns().map(of_a_metric).chain(OF_THE_WHOLE_RUN);
    all.filter(|column| has(column.metric)).collect()
}

/// More lines than this are for `summary.csv`.
const MOST_LINES: usize = 60;

/// Pipeline and values of the sweep keys.
type Line<'a> = (&'a str, &'a [String]);

/// The lines of a table over a summary: pipelines and sweep points, then fresh real points.
pub(super) fn lines(summary: &[SummaryRow]) -> Vec<Line<'_>> {
    // Points that share their data share the line of fresh real points.
    let mut groups: Vec<(Line, Vec<u64>)> = Vec::new();
    let mut indices: HashMap<Line, usize> = HashMap::new();
    for row in summary {
        let line = (row.pipeline.as_str(), row.values.as_slice());
        let index = *indices.entry(line).or_insert(groups.len());
        if index == groups.len() {
            groups.push((line, Vec::new()));
        }
        groups[index].1.push(row.numbers.mean.to_bits());
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
    let keys = short_keys(&finished.keys).into_iter();
    let columns: Vec<_> =
        columns(&finished.summary).into_iter().filter(|column| column.in_terminal).collect();
    table.set_header(
        std::iter::once(heading("pipeline"))
            .chain(keys)
            .chain(columns.iter().map(|column| heading(column.heading)))
            .chain(["fit s", "train s", "sample s"].map(heading)),
    );
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (pipeline, values) in lines {
        let shown = columns.iter().map(|column| {
            let of = |row: &&SummaryRow| {
                row.pipeline == pipeline && row.values == values && row.metric == column.metric
            };
            finished.summary.iter().find(of).map_or(String::new(), |row| mean_and_half(row, column.digits))
        });
        let label = if pipeline == DATA { "(real points)" } else { pipeline };
        let seconds = stage_seconds(&finished.runs, pipeline, values);
        let values = values.iter().map(|value| visible_cell(value).into_owned());
        let cells = std::iter::once(label.to_string()).chain(values).chain(shown);
        table.add_row(cells.chain(seconds));
    }
    format!("{table}\n\n{end}")
}

/// `mean` or `mean +- half`.
fn mean_and_half(row: &SummaryRow, digits: usize) -> String {
    let numbers = &row.numbers;
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
