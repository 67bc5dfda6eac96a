//! A bar on the terminal for a command that counts what it has done, shown after a second.

use super::progress::draw_target;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Before it nothing is shown.
const QUIET: Duration = Duration::from_secs(1);

/// Counts, from any thread.
#[derive(Debug)]
pub struct CountBar {
    bar: ProgressBar,
    begun: Instant,
    shown: AtomicBool,
}

impl CountBar {
    /// Of `total` things; `what` is said before the bar.
    pub fn new(what: &str, total: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{msg} [{wide_bar}] {pos}/{len}, {eta} left")
            .expect("a template of known keys");
        Self {
            bar: bar.with_style(style.progress_chars("=> ")).with_message(what.to_string()),
            begun: Instant::now(),
            shown: AtomicBool::new(false),
        }
    }

    /// So many more are done.
    pub fn add(&self, count: usize) {
        if self.begun.elapsed() > QUIET && !self.shown.swap(true, Ordering::Relaxed) {
            self.bar.set_draw_target(draw_target());
        }
        self.bar.inc(count as u64);
    }
}

impl Drop for CountBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
