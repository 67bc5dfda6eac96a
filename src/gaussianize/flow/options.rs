//! What a flow may be asked for: the keys of `[gaussianize.flow]`.

use crate::numeric::options::{OutOfRange, count, positive, require};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of a flow. Held-out points (`held_out` of the Gaussianizer) choose among its parameters along the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlowOptions {
    /// Coupling layers.
    pub layers: usize,
    /// Widths of the hidden layers of each layer's network.
    pub hidden: Vec<usize>,
    /// Bins of each spline.
    pub bins: usize,
    /// Optimizer steps at most.
    pub iterations: usize,
    /// Points per step.
    pub batch_size: usize,
    /// Learning rate of Adam at the beginning; it falls to 0 along a cosine.
    pub learning_rate: f64,
}

impl Default for FlowOptions {
    fn default() -> Self {
        Self {
            layers: 6,
            hidden: vec![64, 64],
            bins: 8,
            iterations: 2000,
            batch_size: 256,
            learning_rate: 2e-3,
        }
    }
}

/// Bins at most: more would leave no width to give.
const MOST_BINS: usize = 256;

/// Layers at most, and weights between the hidden layers of all of them.
const MOST_LAYERS: usize = 256;
const MOST_WEIGHTS: usize = 100_000_000;

impl FlowOptions {
    /// Checks every option against its range.
    ///
    /// # Errors
    /// The first option outside, in the order of the fields.
    pub fn check(&self) -> Result<(), OutOfRange> {
        require((1..=MOST_LAYERS).contains(&self.layers), "layers", || {
            format!("is {}, but it must be a whole number from 1 to {MOST_LAYERS}", self.layers)
        })?;
        for (i, width) in self.hidden.iter().enumerate() {
            count(&format!("hidden[{i}]"), *width)?;
        }
        let weights = self.hidden.windows(2).map(|pair| pair[0].saturating_mul(pair[1]));
        let widest = self.hidden.iter().copied().max().unwrap_or(0);
        let weights = weights.fold(widest, usize::saturating_add).saturating_mul(self.layers);
        require(weights <= MOST_WEIGHTS, "hidden", || {
            format!(
                "asks for more than {MOST_WEIGHTS} weights in {} layers, which is a typing error",
                self.layers
            )
        })?;
        require((1..=MOST_BINS).contains(&self.bins), "bins", || {
            format!("is {}, but it must be a whole number from 1 to {MOST_BINS}", self.bins)
        })?;
        count("iterations", self.iterations)?;
        count("batch_size", self.batch_size)?;
        positive("learning_rate", self.learning_rate)
    }
}
