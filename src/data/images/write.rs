//! Images as files that [`read`](super::read) takes.

use super::ImageSet;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use ndarray::ArrayView;
use ndarray_npy::{WriteNpyError, WriteNpyExt};
use std::io::Write;

/// Pixels between two images of a sheet, which are transparent.
const GAP: usize = 1;

impl ImageSet {
    /// One image as the bytes of a PNG, grey or in colour as it is.
    ///
    /// # Errors
    /// If it has neither 1 nor 3 channels, or is too large for a PNG.
    pub fn png(&self, index: usize) -> Result<Vec<u8>, String> {
        let colour = match self.channels {
            1 => ExtendedColorType::L8,
            3 => ExtendedColorType::Rgb8,
            other => return Err(format!("an image of {other} channels has no PNG; 1 or 3 have one")),
        };
        let size = |n: usize| u32::try_from(n).map_err(|e| e.to_string());
        let mut png = Vec::new();
        let encoder = PngEncoder::new(&mut png);
        let written = encoder.write_image(self.image(index), size(self.width)?, size(self.height)?, colour);
        written.map_err(|e| e.to_string())?;
        Ok(png)
    }

    /// All images side by side in rows of so many, from the left upper corner on, as the bytes of a PNG of one pixel for each
    /// of theirs.
    ///
    /// # Errors
    /// If there are no images, or they are too large for a PNG.
    pub fn sheet(&self, columns: usize) -> Result<Vec<u8>, String> {
        let (height, width, channels) = self.shape();
        let rows = self.len().div_ceil(columns.max(1));
        let (down, across) = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP);
        let mut pixels = vec![0; down * across * 4];
        for i in 0..self.len() {
            let (top, left) = (GAP + i / columns * (height + GAP), GAP + i % columns * (width + GAP));
            for (place, pixel) in self.image(i).chunks_exact(channels).enumerate() {
                let at = ((top + place / width) * across + left + place % width) * 4;
                let [red, green, blue] = match pixel {
                    [red, green, blue, ..] => [*red, *green, *blue],
                    other => [other[0]; 3],
                };
                pixels[at..at + 4].copy_from_slice(&[red, green, blue, u8::MAX]);
            }
        }
        let size = |n: usize| u32::try_from(n).map_err(|e| e.to_string());
        let mut png = Vec::new();
        let encoder = PngEncoder::new(&mut png);
        let written = encoder.write_image(&pixels, size(across)?, size(down)?, ExtendedColorType::Rgba8);
        written.map_err(|e| e.to_string())?;
        Ok(png)
    }

    /// All images as an array of NumPy: uint8 with axes `(n, height, width)` if they are grey, else `(n, height, width,
    /// channels)`.
    ///
    /// # Errors
    /// If the writer fails.
    pub fn write_npy(&self, output: impl Write) -> Result<(), WriteNpyError> {
        let (height, width, channels) = self.shape();
        let all = [self.len(), height, width, channels];
        let axes = if channels == 1 { &all[..3] } else { &all[..] };
        let array = ArrayView::from_shape(axes, &self.pixels).expect("the number of values was compared");
        array.write_npy(output)
    }
}
