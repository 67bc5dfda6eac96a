//! stub

pub mod data;
pub mod random;
