//! What people look at: progress, the table at the end, JSON events.

mod json;
mod progress;
mod table;

pub use json::JsonEvents;
pub use progress::ProgressBars;
pub use table::end_table;
