//! The study's own tables, made of those of its runs.

use super::error::ExperimentError;
use super::fit_report::FitRow;
use super::provenance;
use super::records::{
    IsotropyRow, Label, LossRow, MetricsRow, Row, RowWriter, SummaryFigures, SummaryRow, read_rows,
    write_summary,
};
use super::status::Status;
use crate::metrics::plateau_step;
use crate::numeric::intervals::{Interval, mean_interval, paired_difference};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// The summary's file.
pub const SUMMARY: &str = "summary.csv";

/// Every table of a study, the last to be written last.
pub const TABLES: [&str; 6] =
    ["metrics.csv", "loss.csv", "isotropy.csv", "gaussianizer.csv", SUMMARY, provenance::FILE];

/// The name under which fresh real points stand in the summary.
const DATA: &str = "data";

/// The key whose points are compared with its zero, replicate by replicate.
const LAMBDA: &str = "train.isotropy.lambda";

/// The keys of the isotropy term.
const ISOTROPY: &str = "train.isotropy.";

/// Part of its climb within which the log-likelihood must stay to have reached its plateau.
const PLATEAU: f64 = 0.05;

/// Nats around its end within which it is there in any case: more than the sampling noise of 10,000 points.
const PLATEAU_FLOOR: f64 = 0.05;

/// Part of the logged iterations, at the end, over which the final loss is averaged: one in this many.
const LAST_PART: usize = 10;

