//! `[network]` of a spec: the shape of the noise predictor.

use super::{
    Activation, Conditioning, TimeEncoding,
    layout::{Layout, Outputs},
};
use crate::numeric::options::{OutOfRange, require};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[network]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkOptions {
    /// Widths of the hidden layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "[16, 32, 64]"))]
    pub hidden: Option<Vec<usize>>,
    /// `width = w` is short for `hidden = [w, 2 w, 4 w]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none"))]
    pub width: Option<usize>,
    /// Function of the hidden layers.
    pub activation: Activation,
    /// How the step t is shown to the network.
    pub time: TimeEncoding,
    /// Size of the time embedding.
    pub time_dim: usize,
    /// Where t enters the network.
    pub conditioning: Conditioning,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            hidden: None,
            width: None,
            activation: Activation::Relu,
            time: TimeEncoding::Sinusoidal,
            time_dim: 16,
            conditioning: Conditioning::Concat,
        }
    }
}

impl NetworkOptions {
    /// Widths of the hidden layers where neither `hidden` nor `width` is given.
    pub const DEFAULT_HIDDEN: [usize; 3] = [16, 32, 64];

    /// Number of values that training would change, for points of `dim` dimensions and `steps` steps. Nothing is
    /// built. The options must have been checked.
    pub fn parameter_count(&self, dim: usize, outputs: Outputs, steps: usize) -> usize {
        Layout::new(self, (dim, outputs), steps).count()
    }

    /// Widths of the hidden layers: `hidden`, or those that `width` is short for, or the default.
    pub fn widths(&self) -> Vec<usize> {
        match (&self.hidden, self.width) {
            (Some(hidden), _) => hidden.clone(),
            (None, Some(w)) => vec![w, 2 * w, 4 * w],
            (None, None) => Self::DEFAULT_HIDDEN.to_vec(),
        }
    }

    /// The key by which the network has learned something of its own for each whole step, so that between the steps it is
    /// not known; none where it is.
    pub fn learned_by_step(&self) -> Option<&'static str> {
        match (self.conditioning, self.time) {
            (Conditioning::Scale, _) => Some("conditioning"),
            (_, TimeEncoding::Learned) => Some("time"),
            _ => None,
        }
    }

    /// Refuses values out of their range.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        if let Some(w) = self.width {
            require(self.hidden.is_none(), "width", || {
                "cannot be given beside `hidden`: give one of the two".into()
            })?;
            require((1..=16_384).contains(&w), "width", || {
                format!("is {w}, but it must be from 1 to 16384")
            })?;
        }
        let hidden = self.widths();
        require((1..=64).contains(&hidden.len()), "hidden", || {
            format!("has {} layers, but it must have 1 to 64, for example [16, 32, 64]", hidden.len())
        })?;
        for (i, &w) in hidden.iter().enumerate() {
            require((1..=65_536).contains(&w), &format!("hidden[{i}]"), || {
                format!("is {w}, but a layer's width must be from 1 to 65536")
            })?;
        }
        require((1..=4096).contains(&self.time_dim), "time_dim", || {
            format!("is {}, but it must be from 1 to 4096", self.time_dim)
        })?;
        require(self.time != TimeEncoding::Sinusoidal || self.time_dim.is_multiple_of(2), "time_dim", || {
            format!("is {}, but a sinusoidal embedding needs an even number", self.time_dim)
        })
    }
}
