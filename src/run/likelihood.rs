//! How likely points are under a run's model, in the units of the data; beside the density of its map alone, and that of
//! the data where it is known.

use super::error::StageError;
use super::finished_run::FinishedRun;
use super::replicate::Purpose;
use super::{Event, Run};
use crate::data::source::Part;
use crate::diffusion::likelihood::{self, LikelihoodOptions, Origin, PointLikelihood};
use crate::diffusion::{Denoiser, DiffusionError, LateStart};
use crate::space::{Chain, Fitted};
use crate::spec::{DenoiserKind, Plan};
use crate::store::{LikelihoodRow, MeanLikelihoods, names};
use ndarray::{Array2, ArrayView2, Axis, concatenate};

/// Log-likelihoods of points, nats, in the units of the data. A point so far out that its likelihood leaves the range of
/// numbers has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Likelihoods {
    /// Under the model: see [`crate::diffusion::likelihood`].
    pub model: Vec<Option<PointLikelihood>>,
    /// Under the space alone, whose last coordinates are taken for independent standard normal; none where it is but a
    /// scaling.
    pub map: Option<Vec<Option<f64>>>,
    /// Under the density of the run's data, where it is known.
    pub truth: Option<Vec<Option<f64>>>,
}

impl Likelihoods {
    /// The rows of a table.
    pub fn rows(&self) -> Vec<LikelihoodRow> {
        let of = |values: &Option<Vec<Option<f64>>>, i: usize| values.as_ref().and_then(|values| values[i]);
        let row = |(point, model): (usize, &Option<PointLikelihood>)| LikelihoodRow {
            point,
            log_likelihood: model.map(|found| found.log_likelihood),
            error: model.map(|found| found.error),
            map_log_likelihood: of(&self.map, point),
            true_log_likelihood: of(&self.truth, point),
        };
        self.model.iter().enumerate().map(row).collect()
    }

    /// The log-likelihoods under the model.
    pub fn of_model(&self) -> Vec<Option<f64>> {
        self.model.iter().map(|found| found.map(|found| found.log_likelihood)).collect()
    }

    /// What the grid changes of the mean under the model: the mean less that on half the grid. None where a point has no
    /// likelihood.
    pub fn grid_change(&self) -> Option<f64> {
        let change =
            |found: &Option<PointLikelihood>| found.map(|found| found.log_likelihood - found.half_grid);
        mean(&self.model.iter().map(change).collect::<Vec<_>>())
    }

    /// The means.
    pub fn means(&self) -> MeanLikelihoods {
        MeanLikelihoods {
            points: self.model.len(),
            model: mean(&self.of_model()),
            map: self.map.as_deref().and_then(mean),
            truth: self.truth.as_deref().and_then(mean),
        }
    }
}

/// The mean; none without values, or where one is missing.
fn mean(values: &[Option<f64>]) -> Option<f64> {
    let total: Option<f64> = values.iter().copied().sum();
    total.map(|total| total / values.len() as f64).filter(|mean| mean.is_finite())
}

/// What the density of a run's model is made of.
#[derive(Clone, Copy)]
pub(super) struct ModelDensity<'a> {
    /// The space.
    pub chain: &'a Chain,
    /// What predicts the noise there; without it the space alone is the model.
    pub denoiser: Option<&'a dyn Denoiser>,
    /// Where a late start begins.
    pub late: Option<&'a LateStart>,
}

/// The log-density of a late start of which no reverse step is left, at points of the run's space.
fn of_start(late: &LateStart, plan: &Plan, z: ArrayView2<f64>) -> Result<Vec<f64>, DiffusionError> {
    let density = late.density(&plan.schedule)?;
    let mut y = vec![0.0; z.ncols()];
    Ok(z.rows().into_iter().map(|z| density.log_density(&z, &mut y)).collect())
}

