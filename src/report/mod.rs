//! What people and programs read of a study: progress, tables, JSON events, figures, the page. Without the features `figures` and
//! `tensorboard` the program is built without these, and without the crates that only they need.

mod advance;
mod bars;
mod bits_per_dim;
mod compared;
mod comparison;
mod count_bar;
#[cfg(feature = "figures")]
pub mod figures;
mod fit;
mod json;
mod key_values;
mod likelihoods;
mod lines;
#[cfg(feature = "figures")]
mod map_page;
mod narrow_table;
mod output_scales;
#[cfg(feature = "figures")]
mod page;
#[cfg(feature = "figures")]
mod pictures;
mod point_names;
mod progress;
mod replicates;
mod run_fields;
mod runs;
mod slots;
mod table;
#[cfg(feature = "tensorboard")]
mod tensorboard;
mod visible;
mod wrapped;

pub use bits_per_dim::bits_per_dim_text;
pub use compared::comparison_text;
pub use count_bar::CountBar;
pub use fit::fit_table;
pub use json::JsonEvents;
pub use likelihoods::{ScoredRun, likelihoods_text};
pub use lines::ProgressLines;
#[cfg(feature = "figures")]
pub use map_page::{MapResults, map_page};
pub use output_scales::output_scales_text;
#[cfg(feature = "figures")]
pub use pictures::{DrawOptions, Written, write_figures};
pub use progress::{Progress, ProgressBars, note};
pub use replicates::replicates_table;
pub use run_fields::{RunField, keep_runs, sort_runs};
pub use runs::{run_lines_json, run_table};
pub use table::{GLOSSARY, end_table};
#[cfg(feature = "tensorboard")]
pub use tensorboard::TensorBoard;
pub use visible::visible;
pub use wrapped::wrapped;
