//! The rows of the CSV files that users rely on, and how they are written and read back.
//!
//! A row is a label (run, pipeline, replicate, and the values of the sweep keys) followed by figures.

use super::error::ExperimentError;
use super::files::{self, Aside};
use super::replicate::Scores;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// Which run a row belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Name of the run.
    pub run: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Replicate, from 0.
    pub replicate: usize,
    /// Values of the sweep keys.
    pub values: Vec<String>,
}

/// The figures of a row, under fixed column names.
pub trait Row: Serialize + DeserializeOwned {
    /// The column names, in the order of the fields.
    const COLUMNS: &'static [&'static str];
}

/// The state of a run after one reverse step. Empty where a metric does not apply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
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

impl Row for MetricsRow {
    const COLUMNS: &'static [&'static str] = &[
        "step",
        "t",
        "log_likelihood",
        "log_likelihood_median",
        "off_support",
        "precision",
        "recall",
        "density",
        "coverage",
    ];
}

impl MetricsRow {
    /// The row of a cloud of points with these scores.
    pub fn new(step: usize, t: usize, scores: &Scores) -> Self {
        let (likelihood, prdc) = (scores.log_likelihood, scores.prdc);
        Self {
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

/// The terms of the loss at one iteration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LossRow {
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

impl Row for LossRow {
    const COLUMNS: &'static [&'static str] = &["iteration", "loss", "mse", "isotropy", "optimal"];
}

/// The isotropy of the noised training points at one time, in the network's space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IsotropyRow {
    /// Diffusion time, 0 for the data.
    pub t: usize,
    /// `mean |x_t|^2`.
    pub isotropy: f64,
    /// `d + abar_t (mean |x_0|^2 - d)` (I 20).
    pub formula: f64,
}

impl Row for IsotropyRow {
    const COLUMNS: &'static [&'static str] = &["t", "isotropy", "formula"];
}

/// A table of labelled rows on its way, run by run; it appears when it is finished.
pub struct RowWriter<R> {
    path: PathBuf,
    writer: csv::Writer<Aside>,
    rows: PhantomData<R>,
}

impl<R: Row> RowWriter<R> {
    /// Begins a table with its header. `keys` are the sweep's columns.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn begin(path: &Path, keys: &[String]) -> Result<Self, ExperimentError> {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Aside::begin(path)?);
        let columns = ["run", "pipeline", "replicate"].into_iter().chain(keys.iter().map(String::as_str));
        writer
            .write_record(columns.chain(R::COLUMNS.iter().copied()))
            .map_err(|e| files::unwritable(path, e.into()))?;
        Ok(Self { path: path.to_path_buf(), writer, rows: PhantomData })
    }

    /// Adds the rows of a run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&mut self, label: &Label, rows: &[R]) -> Result<(), ExperimentError> {
        for row in rows {
            self.writer
                .serialize((&label.run, &label.pipeline, label.replicate, &label.values, row))
                .map_err(|e| files::unwritable(&self.path, e.into()))?;
        }
        Ok(())
    }

    /// Puts the table in its place.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(self) -> Result<(), ExperimentError> {
        let aside = self.writer.into_inner().map_err(|e| files::unwritable(&self.path, e.into_error()))?;
        aside.finish()
    }
}

/// Writes the rows of one run under their header, whole or not at all. `keys` are the sweep's columns.
///
/// # Errors
/// If the file cannot be written.
pub fn write_rows<R: Row>(
    path: &Path,
    keys: &[String],
    label: &Label,
    rows: &[R],
) -> Result<(), ExperimentError> {
    let mut writer = RowWriter::begin(path, keys)?;
    writer.add(label, rows)?;
    writer.finish()
}

/// Reads the figures back, without their labels; columns are found by name.
///
/// # Errors
/// If the file is missing or damaged.
pub fn read_rows<R: DeserializeOwned>(path: &Path) -> Result<Vec<R>, ExperimentError> {
    let failed = |e: csv::Error| ExperimentError::Read { path: path.to_path_buf(), reason: e.to_string() };
    csv::Reader::from_path(path).map_err(failed)?.into_deserialize().map(|row| row.map_err(failed)).collect()
}

