//! Dropout with the host's choices, drawn where the maps are.

use super::{THREADS, grid, kernel, not_here, result, room, values};
use crate::diffusion::network::unet::dropout::NodeDropout;
use candle_core::cuda::cudarc::driver::{DeviceRepr, PushKernelArg};
use candle_core::{CpuStorage, CudaStorage, CustomOp1, Error, Layout, Result, Shape, Tensor};

/// Maps `(n, channels, height, width)` times the factors of dropout of their node; also the gradient of that.
pub fn drop_out(x: &Tensor, choices: NodeDropout) -> Result<Tensor> {
    x.apply_op1_no_bwd(&Drop(choices))
}

/// Values that a thread draws: those of one block of ChaCha.
const EACH: usize = 32;

/// The key as the kernel takes it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Key([u32; 8]);

// Safety: it is eight numbers in a row, there as here.
unsafe impl DeviceRepr for Key {}

struct Drop(NodeDropout);

impl CustomOp1 for Drop {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(&self, x: &CudaStorage, of_x: &Layout) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let NodeDropout { key, first, below, factor } = self.0;
        let (key, below) = (Key(key), u32::from(below));
        let (n, channels, height, width) = of_x.shape().dims4()?;
        let each = channels * height * width;
        let mut y = room(device, n * each)?;
        let x = values(x, of_x)?;
        let drop = kernel(device, "drop")?;
        let mut call = drop.builder();
        call.arg(&mut y).arg(&x).arg(&key).arg(&first).arg(&n).arg(&each).arg(&below).arg(&factor);
        let blocks = grid((n * each.div_ceil(EACH)).div_ceil(THREADS), THREADS)?;
        // Safety: these are the kernel's arguments, with a thread for each block of each image.
        unsafe { call.launch(blocks) }.map_err(Error::wrap)?;
        Ok(result(y, device, of_x.shape().clone()))
    }
}
