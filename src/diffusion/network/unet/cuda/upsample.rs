//! Nearest upsampling, and its gradient.

use super::{kernel, not_here, result, room, values, warps};
use candle_core::cuda::cudarc::driver::PushKernelArg;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};

/// Every pixel of maps `(n, channels, h, w)` twice along both axes, the last ones cut off where the target has an odd number.
pub fn upsample(x: &Tensor, (height, width): (usize, usize)) -> Result<Tensor> {
    x.apply_op1_no_bwd(&Upsample { height, width, gradient: false })
}

/// The gradient of [`upsample`], from that of its results.
pub fn gradient_of_upsample(dy: &Tensor) -> Result<Tensor> {
    let (.., height, width) = dy.dims4()?;
    dy.apply_op1_no_bwd(&Upsample { height, width, gradient: true })
}

/// Upsampling to `(height, width)`, or its gradient back from there.
struct Upsample {
    height: usize,
    width: usize,
    gradient: bool,
}

impl CustomOp1 for Upsample {
    fn name(&self) -> &'static str {
        "upsampling"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(&self, x: &CudaStorage, of_x: &Layout) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let (n, channels, ..) = of_x.shape().dims4()?;
        let (name, h, w) = match self.gradient {
            false => ("upsample_forward", self.height, self.width),
            true => ("upsample_backward", self.height.div_ceil(2), self.width.div_ceil(2)),
        };
        let maps = n * channels;
        let mut y = room(device, maps * h * w)?;
        let x = values(x, of_x)?;
        let (height, width) = (self.height as u32, self.width as u32);
        let function = kernel(device, name)?;
        let mut call = function.builder();
        call.arg(&mut y).arg(&x).arg(&maps).arg(&height).arg(&width);
        // Safety: these are the kernel's arguments, and `y` has so many maps.
        unsafe { call.launch(warps(maps)?) }.map_err(Error::wrap)?;
        Ok(result(y, device, (n, channels, h, w)))
    }
}
