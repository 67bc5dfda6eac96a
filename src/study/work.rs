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

#[cfg(test)]
mod tests {
    use super::super::planned::planned;
    use super::*;
    use crate::spec;
    use std::path::Path;

    const SPEC: &str = "name = \"a\"\npipelines = [\"baseline\", \"gaussianized\"]\nreplicates = 2\n[data]\nkind = \"eight_gaussians\"\nsamples = 100\n[train]\niterations = 10\n[sample]\ncount = 50\n[metrics]\nreference = 50\n[sweep]\n\"sample.epsilon_scale\" = [0.9, 1.0, 1.1]\n";

    #[test]
    fn stages_that_runs_share_weigh_once() {
        let study = spec::read_text("spec.toml", SPEC, &[]).unwrap();
        let runs = planned(&study, Path::new("out"));
        let own = |runs: &[ExpectedRun], stage: Stage| {
            runs.iter().filter(|run| !run.taken_over[stage as usize] && run.work.get(stage) > 0.0).count()
        };
        let all = expected(&runs, |_, _| false);
        let stages = [Stage::Data, Stage::Gaussianize, Stage::Train, Stage::Sample];
        // Two replicates; a fit and a training of each pipeline for each; twelve samplings.
        assert_eq!(stages.map(|stage| own(&all, stage)), [2, 2, 4, 12]);
        // What a finished run lends is not done again, but for the data, which are in memory alone.
        let lent = expected(&runs, |_, replicate| replicate == 0);
        assert_eq!(stages.map(|stage| own(&lent, stage)), [2, 1, 2, 12]);
        let seconds: f64 = all.iter().map(ExpectedRun::own_work).sum();
        assert_eq!(before(&runs), Before { runs: 12, work: seconds });
    }
}
