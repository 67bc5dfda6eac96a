//! The binary files of CIFAR-10 and CIFAR-100: records of one label, or of a coarse and a fine one, and 3 x 32 x 32 bytes,
//! channel after channel.

use super::{ImageSet, ImagesError};

/// Side, and values of an image.
const SIDE: usize = 32;
const VALUES: usize = 3 * SIDE * SIDE;

/// Labels of CIFAR-10, and coarse and fine ones of CIFAR-100, at most.
const LABELS: &[u8] = &[10];
const COARSE_AND_FINE: &[u8] = &[20, 100];

/// The images in the bytes of a file.
///
/// # Errors
/// If they are no whole number of records, or a label is too large.
pub(super) fn decode(bytes: &[u8]) -> Result<ImageSet, ImagesError> {
    let fits = |labels: &&[u8]| {
        let records = bytes.chunks_exact(labels.len() + VALUES);
        records.remainder().is_empty()
            && records
                .clone()
                .all(|record| record.iter().zip(labels.iter()).all(|(label, most)| label < most))
    };
    let Some(labels) = [LABELS, COARSE_AND_FINE].into_iter().find(fits).filter(|_| !bytes.is_empty()) else {
        return Err(ImagesError::Damaged(format!(
            "no file of CIFAR-10 or CIFAR-100: its {} bytes are no whole number of records of {} or {} bytes that begin with labels",
            bytes.len(),
            LABELS.len() + VALUES,
            COARSE_AND_FINE.len() + VALUES
        )));
    };
    let mut pixels = Vec::with_capacity(bytes.len());
    for record in bytes.chunks_exact(labels.len() + VALUES) {
        let planes = &record[labels.len()..];
        let places = (0..SIDE * SIDE).flat_map(|pixel| (0..3).map(move |c| c * SIDE * SIDE + pixel));
        pixels.extend(places.map(|place| planes[place]));
    }
    let names = (0..pixels.len() / VALUES).map(|i| i.to_string()).collect();
    ImageSet::new((SIDE, SIDE, 3), pixels, names).map_err(|e| ImagesError::Damaged(e.to_string()))
}
