//! `gdiff`: experiments with small diffusion models. One TOML file in, trustworthy CSV out.
//!
//! The map of the crate, in the order in which data flow. Imports point up this list: `data` knows nothing
//! of `diffusion`, `metrics` nothing of `experiment`, and only `experiment` knows them all. Algorithms are
//! pure functions or small types over arrays and tensors; files, clocks and terminals live in
//! [`experiment`], [`report`] and [`commands`] only.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`numeric`] | the ground: random streams, threads, distributions, interpolation, intervals |
//! | [`data`] | where points come from: mixtures, tables; scaling |
//! | [`gaussianize`] | the invertible map to an independent Gaussian (G 8-23) |
//! | [`diffusion`] | schedule, network, loss, training, samplers, the exact mixture denoiser (G 1-7, I 1-28) |
//! | [`metrics`] | log-likelihood (G 24-25), precision, recall, density and coverage, sliced Wasserstein distance |
//! | [`spec`] | what the user wrote, then what was understood: file, overrides, checks, plan |
//! | [`experiment`] | runs: stages in order, what they write, what is finished already |
//! | [`sweep`] | many runs on many machines: plan, execute, collect, submit |
//! | [`figures`] | what figures show, from an output folder, and how it is drawn |
//! | [`report`] | progress, tables, events |
//! | [`cli`], [`commands`] | the command line, and what each command does |
//!
//! Equation numbers: (G n) is "Enhancing diffusion models with Gaussianization preprocessing",
//! (I n) "Iso-Diffusion: Improving Diffusion Probabilistic Models Using the Isotropy of the Additive
//! Gaussian Noise".

pub mod cli;
pub mod commands;
pub mod data;
pub mod diffusion;
pub mod experiment;
pub mod figures;
pub mod gaussianize;
pub mod metrics;
pub mod numeric;
pub mod report;
pub mod spec;
pub mod sweep;
