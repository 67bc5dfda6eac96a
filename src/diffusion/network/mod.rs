//! The networks eps_theta(x_t, t): dense ones with layers of any widths, and U-Nets for images.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`options`] | `[network]` of a spec |
//! | [`layout`] | the order, names and shapes of the parameters, which everything else follows |
//! | [`parameters`] | the parameters as candle variables, and all of them as one vector |
//! | [`time`], [`activation`] | how a step becomes the network's input; the non-linearities |
//! | [`layer`], `graph` | one layer with its conditioning; the computation as a candle graph |
//! | `recording` | a forward pass and the gradient of the parameters after it |
//! | [`unet`] | U-Nets: their operations, and the same as a candle graph |
//! | [`network_denoiser`] | trained networks as a denoiser, in parallel over fixed chunks of rows |

pub mod activation;
mod graph;
pub mod layer;
pub mod layout;
pub mod network_denoiser;
pub mod options;
pub mod parameters;
mod recording;
pub mod time;
pub mod unet;

pub use activation::Activation;
pub use layer::Conditioning;
pub use layout::{Layout, Outputs};
pub use network_denoiser::NetworkDenoiser;
pub use options::{NetworkKind, NetworkOptions};
pub use time::TimeEncoding;

pub(super) use graph::Graph;

use super::{DiffusionError, safetensors_file};
use crate::numeric::random::Stream;
use candle_core::{DType, Device, Tensor};
use layer::Time;
use parameters::Parameters;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What [`Network::to_safetensors`] writes beside the numbers.
#[derive(Serialize, Deserialize)]
struct Header {
    dim: usize,
    steps: usize,
    network: NetworkOptions,
    #[serde(default, skip_serializing_if = "Outputs::is_noise")]
    outputs: Outputs,
}

/// eps_theta: `(n, d)` points and their steps to the predicted noise `(n, d)`.
#[derive(Debug)]
pub struct Network {
    layout: Layout,
    options: NetworkOptions,
    parameters: Parameters,
    graph: Graph,
}

impl Network {
    /// A fresh network for points of `dim` dimensions and `steps` diffusion steps, in `f32`.
    ///
    /// Weights and biases of affine layers are U(-1/sqrt(in), 1/sqrt(in)), as PyTorch's nn.Linear; the convolutions of a U-Net
    /// are Glorot-uniform, the last ones of its branches 0, their biases 0; scales are 1 and a learned table of times is
    /// N(0, 1). Each parameter draws from the child of `stream` with its own name, on the host, so every device starts alike.
    ///
    /// # Errors
    /// If an option is out of its range, there is no dimension or no step, or the device fails.
    pub fn new(
        dim: usize,
        steps: usize,
        options: &NetworkOptions,
        stream: &Stream,
        device: &Device,
    ) -> Result<Self, DiffusionError> {
        Self::with_dtype((dim, Outputs::Noise), steps, options, stream, device, DType::F32)
    }

    /// As [`new`](Self::new), with other outputs, and in another precision (`f64` for comparisons with references).
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_dtype(
        (dim, outputs): (usize, Outputs),
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
        options.check_dimension(dim)?;
        let layout = Layout::new(options, (dim, outputs), steps);
        let parameters = Parameters::drawn(&layout, stream, dtype, device)?;
        let graph = Graph::new(&layout, options, &parameters)?;
        Ok(Self { layout, options: options.clone(), parameters, graph })
    }

