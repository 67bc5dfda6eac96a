//! The sampling stage of runs: the process backwards, every step scored in data space.

use super::error::{ExperimentError, StageError};
use super::observer::Stage;
use super::records::MetricsRow;
use super::replicate::Purpose;
use super::together::failed_together;
use super::training::{Model, Trained};
use super::wait_point::{Point, wait_at};
use crate::diffusion::{Denoiser, DenoiserStack, DiffusionError, sampler::sample_with};
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;
use std::time::Instant;

/// A run while its points are drawn.
struct Drawing<'a> {
    trained: &'a Trained<'a>,
    rows: Vec<MetricsRow>,
    /// The points of data space at the newest scored step.
    generated: Option<Array2<f64>>,
    failure: Option<StageError>,
}

/// Runs the process backwards for these runs in step, scores every step, and writes `metrics.csv` of each.
/// Returns the generated points of data space.
pub(super) fn sample(members: Vec<Trained>) -> Vec<Result<(Trained, Array2<f64>), ExperimentError>> {
    let clock = Instant::now();
    let begin = |trained| Drawing { trained, rows: Vec::new(), generated: None, failure: None };
    let mut drawings: Vec<Drawing> = members.iter().map(begin).collect();
    let outcome = draw(&mut drawings);
    let drawn: Vec<_> = drawings.into_iter().map(|d| (d.rows, d.generated, d.failure)).collect();
    let runs: Vec<_> = members.iter().map(|trained| &trained.begun.run).collect();
    let mut failures = match outcome {
        Err(failure) if drawn.iter().any(|(.., failure)| failure.is_none()) => {
            failed_together(&runs, Stage::Sample, failure.into())
        }
        _ => Vec::new(),
    }
    .into_iter();
    members
        .into_iter()
        .zip(drawn)
        .map(|(mut trained, (rows, generated, failure))| {
            let common = failures.next();
            let run = &trained.begun.run;
            if let Some(failure) = failure {
                return Err(run.failed(Stage::Sample)(failure));
            }
            if let Some(failure) = common {
                return Err(failure);
            }
            run.write_table(&trained.begun.folder.join("metrics.csv"), &rows)?;
            // The last step is always observed.
            let samples = generated.ok_or_else(|| ExperimentError::Defect(run.label.run.clone()))?;
            trained.begun.seconds.sample = clock.elapsed().as_secs_f64();
            Ok((trained, samples))
        })
        .collect()
}

/// The reverse process, the points of each run one after the other. An error is one of all runs.
fn draw(drawings: &mut [Drawing]) -> Result<(), StageError> {
    let members: Vec<&Trained> = drawings.iter().map(|drawing| drawing.trained).collect();
    let Some(first) = members.first().map(|trained| &trained.begun.run) else { return Ok(()) };
    let (plan, options) = (first.plan, &first.plan.sample);
    for trained in &members {
        let run = &trained.begun.run;
        run.observer.stage(&run.label.run, Stage::Sample, options.steps as u64);
    }
    let shape = (options.count, trained_dim(members[0]));
    let normal = |purpose: Purpose, index: u64| -> Array2<f64> {
        let matrices: Vec<Array2<f64>> = members
            .iter()
            .map(|trained| {
                let run = &trained.begun.run;
                purpose.stream(run.plan, run.label.replicate).standard_normal(index, shape.0, shape.1)
            })
            .collect();
        one_after_the_other(matrices)
    };
    let networks: Option<Vec<_>> = members
        .iter()
        .map(|trained| match &trained.denoiser {
            Model::Network(network) => Some(&**network),
            Model::Exact(_) => None,
        })
        .collect();
    let stack;
    let denoiser: &dyn Denoiser = match (&members[..], networks) {
        ([Trained { denoiser: Model::Exact(exact), .. }], _) => &**exact,
        ([Trained { denoiser: Model::Network(network), .. }], _) => &**network,
        (_, Some(networks)) => {
            stack = DenoiserStack::new(networks)?;
            &stack
        }
        (_, None) => {
            return Err(DiffusionError::Option("exact denoisers cannot go side by side".into()).into());
        }
    };
    let start = normal(Purpose::Start, 0);
    let mut observe = |step: usize, t: usize, x: &Array2<f64>| -> Result<(), StageError> {
        for trained in &members {
            wait_at(Point::Sample(step), &trained.begun.run.label.run, || first.interrupt.is_set());
        }
        first.interrupt.check()?;
        if step.is_multiple_of(plan.metrics.every) || step == options.steps {
            let parts: Vec<_> = x.axis_chunks_iter(Axis(0), shape.0).collect();
            drawings.par_iter_mut().zip(parts).for_each(|(drawing, x)| drawing.look(step, t, x));
        }
        match drawings.iter().all(|drawing| drawing.failure.is_some()) {
            // Each has its own reason, which is the one that is told.
            true => Err(StageError::Interrupted),
            false => Ok(()),
        }
    };
    let noise = |t: usize| normal(Purpose::SampleNoise, t as u64);
    sample_with(denoiser, &plan.schedule, &options.sampler, start, &noise, &mut observe).map(|_| ())
}

/// Dimension of the points.
fn trained_dim(trained: &Trained) -> usize {
    trained.begun.points.ncols()
}

/// Matrices of one shape as one; a single one as it is.
fn one_after_the_other(mut matrices: Vec<Array2<f64>>) -> Array2<f64> {
    if matrices.len() == 1 {
        return matrices.remove(0);
    }
    let views: Vec<ArrayView2<f64>> = matrices.iter().map(|m| m.view()).collect();
    // Matrices with equally many columns can always be put below each other.
    concatenate(Axis(0), &views).unwrap_or_default()
}

impl Drawing<'_> {
    /// Scores the points `x` of this run after a reverse step.
    fn look(&mut self, step: usize, t: usize, x: ArrayView2<f64>) {
        if self.failure.is_some() {
            return;
        }
        let begun = &self.trained.begun;
        let (run, map) = (&begun.run, begun.fitted.map.as_ref());
        let scored = run
            .to_data_space(map, x, step, t)
            .and_then(|points| run.row(step, t, &points).map(|row| (points, row)));
        match scored {
            Ok((points, row)) => {
                let value = row.log_likelihood.map(|v| ("log-likelihood", v));
                run.observer.progress(&run.label.run, Stage::Sample, step as u64, value);
                run.observer.metrics(&run.label.run, &row);
                self.rows.push(row);
                self.generated = Some(points);
            }
            Err(failure) => self.failure = Some(failure),
        }
    }
}
