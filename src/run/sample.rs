//! The sampling stage of a run: the process backwards, every step scored in data space.

use super::path::{Path, speciation_step};
use super::prepare::Prepared;
use super::replicate::Purpose;
use super::train::Model;
use super::{Event, Run, Stage, StageError};
use crate::diffusion::{self, DiffusionError, LateStart, Sampler};
use crate::metrics::scored::{COMMITTED, ScoreStep, columns};
use crate::store::wait_point::{Point, wait_at};
use crate::store::{MetricsRow, names};
use ndarray::Array2;
use std::time::Instant;

/// The generated points of data space, `(n, d)`, where the process began, what is kept of the way there, and the seconds
/// that they took.
pub(super) struct Samples {
    pub points: Array2<f64>,
    /// The time at which the process began.
    pub t: usize,
    /// The late start, if it was one.
    pub late: Option<LateStart>,
    /// How often the denoiser was asked for each of them.
    pub calls: usize,
    pub path: Path,
    pub seconds: f64,
}

/// Runs the process backwards, scores every step that is asked for, and writes `metrics.csv`.
pub(super) fn sample(run: &Run, prepared: &Prepared, model: &Model) -> Result<Samples, StageError> {
    let clock = Instant::now();
    let (plan, options) = (run.plan, &run.plan.sample);
    let late = match (&model.denoiser, options.late) {
        (Some(_), Some(at)) => Some(prepared.space.late_start(run, at)?),
        _ => None,
    };
    let t = late.as_ref().map_or(plan.schedule.steps(), |late| late.t);
    let steps = if model.denoiser.is_some() { options.steps_from(t) } else { 0 };
    run.begin_stage(Stage::Sample, steps);
    let dim = prepared.space.points.ncols();
    let path = Path::wanted(run, (t, steps), dim, speciation_step(run, prepared, t));
    let mut scored = Scored { run, prepared, steps, rows: Vec::new(), points: None, path };
    let mut start = run.stream(Purpose::Start).standard_normal(0, options.count, dim);
    if let Some(late) = &late {
        start = late.points(&plan.schedule, start.view())?;
    }
    let mut calls = 0;
    match &model.denoiser {
        Some(denoiser) if steps > 0 => {
            let sampler = sampler(run, prepared, t)?;
            calls = sampler.calls(steps);
            let noise = run.stream(Purpose::SampleNoise);
            let mut observe = |step: usize, t: usize, x: &Array2<f64>| scored.observe(step, t, x);
            diffusion::sample(denoiser.as_ref(), &plan.schedule, sampler, start, &noise, &mut observe)?;
        }
        _ => scored.observe(0, t, &start)?,
    }
    let Scored { mut rows, points, path, .. } = scored;
    rows.iter_mut().zip(path.committed()).for_each(|(row, committed)| row.set(COMMITTED, committed));
    run.folder.write_rows(names::METRICS, run.sweep_keys, run.label, &rows)?;
    let points = points.expect("the last step is always scored");
    Ok(Samples { points, t, late, calls, path, seconds: clock.elapsed().as_secs_f64() })
}

/// The sampler of a run from step `t` on, with the box to which its x0 is clipped.
pub(super) fn sampler(run: &Run, prepared: &Prepared, t: usize) -> Result<Box<dyn Sampler>, DiffusionError> {
    let options = &run.plan.sample;
    options.sampler(t, options.bounds(run.pipeline.denoiser, prepared.space.points.view()))
}

/// The reverse process so far.
struct Scored<'a> {
    run: &'a Run<'a>,
    prepared: &'a Prepared,
    steps: usize,
    rows: Vec<MetricsRow>,
    /// The points of data space at the newest scored step.
    points: Option<Array2<f64>>,
    /// What the diagnostics need of it.
    path: Path,
}

impl Scored<'_> {
    /// Scores the points `x` after a reverse step, if the step has a row.
    fn observe(&mut self, step: usize, t: usize, x: &Array2<f64>) -> Result<(), StageError> {
        let run = self.run;
        wait_at(Point::Sample(step), &run.label.run, || run.interrupt.is_set());
        run.interrupt.check()?;
        self.path.see(step, t, x);
        let at = ScoreStep { step, last: self.steps };
        if !run.plan.metrics.scores(at) {
            run.progress(Stage::Sample, step, None);
            return Ok(());
        }
        let span = run.trace.span("part", "to data space");
        let points = self.prepared.to_data_space(x.view(), step, t)?;
        drop(span);
        let row = MetricsRow { step, t, values: run.replicate.score(points.view(), at, &run.trace)? };
        for (column, value) in columns().zip(&row.values) {
            if value.is_some_and(|v| !v.is_finite()) {
                let what = format!("the {} is infinite", column.heading);
                return Err(StageError::Diverged { step, t, what });
            }
        }
        let value = row.get("log_likelihood").map(|v| ("log-likelihood", v));
        run.progress(Stage::Sample, step, value);
        run.report(Event::Metrics { run: &run.label.run, row: &row });
        self.rows.push(row);
        self.path.see_scored(run, step, t, points.view())?;
        self.points = Some(points);
        Ok(())
    }
}
