//! The study's own tables, made of those of its runs.

use super::error::ExperimentError;
use super::fit_report::FitRow;
use super::records::{
    IsotropyRow, Label, LossRow, MetricsRow, Row, SummaryFigures, SummaryRow, read_rows, write_rows,
    write_summary,
};
use super::runs::PlannedRun;
use super::schedule_runs::{Shared, replicate};
use super::status::Status;
use crate::metrics::{Interval, mean_interval, paired_difference, plateau_step};
use crate::spec::{Plan, Study};
use std::path::Path;

/// The summary's file.
pub const SUMMARY: &str = "summary.csv";

/// Every table of a study.
pub const TABLES: [&str; 6] =
    ["metrics.csv", "loss.csv", "isotropy.csv", "gaussianizer.csv", SUMMARY, "provenance.json"];

/// The name under which fresh real points stand in the summary.
const DATA: &str = "data";

/// The key whose points are compared with its zero, replicate by replicate.
const LAMBDA: &str = "train.isotropy.lambda";

/// The keys of the isotropy term.
const ISOTROPY: &str = "train.isotropy.";

/// Part of its climb within which the log-likelihood must stay to have reached its plateau.
const PLATEAU: f64 = 0.05;

/// Part of the logged iterations, at the end, over which the final loss is averaged: one in this many.
const LAST_PART: usize = 10;

/// A named figure of one run.
type Figure = (&'static str, Option<f64>);

/// The figures of one replicate of one pipeline at one point.
pub struct Figures {
    pipeline: String,
    values: Vec<String>,
    figures: Vec<Figure>,
}

/// Whether all tables of a study are there.
pub fn is_complete(out: &Path) -> bool {
    TABLES.iter().all(|name| out.join(name).is_file())
}

/// The figures of fresh real points: what a perfect sampler would get.
///
/// # Errors
/// If a replicate's data cannot be prepared.
pub fn fresh_figures(
    study: &Study,
    shared: &dyn Fn(&Plan, usize) -> Result<Shared, ExperimentError>,
) -> Result<Vec<Figures>, ExperimentError> {
    let mut all = Vec::new();
    for point in &study.points {
        for index in 0..point.plan.replicates {
            let cell = shared(&point.plan, index)?;
            let row = MetricsRow::new(0, 0, &replicate(&cell, index)?.fresh);
            let (pipeline, values) = (DATA.to_string(), point.values.clone());
            all.push(Figures { pipeline, values, figures: row.metrics().to_vec() });
        }
    }
    Ok(all)
}

/// Writes `metrics.csv`, `loss.csv` and `summary.csv` from the runs' folders, in their order.
///
/// # Errors
/// If a run's table is damaged or a file cannot be written.
pub fn write_tables(
    out: &Path,
    study: &Study,
    runs: &[PlannedRun],
    statuses: &[Status],
    fresh: Vec<Figures>,
) -> Result<Vec<SummaryRow>, ExperimentError> {
    let mut metrics: Vec<(&Label, Vec<MetricsRow>)> = Vec::new();
    let mut isotropy: Vec<(&Label, Vec<IsotropyRow>)> = Vec::new();
    let mut fits: Vec<(&Label, Vec<FitRow>)> = Vec::new();
    let mut losses: Vec<(&Label, Vec<LossRow>)> = Vec::new();
    let mut figures = fresh;
    for (run, status) in runs.iter().zip(statuses) {
        let rows: Vec<MetricsRow> = read_rows(&run.folder.join("metrics.csv"))?;
        let loss: Vec<LossRow> = read_if_there(&run.folder.join("loss.csv"))?;
        fits.push((&run.label, read_if_there(&run.folder.join("gaussianizer.csv"))?));
        figures.push(Figures {
            pipeline: run.label.pipeline.clone(),
            values: run.label.values.clone(),
            figures: run_figures(&rows, &loss, status),
        });
        metrics.push((&run.label, rows));
        isotropy.push((&run.label, read_rows(&run.folder.join("isotropy.csv"))?));
        losses.push((&run.label, loss));
    }
    let summary = summarize(&study.keys, &figures);
    write_rows(&out.join("metrics.csv"), &study.keys, flat(&metrics))?;
    write_rows(&out.join("loss.csv"), &study.keys, flat(&losses))?;
    write_rows(&out.join("isotropy.csv"), &study.keys, flat(&isotropy))?;
    write_rows(&out.join("gaussianizer.csv"), &study.keys, flat(&fits))?;
    write_summary(&out.join(SUMMARY), &study.keys, &summary)?;
    Ok(summary)
}

/// The table of a stage that not every pipeline has.
fn read_if_there<R: Row>(path: &Path) -> Result<Vec<R>, ExperimentError> {
    if path.is_file() { read_rows(path) } else { Ok(Vec::new()) }
}

fn flat<'a, R: Row>(runs: &'a [(&'a Label, Vec<R>)]) -> impl Iterator<Item = (&'a Label, &'a R)> {
    runs.iter().flat_map(|(label, rows)| rows.iter().map(move |row| (*label, row)))
}

/// What the summary says of one run.
fn run_figures(rows: &[MetricsRow], losses: &[LossRow], status: &Status) -> Vec<Figure> {
    let mut figures: Vec<Figure> = rows.last().map(|last| last.metrics().to_vec()).unwrap_or_default();
    let (steps, values): (Vec<usize>, Vec<f64>) =
        rows.iter().filter_map(|r| Some((r.step, r.log_likelihood?))).unzip();
    figures.push(("first_log_likelihood", values.first().copied()));
    figures.push(("plateau_step", plateau_step(&steps, &values, PLATEAU).map(|s| s as f64)));
    let tail = &losses[losses.len() - losses.len().div_ceil(LAST_PART)..];
    let mean = |values: Vec<f64>| mean_interval(&values).map(|i| i.mean);
    figures.push(("final_loss", mean(tail.iter().map(|l| l.loss).collect())));
    figures.push(("excess_loss", mean(tail.iter().filter_map(|l| Some(l.mse - l.optimal?)).collect())));
    figures.push(("map_log_likelihood", status.map_log_likelihood));
    figures
}

/// The replicates of one pipeline at one point, in order.
struct Group<'a> {
    pipeline: &'a str,
    values: &'a [String],
    replicates: Vec<&'a [Figure]>,
}

impl Group<'_> {
    /// A figure over the replicates, where each has it.
    fn figure(&self, index: usize) -> Vec<f64> {
        self.replicates.iter().filter_map(|figures| figures.get(index)?.1).collect()
    }
}

