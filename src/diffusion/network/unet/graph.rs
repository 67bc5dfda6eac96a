//! The program on the candle graph. Maps are tensors `(channels, n, height, width)`, so that a convolution is one product of
//! matrices, whose gradients are products too: the library's own gradients of convolutions are loops on the host, and that of
//! nearest upsampling is wrong (version 0.11 overwrites what other paths have added).

#[cfg(feature = "cuda")]
use super::cuda;
use super::dropout::{Dropout, DropoutStream};
use super::program::{MapShape, NORM_EPSILON, Node, Op, Program};
use crate::diffusion::network::{layer::table_rows, layout::Layout, parameters::Parameters, time};
use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::{silu, softmax};

/// eps_theta of a U-Net on tensors of parameters, with or without autograd; of a batch of models if the parameters are.
#[derive(Clone, Debug)]
pub(in crate::diffusion::network) struct UnetGraph {
    program: Program,
    /// The parameters of each model, in the order of the layout.
    models: Vec<Vec<Tensor>>,
    /// Whether points and steps have a first axis for the models.
    batched: bool,
    /// Encoding of each step, `(T, k)`.
    encoding: Tensor,
}

impl UnetGraph {
    /// The program of a layout on these parameters.
    pub fn new(layout: &Layout, program: &Program, p: &Parameters) -> Result<Self> {
        let width = layout.time_width;
        let table =
            Tensor::from_vec(time::sinusoidal(layout.steps, width), (layout.steps, width), &Device::Cpu)?;
        let encoding = table.to_dtype(p.dtype())?.to_device(p.device())?;
        let all = layout.parameters.iter().enumerate();
        let tensors: Vec<(Tensor, &[usize])> =
            all.map(|(i, it)| (p.tensor(i), it.shape.as_slice())).collect();
        let of_model = |model: Option<usize>| {
            let own = |(tensor, shape): &(Tensor, &[usize])| match model {
                None => Ok(tensor.clone()),
                Some(model) => tensor.get(model)?.reshape(*shape),
            };
            tensors.iter().map(own).collect::<Result<Vec<_>>>()
        };
        let models = match p.models() {
            None => vec![of_model(None)?],
            Some(models) => (0..models).map(|model| of_model(Some(model))).collect::<Result<_>>()?,
        };
        let graph = Self { program: program.clone(), models, batched: p.models().is_some(), encoding };
        // A GPU has a way back of its own.
        #[cfg(feature = "cuda")]
        if cuda::takes(p.device(), p.dtype()) {
            return Ok(graph.detach());
        }
        Ok(graph)
    }

    /// `x` `(n, d)` and table rows `t - 1`, `(n)` or `(1)`, to the network's outputs `(n, outputs)`. Of a batch of models,
    /// all but `(1)` have another axis in front.
    /// With streams of dropout, one for each model, values are left out.
    pub fn forward(&self, x: &Tensor, rows: &Tensor, dropout: &[DropoutStream]) -> Result<Tensor> {
        if !self.batched {
            return self.evaluate(&self.models[0], x, &table_rows(&self.encoding, rows)?, dropout.first());
        }
        let one = |(model, parameters): (usize, &Vec<Tensor>)| {
            let rows = if rows.rank() == 1 { rows.clone() } else { rows.get(model)? };
            let encoding = table_rows(&self.encoding, &rows)?;
            self.evaluate(parameters, &x.get(model)?, &encoding, dropout.get(model))
        };
        let all = self.models.iter().enumerate().map(one).collect::<Result<Vec<_>>>()?;
        Tensor::stack(&all, 0)
    }

