//! What people look at: progress, the table at the end, JSON events.

pub mod figures;
mod fit;
mod json;
mod page;
mod pictures;
mod progress;
mod runs;
mod table;
mod tensorboard;
mod visible;

pub use fit::fit_table;
pub use json::JsonEvents;
pub use pictures::{Written, write_figures};
pub use progress::{ProgressBars, note};
pub use runs::run_table;
pub use table::end_table;
pub use tensorboard::TensorBoard;
pub use visible::visible;
