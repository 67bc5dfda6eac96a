//! How much work the runs of a study are: stages that runs share weigh once.

use super::planned::PlannedRun;
use crate::run::{Before, ExpectedRun, Stage, StageWork};
use std::collections::HashSet;

/// The runs in the order in which they are begun, each with its work. The first of the runs that share a stage does it;
/// `can_lend` says whether a finished run has the stage of that key and replicate.
pub fn expected<'a>(
    runs: impl IntoIterator<Item = &'a PlannedRun<'a>>,
    can_lend: impl Fn(&str, usize) -> bool,
) -> Vec<ExpectedRun<'a>> {
    let mut done: HashSet<(Stage, &str, usize)> = HashSet::new();
    let expected = |run: &'a PlannedRun<'a>| {
        let replicate = run.label.replicate;
        let mut taken_over = [false; Stage::ALL.len()];
        let keys = [
            (Stage::Data, Some(&run.keys.data)),
            (Stage::Gaussianize, Some(&run.keys.space)),
            (Stage::Train, run.keys.training.as_ref()),
        ];
        for (stage, key) in keys {
            let Some(key) = key else { continue };
            let lent = stage != Stage::Data && can_lend(key, replicate);
            taken_over[stage as usize] = !done.insert((stage, key.as_str(), replicate)) || lent;
        }
        ExpectedRun { label: &run.label, work: StageWork::of(run.plan, run.pipeline), taken_over }
    };
    runs.into_iter().map(expected).collect()
}

/// Runs that were finished before.
pub fn before<'a>(runs: impl IntoIterator<Item = &'a PlannedRun<'a>>) -> Before {
    let runs = expected(runs, |_, _| false);
    Before { runs: runs.len(), work: runs.iter().map(ExpectedRun::own_work).sum() }
}
