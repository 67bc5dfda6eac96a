//! The study's own tables, made of those of its runs.

use super::provenance;
use crate::metrics::plateau_step;
use crate::numeric::intervals::{Interval, mean_interval, paired_difference};
use crate::spec::DATA;
use crate::store::rows::{RowWriter, read_rows};
use crate::store::run_folder::{has_file, read_checked_rows};
use crate::store::summary::write_summary;
use crate::store::{
    FitRow, IsotropyRow, Label, LossRow, MetricsRow, Row, Status, StoreError, SummaryRow, SummaryValues,
    atomic, names,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// The key whose points are compared with its zero, replicate by replicate.
const LAMBDA: &str = "train.isotropy.lambda";

/// The keys of the isotropy term.
const ISOTROPY_KEYS: &str = "train.isotropy.";

/// Fraction of its climb within which the log-likelihood must stay to have reached its plateau.
const PLATEAU: f64 = 0.05;

/// Distance to its end, in nats, within which it has reached its plateau in any case: more than the sampling noise of
/// 10,000 points.
const PLATEAU_FLOOR: f64 = 0.05;

/// The final loss is the mean over the last of the logged iterations, one in this many.
const LAST_FRACTION: usize = 10;

/// A named value of one run.
type Named = (&'static str, Option<f64>);

/// What has been written.
pub struct Tables {
    /// The rows of `summary.csv`.
    pub summary: Vec<SummaryRow>,
    /// SHA-256 of each table, by its name.
    pub digests: BTreeMap<String, String>,
}

impl Tables {
    /// Whether all tables of a study are there with their provenance, and are what was written where their digests are
    /// kept.
    pub fn are_whole(out: &Path) -> bool {
        let Some(written) = provenance::read(out) else { return false };
        names::TABLES.iter().all(|name| match written.tables.get(*name) {
            Some(digest) => {
                std::fs::read(out.join(name)).is_ok_and(|bytes| atomic::digest(&bytes) == *digest)
            }
            None => out.join(name).is_file(),
        })
    }

    /// Writes `metrics.csv`, `loss.csv`, `isotropy.csv`, `gaussianizer.csv` and `summary.csv` from the runs' folders,
    /// in their order, with one run in memory at a time.
    ///
    /// # Errors
    /// If a run's table is damaged or a file cannot be written.
    pub fn write(out: &Path, keys: &[String], runs: &[(&Path, &Status)]) -> Result<Self, StoreError> {
        let mut metrics = RowWriter::begin(&out.join(names::METRICS), keys)?;
        let mut losses = RowWriter::begin(&out.join(names::LOSS), keys)?;
        let mut isotropy: RowWriter<IsotropyRow> = RowWriter::begin(&out.join(names::ISOTROPY), keys)?;
        let mut fits: RowWriter<FitRow> = RowWriter::begin(&out.join(names::FIT), keys)?;
        let mut summary = Summary::default();
        for (folder, status) in runs {
            let label = &status.label;
            let rows: Vec<MetricsRow> = read_checked_rows(folder, status, names::METRICS)?;
            let loss: Vec<LossRow> = read_if_there(folder, status, names::LOSS)?;
            summary.add_run(status, &rows, &loss);
            metrics.add(label, &rows)?;
            losses.add(label, &loss)?;
            isotropy.add(label, &read_checked_rows(folder, status, names::ISOTROPY)?)?;
            fits.add(label, &read_if_there(folder, status, names::FIT)?)?;
        }
        let summary = summary.rows(keys);
        let digests = [
            (names::METRICS, metrics.finish()?),
            (names::LOSS, losses.finish()?),
            (names::ISOTROPY, isotropy.finish()?),
            (names::FIT, fits.finish()?),
            (names::SUMMARY, write_summary(&out.join(names::SUMMARY), keys, &summary)?),
        ];
        Ok(Self { summary, digests: digests.map(|(name, digest)| (name.to_string(), digest)).into() })
    }
}

/// The rows of `summary.csv` that these runs make, without writing anything.
///
/// # Errors
/// If a run's table is missing or damaged.
pub fn summarize(keys: &[String], runs: &[(&Path, &Status)]) -> Result<Vec<SummaryRow>, StoreError> {
    let mut summary = Summary::default();
    for (folder, status) in runs {
        let rows: Vec<MetricsRow> = read_rows(&folder.join(names::METRICS))?;
        summary.add_run(status, &rows, &read_if_there(folder, status, names::LOSS)?);
    }
    Ok(summary.rows(keys))
}

/// The table of a stage that not every pipeline has.
fn read_if_there<R: Row>(folder: &Path, status: &Status, name: &str) -> Result<Vec<R>, StoreError> {
    if has_file(folder, status, name) { read_checked_rows(folder, status, name) } else { Ok(Vec::new()) }
}

/// What the summary says of one run.
fn run_values(rows: &[MetricsRow], losses: &[LossRow], status: &Status) -> Vec<Named> {
    let mut values: Vec<Named> = rows.last().map(|last| last.metrics().collect()).unwrap_or_default();
    let (steps, curve): (Vec<usize>, Vec<f64>) =
        rows.iter().filter_map(|r| Some((r.step, r.get("log_likelihood")?))).unzip();
    values.push(("first_log_likelihood", curve.first().copied()));
    let fifth = rows.last().and_then(|last| rows.iter().rev().find(|row| 5 * row.step <= last.step));
    values.push(("fifth_log_likelihood", fifth.and_then(|row| row.get("log_likelihood"))));
    values.push(("plateau_step", plateau_step(&steps, &curve, PLATEAU, PLATEAU_FLOOR).map(|s| s as f64)));
    let tail = &losses[losses.len() - losses.len().div_ceil(LAST_FRACTION)..];
    let mean = |values: Vec<f64>| mean_interval(&values).map(|i| i.mean);
    values.push(("final_loss", mean(tail.iter().map(|l| l.loss).collect())));
    values.push(("excess_loss", mean(tail.iter().filter_map(|l| Some(l.mse - l.optimal?)).collect())));
    values.push(("control_scale", status.control_scale));
    values.push(("map_log_likelihood", status.map_log_likelihood));
    values
}

/// The values of all runs, by pipeline and point.
#[derive(Default)]
struct Summary {
    groups: Vec<Group>,
    /// The group of a pipeline and point.
    index: HashMap<(String, Vec<String>), usize>,
    /// Points and replicates whose fresh points are in already, through another pipeline.
    fresh: HashSet<(Vec<String>, usize)>,
}

/// The replicates of one pipeline at one point, in order.
struct Group {
    pipeline: String,
    values: Vec<String>,
    /// Each with its number.
    replicates: Vec<(usize, Vec<Named>)>,
}

impl Group {
    /// A value over the replicates that have it.
    fn value(&self, index: usize) -> Vec<f64> {
        self.replicates.iter().filter_map(|(_, values)| values.get(index)?.1).collect()
    }

    /// The difference to another group in a value, replicate by replicate, over those that both have.
    fn difference(&self, other: &Self, index: usize) -> Option<Interval> {
        let theirs: HashMap<usize, f64> = other
            .replicates
            .iter()
            .filter_map(|(replicate, values)| Some((*replicate, values.get(index)?.1?)))
            .collect();
        let common = self
            .replicates
            .iter()
            .filter_map(|(replicate, values)| Some((values.get(index)?.1?, *theirs.get(replicate)?)));
        let (ours, theirs): (Vec<f64>, Vec<f64>) = common.unzip();
        paired_difference(&ours, &theirs)
    }
}

impl Summary {
    /// Adds what a run found, and its fresh real points.
    fn add_run(&mut self, status: &Status, rows: &[MetricsRow], losses: &[LossRow]) {
        let label = &status.label;
        self.add_data(label, status.fresh.as_ref());
        self.add(&label.pipeline, label, run_values(rows, losses, status));
    }

    /// Adds the values of a replicate under the name of a pipeline.
    fn add(&mut self, pipeline: &str, label: &Label, named: Vec<Named>) {
        let values = &label.values;
        let group = *self.index.entry((pipeline.to_string(), values.clone())).or_insert(self.groups.len());
        if group == self.groups.len() {
            let (pipeline, values) = (pipeline.to_string(), values.clone());
            self.groups.push(Group { pipeline, values, replicates: Vec::new() });
        }
        self.groups[group].replicates.push((label.replicate, named));
    }

    /// Adds the fresh real points of a replicate, once for all its pipelines.
    fn add_data(&mut self, label: &Label, fresh: Option<&MetricsRow>) {
        if let Some(fresh) = fresh
            && self.fresh.insert((label.values.clone(), label.replicate))
        {
            self.add(DATA, label, fresh.metrics().collect());
        }
    }

    /// Mean and interval over replicates of each value, point by point and pipeline by pipeline.
    fn rows(&self, keys: &[String]) -> Vec<SummaryRow> {
        let lambda = keys.iter().position(|key| key == LAMBDA);
        let others: Vec<usize> = (0..keys.len()).filter(|&k| !keys[k].starts_with(ISOTROPY_KEYS)).collect();
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
            let metrics = group.replicates.first().map_or(&[][..], |(_, values)| values.as_slice());
            for (index, (metric, _)) in metrics.iter().enumerate() {
                let values = group.value(index);
                let Some(interval) = mean_interval(&values) else { continue };
                let difference = control.and_then(|control| group.difference(control, index));
                rows.push(SummaryRow {
                    pipeline: group.pipeline.clone(),
                    values: group.values.clone(),
                    metric: (*metric).to_string(),
                    numbers: numbers(interval, difference),
                });
            }
        }
        rows
    }
}

fn numbers(interval: Interval, difference: Option<Interval>) -> SummaryValues {
    let low = |i: Interval| i.half_width.map(|h| i.mean - h);
    let high = |i: Interval| i.half_width.map(|h| i.mean + h);
    SummaryValues {
        mean: interval.mean,
        interval_low: low(interval),
        interval_high: high(interval),
        replicates: interval.n,
        difference: difference.map(|d| d.mean),
        difference_low: difference.and_then(low),
        difference_high: difference.and_then(high),
    }
}
