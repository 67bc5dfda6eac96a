//! How images are to be read: what is cut out, to which size, with how many channels.

use crate::numeric::options::{OutOfRange, require};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The largest side of an image.
const LARGEST_SIDE: usize = 4096;

/// What a user says about images; what is left out is as the files have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ImageOptions {
    /// Height and width in pixels; none for those of the files, which must then be the same.
    pub size: Option<usize>,
    /// How values of the new pixels are made.
    pub resize: Resize,
    /// What is cut out before.
    pub crop: Crop,
    /// 1 for grey, 3 for red, green, blue; none for colour if any image has it.
    pub channels: Option<usize>,
    /// What becomes of files that cannot be decoded.
    pub damaged: DamagedImages,
}

impl ImageOptions {
    /// The options by the names of their keys.
    pub(super) fn in_words(&self) -> String {
        let or_none = |value: Option<usize>| value.map_or("none".to_string(), |value| value.to_string());
        format!(
            "size = {}, resize = {:?}, crop = {:?}, channels = {}, damaged = {:?}",
            or_none(self.size),
            self.resize,
            self.crop,
            or_none(self.channels),
            self.damaged
        )
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// With the key that is wrong.
    pub fn check(&self) -> Result<(), OutOfRange> {
        if let Some(size) = self.size {
            require((1..=LARGEST_SIDE).contains(&size), "size", || {
                format!("is {size}, but it must be a whole number from 1 to {LARGEST_SIDE}")
            })?;
        }
        let channels = self.channels.unwrap_or(1);
        require(matches!(channels, 1 | 3), "channels", || {
            format!("is {channels}, but it must be 1 (grey) or 3 (red, green, blue)")
        })
    }
}

/// How images get their size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resize {
    /// The mean over the area that a new pixel covers, parts of pixels by their share.
    #[default]
    Area,
    /// Keys' cubic kernel with a = -1/2, widened where the image gets smaller (antialiased), as Pillow has it.
    Bicubic,
    /// The pixel in which the centre of the new pixel lies.
    Nearest,
}

impl Resize {
    /// The name used in specs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Area => "area",
            Self::Bicubic => "bicubic",
            Self::Nearest => "nearest",
        }
    }
}

/// What is cut out of an image before it gets its size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Crop {
    /// Nothing is cut off; an image that is not square is stretched where `size` asks for a square.
    #[default]
    None,
    /// The largest square in the middle; of an odd rest one pixel more is cut off at the right or at the bottom.
    Center,
}

/// What becomes of image files of a folder that cannot be decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DamagedImages {
    /// The folder is refused, with their names.
    #[default]
    Refuse,
    /// They are left out, and a notice names them.
    LeaveOut,
}
