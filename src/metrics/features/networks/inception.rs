//! Inception-v3 as in the Frechet inception distance.

use candle_core::{Device, Tensor};
use std::collections::BTreeMap;

use super::layers::{Convolution, ConvolutionShape, average_pool, map_means, max_pool};
use super::weights::NetworkWeights;
use super::{NetworkOutput, Probe};
use crate::metrics::MetricsError;

/// Of batch normalization.
const EPS: f64 = 1e-3;

/// Inception-v3 (Szegedy et al. 2016, "Rethinking the inception architecture for computer vision") as in the Frechet
/// inception distance (Heusel et al. 2017): the network of TensorFlow's Inception of 2015-12-05, not torchvision's.
///
/// # Definition
///
/// What differs from torchvision's Inception-v3: 1008 classes; average pooling leaves out what lies beyond the border; the
/// last block (`Mixed_7c`) pools by the maximum; there is no auxiliary head. 94 convolutions without bias, each followed by
/// batch normalization (`eps` 1e-3, stored moments) and `max(0, .)`. The features are the means of the last 2048 maps. The
/// logits are the features times the weights of the last layer, without its bias, as in the inception score of Salimans et
/// al. (2016).
///
/// The weights have the names of the usual PyTorch file: `Conv2d_1a_3x3.conv.weight`, `Conv2d_1a_3x3.bn.weight`, `.bias`,
/// `.running_mean`, `.running_var`, ..., `Mixed_5b.branch1x1.conv.weight`, ..., `fc.weight`.
#[derive(Clone, Debug)]
pub struct InceptionNetwork {
    convolutions: BTreeMap<String, Convolution>,
    /// `(classes, features)`.
    classes: Tensor,
}

impl InceptionNetwork {
    /// Features of an image.
    pub const FEATURES: usize = 2048;
    /// Classes of the inception score.
    pub const CLASSES: usize = 1008;
    /// Height and width of the images that the network takes.
    pub const SIDE: usize = 299;

    /// The network with these weights.
    ///
    /// # Errors
    /// If weights are missing or have another shape, or the device fails.
    pub fn new(weights: &NetworkWeights, device: &Device) -> Result<Self, MetricsError> {
        let convolution = |(name, shape): (String, ConvolutionShape)| {
            let names = (format!("{name}.conv"), format!("{name}.bn"));
            Ok((name, Convolution::new(weights, (&names.0, &names.1), EPS, shape, device)?))
        };
        let convolutions = shapes().into_iter().map(convolution).collect::<Result<_, MetricsError>>()?;
        let classes = weights.tensor("fc.weight", &[Self::CLASSES, Self::FEATURES], device)?;
        Ok(Self { convolutions, classes })
    }

    /// Features and logits of images `(n, 3, 299, 299)`, whose values are from -1 to 1. Every layer is given to `probe`.
    ///
    /// # Errors
    /// If the device or the probe fails.
    pub fn forward(&self, x: &Tensor, probe: &mut Probe) -> Result<NetworkOutput, MetricsError> {
        let mut pass = Pass { network: self, probe };
        let mut x = pass.along("", &["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"], x)?;
        x = pass.seen("MaxPool_1", max_pool(&x, 2, 0)?)?;
        x = pass.along("", &["Conv2d_3b_1x1", "Conv2d_4a_3x3"], &x)?;
        x = pass.seen("MaxPool_2", max_pool(&x, 2, 0)?)?;
        for block in ["Mixed_5b", "Mixed_5c", "Mixed_5d"] {
            x = pass.block_35(block, &x)?;
        }
        x = pass.down_to_17("Mixed_6a", &x)?;
        for block in ["Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"] {
            x = pass.block_17(block, &x)?;
        }
        x = pass.down_to_8("Mixed_7a", &x)?;
        x = pass.block_8("Mixed_7b", &x, average_pool)?;
        x = pass.block_8("Mixed_7c", &x, |x| max_pool(x, 1, 1))?;
        let features = pass.seen("AvgPool", map_means(&x)?)?;
        let logits = pass.seen("logits", features.matmul(&self.classes.t()?)?)?;
        Ok(NetworkOutput { features, logits: Some(logits) })
    }
}

