//! The dense network eps_theta(x_t, t): layers of any widths, as a candle graph.

use super::{
    Activation, Conditioning, DiffusionError, TimeEncoding, checkpoint,
    layer::{Layer, Sizes, Time, pick},
    parameters::{Init, Parameters},
    time,
};
use crate::numeric::random::Stream;
use candle_core::{DType, Device, Result as CandleResult, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Shape of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkOptions {
    /// Widths of the hidden layers, at least one.
    pub hidden: Vec<usize>,
    /// Function after each hidden layer.
    pub activation: Activation,
    /// How the step is encoded.
    pub time: TimeEncoding,
    /// Numbers per step of the sinusoidal (even) and learned encodings.
    pub time_dim: usize,
    /// How the encoding enters.
    pub conditioning: Conditioning,
}

/// The computation on some tensors of parameters, with or without a record for gradients.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    layers: Vec<Layer>,
    /// Encoding of each step, `(T, k)`.
    encoding: Option<Tensor>,
    activation: Activation,
}

impl Graph {
    /// The computation of a network of this shape on parameters that are added to `p`.
    fn new(
        p: &mut Parameters,
        (dim, steps): (usize, usize),
        options: &NetworkOptions,
    ) -> Result<Self, DiffusionError> {
        let (dtype, device) = (p.dtype(), p.device().clone());
        let width = options.time.width(options.time_dim);
        let constant = |values: Vec<f64>| {
            Tensor::from_vec(values, (steps, width), &Device::Cpu)?.to_dtype(dtype)?.to_device(&device)
        };
        let encoding = match (options.conditioning, options.time) {
            (Conditioning::Scale, _) => None,
            (_, TimeEncoding::Sinusoidal) => Some(constant(time::sinusoidal(steps, width))?),
            (_, TimeEncoding::Scalar) => Some(constant(time::scalar(steps))?),
            (_, TimeEncoding::Learned) => Some(p.add("time.table", &[steps, width], Init::Normal)?),
        };
        let mut layers = Vec::new();
        let mut input = dim;
        for (i, &output) in options.hidden.iter().chain([&dim]).enumerate() {
            let sizes = Sizes { input, output, time: width, steps };
            layers.push(Layer::new(p, i, sizes, options.conditioning)?);
            input = output;
        }
        Ok(Self { layers, encoding, activation: options.activation })
    }

    /// `x` `(n, d)` and table rows `t - 1`, `(n)` or `(1)`, to the predicted noise `(n, d)`; all but `(1)`
    /// with another axis before these for stacked models.
    pub fn forward(&self, x: &Tensor, rows: &Tensor) -> CandleResult<Tensor> {
        let encoding = self.encoding.as_ref().map(|table| pick(table, rows)).transpose()?;
        self.forward_encoded(x, &Time { rows, encoding: encoding.as_ref() })
    }

    fn forward_encoded(&self, x: &Tensor, time: &Time) -> CandleResult<Tensor> {
        let mut h = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            h = layer.forward(&h, time, self.activation)?;
            if i + 1 < self.layers.len() {
                h = self.activation.apply(&h)?;
            }
        }
        Ok(h)
    }

    /// The same computation on the same numbers, without a record for gradients.
    pub fn detach(&self) -> Self {
        Self {
            layers: self.layers.iter().map(Layer::detach).collect(),
            encoding: self.encoding.as_ref().map(Tensor::detach),
            activation: self.activation,
        }
    }
}

/// What [`Network::to_safetensors`] writes beside the numbers.
#[derive(Serialize, Deserialize)]
struct Header {
    dim: usize,
    steps: usize,
    network: NetworkOptions,
}

/// eps_theta: `(n, d)` points and their steps to the predicted noise `(n, d)`.
#[derive(Debug)]
pub struct Network {
    dim: usize,
    steps: usize,
    options: NetworkOptions,
    parameters: Parameters,
    graph: Graph,
}

impl Network {
    /// A fresh network for points of `dim` dimensions and `steps` diffusion steps, in `f32`.
    ///
    /// Weights and biases are U(-1/sqrt(in), 1/sqrt(in)), as PyTorch's nn.Linear; each parameter draws
    /// from the child of `stream` with its own name, on the host, so every device starts alike.
    ///
    /// # Errors
    /// If a width is 0, there is no hidden layer, or `time_dim` does not fit the encoding.
    pub fn new(
        dim: usize,
        steps: usize,
        options: &NetworkOptions,
        stream: &Stream,
        device: &Device,
    ) -> Result<Self, DiffusionError> {
        Self::with_dtype(dim, steps, options, stream, device, DType::F32)
    }

