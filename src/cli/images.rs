//! The images that commands read.

use super::Failure;
use crate::data::images::{ImageOptions, ImageSet, ImagesError, read};
use crate::report::note;
use std::path::Path;

/// The images of a file or folder, in every format that specs read, with a note of each decision. None if the file is something
/// else, such as a table.
pub(super) fn read_images(path: &Path) -> Result<Option<ImageSet>, Failure> {
    let found = match read(path, &ImageOptions::default()) {
        Ok(found) => found,
        Err(ImagesError::NotImages(_)) => return Ok(None),
        Err(e) => return Err(Failure::input(format!("{}: {e}", path.display()))),
    };
    found.notices.iter().for_each(|notice| note(&format!("{}: {notice}", path.display())));
    Ok(Some(found.set))
}
