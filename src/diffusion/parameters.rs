//! The weights of a model: named candle variables in a fixed order, and all of them as one flat vector.
//!
//! Optimiser, clipping and moving average work on the flat vector: one large operation instead of many
//! small ones.

use super::DiffusionError;
use crate::random::Stream;
use candle_core::{DType, Device, Tensor, Var, backprop::GradStore};
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
    stream: Stream,
    dtype: DType,
    device: Device,
}

impl Parameters {
    /// No parameter yet. Numbers are drawn on the host from `stream`, whatever the device.
    pub fn new(stream: &Stream, dtype: DType, device: &Device) -> Self {
        Self { entries: Vec::new(), stream: *stream, dtype, device: device.clone() }
    }

    /// Adds a parameter. Its numbers come from the child stream of its own name, so a layer that
    /// changes its size leaves the others as they were.
    ///
    /// # Errors
    /// If the device fails.
    pub fn add(&mut self, name: &str, shape: &[usize], init: Init) -> Result<Tensor, DiffusionError> {
        let mut rng = self.stream.child(name).at(0);
        let count = shape.iter().product();
        let values: Vec<f64> = match init {
            Init::Uniform { bound } => {
                (0..count).map(|_| bound * (2.0 * rng.random::<f64>() - 1.0)).collect()
            }
            Init::Normal => (0..count).map(|_| StandardNormal.sample(&mut rng)).collect(),
            Init::Ones => vec![1.0; count],
        };
        let values = Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(self.dtype)?;
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

    /// Number of numbers in all.
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

    /// All numbers as one vector, in order.
    ///
    /// # Errors
    /// If the device fails.
    pub fn flat(&self) -> Result<Tensor, DiffusionError> {
        let parts = self.entries.iter().map(|(_, v)| v.as_detached_tensor().flatten_all());
        Ok(Tensor::cat(&parts.collect::<Result<Vec<_>, _>>()?, 0)?)
    }

    /// The gradient as one vector, in the same order; 0 where a parameter had no part in the loss.
    ///
    /// # Errors
    /// If the device fails.
    pub fn flat_gradient(&self, gradients: &GradStore) -> Result<Tensor, DiffusionError> {
        let parts = self.entries.iter().map(|(_, v)| match gradients.get(v.as_tensor()) {
            Some(g) => g.flatten_all(),
            None => v.zeros_like()?.flatten_all(),
        });
        Ok(Tensor::cat(&parts.collect::<Result<Vec<_>, _>>()?, 0)?)
    }

    /// Gives the parameters the numbers of a flat vector.
    ///
    /// # Errors
    /// If its length is another.
    pub fn assign(&self, flat: &Tensor) -> Result<(), DiffusionError> {
        let mut start = 0;
        for (_, var) in &self.entries {
            let count = var.elem_count();
            var.set(&flat.narrow(0, start, count)?.reshape(var.shape())?)?;
            start += count;
        }
        Ok(())
    }
}
