//! The layers that both networks are made of: convolution with batch normalization, pooling, the linear layer.

use candle_core::{Device, Tensor};

use super::on_host::{AddBias, Patches, Pool, Pooling};
use super::weights::NetworkWeights;
use crate::metrics::MetricsError;

/// What a convolution is, before it has weights.
#[derive(Clone, Debug)]
pub(super) struct ConvolutionShape {
    /// Channels.
    pub inputs: usize,
    pub outputs: usize,
    /// Rows and columns.
    pub kernel: (usize, usize),
    pub stride: usize,
    /// Zeros above and below, left and right.
    pub padding: (usize, usize),
}

impl ConvolutionShape {
    /// Stride 1, and zeros such that the map keeps its size.
    pub fn same(inputs: usize, outputs: usize, kernel: (usize, usize)) -> Self {
        Self { inputs, outputs, kernel, stride: 1, padding: (kernel.0 / 2, kernel.1 / 2) }
    }
}

/// A convolution without bias, then batch normalization with its stored moments: both in one kernel and one bias.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    shape: ConvolutionShape,
    /// `(outputs, inputs, rows, columns)`.
    kernel: Tensor,
    /// `(1, outputs, 1, 1)`.
    bias: Tensor,
}

impl Convolution {
    /// With the weights `{kernel}.weight` and `{norm}.weight`, `.bias`, `.running_mean`, `.running_var`.
    ///
    /// Batch normalization is `weight (x - mean) / sqrt(var + eps) + bias` for each channel, hence a factor on the kernel
    /// and a bias; both are computed in double precision.
    ///
    /// # Errors
    /// If weights are missing or of another shape, or a variance is negative.
    pub fn new(
        weights: &NetworkWeights,
        (kernel, norm): (&str, &str),
        eps: f64,
        shape: ConvolutionShape,
        device: &Device,
    ) -> Result<Self, MetricsError> {
        let (rows, columns) = shape.kernel;
        let sizes = [shape.outputs, shape.inputs, rows, columns];
        let values = weights.values(&format!("{kernel}.weight"), &sizes)?;
        let of_norm = |key: &str| weights.values(&format!("{norm}.{key}"), &[shape.outputs]);
        let (scales, shifts) = (of_norm("weight")?, of_norm("bias")?);
        let (means, variances) = (of_norm("running_mean")?, of_norm("running_var")?);
        if let Some(variance) = variances.iter().find(|variance| **variance < 0.0) {
            let reason = format!("`{norm}.running_var` holds {variance}; a variance is not negative");
            return Err(MetricsError::Weights(reason));
        }
        let factor = |o: usize| f64::from(scales[o]) / (f64::from(variances[o]) + eps).sqrt();
        let each = values.len() / shape.outputs;
        let kernel = values.iter().enumerate().map(|(i, v)| (f64::from(*v) * factor(i / each)) as f32);
        let bias =
            (0..shape.outputs).map(|o| (f64::from(shifts[o]) - f64::from(means[o]) * factor(o)) as f32);
        Ok(Self {
            kernel: Tensor::from_vec(kernel.collect(), &sizes, device)?,
            bias: Tensor::from_vec(bias.collect(), (1, shape.outputs, 1, 1), device)?,
            shape,
        })
    }

    /// Of maps `(n, inputs, h, w)`; `max(0, .)` at the end if `rectify`.
    ///
    /// # Errors
    /// If the device fails.
    pub fn forward(&self, x: &Tensor, rectify: bool) -> Result<Tensor, MetricsError> {
        match x.device().is_cpu() {
            true => self.on_host(x, rectify),
            false => self.by_candle(x, rectify),
        }
    }

    fn on_host(&self, x: &Tensor, rectify: bool) -> Result<Tensor, MetricsError> {
        let ConvolutionShape { inputs, outputs, kernel, stride, padding } = self.shape;
        let (n, _, height, width) = x.dims4()?;
        let patches = Patches { kernel, stride, padding };
        let (rows, columns) = patches.extent((height, width));
        let matrix = match (kernel, stride) {
            ((1, 1), 1) => x.reshape((n, inputs, height * width))?,
            _ => x.apply_op1_no_bwd(&patches)?,
        };
        let kernel = self.kernel.reshape((outputs, inputs * kernel.0 * kernel.1))?;
        let products = match n {
            1 => kernel.matmul(&matrix.squeeze(0)?)?.unsqueeze(0)?,
            _ => kernel.unsqueeze(0)?.broadcast_matmul(&matrix)?,
        };
        let bias = AddBias { rectify };
        Ok(products.apply_op2_no_bwd(&self.bias, &bias)?.reshape((n, outputs, rows, columns))?)
    }

