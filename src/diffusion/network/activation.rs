//! The non-linearities between layers, as PyTorch defines them.

use candle_core::{Result, Tensor};
use candle_nn::Module;
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
    /// Every activation.
    pub const ALL: [Self; 4] = [Self::Relu, Self::Silu, Self::Tanh, Self::Gelu];

    /// The function of each entry.
    ///
    /// # Errors
    /// If the device fails.
    pub fn apply(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Relu => candle_nn::Activation::Relu.forward(x),
            Self::Silu => candle_nn::Activation::Silu.forward(x),
            Self::Tanh => x.tanh(),
            // The library's name for the error function's form.
            Self::Gelu => candle_nn::Activation::Gelu.forward(x),
        }
    }
}
