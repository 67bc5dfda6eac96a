//! Where points come from: mixtures, tables, and the scaling that the network sees.

pub mod mixture;
pub mod scaling;
pub mod table;
