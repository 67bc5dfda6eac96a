//! The weights of a model: named candle variables in a fixed order, and all of them as one flat vector.
//!
//! Optimiser, clipping and moving average work on the flat vector: one large operation instead of many
//! small ones. The weights of several models of one shape can be *stacked*: every variable then has a first
//! axis for the models, and the flat vectors are the rows of a matrix.

use super::DiffusionError;
use crate::numeric::random::Stream;
use candle_core::{D, DType, Device, Result as CandleResult, Tensor, Var, backprop::GradStore};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Where the first numbers of a parameter come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// U(-bound, bound).
    Uniform {
        /// Largest absolute value.
        bound: f64,
    },
    /// N(0, 1).
    Normal,
    /// All 1.
    Ones,
}

/// Named variables, in the order in which they were added.
#[derive(Clone, Debug)]
pub struct Parameters {
    entries: Vec<(String, Var)>,
    /// Where their first numbers come from; none if they are stacked.
    start: Start,
    dtype: DType,
    device: Device,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    /// One model, drawn from a stream.
    Drawn(Stream),
    /// So many models, all 0.
    Stacked(usize),
}

impl Parameters {
    /// No parameter yet. Numbers are drawn on the host from `stream`, whatever the device.
    pub fn new(stream: &Stream, dtype: DType, device: &Device) -> Self {
        Self { entries: Vec::new(), start: Start::Drawn(*stream), dtype, device: device.clone() }
    }

    /// No parameter yet of each of `models` models; all numbers will be 0 until [`assign`](Self::assign).
    pub fn stacked(models: usize, dtype: DType, device: &Device) -> Self {
        Self { entries: Vec::new(), start: Start::Stacked(models), dtype, device: device.clone() }
    }

    /// Adds a parameter. Its numbers come from the child stream of its own name, so a layer that
    /// changes its size leaves the others as they were. Stacked, it gets a first axis for the models, and a
    /// vector a second of length 1, so that it goes with the rows of a batch.
    ///
    /// # Errors
    /// If the device fails.
    pub fn add(&mut self, name: &str, shape: &[usize], init: Init) -> Result<Tensor, DiffusionError> {
        let values = match self.start {
            Start::Drawn(stream) => draw(&stream.child(name), shape, init)?.to_dtype(self.dtype)?,
            Start::Stacked(models) => {
                let row = [1];
                let before = if shape.len() == 1 { &row[..] } else { &[] };
                Tensor::zeros([&[models], before, shape].concat(), self.dtype, &Device::Cpu)?
            }
        };
        let var = Var::from_tensor(&values.to_device(&self.device)?)?;
        let tensor = var.as_tensor().clone();
        self.entries.push((name.to_string(), var));
        Ok(tensor)
    }

    /// Names and variables, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.entries.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// The variable of that name.
    pub fn get(&self, name: &str) -> Option<&Var> {
        self.entries.iter().find(|(n, _)| n == name).map(|(_, var)| var)
    }

    /// Number of numbers in all, of all models together.
    pub fn count(&self) -> usize {
        self.entries.iter().map(|(_, var)| var.elem_count()).sum()
    }

    /// Their precision.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Where they live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// All numbers as one vector `(p)`, in order; stacked `(models, p)`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn flat(&self) -> Result<Tensor, DiffusionError> {
        self.in_a_row(self.entries.iter().map(|(_, v)| Ok(v.as_detached_tensor())))
    }

    /// The gradient in the shape of [`flat`](Self::flat); 0 where a parameter had no part in the loss.
    ///
    /// # Errors
    /// If the device fails.
    pub fn flat_gradient(&self, gradients: &GradStore) -> Result<Tensor, DiffusionError> {
        self.in_a_row(self.entries.iter().map(|(_, v)| match gradients.get(v.as_tensor()) {
            Some(g) => Ok(g.clone()),
            None => v.zeros_like(),
        }))
    }

    /// Gives the parameters the numbers of a tensor in the shape of [`flat`](Self::flat).
    ///
    /// # Errors
    /// If its shape is another.
    pub fn assign(&self, flat: &Tensor) -> Result<(), DiffusionError> {
        let mut start = 0;
        for (_, var) in &self.entries {
            let count = var.elem_count() / self.models().unwrap_or(1);
            var.set(&flat.narrow(D::Minus1, start, count)?.reshape(var.shape())?)?;
            start += count;
        }
        Ok(())
    }

    /// Number of stacked models.
    fn models(&self) -> Option<usize> {
        match self.start {
            Start::Drawn(_) => None,
            Start::Stacked(models) => Some(models),
        }
    }

    fn in_a_row(
        &self,
        tensors: impl Iterator<Item = CandleResult<Tensor>>,
    ) -> Result<Tensor, DiffusionError> {
        let parts = tensors.map(|tensor| match self.models() {
            None => tensor?.flatten_all(),
            Some(models) => tensor?.reshape((models, ())),
        });
        Ok(Tensor::cat(&parts.collect::<CandleResult<Vec<_>>>()?, D::Minus1)?)
    }
}

/// The first numbers of a parameter, in `f64` on the host.
fn draw(stream: &Stream, shape: &[usize], init: Init) -> CandleResult<Tensor> {
    let mut rng = stream.at(0);
    let count = shape.iter().product();
    let values: Vec<f64> = match init {
        Init::Uniform { bound } => (0..count).map(|_| bound * (2.0 * rng.random::<f64>() - 1.0)).collect(),
        Init::Normal => (0..count).map(|_| StandardNormal.sample(&mut rng)).collect(),
        Init::Ones => vec![1.0; count],
    };
    Tensor::from_vec(values, shape, &Device::Cpu)
}
