//! Progress where nobody watches a terminal, such as the log of a batch job: a plain line on standard error for each
//! run that is over, and now and then one that says how far the others are.

use super::visible::visible;
use crate::run::{Event, Reporter, Stage};
use crate::store::console;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest time without a line while runs go on, as far as they report anything.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// More runs under way than this are counted, not named.
const MOST_NAMED: usize = 4;

/// A line for each run that is over, and a heartbeat.
#[derive(Debug)]
pub struct ProgressLines {
    heartbeat: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    begun: Instant,
    last_line: Instant,
    /// Runs in all, and how many are over.
    runs: usize,
    over: usize,
    under_way: BTreeMap<String, Position>,
}

/// How far a run is.
#[derive(Debug)]
struct Position {
    begun: Instant,
    stage: Stage,
    done: u64,
    total: u64,
}

impl Default for ProgressLines {
    fn default() -> Self {
        Self::with_heartbeat(HEARTBEAT)
    }
}

impl ProgressLines {
    /// Lines on standard error, a heartbeat not before this time after the line before it.
    pub fn with_heartbeat(heartbeat: Duration) -> Self {
        let now = Instant::now();
        let state = State { begun: now, last_line: now, runs: 0, over: 0, under_way: BTreeMap::new() };
        Self { heartbeat, state: Mutex::new(state) }
    }

    /// The line that an event gives cause to.
    fn line(&self, event: Event) -> Option<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let line = match event {
            Event::Begin { runs } => {
                (state.runs, state.over, state.begun) = (runs, 0, Instant::now());
                None
            }
            Event::Stage { run, stage, total } => {
                let begun = state.under_way.get(run).map_or_else(Instant::now, |position| position.begun);
                state.under_way.insert(run.to_string(), Position { begun, stage, done: 0, total });
                state.heartbeat(self.heartbeat)
            }
            Event::Progress { run, done, .. } => {
                if let Some(position) = state.under_way.get_mut(run) {
                    position.done = done;
                }
                state.heartbeat(self.heartbeat)
            }
            Event::Finished { run } => {
                let seconds = state.end(run);
                Some(format!("gdiff: {run} done{seconds} ({} of {})", state.over, state.runs))
            }
            Event::Failed { run, why } => {
                state.end(run);
                Some(failure_line(run, why))
            }
            Event::Notice(text) => Some(note_line(text)),
            Event::Loss { .. } | Event::Metrics { .. } => None,
        };
        if line.is_some() {
            state.last_line = Instant::now();
        }
        line
    }
}

impl State {
    /// Counts a run that is over, and tells how long it took.
    fn end(&mut self, run: &str) -> String {
        self.over += 1;
        let position = self.under_way.remove(run);
        position.map_or(String::new(), |p| format!(" in {:.1} s", p.begun.elapsed().as_secs_f64()))
    }

    /// Runs that are over and under way, and the time that is left, if it is time to say so.
    fn heartbeat(&self, pause: Duration) -> Option<String> {
        if self.last_line.elapsed() < pause {
            return None;
        }
        let named = self.under_way.iter().take(MOST_NAMED).map(|(run, p)| match p.total {
            0 | 1 => format!("{run} {}", p.stage.name()),
            total => format!("{run} {} {}/{total}", p.stage.name(), p.done),
        });
        let mut under_way: Vec<String> = named.collect();
        if self.under_way.len() > MOST_NAMED {
            under_way.push(format!("{} more", self.under_way.len() - MOST_NAMED));
        }
        let left = match self.over {
            0 => String::new(),
            over => {
                let each = self.begun.elapsed().as_secs_f64() / over as f64;
                format!("; about {} left", roughly(each * self.runs.saturating_sub(over) as f64))
            }
        };
        Some(format!(
            "gdiff: {} of {} runs are over, under way: {}{left}",
            self.over,
            self.runs,
            under_way.join(", ")
        ))
    }
}

/// A time of a person's measure.
fn roughly(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// The line of a notice.
pub(super) fn note_line(text: &str) -> String {
    format!("gdiff: note: {}", visible(text))
}

/// The line of a run that failed.
pub(super) fn failure_line(run: &str, why: &str) -> String {
    format!("gdiff: {run} failed: {}", visible(why))
}

impl Reporter for ProgressLines {
    fn on(&self, event: Event) {
        if let Some(line) = self.line(event) {
            console::print_error(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(heartbeat: Duration) -> ProgressLines {
        let lines = ProgressLines::with_heartbeat(heartbeat);
        assert_eq!(lines.line(Event::Begin { runs: 3 }), None);
        lines
    }

    #[test]
    fn a_heartbeat_says_what_is_over_and_what_is_under_way() {
        let lines = begun(Duration::ZERO);
        let stage = |run, stage, total| lines.line(Event::Stage { run, stage, total }).unwrap();
        assert_eq!(stage("a", Stage::Data, 1), "gdiff: 0 of 3 runs are over, under way: a data");
        stage("a", Stage::Train, 60);
        let progress = |run, done| {
            lines
                .line(Event::Progress { run, stage: Stage::Train, done, value: Some(("loss", 1.0)) })
                .unwrap()
        };
        assert_eq!(progress("a", 40), "gdiff: 0 of 3 runs are over, under way: a train 40/60");
        let done = lines.line(Event::Finished { run: "a" }).unwrap();
        assert!(done.starts_with("gdiff: a done in ") && done.ends_with(" s (1 of 3)"), "{done}");
        assert_eq!(
            stage("b", Stage::Sample, 12),
            "gdiff: 1 of 3 runs are over, under way: b sample 0/12; about 0 s left"
        );
        for run in ["c", "d", "e", "f", "g"] {
            stage(run, Stage::Data, 1);
        }
        assert!(progress("b", 6).contains("b sample 6/12, c data, d data, e data, 2 more; about "));
    }

    #[test]
    fn between_heartbeats_only_runs_that_are_over_have_a_line() {
        let lines = begun(Duration::MAX);
        assert_eq!(lines.line(Event::Stage { run: "a", stage: Stage::Train, total: 60 }), None);
        assert_eq!(
            lines.line(Event::Progress { run: "a", stage: Stage::Train, done: 40, value: None }),
            None
        );
        let failed = lines.line(Event::Failed { run: "a", why: "it diverged" });
        assert_eq!(failed.unwrap(), "gdiff: a failed: it diverged");
        assert_eq!(lines.line(Event::Notice("all is well")).unwrap(), "gdiff: note: all is well");
    }

    #[test]
    fn times_are_rounded_to_what_a_person_asks() {
        assert_eq!([30.0, 600.0, 36_000.0].map(roughly), ["30 s", "10 min", "10.0 h"]);
    }
}