/// The likelihoods of points `(n, d)` of data space under the model of a run.
///
/// # Errors
/// If the denoiser is not known between its steps, or fails.
pub(super) fn likelihoods(
    plan: &Plan,
    replicate: usize,
    ModelDensity { chain, denoiser, late }: ModelDensity,
    points: ArrayView2<f64>,
    options: &LikelihoodOptions,
) -> Result<Likelihoods, DiffusionError> {
    let finite = |value: f64| value.is_finite().then_some(value);
    let truth = || {
        let mixture = plan.data.source.mixture();
        mixture.map(|mixture| mixture.log_density(points).into_iter().map(finite).collect())
    };
    if chain.lost_variance().is_some() {
        // A point has no density under a model that knows but some of its coordinates.
        let none = vec![None; points.nrows()];
        return Ok(Likelihoods { model: vec![None; points.nrows()], map: Some(none), truth: truth() });
    }
    let (z, each, constant) = chain.forward_with_log_det(points);
    let alone = || -> Vec<Option<f64>> {
        let log_normal = chain.log_standard_normal(z.view());
        log_normal
            .into_iter()
            .zip(&each)
            .map(|(log_normal, each)| finite(log_normal + each + constant))
            .collect()
    };
    let closed = |values: Vec<Option<f64>>| -> Vec<Option<PointLikelihood>> {
        let point = |v: f64| PointLikelihood { log_likelihood: v, half_grid: v, error: 0.0 };
        values.into_iter().map(|value| value.map(point)).collect()
    };
    let model = match (denoiser, late) {
        (None, _) => closed(alone()),
        // A network that also makes the columns of zeros has no density with respect to the others alone.
        (Some(_), _) if chain.zeros() > 0 => vec![None; points.nrows()],
        (Some(_), Some(late)) if late.t == 0 => {
            let start = of_start(late, plan, z.view())?;
            closed(start.into_iter().zip(&each).map(|(v, each)| finite(v + each + constant)).collect())
        }
        (Some(denoiser), late) => {
            let denoiser = denoiser.at_real_times()?;
            let stream = Purpose::Likelihood.stream(plan, replicate);
            let (schedule, denoiser) = (&plan.schedule, denoiser.as_ref());
            let density = late.map(|late| late.density(schedule)).transpose()?;
            let origin = match (late, &density) {
                (Some(late), Some(density)) => Origin::Gaussian { step: late.t, density },
                _ => Origin::Noise,
            };
            let found = likelihood::log_likelihood(denoiser, schedule, origin, z.view(), options, &stream)?;
            let in_data_space = |(found, each): (Option<PointLikelihood>, &f64)| {
                let PointLikelihood { log_likelihood, half_grid, error } = found?;
                let (log_likelihood, half_grid) =
                    (finite(log_likelihood + each + constant)?, finite(half_grid + each + constant)?);
                Some(PointLikelihood { log_likelihood, half_grid, error })
            };
            found.into_iter().zip(&each).map(in_data_space).collect()
        }
    };
    Ok(Likelihoods { model, map: (!chain.is_only_scaling()).then(alone), truth: truth() })
}

/// At most `count` points `(n, d)` that no run of this replicate was trained on: fresh ones, and of a finite set where those
/// are too few the reference points too.
pub(super) fn held_out(plan: &Plan, replicate: usize, count: usize) -> Array2<f64> {
    let source = &plan.data.source;
    let draw = |part, n| source.draw(part, n, plan.seed, replicate);
    let fresh = draw(Part::Fresh, count);
    if source.split().is_none() || fresh.nrows() >= count {
        return fresh;
    }
    let more = draw(Part::Reference, count - fresh.nrows());
    concatenate(Axis(0), &[fresh.view(), more.view()]).expect("all points have the same axes")
}

/// What to say where the samples of a denoiser are clipped and the likelihood is not.
fn of_clipping(plan: &Plan, denoiser: DenoiserKind) -> Option<&'static str> {
    plan.sample.clips(denoiser).then_some(
        "its samples are clipped to the box of the training points, and its likelihood is that of the flow without clipping, which can be far worse (diffusion.clip)",
    )
}

