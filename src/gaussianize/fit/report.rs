//! What a fit did, layer by layer, and why it stopped.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::gaussianize::options::Rotation;

/// Why no further layer was added.
#[derive(Clone, Debug, PartialEq)]
pub enum StopReason {
    /// The most layers allowed are in use.
    AllLayers {
        /// How many.
        layers: usize,
    },
    /// The best map was reached, more layers tried in vain and dropped again.
    HeldOut {
        /// Layers kept.
        kept: usize,
        /// Layers tried.
        tried: usize,
        /// Patience of the fit.
        patience: usize,
        /// Smallest gain that counted.
        min_gain: f64,
    },
    /// Too few points could be held out, and cross-validation chose.
    CrossValidation {
        /// Layers kept; with 0 the map is that of one normal distribution.
        kept: usize,
        /// Layers tried.
        tried: usize,
        /// Parts of the points, each held out once.
        folds: usize,
    },
    /// A flow was trained.
    Trained {
        /// Iterations after which its parameters were taken; 0 is one normal distribution, where no others were better.
        taken: usize,
        /// Iterations in all.
        iterations: usize,
        /// Whether held-out points chose them.
        watched: bool,
    },
    /// The best of several maps was chosen.
    Selected {
        /// Its name.
        chosen: String,
        /// How many were tried.
        candidates: usize,
        /// Parts of the points, each left out once; with 1 the held-out points judged.
        parts: usize,
    },
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllLayers { layers } => write!(f, "all {layers} layers are in use"),
            Self::CrossValidation { kept: 0, tried, folds } => write!(
                f,
                "none of {tried} layers tried raised the log-likelihood of points left out of {folds} fits by more than \
                 its standard error, so the map is that of one normal distribution"
            ),
            Self::CrossValidation { kept, tried, folds } => write!(
                f,
                "layer {kept} of {tried} tried was the last that raised the log-likelihood of points left out of {folds} \
                 fits by more than its standard error"
            ),
            Self::Trained { taken, iterations, watched: true } => {
                write!(
                    f,
                    "the flow after {taken} of {iterations} iterations was the best at the held-out points"
                )
            }
            Self::Trained { iterations, .. } => write!(f, "the flow was trained for {iterations} iterations"),
            Self::Selected { chosen, candidates, parts: 1 } => write!(
                f,
                "{chosen}: the best of {candidates} maps at the held-out points, fitted to all points again"
            ),
            Self::Selected { chosen, candidates, parts } => write!(
                f,
                "{chosen}: the best of {candidates} maps at points left out of {parts} fits, fitted to all points"
            ),
            Self::HeldOut { kept, tried, patience, min_gain } => write!(
                f,
                "layer {kept} of {tried} tried was the last that raised the held-out log-likelihood by \
                 {min_gain} nat or more (patience {patience})"
            ),
        }
    }
}

/// One layer of a fit. Numbers are of held-out points, of training points when none were held out; after a
/// cross-validation the log-likelihood alone is of points left out.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerReport {
    /// Layer, from 1.
    pub layer: usize,
    /// Rotation that was used, after any fall-back; none for a layer on axes of another origin.
    pub rotation: Option<Rotation>,
    /// Whether the ICA converged; `None` when there was none.
    pub ica_converged: Option<bool>,
    /// Its iterations.
    pub ica_iterations: usize,
    /// How each component was mapped.
    pub maps: Vec<ComponentMap>,
    /// Bandwidth of each component, in units of its standard deviation; NaN where there are no kernels.
    pub bandwidths: Vec<f64>,
    /// Negentropy of each component before its marginal map.
    pub negentropy_before: Vec<f64>,
    /// Negentropy of each component after it.
    pub negentropy_after: Vec<f64>,
    /// Sliced Wasserstein-2 distance to N(0, I) after the layer.
    pub distance: f64,
    /// Largest `|z|` over training points, and over held-out ones too where layers are fitted one by one.
    pub largest_z: f64,
    /// Mean `log |det J|` of this layer.
    pub log_det: f64,
    /// Largest `|x - layer^-1(layer(x))|`, relative to the spread of the layer's input, over up to 1024 points.
    pub round_trip: f64,
    /// Mean log-density in data space of the map up to this layer.
    pub log_likelihood: f64,
    /// Whether the layer is part of the map.
    pub kept: bool,
}

/// How a component was mapped in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComponentMap {
    /// Left as it was.
    Identity,
    /// By its own marginal.
    Marginal,
    /// Together with one other component.
    Pair,
    /// Together with all others.
    Joint,
    /// By the distance from the centre alone.
    Radial,
    /// By a trained flow of all.
    Flow,
}

/// One of the maps that `coupling = "auto"` tried.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateReport {
    /// Its stages.
    pub name: String,
    /// Mean log-density of points that it was not fitted to, nats.
    pub log_likelihood: f64,
    /// By how much that is below the chosen one's, nats.
    pub below: f64,
    /// Standard error of that difference, which is paired by point.
    pub error: f64,
    /// Whether it is the one that was chosen.
    pub chosen: bool,
}

/// What a fit did.
#[derive(Clone, Debug, PartialEq)]
pub struct FitReport {
    /// Why it stopped.
    pub stopped: StopReason,
    /// Every layer tried, in order.
    pub layers: Vec<LayerReport>,
    /// The maps that a selection tried, the best first; empty without one.
    pub candidates: Vec<CandidateReport>,
    /// What did not go as asked, a sentence each.
    pub warnings: Vec<String>,
    /// Training points.
    pub trained_on: usize,
    /// Held-out points.
    pub held_out: usize,
    /// Mean log-density of held-out points under the map, by cross-validation where that chose the layers; of training
    /// points when nothing was held out, or the points are too few for a cross-validation.
    pub held_out_log_likelihood: f64,
    /// Mean log-density of training points under the map.
    pub training_log_likelihood: f64,
    /// Largest `|G^-1(G(x)) - x|` over up to 2048 training points, in data units.
    pub round_trip: f64,
    /// The same over twice as many points between the training points and beyond them; infinite where one does not come
    /// back as a number.
    pub round_trip_off_data: f64,
}
