//! The operations of a U-Net that the graph's own are slow at on a GPU: convolutions and their gradients by cuDNN, and the rest
//! by kernels of our own, compiled at their first use. Maps are `(n, channels, height, width)`, as cuDNN has them. Everything is
//! deterministic.

mod attention;
mod convolution;
mod dropout;
mod maps;
mod norm;
mod pass;
mod upsample;

pub use pass::Pass;

use candle_core::cuda::CudaDevice;
use candle_core::cuda::cudarc::driver::{
    CudaFunction, CudaSlice, CudaStream, CudaView, LaunchArgs, LaunchConfig,
};
use candle_core::cuda::cudarc::nvrtc::compile_ptx;
use candle_core::{CpuStorage, CudaStorage, DType, Device, Error, Layout, Result, Shape};
use std::sync::{Arc, OnceLock};

/// Threads of a block where any number does.
const THREADS: usize = 256;

/// Whether these operations are for networks there, in that precision.
pub fn takes(device: &Device, dtype: DType) -> bool {
    device.is_cuda() && dtype == DType::F32
}

/// A kernel on a device.
struct Kernel {
    function: CudaFunction,
    stream: Arc<CudaStream>,
}

impl Kernel {
    /// A call, whose arguments are to be added.
    fn builder(&self) -> LaunchArgs<'_> {
        self.stream.launch_builder(&self.function)
    }
}

/// A kernel of `kernels.cu`.
fn kernel(device: &CudaDevice, name: &str) -> Result<Kernel> {
    static PTX: OnceLock<std::result::Result<String, String>> = OnceLock::new();
    let compile =
        || compile_ptx(include_str!("kernels.cu")).map(|ptx| ptx.to_src()).map_err(|e| e.to_string());
    let ptx = PTX.get_or_init(compile).as_ref().map_err(|e| Error::Msg(e.clone()))?;
    let function = device.get_or_load_custom_func(name, "gdiff_unet", ptx)?.into_cuda_function();
    Ok(Kernel { function, stream: device.cuda_stream() })
}

/// The values of a tensor, which are in one piece.
fn values<'a>(storage: &'a CudaStorage, layout: &Layout) -> Result<CudaView<'a, f32>> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        return Err(Error::Msg("an operation of a U-Net on the GPU has got a tensor in pieces".into()));
    };
    Ok(storage.as_cuda_slice::<f32>()?.slice(start..end))
}

/// Room for so many values, which are to be written.
fn room(device: &CudaDevice, count: usize) -> Result<CudaSlice<f32>> {
    // Safety: every operation here writes all of its result before anything reads it.
    unsafe { device.alloc::<f32>(count) }
}

/// What an operation gives.
fn result(values: CudaSlice<f32>, device: &CudaDevice, shape: impl Into<Shape>) -> (CudaStorage, Shape) {
    (CudaStorage::wrap_cuda_slice(values, device.clone()), shape.into())
}

/// Blocks of `threads` threads.
fn grid(blocks: usize, threads: usize) -> Result<LaunchConfig> {
    let blocks = u32::try_from(blocks).map_err(Error::wrap)?;
    Ok(LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (threads as u32, 1, 1), shared_mem_bytes: 0 })
}

/// A warp for each of so many maps.
fn warps(maps: usize) -> Result<LaunchConfig> {
    grid((32 * maps).div_ceil(THREADS), THREADS)
}

/// The answer of an operation that is asked for on the host, where it is never taken.
fn not_here() -> Result<(CpuStorage, Shape)> {
    Err(Error::Msg("an operation for GPUs was asked for on the host".into()))
}
