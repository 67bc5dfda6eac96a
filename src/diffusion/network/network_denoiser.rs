//! Trained networks as a denoiser: in parallel over fixed chunks of rows, so that the result is the same for every
//! number of threads.

use super::{Graph, Network, parameters::Parameters};
use crate::diffusion::denoiser::{Denoiser, NoiseField, Probes, RealTimeDenoiser};
use crate::diffusion::fused::{AtStep, Predictor, UnetPredictor};
use crate::diffusion::{BackendChoice, DiffusionError, NetworkKind, Outputs, ReverseStep};
use candle_core::{D, DType, Device, Tensor};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, concatenate, parallel::prelude::*, s};
use rayon::iter::ParallelBridge;
use rayon::slice::{ParallelSlice, ParallelSliceMut};
use std::borrow::Cow;
use std::sync::Arc;

/// Rows of one task on the host.
const CHUNK_ROWS: usize = 1024;

/// Images that a U-Net's graph takes at a time, whose maps are many times as large.
const CHUNK_IMAGES: usize = 256;

/// One or several networks whose weights no longer change (later changes are not taken over). Points go from `f64` to
/// the network's precision and back.
///
/// Of several networks, the first `n / models` rows of the points belong to the first, and so on. On the host each
/// answers the very bits that it answers alone; on other devices they are one tensor program.
#[derive(Clone, Debug)]
pub struct NetworkDenoiser {
    members: Vec<Member>,
    /// All of them as one program, if they are.
    batched: Option<Arc<(Parameters, Graph)>>,
}

/// One network and what its output is multiplied by.
#[derive(Clone, Debug)]
struct Member {
    model: Arc<Model>,
    epsilon_scale: f64,
}

#[derive(Debug)]
struct Model {
    network: Network,
    graph: Graph,
    /// The same without a graph, for `f32` on the host.
    fused: Option<Fused>,
}

/// A network without a graph.
#[derive(Debug)]
enum Fused {
    Dense(Box<Predictor>),
    Unet(Box<UnetPredictor>),
}

impl Fused {
    fn new(network: &Network) -> Result<Self, DiffusionError> {
        Ok(match network.options().kind {
            NetworkKind::Mlp => Self::Dense(Box::new(Predictor::new(network)?)),
            NetworkKind::Unet => Self::Unet(Box::new(UnetPredictor::new(network)?)),
        })
    }
}

/// A network between the steps, in `f32` on the host.
struct RealTimeNetwork<'a> {
    network: &'a Network,
    predictor: Cow<'a, Predictor>,
    epsilon_scale: f64,
}

/// A network at one real time.
struct NetworkAt<'a> {
    predictor: &'a Predictor,
    step: AtStep,
    epsilon_scale: f64,
}

impl NetworkDenoiser {
    /// Predicts `epsilon_scale * eps_theta(x_t, t)`; 1 is the network itself.
    ///
    /// # Errors
    /// If the parameters cannot be read.
    pub fn new(network: Network, epsilon_scale: f64) -> Result<Self, DiffusionError> {
        Self::with_backend(network, epsilon_scale, BackendChoice::Auto)
    }

