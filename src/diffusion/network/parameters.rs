//! The parameters of a network as candle variables, in the order of its layout, and all of them as one vector.
//!
//! Optimizer, clipping and moving average work on the vector: one large operation instead of many small ones. The
//! parameters of several networks of one layout can be a *batch*: every variable then has a first axis for the
//! networks, and their vectors are the rows of a matrix.

use super::layout::{Init, Layout, Parameter};
use crate::diffusion::DiffusionError;
use crate::numeric::random::Stream;
use candle_core::{D, DType, Device, Result as CandleResult, Tensor, Var, backprop::GradStore};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// The parameters of one network, or of a batch of networks of one layout, as candle variables.
#[derive(Clone, Debug)]
pub struct Parameters {
    entries: Vec<(String, Var)>,
    /// How many networks, where they are a batch.
    batch: Option<usize>,
    dtype: DType,
    device: Device,
}

impl Parameters {
    /// Fresh parameters of one network. Each is drawn on the host, whatever the device, from the child stream of its
    /// own name, so a layer that changes its size leaves the others as they were.
    ///
    /// # Errors
    /// If the device fails.
    pub fn drawn(
        layout: &Layout,
        stream: &Stream,
        dtype: DType,
        device: &Device,
    ) -> Result<Self, DiffusionError> {
        let draw = |p: &Parameter| draw(&stream.child(&p.name), &p.shape, p.init)?.to_dtype(dtype);
        Self::new(layout, None, dtype, device, draw)
    }

    /// The parameters of `models` networks, all 0 until [`assign`](Self::assign). Each variable has a first axis for
    /// the models, and a vector also a second of length 1, so that it goes with the rows of a batch.
    ///
    /// # Errors
    /// If the device fails.
    pub fn batched(
        layout: &Layout,
        models: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Self, DiffusionError> {
        let zeros = |p: &Parameter| {
            let row: &[usize] = if p.shape.len() == 1 { &[1] } else { &[] };
            Tensor::zeros([&[models], row, &p.shape].concat(), dtype, &Device::Cpu)
        };
        Self::new(layout, Some(models), dtype, device, zeros)
    }

    fn new(
        layout: &Layout,
        batch: Option<usize>,
        dtype: DType,
        device: &Device,
        values: impl Fn(&Parameter) -> CandleResult<Tensor>,
    ) -> Result<Self, DiffusionError> {
        let entry = |p: &Parameter| {
            let var = Var::from_tensor(&values(p)?.to_device(device)?)?;
            Ok::<_, DiffusionError>((p.name.clone(), var))
        };
        let entries = layout.parameters.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { entries, batch, dtype, device: device.clone() })
    }

    /// Parameter `number` of the layout, tracked by autograd.
    pub(super) fn tensor(&self, number: usize) -> Tensor {
        self.entries[number].1.as_tensor().clone()
    }

    /// How many networks, where they are a batch.
    pub(super) fn models(&self) -> Option<usize> {
        self.batch
    }

    /// Names and variables, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Var)> {
        self.entries.iter().map(|(name, var)| (name.as_str(), var))
    }

    /// The variable of that name.
    pub fn get(&self, name: &str) -> Option<&Var> {
        self.entries.iter().find(|(n, _)| n == name).map(|(_, var)| var)
    }

    /// Number of values in all, of all networks of a batch together.
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

    /// All values as one vector `(p)`, in order; of a batch `(models, p)`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn flat(&self) -> Result<Tensor, DiffusionError> {
        self.concatenated(self.entries.iter().map(|(_, v)| Ok(v.as_detached_tensor())))
    }

    /// The gradient in the shape of [`flat`](Self::flat); 0 where the loss does not depend on a parameter.
    ///
    /// # Errors
    /// If the device fails.
    pub fn flat_gradient(&self, gradients: &GradStore) -> Result<Tensor, DiffusionError> {
        self.concatenated(self.entries.iter().map(|(_, v)| match gradients.get(v.as_tensor()) {
            Some(g) => Ok(g.clone()),
            None => v.zeros_like(),
        }))
    }

    /// Gives the parameters the values of a tensor in the shape of [`flat`](Self::flat).
    ///
    /// # Errors
    /// If its shape is another.
    pub fn assign(&self, flat: &Tensor) -> Result<(), DiffusionError> {
        let mut start = 0;
        for (_, var) in &self.entries {
            let count = var.elem_count() / self.batch.unwrap_or(1);
            var.set(&flat.narrow(D::Minus1, start, count)?.reshape(var.shape())?)?;
            start += count;
        }
        Ok(())
    }

    fn concatenated(
        &self,
        tensors: impl Iterator<Item = CandleResult<Tensor>>,
    ) -> Result<Tensor, DiffusionError> {
        let vectors = tensors.map(|tensor| match self.batch {
            None => tensor?.flatten_all(),
            Some(models) => tensor?.reshape((models, ())),
        });
        Ok(Tensor::cat(&vectors.collect::<CandleResult<Vec<_>>>()?, D::Minus1)?)
    }
}

/// The first values of a parameter, in `f64` on the host.
fn draw(stream: &Stream, shape: &[usize], init: Init) -> CandleResult<Tensor> {
    let mut rng = stream.at(0);
    let count = shape.iter().product();
    let values: Vec<f64> = match init {
        Init::Uniform { bound } => (0..count).map(|_| bound * (2.0 * rng.random::<f64>() - 1.0)).collect(),
        Init::Normal => (0..count).map(|_| StandardNormal.sample(&mut rng)).collect(),
        Init::Ones => vec![1.0; count],
        Init::Zeros => vec![0.0; count],
    };
    Tensor::from_vec(values, shape, &Device::Cpu)
}
