//! Where points come from: mixtures, two-dimensional shapes, tables.

pub mod mixture;
mod mixture_error;
mod npy_header;
pub mod shapes;
pub mod source;
pub mod table;
