//! The program of a U-Net on a GPU, with the operations of this module.

use super::{
    convolution::convolution, dropout::drop_out, norm::norm, runs::add_vector, upsample::upsample,
};
use crate::diffusion::network::unet::dropout::Dropout;
use crate::diffusion::network::unet::program::{MapShape, Op, Program};
use candle_core::{D, Result, Tensor};
use candle_nn::ops::{silu, softmax};

/// The outputs `(n, outputs)` of points `(n, d)` whose time encodings `(n, k)` or `(1, k)` are given, without what a dropout
/// leaves out.
pub fn evaluate(
    program: &Program,
    parameters: &[Tensor],
    (x, encoding): (&Tensor, &Tensor),
    dropout: Option<&Dropout>,
) -> Result<Tensor> {
    let n = x.dim(0)?;
    let mut maps: Vec<Tensor> = Vec::with_capacity(program.nodes.len());
    for (i, node) in program.nodes.iter().enumerate() {
        let MapShape { channels, height, width } = node.shape;
        let from = || &maps[node.from];
        let map = match (node.op, dropout) {
            (Op::Image, _) => x.reshape((n, channels, height, width))?,
            (Op::Time, _) => encoding.reshape(((), channels, 1, 1))?,
            (Op::Convolution { weight, bias, stride, .. }, _) => {
                convolution(from(), &parameters[weight], &parameters[bias], stride)?
            }
            (Op::Norm { scale, shift, groups, silu }, _) => {
                norm(from(), &parameters[scale], &parameters[shift], groups, silu)?
            }
            (Op::Silu, _) => silu(from())?,
            (Op::AddVector { vector }, _) => add_vector(from(), &maps[vector])?,
            (Op::Add { other }, _) => from().add(&maps[other])?,
            (Op::Concat { other }, _) => Tensor::cat(&[from(), &maps[other]], 1)?,
            (Op::Upsample, _) => upsample(from(), (height, width))?,
            (Op::Attention, _) => attention(from(), channels)?,
            (Op::Dropout, Some(dropout)) => drop_out(from(), dropout.choices(i))?,
            // Without a training there is nothing to leave out.
            (Op::Dropout, None) => from().clone(),
        };
        maps.push(map);
    }
    maps.last().expect("a program has nodes").reshape((n, ()))
}

fn attention(qkv: &Tensor, channels: usize) -> Result<Tensor> {
    let (n, _, height, width) = qkv.dims4()?;
    let part = |i: usize| {
        let part = qkv.narrow(1, i * channels, channels)?.contiguous()?;
        part.reshape((n, channels, height * width))
    };
    let (q, k, v) = (part(0)?, part(1)?, part(2)?);
    let scores = q.transpose(1, 2)?.contiguous()?.matmul(&k)?.affine(1.0 / (channels as f64).sqrt(), 0.0)?;
    let weights = softmax(&scores, D::Minus1)?;
    let mixed = v.matmul(&weights.transpose(1, 2)?.contiguous()?)?;
    mixed.reshape((n, channels, height, width))
}