    /// The passes of a batch of models there and back, where they are on a GPU that has them: see [`forward`](Self::forward).
    #[cfg(feature = "cuda")]
    pub fn passes(
        &self,
        x: &Tensor,
        rows: &Tensor,
        dropout: &[DropoutStream],
    ) -> Result<Option<Vec<cuda::Pass<'_>>>> {
        if !self.batched || !cuda::takes(x.device(), x.dtype()) {
            return Ok(None);
        }
        let one = |(model, parameters)| {
            let encoding = table_rows(&self.encoding, &rows.get(model)?)?;
            let dropout = dropout.get(model).map(|stream| Dropout::new(*stream, self.program.dropout));
            cuda::Pass::new(&self.program, parameters, (&x.get(model)?, &encoding), dropout)
        };
        self.models.iter().map(Vec::as_slice).enumerate().map(one).collect::<Result<_>>().map(Some)
    }

    /// The outputs of points `(n, d)` whose time encodings `(n, k)` or `(1, k)` are given.
    fn evaluate(
        &self,
        parameters: &[Tensor],
        x: &Tensor,
        encoding: &Tensor,
        dropout: Option<&DropoutStream>,
    ) -> Result<Tensor> {
        let n = x.dim(0)?;
        let dropout = dropout.map(|stream| Dropout::new(*stream, self.program.dropout));
        #[cfg(feature = "cuda")]
        if cuda::takes(x.device(), x.dtype()) {
            return cuda::Pass::new(&self.program, parameters, (x, encoding), dropout)?.outputs();
        }
        let mut maps: Vec<Tensor> = Vec::with_capacity(self.program.nodes.len());
        for (i, node) in self.program.nodes.iter().enumerate() {
            let map = match (node.op, &dropout) {
                (Op::Dropout, Some(dropout)) => {
                    maps[node.from].mul(&factors(dropout, (i, node), &maps[node.from])?)?
                }
                _ => Self::node(node, &maps, parameters, (x, encoding))?,
            };
            maps.push(map);
        }
        let outputs = maps.last().expect("a program has nodes");
        outputs.transpose(0, 1)?.contiguous()?.reshape((n, ()))
    }

    fn node(
        node: &Node,
        maps: &[Tensor],
        parameters: &[Tensor],
        (x, encoding): (&Tensor, &Tensor),
    ) -> Result<Tensor> {
        let MapShape { channels, height, width } = node.shape;
        match node.op {
            Op::Image => {
                let n = x.dim(0)?;
                x.reshape((n, channels, height, width))?.transpose(0, 1)?.contiguous()
            }
            Op::Time => encoding.t()?.contiguous()?.reshape((channels, (), 1, 1)),
            Op::Convolution { weight, bias, kernel, stride } => {
                convolution(&maps[node.from], &parameters[weight], &parameters[bias], kernel, stride)
            }
            Op::Norm { scale, shift, groups, silu: with_silu } => {
                let y = norm(&maps[node.from], &parameters[scale], &parameters[shift], groups)?;
                if with_silu { silu(&y) } else { Ok(y) }
            }
            Op::Silu => silu(&maps[node.from]),
            Op::AddVector { vector } => maps[node.from].broadcast_add(&maps[vector]),
            Op::Add { other } => maps[node.from].add(&maps[other]),
            Op::Concat { other } => Tensor::cat(&[&maps[node.from], &maps[other]], 0),
            Op::Upsample => upsample(&maps[node.from], (height, width)),
            Op::Attention => attention(&maps[node.from], channels),
            // Without a training there is nothing to leave out.
            Op::Dropout => Ok(maps[node.from].clone()),
        }
    }

    /// The same computation on the same values, detached: without autograd.
    pub fn detach(&self) -> Self {
        let models = self.models.iter().map(|model| model.iter().map(Tensor::detach).collect()).collect();
        Self { models, ..self.clone() }
    }
}

/// The factors of dropout of all images, in the shape of their map.
fn factors(dropout: &Dropout, (i, node): (usize, &Node), map: &Tensor) -> Result<Tensor> {
    let (MapShape { channels, height, width }, n) = (node.shape, map.dim(1)?);
    let mut all = vec![0.0; n * node.shape.count()];
    for (image, factors) in all.chunks_exact_mut(node.shape.count()).enumerate() {
        dropout.factors(image, i, factors);
    }
    let all =
        Tensor::from_vec(all, (n, channels, height, width), &Device::Cpu)?.transpose(0, 1)?.contiguous()?;
    all.to_dtype(map.dtype())?.to_device(map.device())
}

