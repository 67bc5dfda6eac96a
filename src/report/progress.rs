//! Progress on standard error: bars with ETA where it is a terminal, else lines.

use super::lines::{ProgressLines, failure_line, note_line};
use crate::run::{Event, Reporter};
use crate::store::console;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Progress for people: bars on a terminal, else a line for each run that is over and a heartbeat.
#[derive(Debug)]
pub enum Progress {
    /// On a terminal.
    Bars(ProgressBars),
    /// In a file or a pipe.
    Lines(ProgressLines),
}

impl Progress {
    /// What suits standard error.
    pub fn on_standard_error() -> Self {
        if io::stderr().is_terminal() {
            Self::Bars(ProgressBars::default())
        } else {
            Self::Lines(ProgressLines::default())
        }
    }

    /// Takes all bars away.
    pub fn clear(&self) {
        if let Self::Bars(bars) = self {
            let _ = bars.all.clear();
        }
    }
}

impl Reporter for Progress {
    fn on(&self, event: Event) {
        match self {
            Self::Bars(bars) => bars.on(event),
            Self::Lines(lines) => lines.on(event),
        }
    }
}

/// One bar for each run that is being done, and one for all of them where there are several.
#[derive(Debug, Default)]
pub struct ProgressBars {
    all: MultiProgress,
    bars: Mutex<HashMap<String, ProgressBar>>,
    overall: OnceLock<ProgressBar>,
}

fn style() -> ProgressStyle {
    let template = "{prefix:<23} {wide_bar} {pos}/{len} {elapsed} left {eta} {msg}";
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl ProgressBars {
    /// Removes the bar of a run and counts the run.
    fn over(&self, run: &str) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = bars.remove(run) {
            bar.finish_and_clear();
        }
        if let Some(overall) = self.overall.get() {
            overall.inc(1);
        }
    }

    fn with_bar(&self, run: &str, act: impl FnOnce(&ProgressBar)) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(run.to_string()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::no_length());
            bar.set_style(style());
            bar
        });
        act(bar);
    }
}

/// Something that the user should know, beside the results.
pub fn note(text: &str) {
    console::print_error(&note_line(text));
}

impl Reporter for ProgressBars {
    fn on(&self, event: Event) {
        match event {
            Event::Begin { runs } if runs > 1 => {
                self.overall.get_or_init(|| {
                    let bar = self.all.add(ProgressBar::new(runs as u64));
                    bar.set_style(style());
                    bar.set_prefix("all runs");
                    bar
                });
            }
            Event::Stage { run, stage, total } => self.with_bar(run, |bar| {
                bar.set_prefix(format!("{run} {}", stage.name()));
                bar.set_message("");
                bar.set_length(total);
                bar.reset();
            }),
            Event::Progress { run, done, value, .. } => self.with_bar(run, |bar| {
                bar.set_position(done);
                if let Some((name, value)) = value {
                    bar.set_message(format!("{name} {value:.4}"));
                }
            }),
            Event::Finished { run } => self.over(run),
            Event::Failed { run, why } => {
                self.over(run);
                // On a terminal the message would wait under the bars for the end of everything.
                self.all.suspend(|| console::print_error(&failure_line(run, why)));
            }
            Event::Notice(text) => self.all.suspend(|| note(text)),
            Event::Begin { .. } | Event::Loss { .. } | Event::Metrics { .. } => {}
        }
    }
}
