//! The format of MNIST: two zero bytes, the type of the values, the number of axes, their lengths as big-endian numbers of
//! 32 bits, and the values.

use super::{ImageSet, ImagesError};

/// How a file of bytes in this format begins.
const BYTES: &[u8] = b"\x00\x00\x08";

/// The types of values that are no bytes.
const OTHER_TYPES: [(u8, &str); 5] = [
    (0x09, "signed bytes"),
    (0x0b, "whole numbers of 16 bits"),
    (0x0c, "whole numbers of 32 bits"),
    (0x0d, "numbers of 32 bits"),
    (0x0e, "numbers of 64 bits"),
];

/// Whether bytes begin as a file in this format, whatever it holds.
pub(super) fn begins_as_one(bytes: &[u8]) -> bool {
    let known = |kind: u8| kind == BYTES[2] || OTHER_TYPES.iter().any(|(other, _)| *other == kind);
    matches!(bytes, [0, 0, kind, 1..=4, ..] if known(*kind))
}

/// The images in the bytes of a file: axes `(n, height, width)` or `(n, height, width, channels)`.
///
/// # Errors
/// If they hold no images of bytes, or fewer or more values than the header says.
pub(super) fn decode(bytes: &[u8]) -> Result<ImageSet, ImagesError> {
    let damaged = |reason: String| ImagesError::Damaged(format!("an idx file {reason}"));
    let (kind, axes) = match bytes {
        [0, 0, kind, axes, ..] => (*kind, usize::from(*axes)),
        _ => return Err(damaged("that breaks off in its header".into())),
    };
    if let Some((_, name)) = OTHER_TYPES.iter().find(|(other, _)| *other == kind) {
        return Err(damaged(format!("of {name}; images must be unsigned bytes")));
    }
    match axes {
        1 => return Err(damaged("with one axis, as labels have; give the file of the images".into())),
        3 | 4 => {}
        _ => return Err(damaged(format!("with {axes} axes; images have 3, or 4 with channels"))),
    }
    let header = 4 + 4 * axes;
    let Some(lengths) = bytes.get(4..header) else {
        return Err(damaged("that breaks off in its header".into()));
    };
    let lengths: Vec<usize> = lengths
        .chunks_exact(4)
        .map(|four| u32::from_be_bytes(four.try_into().expect("four bytes")) as usize)
        .collect();
    let values = lengths.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
    let there = bytes.len() - header;
    if values == Some(0) && lengths[0] > 0 {
        return Err(damaged("whose images have no pixel; each side must be at least 1".into()));
    }
    if values != Some(there) {
        let shape = lengths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
        return Err(damaged(format!("whose header says {shape} values, but {there} follow")));
    }
    let channels = lengths.get(3).copied().unwrap_or(1);
    let names = (0..lengths[0]).map(|i| i.to_string()).collect();
    ImageSet::new((lengths[1], lengths[2], channels), bytes[header..].to_vec(), names)
        .map_err(|e| ImagesError::Damaged(e.to_string()))
}
