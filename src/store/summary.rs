//! `summary.csv`: a metric of a pipeline at a sweep point, over its replicates.

use super::atomic;
use super::error::StoreError;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// A row of `summary.csv`: one metric of one pipeline at its last step, over replicates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SummaryRow {
    /// Name of the pipeline; "data" for fresh real points.
    pub pipeline: String,
    /// Values of the sweep keys.
    pub values: Vec<String>,
    /// Name of the metric.
    pub metric: String,
    /// The numbers.
    #[serde(flatten)]
    pub numbers: SummaryValues,
}

/// The numbers of a row of `summary.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SummaryValues {
    /// Mean over replicates.
    pub mean: f64,
    /// Lower end of the 95 % interval of the mean (Student's t); empty with one replicate.
    pub interval_low: Option<f64>,
    /// Upper end.
    pub interval_high: Option<f64>,
    /// Number of replicates.
    pub replicates: usize,
    /// Mean difference, replicate by replicate, to the point of the sweep with lambda = 0.
    pub difference: Option<f64>,
    /// Lower end of its 95 % interval.
    pub difference_low: Option<f64>,
    /// Upper end.
    pub difference_high: Option<f64>,
    /// Mean difference, replicate by replicate, to the baseline at the same sweep point; where the study has no baseline,
    /// to its first pipeline. Folders of version 0.1 have none.
    #[serde(default)]
    pub baseline_difference: Option<f64>,
    /// Lower end of its 95 % interval.
    #[serde(default)]
    pub baseline_difference_low: Option<f64>,
    /// Upper end.
    #[serde(default)]
    pub baseline_difference_high: Option<f64>,
}

const COLUMNS: [&str; 10] = [
    "mean",
    "interval_low",
    "interval_high",
    "replicates",
    "difference",
    "difference_low",
    "difference_high",
    "baseline_difference",
    "baseline_difference_low",
    "baseline_difference_high",
];

/// Writes `summary.csv`, whole or not at all; returns its SHA-256 in hexadecimal.
///
/// # Errors
/// If the file cannot be written.
pub fn write_summary(path: &Path, keys: &[String], rows: &[SummaryRow]) -> Result<String, StoreError> {
    atomic::write(path, |out| {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        let label = std::iter::once("pipeline").chain(keys.iter().map(String::as_str));
        writer.write_record(label.chain(["metric"]).chain(COLUMNS))?;
        for row in rows {
            writer.serialize((&row.pipeline, &row.values, &row.metric, row.numbers))?;
        }
        writer.flush()
    })
}

/// Reads `summary.csv` back: the sweep's keys, which are between pipeline and metric, and the rows.
///
/// # Errors
/// If the file is missing or damaged.
pub fn read_summary(path: &Path) -> Result<(Vec<String>, Vec<SummaryRow>), StoreError> {
    let failed = |reason: String| StoreError::Read { path: path.to_path_buf(), reason };
    let read = || -> Result<(Vec<String>, Vec<SummaryRow>), csv::Error> {
        let mut reader = csv::Reader::from_path(path)?;
        let header = reader.headers()?.clone();
        let keys = header.iter().position(|name| name == "metric").unwrap_or_default().saturating_sub(1);
        let names = header.iter().skip(1).take(keys).map(str::to_string).collect();
        let rows = reader
            .records()
            .map(|record| {
                let record = record?;
                let text = |i: usize| record.get(i).unwrap_or_default().to_string();
                Ok(SummaryRow {
                    pipeline: text(0),
                    values: (1..=keys).map(text).collect(),
                    metric: text(1 + keys),
                    numbers: record.deserialize(Some(&header))?,
                })
            })
            .collect::<Result<_, csv::Error>>()?;
        Ok((names, rows))
    };
    read().map_err(|e: csv::Error| failed(io::Error::from(e).to_string()))
}
