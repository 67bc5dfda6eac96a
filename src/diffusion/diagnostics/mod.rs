//! Diagnostics of a reverse process, beside its samples.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`options`] | `[diagnostics]` of a spec: what is computed |
//! | [`cloning`] | going on twice from the same points: when the process chooses between the modes of the data |
//! | [`error_over_t`] | the error of the predicted noise by diffusion time |

pub mod cloning;
pub mod error_over_t;
pub mod options;

pub use options::DiagnosticsOptions;
