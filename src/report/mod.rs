//! What people look at: progress, the table at the end, JSON events.

mod fit;
mod json;
mod progress;
mod runs;
mod table;

pub use fit::fit_table;
pub use json::JsonEvents;
pub use progress::ProgressBars;
pub use runs::run_table;
pub use table::end_table;
