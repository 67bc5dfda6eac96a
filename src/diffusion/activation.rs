//! The non-linearities between layers, as PyTorch defines them.

use candle_core::{Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The function applied to every hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`: both papers.
    Relu,
    /// `x / (1 + exp(-x))`.
    Silu,
    /// `tanh x`.
    Tanh,
    /// `x Phi(x)`, by the error function (not the tanh approximation).
    Gelu,
}

impl Activation {
    /// The function of each entry.
    ///
    /// # Errors
    /// If the device fails.
    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Relu => x.relu(),
            Self::Silu => x.silu(),
            Self::Tanh => x.tanh(),
            Self::Gelu => x.gelu_erf(),
        }
    }
}
