//! Group normalization with SiLU, and its gradient.

use super::{grid, kernel, not_here, result, room, values};
use crate::diffusion::network::unet::program::NORM_EPSILON;
use candle_core::cuda::cudarc::driver::{LaunchConfig, PushKernelArg};
use candle_core::{CpuStorage, CudaStorage, CustomOp3, Error, Layout, Result, Shape, Tensor};

/// Most warps of a block.
const WARPS: usize = 8;

/// Maps `(n, channels, height, width)` with mean 0 and variance 1 in each group of channels of each image, times `scale` plus
/// `shift` `(channels)`; then SiLU, if it is asked for.
pub fn norm(x: &Tensor, scale: &Tensor, shift: &Tensor, groups: usize, silu: bool) -> Result<Tensor> {
    x.apply_op3_no_bwd(scale, shift, &Norm { groups, silu })
}

/// The gradients of the maps, of `scale` and of `shift` of [`norm`], from that of its results.
pub fn gradient_of_norm(
    (x, dy): (&Tensor, &Tensor),
    (scale, shift): (&Tensor, &Tensor),
    groups: usize,
    silu: bool,
) -> Result<[Tensor; 3]> {
    let (n, channels, ..) = x.dims4()?;
    let factors = Tensor::cat(&[scale, shift], 0)?;
    let all = x.apply_op3_no_bwd(dy, &factors, &Gradient(Norm { groups, silu }))?;
    let count = x.elem_count();
    let of_x = all.narrow(0, 0, count)?.reshape(x.shape())?;
    let of_factors = all.narrow(0, count, 2 * channels * n)?.reshape((2, n, channels))?.sum(1)?;
    Ok([of_x, of_factors.get(0)?, of_factors.get(1)?])
}

#[derive(Clone, Copy)]
struct Norm {
    groups: usize,
    silu: bool,
}

impl Norm {
    /// Channels of a group, groups and pixels, and a block for each group of each image.
    fn sizes(&self, x: &Layout) -> Result<([i32; 3], LaunchConfig)> {
        let (n, channels, height, width) = x.shape().dims4()?;
        let each = channels / self.groups;
        let blocks = grid(n * self.groups, 32 * each.clamp(1, WARPS))?;
        Ok(([each as i32, self.groups as i32, (height * width) as i32], blocks))
    }
}

impl CustomOp3 for Norm {
    fn name(&self) -> &'static str {
        "group normalization"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        of_x: &Layout,
        scale: &CudaStorage,
        of_scale: &Layout,
        shift: &CudaStorage,
        of_shift: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let ([each, groups, pixels], blocks) = self.sizes(of_x)?;
        let mut y = room(device, of_x.shape().elem_count())?;
        let (x, scale, shift) = (values(x, of_x)?, values(scale, of_scale)?, values(shift, of_shift)?);
        let (epsilon, silu) = (NORM_EPSILON as f32, i32::from(self.silu));
        let forward = kernel(device, "norm_forward")?;
        let mut call = forward.builder();
        call.arg(&mut y).arg(&x).arg(&scale).arg(&shift).arg(&each).arg(&groups).arg(&pixels);
        // Safety: these are the kernel's arguments, and `y` is as long as `x`.
        unsafe { call.arg(&epsilon).arg(&silu).launch(blocks) }.map_err(Error::wrap)?;
        Ok(result(y, device, of_x.shape().clone()))
    }
}

/// Of maps, the gradient of the results, and the factors and summands one after the other: the gradient of the maps, and for each
/// image and channel the shares of those of the factor and the summand.
struct Gradient(Norm);

impl CustomOp3 for Gradient {
    fn name(&self) -> &'static str {
        "gradient of group normalization"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        of_x: &Layout,
        dy: &CudaStorage,
        of_dy: &Layout,
        factors: &CudaStorage,
        of_factors: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let ([each, groups, pixels], blocks) = self.0.sizes(of_x)?;
        let (images, channels, ..) = of_x.shape().dims4()?;
        let count = of_x.shape().elem_count() + 2 * channels * images;
        let mut all = room(device, count)?;
        let (x, dy, factors) = (values(x, of_x)?, values(dy, of_dy)?, values(factors, of_factors)?);
        let (scale, shift) = (factors.slice(..channels), factors.slice(channels..));
        let (epsilon, silu) = (NORM_EPSILON as f32, i32::from(self.0.silu));
        let backward = kernel(device, "norm_backward")?;
        let mut call = backward.builder();
        call.arg(&mut all).arg(&x).arg(&dy).arg(&scale).arg(&shift).arg(&each).arg(&groups).arg(&pixels);
        // Safety: these are the kernel's arguments, and `all` has the values that it writes.
        unsafe { call.arg(&epsilon).arg(&silu).launch(blocks) }.map_err(Error::wrap)?;
        Ok(result(all, device, count))
    }
}
