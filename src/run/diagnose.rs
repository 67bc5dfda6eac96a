//! The diagnostics of a run: what `[diagnostics]` asks for beside the samples. Left out, nothing is computed.

use super::likelihood::ModelDensity;
use super::path::{ERROR_TIMES, Path, speciation_step};
use super::prepare::Prepared;
use super::replicate::Purpose;
use super::sample::{Samples, sampler};
use super::train::Model;
use super::{Run, Stage, StageError, likelihood};
use crate::data::mixture::GaussianMixture;
use crate::data::source::Part;
use crate::diffusion::diagnostics::cloning::{Agreement, candidate_steps, first_steps, go_on, normalized};
use crate::diffusion::diagnostics::error_over_t::{
    ErrorAt, noised_errors, path_errors, shares, spread, step_divergence,
};
use crate::diffusion::{Denoiser, MixtureDenoiser, SamplerKind};
use crate::metrics::mode_choice;
use crate::store::{BifurcationRow, CloningStep, ErrorRow, MeanLikelihoods, Where, names};
use ndarray::{ArrayView2, s};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Points that are cloned at most, and at least where there are so many.
const CLONED: (usize, usize) = (1000, 100);

/// Moves of cloned points in all: fewer points are cloned where there are many steps.
const CLONED_MOVES: usize = 4_000_000;

/// Points at which an error is measured, at most.
const ERROR_POINTS: usize = 2000;

/// Operations that the exact denoiser may take in all.
const EXACT_OPERATIONS: f64 = 1e10;

/// What the diagnostics found that is no table.
#[derive(Debug, Default)]
pub(super) struct Diagnosed {
    pub cloning_step: Option<CloningStep>,
    pub likelihoods: Option<MeanLikelihoods>,
    pub seconds: f64,
}

/// Computes what is asked for and writes its tables. Tables that an earlier run of the folder left and this one does not
/// write are removed.
pub(super) fn diagnose(
    run: &Run,
    prepared: &Prepared,
    model: &Model,
    samples: &Samples,
) -> Result<Diagnosed, StageError> {
    names::DIAGNOSTICS.into_iter().try_for_each(|name| run.folder.remove(name))?;
    let asked = &run.plan.diagnostics;
    if asked.is_off() {
        return Ok(Diagnosed::default());
    }
    let denoiser = model.denoiser.as_deref();
    let clock = Instant::now();
    run.begin_stage(Stage::Diagnose, names::DIAGNOSTICS.len());
    let path = &samples.path;
    if let Some(denoiser) = denoiser.filter(|_| asked.error_over_t) {
        let rows = error_rows(run, prepared, denoiser, path)?;
        run.folder.write_rows(names::ERROR_OVER_T, run.sweep_keys, run.label, &rows)?;
    }
    run.progress(Stage::Diagnose, 1, None);
    let mut cloning_step = None;
    if let Some(denoiser) = denoiser.filter(|_| !path.choices.is_empty()) {
        let mixture = run.plan.data.source.mixture().expect("modes are those of a mixture");
        let chance = mixture.weights().map(|w| w * w).sum();
        let agreement = clone(run, prepared, denoiser, path, (mixture, chance))?;
        let rows = bifurcation_rows(path, &agreement, chance);
        run.folder.write_rows(names::BIFURCATION, run.sweep_keys, run.label, &rows)?;
        let crossing = agreement.crossing(chance, &run.stream(Purpose::CloneNoise).child("resampling"));
        cloning_step = crossing.map(|c| CloningStep { step: c.step, low: c.low, high: c.high });
    }
    run.progress(Stage::Diagnose, 2, None);
    let model = ModelDensity { chain: &prepared.space.chain, denoiser, late: samples.late.as_ref() };
    let likelihoods = likelihood::of_fresh_points(run, model)?;
    Ok(Diagnosed { cloning_step, likelihoods, seconds: clock.elapsed().as_secs_f64() })
}

/// Which pairs of a sample and its clone end in one mode, by the step at which the clone was made.
fn clone(
    run: &Run,
    prepared: &Prepared,
    denoiser: &dyn Denoiser,
    path: &Path,
    (mixture, chance): (&GaussianMixture, f64),
) -> Result<Agreement, StageError> {
    let mut agreement = Agreement::default();
    if !run.plan.sample.options.adds_noise() || path.last == 0 {
        return Ok(agreement);
    }
    let (last, theory) = (path.last, speciation_step(run, prepared, path.start));
    let first = first_steps(last, theory);
    let moves: usize = first.iter().map(|step| last - step).sum();
    let points = CLONED.0.min((CLONED_MOVES / moves.max(1)).max(CLONED.1));
    let (.., end) = path.choices.last().expect("the last step is scored");
    let noise = run.stream(Purpose::CloneNoise);
    let check = || run.interrupt.check();
    let clone_at = |steps: &BTreeSet<usize>, agreement: &mut Agreement| -> Result<(), StageError> {
        let states = path.states.iter().filter(|(step, ..)| steps.contains(step));
        let from: Vec<(usize, ArrayView2<f64>)> =
            states.map(|(step, _, x)| (*step, x.slice(s![..points.min(x.nrows()), ..]))).collect();
        let ends =
            go_on(denoiser, &run.plan.schedule, sampler(run, prepared, path.start)?, &from, &noise, &check)?;
        for ((step, _), x) in from.iter().zip(&ends) {
            let clones = mode_choice(mixture, prepared.to_data_space(x.view(), last, 0)?.view())?.modes;
            agreement.add(*step, clones.iter().zip(&end.modes).map(|(a, b)| a == b).collect());
        }
        Ok(())
    };
    clone_at(&first, &mut agreement)?;
    let finer = agreement.between(chance, &candidate_steps(last, theory));
    if !finer.is_empty() {
        clone_at(&finer, &mut agreement)?;
    }
    Ok(agreement)
}

