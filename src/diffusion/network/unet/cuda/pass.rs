//! The program of a U-Net on a GPU, with the operations of this module, there and back. The way back is walked here and not by the
//! graph, which sets every gradient to 0 before it adds to it and goes through each parameter's views: six times as many calls.

use super::attention::Attention;
use super::convolution::{convolution, gradient_of_maps, gradient_of_weight};
use super::dropout::drop_out;
use super::maps::{concat, part, sum_maps};
use super::norm::{gradient_of_norm, norm};
use super::upsample::{gradient_of_upsample, upsample};
use crate::diffusion::network::unet::dropout::Dropout;
use crate::diffusion::network::unet::program::{MapShape, Op, Program};
use candle_core::{Result, Tensor};
use candle_nn::ops::{sigmoid, silu};

/// A forward pass, with what the way back needs.
#[derive(Debug)]
pub struct Pass<'a> {
    program: &'a Program,
    parameters: &'a [Tensor],
    dropout: Option<Dropout>,
    /// The result of each node, `(n, channels, height, width)`.
    maps: Vec<Tensor>,
    /// The inner values of each attention, in the order of their nodes.
    attentions: Vec<Attention>,
}

impl<'a> Pass<'a> {
    /// Of points `(n, d)` whose time encodings `(n, k)` or `(1, k)` are given, without what a dropout leaves out. Points and
    /// parameters are outside of any graph.
    pub fn new(
        program: &'a Program,
        parameters: &'a [Tensor],
        (x, encoding): (&Tensor, &Tensor),
        dropout: Option<Dropout>,
    ) -> Result<Self> {
        let (maps, attentions) = (Vec::with_capacity(program.nodes.len()), Vec::new());
        let mut pass = Self { program, parameters, dropout, maps, attentions };
        for i in 0..program.nodes.len() {
            let map = pass.node(i, x, encoding)?;
            pass.maps.push(map);
        }
        Ok(pass)
    }

    /// The network's outputs, `(n, outputs)`.
    pub fn outputs(&self) -> Result<Tensor> {
        let last = self.maps.last().expect("a program has nodes");
        last.reshape((last.dim(0)?, ()))
    }

    fn node(&mut self, i: usize, x: &Tensor, encoding: &Tensor) -> Result<Tensor> {
        let (node, parameters, n) = (&self.program.nodes[i], self.parameters, x.dim(0)?);
        let MapShape { channels, height, width } = node.shape;
        let from = || &self.maps[node.from];
        match node.op {
            Op::Image => x.reshape((n, channels, height, width)),
            Op::Time => encoding.contiguous()?.reshape(((), channels, 1, 1)),
            // Done by what follows, together with its own work; until then its place has the map that it takes.
            Op::Convolution { .. } if is_merged(self.program, i) => Ok(from().clone()),
            Op::Convolution { weight, bias, stride, .. } => {
                convolution(from(), &parameters[weight], &parameters[bias], stride)
            }
            Op::Norm { scale, shift, groups, silu } => {
                norm(from(), &parameters[scale], &parameters[shift], groups, silu)
            }
            Op::Silu => silu(from()),
            Op::AddVector { vector } => match convolution_before(self.program, i) {
                Some((weight, bias, stride)) => {
                    let vector = self.maps[vector].reshape(((), channels))?;
                    let bias = vector.broadcast_add(&parameters[bias])?.broadcast_as((n, channels))?;
                    convolution(from(), &parameters[weight], &bias.contiguous()?, stride)
                }
                None => from().broadcast_add(&self.maps[vector]),
            },
            Op::Add { other } => from().add(&self.maps[other]),
            Op::Concat { other } => concat(from(), &self.maps[other]),
            Op::Upsample => upsample(from(), (height, width)),
            Op::Attention => {
                let before = convolution_before(self.program, i);
                let one = |which: usize| match before {
                    // A convolution for each of the three leaves no map to be cut.
                    Some((weight, bias, stride)) => {
                        let own = |p: usize| parameters[p].narrow(0, which * channels, channels);
                        convolution(from(), &own(weight)?, &own(bias)?, stride)
                    }
                    None => part(from(), which * channels, channels),
                };
                let attention = Attention::new([one(0)?, one(1)?, one(2)?])?;
                let result = attention.result()?.reshape((n, channels, height, width));
                self.attentions.push(attention);
                result
            }
            Op::Dropout => match &self.dropout {
                Some(dropout) => drop_out(from(), dropout.choices(i)),
                // Without a training there is nothing to leave out.
                None => Ok(from().clone()),
            },
        }
    }