    /// As [`new`](Self::new), with a chosen backend.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_backend(
        network: Network,
        epsilon_scale: f64,
        backend: BackendChoice,
    ) -> Result<Self, DiffusionError> {
        let fused = backend.is_fused(&network).then(|| Fused::new(&network)).transpose()?;
        let model = Arc::new(Model { graph: network.detached_graph(), network, fused });
        Ok(Self { members: vec![Member { model, epsilon_scale }], batched: None })
    }

    /// The networks of several denoisers as one denoiser.
    ///
    /// # Errors
    /// If there is none, or the networks are not alike.
    pub fn joined(denoisers: &[&Self], backend: BackendChoice) -> Result<Self, DiffusionError> {
        let members: Vec<Member> = denoisers.iter().flat_map(|d| d.members.iter().cloned()).collect();
        let networks: Vec<&Network> = members.iter().map(|member| &member.model.network).collect();
        Network::check_alike(&networks)?;
        DiffusionError::unless(!members.is_empty(), || "there is no network to ask".into())?;
        let fused =
            backend == BackendChoice::Auto && members.iter().all(|member| member.model.fused.is_some());
        let apart = fused || (members.len() == 1 && backend == BackendChoice::Auto);
        let batched = if apart { None } else { Some(Arc::new(Network::batched(&networks)?)) };
        Ok(Self { members, batched })
    }

    /// The same networks with another factor on their output.
    #[must_use]
    pub fn with_epsilon_scale(mut self, epsilon_scale: f64) -> Self {
        self.members.iter_mut().for_each(|member| member.epsilon_scale = epsilon_scale);
        self
    }

    /// What these outputs of the networks are at a step `t`, of points `(n, d)`: the noise, and behind it the variance's
    /// columns if they are asked for.
    ///
    /// # Errors
    /// As [`predict_noise`](Denoiser::predict_noise), or if the networks have no such outputs.
    pub(in crate::diffusion) fn predict(
        &self,
        x: ArrayView2<f64>,
        t: usize,
        outputs: Outputs,
    ) -> Result<Array2<f64>, DiffusionError> {
        let (models, rows) = (self.members.len(), x.nrows());
        DiffusionError::unless(rows.is_multiple_of(models), || {
            format!("{rows} points cannot be shared among {models} models")
        })?;
        let network = &self.members[0].model.network;
        network.check(x.ncols(), t)?;
        DiffusionError::unless(outputs.is_noise() || network.outputs() == outputs, || {
            "the network has learned no variance of the reverse step; train one with diffusion.variance = \"learned_range\""
                .into()
        })?;
        match (&self.batched, &self.members[..]) {
            (Some(batched), _) => self.predict_batched(batched, x, t, outputs),
            (None, [member]) => member.predict(x, t, outputs),
            (None, members) => {
                let chunks: Vec<_> =
                    x.axis_chunks_iter(Axis(0), (rows / models).max(1)).zip(members).collect();
                let predicted = chunks.into_par_iter().map(|(x, member)| member.predict(x, t, outputs));
                let predicted = predicted.collect::<Result<Vec<_>, _>>()?;
                let views: Vec<_> = predicted.iter().map(|p| p.view()).collect();
                Ok(concatenate(Axis(0), &views).expect("all predictions have as many columns"))
            }
        }
    }

    /// All networks in one program.
    fn predict_batched(
        &self,
        (parameters, graph): &(Parameters, Graph),
        x: ArrayView2<f64>,
        t: usize,
        outputs: Outputs,
    ) -> Result<Array2<f64>, DiffusionError> {
        let (d, columns) = (x.ncols(), outputs.width(x.ncols()));
        let (each, device) = (x.nrows() / self.members.len(), parameters.device());
        let points = batch_tensor(x.axis_chunks_iter(Axis(0), each.max(1)), parameters.dtype(), device)?;
        let found = graph.forward(&points, &Tensor::from_vec(vec![(t - 1) as u32], 1, device)?)?;
        let found = found.narrow(D::Minus1, 0, columns)?;
        let found = found.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        let mut found =
            Array2::from_shape_vec((x.nrows(), columns), found).expect("the graph answers for each point");
        for (mut own, member) in found.axis_chunks_iter_mut(Axis(0), each.max(1)).zip(&self.members) {
            own.slice_mut(s![.., ..d]).mapv_inplace(|eps| member.epsilon_scale * eps);
        }
        Ok(found)
    }
}

impl Denoiser for NetworkDenoiser {
    fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError> {
        self.predict(x, t, Outputs::Noise)
    }

    fn predict_with_variance(
        &self,
        x: ArrayView2<f64>,
        step: &ReverseStep,
    ) -> Result<(Array2<f64>, Array2<f64>), DiffusionError> {
        Ok(step.learned(&self.predict(x, step.t, Outputs::NoiseAndVariance)?))
    }

    /// # Errors
    /// If the time enters the network by what it has learned for each whole step, or there are several networks.
    fn at_real_times(&self) -> Result<Box<dyn RealTimeDenoiser + '_>, DiffusionError> {
        let [Member { model, epsilon_scale }] = &self.members[..] else {
            return Err(DiffusionError::Option(
                "several networks have no common time between the steps".into(),
            ));
        };
        if let Some(key) = model.network.options().learned_by_step() {
            return Err(DiffusionError::Option(format!(
                "the model's likelihood needs the network between its steps, and by `network.{key}` this one has learned something of its own for each whole step; train one with network.time = \"sinusoidal\" or \"scalar\", and network.conditioning = \"concat\" or \"add\""
            )));
        }
        if model.network.options().kind == NetworkKind::Unet {
            return Err(DiffusionError::Option(
                "the model's likelihood needs the network's derivatives between its steps, which are known of dense networks alone; train one with network.kind = \"mlp\"".into(),
            ));
        }
        let predictor = match &model.fused {
            Some(Fused::Dense(predictor)) => Cow::Borrowed(&**predictor),
            _ => Cow::Owned(Predictor::new(&model.network)?),
        };
        Ok(Box::new(RealTimeNetwork { network: &model.network, predictor, epsilon_scale: *epsilon_scale }))
    }
}

