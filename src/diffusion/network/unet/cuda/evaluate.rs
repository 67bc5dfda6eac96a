//! The program of a U-Net on a GPU, with the operations of this module.

use super::{convolution::convolution, dropout::drop_out, maps::concat, norm::norm, upsample::upsample};
use crate::diffusion::network::unet::dropout::Dropout;
use crate::diffusion::network::unet::program::{MapShape, Node, Op, Program};
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
        let map = match node.op {
            Op::Image => x.reshape((n, channels, height, width))?,
            Op::Time => encoding.reshape(((), channels, 1, 1))?,
            // Done by what follows, together with its own work; until then its place has the map that it takes.
            Op::Convolution { .. } if follower(program, i).is_some() => maps[node.from].clone(),
            Op::Convolution { weight, bias, stride, .. } => {
                convolution(&maps[node.from], &parameters[weight], &parameters[bias], stride)?
            }
            Op::Norm { scale, shift, groups, silu } => {
                norm(&maps[node.from], &parameters[scale], &parameters[shift], groups, silu)?
            }
            Op::Silu => silu(&maps[node.from])?,
            Op::AddVector { vector } => match convolution_before(program, i) {
                Some((weight, bias, stride)) => {
                    let vector = maps[vector].reshape(((), channels))?.broadcast_as((n, channels))?;
                    let bias = vector.broadcast_add(&parameters[bias])?;
                    convolution(&maps[node.from], &parameters[weight], &bias, stride)?
                }
                None => maps[node.from].broadcast_add(&maps[vector])?,
            },
            Op::Add { other } => maps[node.from].add(&maps[other])?,
            Op::Concat { other } => concat(&maps[node.from], &maps[other])?,
            Op::Upsample => upsample(&maps[node.from], (height, width))?,
            Op::Attention => {
                let before = convolution_before(program, i);
                let part = |i: usize| match before {
                    // A convolution for each of the three leaves no map to be cut.
                    Some((weight, bias, stride)) => {
                        let own = |p: &Tensor| p.narrow(0, i * channels, channels);
                        convolution(
                            &maps[node.from],
                            &own(&parameters[weight])?,
                            &own(&parameters[bias])?,
                            stride,
                        )
                    }
                    None => maps[node.from].narrow(1, i * channels, channels)?.contiguous(),
                };
                attention([part(0)?, part(1)?, part(2)?])?
            }
            Op::Dropout => match dropout {
                Some(dropout) => drop_out(&maps[node.from], dropout.choices(i))?,
                // Without a training there is nothing to leave out.
                None => maps[node.from].clone(),
            },
        };
        maps.push(map);
    }
    maps.last().expect("a program has nodes").reshape((n, ()))
}

/// The node that does the work of convolution `i` too: the only one that takes it, if that adds a vector to it or is attention.
fn follower(program: &Program, i: usize) -> Option<&Node> {
    let mut takers = program.nodes.iter().filter(|node| node.inputs().any(|from| from == i));
    let taker = takers.next()?;
    let merges = matches!(taker.op, Op::AddVector { .. } | Op::Attention) && taker.from == i;
    (merges && takers.next().is_none()).then_some(taker)
}

/// Weight, bias and stride of the convolution whose work node `i` does too.
fn convolution_before(program: &Program, i: usize) -> Option<(usize, usize, usize)> {
    let from = program.nodes[i].from;
    match program.nodes[from].op {
        Op::Convolution { weight, bias, stride, .. } if follower(program, from).is_some() => {
            Some((weight, bias, stride))
        }
        _ => None,
    }
}

/// The softmax-weighted means of the values of all pixels, of queries, keys and values `(n, channels, height, width)`.
fn attention(parts: [Tensor; 3]) -> Result<Tensor> {
    let (n, channels, height, width) = parts[0].dims4()?;
    let [q, k, v] = parts.each_ref().map(|part| part.reshape((n, channels, height * width)));
    let scores = q?.t()?.matmul(&k?)?.affine(1.0 / (channels as f64).sqrt(), 0.0)?;
    let mixed = v?.matmul(&softmax(&scores, D::Minus1)?.t()?)?;
    mixed.reshape((n, channels, height, width))
}