/// Names and shapes of all convolutions.
fn shapes() -> Vec<(String, ConvolutionShape)> {
    let mut all = Vec::new();
    let shrinking = |inputs, outputs, stride| ConvolutionShape {
        inputs,
        outputs,
        kernel: (3, 3),
        stride,
        padding: (0, 0),
    };
    let same = ConvolutionShape::same;
    let (one, three, five) = ((1, 1), (3, 3), (5, 5));
    let mut put = |block: &str, name: &str, shape| all.push((joined(block, name), shape));
    put("", "Conv2d_1a_3x3", shrinking(3, 32, 2));
    put("", "Conv2d_2a_3x3", shrinking(32, 32, 1));
    put("", "Conv2d_2b_3x3", same(32, 64, three));
    put("", "Conv2d_3b_1x1", same(64, 80, one));
    put("", "Conv2d_4a_3x3", shrinking(80, 192, 1));
    for (block, inputs, pooled) in [("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)] {
        put(block, "branch1x1", same(inputs, 64, one));
        put(block, "branch5x5_1", same(inputs, 48, one));
        put(block, "branch5x5_2", same(48, 64, five));
        put(block, "branch3x3dbl_1", same(inputs, 64, one));
        put(block, "branch3x3dbl_2", same(64, 96, three));
        put(block, "branch3x3dbl_3", same(96, 96, three));
        put(block, "branch_pool", same(inputs, pooled, one));
    }
    put("Mixed_6a", "branch3x3", shrinking(288, 384, 2));
    put("Mixed_6a", "branch3x3dbl_1", same(288, 64, one));
    put("Mixed_6a", "branch3x3dbl_2", same(64, 96, three));
    put("Mixed_6a", "branch3x3dbl_3", shrinking(96, 96, 2));
    let (row, column) = ((1, 7), (7, 1));
    for (block, inner) in [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)] {
        put(block, "branch1x1", same(768, 192, one));
        put(block, "branch7x7_1", same(768, inner, one));
        put(block, "branch7x7_2", same(inner, inner, row));
        put(block, "branch7x7_3", same(inner, 192, column));
        put(block, "branch7x7dbl_1", same(768, inner, one));
        put(block, "branch7x7dbl_2", same(inner, inner, column));
        put(block, "branch7x7dbl_3", same(inner, inner, row));
        put(block, "branch7x7dbl_4", same(inner, inner, column));
        put(block, "branch7x7dbl_5", same(inner, 192, row));
        put(block, "branch_pool", same(768, 192, one));
    }
    put("Mixed_7a", "branch3x3_1", same(768, 192, one));
    put("Mixed_7a", "branch3x3_2", shrinking(192, 320, 2));
    put("Mixed_7a", "branch7x7x3_1", same(768, 192, one));
    put("Mixed_7a", "branch7x7x3_2", same(192, 192, row));
    put("Mixed_7a", "branch7x7x3_3", same(192, 192, column));
    put("Mixed_7a", "branch7x7x3_4", shrinking(192, 192, 2));
    for (block, inputs) in [("Mixed_7b", 1280), ("Mixed_7c", 2048)] {
        put(block, "branch1x1", same(inputs, 320, one));
        put(block, "branch3x3_1", same(inputs, 384, one));
        put(block, "branch3x3_2a", same(384, 384, (1, 3)));
        put(block, "branch3x3_2b", same(384, 384, (3, 1)));
        put(block, "branch3x3dbl_1", same(inputs, 448, one));
        put(block, "branch3x3dbl_2", same(448, 384, three));
        put(block, "branch3x3dbl_3a", same(384, 384, (1, 3)));
        put(block, "branch3x3dbl_3b", same(384, 384, (3, 1)));
        put(block, "branch_pool", same(inputs, 192, one));
    }
    all
}

