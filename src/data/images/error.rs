//! Why images could not be read.

use crate::data::table::TableError;

/// Why images could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// The file or folder could not be opened or read.
    #[error("cannot be read: {0}")]
    Open(#[from] std::io::Error),
    /// The bytes of a file could not be had: it is longer than the memory, or its gzip is damaged.
    #[error("{0}")]
    Bytes(#[from] TableError),
    /// Bytes in no format of images.
    #[error("{0}")]
    NotImages(String),
    /// A file in a known format that is damaged, or that holds something else than images of 8 bits.
    #[error("{0}")]
    Damaged(String),
    /// Images of different sizes where none is asked for.
    #[error("{0}")]
    Sizes(String),
    /// A number of channels that is neither 1 nor 3.
    #[error("{0}")]
    Channels(String),
    /// There is no image in it.
    #[error("{0}")]
    Empty(String),
}
