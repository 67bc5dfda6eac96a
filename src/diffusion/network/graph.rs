//! The network's computation as a candle graph.

use super::{
    Activation, NetworkOptions, TimeEncoding,
    layer::{Layer, Time, table_rows},
    layout::Layout,
    parameters::Parameters,
    recording::Recording,
    time,
    unet::{UnetGraph, dropout::DropoutStream},
};
use crate::diffusion::DiffusionError;
use candle_core::{Device, Result as CandleResult, Tensor};

/// eps_theta on tensors of parameters, with or without autograd.
#[derive(Clone, Debug)]
pub(in crate::diffusion) struct Graph {
    layers: Vec<Layer>,
    /// Encoding of each step, `(T, k)`.
    encoding: Option<Tensor>,
    activation: Activation,
    /// The whole computation of a U-Net, which has no layers.
    unet: Option<UnetGraph>,
}

impl Graph {
    /// The computation on these parameters, which have this layout; of a batch of models if the parameters are.
    pub fn new(layout: &Layout, options: &NetworkOptions, p: &Parameters) -> Result<Self, DiffusionError> {
        let constant = |values: Vec<f64>| {
            let shape = (layout.steps, layout.time_width);
            Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(p.dtype())?.to_device(p.device())
        };
        let encoding = match (layout.encoding, options.time) {
            _ if layout.unet.is_some() => None,
            (Some(table), _) => Some(p.tensor(table)),
            (None, TimeEncoding::Sinusoidal) if layout.time_width > 0 => {
                Some(constant(time::sinusoidal(layout.steps, layout.time_width))?)
            }
            (None, TimeEncoding::Scalar) if layout.time_width > 0 => {
                Some(constant(time::scalar(layout.steps))?)
            }
            _ => None,
        };
        let layers = layout.layers.iter().enumerate().map(|(i, layer)| Layer::new(layer, i == 0, options, p));
        let unet = layout.unet.as_ref().map(|program| UnetGraph::new(layout, program, p)).transpose()?;
        Ok(Self { layers: layers.collect(), encoding, activation: options.activation, unet })
    }

    /// `x` `(n, d)` and table rows `t - 1`, `(n)` or `(1)`, to the network's outputs, the predicted noise `(n, d)` first.
    /// Of a batch of models, all but `(1)` have another axis in front.
    pub fn forward(&self, x: &Tensor, rows: &Tensor) -> CandleResult<Tensor> {
        self.forward_dropping(x, rows, &[])
    }

    /// As [`forward`](Self::forward) in training: with streams of dropout, one for each model, values are left out.
    fn forward_dropping(&self, x: &Tensor, rows: &Tensor, dropout: &[DropoutStream]) -> CandleResult<Tensor> {
        if let Some(unet) = &self.unet {
            return unet.forward(x, rows, dropout);
        }
        let encoding = self.encoding.as_ref().map(|table| table_rows(table, rows)).transpose()?;
        self.forward_encoded(x, &Time { rows, encoding: encoding.as_ref() })
    }

    /// As [`forward_dropping`](Self::forward_dropping) of a batch of models, to go back from a loss of the outputs.
    pub fn record(
        &self,
        x: &Tensor,
        rows: &Tensor,
        dropout: &[DropoutStream],
    ) -> CandleResult<Recording<'_>> {
        #[cfg(feature = "cuda")]
        if let Some(unet) = &self.unet
            && let Some(passes) = unet.passes(x, rows, dropout)?
        {
            return Recording::of_passes(passes);
        }
        self.forward_dropping(x, rows, dropout).map(Recording::of_graph)
    }

    pub(super) fn forward_encoded(&self, x: &Tensor, time: &Time) -> CandleResult<Tensor> {
        let mut h = x.clone();
        for (i, layer) in self.layers.iter().enumerate() {
            h = layer.forward(&h, time, self.activation)?;
            if i + 1 < self.layers.len() {
                h = self.activation.apply(&h)?;
            }
        }
        Ok(h)
    }

    /// The same computation on the same values, detached: without autograd.
    pub fn detach(&self) -> Self {
        Self {
            layers: self.layers.iter().map(Layer::detach).collect(),
            encoding: self.encoding.as_ref().map(Tensor::detach),
            activation: self.activation,
            unet: self.unet.as_ref().map(UnetGraph::detach),
        }
    }
}