/// The figures of the last row; none if the table cannot be read or has no row.
pub fn read_last_row<R: DeserializeOwned>(path: &Path) -> Option<R> {
    let text = std::fs::read_to_string(path).ok()?;
    let (header, rows) = text.split_once('\n')?;
    let last = rows.trim_end().rsplit('\n').next()?;
    let whole = format!("{header}\n{last}\n");
    csv::Reader::from_reader(whole.as_bytes()).into_deserialize().next()?.ok()
}

/// The rows of each run, under its label.
pub type LabelledRows<R> = Vec<(Label, Vec<R>)>;

/// Reads a table with its labels: the sweep's keys, and the rows run by run.
///
/// # Errors
/// If the file is missing or damaged, or its columns are not those of such a table.
pub fn read_labelled<R: Row>(path: &Path) -> Result<(Vec<String>, LabelledRows<R>), ExperimentError> {
    let failed = |reason: String| ExperimentError::Read { path: path.to_path_buf(), reason };
    let csv_failed = |e: csv::Error| failed(e.to_string());
    let mut reader = csv::Reader::from_path(path).map_err(csv_failed)?;
    let header = reader.headers().map_err(csv_failed)?.clone();
    let names: Vec<&str> = header.iter().collect();
    let keys = match names.as_slice() {
        ["run", "pipeline", "replicate", rest @ ..] => rest.strip_suffix(R::COLUMNS),
        _ => None,
    };
    let keys = keys.ok_or_else(|| {
        let wanted = R::COLUMNS.join(", ");
        failed(format!("its columns are not run, pipeline, replicate, sweep keys, {wanted}"))
    })?;
    let mut runs: LabelledRows<R> = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(csv_failed)? {
        let row = record.deserialize(Some(&header)).map_err(csv_failed)?;
        let text = |i: usize| record.get(i).unwrap_or_default().to_string();
        match runs.last_mut() {
            Some((label, rows)) if Some(label.run.as_str()) == record.get(0) => rows.push(row),
            _ => {
                let replicate =
                    text(2).parse().map_err(|_| failed(format!("`{}` is no replicate", text(2))))?;
                let values = (3..3 + keys.len()).map(text).collect();
                runs.push((Label { run: text(0), pipeline: text(1), replicate, values }, vec![row]));
            }
        }
    }
    Ok((keys.iter().map(ToString::to_string).collect(), runs))
}

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
    pub figures: SummaryFigures,
}

/// The numbers of a row of `summary.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SummaryFigures {
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
}

const SUMMARY_COLUMNS: [&str; 7] = [
    "mean",
    "interval_low",
    "interval_high",
    "replicates",
    "difference",
    "difference_low",
    "difference_high",
];

/// Writes `summary.csv`, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write_summary(path: &Path, keys: &[String], rows: &[SummaryRow]) -> Result<(), ExperimentError> {
    files::write(path, |out| {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        let label = std::iter::once("pipeline").chain(keys.iter().map(String::as_str));
        writer.write_record(label.chain(["metric"]).chain(SUMMARY_COLUMNS))?;
        for row in rows {
            writer.serialize((&row.pipeline, &row.values, &row.metric, row.figures))?;
        }
        writer.flush()
    })
}

/// Reads `summary.csv` back: the sweep's keys, and the rows.
///
/// # Errors
/// If the file is missing or damaged.
pub fn read_summary(path: &Path) -> Result<(Vec<String>, Vec<SummaryRow>), ExperimentError> {
    let failed = |reason: String| ExperimentError::Read { path: path.to_path_buf(), reason };
    let read = || -> Result<(Vec<String>, Vec<SummaryRow>), csv::Error> {
        let mut reader = csv::Reader::from_path(path)?;
        let header = reader.headers()?.clone();
        let keys = header.len().saturating_sub(2 + SUMMARY_COLUMNS.len());
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
                    figures: record.deserialize(Some(&header))?,
                })
            })
            .collect::<Result<_, csv::Error>>()?;
        Ok((names, rows))
    };
    read().map_err(|e: csv::Error| failed(io::Error::from(e).to_string()))
}
