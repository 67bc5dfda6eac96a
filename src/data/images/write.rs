//! Images as files that [`read`](super::read) takes.

use super::ImageSet;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use ndarray::ArrayView;
use ndarray_npy::{WriteNpyError, WriteNpyExt};
use std::io::Write;

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
