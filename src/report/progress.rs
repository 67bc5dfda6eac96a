//! Progress bars with ETA on standard error; none when it is no terminal.

use crate::experiment::{Observer, Stage};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// One bar for each run under way.
#[derive(Debug, Default)]
pub struct ProgressBars {
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
}

impl ProgressBars {
    /// Bars on standard error.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes all bars away.
    pub fn clear(&self) {
        let _ = self.all.clear();
    }

    fn with_bar(&self, run: &str, act: impl FnOnce(&ProgressBar)) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(run.to_string()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::no_length());
            let template = "{prefix:<24} {wide_bar} {pos:>7}/{len:<7} {elapsed:>4} left {eta:<4} {msg:<24}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        act(bar);
    }
}

impl Observer for ProgressBars {
    fn stage(&self, run: &str, stage: Stage, total: u64) {
        self.with_bar(run, |bar| {
            bar.set_prefix(format!("{run} {}", stage.name()));
            bar.set_message("");
            bar.set_length(total);
            bar.reset();
        });
    }

    fn progress(&self, run: &str, _: Stage, done: u64, value: Option<(&'static str, f64)>) {
        self.with_bar(run, |bar| {
            bar.set_position(done);
            if let Some((name, value)) = value {
                bar.set_message(format!("{name} {value:.4}"));
            }
        });
    }

    fn finished(&self, run: &str) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = bars.remove(run) {
            bar.finish_and_clear();
        }
    }

    fn notice(&self, text: &str) {
        self.all.suspend(|| eprintln!("gdiff: note: {text}"));
    }
}
