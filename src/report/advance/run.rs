//! How far one run of a study is, from what it reports.

use super::STAGES;
use crate::report::point_names::{run_name, short_run_name};
use crate::report::visible::visible_cell;
use crate::run::{ExpectedRun, Stage, StageWork};

/// How far a run is. Work is in guessed seconds.
#[derive(Debug, Clone, Default)]
pub struct RunAdvance {
    /// Its name for people, and a shorter one.
    pub name: String,
    /// For narrow terminals.
    pub short_name: String,
    /// The stage that it is in.
    pub stage: Option<Stage>,
    /// Units of the stage, and how many are done.
    pub total: u64,
    /// Of these, those that are done.
    pub units: u64,
    /// The latest value of interest of the stage.
    pub value: Option<(&'static str, f64)>,
    /// When it began, in seconds.
    pub begun: f64,
    expected: StageWork,
    work: [f64; STAGES],
    taken_over: [bool; STAGES],
    /// What was done before it began, by stage, and what is done.
    pub(super) credited: [f64; STAGES],
    pub(super) done: [f64; STAGES],
    /// Seconds that were spent on each stage, up to the last report.
    pub(super) spent: [f64; STAGES],
    /// When it was heard of last, in seconds.
    last: f64,
    pub(super) over: bool,
}

impl RunAdvance {
    /// A run before its first event; `keys` are those of the sweep.
    pub(super) fn new(expected: &ExpectedRun, keys: &[String]) -> Self {
        let work = Stage::ALL.map(|stage| expected.work.get(stage));
        let name = visible_cell(&run_name(keys, expected.label)).into_owned();
        let short_name = visible_cell(&short_run_name(keys, expected.label)).into_owned();
        Self {
            name,
            short_name,
            expected: expected.work,
            work,
            taken_over: expected.taken_over,
            ..Self::default()
        }
    }

    /// A run of which nobody said before how much work it is.
    pub(super) fn unexpected(run: &str) -> Self {
        let name = visible_cell(run).into_owned();
        Self { short_name: name.clone(), name, ..Self::default() }
    }

    /// Work of a stage that the run does itself.
    pub(super) fn own(&self, stage: usize) -> f64 {
        if self.taken_over[stage] { 0.0 } else { self.work[stage] }
    }

    /// The part of its stage that is done, where it is known.
    pub fn part(&self) -> Option<f64> {
        (self.total > 1).then(|| self.units as f64 / self.total as f64)
    }

    /// Adds the time since the last event to the stage.
    fn spend(&mut self, now: f64) {
        if let Some(stage) = self.stage {
            self.spent[stage as usize] += now - self.last;
        }
        self.last = now;
    }

    /// Ends the stages before this one: those that were not entered were taken from another run.
    fn end_stages_before(&mut self, end: usize, now: f64) {
        self.spend(now);
        let current = self.stage.map(|stage| stage as usize);
        for stage in 0..end {
            if current == Some(stage) {
                self.done[stage] = self.own(stage);
            } else if self.done[stage] == 0.0 {
                self.taken_over[stage] = true;
            }
        }
    }

    /// Begins a stage, of which a part may have been done before.
    pub(super) fn enter(&mut self, stage: Stage, total: u64, done: u64, now: f64) {
        if self.stage.is_none() {
            (self.begun, self.last) = (now, now);
        }
        self.end_stages_before(stage as usize, now);
        self.taken_over[stage as usize] = false;
        (self.stage, self.total, self.units, self.value) = (Some(stage), total, done, None);
        let credited = self.own(stage as usize) * done as f64 / total.max(1) as f64;
        (self.credited[stage as usize], self.done[stage as usize]) = (credited, credited);
    }

    /// Hears of progress within a stage.
    pub(super) fn go_on(&mut self, stage: Stage, done: u64, value: Option<(&'static str, f64)>, now: f64) {
        self.spend(now);
        self.units = done;
        self.value = value.or(self.value);
        let part = self.expected.part(stage, done as f64 / self.total.max(1) as f64);
        self.done[stage as usize] = self.own(stage as usize) * part;
    }

    /// Ends the run. The work of one that failed is neither done nor left.
    pub(super) fn end(&mut self, failed: bool, now: f64) {
        if failed {
            self.spend(now);
            for stage in 0..STAGES {
                (self.work[stage], self.taken_over[stage]) = (self.done[stage], false);
            }
        } else {
            self.end_stages_before(STAGES, now);
        }
        self.over = true;
    }
}
