//! The diagnostics of a run: what `[diagnostics]` asks for beside the samples. Left out, nothing is computed.

use super::prepare::Prepared;
use super::sample::Samples;
use super::train::Model;
use super::{Run, StageError, likelihood};
use crate::store::{CloningStep, MeanLikelihoods, names};
use std::time::Instant;

/// What the diagnostics found that is no table.
#[derive(Debug, Default)]
pub(super) struct Diagnosed {
    pub cloning_step: Option<CloningStep>,
    pub likelihoods: Option<MeanLikelihoods>,
    pub seconds: f64,
}

/// Computes what is asked for and writes its tables. Tables that an earlier run of the folder left and this one does not
/// write are removed.
pub(super) fn diagnose(
    run: &Run,
    prepared: &Prepared,
    model: &Model,
    _samples: &Samples,
) -> Result<Diagnosed, StageError> {
    names::DIAGNOSTICS.into_iter().try_for_each(|name| run.folder.remove(name))?;
    if run.plan.diagnostics.is_off() {
        return Ok(Diagnosed::default());
    }
    let clock = Instant::now();
    let likelihoods = likelihood::of_fresh_points(run, &prepared.space.chain, model.denoiser.as_deref())?;
    Ok(Diagnosed { cloning_step: None, likelihoods, seconds: clock.elapsed().as_secs_f64() })
}
