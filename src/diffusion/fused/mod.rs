//! The same computations as the candle graph, for `f32` on the host: training and prediction without a
//! graph, on buffers that are kept, with vector instructions chosen at run time.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`panel`] | how weights lie in memory |
//! | [`gemm`], [`gradient`] | products of rows with weights, and of inputs with deltas |
//! | [`transpose`] | the weights the other way round |
//! | [`elementwise`] | activations and their slopes |
//! | [`model`] | the network's numbers in one padded vector |
//! | [`block`] | some rows of a batch, forward and backward |
//! | [`loss`] | the loss and its gradient |
//! | [`pieces`] | the gradient of each piece of the vector |
//! | [`update`] | optimiser, clipping, average |
//! | [`training`], [`predict`] | the two users |
//!
//! Every sum goes over rows, inputs or outputs in a fixed order, one fused multiply-add after the other,
//! however the work is cut up. So results are bit-identical for any number of threads. They agree with
//! the graph's up to rounding, and may differ in the last bits between processors with and without fused
//! multiply-add.

// Tables of numbers are walked by index where several have to keep step.
#![allow(clippy::needless_range_loop)]

mod block;
mod elementwise;
mod gemm;
mod gradient;
mod loss;
mod model;
mod panel;
mod pieces;
mod predict;
mod training;
mod transpose;
mod update;

pub(super) use predict::Predictor;
pub(super) use training::FusedTraining;
