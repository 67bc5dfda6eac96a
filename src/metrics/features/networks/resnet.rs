//! ResNet-50.

use candle_core::{Device, Tensor};

use super::layers::{Convolution, ConvolutionShape, map_means, max_pool};
use super::weights::NetworkWeights;
use super::{NetworkOutput, Probe};
use crate::metrics::MetricsError;

/// Of batch normalization.
const EPS: f64 = 1e-5;

/// Of each group of blocks: how many blocks, and their inner channels. The blocks give four times as many.
const GROUPS: [(usize, usize); 4] = [(3, 64), (4, 128), (6, 256), (3, 512)];

/// ResNet-50 (He et al. 2016, "Deep residual learning for image recognition"), as torchvision has it: the 3 x 3 convolution
/// of a block has its stride, `eps` is 1e-5. 53 convolutions; the features are the means of the last 2048 maps.
///
/// The weights have torchvision's names: `conv1.weight`, `bn1.weight`, ..., `layer1.0.conv1.weight`, ...,
/// `layer1.0.downsample.0.weight`, ...; those of the last layer are not needed, so that networks trained without classes do.
#[derive(Clone, Debug)]
pub struct ResNet50 {
    first: Convolution,
    blocks: Vec<Block>,
}

/// Three convolutions, and what is added to them.
#[derive(Clone, Debug)]
struct Block {
    name: String,
    convolutions: [Convolution; 3],
    /// None where the maps themselves are added.
    shortcut: Option<Convolution>,
}

impl ResNet50 {
    /// Features of an image.
    pub const FEATURES: usize = 2048;
    /// Height and width of the images that the network takes.
    pub const SIDE: usize = 224;

    /// The network with these weights.
    ///
    /// # Errors
    /// If weights are missing or have another shape, or the device fails.
    pub fn new(weights: &NetworkWeights, device: &Device) -> Result<Self, MetricsError> {
        let convolution = |kernel: &str, norm: &str, shape: ConvolutionShape| {
            Convolution::new(weights, (kernel, norm), EPS, shape, device)
        };
        let with_stride = |inputs, outputs, kernel, stride| ConvolutionShape {
            stride,
            ..ConvolutionShape::same(inputs, outputs, kernel)
        };
        let first = convolution("conv1", "bn1", with_stride(3, 64, (7, 7), 2))?;
        let (mut blocks, mut inputs) = (Vec::new(), 64);
        for (group, (count, inner)) in GROUPS.into_iter().enumerate() {
            for index in 0..count {
                let name = format!("layer{}.{index}", group + 1);
                let stride = if group > 0 && index == 0 { 2 } else { 1 };
                let inner_one = |place: usize, shape| {
                    convolution(&format!("{name}.conv{place}"), &format!("{name}.bn{place}"), shape)
                };
                let convolutions = [
                    inner_one(1, with_stride(inputs, inner, (1, 1), 1))?,
                    inner_one(2, with_stride(inner, inner, (3, 3), stride))?,
                    inner_one(3, with_stride(inner, 4 * inner, (1, 1), 1))?,
                ];
                let (kernel, norm) = (format!("{name}.downsample.0"), format!("{name}.downsample.1"));
                let shortcut = || convolution(&kernel, &norm, with_stride(inputs, 4 * inner, (1, 1), stride));
                let shortcut = (index == 0).then(shortcut).transpose()?;
                blocks.push(Block { name, convolutions, shortcut });
                inputs = 4 * inner;
            }
        }
        Ok(Self { first, blocks })
    }

    /// Features of images `(n, 3, 224, 224)`, whose values have the mean and the standard deviation of ImageNet taken away.
    /// Every layer is given to `probe`.
    ///
    /// # Errors
    /// If the device or the probe fails.
    pub fn forward(&self, x: &Tensor, probe: &mut Probe) -> Result<NetworkOutput, MetricsError> {
        let mut seen = |name: &str, x: Tensor| -> Result<Tensor, MetricsError> {
            probe(name, &x)?;
            Ok(x)
        };
        let mut x = seen("conv1", self.first.forward(x, true)?)?;
        x = seen("maxpool", max_pool(&x, 2, 1)?)?;
        for Block { name, convolutions, shortcut } in &self.blocks {
            let mut inner = x.clone();
            for (place, convolution) in convolutions.iter().enumerate() {
                inner = convolution.forward(&inner, place < 2)?;
                inner = seen(&format!("{name}.conv{}", place + 1), inner)?;
            }
            let added = match shortcut {
                Some(shortcut) => seen(&format!("{name}.downsample"), shortcut.forward(&x, false)?)?,
                None => x,
            };
            x = seen(name, (inner + added)?.relu()?)?;
        }
        Ok(NetworkOutput { features: seen("avgpool", map_means(&x)?)?, logits: None })
    }
}
