//! The images that commands read.

use super::Failure;
use crate::data::images::ImageSet;
use crate::data::table::file_bytes;
use ndarray::ArrayD;
use ndarray_npy::ReadNpyExt;
use std::path::Path;

/// The images of a file: an npy array of uint8 with axes `(n, height, width)` or `(n, height, width, channels)`. None if the
/// file is something else, such as a table. This is the one place where commands learn to read more kinds of images.
pub(super) fn read_images(path: &Path) -> Result<Option<ImageSet>, Failure> {
    let wrong = |reason: String| Failure::input(format!("{}: {reason}", path.display()));
    let bytes = file_bytes(path).map_err(|e| wrong(e.to_string()))?;
    let Ok(array) = ArrayD::<u8>::read_npy(bytes.as_slice()) else { return Ok(None) };
    let (n, shape) = match *array.shape() {
        [n, height, width] => (n, (height, width, 1)),
        [n, height, width, channels] => (n, (height, width, channels)),
        _ => return Ok(None),
    };
    if n == 0 {
        return Err(wrong("the array holds no image".to_string()));
    }
    let names = (0..n).map(|index| index.to_string()).collect();
    let images = ImageSet::new(shape, array.iter().copied().collect(), names);
    images.map(Some).map_err(|e| wrong(e.to_string()))
}