/// A convolution as a product of the weights with the neighbourhoods of all pixels.
fn convolution(x: &Tensor, weight: &Tensor, bias: &Tensor, kernel: usize, stride: usize) -> Result<Tensor> {
    let (channels, n, height, width) = x.dims4()?;
    let output = weight.dim(0)?;
    let (rows, columns) = (height.div_ceil(stride), width.div_ceil(stride));
    let patches = if kernel == 1 {
        x.reshape((channels, n * height * width))?
    } else {
        let border = (kernel - 1) / 2;
        let padded = x.pad_with_zeros(2, border, border)?.pad_with_zeros(3, border, border)?;
        let mut shifted = Vec::with_capacity(kernel * kernel);
        for ky in 0..kernel {
            for kx in 0..kernel {
                let part = padded.narrow(2, ky, height)?.narrow(3, kx, width)?;
                shifted.push(every(&every(&part, 2, stride)?, 3, stride)?);
            }
        }
        Tensor::stack(&shifted, 1)?.reshape((channels * kernel * kernel, n * rows * columns))?
    };
    let weight = weight.reshape((output, channels * kernel * kernel))?;
    let bias = bias.reshape((output, 1))?;
    weight.matmul(&patches)?.broadcast_add(&bias)?.reshape((output, n, rows, columns))
}

/// Every `stride`-th entry of an axis.
fn every(x: &Tensor, axis: usize, stride: usize) -> Result<Tensor> {
    if stride == 1 {
        return Ok(x.clone());
    }
    let kept: Vec<u32> = (0..x.dim(axis)? as u32).step_by(stride).collect();
    let count = kept.len();
    x.contiguous()?.index_select(&Tensor::from_vec(kept, count, x.device())?, axis)
}

fn norm(x: &Tensor, scale: &Tensor, shift: &Tensor, groups: usize) -> Result<Tensor> {
    let (channels, n, height, width) = x.dims4()?;
    let grouped = x.reshape((groups, channels / groups, n, height * width))?;
    let mean = grouped.mean_keepdim(3)?.mean_keepdim(1)?;
    let centred = grouped.broadcast_sub(&mean)?;
    let variance = centred.sqr()?.mean_keepdim(3)?.mean_keepdim(1)?;
    let normalized = centred.broadcast_div(&variance.affine(1.0, NORM_EPSILON)?.sqrt()?)?;
    let by_channel = |p: &Tensor| p.reshape((channels, 1, 1, 1));
    normalized
        .reshape((channels, n, height, width))?
        .broadcast_mul(&by_channel(scale)?)?
        .broadcast_add(&by_channel(shift)?)
}

/// Every pixel twice along both axes, the last ones cut off where the target has an odd number.
fn upsample(x: &Tensor, (height, width): (usize, usize)) -> Result<Tensor> {
    let (channels, n, h, w) = x.dims4()?;
    let doubled = x.reshape((channels, n, h, 1, w, 1))?.broadcast_as((channels, n, h, 2, w, 2))?;
    let doubled = doubled.contiguous()?.reshape((channels, n, 2 * h, 2 * w))?;
    doubled.narrow(2, 0, height)?.narrow(3, 0, width)?.contiguous()
}

fn attention(qkv: &Tensor, channels: usize) -> Result<Tensor> {
    let (_, n, height, width) = qkv.dims4()?;
    let part = |i: usize| {
        let part = qkv.narrow(0, i * channels, channels)?.reshape((channels, n, height * width))?;
        part.transpose(0, 1)?.contiguous()
    };
    let (q, k, v) = (part(0)?, part(1)?, part(2)?);
    let scores = q.transpose(1, 2)?.contiguous()?.matmul(&k)?.affine(1.0 / (channels as f64).sqrt(), 0.0)?;
    let weights = softmax(&scores, D::Minus1)?;
    let mixed = v.matmul(&weights.transpose(1, 2)?.contiguous()?)?;
    mixed.transpose(0, 1)?.contiguous()?.reshape((channels, n, height, width))
}
