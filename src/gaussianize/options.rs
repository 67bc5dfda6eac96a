//! What a fit may be asked for.

use serde::{Deserialize, Serialize};

use super::bandwidth::BandwidthRule;
use super::error::GaussianizeError;
use super::ica::Contrast;
use super::marginal::Tails;

/// How each layer turns the whitened data before its marginals are fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// Independent component analysis (G 8): symmetric FastICA, in two dimensions a global search.
    Ica,
    /// The principal axes.
    Pca,
    /// A uniformly random rotation.
    Random,
    /// ICA in the first layer, random rotations after it.
    IcaRandom,
    /// The orthonormal directions of largest sliced Wasserstein-2 distance to N(0, 1) (Dai & Seljak 2021).
    Sliced,
}

/// Which components of a layer are gaussianized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Components {
    /// All of them.
    All,
    /// The given number of most non-Gaussian ones, by negentropy; the others stay as they are (G section 4).
    Leading(usize),
}

/// Options of [`super::Gaussianizer::fit`].
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianizeOptions {
    /// Most layers; held-out points may stop the fit earlier.
    pub layers: usize,
    /// Choice of axes in each layer.
    pub rotation: Rotation,
    /// Contrast function of the ICA.
    pub contrast: Contrast,
    /// Rule for the kernel bandwidth of each component.
    pub bandwidth: BandwidthRule,
    /// Factor on whatever the rule gives.
    pub bandwidth_factor: f64,
    /// Components to gaussianize.
    pub components: Components,
    /// Behaviour outside the data and between modes.
    pub tails: Tails,
    /// Fraction of the points held out to decide when to stop; 0 watches nothing and uses all layers.
    pub held_out: f64,
    /// Layers without enough gain after which the fit stops.
    pub patience: usize,
    /// Smallest gain of the held-out log-likelihood, in nats per point, that counts.
    pub min_gain: f64,
    /// Most FastICA iterations.
    pub ica_iterations: usize,
    /// FastICA has converged when no direction turns by more than this (1 - |cosine|).
    pub ica_tolerance: f64,
}

impl Default for GaussianizeOptions {
    fn default() -> Self {
        Self {
            layers: 30,
            rotation: Rotation::Sliced,
            contrast: Contrast::Logcosh,
            bandwidth: BandwidthRule::Silverman,
            bandwidth_factor: 0.3,
            components: Components::All,
            tails: Tails::Gentle,
            held_out: 0.1,
            patience: 5,
            min_gain: 1e-3,
            ica_iterations: 200,
            ica_tolerance: 1e-4,
        }
    }
}

impl GaussianizeOptions {
    /// Checks every option against its range.
    ///
    /// # Errors
    /// [`GaussianizeError::Option`] for the first one outside.
    pub fn check(&self) -> Result<(), GaussianizeError> {
        let fixed = match self.bandwidth {
            BandwidthRule::Fixed(h) => h,
            _ => 1.0,
        };
        let leading = match self.components {
            Components::Leading(m) => m,
            Components::All => 1,
        };
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let rules: [(&'static str, String, &'static str, bool); 8] = [
            ("layers", self.layers.to_string(), "at least 1", self.layers >= 1),
            ("bandwidth", fixed.to_string(), "a positive number", positive(fixed)),
            (
                "bandwidth_factor",
                self.bandwidth_factor.to_string(),
                "a positive number",
                positive(self.bandwidth_factor),
            ),
            ("components", leading.to_string(), "at least 1", leading >= 1),
            ("held_out", self.held_out.to_string(), "from 0 to 0.5", (0.0..=0.5).contains(&self.held_out)),
            ("min_gain", self.min_gain.to_string(), "a finite number", self.min_gain.is_finite()),
            ("ica_iterations", self.ica_iterations.to_string(), "at least 1", self.ica_iterations >= 1),
            (
                "ica_tolerance",
                self.ica_tolerance.to_string(),
                "a positive number",
                positive(self.ica_tolerance),
            ),
        ];
        match rules.into_iter().find(|(.., good)| !good) {
            Some((option, value, allowed, _)) => Err(GaussianizeError::Option { option, value, allowed }),
            None => Ok(()),
        }
    }
}