    /// As [`new`](Self::new), in another precision (`f64` for comparisons with references).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_dtype(
        dim: usize,
        steps: usize,
        options: &NetworkOptions,
        stream: &Stream,
        device: &Device,
        dtype: DType,
    ) -> Result<Self, DiffusionError> {
        options.check()?;
        DiffusionError::unless(dim > 0 && steps > 0, || {
            format!("a network needs at least 1 dimension and 1 step, not {dim} and {steps}")
        })?;
        let mut p = Parameters::new(stream, dtype, device);
        let graph = Graph::new(&mut p, (dim, steps), options)?;
        Ok(Self { dim, steps, options: options.clone(), parameters: p, graph })
    }

    /// eps_theta of each row at its own step, with a record for gradients: `x` `(n, d)`, `t` `(n)` in
    /// `1..=T`, or a single one for all rows.
    ///
    /// # Errors
    /// If a step or a shape does not fit.
    pub fn forward(&self, x: &Tensor, t: &[usize]) -> Result<Tensor, DiffusionError> {
        Ok(self.graph.forward(x, &self.rows(t)?)?)
    }

    /// eps_theta of points `(n, d)` whose time encodings `(n, k)` are given, not looked up.
    ///
    /// # Errors
    /// If a shape does not fit.
    pub fn forward_encoded(&self, x: &Tensor, encoding: &Tensor) -> Result<Tensor, DiffusionError> {
        let rows = self.rows(&[1])?;
        Ok(self.graph.forward_encoded(x, &Time { rows: &rows, encoding: Some(encoding) })?)
    }

    /// Refuses points of another dimension, and a step that there is not.
    pub(super) fn check(&self, dim: usize, t: usize) -> Result<(), DiffusionError> {
        if !(1..=self.steps).contains(&t) {
            return Err(DiffusionError::Step { t, steps: self.steps });
        }
        if dim != self.dim {
            return Err(DiffusionError::Dimension { expected: self.dim, found: dim });
        }
        Ok(())
    }

    /// The rows of a table over steps that belong to the steps `t`.
    fn rows(&self, t: &[usize]) -> Result<Tensor, DiffusionError> {
        if let Some(&t) = t.iter().find(|t| !(1..=self.steps).contains(t)) {
            return Err(DiffusionError::Step { t, steps: self.steps });
        }
        let rows: Vec<u32> = t.iter().map(|t| (t - 1) as u32).collect();
        Ok(Tensor::from_vec(rows, t.len(), self.parameters.device())?)
    }

    /// Dimension `d` of the points.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of diffusion steps `T`.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// What it was built from.
    pub fn options(&self) -> &NetworkOptions {
        &self.options
    }

    /// Its parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Number of numbers that training changes.
    pub fn parameter_count(&self) -> usize {
        self.parameters.count()
    }

    /// The computation without a record for gradients.
    pub(super) fn detached_graph(&self) -> Graph {
        self.graph.detach()
    }

    /// The computation of these networks side by side, on parameters of its own.
    ///
    /// # Errors
    /// If their shapes, precisions or devices differ, or the device fails.
    pub(super) fn stack(networks: &[&Self]) -> Result<(Parameters, Graph), DiffusionError> {
        let Some(first) = networks.first() else {
            return Err(DiffusionError::Option("there is no network to stack".into()));
        };
        let shape = |n: &Self| (n.dim, n.steps, n.options.clone(), n.parameters.dtype());
        let device = first.parameters.device();
        let alike = |n: &&Self| shape(n) == shape(first) && n.parameters.device().same_device(device);
        DiffusionError::unless(networks.iter().all(alike), || {
            "networks of different shapes, precisions or devices cannot be stacked".into()
        })?;
        let mut parameters = Parameters::stacked(networks.len(), first.parameters.dtype(), device);
        let graph = Graph::new(&mut parameters, (first.dim, first.steps), &first.options)?;
        let flat = networks.iter().map(|n| n.parameters.flat()).collect::<Result<Vec<_>, _>>()?;
        parameters.assign(&Tensor::stack(&flat, 0)?)?;
        Ok((parameters, graph))
    }

    /// The network as a safetensors file: every parameter by name, the options in the header.
    ///
    /// # Errors
    /// If the device fails.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, DiffusionError> {
        let header = Header { dim: self.dim, steps: self.steps, network: self.options.clone() };
        let tensors = self.parameters.iter().map(|(name, v)| (name.to_string(), v.as_detached_tensor()));
        checkpoint::write(&header, &tensors.collect::<BTreeMap<_, _>>())
    }

    /// The network of a file that [`to_safetensors`](Self::to_safetensors) wrote.
    ///
    /// # Errors
    /// If the file is damaged or none of ours.
    pub fn from_safetensors(bytes: &[u8], device: &Device) -> Result<Self, DiffusionError> {
        let (header, tensors) = checkpoint::read::<Header>(bytes)?;
        let dtype = tensors.values().next().map_or(DType::F32, Tensor::dtype);
        let stream = Stream::new(0, 0, "overwritten");
        let network = Self::with_dtype(header.dim, header.steps, &header.network, &stream, device, dtype)?;
        network.set(&tensors)?;
        Ok(network)
    }

    /// Gives this network the numbers of a file, which must hold the same parameters in the same shapes.
    ///
    /// # Errors
    /// If it does not, or is damaged; the network is then as it was.
    pub fn load_safetensors(&self, bytes: &[u8]) -> Result<(), DiffusionError> {
        self.set(&checkpoint::read::<Header>(bytes)?.1)
    }

    fn set(&self, tensors: &BTreeMap<String, Tensor>) -> Result<(), DiffusionError> {
        let expected = self.parameters.iter().map(|(name, v)| (name.to_string(), v.dims(), v.dtype()));
        checkpoint::check(tensors, expected)?;
        for (name, var) in self.parameters.iter() {
            if let Some(t) = tensors.get(name) {
                var.set(&t.to_device(var.device())?)?;
            }
        }
        Ok(())
    }
}

