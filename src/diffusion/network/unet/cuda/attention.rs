//! Attention with one head over the pixels: queries, keys and values `(n, channels, pixels)`.

use super::{kernel, not_here, result, room, values, warps};
use candle_core::cuda::cudarc::driver::PushKernelArg;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, CustomOp2, Error, Layout, Result, Shape, Tensor};

/// The parts of an attention, and the weights `(n, pixels, pixels)` that each pixel gives to all.
#[derive(Debug)]
pub struct Attention {
    q: Tensor,
    k: Tensor,
    v: Tensor,
    weights: Tensor,
}

impl Attention {
    /// Of maps `(n, channels, height, width)`.
    pub fn new([q, k, v]: [Tensor; 3]) -> Result<Self> {
        let (n, channels, height, width) = q.dims4()?;
        let flat = |map: Tensor| map.reshape((n, channels, height * width));
        let (q, k, v) = (flat(q)?, flat(k)?, flat(v)?);
        let scale = scale(channels);
        let weights = q.t()?.matmul(&k)?.apply_op1_no_bwd(&Softmax { scale })?;
        Ok(Self { q, k, v, weights })
    }

    /// `sum_j softmax_j(q_i . k_j / sqrt(channels)) v_j`, `(n, channels, pixels)`.
    pub fn result(&self) -> Result<Tensor> {
        self.v.matmul(&self.weights.t()?)
    }

    /// The gradients of the three parts, from that of the result.
    pub fn gradients(&self, dy: &Tensor) -> Result<[Tensor; 3]> {
        let (_, channels, _) = self.q.dims3()?;
        let dy = dy.reshape(self.q.shape())?;
        let of_weights = dy.t()?.matmul(&self.v)?;
        let softmax = SoftmaxGradient { scale: scale(channels) };
        let of_scores = self.weights.apply_op2_no_bwd(&of_weights, &softmax)?;
        Ok([self.k.matmul(&of_scores.t()?)?, self.q.matmul(&of_scores)?, dy.matmul(&self.weights)?])
    }
}

fn scale(channels: usize) -> f32 {
    1.0 / (channels as f32).sqrt()
}

/// The softmax of each row of a matrix times `scale`.
struct Softmax {
    scale: f32,
}

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(&self, x: &CudaStorage, of_x: &Layout) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let (n, rows, length) = of_x.shape().dims3()?;
        let mut y = room(device, n * rows * length)?;
        let x = values(x, of_x)?;
        let (rows, length) = (n * rows, length as u32);
        let forward = kernel(device, "softmax_forward")?;
        let mut call = forward.builder();
        call.arg(&mut y).arg(&x).arg(&rows).arg(&length).arg(&self.scale);
        // Safety: these are the kernel's arguments, with a warp for each row.
        unsafe { call.launch(warps(rows)?) }.map_err(Error::wrap)?;
        Ok(result(y, device, of_x.shape().clone()))
    }
}

/// The gradient of the matrix, from the softmax and its gradient.
struct SoftmaxGradient {
    scale: f32,
}

impl CustomOp2 for SoftmaxGradient {
    fn name(&self) -> &'static str {
        "gradient of softmax"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(
        &self,
        y: &CudaStorage,
        of_y: &Layout,
        dy: &CudaStorage,
        of_dy: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = &y.device;
        let (n, rows, length) = of_y.shape().dims3()?;
        let mut dx = room(device, n * rows * length)?;
        let (y, dy) = (values(y, of_y)?, values(dy, of_dy)?);
        let (rows, length) = (n * rows, length as u32);
        let backward = kernel(device, "softmax_backward")?;
        let mut call = backward.builder();
        call.arg(&mut dx).arg(&y).arg(&dy).arg(&rows).arg(&length).arg(&self.scale);
        // Safety: these are the kernel's arguments, with a warp for each row.
        unsafe { call.launch(warps(rows)?) }.map_err(Error::wrap)?;
        Ok(result(dx, device, of_y.shape().clone()))
    }
}