/// A named figure of one run.
type Figure = (&'static str, Option<f64>);

/// Whether all tables of a study are there.
pub fn is_complete(out: &Path) -> bool {
    TABLES.iter().all(|name| out.join(name).is_file())
}

/// Writes `metrics.csv`, `loss.csv`, `isotropy.csv`, `gaussianizer.csv` and `summary.csv` from the runs' folders,
/// in their order, with one run in memory at a time.
///
/// # Errors
/// If a run's table is damaged or a file cannot be written.
pub fn write_tables(
    out: &Path,
    keys: &[String],
    runs: &[(&Path, &Status)],
) -> Result<Vec<SummaryRow>, ExperimentError> {
    let mut metrics = RowWriter::begin(&out.join("metrics.csv"), keys)?;
    let mut losses = RowWriter::begin(&out.join("loss.csv"), keys)?;
    let mut isotropy: RowWriter<IsotropyRow> = RowWriter::begin(&out.join("isotropy.csv"), keys)?;
    let mut fits: RowWriter<FitRow> = RowWriter::begin(&out.join("gaussianizer.csv"), keys)?;
    let mut summary = Summary::default();
    for (folder, status) in runs {
        let label = &status.label;
        let rows: Vec<MetricsRow> = read_rows(&folder.join("metrics.csv"))?;
        let loss: Vec<LossRow> = read_if_there(&folder.join("loss.csv"))?;
        summary.add_run(status, &rows, &loss);
        metrics.add(label, &rows)?;
        losses.add(label, &loss)?;
        isotropy.add(label, &read_rows(&folder.join("isotropy.csv"))?)?;
        fits.add(label, &read_if_there(&folder.join("gaussianizer.csv"))?)?;
    }
    let summary = summary.rows(keys);
    metrics.finish()?;
    losses.finish()?;
    isotropy.finish()?;
    fits.finish()?;
    write_summary(&out.join(SUMMARY), keys, &summary)?;
    Ok(summary)
}

/// The rows of `summary.csv` that these runs make, without writing anything.
///
/// # Errors
/// If a run's table is missing or damaged.
pub fn summarize(keys: &[String], runs: &[(&Path, &Status)]) -> Result<Vec<SummaryRow>, ExperimentError> {
    let mut summary = Summary::default();
    for (folder, status) in runs {
        let loss: Vec<LossRow> = read_if_there(&folder.join("loss.csv"))?;
        summary.add_run(status, &read_rows(&folder.join("metrics.csv"))?, &loss);
    }
    Ok(summary.rows(keys))
}

/// The table of a stage that not every pipeline has.
fn read_if_there<R: Row>(path: &Path) -> Result<Vec<R>, ExperimentError> {
    if path.is_file() { read_rows(path) } else { Ok(Vec::new()) }
}

/// What the summary says of one run.
fn run_figures(rows: &[MetricsRow], losses: &[LossRow], status: &Status) -> Vec<Figure> {
    let mut figures: Vec<Figure> = rows.last().map(|last| last.metrics().to_vec()).unwrap_or_default();
    let (steps, values): (Vec<usize>, Vec<f64>) =
        rows.iter().filter_map(|r| Some((r.step, r.log_likelihood?))).unzip();
    figures.push(("first_log_likelihood", values.first().copied()));
    let fifth = rows.last().and_then(|last| rows.iter().rev().find(|row| 5 * row.step <= last.step));
    figures.push(("fifth_log_likelihood", fifth.and_then(|row| row.log_likelihood)));
    figures.push(("plateau_step", plateau_step(&steps, &values, PLATEAU, PLATEAU_FLOOR).map(|s| s as f64)));
    let tail = &losses[losses.len() - losses.len().div_ceil(LAST_PART)..];
    let mean = |values: Vec<f64>| mean_interval(&values).map(|i| i.mean);
    figures.push(("final_loss", mean(tail.iter().map(|l| l.loss).collect())));
    figures.push(("excess_loss", mean(tail.iter().filter_map(|l| Some(l.mse - l.optimal?)).collect())));
    figures.push(("control_scale", status.control_scale));
    figures.push(("map_log_likelihood", status.map_log_likelihood));
    figures
}

/// The figures of all runs, by pipeline and point.
#[derive(Default)]
struct Summary {
    groups: Vec<Group>,
    /// Where the group of a pipeline and point is.
    places: HashMap<(String, Vec<String>), usize>,
    /// Points and replicates whose fresh points are in already, through another pipeline.
    fresh: HashSet<(Vec<String>, usize)>,
}

/// The replicates of one pipeline at one point, in order.
struct Group {
    pipeline: String,
    values: Vec<String>,
    replicates: Vec<Vec<Figure>>,
}

impl Group {
    /// A figure over the replicates, where each has it.
    fn figure(&self, index: usize) -> Vec<f64> {
        self.replicates.iter().filter_map(|figures| figures.get(index)?.1).collect()
    }
}

impl Summary {
    /// Adds what a run found, and its fresh real points.
    fn add_run(&mut self, status: &Status, rows: &[MetricsRow], losses: &[LossRow]) {
        let label = &status.label;
        self.add_data(label, status.fresh.as_ref());
        self.add(&label.pipeline, &label.values, run_figures(rows, losses, status));
    }

    fn add(&mut self, pipeline: &str, values: &[String], figures: Vec<Figure>) {
        let place = *self.places.entry((pipeline.to_string(), values.to_vec())).or_insert(self.groups.len());
        if place == self.groups.len() {
            let (pipeline, values) = (pipeline.to_string(), values.to_vec());
            self.groups.push(Group { pipeline, values, replicates: Vec::new() });
        }
        self.groups[place].replicates.push(figures);
    }

    /// Adds the fresh real points of a replicate, once for all its pipelines.
    fn add_data(&mut self, label: &Label, fresh: Option<&MetricsRow>) {
        if let Some(fresh) = fresh
            && self.fresh.insert((label.values.clone(), label.replicate))
        {
            self.add(DATA, &label.values, fresh.metrics().to_vec());
        }
    }

    /// Mean and interval over replicates of each figure, point by point and pipeline by pipeline.
    fn rows(&self, keys: &[String]) -> Vec<SummaryRow> {
        let lambda = keys.iter().position(|key| key == LAMBDA);
        let others: Vec<usize> = (0..keys.len()).filter(|&k| !keys[k].starts_with(ISOTROPY)).collect();
        // The points with lambda = 0, by pipeline and the values of the other keys.
        let name = |group: &Group| {
            let values = others.iter().filter_map(|&k| group.values.get(k).cloned());
            (group.pipeline.clone(), values.collect::<Vec<_>>())
        };
        let is_zero = |group: &Group| {
            lambda.and_then(|k| group.values.get(k)).is_some_and(|v| v.parse::<f64>() == Ok(0.0))
        };
        let mut controls: HashMap<(String, Vec<String>), &Group> = HashMap::new();
        for group in self.groups.iter().filter(|g| is_zero(g) && g.pipeline != DATA) {
            controls.entry(name(group)).or_insert(group);
        }
        let mut rows = Vec::new();
        for group in &self.groups {
            let control = if is_zero(group) { None } else { controls.get(&name(group)) };
            let metrics = group.replicates.first().map(Vec::as_slice).unwrap_or_default();
            for (index, (metric, _)) in metrics.iter().enumerate() {
                let values = group.figure(index);
                let Some(interval) = mean_interval(&values) else { continue };
                let difference = control.and_then(|c| paired_difference(&values, &c.figure(index)));
                rows.push(SummaryRow {
                    pipeline: group.pipeline.clone(),
                    values: group.values.clone(),
                    metric: (*metric).to_string(),
                    figures: figures(interval, difference),
                });
            }
        }
        rows
    }
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
