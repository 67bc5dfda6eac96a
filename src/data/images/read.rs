//! Images from files: what a file is, its first bytes say.

use super::built_in::NamedImages;
use super::{ImageSet, ImagesError, idx};
use crate::data::table::{GZIP, file_bytes, gunzip};
use crate::numeric::digest::hex;
use ndarray::ArrayD;
use ndarray_npy::ReadNpyExt;
use sha2::{Digest, Sha256};
use std::path::Path;

/// How an array of NumPy begins.
const NPY: &[u8] = b"\x93NUMPY";

/// Images, and what is to be known of where they come from.
#[derive(Debug, Clone)]
pub struct FoundImages {
    /// The images.
    pub set: ImageSet,
    /// Digest of the files, in hexadecimal: of one file its SHA-256.
    pub sha256: String,
    /// What was decided and may not be meant, one sentence each.
    pub notices: Vec<String>,
}

/// Reads images from a file: an array of NumPy, or the format of MNIST, gzipped or not.
///
/// # Errors
/// If the file cannot be read, or holds no images.
pub fn read(path: &Path) -> Result<FoundImages, ImagesError> {
    decode(&file_bytes(path)?)
}

/// The images of a name.
///
/// # Errors
/// None that a test has not ruled out.
pub fn read_named(name: NamedImages) -> Result<FoundImages, ImagesError> {
    decode(name.file())
}

fn decode(bytes: &[u8]) -> Result<FoundImages, ImagesError> {
    let unpacked;
    let inner = if bytes.starts_with(GZIP) {
        unpacked = gunzip(bytes)?;
        unpacked.as_slice()
    } else {
        bytes
    };
    let set = if inner.starts_with(NPY) {
        npy(inner)?
    } else if idx::begins_as_one(inner) {
        idx::decode(inner)?
    } else {
        return Err(ImagesError::NotImages(
            "the file is no array of NumPy and not in the format of MNIST (idx)".to_string(),
        ));
    };
    if set.is_empty() {
        return Err(ImagesError::Empty("the array holds no image".to_string()));
    }
    let sha256 = hex(Sha256::new_with_prefix(bytes));
    Ok(FoundImages { set, sha256, notices: Vec::new() })
}

/// The images of an array of bytes with axes `(n, height, width)` or `(n, height, width, channels)`.
fn npy(bytes: &[u8]) -> Result<ImageSet, ImagesError> {
    const AXES: &str =
        "images are an array of uint8 with axes (n, height, width) or (n, height, width, channels)";
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
