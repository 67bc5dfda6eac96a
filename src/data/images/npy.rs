//! Images in an array of NumPy.

use super::{ImageSet, ImagesError};
use crate::data::table::check_bytes;
use ndarray::ArrayD;
use ndarray_npy::ReadNpyExt;

/// The images of an array of bytes with axes `(n, height, width)` or `(n, height, width, channels)`.
pub(super) fn npy(bytes: &[u8]) -> Result<ImageSet, ImagesError> {
    const AXES: &str =
        "images are an array of uint8 with axes (n, height, width) or (n, height, width, channels)";
    check_bytes(bytes).map_err(ImagesError::Damaged)?;
    let array = ArrayD::<u8>::read_npy(bytes).map_err(|e| ImagesError::NotImages(format!("{AXES}: {e}")))?;
    let (n, shape) = match *array.shape() {
        [n, height, width] => (n, (height, width, 1)),
        [n, height, width, channels] => (n, (height, width, channels)),
        _ => return Err(ImagesError::NotImages(format!("{AXES}, but it has {} axes", array.ndim()))),
    };
    let names = (0..n).map(|i| i.to_string()).collect();
    ImageSet::new(shape, array.iter().copied().collect(), names)
        .map_err(|e| ImagesError::Damaged(e.to_string()))
}
