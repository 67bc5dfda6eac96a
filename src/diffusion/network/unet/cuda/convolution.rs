//! Convolutions by cuDNN, with algorithms whose sums have a fixed order. As in PyTorch, products may take TF32, unless the
//! environment has `NVIDIA_TF32_OVERRIDE=0`.

use super::{kernel, not_here, result, room, values, warps};
use candle_core::cuda::CudaDevice;
use candle_core::cuda::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, FilterDescriptor,
    TensorDescriptor, result::CudnnError, sys,
};
use candle_core::cuda::cudarc::driver::{CudaSlice, PushKernelArg};
use candle_core::{CpuStorage, CudaStorage, CustomOp2, CustomOp3, Error, Layout, Result, Shape, Tensor};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// The convolution of maps `(n, channels, height, width)` with weights `(output, channels, kernel, kernel)`, with padding
/// `(kernel - 1) / 2`, and a bias `(output)`, or one for each image, `(n, output)`.
pub fn convolution(x: &Tensor, weight: &Tensor, bias: &Tensor, stride: usize) -> Result<Tensor> {
    x.apply_op3_no_bwd(weight, bias, &Forward { stride })
}

/// The gradient of a convolution's maps, of the shape `x`, from that of its results.
pub fn gradient_of_maps(dy: &Tensor, weight: &Tensor, x: &Shape, stride: usize) -> Result<Tensor> {
    dy.apply_op2_no_bwd(weight, &OfMaps { x: x.clone(), stride })
}

/// The gradient of a convolution's weights, of the shape `weight`, from its maps and the gradient of its results.
pub fn gradient_of_weight(x: &Tensor, dy: &Tensor, weight: &Shape, stride: usize) -> Result<Tensor> {
    x.apply_op2_no_bwd(dy, &OfWeight { weight: weight.clone(), stride })
}

/// What cuDNN is told of a convolution.
struct Task {
    x: TensorDescriptor<f32>,
    weight: FilterDescriptor<f32>,
    y: TensorDescriptor<f32>,
    convolution: ConvDescriptor<f32>,
    /// Shape of the results.
    output: (usize, usize, usize, usize),
}

impl Task {
    fn new(device: &CudaDevice, x: &Shape, weight: &Shape, stride: usize) -> Result<Self> {
        let (n, channels, height, width) = x.dims4()?;
        let (outputs, _, kernel, _) = weight.dims4()?;
        let cudnn = handle(device)?;
        let int = |v: usize| i32::try_from(v).map_err(Error::wrap);
        let format = sys::cudnnTensorFormat_t::CUDNN_TENSOR_NCHW;
        let maps = |(a, b, c, d): (usize, usize, usize, usize)| {
            Ok::<_, Error>(cudnn.create_4d_tensor::<f32>(format, [int(a)?, int(b)?, int(c)?, int(d)?])?)
        };
        let output = (n, outputs, height.div_ceil(stride), width.div_ceil(stride));
        let filter = [int(outputs)?, int(channels)?, int(kernel)?, int(kernel)?];
        let mode = sys::cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        let (padding, stride) = (int((kernel - 1) / 2)?, int(stride)?);
        Ok(Self {
            x: maps((n, channels, height, width))?,
            weight: cudnn.create_4d_filter::<f32>(format, filter)?,
            y: maps(output)?,
            convolution: cudnn.create_conv2d::<f32>([padding; 2], [stride; 2], [1; 2], mode)?,
            output,
        })
    }
}

/// What cuDNN refuses, in words.
fn refused(what: &str, error: &CudnnError) -> Error {
    Error::Msg(format!("cuDNN refuses {what}: {error:?}"))
}

/// cuDNN on a device: one for each thread, because it is not made to be shared.
fn handle(device: &CudaDevice) -> Result<Arc<Cudnn>> {
    thread_local! {
        static HANDLES: RefCell<HashMap<usize, Arc<Cudnn>>> = RefCell::default();
    }
    let stream = device.cuda_stream();
    HANDLES.with_borrow_mut(|handles| {
        let ordinal = stream.context().ordinal();
        if let Some(handle) = handles.get(&ordinal) {
            return Ok(handle.clone());
        }
        let handle = Cudnn::new(stream)?;
        handles.insert(ordinal, handle.clone());
        Ok(handle)
    })
}

/// Room for an algorithm's own use; none where it needs none.
fn workspace(device: &CudaDevice, bytes: usize) -> Result<Option<CudaSlice<u8>>> {
    // Safety: cuDNN reads of it only what it has written.
    (bytes > 0).then(|| unsafe { device.alloc::<u8>(bytes) }).transpose()
}

