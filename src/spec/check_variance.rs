//! What a learned variance of the reverse steps must have beside it, and where it is of no use.

use super::error::SpecError;
use super::file::SpecFile;
use super::pipelines::Pipeline;
use super::plan::SamplePlan;
use super::ranges::Checker;
use crate::diffusion::{LossKind, SamplerKind};

/// Refuses a learned variance without the loss that trains it, and that loss with nothing to train. The loss then follows
/// from the variance, so it is left out of the checked spec: a finished run can be sampled with a fixed variance.
pub fn loss(check: &Checker, file: &mut SpecFile) -> Result<(), SpecError> {
    let learned = file.diffusion.variance.is_learned();
    let given = file.train.loss.take();
    check.require(learned || given != Some(LossKind::Hybrid), "train.loss", || {
        "`train.loss` is \"hybrid\", which learns the variance of the reverse steps, and `diffusion.variance` is a fixed one; set diffusion.variance = \"learned_range\", or leave `train.loss` out"
            .into()
    })?;
    check.require(!learned || given != Some(LossKind::Simple), "train.loss", || {
        "`train.loss` is \"simple\", which leaves the variance untrained that diffusion.variance = \"learned_range\" asks for; set train.loss = \"hybrid\", or leave it out"
            .into()
    })
}

/// Says where a variance is learned that no sampler uses.
pub fn variance(sample: &SamplePlan, pipelines: &[Pipeline]) -> Option<String> {
    let idle = sample.variance.is_learned()
        && sample.options.sampler != SamplerKind::Ddpm
        && pipelines.iter().any(Pipeline::is_trained);
    idle.then(|| {
        format!(
            "`diffusion.variance` is \"learned_range\", so the network learns a variance of the reverse steps, which the sampler {} does not use; only \"ddpm\" does",
            sample.options.sampler.title()
        )
    })
}