/// The rows of the scored steps and of the cloned ones.
fn bifurcation_rows(path: &Path, agreement: &Agreement, chance: f64) -> Vec<BifurcationRow> {
    let row = |step: usize, t: usize| BifurcationRow {
        step,
        t,
        committed: None,
        entropy: None,
        clones_agree: None,
        clones_agree_normalized: None,
    };
    let mut rows: BTreeMap<usize, BifurcationRow> = BTreeMap::new();
    for ((step, t, choice), committed) in path.choices.iter().zip(path.committed()) {
        let entropy = Some(choice.entropy).filter(|entropy| entropy.is_finite());
        rows.insert(*step, BifurcationRow { committed: Some(committed), entropy, ..row(*step, *t) });
    }
    let times: BTreeMap<usize, usize> = path.states.iter().map(|(step, t, _)| (*step, *t)).collect();
    for (step, phi) in agreement.shares() {
        let row = rows.entry(step).or_insert_with(|| row(step, times[&step]));
        (row.clones_agree, row.clones_agree_normalized) = (Some(phi), normalized(phi, chance));
    }
    rows.into_values().collect()
}

/// The errors on noised fresh points, and along the path where the exact denoiser is known.
fn error_rows(
    run: &Run,
    prepared: &Prepared,
    denoiser: &dyn Denoiser,
    path: &Path,
) -> Result<Vec<ErrorRow>, StageError> {
    let (plan, exact) = (run.plan, prepared.exact.as_ref());
    let schedule = &plan.schedule;
    let times = spread(1, schedule.steps(), ERROR_TIMES);
    let within = |exact: &MixtureDenoiser| exact.rows_within(EXACT_OPERATIONS / (2 * times.len()) as f64);
    let points = ERROR_POINTS.min(exact.map_or(ERROR_POINTS, within));
    let fresh =
        plan.data.source.draw(Part::Fresh, points.min(plan.sample.count), plan.seed, run.label.replicate);
    let fresh = prepared.space.chain.forward(fresh.view());
    let noise = run.stream(Purpose::ErrorNoise);
    let check = || run.interrupt.check();
    let noised = noised_errors(denoiser, exact, (fresh.view(), &noise), schedule, &times, &check)?;
    let mut rows = error_table(run, prepared, Where::Noised, &noised);
    if let Some(exact) = exact.filter(|_| path.last > 0) {
        let steps: BTreeSet<usize> = spread(0, path.last - 1, ERROR_TIMES).into_iter().collect();
        let states = path.states.iter().rev().filter(|(step, ..)| steps.contains(step));
        let states = states.map(|(_, t, x)| (*t, x.slice(s![..points.min(x.nrows()), ..])));
        let along = path_errors(denoiser, exact, states, &check)?;
        rows.extend(error_table(run, prepared, Where::Path, &along));
    }
    Ok(rows)
}

/// The rows of one kind of points, with the divergence of the reverse steps where sampling is ancestral.
fn error_table(run: &Run, prepared: &Prepared, place: Where, errors: &[ErrorAt]) -> Vec<ErrorRow> {
    let (plan, dim) = (run.plan, prepared.space.points.ncols());
    let ancestral = plan.sample.options.sampler == SamplerKind::Ddpm
        && plan.sample.takes_every_step()
        && !plan.sample.clips(run.pipeline.denoiser);
    let divergence = |error: &ErrorAt| {
        let variance = plan.schedule.variance(plan.sample.variance, error.t)?;
        step_divergence(&plan.schedule, variance, error.t, dim, error.excess.filter(|_| ancestral)?)
    };
    let kl: Vec<Option<f64>> = errors.iter().map(divergence).collect();
    let times: Vec<usize> = errors.iter().map(|error| error.t).collect();
    let shares = shares(&times, &kl, times.last().copied().unwrap_or_default());
    let row = |((error, kl), kl_share): ((&ErrorAt, Option<f64>), Option<f64>)| {
        let &ErrorAt { t, mse, optimal, excess } = error;
        ErrorRow { t, mse, optimal, excess, place, kl, kl_share }
    };
    errors.iter().zip(kl).zip(shares).map(row).collect()
}
