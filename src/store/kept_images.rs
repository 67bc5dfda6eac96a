//! Decoded images in a folder of the user's choice, which later calls read instead of the pictures.

use super::atomic;
use super::error::StoreError;
use super::leftovers::remove_leftovers;
use crate::data::images::{ImageSet, KeptImages};
use std::io;

/// Writes images to their place: the array first, so that a file beside it that says what it is finds it whole.
///
/// # Errors
/// If the folder cannot be made or written to.
pub fn write(place: &KeptImages, set: &ImageSet) -> Result<(), StoreError> {
    if let Some(folder) = place.array.parent() {
        atomic::make_folder(folder)?;
        remove_leftovers(folder)?;
    }
    atomic::write(&place.array, |out| set.write_npy(out).map_err(io::Error::other))?;
    atomic::write(&place.about, |out| out.write_all(place.about(set).as_bytes())).map(drop)
}
