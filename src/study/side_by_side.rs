//! How many runs can go side by side within the memory there is. Runs that share data or a space hold it once.

use super::planned::PlannedRun;
use crate::numeric::memory::size;
use crate::spec::MemoryPart;
use std::collections::HashSet;

/// What a run holds in memory, by an estimate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// The data it shares with others of the same name, and their bytes.
    pub data: (String, u64),
    /// The space, likewise.
    pub space: (String, u64),
    /// What it holds alone.
    pub own: u64,
    /// The training that others of the same name wait for.
    pub training: Option<String>,
}

impl Load {
    /// The load of a run.
    pub fn of(run: &PlannedRun) -> Self {
        let bytes = |wanted: &[MemoryPart]| {
            let terms = run.plan.memory.iter().filter(|term| wanted.contains(&term.part));
            terms.map(|term| term.bytes).fold(0, u64::saturating_add)
        };
        let if_so = |yes: bool, part| if yes { bytes(&[part]) } else { 0 };
        let space = if_so(run.pipeline.is_gaussianized(), MemoryPart::Gaussianizer);
        let network = if_so(run.pipeline.is_trained(), MemoryPart::Network);
        let shared = |key: &str| format!("{key} {}", run.label.replicate);
        Self {
            data: (shared(&run.keys.data), bytes(&[MemoryPart::Data])),
            space: (shared(&run.keys.space), bytes(&[MemoryPart::Space]).saturating_add(space)),
            own: bytes(&[MemoryPart::Run]).saturating_add(network),
            training: run.keys.training.as_deref().map(shared),
        }
    }

    fn total(&self) -> u64 {
        self.own.saturating_add(self.data.1).saturating_add(self.space.1)
    }
}

/// The most bytes that `jobs` runs hold side by side, if they begin in this order. Runs that need the training of another
/// wait for it, and are passed over.
pub fn most_held(loads: &[Load], jobs: usize) -> u64 {
    let held_from = |first: usize| {
        let (mut shared, mut trainings) = (HashSet::new(), HashSet::new());
        let (mut bytes, mut runs) = (0_u64, 0);
        for load in &loads[first..] {
            if runs == jobs {
                break;
            }
            if load.training.as_deref().is_some_and(|training| !trainings.insert(training)) {
                continue;
            }
            runs += 1;
            bytes = bytes.saturating_add(load.own);
            for (name, more) in [&load.data, &load.space] {
                if shared.insert(name.as_str()) {
                    bytes = bytes.saturating_add(*more);
                }
            }
        }
        bytes
    };
    (0..loads.len()).map(held_from).max().unwrap_or(0)
}

/// As many runs side by side as `available` bytes hold, at most `jobs` and at least one; and a sentence where that is
/// fewer than were asked for.
pub fn jobs_that_fit(loads: &[Load], jobs: usize, available: u64) -> (usize, Option<String>) {
    let jobs = jobs.clamp(1, loads.len().max(1));
    let largest = loads.iter().map(Load::total).max().unwrap_or(0);
    // Nearly always all fit, and nothing needs to be looked at closely.
    if largest.saturating_mul(jobs as u64) <= available {
        return (jobs, None);
    }
    let held = most_held(loads, jobs);
    if held <= available {
        return (jobs, None);
    }
    let fit = (1..jobs).rev().find(|fewer| most_held(loads, *fewer) <= available).unwrap_or(1);
    let sentence = format!(
        "{jobs} runs side by side would take about {} of memory, but there are {} in all; {fit} {} at a time",
        size(held),
        size(available),
        if fit == 1 { "goes" } else { "go" }
    );
    (fit, Some(sentence))
}
