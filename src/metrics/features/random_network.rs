//! Features of images by a convolutional network with random weights.

use candle_core::{Device, Tensor};
use ndarray::Array2;
use rayon::prelude::*;

use crate::data::images::ImageSet;
use crate::metrics::MetricsError;
use crate::numeric::random::Stream;

/// Output channels and strides of the layers; kernels are 3 x 3, with a border of zeros.
const LAYERS: [(usize, usize); 3] = [(32, 1), (64, 2), (128, 2)];

/// Side of a kernel.
const SIDE: usize = 3;

/// Images that a GPU takes at a time.
const BATCH: usize = 256;

/// A convolutional network with random weights, which needs no file of weights and favours no kind of image. Distances
/// between its features rank degraded images sensibly (Naeem et al. 2020; arXiv 2208.09218), but they are
/// no FID, and comparable only under the same seed.
///
/// # Definition
///
/// Values `0..255` become `v / 127.5 - 1`. Then three times: a convolution with kernels `3 x 3`, a border of zeros one wide,
/// no bias, `max(0, .)`; 32, 64, 128 output channels at strides 1, 2, 2. The features are the means of the 128 maps, then
/// their maxima: `d = 256`. All in single precision.
///
/// The weights of layer `l` (from 0), `(output channel, input channel, row, column)`, are the normal numbers
/// `Stream::new(seed, 0, "random_features").standard_normal(l, outputs, 9 inputs)` times `sqrt(2 / (9 inputs))` (He et al.
/// 2015), so that they depend on the seed and the number of channels of the images alone.
#[derive(Clone, Debug)]
pub struct RandomNetwork {
    kernels: Vec<Tensor>,
    device: Device,
}

impl RandomNetwork {
    /// Features of an image.
    pub const FEATURES: usize = 2 * LAYERS[LAYERS.len() - 1].0;

    /// The network of a seed for images with so many channels.
    ///
    /// # Errors
    /// If the device fails.
    pub fn new(seed: u64, channels: usize, device: &Device) -> Result<Self, MetricsError> {
        Self::with_weights(&Self::weights(seed, channels), device)
    }

    /// The network of these weights, as [`weights`](Self::weights) gives them.
    ///
    /// # Errors
    /// If the device fails.
    pub fn with_weights(weights: &[Array2<f64>], device: &Device) -> Result<Self, MetricsError> {
        let kernels = weights.iter().map(|weights| {
            let shape = (weights.nrows(), weights.ncols() / (SIDE * SIDE), SIDE, SIDE);
            Ok(Tensor::from_vec(weights.iter().map(|w| *w as f32).collect(), shape, device)?)
        });
        Ok(Self { kernels: kernels.collect::<Result<_, MetricsError>>()?, device: device.clone() })
    }

    /// The weights of each layer, `(outputs, 9 inputs)`, before they are rounded to single precision.
    pub fn weights(seed: u64, channels: usize) -> Vec<Array2<f64>> {
        let stream = Stream::new(seed, 0, "random_features");
        let inputs = std::iter::once(channels).chain(LAYERS.iter().map(|(outputs, _)| *outputs));
        let layers = LAYERS.iter().zip(inputs).enumerate().map(|(layer, ((outputs, _), inputs))| {
            let incoming = inputs * SIDE * SIDE;
            stream.standard_normal(layer as u64, *outputs, incoming) * (2.0 / incoming as f64).sqrt()
        });
        layers.collect()
    }

    /// The features of images, `(n, 256)`. On the CPU those of an image do not depend, to the last bit, on the number of
    /// threads or on the other images.
    ///
    /// # Errors
    /// If the images have other channels than the network, or the device fails.
    pub fn features(&self, images: &ImageSet) -> Result<Array2<f64>, MetricsError> {
        // On the CPU every image is a batch of its own, and the threads share the images.
        let batch = if self.device.is_cpu() { 1 } else { BATCH };
        let batches: Vec<usize> = (0..images.len()).step_by(batch).collect();
        let of_batch = |first: &usize| self.of_batch(images, *first, batch.min(images.len() - first));
        let rows: Vec<Vec<f32>> = match self.device.is_cpu() {
            true => batches.par_iter().map(of_batch).collect::<Result<_, _>>()?,
            false => batches.iter().map(of_batch).collect::<Result<_, _>>()?,
        };
        let values = rows.into_iter().flatten().map(f64::from).collect();
        Ok(Array2::from_shape_vec((images.len(), Self::FEATURES), values)
            .expect("256 features of each image"))
    }

    fn of_batch(&self, images: &ImageSet, first: usize, count: usize) -> Result<Vec<f32>, MetricsError> {
        let (height, width, channels) = images.shape();
        let values: Vec<f32> = (first..first + count)
            .flat_map(|index| images.image(index))
            .map(|value| f32::from(*value) / 127.5 - 1.0)
            .collect();
        let x = Tensor::from_vec(values, (count, height, width, channels), &self.device)?;
        let mut x = x.permute((0, 3, 1, 2))?.contiguous()?;
        for (kernel, (_, stride)) in self.kernels.iter().zip(LAYERS) {
            x = x.conv2d(kernel, SIDE / 2, stride, 1, 1)?.relu()?;
        }
        let maps = x.flatten_from(2)?.contiguous()?;
        let features = Tensor::cat(&[maps.mean(2)?, maps.max(2)?], 1)?;
        Ok(features.flatten_all()?.to_vec1()?)
    }
}
