//! Diagnostics of a reverse process, beside its samples.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`options`] | `[diagnostics]` of a spec: what is computed |

pub mod options;

pub use options::DiagnosticsOptions;
