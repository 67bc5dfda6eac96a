//! What lies on disk: the name of every file, how it is written whole or not at all, how it is read back and checked.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`names`] | the name of every file that a study writes |
//! | [`atomic`] | files that appear whole or not at all |
//! | [`run_folder`] | the folder of a run: what it writes with its digests, and reads back checked |
//! | [`rows`], [`fit_rows`], [`diagnostics_rows`], [`summary`], [`metrics_json`], [`knn_radii`] | the tables, row by row; columns are read by name |
//! | [`sweep_values`] | the values of the sweep keys, matched by name |
//! | [`status`] | how a run ended, written last |
//! | [`sealed`] | JSON files that carry a digest of their own |
//! | [`drawn_files`] | the list of the files that drawings wrote |
//! | [`feature_cache`] | features of images, under a digest of what they depend on |
//! | [`kept_images`] | decoded images, likewise |
//! | [`checkpoints`] | a training that can go on |
//! | `lock` | one process at a time |
//! | [`console`] | standard output and standard error |
//! | [`leftovers`] | unfinished files of processes that were killed |
//! | [`wait_point`] | where a run waits for a test to kill it |

pub mod atomic;
pub mod checkpoints;
pub mod console;
pub mod diagnostics_rows;
pub mod drawn_files;
mod error;
pub mod feature_cache;
pub mod fit_rows;
pub mod kept_images;
pub mod knn_radii;
pub mod leftovers;
mod lock;
pub mod metrics_json;
pub mod metrics_rows;
pub mod names;
pub mod rows;
pub mod run_folder;
pub mod sealed;
pub mod status;
pub mod summary;
pub mod sweep_values;
pub mod wait_point;

pub use checkpoints::{Checkpoints, TrainingRecord};
pub use diagnostics_rows::{BifurcationRow, ErrorRow, LikelihoodRow, Where};
pub use drawn_files::DrawnFiles;
pub use error::StoreError;
pub use fit_rows::FitRow;
pub use lock::Lock;
pub use metrics_rows::{MetricsRow, TrainingMetricsRow};
pub use rows::{IsotropyRow, Label, LabelledRows, LossRow, Row};
pub use run_folder::RunFolder;
pub use status::{CloningStep, MeanLikelihoods, StageSeconds, State, Status};
pub use summary::{SummaryRow, SummaryValues};
