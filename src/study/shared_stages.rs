//! What runs have in common, by the key of the stage: data and spaces are kept in memory as long as a run still needs
//! them, trained networks are found in the folders of finished runs.

use super::planned::PlannedRun;
use crate::run::{FittedSpace, Replicate, Run, RunError, SharedStages, StageError};
use crate::spec::StageKeys;
use crate::store::{Status, names, run_folder};
use candle_core::Device;
use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Values that are computed by whoever needs one first, and dropped after the last that needs it.
struct Cache<T> {
    slots: Vec<Slot<T>>,
    /// The slot of each run.
    of_run: Vec<usize>,
}

struct Slot<T> {
    value: Mutex<Option<Arc<T>>>,
    /// How many runs still need it.
    left: AtomicUsize,
}

impl<T> Cache<T> {
    /// Runs whose `keys` are equal share a value.
    fn new<K: Eq + Hash>(keys: impl Iterator<Item = K>) -> Self {
        let (mut index, mut slots, mut of_run) = (HashMap::new(), Vec::new(), Vec::new());
        for key in keys {
            let slot = *index.entry(key).or_insert(slots.len());
            if slot == slots.len() {
                slots.push(Slot { value: Mutex::new(None), left: AtomicUsize::new(0) });
            }
            slots[slot].left.fetch_add(1, Ordering::Relaxed);
            of_run.push(slot);
        }
        Self { slots, of_run }
    }

    /// The value of a run. Others that need the same one wait meanwhile; if it fails, the next one tries.
    fn get<E>(&self, run: usize, compute: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        let mut value = self.slots[self.of_run[run]].value.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = value.as_ref() {
            return Ok(Arc::clone(there));
        }
        Ok(Arc::clone(value.insert(Arc::new(compute()?))))
    }

    /// Notes that a run no longer needs its value.
    fn release(&self, run: usize) {
        let slot = &self.slots[self.of_run[run]];
        if slot.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            slot.value.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

/// Finished runs that can lend a stage: by the key of the stage and the replicate.
type Lenders = HashMap<(String, usize), PathBuf>;

/// The stages of a list of runs, each run known by its index there.
pub struct StudyStages {
    device: Device,
    data: Cache<Replicate>,
    spaces: Cache<FittedSpace>,
    /// Which finished runs have networks and Gaussianizers that can be taken over.
    lenders: Mutex<Lenders>,
}

impl StudyStages {
    /// The stages of these runs; `finished` are runs that are done already, whose stages can be taken over.
    pub fn new<'r>(
        runs: &[&PlannedRun],
        finished: impl IntoIterator<Item = (&'r Path, &'r Status)>,
        device: Device,
    ) -> Self {
        // The data come with the prepared metrics and the scores of as many fresh points as will be sampled.
        let data = |run: &&PlannedRun| {
            let scored = format!("{:?} {}", run.plan.metrics, run.plan.sample.count);
            (run.keys.data.clone(), scored, run.label.replicate)
        };
        let space = |run: &&PlannedRun| (run.keys.space.clone(), run.label.replicate);
        let stages = Self {
            device,
            data: Cache::new(runs.iter().map(data)),
            spaces: Cache::new(runs.iter().map(space)),
            lenders: Mutex::default(),
        };
        for (folder, status) in finished {
            stages.add_finished(folder, status);
        }
        stages
    }

    /// Notes a finished run whose stages others may take over.
    pub fn add_finished(&self, folder: &Path, status: &Status) {
        let Some(keys) = &status.keys else { return };
        let mut lenders = self.lenders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut add = |key: &str| {
            lenders.entry((key.to_string(), status.label.replicate)).or_insert_with(|| folder.to_path_buf());
        };
        keys.training.iter().for_each(|key| add(key));
        if run_folder::has_file(folder, status, names::GAUSSIANIZER) {
            add(&keys.space);
        }
    }

    /// The data of a run, prepared if they are not yet.
    ///
    /// # Errors
    /// If they cannot be prepared.
    pub fn replicate(&self, index: usize, run: &PlannedRun) -> Result<Arc<Replicate>, RunError> {
        let replicate = run.label.replicate;
        self.data
            .get(index, || Replicate::prepare(run.plan, replicate, &self.device))
            .map_err(|error| RunError::Data { replicate, reason: error.to_string() })
    }

    /// The stages as a run sees them. `earlier` is what its folder held when it was finished last: folder and status.
    pub fn of_run<'s>(&'s self, index: usize, earlier: Option<(PathBuf, Status)>) -> StagesOfRun<'s> {
        StagesOfRun { stages: self, index, earlier }
    }

    /// Notes that a run is over, however it ended.
    pub fn release(&self, index: usize) {
        self.data.release(index);
        self.spaces.release(index);
    }

    /// Whether a finished run can lend the stage of that key.
    pub fn can_lend(&self, key: &str, replicate: usize) -> bool {
        let lenders = self.lenders.lock().unwrap_or_else(PoisonError::into_inner);
        lenders.contains_key(&(key.to_string(), replicate))
    }

    /// A finished run that can lend the stage of that key, if its status still is there.
    fn lender(&self, key: &str, replicate: usize) -> Option<(PathBuf, Status)> {
        let lenders = self.lenders.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = lenders.get(&(key.to_string(), replicate))?;
        Some((folder.clone(), Status::read_done(folder)?))
    }
}

