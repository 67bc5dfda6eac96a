//! Progress where nobody watches a terminal, such as the log of a batch job: a plain line on standard error for each
//! run that is over, and now and then one that says how far the others are.

use super::advance::{Advance, roughly};
use super::visible::visible;
use crate::metrics::scored::{self, Column};
use crate::run::{Event, Reporter};
use crate::store::console;
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
    advance: Advance,
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
        let state = State { begun: now, last_line: now, advance: Advance::default() };
        Self { heartbeat, state: Mutex::new(state) }
    }

    /// The line that an event gives cause to.
    fn line(&self, event: Event) -> Option<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = state.begun.elapsed().as_secs_f64();
        state.advance.on(&event, now);
        let advance = &state.advance;
        let line = match event {
            Event::Stage { .. } | Event::Progress { .. } => {
                let due = state.last_line.elapsed() >= self.heartbeat;
                due.then(|| heartbeat(advance, advance.left(now)))
            }
            Event::Finished { run } => {
                let seconds =
                    advance.run(run).map_or(String::new(), |run| format!(" in {:.1} s", now - run.begun));
                let (name, over, all) = (advance.name(run), advance.over(), advance.all());
                Some(format!("gdiff: {name} done{seconds} ({over} of {all})"))
            }
            Event::Failed { run, why } => Some(failure_line(advance.name(run), why)),
            Event::Notice(text) => Some(note_line(text)),
            Event::TrainingMetrics { run, row } => {
                let shown = scored::columns().filter(|column| column.headline);
                let value = |column: &Column| {
                    Some(format!("{} {:.*}", column.heading, column.digits, row.get(column.name)?))
                };
                let values: Vec<String> = shown.filter_map(value).collect();
                let (name, iteration) = (advance.name(run), row.iteration);
                Some(format!("gdiff: {name} after iteration {iteration}: {}", values.join(", ")))
            }
            Event::Begin { .. } | Event::Loss { .. } | Event::Metrics { .. } => None,
        };
        if line.is_some() {
            state.last_line = Instant::now();
        }
        line
    }
}

/// Runs that are over and under way, the part of the work that is done, and the time that is left.
fn heartbeat(advance: &Advance, left: Option<f64>) -> String {
    let stage = |run: &super::advance::RunAdvance| {
        let stage = run.stage.map_or("", |stage| stage.name());
        match run.total {
            0 | 1 => format!("{} {stage}", run.name),
            total => format!("{} {stage} {}/{total}", run.name, run.units),
        }
    };
    let mut under_way: Vec<String> = advance.under_way().map(stage).collect();
    if under_way.len() > MOST_NAMED {
        let more = under_way.len() - MOST_NAMED;
        under_way.truncate(MOST_NAMED);
        under_way.push(format!("{more} more"));
    }
    let before = match advance.before() {
        0 => String::new(),
        before => format!(" ({before} done before)"),
    };
    let left = left.map_or(String::new(), |left| format!("; about {} left", roughly(left)));
    format!(
        "gdiff: {} of {} runs are over{before}, {:.0} % of the work; under way: {}{left}",
        advance.over(),
        advance.all(),
        100.0 * advance.fractions().now,
        under_way.join("; "),
    )
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
    use crate::run::{Before, ExpectedRun, Stage, StageWork};
    use crate::store::Label;

    const RUNS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

    fn begun(heartbeat: Duration, keys: &[String], before: Before) -> ProgressLines {
        let lines = ProgressLines::with_heartbeat(heartbeat);
        let values: Vec<String> = keys.iter().map(|_| "0.1".to_string()).collect();
        let labels = RUNS.map(|run| Label {
            run: run.into(),
            pipeline: "baseline".into(),
            replicate: 2,
            values: values.clone(),
        });
        let work = StageWork::of_seconds([0.0, 0.0, 60.0, 12.0, 0.0]);
        let runs = labels.each_ref().map(|label| ExpectedRun { label, work, taken_over: [false; 5] });
        assert_eq!(lines.line(Event::Begin { keys, runs: &runs, before, side_by_side: 1 }), None);
        lines
    }

    #[test]
    fn a_heartbeat_says_what_is_over_and_what_is_under_way() {
        let lines = begun(Duration::ZERO, &[], Before::default());
        let stage = |run, stage, total| lines.line(Event::Stage { run, stage, total, done: 0 }).unwrap();
        assert_eq!(
            stage("a", Stage::Data, 1),
            "gdiff: 0 of 7 runs are over, 0 % of the work; under way: a data"
        );
        stage("a", Stage::Train, 60);
        let progress = |run, stage, done| {
            lines.line(Event::Progress { run, stage, done, value: Some(("loss", 1.0)) }).unwrap()
        };
        let line = progress("a", Stage::Train, 42);
        assert!(line.contains("8 % of the work; under way: a train 42/60; about "), "{line}");
        let done = lines.line(Event::Finished { run: "a" }).unwrap();
        assert!(done.starts_with("gdiff: a done in ") && done.ends_with(" s (1 of 7)"), "{done}");
        stage("b", Stage::Train, 60);
        for run in ["c", "d", "e", "f", "g"] {
            stage(run, Stage::Data, 1);
        }
        let line = progress("b", Stage::Train, 6);
        assert!(line.contains("b train 6/60; c data; d data; e data; 2 more; about "), "{line}");
    }

    #[test]
    fn between_heartbeats_only_runs_that_are_over_have_a_line() {
        let lines = begun(Duration::MAX, &[], Before::default());
        assert_eq!(lines.line(Event::Stage { run: "a", stage: Stage::Train, total: 60, done: 0 }), None);
        assert_eq!(
            lines.line(Event::Progress { run: "a", stage: Stage::Train, done: 40, value: None }),
            None
        );
        let failed = lines.line(Event::Failed { run: "a", why: "it diverged" });
        assert_eq!(failed.unwrap(), "gdiff: a failed: it diverged");
        assert_eq!(lines.line(Event::Notice("all is well")).unwrap(), "gdiff: note: all is well");
    }

    #[test]
    fn runs_of_a_sweep_are_named_by_their_keys_and_those_before_count() {
        let keys = ["train.isotropy.lambda".to_string()];
        let lines = begun(Duration::ZERO, &keys, Before { runs: 7, work: 504.0 });
        let line = lines.line(Event::Stage { run: "a", stage: Stage::Data, total: 1, done: 0 }).unwrap();
        assert_eq!(
            line,
            "gdiff: 7 of 14 runs are over (7 done before), 50 % of the work; under way: baseline, lambda 0.1, replicate 2 data"
        );
        let done = lines.line(Event::Finished { run: "a" }).unwrap();
        assert!(done.starts_with("gdiff: baseline, lambda 0.1, replicate 2 done in "), "{done}");
        assert!(done.ends_with(" (8 of 14)"), "{done}");
    }
}
