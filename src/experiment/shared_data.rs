//! The data that runs have in common: prepared by whoever comes first, dropped after the last of them.

use super::error::{ExperimentError, StageError};
use super::replicate::Replicate;
use super::runs::PlannedRun;
use crate::spec::Plan;
use candle_core::Device;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

type Cell = OnceLock<Result<Replicate, StageError>>;

/// The data of one replicate, and how many runs still need them.
struct Slot {
    cell: Mutex<Option<Arc<Cell>>>,
    left: AtomicUsize,
}

/// The data of all runs of a list, each known by its place there.
pub struct SharedData {
    device: Device,
    slots: Vec<Slot>,
    of_run: Vec<usize>,
}

/// Prepared data, in use as long as this lives.
pub struct Prepared(Arc<Cell>);

impl Prepared {
    /// The data of replicate `index`, or why they could not be prepared.
    ///
    /// # Errors
    /// If they could not.
    pub fn replicate(&self, index: usize) -> Result<&Replicate, ExperimentError> {
        match self.0.get() {
            Some(Ok(replicate)) => Ok(replicate),
            Some(Err(error)) => Err(ExperimentError::Data { replicate: index, reason: error.to_string() }),
            None => Err(ExperimentError::Defect(format!("the data of replicate {index} are not prepared"))),
        }
    }
}

impl SharedData {
    /// Finds out which runs share their data, whose metrics may use a device; nothing is prepared yet.
    ///
    /// # Errors
    /// If a spec has no TOML form.
    pub fn new(runs: &[&PlannedRun], device: Device) -> Result<Self, ExperimentError> {
        let mut keys: HashMap<String, usize> = HashMap::new();
        let mut places: HashMap<(usize, usize), usize> = HashMap::new();
        let mut slots: Vec<Slot> = Vec::new();
        let mut last: Option<(*const Plan, usize)> = None;
        let mut of_run = Vec::with_capacity(runs.len());
        for run in runs {
            let plan = std::ptr::from_ref(run.plan);
            let key = match last {
                Some((same, key)) if same == plan => key,
                _ => {
                    let text = run.plan.data_key();
                    let text = text.map_err(|e| ExperimentError::Defect(format!("spec: {e}")))?;
                    let next = keys.len();
                    *keys.entry(text).or_insert(next)
                }
            };
            last = Some((plan, key));
            let slot = *places.entry((key, run.label.replicate)).or_insert(slots.len());
            if slot == slots.len() {
                slots.push(Slot { cell: Mutex::default(), left: AtomicUsize::new(0) });
            }
            slots[slot].left.fetch_add(1, Ordering::Relaxed);
            of_run.push(slot);
        }
        Ok(Self { device, slots, of_run })
    }

    /// The runs in an order that does those with the same data one after the other, so that few replicates
    /// are in memory at a time.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.of_run.len()).collect();
        order.sort_by_key(|&run| self.of_run[run]);
        order
    }

    /// The data of a run, prepared if they are not yet.
    pub fn prepare(&self, run: usize, plan: &Plan, replicate: usize) -> Prepared {
        let slot = &self.slots[self.of_run[run]];
        let cell = Arc::clone(
            slot.cell.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Arc::default),
        );
        cell.get_or_init(|| Replicate::prepare(plan, replicate, &self.device));
        Prepared(cell)
    }

    /// Says that a run is over, however it ended.
    pub fn release(&self, run: usize) {
        let slot = &self.slots[self.of_run[run]];
        if slot.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            slot.cell.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}
