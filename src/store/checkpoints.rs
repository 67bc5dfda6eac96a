//! Checkpoints of a training: two files written alternately, so that one is always whole.
//!
//! A slot is the trainer's own safetensors and a JSON with the tables so far and a digest over both. The
//! JSON is written last; a slot whose digest does not fit (cut short, bits flipped, half replaced) is passed
//! over for the other one, or for a fresh start. Either way the results are the same bits.

use super::atomic;
use super::error::StoreError;
use super::metrics_rows::TrainingMetricsRow;
use super::names::CHECKPOINTS;
use super::rows::LossRow;
use crate::numeric::digest::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The tables of a training, as far as it has come.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// The rows of `loss.csv`.
    pub losses: Vec<LossRow>,
    /// The rows of `training_metrics.csv`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluations: Vec<TrainingMetricsRow>,
}

/// What goes with the trainer's bytes.
#[derive(Serialize, Deserialize)]
struct Companion {
    /// The key of the training that it belongs to.
    training: String,
    iteration: usize,
    #[serde(flatten)]
    record: TrainingRecord,
    /// Over the trainer's bytes and everything above.
    sha256: String,
}

/// The checkpoints of one run.
pub struct Checkpoints {
    folder: PathBuf,
    training: String,
    every: Duration,
    last: Instant,
    next: usize,
}

impl Checkpoints {
    /// Checkpoints of the training of that key in a run's folder, no more often than `every`.
    pub fn new(folder: &Path, training: &str, every: Duration) -> Self {
        let (folder, training) = (folder.to_path_buf(), training.to_string());
        Self { folder, training, every, last: Instant::now(), next: 0 }
    }

    /// Removes the checkpoints in a folder that do not belong to the training of that key.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear_others(folder: &Path, training: Option<&str>) -> Result<(), StoreError> {
        for slot in 0..CHECKPOINTS.len() {
            let (tensors, json) = paths(folder, slot);
            let ours = read_companion(&json).is_some_and(|c| Some(c.training.as_str()) == training);
            if !ours {
                atomic::remove(&json)?;
                atomic::remove(&tensors)?;
            }
        }
        Ok(())
    }

    /// The iteration of the newest checkpoint of the training of that key in a folder, by what it says of itself: the
    /// trainer's bytes are not looked at.
    pub fn iteration(folder: &Path, training: &str) -> Option<usize> {
        let slots = (0..CHECKPOINTS.len()).filter_map(|slot| read_companion(&paths(folder, slot).1));
        slots.filter(|slot| slot.training == training).map(|slot| slot.iteration).max()
    }

    fn paths(&self, slot: usize) -> (PathBuf, PathBuf) {
        paths(&self.folder, slot)
    }

    /// Whether it is time for another one.
    pub fn due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    /// Writes one over the older slot.
    ///
    /// # Errors
    /// If a file cannot be written; the newer slot is untouched.
    pub fn save(
        &mut self,
        iteration: usize,
        trainer: &[u8],
        record: &TrainingRecord,
    ) -> Result<(), StoreError> {
        let (tensors, json) = self.paths(self.next);
        let sha256 = digest(&self.training, trainer, iteration, record);
        let companion =
            Companion { training: self.training.clone(), iteration, record: record.clone(), sha256 };
        atomic::write(&tensors, |out| out.write_all(trainer))?;
        atomic::write(&json, |out| serde_json::to_writer(out, &companion).map_err(std::io::Error::from))?;
        self.next = 1 - self.next;
        self.last = Instant::now();
        Ok(())
    }

    /// The newest whole checkpoint that `accept` takes: what it made of the trainer's bytes, and the tables.
    pub fn restore<T>(
        &mut self,
        mut accept: impl FnMut(&[u8], usize) -> Option<T>,
    ) -> Option<(T, TrainingRecord)> {
        let mut found: Vec<(usize, Companion, Vec<u8>)> =
            (0..CHECKPOINTS.len()).filter_map(|slot| self.read(slot).map(|(c, b)| (slot, c, b))).collect();
        found.sort_by_key(|(_, companion, _)| std::cmp::Reverse(companion.iteration));
        for (slot, companion, bytes) in found {
            if let Some(taken) = accept(&bytes, companion.iteration) {
                self.next = 1 - slot;
                return Some((taken, companion.record));
            }
        }
        None
    }

    fn read(&self, slot: usize) -> Option<(Companion, Vec<u8>)> {
        let (tensors, json) = self.paths(slot);
        let companion = read_companion(&json)?;
        let bytes = std::fs::read(tensors).ok()?;
        let expected = digest(&self.training, &bytes, companion.iteration, &companion.record);
        (companion.training == self.training && companion.sha256 == expected).then_some((companion, bytes))
    }

    /// Removes both slots, when the run has no more need of them.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear(&self) -> Result<(), StoreError> {
        for slot in 0..CHECKPOINTS.len() {
            let (tensors, json) = self.paths(slot);
            atomic::remove(&json)?;
            atomic::remove(&tensors)?;
        }
        Ok(())
    }
}

fn paths(folder: &Path, slot: usize) -> (PathBuf, PathBuf) {
    let at = |end: &str| folder.join(format!("{}.{end}", CHECKPOINTS[slot]));
    (at("safetensors"), at("json"))
}

fn read_companion(json: &Path) -> Option<Companion> {
    serde_json::from_slice(&std::fs::read(json).ok()?).ok()
}

/// A digest over everything in a checkpoint, in hexadecimal.
fn digest(training: &str, trainer: &[u8], iteration: usize, record: &TrainingRecord) -> String {
    let mut hash = Sha256::new_with_prefix(training);
    hash.update((trainer.len() as u64).to_le_bytes());
    hash.update(trainer);
    hash.update((iteration as u64).to_le_bytes());
    for row in &record.losses {
        hash.update((row.iteration as u64).to_le_bytes());
        for value in [row.loss, row.mse, row.isotropy] {
            hash.update(value.to_bits().to_le_bytes());
        }
        hash.update([u8::from(row.optimal.is_some())]);
        hash.update(row.optimal.unwrap_or(0.0).to_bits().to_le_bytes());
    }
    for row in &record.evaluations {
        hash.update((row.iteration as u64).to_le_bytes());
        for value in &row.values {
            hash.update([u8::from(value.is_some())]);
            hash.update(value.unwrap_or(0.0).to_bits().to_le_bytes());
        }
    }
    hex(hash)
}