/// Mean and interval over replicates of each figure, point by point and pipeline by pipeline.
fn summarize(keys: &[String], all: &[Figures]) -> Vec<SummaryRow> {
    let mut groups: Vec<Group> = Vec::new();
    for one in all {
        let same = |g: &&mut Group| g.pipeline == one.pipeline && g.values == one.values;
        match groups.iter_mut().find(same) {
            Some(group) => group.replicates.push(&one.figures),
            None => groups.push(Group {
                pipeline: &one.pipeline,
                values: &one.values,
                replicates: vec![&one.figures],
            }),
        }
    }
    let lambda = keys.iter().position(|key| key == LAMBDA);
    let others: Vec<usize> = (0..keys.len()).filter(|&k| !keys[k].starts_with(ISOTROPY)).collect();
    let mut rows = Vec::new();
    for group in &groups {
        let control =
            lambda.and_then(|lambda| groups.iter().find(|other| is_control(group, other, lambda, &others)));
        for (index, (metric, _)) in group.replicates.first().copied().unwrap_or_default().iter().enumerate() {
            let values = group.figure(index);
            let Some(interval) = mean_interval(&values) else { continue };
            let difference = control.and_then(|control| paired_difference(&values, &control.figure(index)));
            rows.push(SummaryRow {
                pipeline: group.pipeline.to_string(),
                values: group.values.to_vec(),
                metric: (*metric).to_string(),
                figures: figures(interval, difference),
            });
        }
    }
    rows
}

fn figures(interval: Interval, difference: Option<Interval>) -> SummaryFigures {
    let low = |i: Interval| i.half_width.map(|h| i.mean - h);
    let high = |i: Interval| i.half_width.map(|h| i.mean + h);
    SummaryFigures {
        mean: interval.mean,
        interval_low: low(interval),
        interval_high: high(interval),
        replicates: interval.n,
        difference: difference.map(|d| d.mean),
        difference_low: difference.and_then(low),
        difference_high: difference.and_then(high),
    }
}

/// Whether `other` is `group` with lambda = 0: alike in all keys but those of the isotropy term.
fn is_control(group: &Group, other: &Group, lambda: usize, others: &[usize]) -> bool {
    let zero = |g: &Group| g.values.get(lambda).is_some_and(|v| v.parse::<f64>() == Ok(0.0));
    group.pipeline == other.pipeline
        && group.pipeline != DATA
        && !zero(group)
        && zero(other)
        && others.iter().all(|&k| group.values.get(k) == other.values.get(k))
}
