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
//! | [`update`], [`optimization`] | optimizer, clipping, average |
//! | [`training`], [`predict`] | one training iteration; the prediction for many points at one step |
//! | [`divergence`] | the prediction with its derivatives in given directions |
//! | [`unet`] | the same for U-Nets |
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
mod optimization;
mod packed;
mod predict;
mod tensor_gradients;
mod training;
mod transpose;
mod unet;
mod update;

pub(super) use predict::{AtStep, Predictor};
pub(super) use unet::UnetPredictor;

use super::{
    Batch, DiffusionError, LossTerms, Network, NetworkKind, TrainOptions,
    train::{
        VariationalBound,
        backend::{State, Turn},
    },
};

/// A training of one network in `f32` on the host.
pub(super) trait HostTraining: std::fmt::Debug + Send {
    /// The part of an iteration that is done on a batch; with its last batch the parameters change.
    ///
    /// # Errors
    /// If the loss is infinite or NaN; no parameter has changed then.
    fn step(&mut self, batch: &Batch, turn: Turn) -> Result<LossTerms, DiffusionError>;

    /// Parameters, optimizer and average as vectors in the order of the network's layout.
    ///
    /// # Errors
    /// If memory fails.
    fn state(&self) -> Result<State, DiffusionError>;

    /// Puts back what [`state`](Self::state) returned.
    ///
    /// # Errors
    /// If a vector is not one of `f32`; nothing has changed then.
    fn restore(&mut self, state: &State) -> Result<(), DiffusionError>;
}

/// A fresh training of a network, of so many iterations with batches of at most so many points.
///
/// # Errors
/// If the parameters cannot be read.
pub(super) fn training(
    network: &Network,
    options: TrainOptions,
    bound: Option<&VariationalBound>,
    sizes: (usize, usize),
) -> Result<Box<dyn HostTraining>, DiffusionError> {
    Ok(match network.options().kind {
        NetworkKind::Mlp => Box::new(training::DenseTraining::new(network, options, bound, sizes)?),
        NetworkKind::Unet => Box::new(unet::UnetTraining::new(network, options, bound, sizes)?),
    })
}
