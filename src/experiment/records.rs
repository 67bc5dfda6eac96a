//! The rows of the CSV files that users rely on, and how they are written and read back.

use super::error::ExperimentError;
use super::files;
use super::replicate::Scores;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io;
use std::path::Path;

/// A row of `metrics.csv`: the state of a run after one reverse step. Empty where a metric does not apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// Name of the run.
    pub run: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Replicate, from 0.
    pub replicate: usize,
    /// Reverse step: 0 is x_T.
    pub step: usize,
    /// Diffusion time: T at step 0, 0 at the end.
    pub t: usize,
    /// Mean log-likelihood under the true mixture, nats (G 25).
    pub log_likelihood: Option<f64>,
    /// Its median over samples.
    pub log_likelihood_median: Option<f64>,
    /// Fraction of samples below every real point's log-likelihood.
    pub off_support: Option<f64>,
    /// Precision.
    pub precision: Option<f64>,
    /// Recall.
    pub recall: Option<f64>,
    /// Density.
    pub density: Option<f64>,
    /// Coverage.
    pub coverage: Option<f64>,
}

impl MetricsRow {
    /// The row of a cloud of points with these scores.
    pub fn new(
        run: &str,
        pipeline: &str,
        replicate: usize,
        (step, t): (usize, usize),
        scores: &Scores,
    ) -> Self {
        let (likelihood, prdc) = (scores.log_likelihood, scores.prdc);
        Self {
            run: run.to_string(),
            pipeline: pipeline.to_string(),
            replicate,
            step,
            t,
            log_likelihood: likelihood.map(|l| l.mean),
            log_likelihood_median: likelihood.map(|l| l.median),
            off_support: likelihood.map(|l| l.off_support),
            precision: prdc.map(|p| p.precision),
            recall: prdc.map(|p| p.recall),
            density: prdc.map(|p| p.density),
            coverage: prdc.map(|p| p.coverage),
        }
    }

    /// The metrics of the row by name, in the order of the columns.
    pub fn metrics(&self) -> [(&'static str, Option<f64>); 7] {
        [
            ("log_likelihood", self.log_likelihood),
            ("log_likelihood_median", self.log_likelihood_median),
            ("off_support", self.off_support),
            ("precision", self.precision),
            ("recall", self.recall),
            ("density", self.density),
            ("coverage", self.coverage),
        ]
    }
}

/// A row of `loss.csv`: the terms of the loss at one iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LossRow {
    /// Name of the run.
    pub run: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Replicate, from 0.
    pub replicate: usize,
    /// Optimizer step, from 1.
    pub iteration: usize,
    /// The whole loss (I 28).
    pub loss: f64,
    /// Its first term, as reduced (G 7).
    pub mse: f64,
    /// The isotropy term before it is weighed with lambda.
    pub isotropy: f64,
    /// The first term of the exact denoiser on the same batch, where known.
    pub optimal: Option<f64>,
}

/// A row of `summary.csv`: one metric of one pipeline at its last step, over replicates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    /// Name of the pipeline; "data" for fresh real points.
    pub pipeline: String,
    /// Name of the metric.
    pub metric: String,
    /// Mean over replicates.
    pub mean: f64,
    /// Lower end of the 95 % interval of the mean (Student's t); empty with one replicate.
    pub interval_low: Option<f64>,
    /// Upper end.
    pub interval_high: Option<f64>,
    /// Number of replicates.
    pub replicates: usize,
}

/// Writes rows under their header, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_rows<'a, R: Serialize + 'a>(
    path: &Path,
    rows: impl IntoIterator<Item = &'a R>,
) -> Result<(), ExperimentError> {
    files::write(path, |out| {
        let mut writer = csv::Writer::from_writer(out);
        for row in rows {
            writer.serialize(row).map_err(io::Error::from)?;
        }
        writer.flush()
    })
}

/// Reads rows back.
///
/// # Errors
/// If the file is missing or damaged.
pub fn read_rows<R: DeserializeOwned>(path: &Path) -> Result<Vec<R>, ExperimentError> {
    let failed = |e: csv::Error| ExperimentError::Read { path: path.to_path_buf(), reason: e.to_string() };
    csv::Reader::from_path(path).map_err(failed)?.into_deserialize().map(|row| row.map_err(failed)).collect()
}
