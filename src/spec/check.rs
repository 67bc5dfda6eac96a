//! The checks that make a [`Plan`] of what was written. Each refusal says what is wrong, where, and
//! what would be right.

use super::check_data::data;
use super::check_evaluate::evaluate;
use super::check_features::features;
use super::check_network::network;
use super::check_space::spaces;
use super::check_variance::{loss, variance};
use super::error::SpecError;
use super::file::SpecFile;
use super::memory;
use super::origin::Origins;
use super::pipelines::{self, DenoiserKind, Pipeline};
use super::plan::{DataPlan, Plan, SamplePlan};
use super::ranges::Checker;
use super::reuse::Reuse;
use crate::diffusion::{Clip, SamplerKind, Schedule, ScheduleKind, StartStep, Times, TrainOptions};
use crate::metrics::prdc::advice::uneven_counts;
use crate::metrics::scored::MetricsOptions;
use std::sync::Arc;

/// Checks the whole spec.
pub fn plan(mut file: SpecFile, origins: &Origins, reuse: &mut Reuse) -> Result<Plan, SpecError> {
    let check = Checker(origins);
    let mut warnings = Vec::new();
    name(&check, &file.name)?;
    check.count("replicates", file.replicates)?;
    let asked = (file.data.samples, file.metrics.reference);
    let data = data(&check, &mut file, reuse, &mut warnings)?;
    let pipelines = pipelines::resolve(&check, &file.pipelines, &file.pipeline, data.source.dim())?;
    check.section("gaussianize", file.gaussianize.check_for(data.source.dim()))?;
    let schedule = schedule(&check, &file, reuse, &mut warnings)?;
    let shape = (data.source.dim(), file.diffusion.variance.outputs());
    let network = network(&check, &mut file, shape, data.source.image_shape())?;
    spaces(&check, &pipelines, &file.gaussianize, network.kind, &mut warnings)?;
    loss(&check, &mut file)?;
    let (train, iterations) = train(&check, &mut file, &mut warnings)?;
    if let Some(at) = file.sample.late() {
        file.sample.start_step = Some(at);
    }
    let sample = sample(&check, &file, &schedule, &mut warnings)?;
    clipping(&sample, &pipelines, &mut warnings);
    warnings.extend(variance(&sample, &pipelines));
    let features = features(&check, &mut file, data.source.image_shape(), reuse, &mut warnings)?;
    let mut metrics = metrics(&check, &file, &data, &sample, &mut warnings)?;
    metrics.features = features;
    evaluate(&check, &file, &data, &pipelines, &mut warnings)?;
    check.section("diagnostics", file.diagnostics.check())?;
    cloning(&file, &data, &sample, &mut warnings);
    likelihood(&check, &file, &pipelines)?;
    exact_is_known(&check, &pipelines, &data)?;
    // The pipeline with the most Gaussianizers.
    let layers = pipelines.iter().map(|pipeline| {
        let maps = pipeline.space.iter().filter_map(|transform| transform.gaussianizer(&file.gaussianize));
        maps.map(|options| (options.layers, options.mapped(data.source.dim()))).collect::<Vec<_>>()
    });
    let layers =
        layers.max_by_key(|layers| layers.iter().fold(0, |sum: usize, (n, _)| sum.saturating_add(*n)));
    let layers = layers.unwrap_or_default();
    let memory = memory::terms(&file, &network, train.batch_size, data.source.dim(), &layers);
    Ok(Plan {
        too_large: memory::refusal(&memory, origins),
        memory,
        name: file.name.clone(),
        seed: file.seed,
        replicates: file.replicates,
        pipelines,
        data,
        gaussianize: file.gaussianize.clone(),
        schedule,
        network,
        train,
        iterations,
        sample,
        metrics,
        diagnostics: file.diagnostics.clone(),
        warnings,
        resolved: file,
        asked,
    })
}

/// The name becomes a folder's name.
fn name(check: &Checker, name: &str) -> Result<(), SpecError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let ok = !name.is_empty() && name.len() <= 100 && name.chars().all(plain) && !name.starts_with('.');
    check.require(ok, "name", || {
        format!("`name` is {name:?}, but it names a folder: use 1 to 100 letters, digits, `_`, `-` and `.`, not beginning with `.`")
    })
}

