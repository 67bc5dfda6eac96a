//! `--tensorboard`: scalars of each run as TensorBoard event files, written while the runs are under way.

mod events;

use self::events::{Events, FAILURE, SUCCESS, without_times};
use super::key_values::typed;
use crate::run::{Event, ExpectedRun, Reporter, Stage};
use crate::store::leftovers::remove_leftovers;
use crate::store::rows::read_rows;
use crate::store::{Label, LossRow, MetricsRow, Status, StoreError, TrainingMetricsRow, atomic, names};
use crate::study::{Finished, planned};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the HParams tab shows of a run.
fn hparams(keys: &[String], label: &Label) -> Vec<(String, Value)> {
    let fixed =
        [("pipeline", Value::from(label.pipeline.clone())), ("replicate", Value::from(label.replicate))];
    let keys = keys.iter().zip(&label.values).map(|(key, value)| (key.clone(), typed(value)));
    fixed.map(|(name, value)| (name.to_string(), value)).into_iter().chain(keys).collect()
}

/// The event file of a finished run, made of its tables.
fn of_tables(folder: &Path, hparams: &[(String, Value)]) -> Result<Vec<u8>, StoreError> {
    let losses: Vec<LossRow> = match folder.join(names::LOSS) {
        path if path.is_file() => read_rows(&path)?,
        _ => Vec::new(),
    };
    let evaluations: Vec<TrainingMetricsRow> = match folder.join(names::TRAINING_METRICS) {
        path if path.is_file() => read_rows(&path)?,
        _ => Vec::new(),
    };
    let metrics: Vec<MetricsRow> = read_rows(&folder.join(names::METRICS))?;
    let mut events = Events::begin(Vec::new()).expect("writing to memory does not fail");
    events
        .session_start(hparams)
        .and_then(|()| losses.iter().try_for_each(|row| events.loss(row)))
        .and_then(|()| evaluations.iter().try_for_each(|row| events.training_metrics(row)))
        .and_then(|()| metrics.iter().try_for_each(|row| events.metrics(row)))
        .and_then(|()| events.session_end(SUCCESS))
        .expect("writing to memory does not fail");
    Ok(events.out)
}

/// A reporter that also writes event files, a folder for each run under `DIR/tensorboard`.
pub struct TensorBoard<'a> {
    inner: &'a dyn Reporter,
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<String, Events<BufWriter<File>>>,
    /// What the HParams tab shows of each run.
    hparams: HashMap<String, Vec<(String, Value)>>,
    /// Runs that were written by this process.
    written: HashSet<String>,
    /// The first failure; a run goes on without its events.
    failure: Option<StoreError>,
}

impl<'a> TensorBoard<'a> {
    /// Writes beside what `inner` does, into an output folder.
    pub fn new(inner: &'a dyn Reporter, out: &Path) -> Self {
        Self { inner, folder: out.join(names::TENSORBOARD), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, run: &str) -> PathBuf {
        self.folder.join(run).join(names::EVENTS)
    }

    /// An empty event file of a run.
    fn begin(&self, run: &str) -> Result<Events<BufWriter<File>>, StoreError> {
        let path = self.path(run);
        atomic::make_folder(&self.folder.join(run))?;
        let hparams = self.state().hparams.get(run).cloned().unwrap_or_default();
        let events = File::create(&path).and_then(|file| Events::begin(BufWriter::new(file)));
        let events = events.and_then(|mut events| events.session_start(&hparams).map(|()| events));
        events.map_err(|source| StoreError::Write { path, source })
    }

    fn with(&self, run: &str, act: impl FnOnce(&mut Events<BufWriter<File>>) -> io::Result<()>) {
        let mut state = self.state();
        let Some(events) = state.open.get_mut(run) else { return };
        if let Err(source) = act(events) {
            state.open.remove(run);
            state.failure.get_or_insert(StoreError::Write { path: self.path(run), source });
        }
    }

    /// Looks at the event files of runs that were finished by another process, and writes those anew that do not hold
    /// the rows of the run's tables: there may be none, or one that broke off when its process was killed. Reports what
    /// failed.
    ///
    /// # Errors
    /// If an event file could not be written, or a table not be read.
    pub fn finish(self, finished: &Finished) -> Result<(), StoreError> {
        let mut state = std::mem::take(&mut *self.state());
        if let Some(failure) = state.failure.take() {
            return Err(failure);
        }
        let earlier = |status: &&Status| !state.written.contains(&status.label.run);
        for status in finished.runs.iter().filter(earlier) {
            let run = &status.label.run;
            let hparams = hparams(&finished.keys, &status.label);
            let complete = of_tables(&planned::folder(&finished.out, run), &hparams)?;
            let there = std::fs::read(self.path(run)).unwrap_or_default();
            if without_times(&there) != without_times(&complete) {
                atomic::make_folder(&self.folder.join(run))?;
                remove_leftovers(&self.folder.join(run))?;
                atomic::write(&self.path(run), |out| out.write_all(&complete))?;
            }
        }
        Ok(())
    }
}

impl Reporter for TensorBoard<'_> {
    fn on(&self, event: Event) {
        match event {
            Event::Begin { keys, runs, .. } => {
                let of = |run: &ExpectedRun| (run.label.run.clone(), hparams(keys, run.label));
                self.state().hparams.extend(runs.iter().map(of));
            }
            Event::Stage { run, stage: Stage::Data, .. } => match self.begin(run) {
                Ok(events) => {
                    let mut state = self.state();
                    state.written.insert(run.to_string());
                    state.open.insert(run.to_string(), events);
                }
                Err(error) => {
                    self.state().failure.get_or_insert(error);
                }
            },
            Event::Loss { run, row } => self.with(run, |events| events.loss(row)),
            Event::TrainingMetrics { run, row } => self.with(run, |events| events.training_metrics(row)),
            Event::Metrics { run, row } => self.with(run, |events| events.metrics(row)),
            Event::Finished { run } | Event::Failed { run, .. } => {
                let status = if matches!(event, Event::Finished { .. }) { SUCCESS } else { FAILURE };
                self.with(run, |events| events.session_end(status).and_then(|()| events.out.flush()));
                self.state().open.remove(run);
            }
            _ => {}
        }
        self.inner.on(event);
    }
}