impl NetworkOptions {
    /// Number of numbers that training would change, for points of `dim` dimensions and `steps` steps; the
    /// largest `usize` if there are more than that. Nothing is built.
    pub fn parameter_count(&self, dim: usize, steps: usize) -> usize {
        let times = usize::saturating_mul;
        let width = self.time.width(self.time_dim);
        let affine = |input: usize, output: usize| times(input.saturating_add(1), output);
        let learned = self.conditioning != Conditioning::Scale && self.time == TimeEncoding::Learned;
        let mut count = if learned { times(steps, width) } else { 0 };
        let mut input = if self.conditioning == Conditioning::Concat { dim + width } else { dim };
        for &output in self.hidden.iter().chain([&dim]) {
            let modulation = match self.conditioning {
                Conditioning::Concat => 0,
                Conditioning::Add => affine(width, output).saturating_add(affine(output, output)),
                Conditioning::Scale => times(steps, output),
            };
            count = count.saturating_add(affine(input, output)).saturating_add(modulation);
            input = output;
        }
        count
    }

    /// Refuses options that make no network.
    ///
    /// # Errors
    /// If there is no hidden layer, a width is 0, or `time_dim` is 0 or odd where it is used.
    pub fn check(&self) -> Result<(), DiffusionError> {
        DiffusionError::unless(!self.hidden.is_empty(), || {
            "hidden is empty, but a network needs at least one hidden layer".into()
        })?;
        DiffusionError::unless(!self.hidden.contains(&0), || {
            format!("hidden = {:?}, but every layer needs at least 1 unit", self.hidden)
        })?;
        let used = self.conditioning != Conditioning::Scale && self.time != TimeEncoding::Scalar;
        DiffusionError::unless(!used || self.time_dim > 0, || {
            "time_dim is 0, but it must be positive".into()
        })?;
        let sines = used && self.time == TimeEncoding::Sinusoidal;
        DiffusionError::unless(!sines || self.time_dim.is_multiple_of(2), || {
            format!(
                "time_dim = {}, but the sinusoidal encoding needs an even number (as many sines as cosines)",
                self.time_dim
            )
        })
    }
}
