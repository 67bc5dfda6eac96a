//! `--json`: one event a line on standard output.

use crate::run::{Event, Reporter, Stage};
use crate::store::console;
use crate::study::Finished;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two `progress` events of a run.
const PAUSE: Duration = Duration::from_millis(200);

/// Prints `begin`, `notice`, `stage`, `progress`, `finished`, `failed` and `result` events.
#[derive(Debug, Default)]
pub struct JsonEvents {
    /// Total of the stage and time of the last event, by run.
    runs: Mutex<HashMap<String, (u64, Instant)>>,
}

impl JsonEvents {
    /// Events on standard output.
    pub fn new() -> Self {
        Self::default()
    }

    /// The last event: every value of the summary, and seconds by run and stage.
    pub fn result(&self, finished: &Finished) {
        emit(&json!({
            "event": "result",
            "out": finished.out,
            "seconds": finished.seconds,
            "summary": finished.summary,
            "runs": finished.runs,
        }));
    }
}

fn emit(event: &Value) {
    console::print(&format!("{event}\n"));
}

impl JsonEvents {
    fn stage(&self, run: &str, stage: Stage, total: u64) {
        emit(&json!({"event": "stage", "run": run, "stage": stage.name(), "total": total}));
        self.runs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(run.to_string(), (total, Instant::now()));
    }

    fn progress(&self, run: &str, stage: Stage, done: u64, value: Option<(&'static str, f64)>) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((total, last)) = runs.get_mut(run) else { return };
        if last.elapsed() < PAUSE && done < *total {
            return;
        }
        *last = Instant::now();
        let mut event =
            json!({"event": "progress", "run": run, "stage": stage.name(), "done": done, "total": *total});
        if let Some((name, value)) = value {
            event[name.replace('-', "_")] = json!(value);
        }
        emit(&event);
    }
}

impl Reporter for JsonEvents {
    fn on(&self, event: Event) {
        match event {
            Event::Begin { runs } => emit(&json!({"event": "begin", "runs": runs})),
            Event::Stage { run, stage, total } => self.stage(run, stage, total),
            Event::Progress { run, stage, done, value } => self.progress(run, stage, done, value),
            Event::Finished { run } => emit(&json!({"event": "finished", "run": run})),
            Event::Failed { run, why } => emit(&json!({"event": "failed", "run": run, "why": why})),
            Event::Notice(text) => emit(&json!({"event": "notice", "text": text})),
            Event::Loss { .. } | Event::Metrics { .. } => {}
        }
    }
}