/// The stages as the run of that index sees them.
pub struct StagesOfRun<'s> {
    stages: &'s StudyStages,
    index: usize,
    earlier: Option<(PathBuf, Status)>,
}

impl StagesOfRun<'_> {
    /// The run that was finished in the folder before, if it was another one with the same stage, as one without
    /// diagnostics is.
    fn earlier(&self, run: &Run, has_stage: impl Fn(&StageKeys) -> bool) -> Option<(PathBuf, Status)> {
        let lends = |keys: &StageKeys| keys.run != run.keys.run && has_stage(keys);
        let earlier = self.earlier.as_ref()?;
        earlier.1.keys.as_ref().is_some_and(lends).then(|| earlier.clone())
    }
}

impl SharedStages for StagesOfRun<'_> {
    fn space(
        &self,
        run: &Run,
        fit: &mut dyn FnMut() -> Result<FittedSpace, StageError>,
    ) -> Result<Arc<FittedSpace>, StageError> {
        self.stages.spaces.get(self.index, || {
            let (key, replicate) = (&run.keys.space, run.label.replicate);
            let lender = self.earlier(run, |keys| keys.space == *key && run.pipeline.is_gaussianized());
            let lender = lender.or_else(|| self.stages.lender(key, replicate));
            let taken_over = lender.and_then(|(folder, status)| {
                FittedSpace::read(&folder, &status, run.plan, run.replicate.train.view()).ok()
            });
            // What cannot be read back is fitted again.
            taken_over.map_or_else(fit, Ok)
        })
    }

    fn trained(&self, run: &Run) -> Option<(PathBuf, Status)> {
        let key = run.keys.training.as_ref()?;
        let earlier = self.earlier(run, |keys| keys.training.as_ref() == Some(key));
        earlier.or_else(|| self.stages.lender(key, run.label.replicate))
    }
}

/// The runs in an order that does those with the same data one after the other, so that few replicates are in memory at
/// a time.
pub fn order(runs: &[&PlannedRun]) -> Vec<usize> {
    let mut seen: HashMap<(&str, usize), usize> = HashMap::new();
    let first = |(index, run): (usize, &&PlannedRun)| {
        let data: &str = &runs[index].keys.data;
        (*seen.entry((data, run.label.replicate)).or_insert(index), index)
    };
    let mut keyed: Vec<(usize, usize)> = runs.iter().enumerate().map(first).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, index)| index).collect()
}
