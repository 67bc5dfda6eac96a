//! Cutting, resizing and changing the channels of one image, in double precision with one rounding at the end.

use super::options::{Crop, ImageOptions, Resize};
use crate::numeric::memory;

/// One image of 8 bits, pixel after pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    /// Height, width, and channels: 1 or 3.
    pub shape: (usize, usize, usize),
    /// The values, `h w c`.
    pub pixels: Vec<u8>,
}

/// Bytes of an image at most between the two steps of resizing.
const MOST_BETWEEN: u64 = 1 << 30;

/// The weights of red, green and blue in the brightness of a pixel, by Rec. 601.
const LUMA: [f64; 3] = [0.299, 0.587, 0.114];

/// Why an image of this height and width cannot be made as the options ask for it: between its two steps it has its old height and its
/// new width, in double precision.
pub(super) fn refusal((height, width): (usize, usize), options: &ImageOptions) -> Option<String> {
    let side = options.size?;
    let height = if options.crop == Crop::Center { height.min(width) } else { height };
    let bytes = memory::product([height as u64, side as u64, 8]);
    (bytes > MOST_BETWEEN).then(|| {
        format!(
            "an image of height {height} takes {} while it is resized to {side} x {side}, more than the {} that an image may; cut it, or give a smaller `data.size`",
            memory::size(bytes),
            memory::size(MOST_BETWEEN)
        )
    })
}

/// The image as the options ask for it: cut, resized, with their number of channels. Values are rounded to the nearest byte,
/// halves away from zero, once.
pub(super) fn prepare(
    (height, width, channels): (usize, usize, usize),
    pixels: &[u8],
    options: &ImageOptions,
) -> Picture {
    let (top, left, rows, columns) = match options.crop {
        Crop::None => (0, 0, height, width),
        Crop::Center => {
            let side = height.min(width);
            ((height - side) / 2, (width - side) / 2, side, side)
        }
    };
    let (new_rows, new_columns) = options.size.map_or((rows, columns), |size| (size, size));
    let new_channels = options.channels.unwrap_or(channels);
    let shape = (new_rows, new_columns, new_channels);
    if shape == (height, width, channels) {
        return Picture { shape, pixels: pixels.to_vec() };
    }
    let value = |y: usize, x: usize, c: usize| -> f64 {
        let at = ((top + y) * width + left + x) * channels;
        match (channels, new_channels) {
            (1, _) => f64::from(pixels[at]),
            (_, 1) => LUMA.iter().zip(&pixels[at..]).map(|(weight, v)| weight * f64::from(*v)).sum(),
            _ => f64::from(pixels[at + c]),
        }
    };
    let (down, across) =
        (weights(options.resize, rows, new_rows), weights(options.resize, columns, new_columns));
    let mut new = vec![0; new_rows * new_columns * new_channels];
    // Channels that are all the same are computed once.
    let own = if channels == 1 { 1 } else { new_channels };
    for c in 0..own {
        // Each row gets its width, then each column its height.
        let mut narrowed = vec![0.0; rows * new_columns];
        for y in 0..rows {
            for (x, (first, weights)) in across.iter().enumerate() {
                let terms = weights.iter().enumerate().map(|(i, weight)| weight * value(y, first + i, c));
                narrowed[y * new_columns + x] = terms.sum();
            }
        }
        for (y, (first, weights)) in down.iter().enumerate() {
            for x in 0..new_columns {
                let terms = weights
                    .iter()
                    .enumerate()
                    .map(|(i, weight)| weight * narrowed[(first + i) * new_columns + x]);
                let byte = terms.sum::<f64>().round().clamp(0.0, 255.0) as u8;
                let at = (y * new_columns + x) * new_channels;
                if own < new_channels {
                    new[at..at + new_channels].fill(byte);
                } else {
                    new[at + c] = byte;
                }
            }
        }
    }
    Picture { shape, pixels: new }
}

/// For each of `to` new pixels of a line the first of the `from` old ones that it is made of, and the weights of that and of
/// those behind it, whose sum is 1.
fn weights(resize: Resize, from: usize, to: usize) -> Vec<(usize, Vec<f64>)> {
    if from == to {
        return (0..to).map(|i| (i, vec![1.0])).collect();
    }
    let of = |i: usize| match resize {
        Resize::Nearest => ((2 * i + 1) * from / (2 * to), vec![1.0]),
        Resize::Area => {
            // In units of which an old pixel has `to` and a new one `from`, all bounds are whole numbers.
            let (low, high) = (i * from, (i + 1) * from);
            let pixels = low / to..high.div_ceil(to);
            let share = |j: usize| ((j + 1) * to).min(high) - (j * to).max(low);
            (pixels.start, pixels.map(|j| share(j) as f64 / from as f64).collect())
        }
        Resize::Bicubic => {
            let scale = from as f64 / to as f64;
            let wide = scale.max(1.0);
            let centre = (i as f64 + 0.5) * scale;
            let first = (centre - 2.0 * wide + 0.5).max(0.0) as usize;
            let last = ((centre + 2.0 * wide + 0.5) as usize).min(from);
            let all: Vec<f64> = (first..last).map(|j| cubic((j as f64 + 0.5 - centre) / wide)).collect();
            let sum: f64 = all.iter().sum();
            (first, all.into_iter().map(|weight| weight / sum).collect())
        }
    };
    (0..to).map(of).collect()
}

/// Keys' cubic kernel with a = -1/2.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}
