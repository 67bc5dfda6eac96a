//! What people look at: progress, the table at the end, JSON events.

mod fit;
mod json;
mod progress;
mod table;

pub use fit::fit_table;
pub use json::JsonEvents;
pub use progress::ProgressBars;
pub use table::end_table;
