//! Tables as records by the names of their columns, and what is computed of them by hand.

use super::csv;
use std::collections::HashMap;
use std::path::Path;

/// A row by the names of its columns.
pub type Record = HashMap<String, String>;

/// The rows of a table.
pub fn records(path: impl AsRef<Path>) -> Vec<Record> {
    let (header, rows) = csv(path);
    rows.into_iter().map(|row| header.iter().cloned().zip(row).collect()).collect()
}

/// The number in a column; none where the cell is empty.
pub fn number(record: &Record, column: &str) -> Option<f64> {
    let cell = &record[column];
    (!cell.is_empty()).then(|| cell.parse().unwrap_or_else(|_| panic!("{column}: {cell} is no number")))
}

/// The values of a metric over the replicates of a pipeline, in their order: at the last reverse step, or with `first_`
/// before its name at step 0. `keep` says which rows of `metrics.csv` belong to the point.
pub fn of_replicates(
    metrics: &[Record],
    pipeline: &str,
    metric: &str,
    keep: impl Fn(&Record) -> bool,
) -> Vec<Option<f64>> {
    let (metric, first) = match metric.strip_prefix("first_") {
        Some(rest) => (rest, true),
        None => (metric, false),
    };
    let mut found: Vec<(usize, usize, Option<f64>)> = Vec::new();
    for row in metrics.iter().filter(|row| row["pipeline"] == pipeline && keep(row)) {
        let (replicate, step) = (row["replicate"].parse().unwrap(), row["step"].parse().unwrap());
        match found.iter_mut().find(|(other, ..)| *other == replicate) {
            Some(there) if (step < there.1) == first => *there = (replicate, step, number(row, metric)),
            Some(_) => {}
            None => found.push((replicate, step, number(row, metric))),
        }
    }
    found.sort_by_key(|(replicate, ..)| *replicate);
    found.into_iter().map(|(.., value)| value).collect()
}

/// Mean and half-width of the 95 % interval; 0.975 quantiles of Student's t from tables.
pub fn mean_and_half_width(values: &[f64]) -> (f64, Option<f64>) {
    let quantiles = [12.706_204_736_2, 4.302_652_729_9, 3.182_446_305_3, 2.776_445_105_2];
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0);
    let quantile = values.len().checked_sub(2).map(|k| quantiles[k]);
    (mean, quantile.map(|quantile| quantile * (variance / n).sqrt()))
}
