//! One dense layer and how it is conditioned on the step.

use super::{Activation, NetworkOptions, layout, parameters::Parameters};
use candle_core::{D, Result, Tensor};
use candle_nn::{Embedding, Linear, Module};
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

impl Conditioning {
    /// Every conditioning.
    pub const ALL: [Self; 3] = [Self::Concat, Self::Add, Self::Scale];
}

/// A layer's own conditioning.
#[derive(Clone, Debug)]
enum Modulation {
    None,
    Add { first: Affine, second: Affine },
    Scale { table: Tensor },
}

/// `x -> x W^T + b`, `W` of shape `(out, in)`; of a batch of models `(models, out, in)`.
#[derive(Clone, Debug)]
struct Affine(Linear);

impl Affine {
    fn new(affine: &layout::Affine, p: &Parameters) -> Self {
        Self(Linear::new(p.tensor(affine.weight), Some(p.tensor(affine.bias))))
    }

    fn bias(&self) -> &Tensor {
        self.0.bias().expect("every affine map is built with a bias")
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self.0.weight().rank() {
            2 => self.0.forward(x),
            // `Linear` has one weight for all of a batch's rows, and here each model of the batch has its own.
            _ => x.broadcast_matmul(&self.0.weight().t()?)?.broadcast_add(self.bias()),
        }
    }

    /// `[x, e] W^T + b` for one row `e` shared by all rows of `x`, without writing it out for each.
    fn forward_shared(&self, x: &Tensor, e: &Tensor) -> Result<Tensor> {
        let (d, k) = (x.dim(D::Minus1)?, e.dim(D::Minus1)?);
        // cuBLAS takes matrices without gaps between their rows.
        let columns = |from, length| self.0.weight().narrow(D::Minus1, from, length)?.contiguous()?.t();
        let shared = e.broadcast_matmul(&columns(d, k)?)?.broadcast_add(self.bias())?;
        x.matmul(&columns(0, d)?)?.broadcast_add(&shared)
    }

    fn detach(&self) -> Self {
        Self(Linear::new(self.0.weight().detach(), Some(self.bias().detach())))
    }
}

/// What all layers of a network share about one call.
pub(super) struct Time<'a> {
    /// Row of each point's step in a table, `t - 1`: shape `(n)`, of a batch of models `(models, n)`, or `(1)`
    /// when all have the same.
    pub rows: &'a Tensor,
    /// `e(t)`, `k` values for each of `rows`; nothing with [`Conditioning::Scale`].
    pub encoding: Option<&'a Tensor>,
}

/// Rows of a table `(T, k)`, or of each model's `(models, T, k)`, as `rows` number them.
pub(super) fn table_rows(table: &Tensor, rows: &Tensor) -> Result<Tensor> {
    let k = table.dim(D::Minus1)?;
    match (table.rank(), rows.dims()) {
        (2, _) => Embedding::new(table.clone(), k).forward(rows),
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

impl Layer {
    /// A layer on its parameters in `p`.
    pub fn new(layer: &layout::Layer, is_first: bool, options: &NetworkOptions, p: &Parameters) -> Self {
        let modulation = match &layer.modulation {
            layout::Modulation::None => Modulation::None,
            layout::Modulation::Add([first, second]) => {
                Modulation::Add { first: Affine::new(first, p), second: Affine::new(second, p) }
            }
            layout::Modulation::Scale(table) => Modulation::Scale { table: p.tensor(*table) },
        };
        let concat = is_first && options.conditioning == Conditioning::Concat;
        Self { affine: Affine::new(&layer.affine, p), modulation, concat }
    }

    /// The layer's output before its activation: `(n, in) -> (n, out)`, with another axis in front for a batch of
    /// models.
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
            (Modulation::Scale { table }, _) => y.broadcast_mul(&table_rows(table, time.rows)?),
            _ => Ok(y),
        }
    }

    /// The same layer on the same values, detached: without autograd.
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
