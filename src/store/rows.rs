//! The rows of the CSV tables, and how they are written and read back.
//!
//! A row is a label (run, pipeline, replicate, and the values of the sweep keys) followed by values. Columns are read
//! by name: one that a table does not have is empty, one that nobody knows is passed over.

use super::atomic::{self, Unfinished};
use super::error::StoreError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
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

/// The values of a row, under fixed column names.
pub trait Row: Serialize + DeserializeOwned {
    /// The column names, in the order of the values. The first one is in every table.
    fn columns() -> Vec<&'static str>;
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
    #[serde(default)]
    pub optimal: Option<f64>,
}

impl Row for LossRow {
    fn columns() -> Vec<&'static str> {
        vec!["iteration", "loss", "mse", "isotropy", "optimal"]
    }
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
    fn columns() -> Vec<&'static str> {
        vec!["t", "isotropy", "formula"]
    }
}

/// The columns of a label before the sweep keys.
const LABEL: [&str; 3] = ["run", "pipeline", "replicate"];

/// Rows under their label, as lines of their table.
pub struct Lines<R> {
    text: Vec<u8>,
    rows: PhantomData<R>,
}

impl<R: Row> Lines<R> {
    /// The rows of a run.
    ///
    /// # Errors
    /// If a value has no form in a table.
    pub fn new(label: &Label, rows: &[R]) -> Result<Self, csv::Error> {
        let row = |row| (&label.run, &label.pipeline, label.replicate, &label.values, row);
        let text = csv_text(|writer| rows.iter().map(row).try_for_each(|row| writer.serialize(row)))?;
        Ok(Self { text, rows: PhantomData })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

fn csv_text(
    fill: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> Result<(), csv::Error>,
) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    fill(&mut writer)?;
    writer.into_inner().map_err(|e| e.into_error().into())
}

/// A table of labelled rows that is being written, run by run; it appears when it is finished.
pub struct RowWriter<R> {
    path: PathBuf,
    file: Unfinished,
    rows: PhantomData<R>,
}

impl<R: Row> RowWriter<R> {
    /// Begins a table with its header. `keys` are the sweep's columns.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn begin(path: &Path, keys: &[String]) -> Result<Self, StoreError> {
        let columns = LABEL.into_iter().chain(keys.iter().map(String::as_str)).chain(R::columns());
        let header = csv_text(|writer| writer.write_record(columns));
        let header = header.map_err(|e| atomic::unwritable(path, e.into()))?;
        let mut table = Self { path: path.to_path_buf(), file: Unfinished::begin(path)?, rows: PhantomData };
        table.write(&header)?;
        Ok(table)
    }

    /// Adds the rows of a run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&mut self, label: &Label, rows: &[R]) -> Result<(), StoreError> {
        let lines = Lines::new(label, rows).map_err(|e| atomic::unwritable(&self.path, e.into()))?;
        self.add_lines(&lines)
    }

    /// Adds the lines of a run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add_lines(&mut self, lines: &Lines<R>) -> Result<(), StoreError> {
        self.write(&lines.text)
    }

    fn write(&mut self, text: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(text).map_err(|e| atomic::unwritable(&self.path, e))
    }

    /// Puts the table in its place, and returns its SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn finish(self) -> Result<String, StoreError> {
        self.file.finish()
    }

    /// As [`finish`](Self::finish), without waiting for the disk: see [`Unfinished::place`].
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn place(self) -> Result<String, StoreError> {
        self.file.place()
    }
}

/// Reads the values of a table, without their labels; `path` is for the message.
///
/// # Errors
/// If the bytes are no such table.
pub fn parse_rows<R: DeserializeOwned>(path: &Path, bytes: impl Read) -> Result<Vec<R>, StoreError> {
    let failed = |e: csv::Error| StoreError::Read { path: path.to_path_buf(), reason: e.to_string() };
    csv::Reader::from_reader(bytes).into_deserialize().map(|row| row.map_err(failed)).collect()
}

/// As [`parse_rows`], from a file.
///
/// # Errors
/// If the file is missing or damaged.
pub fn read_rows<R: DeserializeOwned>(path: &Path) -> Result<Vec<R>, StoreError> {
    let failed = |e: std::io::Error| StoreError::Read { path: path.to_path_buf(), reason: e.to_string() };
    parse_rows(path, std::fs::File::open(path).map_err(failed)?)
}

/// The values of the last row of a table; none if the bytes are none or it has no row.
pub fn last_row<R: DeserializeOwned>(table: &[u8]) -> Option<R> {
    let text = std::str::from_utf8(table).ok()?;
    let (header, rows) = text.split_once('\n')?;
    let last = rows.trim_end().rsplit('\n').next()?;
    let whole = format!("{header}\n{last}\n");
    csv::Reader::from_reader(whole.as_bytes()).into_deserialize().next()?.ok()
}

/// The rows of each run, under its label.
pub type LabelledRows<R> = Vec<(Label, Vec<R>)>;

/// The sweep's keys of a table: the columns between the label's own and the first one of the row. None where the file is
/// missing or no such table.
pub fn read_keys<R: Row>(path: &Path) -> Option<Vec<String>> {
    let mut reader = csv::Reader::from_path(path).ok()?;
    let header = reader.headers().ok()?;
    let first = header.iter().position(|name| name == R::columns()[0])?;
    Some(header.iter().take(first).skip(LABEL.len()).map(str::to_string).collect())
}

/// Reads a table with its labels: the sweep's keys, and the rows run by run. The sweep's keys are the columns between
/// the label's own and the first one of the row.
///
/// # Errors
/// If the file is missing or damaged, or its columns are not those of such a table.
pub fn read_labelled<R: Row>(path: &Path) -> Result<(Vec<String>, LabelledRows<R>), StoreError> {
    let failed = |reason: String| StoreError::Read { path: path.to_path_buf(), reason };
    let csv_failed = |e: csv::Error| failed(e.to_string());
    let mut reader = csv::Reader::from_path(path).map_err(csv_failed)?;
    let header = reader.headers().map_err(csv_failed)?.clone();
    let names: Vec<&str> = header.iter().collect();
    let columns = R::columns();
    let first = names.iter().position(|name| *name == columns[0]);
    let keys = match (names.as_slice(), first) {
        ([run, pipeline, replicate, ..], Some(first))
            if [*run, *pipeline, *replicate] == LABEL && first >= 3 =>
        {
            &names[3..first]
        }
        _ => {
            let wanted = columns.join(", ");
            return Err(failed(format!(
                "its columns are not run, pipeline, replicate, sweep keys, {wanted}"
            )));
        }
    };
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