    /// eps_theta of each row at its own step, with autograd: `x` `(n, d)`, `t` `(n)` in
    /// `1..=T`, or a single one for all rows. Behind it are the variance's columns, if the network has them.
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
        if !(1..=self.steps()).contains(&t) {
            return Err(DiffusionError::Step { t, steps: self.steps() });
        }
        if dim != self.dim() {
            return Err(DiffusionError::Dimension { expected: self.dim(), found: dim });
        }
        Ok(())
    }

    /// The rows of a table over steps that belong to the steps `t`.
    fn rows(&self, t: &[usize]) -> Result<Tensor, DiffusionError> {
        if let Some(&t) = t.iter().find(|t| !(1..=self.steps()).contains(t)) {
            return Err(DiffusionError::Step { t, steps: self.steps() });
        }
        let rows: Vec<u32> = t.iter().map(|t| (t - 1) as u32).collect();
        Ok(Tensor::from_vec(rows, t.len(), self.parameters.device())?)
    }

    /// Dimension `d` of the points.
    pub fn dim(&self) -> usize {
        self.layout.dim
    }

    /// What it gives for each point.
    pub fn outputs(&self) -> Outputs {
        self.layout.outputs
    }

    /// Number of diffusion steps `T`.
    pub fn steps(&self) -> usize {
        self.layout.steps
    }

    /// What it was built from.
    pub fn options(&self) -> &NetworkOptions {
        &self.options
    }

    /// The order, names and shapes of its parameters.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Its parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Number of values that training changes.
    pub fn parameter_count(&self) -> usize {
        self.layout.count()
    }

    /// Whether it can be computed without a graph: in `f32` on the host.
    pub(super) fn can_be_fused(&self) -> bool {
        self.parameters.dtype() == DType::F32 && self.parameters.device().is_cpu()
    }

    /// The computation, detached.
    pub(super) fn detached_graph(&self) -> Graph {
        self.graph.detach()
    }

    /// Refuses networks that are not of one shape, in one precision and on one device.
    pub(super) fn check_alike(networks: &[&Self]) -> Result<(), DiffusionError> {
        let alike = |pair: &[&Self]| {
            let [a, b] = [pair[0], pair[1]];
            (&a.layout, &a.options, a.parameters.dtype()) == (&b.layout, &b.options, b.parameters.dtype())
                && a.parameters.device().same_device(b.parameters.device())
        };
        DiffusionError::unless(networks.windows(2).all(alike), || {
            "networks of different shapes, precisions or devices cannot be batched".into()
        })
    }

    /// The computation of a batch of networks, on parameters of its own.
    ///
    /// # Errors
    /// If there is none, they are not alike, or the device fails.
    pub(super) fn batched(networks: &[&Self]) -> Result<(Parameters, Graph), DiffusionError> {
        Self::check_alike(networks)?;
        let Some(first) = networks.first() else {
            return Err(DiffusionError::Option("there is no network to batch".into()));
        };
        let (dtype, device) = (first.parameters.dtype(), first.parameters.device());
        let parameters = Parameters::batched(&first.layout, networks.len(), dtype, device)?;
        let flat = networks.iter().map(|n| n.parameters.flat()).collect::<Result<Vec<_>, _>>()?;
        parameters.assign(&Tensor::stack(&flat, 0)?)?;
        let graph = Graph::new(&first.layout, &first.options, &parameters)?;
        Ok((parameters, graph))
    }

    /// The network as a safetensors file: every parameter by name, the options in the header.
    ///
    /// # Errors
    /// If the device fails.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, DiffusionError> {
        self.to_safetensors_with(&BTreeMap::new())
    }

    /// The same with more entries of metadata, for other programs.
    ///
    /// # Errors
    /// If the device fails.
    pub fn to_safetensors_with(&self, entries: &BTreeMap<String, String>) -> Result<Vec<u8>, DiffusionError> {
        let (dim, steps, outputs) = (self.dim(), self.steps(), self.outputs());
        let header = Header { dim, steps, network: self.options.clone(), outputs };
        let tensors = self.parameters.iter().map(|(name, v)| (name.to_string(), v.as_detached_tensor()));
        safetensors_file::write_with(&header, &tensors.collect::<BTreeMap<_, _>>(), entries)
    }

    /// The network of a file that [`to_safetensors`](Self::to_safetensors) wrote.
    ///
    /// # Errors
    /// If the file is damaged or none of ours.
    pub fn from_safetensors(bytes: &[u8], device: &Device) -> Result<Self, DiffusionError> {
        let (header, tensors) = safetensors_file::read::<Header>(bytes)?;
        let dtype = tensors.values().next().map_or(DType::F32, Tensor::dtype);
        let stream = Stream::new(0, 0, "overwritten");
        let Header { dim, steps, network, outputs } = header;
        let network = Self::with_dtype((dim, outputs), steps, &network, &stream, device, dtype)?;
        network.set(&tensors)?;
        Ok(network)
    }

    /// A network of the same shape on the same device, with parameters of its own.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) fn duplicate(&self) -> Result<Self, DiffusionError> {
        let stream = Stream::new(0, 0, "overwritten");
        let (device, dtype) = (self.parameters.device(), self.parameters.dtype());
        let shape = (self.dim(), self.outputs());
        let copy = Self::with_dtype(shape, self.steps(), &self.options, &stream, device, dtype)?;
        copy.parameters.assign(&self.parameters.flat()?)?;
        Ok(copy)
    }

    /// Gives this network the values of a file, which must hold the same parameters in the same shapes.
    ///
    /// # Errors
    /// If it does not, or is damaged; the network is then as it was.
    pub fn load_safetensors(&self, bytes: &[u8]) -> Result<(), DiffusionError> {
        self.set(&safetensors_file::read::<Header>(bytes)?.1)
    }

    fn set(&self, tensors: &BTreeMap<String, Tensor>) -> Result<(), DiffusionError> {
        let expected = self.parameters.iter().map(|(name, v)| (name.to_string(), v.dims(), v.dtype()));
        safetensors_file::check(tensors, expected)?;
        for (name, var) in self.parameters.iter() {
            if let Some(t) = tensors.get(name) {
                var.set(&t.to_device(var.device())?)?;
            }
        }
        Ok(())
    }
}
