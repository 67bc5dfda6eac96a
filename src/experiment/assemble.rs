//! The experiment's own tables, made of those of its runs.

use super::error::ExperimentError;
use super::records::{LossRow, MetricsRow, SummaryRow, read_rows, write_rows};
use super::replicate::Replicate;
use super::status::Status;
use crate::metrics::{mean_interval, plateau_step};
use crate::spec::Plan;
use std::path::{Path, PathBuf};

/// Part of its climb within which the log-likelihood must stay to have reached its plateau.
const PLATEAU: f64 = 0.05;

/// Fraction of the last logged iterations over which the final excess loss is averaged.
const LAST_PART: usize = 10;

/// The name under which fresh real points stand in the summary.
pub const DATA: &str = "data";

const TABLES: [&str; 4] = ["metrics.csv", "loss.csv", "summary.csv", "provenance.json"];

/// A named figure of one run.
type Figure = (&'static str, Option<f64>);

/// Whether all tables of an experiment are there.
pub fn is_complete(out: &Path) -> bool {
    TABLES.iter().all(|name| out.join(name).is_file())
}

/// Reads `summary.csv` back.
///
/// # Errors
/// If it is damaged.
pub fn read_summary(out: &Path) -> Result<Vec<SummaryRow>, ExperimentError> {
    read_rows(&out.join("summary.csv"))
}

/// The figures of fresh real points by replicate.
///
/// # Errors
/// If a replicate's data cannot be prepared.
pub fn fresh_rows<'a>(
    plan: &Plan,
    replicate: &dyn Fn(usize) -> Result<&'a Replicate, ExperimentError>,
) -> Result<Vec<Vec<Figure>>, ExperimentError> {
    let figures = |r: &Replicate| {
        MetricsRow::new(DATA, DATA, r.index, (0, 0), &r.fresh).metrics().to_vec()
    };
    (0..plan.replicates).map(|index| replicate(index).map(figures)).collect()
}

/// Writes `metrics.csv`, `loss.csv` and `summary.csv` from the runs' folders, in their order.
///
/// # Errors
/// If a run's table is damaged or a file cannot be written.
pub fn write_tables(
    out: &Path,
    folders: &[PathBuf],
    runs: &[Status],
    fresh: &[Vec<Figure>],
) -> Result<Vec<SummaryRow>, ExperimentError> {
    let mut metrics: Vec<MetricsRow> = Vec::new();
    let mut losses: Vec<LossRow> = Vec::new();
    let mut figures: Vec<(String, Vec<Figure>)> =
        fresh.iter().map(|figures| (DATA.to_string(), figures.clone())).collect();
    for (folder, status) in folders.iter().zip(runs) {
        let rows: Vec<MetricsRow> = read_rows(&folder.join("metrics.csv"))?;
        let loss_file = folder.join("loss.csv");
        let loss: Vec<LossRow> = if loss_file.is_file() { read_rows(&loss_file)? } else { Vec::new() };
        figures.push((status.pipeline.clone(), run_figures(&rows, &loss, status)));
        metrics.extend(rows);
        losses.extend(loss);
    }
    let summary = summarize(&figures);
    write_rows(&out.join("metrics.csv"), &metrics)?;
    write_table_or_header(&out.join("loss.csv"), &losses)?;
    write_rows(&out.join("summary.csv"), &summary)?;
    Ok(summary)
}

/// An experiment without training has no losses; its `loss.csv` is a bare header.
fn write_table_or_header(path: &Path, losses: &[LossRow]) -> Result<(), ExperimentError> {
    if losses.is_empty() {
        const HEADER: &[u8] = b"run,pipeline,replicate,iteration,loss,mse,isotropy,optimal\n";
        super::files::write(path, |out| out.write_all(HEADER))
    } else {
        write_rows(path, losses)
    }
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

/// Mean and interval over replicates of each figure of each pipeline, in order of first appearance.
fn summarize(runs: &[(String, Vec<Figure>)]) -> Vec<SummaryRow> {
    let mut pipelines: Vec<&str> = Vec::new();
    for (pipeline, _) in runs {
        if !pipelines.contains(&pipeline.as_str()) {
            pipelines.push(pipeline);
        }
    }
    let mut rows = Vec::new();
    for pipeline in pipelines {
        let of_pipeline: Vec<&Vec<Figure>> =
            runs.iter().filter(|(p, _)| p == pipeline).map(|(_, figures)| figures).collect();
        let Some(first) = of_pipeline.first() else { continue };
        for (i, (metric, _)) in first.iter().enumerate() {
            let values: Vec<f64> = of_pipeline.iter().filter_map(|figures| figures.get(i)?.1).collect();
            let Some(interval) = mean_interval(&values) else { continue };
            rows.push(SummaryRow {
                pipeline: pipeline.to_string(),
                metric: (*metric).to_string(),
                mean: interval.mean,
                interval_low: interval.half_width.map(|h| interval.mean - h),
                interval_high: interval.half_width.map(|h| interval.mean + h),
                replicates: interval.n,
            });
        }
    }
    rows
}
