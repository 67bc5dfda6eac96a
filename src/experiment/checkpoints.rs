//! Checkpoints of a training: two slots written in turn, so that one is always whole.
//!
//! A slot is the trainer's own safetensors and a JSON with the losses so far and a digest over both. The
//! JSON is written last; a slot whose digest does not fit (cut short, bits flipped, half replaced) is passed
//! over for the other one, or for a fresh start. Either way the results are the same bits.

use super::error::ExperimentError;
use super::files;
use super::records::LossRow;
use crate::numeric::digest::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SLOTS: [&str; 2] = ["a", "b"];

/// What goes with the trainer's bytes.
#[derive(Serialize, Deserialize)]
struct Companion {
    iteration: usize,
    losses: Vec<LossRow>,
    /// Over the trainer's bytes, iteration and losses.
    sha256: String,
}

/// The checkpoints of one run.
pub struct Checkpoints {
    folder: PathBuf,
    every: Duration,
    last: Instant,
    next: usize,
}

impl Checkpoints {
    /// Checkpoints in a run's folder, no more often than `every`.
    pub fn new(folder: &Path, every: Duration) -> Self {
        Self { folder: folder.to_path_buf(), every, last: Instant::now(), next: 0 }
    }

    fn paths(&self, slot: usize) -> (PathBuf, PathBuf) {
        let at = |end: &str| self.folder.join(format!("checkpoint-{}.{end}", SLOTS[slot]));
        (at("safetensors"), at("json"))
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
        losses: &[LossRow],
    ) -> Result<(), ExperimentError> {
        let (tensors, json) = self.paths(self.next);
        let companion =
            Companion { iteration, losses: losses.to_vec(), sha256: digest(trainer, iteration, losses) };
        files::write(&tensors, |out| out.write_all(trainer))?;
        files::write(&json, |out| serde_json::to_writer(out, &companion).map_err(std::io::Error::from))?;
        self.next = 1 - self.next;
        self.last = Instant::now();
        Ok(())
    }

    /// The newest whole checkpoint that `accept` takes: what it made of the trainer's bytes, and the losses.
    pub fn restore<T>(
        &mut self,
        mut accept: impl FnMut(&[u8], usize) -> Option<T>,
    ) -> Option<(T, Vec<LossRow>)> {
        let mut found: Vec<(usize, Companion, Vec<u8>)> =
            (0..SLOTS.len()).filter_map(|slot| self.read(slot).map(|(c, b)| (slot, c, b))).collect();
        found.sort_by_key(|(_, companion, _)| std::cmp::Reverse(companion.iteration));
        for (slot, companion, bytes) in found {
            if let Some(taken) = accept(&bytes, companion.iteration) {
                self.next = 1 - slot;
                return Some((taken, companion.losses));
            }
        }
        None
    }

    fn read(&self, slot: usize) -> Option<(Companion, Vec<u8>)> {
        let (tensors, json) = self.paths(slot);
        let companion: Companion = serde_json::from_slice(&std::fs::read(json).ok()?).ok()?;
        let bytes = std::fs::read(tensors).ok()?;
        let whole = companion.sha256 == digest(&bytes, companion.iteration, &companion.losses);
        whole.then_some((companion, bytes))
    }

    /// Removes both slots, when the run has no more need of them.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear(&self) -> Result<(), ExperimentError> {
        for slot in 0..SLOTS.len() {
            let (tensors, json) = self.paths(slot);
            files::remove(&json)?;
            files::remove(&tensors)?;
        }
        Ok(())
    }
}

/// A digest over everything in a checkpoint, in hexadecimal.
fn digest(trainer: &[u8], iteration: usize, losses: &[LossRow]) -> String {
    let mut hash = Sha256::new();
    hash.update((trainer.len() as u64).to_le_bytes());
    hash.update(trainer);
    hash.update((iteration as u64).to_le_bytes());
    for row in losses {
        hash.update((row.iteration as u64).to_le_bytes());
        for value in [row.loss, row.mse, row.isotropy] {
            hash.update(value.to_bits().to_le_bytes());
        }
        hash.update([u8::from(row.optimal.is_some())]);
        hash.update(row.optimal.unwrap_or(0.0).to_bits().to_le_bytes());
    }
    hex(hash)
}
