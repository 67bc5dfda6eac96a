//! The program of a U-Net without a graph, in `f32` on the host: training and prediction on buffers that are kept.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`plan`] | which buffer holds which map, and where each parameter lies |
//! | [`patches`] | images with a border of zeros, and the neighbourhoods of their pixels as matrices |
//! | [`product`] | products of maps with weights |
//! | [`convolution`] | convolutions, forward and backward |
//! | [`norm`] | group normalization with SiLU |
//! | [`attention`] | attention over the pixels |
//! | [`pointwise`] | what goes value by value, and upsampling |
//! | [`images`] | some images of a batch, forward and backward |
//! | [`training`], [`predict`] | one training iteration; the prediction for many points at one step |
//!
//! A map of some images is a matrix `(channels, images * pixels)`, row after row with a fixed distance: image after image in
//! each row. So a convolution of all images is one product, and what a pixel becomes does not depend on the other images. A
//! batch is cut into parts that depend on its size and the network alone, and the gradients of the parts are added in order:
//! results are bit-identical for any number of threads.

mod attention;
mod convolution;
mod images;
mod norm;
mod patches;
mod plan;
mod pointwise;
mod predict;
mod product;
mod training;

pub(in crate::diffusion) use predict::UnetPredictor;
pub(super) use training::UnetTraining;
