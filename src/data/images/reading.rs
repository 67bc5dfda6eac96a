//! How a folder of pictures is read, whatever comes out of it.

use std::path::Path;

/// Takes note of a picture that was decoded: how many were so far, and how many there are.
pub type Watch<'a> = dyn Fn(usize, usize) + Sync + 'a;

/// How a folder of pictures is read, whatever comes out of it.
#[derive(Clone, Copy, Default)]
pub struct Reading<'a> {
    /// Folder where decoded pictures are kept.
    pub cache: Option<&'a Path>,
    /// Called after each picture that is decoded.
    pub watch: Option<&'a Watch<'a>>,
}
