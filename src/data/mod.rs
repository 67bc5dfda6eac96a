//! Where points come from: mixtures, two-dimensional shapes, tables; and the scaling that the network sees.

pub mod mixture;
mod mixture_error;
pub mod scaling;
pub mod shapes;
pub mod source;
pub mod table;
