//! The images that commands read, and what is kept of them.

use super::Failure;
use crate::data::images::{ImageOptions, ImageSet, ImagesError, KeptImages, Reading, read_watched};
use crate::report::{CountBar, note};
use crate::store::kept_images;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The images of a file or folder, in every format that specs read, with a note of each decision. None if the file is something
/// else, such as a table.
pub(super) fn read_images(path: &Path, cache: Option<&Path>) -> Result<Option<ImageSet>, Failure> {
    let bar = DecodeBar::default();
    let watch = |done: usize, all: usize| bar.count(done, all);
    let reading = Reading { cache, watch: Some(&watch) };
    let found = match read_watched(path, &ImageOptions::default(), reading) {
        Ok(found) => found,
        Err(ImagesError::NotImages(_)) => return Ok(None),
        Err(e) => return Err(Failure::input(format!("{}: {e}", path.display()))),
    };
    found.notices.iter().for_each(|notice| note(&format!("{}: {notice}", path.display())));
    if let Some(place) = &found.to_keep {
        keep(place, &found.set);
    }
    Ok(Some(found.set))
}

/// Keeps decoded images. What cannot be kept is decoded again the next time, so it is no failure.
pub(super) fn keep(place: &KeptImages, set: &ImageSet) {
    if let Err(e) = kept_images::write(place, set) {
        note(&format!("{e}; the images are not kept, and will be decoded again"));
    }
}

/// A bar of the pictures of a folder that are decoded; of several folders one after the other.
#[derive(Default)]
pub(super) struct DecodeBar(Mutex<Option<CountBar>>);

impl DecodeBar {
    /// So many of all pictures are decoded, one more than before.
    pub fn count(&self, done: usize, all: usize) {
        let mut bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bar.get_or_insert_with(|| CountBar::new("decoding images", all)).add(1);
        if done == all {
            *bar = None;
        }
    }
}