fn schedule(
    check: &Checker,
    file: &SpecFile,
    reuse: &mut Reuse,
    warnings: &mut Vec<String>,
) -> Result<Arc<Schedule>, SpecError> {
    let d = &file.diffusion;
    check.section("diffusion", d.check())?;
    let schedule = reuse.schedule(d).map_err(|e| check.0.error("diffusion", e.to_string()))?;
    let capped = schedule.capped_in_a_row();
    if capped > 1 {
        warnings.push(format!(
            "{capped} betas in a row reach their cap of 0.999, steps that keep nearly nothing of the point before; take more diffusion.steps or a smaller diffusion.beta_end"
        ));
    }
    check.require(schedule.alpha_bar(1) < 1.0, "diffusion.beta_start", || {
        "the first step adds no noise that double precision can tell from none, so nothing could be predicted there; take a larger `diffusion.beta_start`".to_string()
    })?;
    let last = schedule.alpha_bar(d.steps);
    if last > 0.01 {
        let mend = match (d.schedule, d.rescale) {
            (ScheduleKind::Linear, false) => "set diffusion.rescale = true or take more steps",
            _ => "take more steps or a larger diffusion.beta_end",
        };
        warnings.push(format!(
            "alpha_bar at the last step is {last:.3}, so x_T still holds the data and sampling from N(0, I) is biased; {mend}"
        ));
    }
    Ok(schedule)
}

/// Checks `[train]` and fills the epochs in; returns the options with the number of iterations in all.
fn train(
    check: &Checker,
    file: &mut SpecFile,
    warnings: &mut Vec<String>,
) -> Result<(TrainOptions, usize), SpecError> {
    let samples = file.data.samples;
    let t = &mut file.train;
    check.section("train", t.check())?;
    if t.batch_size > samples {
        warnings.push(format!(
            "train.batch_size is {}, more than the {samples} training points: each step uses all of them",
            t.batch_size
        ));
    }
    if t.iterations.is_none() {
        t.epochs.get_or_insert(TrainOptions::DEFAULT_EPOCHS);
    }
    let iterations = t.total_iterations(samples);
    if t.warmup > iterations {
        warnings.push(format!(
            "train.warmup is {}, more than the {iterations} iterations of the training: the learning rate only rises to {:.0} % of train.learning_rate",
            t.warmup,
            100.0 * iterations as f64 / t.warmup as f64
        ));
    }
    Ok((TrainOptions { batch_size: t.batch_size.min(samples), ..*t }, iterations))
}

fn sample(
    check: &Checker,
    file: &SpecFile,
    schedule: &Schedule,
    warnings: &mut Vec<String>,
) -> Result<SamplePlan, SpecError> {
    let (s, all) = (&file.sample, file.diffusion.steps);
    check.section("sample", s.check())?;
    let late = s.late();
    let start = match late {
        Some(StartStep::At(t)) => t,
        Some(StartStep::Auto) | None => all,
    };
    check.require(start <= all, "sample.start_step", || {
        format!(
            "`sample.start_step` is {start}, but it must be from 0 to `diffusion.steps`, {all}, or \"auto\""
        )
    })?;
    let of_start = if start < all { "`sample.start_step`" } else { "`diffusion.steps`" };
    let steps = s.steps.unwrap_or(start);
    check.require(s.steps.is_none() || (1..=start).contains(&steps), "sample.steps", || match start {
        0 => "`sample.start_step` is 0, which leaves no reverse step; leave `sample.steps` out".to_string(),
        _ => format!("`sample.steps` is {steps}, but it must be from 1 to {of_start}, {start}"),
    })?;
    let first = if start == 0 {
        0
    } else {
        let times = Times { start: Some(start), count: Some(steps), spacing: s.spacing }.of(schedule);
        times.map_err(|e| check.0.error("sample", e.to_string()))?.first().copied().unwrap_or(start)
    };
    if first < start && late.is_none() {
        warnings.push(format!(
            "`sample.spacing` is \"leading\" with {steps} steps, so sampling begins at step {first} of {all} from pure noise, where alpha_bar is {:.3} and not {:.3}; \"trailing\" begins at the last step",
            schedule.alpha_bar(first),
            schedule.alpha_bar(all)
        ));
    }
    let (variance, clip) = (file.diffusion.variance, file.diffusion.clip);
    let first_alpha_bar = schedule.alpha_bar(first);
    let every_step = s.sampler == SamplerKind::Ddpm && steps == start;
    check.require(every_step || first_alpha_bar >= f64::MIN_POSITIVE, "diffusion", || {
        format!(
            "alpha_bar at step {first}, where the sampler begins, is below the range of numbers, and it divides by it; take smaller betas or fewer steps"
        )
    })?;
    Ok(SamplePlan {
        count: s.count,
        steps,
        late,
        epsilon_scale: s.epsilon_scale,
        options: s.clone(),
        variance,
        clip,
        all_steps: all,
        first_alpha_bar,
    })
}

