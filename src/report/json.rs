//! `--json`: one event a line on standard output.

use super::key_values::key_values;
use crate::run::{Event, Reporter, Stage};
use crate::store::{MetricsRow, console};
use crate::study::Finished;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Shortest time between two `progress` events of a run.
const PAUSE: Duration = Duration::from_millis(200);

/// Prints `begin`, `notice`, `stage`, `progress`, `training_metrics`, `finished`, `failed` and `result` events.
#[derive(Debug)]
pub struct JsonEvents {
    clock: Instant,
    runs: Mutex<HashMap<String, OfRun>>,
}

/// What is known of a run.
#[derive(Debug, Default)]
struct OfRun {
    /// Pipeline, replicate, and the values of the sweep's keys.
    label: Map<String, Value>,
    /// Units of its stage.
    total: u64,
    /// When its last progress was told.
    told: Option<Instant>,
    /// The latest value of interest of its stage.
    value: Option<(&'static str, f64)>,
    /// Its last row of metrics.
    metrics: Option<MetricsRow>,
}

impl Default for JsonEvents {
    fn default() -> Self {
        Self { clock: Instant::now(), runs: Mutex::default() }
    }
}

impl JsonEvents {
    /// Events on standard output.
    pub fn new() -> Self {
        Self::default()
    }

    /// The last event: every value of the summary, and seconds by run and stage.
    pub fn result(&self, finished: &Finished) {
        self.emit(json!({
            "event": "result",
            "out": finished.out,
            "seconds": finished.seconds,
            "summary": finished.summary,
            "runs": finished.runs,
        }));
    }

    /// An event with its time.
    fn emit(&self, mut event: Value) {
        event["time"] = json!(time_of_day());
        event["elapsed"] = json!(self.clock.elapsed().as_secs_f64());
        console::print(&format!("{event}\n"));
    }

    /// An event of a run with what the run is.
    fn emit_of(&self, of_run: Option<&OfRun>, mut event: Value) {
        if let (Some(of_run), Some(fields)) = (of_run, event.as_object_mut()) {
            fields.extend(of_run.label.clone());
        }
        self.emit(event);
    }
}

/// The time of day, RFC 3339, to the millisecond.
fn time_of_day() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// The values that a row of metrics has.
pub fn metrics_of(row: &MetricsRow) -> Map<String, Value> {
    values_of(row.metrics())
}

fn values_of<'a>(metrics: impl Iterator<Item = (&'a str, Option<f64>)>) -> Map<String, Value> {
    metrics.filter_map(|(name, value)| Some((name.to_string(), json!(value?)))).collect()
}

impl Reporter for JsonEvents {
    fn on(&self, event: Event) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Begin { keys, runs: expected, before, side_by_side } => {
                for run in expected {
                    let of_label = json!({
                        "pipeline": run.label.pipeline,
                        "replicate": run.label.replicate,
                        "keys": key_values(keys, run.label),
                    });
                    let label = of_label.as_object().cloned().unwrap_or_default();
                    runs.insert(run.label.run.clone(), OfRun { label, ..OfRun::default() });
                }
                let (count, before) = (expected.len(), before.runs);
                self.emit(json!({
                    "event": "begin", "runs": count, "before": before, "all": before + count, "sweep_keys": keys,
                    "side_by_side": side_by_side,
                }));
            }
            Event::Stage { run, stage, total, done } => {
                let of_run = runs.entry(run.to_string()).or_default();
                (of_run.total, of_run.told, of_run.value) = (total, Some(Instant::now()), None);
                let event = json!({"event": "stage", "run": run, "stage": stage.name(), "total": total, "done": done});
                self.emit_of(Some(of_run), event);
            }
            Event::Progress { run, stage, done, value } => {
                let Some(of_run) = runs.get_mut(run) else { return };
                of_run.value = value.or(of_run.value);
                if of_run.told.is_some_and(|told| told.elapsed() < PAUSE) && done < of_run.total {
                    return;
                }
                of_run.told = Some(Instant::now());
                self.emit_of(Some(of_run), progress(run, stage, done, of_run));
            }
            Event::TrainingMetrics { run, row } => {
                let metrics = values_of(row.metrics());
                let event = json!({
                    "event": "training_metrics", "run": run, "iteration": row.iteration, "metrics": metrics,
                });
                self.emit_of(runs.get(run), event);
            }
            Event::Metrics { run, row } => {
                runs.entry(run.to_string()).or_default().metrics = Some(row.clone());
            }
            Event::Finished { run } => {
                let of_run = runs.remove(run);
                let metrics = of_run.as_ref().and_then(|of_run| of_run.metrics.as_ref()).map(metrics_of);
                self.emit_of(
                    of_run.as_ref(),
                    json!({"event": "finished", "run": run, "metrics": metrics.unwrap_or_default()}),
                );
            }
            Event::Failed { run, why } => {
                let of_run = runs.remove(run);
                self.emit_of(of_run.as_ref(), json!({"event": "failed", "run": run, "why": why}));
            }
            Event::Notice(text) => self.emit(json!({"event": "notice", "text": text})),
            Event::Loss { .. } => {}
        }
    }
}

fn progress(run: &str, stage: Stage, done: u64, of_run: &OfRun) -> Value {
    let total = of_run.total;
    let mut event =
        json!({"event": "progress", "run": run, "stage": stage.name(), "done": done, "total": total});
    if let Some((name, value)) = of_run.value {
        event[name.replace('-', "_")] = json!(value);
    }
    event
}
