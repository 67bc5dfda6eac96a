//! The memory that a run of a plan takes: a table of what is held at once, so that what cannot fit is refused before
//! anything is allocated.

use super::file::SpecFile;
use super::origin::Origins;
use crate::diffusion::{Conditioning, NetworkKind, NetworkOptions};
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
    /// What it belongs to.
    pub part: MemoryPart,
}

/// What memory belongs to: runs side by side that share a stage hold it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryPart {
    /// Data and prepared metrics, shared by runs of the same data.
    Data,
    /// The points in the space, shared by runs of the same space.
    Space,
    /// A Gaussianizer and its fit, shared as the space is; only where the space has one.
    Gaussianizer,
    /// The run itself.
    Run,
    /// The network and its training; only where the pipeline has one.
    Network,
}

/// Bytes of a Gaussianizer's layer for each axis: half of the smallest grid of a pair (48 x 48 nodes of a density and
/// two sums), or the polynomials of a marginal, and both once more as the bytes of its file.
const LAYER_BY_AXIS: u64 = 36 * 1024;

/// Clusters of a joint map at most.
const CLUSTERS: u64 = 24;

/// Bytes for each point in the trees and spheres of precision and recall: its row and the sorting key, its squared
/// radius, and its part of the radii of nodes.
const TREE_BY_POINT: u64 = 34;

/// Bytes for each number of such a point: in double precision, and in boxes or in single precision.
const TREE_BY_NUMBER: u64 = 12;

/// The terms of one run, for points of `dim` dimensions, a network with checked options, and a space with Gaussianizers
/// of so many layers at most, each of so many dimensions.
pub fn terms(
    file: &SpecFile,
    network: &NetworkOptions,
    batch: usize,
    dim: usize,
    gaussianizers: &[(usize, usize)],
) -> Vec<MemoryTerm> {
    let outputs = file.diffusion.variance.outputs();
    let parameters = network.parameter_count(dim, outputs, file.diffusion.steps) as u64;
    let (dim, steps, outputs) = (dim as u64, file.diffusion.steps as u64, outputs.width(dim) as u64);
    // Parameters, gradients and two moments; and the average, and gradients added up, if they are on.
    let copies = 4 + u64::from(file.train.ema > 0.0) + u64::from(file.train.accumulate > 1);
    let encoding = match network.conditioning {
        Conditioning::Scale => 0,
        _ if network.kind == NetworkKind::Unet => network.unet().channels as u64,
        _ => network.time.width(network.time_dim) as u64,
    };
    // Values of one point that the layers give: what a U-Net keeps, and about as much again on the way back.
    let widths = match network.kind {
        NetworkKind::Mlp => network.widths().iter().map(|&width| width as u64).sum(),
        NetworkKind::Unet => network.kept_values(dim as usize, file.diffusion.steps) as u64,
    };
    let term = |what, key, part, factors: &[u64]| MemoryTerm {
        what,
        key,
        bytes: product(factors.iter().copied()),
        part,
    };
    let (samples, reference) = (file.data.samples as u64, file.metrics.reference as u64);
    let count = file.sample.count as u64;
    let mut terms = vec![
        term("the training points", "data.samples", MemoryPart::Data, &[samples, dim, F64]),
        term("the training points in the space", "data.samples", MemoryPart::Space, &[samples, dim, F64]),
        term("the training points in batches", "data.samples", MemoryPart::Run, &[samples, dim, F64]),
        // As drawn, and once more as the metrics keep them.
        term("the reference points", "metrics.reference", MemoryPart::Data, &[reference, dim, 2 * F64]),
        // Fresh points to compare with, the samples, their predicted noise, and the samples in data space.
        term("the generated points", "sample.count", MemoryPart::Run, &[count, dim, 4 * F64]),
        term(
            "the network's parameters, gradients and moments",
            "network",
            MemoryPart::Network,
            &[parameters, copies, F32],
        ),
        // The encoding of each step, in both precisions while it is made.
        term(
            "the encodings of the steps",
            "network.time_dim",
            MemoryPart::Network,
            &[steps, encoding, F64 + F32],
        ),
        // Inputs, activations and their gradients.
        term(
            "the activations of a batch",
            "train.batch_size",
            MemoryPart::Network,
            &[batch as u64, outputs + encoding + widths, 3 * F32],
        ),
        term("the noise schedule's steps", "diffusion.steps", MemoryPart::Run, &[steps, 4 * F64]),
    ];
    if let Some(evaluate) = &file.train.evaluate {
        // The start, the samples, their predicted noise and the samples in data space; and their trees.
        let tree = if file.metrics.prdc { dim * TREE_BY_NUMBER + TREE_BY_POINT } else { 0 };
        terms.push(term(
            "the points of an evaluation",
            "train.evaluate.count",
            MemoryPart::Network,
            &[evaluate.count as u64, dim * 4 * F64 + tree],
        ));
    }
    if file.train.accumulate > 1 {
        // Points, noise and noised points of each batch of an iteration.
        terms.push(term(
            "the batches of an iteration",
            "train.accumulate",
            MemoryPart::Network,
            &[file.train.accumulate as u64, batch as u64, 3 * dim * F32],
        ));
    }
    if file.diagnostics.likelihood > 0 {
        // In data space and in the run's own, and what is found for each.
        let found = 2 * dim + 8;
        terms.push(term(
            "the fresh points whose likelihood is computed",
            "diagnostics.likelihood",
            MemoryPart::Run,
            &[file.diagnostics.likelihood as u64, found, F64],
        ));
    }
    if file.metrics.prdc {
        let bytes = dim * TREE_BY_NUMBER + TREE_BY_POINT;
        terms.push(term(
            "the trees of the reference points",
            "metrics.reference",
            MemoryPart::Data,
            &[reference, bytes],
        ));
        terms.push(term(
            "the trees of the generated points",
            "sample.count",
            MemoryPart::Run,
            &[count, bytes],
        ));
    }
    for &(layers, mapped) in gaussianizers {
        let mapped = mapped as u64;
        if mapped < dim {
            // Covariances, axes, and the bytes of their file.
            terms.push(term(
                "the principal axes",
                "gaussianize.reduce",
                MemoryPart::Gaussianizer,
                &[dim, dim, 24 * F64],
            ));
        }
        // As given, split and transposed, whitened, rotated, mapped, and what the round trip is measured with.
        terms.push(term(
            "the copies of the training points while a Gaussianizer is fitted",
            "data.samples",
            MemoryPart::Gaussianizer,
            &[samples, if mapped < dim { 3 * dim + 6 * mapped } else { 6 * dim }, F64],
        ));
        let by_layer = (mapped * LAYER_BY_AXIS).saturating_add(product([mapped, mapped, 4 * F64]));
        terms.push(term(
            "the layers of a Gaussianizer",
            "gaussianize.layers",
            MemoryPart::Gaussianizer,
            &[layers as u64, by_layer],
        ));
        terms.push(term(
            "the clusters of a Gaussianizer's joint map",
            "gaussianize.coupling",
            MemoryPart::Gaussianizer,
            &[CLUSTERS, mapped, mapped, F64],
        ));
    }
    terms
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
