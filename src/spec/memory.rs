//! The memory that a run of a plan takes: a table of what is held at once, so that what cannot fit is refused before
//! anything is allocated.

use super::file::SpecFile;
use super::origin::Origins;
use crate::diffusion::{Conditioning, NetworkOptions};
use crate::numeric::memory::{available, product, size};

/// Bytes of an `f64` and of an `f32`.
const F64: u64 = 8;
const F32: u64 = 4;

/// One thing that a run holds in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryTerm {
    /// What it is, in the plural.
    pub what: &'static str,
    /// The key of the spec that it grows with.
    pub key: &'static str,
    /// Its bytes.
    pub bytes: u64,
}

/// The terms of one run, for points of `dim` dimensions and a network with checked options.
pub fn terms(file: &SpecFile, network: &NetworkOptions, batch: usize, dim: usize) -> Vec<MemoryTerm> {
    let (dim, steps) = (dim as u64, file.diffusion.steps as u64);
    let parameters = network.parameter_count(dim as usize, file.diffusion.steps) as u64;
    // Parameters, gradients and two moments; and the average, if it is on.
    let copies = if file.train.ema > 0.0 { 5 } else { 4 };
    let encoding = match network.conditioning {
        Conditioning::Scale => 0,
        _ => network.time.width(network.time_dim) as u64,
    };
    let widths: u64 = network.widths().iter().map(|&width| width as u64).sum();
    let term = |what, key, factors: &[u64]| MemoryTerm { what, key, bytes: product(factors.iter().copied()) };
    vec![
        // As drawn, in the space, and in the order of the batches.
        term("the training points", "data.samples", &[file.data.samples as u64, dim, 3 * F64]),
        // As drawn, and once more as the metrics keep them.
        term("the reference points", "metrics.reference", &[file.metrics.reference as u64, dim, 2 * F64]),
        // Fresh points to compare with, the samples, their predicted noise, and the samples in data space.
        term("the generated points", "sample.count", &[file.sample.count as u64, dim, 4 * F64]),
        term("the network's parameters, gradients and moments", "network", &[parameters, copies, F32]),
        // The encoding of each step, in both precisions while it is made.
        term("the encodings of the steps", "network.time_dim", &[steps, encoding, F64 + F32]),
        // Inputs, activations and their gradients.
        term(
            "the activations of a batch",
            "train.batch_size",
            &[batch as u64, dim + encoding + widths, 3 * F32],
        ),
        term("the noise schedule's steps", "diffusion.steps", &[steps, 4 * F64]),
    ]
}

/// The bytes of all terms.
pub fn total(terms: &[MemoryTerm]) -> u64 {
    terms.iter().map(|term| term.bytes).fold(0, u64::saturating_add)
}

/// Refuses terms that together cannot fit into the memory there is, at the key of the largest.
pub fn refusal(terms: &[MemoryTerm], origins: &Origins) -> Option<super::SpecError> {
    let largest = terms.iter().max_by_key(|term| term.bytes)?;
    let (total, available) = (total(terms), available());
    (total > available).then(|| {
        origins.error(
            largest.key,
            format!(
                "a run would take about {} of memory ({} alone {}), but there are {} in all; lower `{}`",
                size(total),
                largest.what,
                size(largest.bytes),
                size(available),
                largest.key
            ),
        )
    })
}
