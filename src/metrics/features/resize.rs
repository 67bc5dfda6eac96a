//! Images resized for a network, in the ways of three public tools. They move the Frechet distance by more than many a model
//! does (Parmar et al. 2022, "On aliased resizing and surprising subtleties in GAN evaluation").

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use crate::data::images::ImageSet;

/// How images are resized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Resizing {
    /// As the package pytorch-fid: bilinear, pixel centres at halves, no antialiasing.
    #[default]
    PytorchFid,
    /// As torch-fidelity and TensorFlow 1: bilinear, pixel `i` at `i` times the ratio of the sizes, no antialiasing.
    TorchFidelity,
    /// As clean-fid and Pillow: bicubic (a = -1/2), widened where the image shrinks (antialiasing), in floating-point
    /// numbers, cut off at 0 and 255.
    CleanFid,
}

/// For an output pixel: the first input pixel, and the weights of it and those behind it.
type Taps = (usize, Vec<f64>);

impl Resizing {
    /// Its names, in the order of the variants, each with what it is.
    pub const NAMES: [(&'static str, &'static str); 3] = [
        ("pytorch-fid", "bilinear, pixel centres at halves, no antialiasing"),
        ("torch-fidelity", "bilinear as in TensorFlow 1, no antialiasing"),
        ("clean-fid", "bicubic with antialiasing, as in Pillow"),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }

    /// The values of an image, 0 to 255, as `(3, rows, columns)`: grey images three times.
    ///
    /// # Panics
    /// If there is no such image, or it has neither one nor three channels.
    pub fn resized(self, images: &ImageSet, index: usize, (rows, columns): (usize, usize)) -> Vec<f32> {
        let (height, width, channels) = images.shape();
        assert!(channels == 1 || channels == 3, "grey or colour images");
        let (across, down) = (self.taps(width, columns), self.taps(height, rows));
        let image = images.image(index);
        let mut all = Vec::with_capacity(3 * rows * columns);
        for channel in 0..channels {
            let plane: Vec<f32> =
                image[channel..].iter().step_by(channels).map(|value| f32::from(*value)).collect();
            // Rows first, rounded to single precision between, as Pillow does.
            let wide: Vec<f32> = plane
                .chunks_exact(width)
                .flat_map(|row| across.iter().map(|taps| weighted(taps, |place| row[place])))
                .collect();
            for taps in &down {
                all.extend((0..columns).map(|column| {
                    let value = weighted(taps, |place| wide[place * columns + column]);
                    if self == Self::CleanFid { value.clamp(0.0, 255.0) } else { value }
                }));
            }
        }
        match channels {
            1 => all.repeat(3),
            _ => all,
        }
    }

    /// The taps of each output pixel along an axis.
    fn taps(self, size: usize, wanted: usize) -> Vec<Taps> {
        let ratio = size as f64 / wanted as f64;
        let between = |place: f64| {
            let first = (place as usize).min(size - 1);
            let fraction = place - first as f64;
            if first + 1 == size { (first, vec![1.0]) } else { (first, vec![1.0 - fraction, fraction]) }
        };
        let of_pixel = |pixel: usize| match self {
            Self::PytorchFid => between(((pixel as f64 + 0.5) * ratio - 0.5).max(0.0)),
            Self::TorchFidelity => between(pixel as f64 * ratio),
            Self::CleanFid => {
                let (centre, widening) = ((pixel as f64 + 0.5) * ratio, ratio.max(1.0));
                let from = (centre - 2.0 * widening + 0.5).max(0.0) as usize;
                let to = ((centre + 2.0 * widening + 0.5) as usize).min(size);
                let weights: Vec<f64> =
                    (from..to).map(|place| cubic((place as f64 - centre + 0.5) / widening)).collect();
                let sum: f64 = weights.iter().sum();
                (from, weights.into_iter().map(|weight| weight / sum).collect())
            }
        };
        (0..wanted).map(of_pixel).collect()
    }
}

fn weighted((first, weights): &Taps, value: impl Fn(usize) -> f32) -> f32 {
    let terms = weights.iter().enumerate().map(|(i, weight)| weight * f64::from(value(first + i)));
    terms.sum::<f64>() as f32
}

/// The cubic convolution kernel with a = -1/2 (Keys 1981).
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    match x {
        x if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
        x if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        _ => 0.0,
    }
}

impl fmt::Display for Resizing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Resizing {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let all = [Self::PytorchFid, Self::TorchFidelity, Self::CleanFid];
        all.into_iter().find(|way| way.name() == word).ok_or_else(|| {
            format!("`{word}` is no way of resizing; write pytorch-fid, torch-fidelity or clean-fid")
        })
    }
}
