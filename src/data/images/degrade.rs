//! Real images made worse in known ways: controls that tell what a metric takes for a better or a worse set.

use super::ImageSet;
use crate::numeric::random::Stream;
use rayon::prelude::*;

/// A way to change real images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Degradation {
    /// None: the images as they are.
    None,
    /// Blurred by a normal density of this standard deviation in pixels, cut at 4 of them, reflected at the borders.
    Blur(f64),
    /// Values `v` become `c v`, with this factor `c` below 1: darker, and with less contrast.
    Fade(f64),
    /// Independent normal noise of this standard deviation, in units of the range from black to white.
    Noise(f64),
    /// Only the first of so many equal parts of the images, each of them so many times.
    Repeat(usize),
}

impl Degradation {
    /// The controls that the table of real images has: the images as they are, then each way by rising strength.
    pub const USUAL: [Self; 13] = [
        Self::None,
        Self::Blur(0.25),
        Self::Blur(0.5),
        Self::Blur(0.75),
        Self::Blur(1.0),
        Self::Fade(0.95),
        Self::Fade(0.9),
        Self::Fade(0.8),
        Self::Noise(0.02),
        Self::Noise(0.05),
        Self::Noise(0.1),
        Self::Repeat(2),
        Self::Repeat(4),
    ];

    /// The word for the way of changing images, the same for all strengths.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "fresh",
            Self::Blur(_) => "blur",
            Self::Fade(_) => "fade",
            Self::Noise(_) => "noise",
            Self::Repeat(_) => "repeat",
        }
    }

    /// Its number; none of images as they are.
    pub fn strength(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Blur(strength) | Self::Fade(strength) | Self::Noise(strength) => Some(strength),
            Self::Repeat(times) => Some(times as f64),
        }
    }

    /// Its name: the word, and the number.
    pub fn name(self) -> String {
        let word = self.word();
        self.strength().map_or(word.to_string(), |strength| format!("{word}_{strength}"))
    }

    /// The images changed, as many as before, values rounded to bytes and cut to 0 and 255; `stream` gives the noise.
    pub fn apply(self, images: &ImageSet, stream: &Stream) -> ImageSet {
        let values = images.values_per_image();
        let changed = |i: usize| -> Vec<u8> {
            let image = images.image(i);
            match self {
                Self::None => image.to_vec(),
                Self::Blur(sigma) => blurred(image, images.shape(), sigma),
                Self::Fade(factor) => image.iter().map(|v| byte(factor * f64::from(*v))).collect(),
                Self::Noise(sigma) => {
                    let noise = stream.standard_normal(i as u64, 1, values);
                    image.iter().zip(&noise).map(|(v, z)| byte(f64::from(*v) + 255.0 * sigma * z)).collect()
                }
                Self::Repeat(times) => images.image(i % images.len().div_ceil(times.max(1))).to_vec(),
            }
        };
        let pixels: Vec<Vec<u8>> = (0..images.len()).into_par_iter().map(changed).collect();
        ImageSet { pixels: pixels.concat(), ..images.clone() }
    }
}

fn byte(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// Both directions in double precision, rounded once.
fn blurred(image: &[u8], (height, width, channels): (usize, usize, usize), sigma: f64) -> Vec<u8> {
    let reach = (4.0 * sigma + 0.5) as usize;
    let weights: Vec<f64> = (0..=reach).map(|i| (-0.5 * (i as f64 / sigma).powi(2)).exp()).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    // The pixel that stands `offset` beside `at` on a line of `n`, the line going on as in mirrors at both ends: d c b a
    // before a b c d.
    let mirrored = |at: usize, offset: i64, n: usize| {
        let place = (at as i64 + offset).rem_euclid(2 * n as i64) as usize;
        if place < n { place } else { 2 * n - 1 - place }
    };
    let along = |at: usize, n: usize, value: &dyn Fn(usize) -> f64| -> f64 {
        let terms = (-(reach as i64)..=reach as i64)
            .map(|offset| weights[offset.unsigned_abs() as usize] * value(mirrored(at, offset, n)));
        terms.sum::<f64>() / sum
    };
    let mut across = vec![0.0; image.len()];
    for (place, new) in across.iter_mut().enumerate() {
        let (y, x, c) = (place / channels / width, place / channels % width, place % channels);
        *new = along(x, width, &|x| f64::from(image[(y * width + x) * channels + c]));
    }
    let down = |place: usize| {
        let (y, x, c) = (place / channels / width, place / channels % width, place % channels);
        byte(along(y, height, &|y| across[(y * width + x) * channels + c]))
    };
    (0..image.len()).map(down).collect()
}
