//! From images to features.

use candle_core::{Device, Tensor};
use ndarray::Array2;
use rayon::prelude::*;

use super::kind::FeatureKind;
use super::networks::{InceptionNetwork, NetworkOutput, NetworkWeights, ResNet50};
use super::random_network::RandomNetwork;
use super::resize::Resizing;
use crate::data::images::ImageSet;
use crate::metrics::MetricsError;

/// Images that a GPU takes at a time.
const BATCH: usize = 64;

/// Mean and standard deviation of the channels of ImageNet, of values from 0 to 1.
const IMAGENET: [(f32, f32); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

/// Features of images, and what the class probabilities are the softmax of where the network has classes.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFeatures {
    /// `(n, d)`.
    pub values: Array2<f64>,
    /// `(n, classes)`.
    pub logits: Option<Array2<f64>>,
}

impl ImageFeatures {
    /// The class probabilities, `(n, classes)`.
    pub fn probabilities(&self) -> Option<Array2<f64>> {
        let mut p = self.logits.clone()?;
        for mut row in p.outer_iter_mut() {
            let largest = row.fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            row.mapv_inplace(|v| (v - largest).exp());
            let sum = row.sum();
            row.mapv_inplace(|v| v / sum);
        }
        Some(p)
    }
}

/// Makes features of images: the same of an image whatever the others are, on the CPU to the last bit and for any number of
/// threads.
#[derive(Clone, Debug)]
pub struct FeatureExtractor {
    network: Network,
    device: Device,
}

#[derive(Clone, Debug)]
enum Network {
    Pixels,
    Random { seed: u64 },
    Inception { network: InceptionNetwork, resizing: Resizing },
    Resnet50 { network: ResNet50, resizing: Resizing },
}

impl FeatureExtractor {
    /// The features of a kind: those of a network with weights in this way of resizing, random ones of this seed.
    ///
    /// # Errors
    /// If weights are needed and left out, or are not those of the network, or the device fails.
    pub fn new(
        kind: FeatureKind,
        weights: Option<&NetworkWeights>,
        (resizing, seed): (Resizing, u64),
        device: &Device,
    ) -> Result<Self, MetricsError> {
        let needed = || weights.ok_or_else(|| MetricsError::Weights(format!("there are none for {kind}")));
        match kind {
            FeatureKind::Pixels => Ok(Self::pixels()),
            FeatureKind::Random => Ok(Self::random(seed, device)),
            FeatureKind::Inception => Self::inception(needed()?, resizing, device),
            FeatureKind::Resnet50 => Self::resnet50(needed()?, resizing, device),
        }
    }

    /// The values of the pixels, 0 to 1.
    pub fn pixels() -> Self {
        Self { network: Network::Pixels, device: Device::Cpu }
    }

    /// The features of [`RandomNetwork`] with the weights of this seed.
    pub fn random(seed: u64, device: &Device) -> Self {
        Self { network: Network::Random { seed }, device: device.clone() }
    }

    /// The features of [`InceptionNetwork`].
    ///
    /// # Errors
    /// If the weights are not those of the network, or the device fails.
    pub fn inception(
        weights: &NetworkWeights,
        resizing: Resizing,
        device: &Device,
    ) -> Result<Self, MetricsError> {
        let network = InceptionNetwork::new(weights, device)?;
        Ok(Self { network: Network::Inception { network, resizing }, device: device.clone() })
    }

    /// The features of [`ResNet50`].
    ///
    /// # Errors
    /// If the weights are not those of the network, or the device fails.
    pub fn resnet50(
        weights: &NetworkWeights,
        resizing: Resizing,
        device: &Device,
    ) -> Result<Self, MetricsError> {
        let network = ResNet50::new(weights, device)?;
        Ok(Self { network: Network::Resnet50 { network, resizing }, device: device.clone() })
    }

    /// Which features.
    pub fn kind(&self) -> FeatureKind {
        match self.network {
            Network::Pixels => FeatureKind::Pixels,
            Network::Random { .. } => FeatureKind::Random,
            Network::Inception { .. } => FeatureKind::Inception,
            Network::Resnet50 { .. } => FeatureKind::Resnet50,
        }
    }

