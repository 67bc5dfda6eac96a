//! The checks that turn what was written into a [`Plan`]. Each refusal says what is wrong, where, and
//! what would be right.

use super::check_data::data;
use super::check_network::network;
use super::error::SpecError;
use super::file::SpecFile;
use super::origin::Origins;
use super::plan::{DataPlan, MetricsPlan, Pipeline, Plan, SamplePlan};
use super::ranges::Checker;
use super::reuse::Reuse;
use crate::diffusion::{
    Isotropy, IsotropyForm, LossOptions, Reduction, SamplerKind, SamplerOptions, Schedule, ScheduleKind,
    ScheduleOptions, TrainOptions,
};
use std::sync::Arc;

const DEFAULT_EPOCHS: usize = 200;

/// Checks the whole spec.
pub fn plan(mut file: SpecFile, origins: &Origins, reuse: &mut Reuse) -> Result<Plan, SpecError> {
    let check = Checker(origins);
    let mut warnings = Vec::new();
    name(&check, &file.name)?;
    check.count("replicates", file.replicates)?;
    let data = data(&check, &mut file, reuse, &mut warnings)?;
    pipelines(&check, &file)?;
    check.section("gaussianize", file.gaussianize.check_for(data.source.dim()))?;
    let schedule = schedule(&check, &file, reuse, &mut warnings)?;
    let network = network(&check, &mut file, data.source.dim())?;
    let train = train(&check, &mut file, &mut warnings)?;
    let sample = sample(&check, &mut file)?;
    let metrics = metrics(&check, &file, &data, &sample)?;
    Ok(Plan {
        name: file.name.clone(),
        seed: file.seed,
        replicates: file.replicates,
        pipelines: file.pipelines.clone(),
        data,
        gaussianize: file.gaussianize.clone(),
        schedule,
        network,
        train,
        control: file.train.isotropy.filter(|i| i.control).map(|i| i.lambda),
        log_every: file.train.log_every,
        sample,
        metrics,
        warnings,
        resolved: file,
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

fn pipelines(check: &Checker, file: &SpecFile) -> Result<(), SpecError> {
    check.require(!file.pipelines.is_empty(), "pipelines", || {
        "`pipelines` is empty: give \"baseline\", \"gaussianized\" or \"exact\"".to_string()
    })?;
    let twice = file.pipelines.iter().enumerate().find(|(i, p)| file.pipelines[..*i].contains(p));
    match twice {
        Some((i, p)) => {
            Err(check.0.error(&format!("pipelines[{i}]"), format!("the pipeline \"{p}\" stands there twice")))
        }
        None => Ok(()),
    }
}

fn schedule(
    check: &Checker,
    file: &SpecFile,
    reuse: &mut Reuse,
    warnings: &mut Vec<String>,
) -> Result<Arc<Schedule>, SpecError> {
    let d = &file.diffusion;
    check.require((1..=1_000_000).contains(&d.steps), "diffusion.steps", || {
        format!("`diffusion.steps` is {}, but it must be a whole number from 1 to 1000000", d.steps)
    })?;
    check.beta("diffusion.beta_start", d.beta_start)?;
    check.beta("diffusion.beta_end", d.beta_end)?;
    check.require(d.beta_start <= d.beta_end, "diffusion.beta_start", || {
        format!("`diffusion.beta_start` is {}, above `diffusion.beta_end`, {}", d.beta_start, d.beta_end)
    })?;
    let options = ScheduleOptions {
        steps: d.steps,
        kind: d.schedule,
        beta_start: d.beta_start,
        beta_end: d.beta_end,
        rescale: d.rescale,
    };
    let schedule = reuse.schedule(&options).map_err(|e| check.0.error("diffusion", e.to_string()))?;
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

fn train(
    check: &Checker,
    file: &mut SpecFile,
    warnings: &mut Vec<String>,
) -> Result<TrainOptions, SpecError> {
    let samples = file.data.samples;
    let t = &mut file.train;
    check.count("train.batch_size", t.batch_size)?;
    check.count("train.log_every", t.log_every)?;
    check.positive("train.learning_rate", t.learning_rate)?;
    check.fraction("train.ema", t.ema)?;
    check.not_negative("train.clip_norm", t.clip_norm)?;
    if let Some(i) = &t.isotropy {
        check.not_negative("train.isotropy.lambda", i.lambda)?;
        check.require(!i.control || i.form == IsotropyForm::Batch, "train.isotropy.control", || {
            "`train.isotropy.control` needs form = \"batch\": only there the loss asks for one scale at all times".into()
        })?;
    }
    if t.batch_size > samples {
        warnings.push(format!(
            "train.batch_size is {}, more than the {samples} training points: each step uses all of them",
            t.batch_size
        ));
    }
    let iterations = match (t.epochs, t.iterations) {
        (Some(_), Some(_)) => {
            return Err(check
                .0
                .error("train.iterations", "give `train.epochs` or `train.iterations`, not both"));
        }
        (None, Some(iterations)) => {
            check.count("train.iterations", iterations)?;
            iterations
        }
        (epochs, None) => {
            let epochs = *t.epochs.insert(epochs.unwrap_or(DEFAULT_EPOCHS));
            check.count("train.epochs", epochs)?;
            epochs * samples.div_ceil(t.batch_size)
        }
    };
    let isotropy = t.isotropy;
    Ok(TrainOptions {
        iterations,
        batch_size: t.batch_size.min(samples),
        optimizer: t.optimizer.into(),
        learning_rate: t.learning_rate,
        decay: t.decay,
        ema: t.ema,
        clip_norm: t.clip_norm,
        loss: LossOptions {
            isotropy: isotropy.filter(|i| !i.control).map(|i| Isotropy { lambda: i.lambda, form: i.form }),
            reduction: isotropy.map_or(Reduction::Mean, |i| i.reduction),
        },
    })
}

fn sample(check: &Checker, file: &mut SpecFile) -> Result<SamplePlan, SpecError> {
    let all = file.diffusion.steps;
    let s = &mut file.sample;
    check.count("sample.count", s.count)?;
    check.not_negative("sample.eta", s.eta)?;
    check.positive("sample.epsilon_scale", s.epsilon_scale)?;
    let steps = s.steps.unwrap_or(all);
    check.require((1..=all).contains(&steps), "sample.steps", || {
        format!("`sample.steps` is {steps}, but it must be from 1 to `diffusion.steps`, {all}")
    })?;
    check.require(s.sampler != SamplerKind::Ddpm || steps == all, "sample.steps", || {
        format!("the sampler \"ddpm\" takes all {all} steps; leave `sample.steps` out, or use \"ddim\"")
    })?;
    check.require(s.eta <= 1.0, "sample.eta", || {
        format!("`sample.eta` is {}, but it must be from 0 (no noise) to 1 (as much as \"ddpm\")", s.eta)
    })?;
    Ok(SamplePlan {
        count: s.count,
        steps,
        epsilon_scale: s.epsilon_scale,
        sampler: SamplerOptions {
            variance: file.diffusion.variance,
            steps: s.steps,
            spacing: s.spacing,
            eta: s.eta,
            ..SamplerOptions::new(s.sampler)
        },
    })
}

fn metrics(
    check: &Checker,
    file: &SpecFile,
    data: &DataPlan,
    sample: &SamplePlan,
) -> Result<MetricsPlan, SpecError> {
    let m = &file.metrics;
    check.count("metrics.every", m.every)?;
    check.count("metrics.k", m.k)?;
    check.count("metrics.reference", m.reference)?;
    if m.prdc {
        for (key, n) in [("metrics.reference", m.reference), ("sample.count", sample.count)] {
            check.require(m.k < n, "metrics.k", || {
                format!(
                    "`metrics.k` is {}, but `{key}` is {n}: the {}-th nearest other point needs more points",
                    m.k, m.k
                )
            })?;
        }
    }
    check.require(m.prdc || !m.points, "metrics.points", || {
        "`metrics.points` writes what PRDC is made of, so it needs `metrics.prdc = true`".to_string()
    })?;
    let needs_mixture = file.pipelines.contains(&Pipeline::Exact) && data.source.mixture().is_none();
    check.require(!needs_mixture, "pipelines", || {
        "the pipeline \"exact\" needs data.kind = \"gmm\", the one kind whose denoiser is known".to_string()
    })?;
    Ok(MetricsPlan {
        every: m.every,
        log_likelihood: m.log_likelihood && data.source.mixture().is_some(),
        prdc: m.prdc,
        k: m.k,
        reference: m.reference,
        points: m.points,
    })
}