    /// candle takes one padding for both axes, so that the zeros are put there before.
    fn by_candle(&self, x: &Tensor, rectify: bool) -> Result<Tensor, MetricsError> {
        let ConvolutionShape { stride, padding, .. } = self.shape;
        let padded = x.pad_with_zeros(2, padding.0, padding.0)?.pad_with_zeros(3, padding.1, padding.1)?;
        let x = padded.conv2d(&self.kernel, 0, stride, 1, 1)?.broadcast_add(&self.bias)?;
        Ok(if rectify { x.relu()? } else { x })
    }
}

/// The largest of each 3 x 3 entries; what lies beyond the border counts for nothing.
///
/// # Errors
/// If the device fails.
pub(super) fn max_pool(x: &Tensor, stride: usize, border: usize) -> Result<Tensor, MetricsError> {
    match x.device().is_cpu() {
        true => Ok(x.apply_op1_no_bwd(&Pool { pooling: Pooling::Largest, stride, border })?),
        false => max_pool_by_candle(x, stride, border),
    }
}

/// With a border of zeros, which changes no maximum of numbers that are not negative, as all that follow a `max(0, .)` are.
fn max_pool_by_candle(x: &Tensor, stride: usize, border: usize) -> Result<Tensor, MetricsError> {
    let padded = x.pad_with_zeros(2, border, border)?.pad_with_zeros(3, border, border)?;
    Ok(padded.max_pool2d_with_stride(3, stride)?)
}

/// The mean of each 3 x 3 entries, those beyond the border left out: a corner is the mean of four.
///
/// # Errors
/// If the device fails.
pub(super) fn average_pool(x: &Tensor) -> Result<Tensor, MetricsError> {
    match x.device().is_cpu() {
        true => Ok(x.apply_op1_no_bwd(&Pool { pooling: Pooling::Mean, stride: 1, border: 1 })?),
        false => average_pool_by_candle(x),
    }
}

/// With a border of zeros, divided by the share of the entries that are none of it.
fn average_pool_by_candle(x: &Tensor) -> Result<Tensor, MetricsError> {
    let pool = |x: &Tensor| -> Result<Tensor, MetricsError> {
        Ok(x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?.avg_pool2d_with_stride(3, 1)?)
    };
    let (_, _, height, width) = x.dims4()?;
    let present = Tensor::ones((1, 1, height, width), x.dtype(), x.device())?;
    Ok(pool(x)?.broadcast_div(&pool(&present)?)?)
}

/// The mean of each map: `(n, channels)` of `(n, channels, h, w)`.
///
/// # Errors
/// If the device fails.
pub(super) fn map_means(x: &Tensor) -> Result<Tensor, MetricsError> {
    Ok(x.flatten_from(2)?.contiguous()?.mean(2)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::Stream;

    fn normal(index: u64, shape: (usize, usize, usize, usize)) -> Tensor {
        let (n, c, h, w) = shape;
        let values = Stream::new(1, 0, "layers").standard_normal(index, 1, n * c * h * w);
        Tensor::from_vec(values.iter().map(|v| *v as f32).collect(), shape, &Device::Cpu).unwrap()
    }

    #[track_caller]
    fn same(a: &Tensor, b: &Tensor) {
        assert_eq!(a.dims(), b.dims());
        let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (a, b) in values(a).into_iter().zip(values(b)) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn what_runs_on_a_gpu_is_what_runs_on_the_host() {
        let x = normal(0, (2, 3, 9, 11));
        for (kernel, stride, padding) in [
            ((1, 1), 1, (0, 0)),
            ((1, 1), 2, (0, 0)),
            ((3, 3), 1, (1, 1)),
            ((3, 3), 2, (0, 0)),
            ((7, 7), 2, (3, 3)),
            ((1, 7), 1, (0, 3)),
            ((7, 1), 1, (3, 0)),
        ] {
            let convolution = Convolution {
                shape: ConvolutionShape { inputs: 3, outputs: 4, kernel, stride, padding },
                kernel: normal(1, (4, 3, kernel.0, kernel.1)),
                bias: normal(2, (1, 4, 1, 1)),
            };
            for rectify in [false, true] {
                let host = convolution.on_host(&x, rectify).unwrap();
                same(&host, &convolution.by_candle(&x, rectify).unwrap());
            }
        }
        let positive = x.relu().unwrap();
        for (stride, border) in [(2, 0), (2, 1), (1, 1)] {
            let host = max_pool(&positive, stride, border).unwrap();
            same(&host, &max_pool_by_candle(&positive, stride, border).unwrap());
        }
        same(&average_pool(&x).unwrap(), &average_pool_by_candle(&x).unwrap());
    }
}
