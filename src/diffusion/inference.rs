//! A trained network as a denoiser: in parallel over fixed chunks of rows, so that the result is the same
//! for every number of threads.

use super::{Denoiser, DiffusionError, Network, fused::Predictor, network::Graph};
use candle_core::{DType, Device, Tensor};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, parallel::prelude::*};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

/// Rows of one task on the host.
const CHUNK_ROWS: usize = 1024;

/// A network whose weights no longer change (later changes are not taken over). Points go from `f64` to the network's precision and back.
#[derive(Debug)]
pub struct NetworkDenoiser {
    network: Network,
    graph: Graph,
    /// The same in `f32` on the host without a graph.
    fused: Option<Predictor>,
    epsilon_scale: f64,
}

impl NetworkDenoiser {
    /// Predicts `epsilon_scale * eps_theta(x_t, t)`; 1 is the network itself.
    pub fn new(network: Network, epsilon_scale: f64) -> Self {
        // What cannot be read now fails, and is told, when the graph uses it.
        let fused = Predictor::new(&network).unwrap_or(None);
        Self { fused, ..Self::on_graph(network, epsilon_scale) }
    }

    /// As [`new`](Self::new), but always on the plain candle graph, which is the reference: the same
    /// numbers up to rounding, more slowly.
    pub fn on_graph(network: Network, epsilon_scale: f64) -> Self {
        Self { graph: network.detached_graph(), network, fused: None, epsilon_scale }
    }

    /// The network within.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Whether it predicts without a graph (`f32` on the host).
    pub fn is_fused(&self) -> bool {
        self.fused.is_some()
    }

    /// What multiplies the network's output.
    pub fn epsilon_scale(&self) -> f64 {
        self.epsilon_scale
    }

    /// The same network with another factor on its output.
    #[must_use]
    pub fn with_epsilon_scale(self, epsilon_scale: f64) -> Self {
        Self { epsilon_scale, ..self }
    }

    fn predict_block(
        &self,
        x: ArrayView2<f64>,
        rows: &Tensor,
        mut out: ArrayViewMut2<f64>,
    ) -> Result<(), DiffusionError> {
        let p = self.network.parameters();
        let eps = self.graph.forward(&to_tensor(x, p.dtype(), p.device())?, rows)?;
        let eps = eps.flatten_all()?;
        if p.dtype() == DType::F32 {
            let eps = eps.to_vec1::<f32>()?;
            out.iter_mut().zip(eps).for_each(|(o, e)| *o = self.epsilon_scale * f64::from(e));
        } else {
            let eps = eps.to_dtype(DType::F64)?.to_vec1::<f64>()?;
            out.iter_mut().zip(eps).for_each(|(o, e)| *o = self.epsilon_scale * e);
        }
        Ok(())
    }
}

impl NetworkDenoiser {
    fn predict_on_graph(
        &self,
        x: ArrayView2<f64>,
        t: usize,
        mut out: ArrayViewMut2<f64>,
    ) -> Result<(), DiffusionError> {
        let device = self.network.parameters().device();
        let rows = Tensor::from_vec(vec![(t - 1) as u32], 1, device)?;
        let chunk = if device.is_cpu() { CHUNK_ROWS } else { x.nrows().max(1) };
        out.axis_chunks_iter_mut(Axis(0), chunk)
            .into_par_iter()
            .zip(x.axis_chunks_iter(Axis(0), chunk))
            .try_for_each(|(out, x)| self.predict_block(x, &rows, out))
    }
}

impl Denoiser for NetworkDenoiser {
    fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError> {
        self.network.check(x.ncols(), t)?;
        let dim = self.network.dim();
        let mut out = Array2::zeros(x.dim());
        let rows_after_rows = x.as_standard_layout();
        if let (Some(fused), Some(x), Some(out)) =
            (&self.fused, rows_after_rows.as_slice(), out.as_slice_mut())
        {
            let (step, length) = (fused.at_step(t - 1), CHUNK_ROWS * dim);
            out.par_chunks_mut(length)
                .zip(x.par_chunks(length))
                .for_each(|(out, x)| fused.predict(&step, x, self.epsilon_scale, out));
        } else {
            self.predict_on_graph(x, t, out.view_mut())?;
        }
        Ok(out)
    }
}

/// A matrix as a tensor of the same shape, in `dtype` on `device`.
///
/// # Errors
/// If the device fails.
pub fn to_tensor(x: ArrayView2<f64>, dtype: DType, device: &Device) -> Result<Tensor, DiffusionError> {
    Ok(stack_tensor([x].into_iter(), dtype, device)?.squeeze(0)?)
}

/// Matrices of one shape `(n, d)` as a tensor `(matrices, n, d)`, in `dtype` on `device`.
///
/// # Errors
/// If the shapes differ or the device fails.
pub(super) fn stack_tensor<'a>(
    matrices: impl Iterator<Item = ArrayView2<'a, f64>> + Clone,
    dtype: DType,
    device: &Device,
) -> Result<Tensor, DiffusionError> {
    let count = matrices.clone().count();
    let (n, d) = matrices.clone().next().map_or((0, 0), |first| first.dim());
    let shape = (count, n, d);
    let numbers = matrices.flatten().copied();
    Ok(match dtype {
        DType::F32 => Tensor::from_vec(numbers.map(|v| v as f32).collect::<Vec<_>>(), shape, device)?,
        _ => Tensor::from_vec(numbers.collect::<Vec<_>>(), shape, device)?.to_dtype(dtype)?,
    })
}
