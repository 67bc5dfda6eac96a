//! `gdiff`: experiments with small diffusion models. One TOML file in, trustworthy CSV out.
//!
//! The map of the crate, in the order in which data flow. Imports point up this list (a test checks it): `data` knows
//! nothing of `diffusion`, `metrics` nothing of `run`. Algorithms are pure functions or small types over arrays and
//! tensors. Files are opened in [`data`] (tables), [`store`] and [`cli`]; [`run`], [`study`] and [`report`] write
//! through [`store`]; clocks and terminals are the affair of [`run`], [`study`], [`report`] and [`cli`], but for
//! [`numeric::trace`], which reads a clock only if a trace is asked for.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`numeric`] | the ground: random streams, threads, traces, options, the standard normal, Chebyshev, intervals |
//! | [`data`] | where points come from: mixtures, shapes, tables |
//! | [`gaussianize`] | the invertible map to independent standard normal numbers (G 8-23) |
//! | [`space`] | transforms and their chains: scaling, whitening, Gaussianization |
//! | [`diffusion`] | schedule, denoisers, network, loss, training, samplers (G 1-7, I 1-28) |
//! | [`metrics`] | log-likelihood (G 24-25), precision, recall, density, coverage, distances; the table of all of them |
//! | [`spec`] | what the user wrote, then what was understood: file, overrides, checks, plan, identity |
//! | [`store`] | everything on disk: names, rows, atomic writes, locks, status, digests, checkpoints |
//! | [`run`] | one run: prepare, train, sample, finish |
//! | [`study`] | many runs: what is still to do, what they share, their tables; planned for other machines |
//! | [`report`] | progress, events, tables, figures, the page |
//! | [`cli`] | the command line: a file for each command |
//!
//! Equation numbers: (G n) is "Enhancing diffusion models with Gaussianization preprocessing",
//! (I n) "Iso-Diffusion: Improving Diffusion Probabilistic Models Using the Isotropy of the Additive
//! Gaussian Noise".

pub mod cli;
pub mod data;
pub mod diffusion;
pub mod gaussianize;
pub mod metrics;
pub mod numeric;
pub mod report;
pub mod run;
pub mod space;
pub mod spec;
pub mod store;
pub mod study;

/// The code of docs/extending.md, compiled and run by the tests.
#[cfg(doctest)]
#[doc = include_str!("../docs/extending.md")]
mod extending {}
