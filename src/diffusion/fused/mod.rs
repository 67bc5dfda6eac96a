//! The same computations as the candle graph, for `f32` on the host: training and prediction without a
//! graph, on buffers that are kept, with vector instructions chosen at run time.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`packed`] | packed weights: how a matrix lies in memory, in panels of columns |
//! | [`gemm`], [`gradient`] | products of rows with weights, and of inputs with deltas |
//! | [`transpose`] | transposed weights, for the gradient with respect to an input |
//! | [`elementwise`] | activations and their derivatives |
//! | [`model`] | where each parameter of the layout lies in one padded vector |
//! | [`matrix`] | activations of some rows |
//! | [`block`] | some rows of a batch, forward and backward |
//! | [`loss`] | the loss and its gradient |
//! | [`tensor_gradients`] | the gradient, tensor by tensor |
//! | [`update`] | optimizer, clipping, average |
//! | [`training`], [`predict`] | one training iteration; the prediction for many points at one step |
//! | [`divergence`] | the prediction with its derivatives in given directions |
//!
//! Every sum goes over rows, inputs or outputs in a fixed order, one fused multiply-add after the other,
//! however the work is cut up. So results are bit-identical for any number of threads. They agree with
//! the graph's up to rounding, and may differ in the last bits between processors with and without fused
//! multiply-add.

// Several arrays are walked by one index.
#![allow(clippy::needless_range_loop)]

mod block;
mod divergence;
mod elementwise;
mod gemm;
mod gradient;
mod loss;
mod matrix;
mod model;
mod packed;
mod predict;
mod tensor_gradients;
mod training;
mod transpose;
mod update;

pub(super) use predict::{AtStep, Predictor};
pub(super) use training::FusedTraining;