impl RealTimeDenoiser for RealTimeNetwork<'_> {
    fn dim(&self) -> usize {
        self.network.dim()
    }

    fn at(&self, tau: f64, _: f64) -> Result<Box<dyn NoiseField + '_>, DiffusionError> {
        let (layout, steps) = (self.network.layout(), self.network.steps());
        let encoding = self.network.options().time.at(tau, steps, layout.time_width);
        let encoding = encoding.expect("encodings without a value between the steps were refused");
        let encoding: Vec<f32> = encoding.into_iter().map(|v| v as f32).collect();
        let step = self.predictor.at_encoding(&encoding);
        Ok(Box::new(NetworkAt { predictor: &self.predictor, step, epsilon_scale: self.epsilon_scale }))
    }
}

impl NoiseField for NetworkAt<'_> {
    fn evaluate(&self, x: &[f64], probes: Probes, eps: &mut [f64], divergence: &mut [f64]) {
        let factor = self.epsilon_scale;
        self.predictor.predict_with_divergence(&self.step, x, probes, factor, (eps, divergence));
    }
}

impl Member {
    fn predict(&self, x: ArrayView2<f64>, t: usize, outputs: Outputs) -> Result<Array2<f64>, DiffusionError> {
        let (d, columns) = (x.ncols(), outputs.width(x.ncols()));
        let mut out = Array2::zeros((x.nrows(), columns));
        match &self.model.fused {
            None => self.predict_on_graph(x, t, out.view_mut())?,
            Some(Fused::Unet(fused)) => {
                let x = x.as_standard_layout();
                let from = x.as_slice().expect("the standard layout is row after row");
                fused.predict(
                    t - 1,
                    from,
                    columns,
                    out.as_slice_mut().expect("a fresh matrix lies row after row"),
                );
            }
            Some(Fused::Dense(fused)) => {
                let x = x.as_standard_layout();
                let from = x.as_slice().expect("the standard layout is row after row");
                let to = out.as_slice_mut().expect("a fresh matrix lies row after row");
                let step = fused.at_step(t - 1);
                to.par_chunks_mut(CHUNK_ROWS * columns)
                    .zip(from.par_chunks(CHUNK_ROWS * d))
                    .for_each(|(to, from)| fused.predict(&step, from, columns, to));
            }
        }
        if self.epsilon_scale != 1.0 {
            out.slice_mut(s![.., ..d]).mapv_inplace(|eps| self.epsilon_scale * eps);
        }
        Ok(out)
    }

    fn predict_on_graph(
        &self,
        x: ArrayView2<f64>,
        t: usize,
        mut out: ArrayViewMut2<f64>,
    ) -> Result<(), DiffusionError> {
        let device = self.model.network.parameters().device();
        let rows = Tensor::from_vec(vec![(t - 1) as u32], 1, device)?;
        let chunk = match self.model.network.options().kind {
            NetworkKind::Unet => CHUNK_IMAGES,
            NetworkKind::Mlp if device.is_cpu() => CHUNK_ROWS,
            NetworkKind::Mlp => x.nrows().max(1),
        };
        let mut chunks = out.axis_chunks_iter_mut(Axis(0), chunk).zip(x.axis_chunks_iter(Axis(0), chunk));
        match device.is_cpu() {
            true => chunks.par_bridge().try_for_each(|(out, x)| self.predict_chunk(x, &rows, out)),
            false => chunks.try_for_each(|(out, x)| self.predict_chunk(x, &rows, out)),
        }
    }

    fn predict_chunk(
        &self,
        x: ArrayView2<f64>,
        rows: &Tensor,
        mut out: ArrayViewMut2<f64>,
    ) -> Result<(), DiffusionError> {
        let Model { network, graph, .. } = &*self.model;
        let (dtype, device) = (network.parameters().dtype(), network.parameters().device());
        let x = batch_tensor([x].into_iter(), dtype, device)?.squeeze(0)?;
        let found = graph.forward(&x, rows)?.narrow(1, 0, out.ncols())?;
        let found = found.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        out.iter_mut().zip(found).for_each(|(out, found)| *out = found);
        Ok(())
    }
}

/// Matrices of one shape `(n, d)` as a tensor `(matrices, n, d)`, in `dtype` on `device`.
///
/// # Errors
/// If the shapes differ or the device fails.
pub(in crate::diffusion) fn batch_tensor<'a>(
    matrices: impl Iterator<Item = ArrayView2<'a, f64>> + Clone,
    dtype: DType,
    device: &Device,
) -> Result<Tensor, DiffusionError> {
    let count = matrices.clone().count();
    let (n, d) = matrices.clone().next().map_or((0, 0), |first| first.dim());
    let shape = (count, n, d);
    let values = matrices.flatten().copied();
    Ok(match dtype {
        DType::F32 => Tensor::from_vec(values.map(|v| v as f32).collect::<Vec<_>>(), shape, device)?,
        _ => Tensor::from_vec(values.collect::<Vec<_>>(), shape, device)?.to_dtype(dtype)?,
    })
}