    /// The features of images. `done` is told the number of images that are done, again and again, from any thread.
    ///
    /// # Errors
    /// If the images have channels that the network does not take, or the device fails.
    pub fn extract(
        &self,
        images: &ImageSet,
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<ImageFeatures, MetricsError> {
        match &self.network {
            Network::Pixels => {
                Ok(ImageFeatures { values: images.rows().mapv(|v| f64::from(v) / 255.0), logits: None })
            }
            Network::Random { seed } => {
                let values = RandomNetwork::new(*seed, images.channels, &self.device)?.features(images)?;
                Ok(ImageFeatures { values, logits: None })
            }
            Network::Inception { .. } | Network::Resnet50 { .. } => self.by_network(images, done),
        }
    }

    fn by_network(
        &self,
        images: &ImageSet,
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<ImageFeatures, MetricsError> {
        if ![1, 3].contains(&images.channels) {
            return Err(MetricsError::Channels { features: self.kind().name(), channels: images.channels });
        }
        // On the CPU every image is a batch of its own, and the threads share the images.
        let batch = if self.device.is_cpu() { 1 } else { BATCH };
        let firsts: Vec<usize> = (0..images.len()).step_by(batch).collect();
        let of_batch = |first: &usize| {
            let count = batch.min(images.len() - first);
            let output = self.of_batch(images, *first, count)?;
            let rows = output.features.flatten_all()?.to_vec1::<f32>()?;
            let logits = output.logits.map(|logits| logits.flatten_all()?.to_vec1::<f32>()).transpose()?;
            done(count);
            Ok((rows, logits))
        };
        let parts: Vec<(Vec<f32>, Option<Vec<f32>>)> = match self.device.is_cpu() {
            true => firsts.par_iter().map(of_batch).collect::<Result<_, MetricsError>>()?,
            false => firsts.iter().map(of_batch).collect::<Result<_, MetricsError>>()?,
        };
        let (values, logits): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let matrix = |parts: Vec<Vec<f32>>| {
            let values: Vec<f64> = parts.into_iter().flatten().map(f64::from).collect();
            let columns = values.len() / images.len().max(1);
            Array2::from_shape_vec((images.len(), columns), values).expect("as many numbers of each image")
        };
        let logits: Option<Vec<Vec<f32>>> = logits.into_iter().collect();
        Ok(ImageFeatures {
            values: matrix(values),
            logits: logits.map(matrix).filter(|logits| logits.ncols() > 0),
        })
    }

    /// Of some images, which have one or three channels.
    fn of_batch(&self, images: &ImageSet, first: usize, count: usize) -> Result<NetworkOutput, MetricsError> {
        let batch = |resizing: Resizing, side: usize, scaled: &(dyn Fn(usize, f32) -> f32 + Sync)| {
            let mut values: Vec<f32> = (first..first + count)
                .into_par_iter()
                .flat_map_iter(|index| resizing.resized(images, index, (side, side)))
                .collect();
            for (place, plane) in values.chunks_exact_mut(side * side).enumerate() {
                plane.iter_mut().for_each(|v| *v = scaled(place % 3, *v));
            }
            Ok::<_, MetricsError>(Tensor::from_vec(values, (count, 3, side, side), &self.device)?)
        };
        let unseen = &mut |_: &str, _: &Tensor| Ok(());
        match &self.network {
            Network::Inception { network, resizing } => {
                let scaled = |_, value: f32| match resizing {
                    Resizing::PytorchFid => value / 127.5 - 1.0,
                    Resizing::TorchFidelity | Resizing::CleanFid => (value - 128.0) / 128.0,
                };
                network.forward(&batch(*resizing, InceptionNetwork::SIDE, &scaled)?, unseen)
            }
            Network::Resnet50 { network, resizing } => {
                let scaled = |channel: usize, value: f32| {
                    let (mean, std) = IMAGENET[channel];
                    (value / 255.0 - mean) / std
                };
                network.forward(&batch(*resizing, ResNet50::SIDE, &scaled)?, unseen)
            }
            Network::Pixels | Network::Random { .. } => unreachable!("they take no batches"),
        }
    }
}
