//! The diffusion model, in the order it is used: a noise schedule, something that predicts the noise
//! (the exact denoiser of a mixture, or a network), the loss and the optimiser that train a network,
//! and the samplers that run the process backwards.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`schedule`] | beta_t, abar_t and the variances made of them (G 1-6, I 1-9) |
//! | [`denoiser`] | the trait that samplers see: `(x_t, t) -> eps` |
//! | [`exact`] | the exact denoiser of a Gaussian mixture |
//! | [`parameters`] | named weights, and all of them as one flat vector |
//! | [`time`], [`activation`] | how a step number becomes numbers; the non-linearities |
//! | [`network`], [`layer`] | the dense network eps_theta (x_t, t), as a candle graph |
//! | [`inference`] | a trained network as a denoiser, in parallel over fixed chunks of rows |
//! | [`loss`] | the simple loss (G 7) and the isotropy loss (I 28) |
//! | [`optimizer`], [`average`] | Adam, AdamW, SGD; learning-rate decay, clipping; moving average |
//! | [`batch`] | which points, steps and noise iteration `i` sees |
//! | [`forward`] | the isotropy of the noised data (I 20), and of a network's predictions |
//! | [`train`], [`checkpoint`] | one training iteration; stopping and going on |
//! | `reference`, `fused` | that iteration on the candle graph; the same without a graph, in `f32` on the host |
//! | [`stack`] | several trainings in step, several networks asked at once |
//! | [`mod@sample`] | the reverse process: DDPM, DDIM, DPM-Solver++, Heun |
//!
//! Points are `f64` on the host, `(n, d)`; a network works in its own precision (`f32`) on its device.
//! Steps `t` count from 1 (almost clean) to `T` (noise); `t = 0` is the data.

pub mod activation;
pub mod average;
pub mod batch;
pub mod checkpoint;
pub mod denoiser;
pub mod error;
pub mod exact;
pub mod forward;
mod fused;
pub mod inference;
pub mod layer;
pub mod loss;
pub mod network;
pub mod optimizer;
pub mod parameters;
mod reference;
pub mod sample;
pub mod schedule;
pub mod stack;
pub mod time;
pub mod train;

pub use activation::Activation;
pub use batch::{Batch, TrainStreams};
pub use denoiser::Denoiser;
pub use error::DiffusionError;
pub use exact::MixtureDenoiser;
pub use inference::NetworkDenoiser;
pub use layer::Conditioning;
pub use loss::{IsotropyForm, IsotropyLoss, LossTerms, Reduction};
pub use network::{Network, NetworkOptions};
pub use optimizer::{Decay, OptimizerKind, OptimizerOptions};
pub use sample::{SampleOptions, Sampler, SamplerKind, Spacing, sample};
pub use schedule::{DiffusionOptions, Schedule, ScheduleKind, VarianceKind};
pub use stack::{DenoiserStack, TrainerStack};
pub use time::TimeEncoding;
pub use train::{TrainOptions, Trainer};