/// What to know of the likelihoods of points `(n, d)` that a space is not one-to-one for: what it is a density with respect
/// to, and which points are not as the training points were.
fn of_space(chain: &Chain, points: ArrayView2<f64>, axes: &[String]) -> Vec<String> {
    if let Some(lost) = chain.lost_variance() {
        return vec![format!(
            "the space drops axes with {:.3} % of the variance, so a point of the data has no density under the model, and its likelihood is left empty",
            100.0 * lost
        )];
    }
    if chain.zeros() > 0 {
        return vec![format!(
            "{} columns that are constants or functions of others are pixels of value 0 in the space, which a U-Net makes with the others, so a point has no density under the model, and its likelihood is left empty",
            chain.zeros()
        )];
    }
    let left: Vec<String> = chain.transforms().iter().filter_map(|transform| match transform {
        Fitted::SetAside(set_aside) => Some(set_aside.kept().len()),
        _ => None,
    }).map(|left| format!(
        "{} of {} columns are set aside as constants or affine functions of others, and the likelihoods are densities with respect to the {left} that are left",
        axes.len() - left, axes.len()
    )).collect();
    let spread = chain.transforms().iter().any(|transform| matches!(transform, Fitted::Dequantize(_)));
    let spread = spread.then(|| "the points tie in some columns, and the likelihoods are those of the spread values: of a rounded value its probability over the width of its rounding, of a value that many points share in a continuous column its probability".to_string());
    left.into_iter().chain(spread).chain(chain.misfits(points, axes)).collect()
}

/// `[diagnostics] likelihood`: writes `likelihood.csv` where it is asked for, and gives the means.
pub(super) fn of_fresh_points(run: &Run, model: ModelDensity) -> Result<Option<MeanLikelihoods>, StageError> {
    let (plan, replicate, name) = (run.plan, run.label.replicate, &run.label.run);
    let count = plan.diagnostics.likelihood;
    if count == 0 {
        return Ok(None);
    }
    let points = held_out(plan, replicate, count);
    if points.nrows() < count {
        run.report(Event::Notice(&format!(
            "{name}: the table has but {} held-out points, so diagnostics.likelihood = {count} uses these",
            points.nrows()
        )));
    }
    if let Some(notice) = of_clipping(plan, run.pipeline.denoiser) {
        run.report(Event::Notice(&format!("{name}: {notice}")));
    }
    for notice in of_space(model.chain, points.view(), &plan.data.source.axis_names()) {
        run.report(Event::Notice(&format!("{name}: {notice}")));
    }
    let found = likelihoods(plan, replicate, model, points.view(), &LikelihoodOptions::default())?;
    let without = found.model.iter().filter(|found| found.is_none()).count();
    if without > 0 && model.chain.lost_variance().is_none() && model.chain.zeros() == 0 {
        run.report(Event::Notice(&format!(
            "{name}: {without} of {} fresh points lie so far out that their likelihood leaves the range of numbers; they have an empty cell in {}, and the summary has no mean",
            points.nrows(),
            names::LIKELIHOOD
        )));
    }
    run.folder.write_rows(names::LIKELIHOOD, run.sweep_keys, run.label, &found.rows())?;
    Ok(Some(found.means()))
}

impl FinishedRun {
    /// At most `count` points `(n, d)` of data space that the run was not trained on: fresh points of its source; of a
    /// table its held-out rows.
    pub fn held_out(&self, count: usize) -> Array2<f64> {
        held_out(self.plan(), self.replicate(), count)
    }

    /// What to know of the run's likelihoods beside the samples.
    pub fn likelihood_notice(&self) -> Option<&'static str> {
        let plan = self.plan();
        plan.pipelines.first().and_then(|pipeline| of_clipping(plan, pipeline.denoiser))
    }

    /// What to know of the likelihoods of points `(n, d)` of data space: what they are densities with respect to where the
    /// run's space has fewer axes than the data or spreads ties, and which points are not as the training points were.
    pub fn notices_for(&self, points: ArrayView2<f64>) -> Vec<String> {
        of_space(self.chain(), points, &self.plan().data.source.axis_names())
    }

    /// The log-likelihoods of points `(n, d)` of data space.
    ///
    /// # Errors
    /// If the network is not known between its steps, or an option is out of its range.
    pub fn likelihoods(
        &self,
        points: ArrayView2<f64>,
        options: &LikelihoodOptions,
    ) -> Result<Likelihoods, DiffusionError> {
        let model = ModelDensity { chain: self.chain(), denoiser: self.denoiser(), late: self.late() };
        likelihoods(self.plan(), self.replicate(), model, points, options)
    }
}
