//! The U-Net of Ho et al. 2020 as a program: a list of operations on feature maps, which the candle graph and the fused path
//! both go through.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`program`] | the operations and the shapes of what they give |
//! | [`build`] | the program of a network of given options, with its parameters |
//! | [`dropout`] | which values a training leaves out |
//! | `graph` | the program on the candle graph |
//! | `cuda` | the operations that a GPU has of its own |

pub mod build;
#[cfg(feature = "cuda")]
pub(super) mod cuda;
pub mod dropout;
mod graph;
pub mod program;

pub(super) use graph::UnetGraph;
pub use program::{MapShape, Node, Op, Program};
