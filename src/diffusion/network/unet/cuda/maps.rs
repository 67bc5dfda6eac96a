//! Whole maps: their sums, and those of two images behind each other.

use super::{kernel, not_here, result, room, values, warps};
use candle_core::cuda::cudarc::driver::PushKernelArg;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, CustomOp2, Error, Layout, Result, Shape, Tensor};

/// The sums `(n, channels)` over the pixels of maps `(n, channels, height, width)`.
pub fn sum_maps(x: &Tensor) -> Result<Tensor> {
    x.apply_op1_no_bwd(&SumMaps)
}

/// The channels of `x` `(n, channels, height, width)`, and behind them those of `other`.
pub fn concat(x: &Tensor, other: &Tensor) -> Result<Tensor> {
    x.apply_op2_no_bwd(other, &Concat)
}

/// `each` of the channels, from number `first` on.
pub fn part(x: &Tensor, first: usize, each: usize) -> Result<Tensor> {
    x.apply_op1_no_bwd(&Part { first, each })
}

struct SumMaps;

impl CustomOp1 for SumMaps {
    fn name(&self) -> &'static str {
        "sums over the pixels of maps"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(&self, x: &CudaStorage, of_x: &Layout) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let (n, channels, height, width) = of_x.shape().dims4()?;
        let (maps, pixels) = (n * channels, (height * width) as u32);
        let mut sums = room(device, maps)?;
        let x = values(x, of_x)?;
        let sum = kernel(device, "sum_maps")?;
        let mut call = sum.builder();
        call.arg(&mut sums).arg(&x).arg(&maps).arg(&pixels);
        // Safety: these are the kernel's arguments, with a warp for each sum.
        unsafe { call.launch(warps(maps)?) }.map_err(Error::wrap)?;
        Ok(result(sums, device, (n, channels)))
    }
}

struct Concat;

impl CustomOp2 for Concat {
    fn name(&self) -> &'static str {
        "maps behind each other"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        of_x: &Layout,
        other: &CudaStorage,
        of_other: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let (n, first, height, width) = of_x.shape().dims4()?;
        let second = of_other.shape().dims4()?.1;
        let channels = first + second;
        let maps = n * channels;
        let mut y = room(device, maps * height * width)?;
        let (x, other) = (values(x, of_x)?, values(other, of_other)?);
        let [pixels, first, second] = [height * width, first, second].map(|v| v as u32);
        let join = kernel(device, "join")?;
        let mut call = join.builder();
        call.arg(&mut y).arg(&x).arg(&other).arg(&maps).arg(&pixels).arg(&first).arg(&second);
        // Safety: these are the kernel's arguments, with a warp for each map.
        unsafe { call.launch(warps(maps)?) }.map_err(Error::wrap)?;
        Ok(result(y, device, (n, channels, height, width)))
    }
}

/// Some of the channels.
struct Part {
    first: usize,
    each: usize,
}

impl CustomOp1 for Part {
    fn name(&self) -> &'static str {
        "some of the maps"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(&self, x: &CudaStorage, of_x: &Layout) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let (n, channels, height, width) = of_x.shape().dims4()?;
        let maps = n * self.each;
        let mut y = room(device, maps * height * width)?;
        let x = values(x, of_x)?;
        let [pixels, each, first, of] = [height * width, self.each, self.first, channels].map(|v| v as u32);
        let part = kernel(device, "part")?;
        let mut call = part.builder();
        call.arg(&mut y).arg(&x).arg(&maps).arg(&pixels).arg(&each).arg(&first).arg(&of);
        // Safety: these are the kernel's arguments, with a warp for each map.
        unsafe { call.launch(warps(maps)?) }.map_err(Error::wrap)?;
        Ok(result(y, device, (n, self.each, height, width)))
    }
}
