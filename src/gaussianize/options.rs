//! What a fit may be asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bandwidth::BandwidthRule;
use super::error::GaussianizeError;
use super::ica::Contrast;
use super::marginal::Tails;

/// How each layer turns the whitened data before its marginals are fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// Whether the axes of a layer are gaussianized one by one or jointly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Coupling {
    /// Each axis by its own marginal map (G 9-12), the papers' way.
    Marginal,
    /// Axes in pairs, each by the Knothe-Rosenblatt map of its joint density; an odd one by its marginal.
    Pairs,
    /// All axes jointly. Two or fewer: as `Pairs`. More: the first layer is the Knothe-Rosenblatt map of a
    /// Gaussian mixture, later ones work in pairs on what it left.
    Joint,
}

/// Options of [`super::Gaussianizer::fit`].
///
/// The defaults were chosen on five mixtures in two dimensions, 10,000 points, 5 seeds each, by the held-out
/// log-likelihood of the map and the true log-likelihood of `G^-1(N(0, I))`. On a ring of eight modes (truth
/// -0.313) the joint map reaches -0.321 and -0.313 with one layer; the best marginal one (sliced, 0.3 x Silverman)
/// -0.443 and -2.9, the paper's (5 x ICA, Silverman) -0.97 and -6.5. `pair_factor` from 0.5 to 1.5 moves
/// either number by at most 0.01; 1 and 1.5 are the best.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianizeOptions {
    /// Most layers; held-out points may stop the fit earlier.
    pub layers: usize,
    /// Axes one by one, or in pairs.
    pub coupling: Coupling,
    /// Choice of axes in each layer.
    pub rotation: Rotation,
    /// Contrast function of the ICA.
    pub contrast: Contrast,
    /// Rule for the kernel bandwidth of each component.
    pub bandwidth: BandwidthRule,
    /// Factor on whatever the rule gives.
    pub bandwidth_factor: f64,
    /// Factor on the kernel widths of pairs, which are chosen by held-out likelihood, not by `bandwidth`.
    pub pair_factor: f64,
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
            coupling: Coupling::Joint,
            rotation: Rotation::Sliced,
            contrast: Contrast::Logcosh,
            bandwidth: BandwidthRule::Silverman,
            bandwidth_factor: 0.3,
            pair_factor: 1.0,
            components: Components::All,
            tails: Tails::Gentle,
            held_out: 0.1,
            patience: 2,
            min_gain: 2e-3,
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