    /// The gradient of each parameter, in order, from that of the outputs `(n, outputs)`.
    pub fn gradient(mut self, of_outputs: &Tensor) -> Result<Vec<Tensor>> {
        let (program, parameters) = (self.program, self.parameters);
        let last = self.maps.len() - 1;
        let mut back = Back { of_maps: vec![None; last + 1], of_parameters: vec![None; parameters.len()] };
        back.of_maps[last] = Some(of_outputs.contiguous()?.reshape(self.maps[last].shape())?);
        for (i, node) in program.nodes.iter().enumerate().rev() {
            // Nothing comes back to a convolution that what follows has done.
            let Some(dy) = back.of_maps[i].take() else { continue };
            let channels = node.shape.channels;
            match node.op {
                Op::Image | Op::Time => {}
                Op::Convolution { weight, bias, stride, .. } => {
                    let (of_weight, of_images) =
                        back.convolution(&self, node.from, &parameters[weight], &dy, stride)?;
                    back.of_parameters[weight] = Some(of_weight);
                    back.of_parameters[bias] = Some(of_images.sum(0)?);
                }
                Op::Norm { scale, shift, groups, silu } => {
                    let factors = (&parameters[scale], &parameters[shift]);
                    let [dx, of_scale, of_shift] =
                        gradient_of_norm((&self.maps[node.from], &dy), factors, groups, silu)?;
                    back.of_parameters[scale] = Some(of_scale);
                    back.of_parameters[shift] = Some(of_shift);
                    back.add(node.from, dx)?;
                }
                Op::Silu => {
                    // d(x s)/dx = s + x s (1 - s)
                    let (x, s) = (&self.maps[node.from], sigmoid(&self.maps[node.from])?);
                    let slope = s.affine(-1.0, 1.0)?.mul(&s)?.mul(x)?.add(&s)?;
                    back.add(node.from, dy.mul(&slope)?)?;
                }
                Op::AddVector { vector } => {
                    let of_images = match convolution_before(program, i) {
                        Some((weight, bias, stride)) => {
                            let before = program.nodes[node.from].from;
                            let (of_weight, of_images) =
                                back.convolution(&self, before, &parameters[weight], &dy, stride)?;
                            back.of_parameters[weight] = Some(of_weight);
                            back.of_parameters[bias] = Some(of_images.sum(0)?);
                            of_images
                        }
                        None => {
                            let of_images = sum_maps(&dy)?;
                            back.add(node.from, dy)?;
                            of_images
                        }
                    };
                    let of_vector = match self.maps[vector].dim(0)? {
                        1 => of_images.sum_keepdim(0)?,
                        _ => of_images,
                    };
                    back.add(vector, of_vector.reshape(self.maps[vector].shape())?)?;
                }
                Op::Add { other } => {
                    back.add(node.from, dy.clone())?;
                    back.add(other, dy)?;
                }
                Op::Concat { other } => {
                    let first = program.nodes[node.from].shape.channels;
                    back.add(node.from, part(&dy, 0, first)?)?;
                    back.add(other, part(&dy, first, channels - first)?)?;
                }
                Op::Upsample => back.add(node.from, gradient_of_upsample(&dy)?)?,
                Op::Attention => {
                    let attention = self.attentions.pop().expect("each attention was kept");
                    let parts = attention.gradients(&dy)?;
                    let parts =
                        parts.iter().map(|part| part.reshape(dy.shape())).collect::<Result<Vec<_>>>()?;
                    match convolution_before(program, i) {
                        Some((weight, bias, stride)) => {
                            let before = program.nodes[node.from].from;
                            let (mut of_weight, mut of_bias) = (Vec::new(), Vec::new());
                            for (which, part) in parts.iter().enumerate() {
                                let own = parameters[weight].narrow(0, which * channels, channels)?;
                                let (weights, images) =
                                    back.convolution(&self, before, &own, part, stride)?;
                                of_weight.push(weights);
                                of_bias.push(images.sum(0)?);
                            }
                            back.of_parameters[weight] = Some(Tensor::cat(&of_weight, 0)?);
                            back.of_parameters[bias] = Some(Tensor::cat(&of_bias, 0)?);
                        }
                        None => {
                            let [q, k, v] = [&parts[0], &parts[1], &parts[2]];
                            back.add(node.from, concat(&concat(q, k)?, v)?)?;
                        }
                    }
                }
                Op::Dropout => {
                    let dx = match &self.dropout {
                        Some(dropout) => drop_out(&dy, dropout.choices(i))?,
                        None => dy,
                    };
                    back.add(node.from, dx)?;
                }
            }
        }
        let of_parameter = |(gradient, parameter): (Option<Tensor>, &Tensor)| match gradient {
            Some(gradient) => Ok(gradient),
            None => parameter.zeros_like(),
        };
        back.of_parameters.into_iter().zip(parameters).map(of_parameter).collect()
    }
}

/// The gradients found so far.
struct Back {
    of_maps: Vec<Option<Tensor>>,
    of_parameters: Vec<Option<Tensor>>,
}

impl Back {
    /// Adds to the gradient of a node's map.
    fn add(&mut self, node: usize, gradient: Tensor) -> Result<()> {
        let sum = match self.of_maps[node].take() {
            Some(before) => before.add(&gradient)?,
            None => gradient,
        };
        self.of_maps[node] = Some(sum);
        Ok(())
    }

    /// Goes back through a convolution of a node's map: the gradient of its weights, and the share of each image in that of
    /// its bias, `(n, outputs)`.
    fn convolution(
        &mut self,
        pass: &Pass,
        from: usize,
        weight: &Tensor,
        dy: &Tensor,
        stride: usize,
    ) -> Result<(Tensor, Tensor)> {
        let x = &pass.maps[from];
        // Nobody asks for the gradient of what the network gets.
        if !matches!(pass.program.nodes[from].op, Op::Image | Op::Time) {
            self.add(from, gradient_of_maps(dy, weight, x.shape(), stride)?)?;
        }
        Ok((gradient_of_weight(x, dy, weight.shape(), stride)?, sum_maps(dy)?))
    }
}

/// Whether the work of convolution `i` is done by the only node that takes it, which adds a vector to it or is attention.
fn is_merged(program: &Program, i: usize) -> bool {
    let mut takers = program.nodes.iter().filter(|node| node.inputs().any(|from| from == i));
    let Some(taker) = takers.next() else { return false };
    let merges = matches!(taker.op, Op::AddVector { .. } | Op::Attention) && taker.from == i;
    merges && takers.next().is_none()
}

/// Weight, bias and stride of the convolution whose work node `i` does too.
fn convolution_before(program: &Program, i: usize) -> Option<(usize, usize, usize)> {
    let from = program.nodes[i].from;
    match program.nodes[from].op {
        Op::Convolution { weight, bias, stride, .. } if is_merged(program, from) => {
            Some((weight, bias, stride))
        }
        _ => None,
    }
}