/// Says where "auto" clips, and where it would clip if the spec did not say otherwise.
fn clipping(sample: &SamplePlan, pipelines: &[Pipeline], warnings: &mut Vec<String>) {
    let abar = sample.first_alpha_bar;
    let trained = pipelines.iter().any(Pipeline::is_trained);
    if !(trained && Clip::Auto.applies(abar, true)) {
        return;
    }
    match sample.clip {
        Clip::Auto => warnings.push(format!(
            "alpha_bar is {abar:.1e} at the first reverse step, so an error of the network is multiplied by {:.0e} there; the predicted x0 of networks is clipped to the box of the training points (diffusion.clip = \"auto\")",
            abar.sqrt().recip()
        )),
        Clip::None => warnings.push(format!(
            "alpha_bar is {abar:.1e} at the first reverse step, so an error of the network is multiplied by {:.0e} there, and diffusion.clip = \"none\" leaves its predicted x0 as it is; \"auto\" would clip it to the box of the training points",
            abar.sqrt().recip()
        )),
        Clip::Data => {}
    }
}

/// Refuses to ask for the likelihood of a network that is not known between its steps.
fn likelihood(check: &Checker, file: &SpecFile, pipelines: &[Pipeline]) -> Result<(), SpecError> {
    let any_network = pipelines.iter().any(|pipeline| pipeline.denoiser == DenoiserKind::Network);
    let key = file.network.learned_by_step().filter(|_| any_network && file.diagnostics.likelihood > 0);
    check.require(key.is_none(), "diagnostics.likelihood", || {
        format!(
            "`diagnostics.likelihood` needs the network between its steps, and by `network.{}` it learns something of its own for each whole step; take network.time = \"sinusoidal\" or \"scalar\" and network.conditioning = \"concat\" or \"add\", or set diagnostics.likelihood = 0",
            key.unwrap_or_default()
        )
    })
}

/// Says where the sampler has no noise that could make two continuations from one point different.
fn cloning(file: &SpecFile, data: &DataPlan, sample: &SamplePlan, warnings: &mut Vec<String>) {
    if file.diagnostics.cloning && data.source.mixture().is_some() && !sample.options.adds_noise() {
        warnings.push(
            "`diagnostics.cloning` clones nothing, because the sampler adds no noise: two continuations from the same points would be the same; take the sampler \"ddpm\", or \"ddim\" with `sample.eta` above 0 (commitment and entropy need no noise, and are computed)"
                .to_string(),
        );
    }
}

/// Refuses pipelines that the data cannot have.
fn exact_is_known(check: &Checker, pipelines: &[Pipeline], data: &DataPlan) -> Result<(), SpecError> {
    for (i, pipeline) in pipelines.iter().enumerate() {
        let at = format!("pipelines[{i}]");
        let exact = pipeline.denoiser == DenoiserKind::Exact;
        check.require(!exact || data.source.mixture().is_some(), &at, || {
            format!(
                "the pipeline \"{pipeline}\" needs data of a Gaussian mixture, whose denoiser is known: data.kind = \"gmm\" or \"eight_gaussians\""
            )
        })?;
        check.require(!exact || !pipeline.is_gaussianized(), &at, || {
            format!("the pipeline \"{pipeline}\" has a Gaussianizer in its space, where no exact denoiser is known")
        })?;
    }
    Ok(())
}

/// The metrics that apply to the data.
fn metrics(
    check: &Checker,
    file: &SpecFile,
    data: &DataPlan,
    sample: &SamplePlan,
    warnings: &mut Vec<String>,
) -> Result<MetricsOptions, SpecError> {
    check.section("metrics", file.metrics.check(sample.count))?;
    let mut metrics = file.metrics.clone();
    if metrics.prdc {
        warnings.extend(uneven_counts(metrics.reference, sample.count));
    }
    metrics.log_likelihood &= data.source.mixture().is_some();
    Ok(metrics)
}
