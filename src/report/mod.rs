//! What people and programs read of a study: progress, tables, JSON events, figures, the page.

mod advance;
mod bars;
mod compared;
mod comparison;
pub mod figures;
mod fit;
mod json;
mod key_values;
mod likelihoods;
mod lines;
mod narrow_table;
mod output_scales;
mod page;
mod pictures;
mod progress;
mod replicates;
mod run_fields;
mod runs;
mod table;
mod tensorboard;
mod visible;

pub use compared::comparison_text;
pub use fit::fit_table;
pub use json::JsonEvents;
pub use likelihoods::{ScoredRun, likelihoods_text};
pub use lines::ProgressLines;
pub use output_scales::output_scales_text;
pub use pictures::{DrawOptions, Written, write_figures};
pub use progress::{Progress, ProgressBars, note};
pub use replicates::replicates_table;
pub use run_fields::{RunField, keep_runs, sort_runs};
pub use runs::{run_lines_json, run_table};
pub use table::{GLOSSARY, end_table};
pub use tensorboard::TensorBoard;
pub use visible::visible;
