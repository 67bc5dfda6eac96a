//! Runs whose networks have one shape, through their stages in step. A single run is the usual case.

use super::error::{ExperimentError, StageError};
use super::observer::Stage;
use super::pipeline::{Run, StageOrFile};
use super::sampling::sample;
use super::training::{Trained, train};
use crate::diffusion::DiffusionError;
use std::path::Path;

/// Runs all stages of these runs and writes each one's folder, its status last. One that fails drops out; the
/// others go on.
pub(super) fn execute<'a>(runs: Vec<(Run<'a>, &'a Path)>) -> Vec<Result<(), ExperimentError>> {
    let begun = runs.into_iter().map(|(run, folder)| run.begin(folder)).collect();
    let trained = together(begun, train);
    let sampled = together(trained, sample);
    let finish = |(trained, samples): (Trained, _)| trained.begun.finish(&samples, trained.control_scale);
    sampled.into_iter().map(|member| member.and_then(finish)).collect()
}

/// The next step of all that have not failed, each result in its own place.
pub(super) fn together<A, B, E>(
    members: Vec<Result<A, E>>,
    step: impl FnOnce(Vec<A>) -> Vec<Result<B, E>>,
) -> Vec<Result<B, E>> {
    let mut well = Vec::new();
    let failures: Vec<Option<E>> = members
        .into_iter()
        .map(|member| match member {
            Ok(member) => {
                well.push(member);
                None
            }
            Err(failure) => Some(failure),
        })
        .collect();
    let mut results = step(well).into_iter();
    let next = |failure: Option<E>| failure.map_or_else(|| results.next(), |failure| Some(Err(failure)));
    failures.into_iter().filter_map(next).collect()
}

/// What one failure means for each of the runs that were in step.
pub(super) fn failed_together(runs: &[&Run], stage: Stage, failure: StageOrFile) -> Vec<ExperimentError> {
    let text = match &failure {
        StageOrFile::Stage(StageError::Interrupted) | StageOrFile::File(_) => None,
        StageOrFile::Stage(failure) => Some(failure.to_string()),
    };
    let mut failure = Some(failure);
    runs.iter()
        .map(|run| match (failure.take(), &text) {
            (Some(failure), _) => run.failed(stage)(failure),
            (None, Some(text)) => run.failed(stage)(DiffusionError::Option(text.clone())),
            (None, None) => ExperimentError::Interrupted,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::together;

    #[test]
    fn failures_keep_their_places_and_the_others_go_on() {
        let step = |well: Vec<i32>| {
            assert_eq!(well, [1, 3, 4]);
            vec![Ok(10), Err("late"), Ok(40)]
        };
        let results = together(vec![Ok(1), Err("early"), Ok(3), Ok(4)], step);
        assert_eq!(results, [Ok(10), Err("early"), Err("late"), Ok(40)]);
    }
}
