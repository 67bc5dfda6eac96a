//! `[diagnostics]` of a spec: what is computed of the reverse process beside its samples.

use crate::numeric::options::{self, OutOfRange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[diagnostics]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiagnosticsOptions {
    /// When samples choose their modes: commitment and entropy at every scored step, cloning at chosen ones
    /// (`bifurcation.csv`).
    pub cloning: bool,
    /// The error of the predicted noise by t, on noised fresh points and along the sampler's own path
    /// (`error_over_t.csv`).
    pub error_over_t: bool,
    /// So many fresh points whose likelihood under the model is computed, by the probability-flow equation
    /// (`likelihood.csv`).
    pub likelihood: usize,
}

impl DiagnosticsOptions {
    /// Whether nothing is computed, as where the section is left out.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses values out of their range.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        let Self { cloning: _, error_over_t: _, likelihood } = self;
        if *likelihood > 0 { options::count("likelihood", *likelihood) } else { Ok(()) }
    }
}
