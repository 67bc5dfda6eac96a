//! Images of one size: what readers of image files produce, and what metrics of images take.

mod built_in;
mod cifar;
mod dealt;
mod degrade;
mod error;
mod folder;
mod idx;
mod kept;
mod listing;
mod npy;
mod options;
mod picture;
mod read;
mod reading;
mod resample;
mod write;

pub use built_in::NamedImages;
pub use dealt::{Images, images_of};
pub use degrade::Degradation;
pub use error::ImagesError;
pub use kept::KeptImages;
pub use options::{Crop, DamagedImages, ImageOptions, Resize};
pub use read::{FoundImages, read, read_named, read_watched};
pub use reading::{Reading, Watch};

use ndarray::ArrayView2;
use sha2::{Digest, Sha256};

use crate::numeric::digest::hex;

/// Images of one size, 8 bits a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSet {
    /// Height in pixels, at least 1.
    pub height: usize,
    /// Width in pixels, at least 1.
    pub width: usize,
    /// Channels of a pixel: 1 is grey, 3 are red, green, blue.
    pub channels: usize,
    /// The values, `n h w c` of them: image after image, row after row, pixel after pixel, channel after channel.
    pub pixels: Vec<u8>,
    /// A name for each of the `n` images: its file, or its place in a file of several.
    pub names: Vec<String>,
}

/// The size of an image as a network takes it: channels, height, width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageShape {
    /// Channels of a pixel: 1 is grey, 3 are red, green, blue.
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

impl ImageShape {
    /// Values of one image.
    pub fn values(self) -> usize {
        self.channels * self.height * self.width
    }

    /// A name for each value in the order of a point, channel after channel: `p_ROW_COLUMN`, with `_CHANNEL` behind it where
    /// there are several, all from 0.
    pub fn axis_names(self) -> Vec<String> {
        let pixels = (0..self.height).flat_map(|row| (0..self.width).map(move |column| (row, column)));
        let name = |channel: usize, (row, column): (usize, usize)| match self.channels {
            1 => format!("p_{row}_{column}"),
            _ => format!("p_{row}_{column}_{channel}"),
        };
        (0..self.channels).flat_map(|channel| pixels.clone().map(move |at| name(channel, at))).collect()
    }
}

/// Values and shape that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{values} values are not {images} images of {height} x {width} pixels with {channels} channel(s); every extent must be at least 1"
)]
pub struct WrongShape {
    values: usize,
    images: usize,
    height: usize,
    width: usize,
    channels: usize,
}

impl ImageSet {
    /// Puts images together; `pixels` has `n h w c` values and `names` `n`.
    ///
    /// # Errors
    /// If these counts do not agree, or an extent is 0.
    pub fn new(
        (height, width, channels): (usize, usize, usize),
        pixels: Vec<u8>,
        names: Vec<String>,
    ) -> Result<Self, WrongShape> {
        let (values, images) = (pixels.len(), names.len());
        let product = [height, width, channels].iter().try_fold(images, |n, &extent| n.checked_mul(extent));
        match height > 0 && width > 0 && channels > 0 && product == Some(values) {
            true => Ok(Self { height, width, channels, pixels, names }),
            false => Err(WrongShape { values, images, height, width, channels }),
        }
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Height, width and channels.
    pub fn shape(&self) -> (usize, usize, usize) {
        (self.height, self.width, self.channels)
    }

    /// Values of one image: `h w c`.
    pub fn values_per_image(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// The values of one image, `h w c` of them.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[u8] {
        let values = self.values_per_image();
        &self.pixels[index * values..(index + 1) * values]
    }

    /// The values as a matrix `(n, h w c)`, a row for each image.
    pub fn rows(&self) -> ArrayView2<'_, u8> {
        let shape = (self.len(), self.values_per_image());
        ArrayView2::from_shape(shape, &self.pixels).expect("the number of values was compared")
    }

    /// SHA-256 of height, width and channels, each 8 bytes little-endian, and of the values, in hexadecimal: the same
    /// whatever files the images come from, and whatever their names.
    pub fn sha256(&self) -> String {
        let shape = [self.height, self.width, self.channels];
        let shape = shape.iter().flat_map(|extent| (*extent as u64).to_le_bytes()).collect::<Vec<u8>>();
        hex(Sha256::new().chain_update(shape).chain_update(&self.pixels))
    }
}