fn joined(block: &str, name: &str) -> String {
    if block.is_empty() { name.to_string() } else { format!("{block}.{name}") }
}

/// One walk through the network.
struct Pass<'a, 'b> {
    network: &'a InceptionNetwork,
    probe: &'a mut Probe<'b>,
}

impl Pass<'_, '_> {
    fn seen(&mut self, name: &str, x: Tensor) -> Result<Tensor, MetricsError> {
        (self.probe)(name, &x)?;
        Ok(x)
    }

    /// Several convolutions of a block, one after another.
    fn along(&mut self, block: &str, names: &[&str], x: &Tensor) -> Result<Tensor, MetricsError> {
        let mut x = x.clone();
        for name in names {
            let name = joined(block, name);
            let convolution = self.network.convolutions.get(&name).expect("the list has every layer");
            x = self.seen(&name, convolution.forward(&x, true)?)?;
        }
        Ok(x)
    }

    /// Branches beside each other, their maps one after another.
    fn beside(&mut self, block: &str, branches: &[Tensor]) -> Result<Tensor, MetricsError> {
        self.seen(block, Tensor::cat(branches, 1)?)
    }

    /// Maps of 35 x 35.
    fn block_35(&mut self, block: &str, x: &Tensor) -> Result<Tensor, MetricsError> {
        let branches = [
            self.along(block, &["branch1x1"], x)?,
            self.along(block, &["branch5x5_1", "branch5x5_2"], x)?,
            self.along(block, &["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"], x)?,
            self.along(block, &["branch_pool"], &average_pool(x)?)?,
        ];
        self.beside(block, &branches)
    }

    /// From 35 x 35 to 17 x 17.
    fn down_to_17(&mut self, block: &str, x: &Tensor) -> Result<Tensor, MetricsError> {
        let branches = [
            self.along(block, &["branch3x3"], x)?,
            self.along(block, &["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"], x)?,
            max_pool(x, 2, 0)?,
        ];
        self.beside(block, &branches)
    }

    /// Maps of 17 x 17.
    fn block_17(&mut self, block: &str, x: &Tensor) -> Result<Tensor, MetricsError> {
        let double =
            ["branch7x7dbl_1", "branch7x7dbl_2", "branch7x7dbl_3", "branch7x7dbl_4", "branch7x7dbl_5"];
        let branches = [
            self.along(block, &["branch1x1"], x)?,
            self.along(block, &["branch7x7_1", "branch7x7_2", "branch7x7_3"], x)?,
            self.along(block, &double, x)?,
            self.along(block, &["branch_pool"], &average_pool(x)?)?,
        ];
        self.beside(block, &branches)
    }

    /// From 17 x 17 to 8 x 8.
    fn down_to_8(&mut self, block: &str, x: &Tensor) -> Result<Tensor, MetricsError> {
        let branches = [
            self.along(block, &["branch3x3_1", "branch3x3_2"], x)?,
            self.along(block, &["branch7x7x3_1", "branch7x7x3_2", "branch7x7x3_3", "branch7x7x3_4"], x)?,
            max_pool(x, 2, 0)?,
        ];
        self.beside(block, &branches)
    }

    /// Maps of 8 x 8.
    fn block_8(
        &mut self,
        block: &str,
        x: &Tensor,
        pool: impl Fn(&Tensor) -> Result<Tensor, MetricsError>,
    ) -> Result<Tensor, MetricsError> {
        let single = self.along(block, &["branch3x3_1"], x)?;
        let double = self.along(block, &["branch3x3dbl_1", "branch3x3dbl_2"], x)?;
        let branches = [
            self.along(block, &["branch1x1"], x)?,
            self.along(block, &["branch3x3_2a"], &single)?,
            self.along(block, &["branch3x3_2b"], &single)?,
            self.along(block, &["branch3x3dbl_3a"], &double)?,
            self.along(block, &["branch3x3dbl_3b"], &double)?,
            self.along(block, &["branch_pool"], &pool(x)?)?,
        ];
        self.beside(block, &branches)
    }
}
