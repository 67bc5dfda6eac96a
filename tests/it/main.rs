//! All integration tests in one program, a module for each theme: a program of its own links everything again.

mod common;

mod batch_runs;
mod cuda;
mod data;
mod diffusion_batched;
mod diffusion_fused;
mod diffusion_network;
mod diffusion_sampling;
mod diffusion_training;
mod disk;
mod ends;
mod figures_data;
mod fuzz_spec;
mod gaussianize_edges;
mod gaussianize_joint;
mod gaussianize_oracles;
mod gaussianize_properties;
mod gaussianize_tool;
mod isotropy;
mod metrics_prdc;
mod metrics_sliced;
mod metrics_statistics;
mod mixture;
mod plot;
mod refusals;
mod run;
mod schema;
mod shapes;
mod size;
mod structure;
mod survival;
mod sweep;
mod tools;
