//! One file of one image: PNG, JPEG, WebP.

use super::resample::Picture;
use crate::numeric::memory::size;
use image::codecs::{jpeg::JpegDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{DynamicImage, ImageDecoder, ImageFormat, Limits};
use std::io::Cursor;

/// The most bytes of an image after decoding, and of its file.
pub(super) const MOST_BYTES: u64 = 256 << 20;

/// An image as its file has it, and what was decided about it.
pub(super) struct Decoded {
    pub picture: Picture,
    /// Whether it is the first of several frames.
    pub animated: bool,
    /// Whether it had transparent pixels, which are blended onto white.
    pub blended: bool,
}

/// The image in the bytes of a file, upright. The bytes say what format it is.
///
/// # Errors
/// If they are in no format that is read, damaged, cut off, or more than [`MOST_BYTES`] after decoding; in words.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, String> {
    let failed = |e: image::ImageError| e.to_string();
    if bytes.is_empty() {
        return Err("the file is empty".to_string());
    }
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_BYTES);
    let input = Cursor::new(bytes);
    let format = image::guess_format(bytes).map_err(|_| "its bytes are no PNG, JPEG or WebP".to_string())?;
    let (image, animated) = match format {
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(input, limits).map_err(failed)?;
            let animated = decoder.is_apng().map_err(failed)?;
            (pixels(decoder)?, animated)
        }
        ImageFormat::Jpeg => {
            if !ends(bytes) {
                return Err("the JPEG breaks off before its end".to_string());
            }
            (pixels(JpegDecoder::new(input).map_err(failed)?)?, false)
        }
        ImageFormat::WebP => {
            let decoder = WebPDecoder::new(input).map_err(failed)?;
            let animated = decoder.has_animation();
            (pixels(decoder)?, animated)
        }
        other => {
            let name = other.extensions_str().first().unwrap_or(&"").to_uppercase();
            return Err(format!("its bytes are {name}, which is not read; convert it to PNG"));
        }
    };
    let (picture, blended) = of_8_bits(image);
    Ok(Decoded { picture, animated, blended })
}

/// Decodes what is not too large, and turns it upright as its EXIF says.
fn pixels(mut decoder: impl ImageDecoder) -> Result<DynamicImage, String> {
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(format!("it has {width} x {height} pixels"));
    }
    let bytes = decoder.total_bytes();
    if bytes > MOST_BYTES {
        return Err(format!(
            "its {width} x {height} pixels take {} of memory, but at most {} are read; make it smaller",
            size(bytes),
            size(MOST_BYTES)
        ));
    }
    // Where the EXIF is damaged the image stands as it is.
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    orientation.into_iter().for_each(|orientation| image.apply_orientation(orientation));
    Ok(image)
}

/// The image with 8 bits a channel, and whether pixels were transparent. A value v of 16 bits is v / 257; a pixel of opacity
/// a is a v + (1 - a) 255; both are rounded once.
fn of_8_bits(image: DynamicImage) -> (Picture, bool) {
    let (height, width) = (image.height() as usize, image.width() as usize);
    let color = image.color();
    let channels = if color.has_color() { 3 } else { 1 };
    let shape = (height, width, channels);
    match image {
        DynamicImage::ImageLuma8(grey) => return (Picture { shape, pixels: grey.into_raw() }, false),
        DynamicImage::ImageRgb8(rgb) => return (Picture { shape, pixels: rgb.into_raw() }, false),
        _ => {}
    }
    let mut blended = false;
    // 8 bits become 16 exactly, v to 257 v, and grey becomes three equal channels.
    let values = image.into_rgba16().into_raw();
    let mut pixels = Vec::with_capacity(height * width * channels);
    for pixel in values.chunks_exact(4) {
        blended |= pixel[3] < u16::MAX;
        let opacity = f64::from(pixel[3]) / f64::from(u16::MAX);
        let byte = |v: &u16| (opacity * f64::from(*v) / 257.0 + (1.0 - opacity) * 255.0).round() as u8;
        pixels.extend(pixel[..channels].iter().map(byte));
    }
    (Picture { shape, pixels }, blended)
}

/// Whether a JPEG has the marker of its end behind its last scan. Decoders fill what is missing with grey, in silence.
fn ends(bytes: &[u8]) -> bool {
    const START: u8 = 0xd8;
    const END: u8 = 0xd9;
    const SCAN: u8 = 0xda;
    let mut at = 0;
    while let Some(&[0xff, marker]) = bytes.get(at..at + 2) {
        at += match marker {
            END => return true,
            // Filling bytes.
            0xff => 1,
            // Markers without contents.
            START | 0x01 | 0xd0..=0xd7 => 2,
            _ => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { return false };
                2 + usize::from(u16::from_be_bytes([high, low]))
            }
        };
        if marker == SCAN {
            // The coded values go on until a marker that is neither a zero nor a restart.
            let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7);
            let Some(next) = bytes.get(at..).and_then(|rest| rest.windows(2).position(is_marker)) else {
                return false;
            };
            at += next;
        }
    }
    false
}
