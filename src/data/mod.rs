//! Where points come from: mixtures, two-dimensional shapes, tables, images.

pub mod images;
pub mod mixture;
mod mixture_error;
pub mod shapes;
pub mod source;
pub mod split;
pub mod table;
