//! One number for all pixels of a map: added to them, and the sum over them, which is the gradient of that.

use super::{THREADS, for_values, grid, kernel, not_here, result, room, values};
use candle_core::cuda::cudarc::driver::PushKernelArg;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, CustomOp2, Error, Layout, Result, Shape, Tensor};

/// Maps `(n, channels, height, width)` plus a vector for each image, `(n, channels, 1, 1)`, or one for all.
pub fn add_vector(x: &Tensor, vector: &Tensor) -> Result<Tensor> {
    let (n, channels, ..) = x.dims4()?;
    let vector = vector.broadcast_as((n, channels, 1, 1))?.contiguous()?;
    x.contiguous()?.apply_op2(&vector, AddRuns)
}

/// The sums `(n, channels)` over the pixels of maps `(n, channels, height, width)`.
pub fn sum_runs(x: &Tensor) -> Result<Tensor> {
    x.apply_op1_no_bwd(&SumRuns)
}

struct AddRuns;

impl CustomOp2 for AddRuns {
    fn name(&self) -> &'static str {
        "adding a vector to maps"
    }

    fn cpu_fwd(
        &self,
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
        vector: &CudaStorage,
        of_vector: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let count = of_x.shape().elem_count();
        let run = count / of_vector.shape().elem_count();
        let mut y = room(device, count)?;
        let (x, vector) = (values(x, of_x)?, values(vector, of_vector)?);
        let add = kernel(device, "add_runs")?;
        let mut call = add.builder();
        call.arg(&mut y).arg(&x).arg(&vector).arg(&count).arg(&run);
        // Safety: these are the kernel's arguments, and `y` is as long as `x`.
        unsafe { call.launch(for_values(count)?) }.map_err(Error::wrap)?;
        Ok(result(y, device, of_x.shape().clone()))
    }

    fn bwd(
        &self,
        _x: &Tensor,
        vector: &Tensor,
        _y: &Tensor,
        of_y: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let of_vector = sum_runs(&of_y.contiguous()?)?.reshape(vector.shape())?;
        Ok((Some(of_y.clone()), Some(of_vector)))
    }
}

struct SumRuns;

impl CustomOp1 for SumRuns {
    fn name(&self) -> &'static str {
        "sums over the pixels of maps"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(&self, x: &CudaStorage, of_x: &Layout) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let (n, channels, height, width) = of_x.shape().dims4()?;
        let (count, run) = (of_x.shape().elem_count(), height * width);
        let mut sums = room(device, n * channels)?;
        let x = values(x, of_x)?;
        let sum = kernel(device, "sum_runs")?;
        let mut call = sum.builder();
        call.arg(&mut sums).arg(&x).arg(&count).arg(&run);
        let blocks = grid((32 * n * channels).div_ceil(THREADS), THREADS)?;
        // Safety: these are the kernel's arguments, with a warp for each sum.
        unsafe { call.launch(blocks) }.map_err(Error::wrap)?;
        Ok(result(sums, device, (n, channels)))
    }
}