struct Forward {
    stride: usize,
}

impl CustomOp3 for Forward {
    fn name(&self) -> &'static str {
        "convolution by cuDNN"
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
        weight: &CudaStorage,
        of_weight: &Layout,
        bias: &CudaStorage,
        of_bias: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let task = Task::new(device, of_x.shape(), of_weight.shape(), self.stride)?;
        let Task { x: of, weight: w, y, convolution: conv, output } = &task;
        let forward = ConvForward { conv, x: of, w, y };
        let algorithm = sys::cudnnConvolutionFwdAlgo_t::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
        let refused = |e| refused("a convolution", &e);
        let mut workspace = workspace(device, forward.get_workspace_size(algorithm).map_err(refused)?)?;
        let mut y = room(device, output.0 * output.1 * output.2 * output.3)?;
        let (x, weight, bias) = (values(x, of_x)?, values(weight, of_weight)?, values(bias, of_bias)?);
        // Safety: the descriptors are those of these tensors.
        unsafe { forward.launch(algorithm, workspace.as_mut(), (1.0, 0.0), &x, &weight, &mut y) }
            .map_err(refused)?;
        let add = kernel(device, "add_bias")?;
        let (maps, pixels) = (output.0 * output.1, (output.2 * output.3) as u32);
        let biases = of_bias.shape().elem_count();
        let mut call = add.builder();
        call.arg(&mut y).arg(&bias).arg(&maps).arg(&pixels).arg(&biases);
        // Safety: these are the kernel's arguments, and `y` has so many maps.
        unsafe { call.launch(warps(maps)?) }.map_err(Error::wrap)?;
        Ok(result(y, device, *output))
    }
}

/// The gradient of the maps, of that of the results and the weights.
struct OfMaps {
    x: Shape,
    stride: usize,
}

impl CustomOp2 for OfMaps {
    fn name(&self) -> &'static str {
        "gradient of a convolution's maps by cuDNN"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(
        &self,
        dy: &CudaStorage,
        of_dy: &Layout,
        weight: &CudaStorage,
        of_weight: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = &dy.device;
        let task = Task::new(device, &self.x, of_weight.shape(), self.stride)?;
        let Task { x: dx, weight: w, y: of, convolution: conv, .. } = &task;
        let backward = ConvBackwardData { conv, dx, w, dy: of };
        let algorithm = sys::cudnnConvolutionBwdDataAlgo_t::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
        let refused = |e| refused("the gradient of a convolution's maps", &e);
        let mut workspace = workspace(device, backward.get_workspace_size(algorithm).map_err(refused)?)?;
        let mut dx = room(device, self.x.elem_count())?;
        let (dy, weight) = (values(dy, of_dy)?, values(weight, of_weight)?);
        // Safety: the descriptors are those of these tensors.
        unsafe { backward.launch(algorithm, workspace.as_mut(), (1.0, 0.0), &mut dx, &weight, &dy) }
            .map_err(refused)?;
        Ok(result(dx, device, self.x.clone()))
    }
}

/// The gradient of the weights, of the maps and the gradient of the results.
struct OfWeight {
    weight: Shape,
    stride: usize,
}

impl CustomOp2 for OfWeight {
    fn name(&self) -> &'static str {
        "gradient of a convolution's weights by cuDNN"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        not_here()
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        of_x: &Layout,
        dy: &CudaStorage,
        of_dy: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = &x.device;
        let task = Task::new(device, of_x.shape(), &self.weight, self.stride)?;
        let Task { x: of, weight: dw, y, convolution: conv, .. } = &task;
        let backward = ConvBackwardFilter { conv, x: of, dw, dy: y };
        let algorithm = sys::cudnnConvolutionBwdFilterAlgo_t::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;
        let refused = |e| refused("the gradient of a convolution's weights", &e);
        let mut workspace = workspace(device, backward.get_workspace_size(algorithm).map_err(refused)?)?;
        let mut dw = room(device, self.weight.elem_count())?;
        let (x, dy) = (values(x, of_x)?, values(dy, of_dy)?);
        // Safety: the descriptors are those of these tensors.
        unsafe { backward.launch(algorithm, workspace.as_mut(), (1.0, 0.0), &x, &mut dw, &dy) }
            .map_err(refused)?;
        Ok(result(dw, device, self.weight.clone()))
    }
}
