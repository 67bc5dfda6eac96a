//! The diffusion model, in the order it is used: a noise schedule, something that predicts the noise
//! (the exact denoiser of a mixture, or a network), the training of a network, and the samplers that run the
//! process backwards.
//!
//! | file or folder | one idea |
//! | --- | --- |
//! | [`schedule`] | beta_t, abar_t and the variances made of them (G 1-6, I 1-9) |
//! | [`reverse_step`] | one ancestral step, which may leave out steps: its variances, fixed and learned |
//! | [`denoiser`] | the trait that samplers see: `(x_t, t) -> eps` |
//! | [`exact`] | the exact denoiser of a Gaussian mixture |
//! | [`network`] | the networks eps_theta(x_t, t), dense ones and U-Nets, and trained networks as a denoiser |
//! | [`train`] | batches, loss, optimizer; one iteration; stopping and going on |
//! | `fused` | training and prediction without a graph, in `f32` on the host |
//! | [`mod@sample`] | the reverse process: DDPM, DDIM, DPM-Solver++, Heun |
//! | [`likelihood`] | the density of the model at given points |
//! | [`lockstep`] | several runs in step, each without knowing of the others |
//! | [`speciation`] | when, by theory, the reverse process chooses between the classes of the data |
//! | [`diagnostics`] | what is computed of the reverse process beside its samples |
//! | [`isotropy`] | the isotropy of the noised data (I 20), and of a network's predictions |
//! | [`safetensors_file`] | tensors on disk |
//!
//! Points are `f64` on the host, `(n, d)`; a network works in its own precision (`f32`) on its device.
//! Steps `t` count from 1 (almost clean) to `T` (noise); `t = 0` is the data.

pub mod denoiser;
pub mod diagnostics;
pub mod error;
pub mod exact;
mod fused;
pub mod isotropy;
pub mod likelihood;
pub mod lockstep;
pub mod network;
pub mod reverse_step;
pub mod safetensors_file;
pub mod sample;
pub mod schedule;
pub mod speciation;
pub mod train;

pub use denoiser::Denoiser;
pub use diagnostics::DiagnosticsOptions;
pub use error::DiffusionError;
pub use exact::MixtureDenoiser;
pub use network::{
    Activation, Conditioning, Network, NetworkDenoiser, NetworkKind, NetworkOptions, Outputs, TimeEncoding,
};
pub use reverse_step::ReverseStep;
pub use sample::{
    Clip, DataBox, LateStart, SampleOptions, Sampler, SamplerKind, Spacing, Start, StartStep, Times, sample,
};
pub use schedule::{DiffusionOptions, Schedule, ScheduleKind, VarianceKind};
pub use train::{
    BackendChoice, Batch, Decay, EvaluateOptions, IsotropyForm, IsotropyLoss, LossKind, LossTerms,
    OptimizerKind, OptimizerOptions, Reduction, TrainOptions, TrainStreams, Training, TrainingJob,
};
