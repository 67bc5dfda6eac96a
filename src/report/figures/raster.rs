//! Several images side by side as one picture of pixels.

use crate::data::images::ImageSet;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Pixels between two images, which are transparent.
const GAP: usize = 1;

/// The images in rows of so many, from the left upper corner on, as the bytes of a PNG of one pixel for each of theirs.
///
/// # Errors
/// If there are no images, or they are too large for a PNG.
pub fn sheet(images: &ImageSet, columns: usize) -> Result<Vec<u8>, String> {
    let (height, width, channels) = images.shape();
    let rows = images.len().div_ceil(columns.max(1));
    let (down, across) = (rows * (height + GAP) + GAP, columns * (width + GAP) + GAP);
    let mut pixels = vec![0; down * across * 4];
    for i in 0..images.len() {
        let (top, left) = (GAP + i / columns * (height + GAP), GAP + i % columns * (width + GAP));
        for (place, pixel) in images.image(i).chunks_exact(channels).enumerate() {
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
