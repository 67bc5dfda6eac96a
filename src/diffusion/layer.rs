//! One dense layer and how it learns of the time.

use super::{
    Activation, DiffusionError,
    parameters::{Init, Parameters},
};
use candle_core::{D, Result, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the step `t` enters the network. `e(t)` is the [`TimeEncoding`](super::TimeEncoding).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conditioning {
    /// The network's input is `[x, e(t)]`.
    Concat,
    /// Each layer, the output too, adds an embedding of its own before the activation:
    /// `W x + b + (W2 act(W1 e(t) + b1) + b2)` (the second paper's 2-D network).
    Add,
    /// Each layer, the output too, is multiplied before the activation by a learned row per step,
    /// `g(t) * (W x + b)`; all 1 at first, so that training starts from a network that ignores the time.
    /// The time encoding is not used.
    Scale,
}

/// A layer's own part of the conditioning.
#[derive(Clone, Debug)]
enum Modulation {
    None,
    Add { first: Affine, second: Affine },
    Scale { table: Tensor },
}

/// `x -> x W^T + b`, `W` of shape `(out, in)`; of stacked models `(models, out, in)`.
#[derive(Clone, Debug)]
struct Affine {
    weight: Tensor,
    bias: Tensor,
}

impl Affine {
    /// PyTorch's nn.Linear default: weight and bias U(-1/sqrt(in), 1/sqrt(in)).
    fn new(
        p: &mut Parameters,
        name: &str,
        input: usize,
        output: usize,
    ) -> std::result::Result<Self, DiffusionError> {
        let init = Init::Uniform { bound: 1.0 / (input as f64).sqrt() };
        let weight = p.add(&format!("{name}.weight"), &[output, input], init)?;
        let bias = p.add(&format!("{name}.bias"), &[output], init)?;
        Ok(Self { weight, bias })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.broadcast_matmul(&self.weight.t()?)?.broadcast_add(&self.bias)
    }

    /// `[x, e] W^T + b` for one row `e` shared by all rows of `x`, without writing it out for each.
    fn forward_shared(&self, x: &Tensor, e: &Tensor) -> Result<Tensor> {
        let (d, k) = (x.dim(D::Minus1)?, e.dim(D::Minus1)?);
        let part = |from, length| self.weight.narrow(D::Minus1, from, length)?.t();
        let shared = e.broadcast_matmul(&part(d, k)?)?.broadcast_add(&self.bias)?;
        x.matmul(&part(0, d)?)?.broadcast_add(&shared)
    }

    fn detach(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach() }
    }
}

/// What all layers of a network share about one call.
pub(super) struct Time<'a> {
    /// Row of each point's step in a table, `t - 1`: shape `(n)`, of stacked models `(models, n)`, or `(1)`
    /// when all have the same.
    pub rows: &'a Tensor,
    /// `e(t)`, one row of `k` numbers for each row number; nothing with [`Conditioning::Scale`].
    pub encoding: Option<&'a Tensor>,
}

/// Rows of a table `(T, k)`, or of each model's `(models, T, k)`: one for each number of `rows`.
pub(super) fn pick(table: &Tensor, rows: &Tensor) -> Result<Tensor> {
    let k = table.dim(D::Minus1)?;
    match (table.rank(), rows.dims()) {
        (2, [_]) => table.index_select(rows, 0),
        (2, &[models, n]) => table.index_select(&rows.flatten_all()?, 0)?.reshape((models, n, k)),
        (_, [_]) => table.index_select(rows, 1),
        (_, dims) => {
            let (models, steps) = (table.dim(0)?, table.dim(1)?);
            let first = Tensor::arange(0u32, models as u32, rows.device())?.affine(steps as f64, 0.0)?;
            let rows = rows.broadcast_add(&first.reshape((models, 1))?)?.flatten_all()?;
            table.flatten_to(1)?.index_select(&rows, 0)?.reshape((dims[0], dims[1], k))
        }
    }
}

/// One dense layer with its conditioning.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    affine: Affine,
    modulation: Modulation,
    /// Whether the encoding is appended to the input.
    concat: bool,
}

/// Sizes of a layer.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Numbers that come from the layer before.
    pub input: usize,
    /// Numbers that go to the next.
    pub output: usize,
    /// Numbers of the time encoding.
    pub time: usize,
    /// Number of steps `T`.
    pub steps: usize,
}

impl Layer {
    /// Layer number `index` with fresh parameters in `p`.
    pub fn new(
        p: &mut Parameters,
        index: usize,
        sizes: Sizes,
        conditioning: Conditioning,
    ) -> std::result::Result<Self, DiffusionError> {
        let Sizes { input, output, time, steps } = sizes;
        let concat = conditioning == Conditioning::Concat && index == 0;
        let name = format!("layer{index}");
        let affine = Affine::new(p, &name, if concat { input + time } else { input }, output)?;
        let modulation = match conditioning {
            Conditioning::Concat => Modulation::None,
            Conditioning::Add => Modulation::Add {
                first: Affine::new(p, &format!("{name}.time0"), time, output)?,
                second: Affine::new(p, &format!("{name}.time1"), output, output)?,
            },
            Conditioning::Scale => {
                Modulation::Scale { table: p.add(&format!("{name}.scale"), &[steps, output], Init::Ones)? }
            }
        };
        Ok(Self { affine, modulation, concat })
    }

    /// The layer's output before its activation: `(n, in) -> (n, out)`, with another axis before these for
    /// stacked models.
    pub fn forward(&self, x: &Tensor, time: &Time, activation: Activation) -> Result<Tensor> {
        let y = match time.encoding {
            Some(e) if self.concat && e.dims()[..e.rank() - 1] == x.dims()[..x.rank() - 1] => {
                self.affine.forward(&Tensor::cat(&[x, e], D::Minus1)?)?
            }
            Some(e) if self.concat => self.affine.forward_shared(x, e)?,
            _ => self.affine.forward(x)?,
        };
        match (&self.modulation, time.encoding) {
            (Modulation::Add { first, second }, Some(e)) => {
                y.broadcast_add(&second.forward(&activation.apply(&first.forward(e)?)?)?)
            }
            (Modulation::Scale { table }, _) => y.broadcast_mul(&pick(table, time.rows)?),
            _ => Ok(y),
        }
    }

    /// The same layer on the same numbers, without a record for gradients.
    pub fn detach(&self) -> Self {
        let modulation = match &self.modulation {
            Modulation::None => Modulation::None,
            Modulation::Add { first, second } => {
                Modulation::Add { first: first.detach(), second: second.detach() }
            }
            Modulation::Scale { table } => Modulation::Scale { table: table.detach() },
        };
        Self { affine: self.affine.detach(), modulation, concat: self.concat }
    }
}
