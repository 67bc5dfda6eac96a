//! `gdiff check`

use super::SpecArgs;
use super::replicates::{PilotArgs, needed_replicates};
use super::{Failure, print, read};
use crate::data::source::Part;
use crate::diffusion::NetworkKind;
use crate::diffusion::speciation::largest_eigenvalue;
use crate::numeric::memory::size;
use crate::report::fit_table;
use crate::run::{Purpose, Replicate};
use crate::space::options::NamedTransform;
use crate::space::{Chain, FitContext, Scaling, Transform, TransformOptions, space_dim};
use crate::spec::{Plan, Point, Study};
use crate::study::{Estimate, estimate};
use candle_core::Device;
use clap::Args;
use std::fmt::Write;

/// Points of a sweep that are listed.
const MOST_POINTS: usize = 20;

/// `gdiff check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Fit the Gaussianizer to the first replicate's data too, and tell what the fit did
    #[arg(long)]
    pub fit: bool,
    /// How many replicates a difference needs.
    #[command(flatten)]
    pub pilot: PilotArgs,
}

pub(super) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let study = read(&args.spec)?;
    let mut text = describe(&study.base);
    for split in study.splits() {
        text += &format!("{:<12} {split}\n", "split");
    }
    if !study.keys.is_empty() {
        let runs: usize = study.points.iter().map(|p| p.plan.replicates * p.plan.pipelines.len()).sum();
        text += &format!(
            "{:<12} {} points over {}, {runs} runs in all\n",
            "sweep",
            study.points.len(),
            study.keys.join(", ")
        );
    }
    for warning in study.warnings() {
        text += &format!("{:<12} {warning}\n", "warning");
    }
    print(&text)?;
    study.check_memory()?;
    print(&spaces(&study.base)?)?;
    print(&speciation(&study.base))?;
    print(&points(&study))?;
    print(&work(&study))?;
    if args.fit {
        fit(&study.base)?;
    }
    args.pilot.replicates_for.map_or(Ok(()), |size| needed_replicates(&args.spec, &args.pilot, &study, size))
}

/// The points of a sweep, a line each.
fn points(study: &Study) -> String {
    if study.keys.is_empty() {
        return String::new();
    }
    let line = |point: &Point| {
        let values = study.keys.iter().zip(&point.values).filter(|(_, value)| !value.is_empty());
        let values: Vec<String> = values.map(|(key, value)| format!("{key} = {value}")).collect();
        format!("{:<12} {}\n", "point", values.join(", "))
    };
    let shown: String = study.points.iter().take(MOST_POINTS).map(line).collect();
    match study.points.len().saturating_sub(MOST_POINTS) {
        0 => shown,
        more => format!("{shown}{:<12} and {more} more\n", ""),
    }
}

/// What is computed once for all that share it, how long everything takes, and how much it writes.
fn work(study: &Study) -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let estimate = estimate(study, threads);
    let Estimate { runs, trainings, fits, seconds, bytes, .. } = estimate;
    let several =
        |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let mut text = format!(
        "{:<12} {} that {}, {}, {}\n",
        "work",
        several(runs, "run", "runs"),
        if runs == 1 { "is different" } else { "are different" },
        several(trainings, "training", "trainings"),
        several(fits, "fit of a Gaussianizer", "fits of a Gaussianizer"),
    );
    if let Some(seconds) = seconds {
        let without = if study.points.iter().all(|point| point.plan.diagnostics.is_off()) {
            ""
        } else {
            ", without [diagnostics]"
        };
        let threads = several(threads, "thread", "threads");
        text += &format!(
            "{:<12} about {} on {threads}, by a short measurement on this machine{without}\n",
            "time",
            duration(seconds)
        );
    }
    text + &format!("{:<12} about {}\n", "disk", size(bytes))
}

/// A time in two digits.
fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 120.0 => (s, "s"),
        s if s < 7200.0 => (s / 60.0, "min"),
        s if s < 48.0 * 3600.0 => (s / 3600.0, "h"),
        s => (s / 86400.0, "days"),
    };
    if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// Fits the spaces that have a Gaussianizer to the data of the first replicate, as a run would, and reports what the fits did.
fn fit(plan: &Plan) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::running(e.to_string());
    let shared = Replicate::prepare(plan, 0, &Device::Cpu).map_err(|e| failed(&e))?;
    for pipeline in plan.pipelines.iter().filter(|pipeline| pipeline.is_gaussianized()) {
        let mut context = FitContext {
            scale: plan.data.scale,
            gaussianize: &plan.gaussianize,
            axes: &plan.data.source.axis_names(),
            stream: &Purpose::Gaussianize.stream(plan, 0),
            fill: plan.fills(pipeline),
            progress: &mut |_| {},
        };
        let fitted =
            Chain::fit(&pipeline.space, shared.train.view(), &mut context).map_err(|e| failed(&e))?;
        let notices: String = fitted.notices.iter().map(|notice| format!("{notice}\n")).collect();
        if !notices.is_empty() {
            print(&format!("\n{pipeline}\n\n{notices}"))?;
        }
        for report in &fitted.reports {
            print(&format!("\n{pipeline}\n\n{}", fit_table(report)))?;
        }
    }
    Ok(())
}

/// The spaces whose dimension is not that of the data, of the first replicate.
fn spaces(plan: &Plan) -> Result<String, Failure> {
    let dim = plan.data.source.dim();
    let mut text = String::new();
    let train = || plan.data.source.draw(Part::Train, plan.data.samples, plan.seed, 0);
    // Of points that are drawn every column varies by itself.
    let train = plan.data.source.split().map(|_| train());
    for pipeline in &plan.pipelines {
        let context = FitContext {
            scale: plan.data.scale,
            gaussianize: &plan.gaussianize,
            axes: &plan.data.source.axis_names(),
            stream: &Purpose::Gaussianize.stream(plan, 0),
            fill: plan.fills(pipeline),
            progress: &mut |_| {},
        };
        let train = train.as_ref().map(|train| train.view());
        let space = space_dim(&pipeline.space, dim, train, &context);
        let space = space.map_err(|e| Failure::input(format!("{pipeline}: {e}")))?;
        let named = TransformOptions::Named(NamedTransform::Gaussianize);
        let rows = train.map_or(plan.data.samples, |train| train.nrows());
        if plan.gaussianize.reduce.is_none() && pipeline.space.contains(&named) && rows <= space {
            return Err(Failure::input(format!(
                "{pipeline}: {rows} training points are too few to fit a Gaussianizer of {space} columns, which needs {} or more; give more of them, or set gaussianize.reduce",
                space + 1
            )));
        }
        if space != dim {
            let _ = writeln!(text, "{:<12} {pipeline} diffuses in {space} of {dim} dimensions", "space");
        }
    }
    Ok(text)
}

/// Where theory has the reverse process choose between classes, in the space of the data's scaling; nothing where the
/// points cannot be scaled.
fn speciation(plan: &Plan) -> String {
    let train = plan.data.source.draw(Part::Train, plan.data.samples, plan.seed, 0);
    let Ok(scaling) = Scaling::fit(plan.data.scale, train.view()) else { return String::new() };
    let Some(largest) = largest_eigenvalue(scaling.forward(train.view()).view()) else {
        return String::new();
    };
    let value = match plan.schedule.speciation_step(largest) {
        Some(t) => format!(
            "abar_t times the largest variance, {largest:.3}, is 1 at t = {t}, reverse step {} of {}",
            plan.schedule.steps() - t,
            plan.schedule.steps()
        ),
        None => format!(
            "abar_t times the largest variance, {largest:.3}, is above 1 at every t: the classes are chosen before the first step"
        ),
    };
    format!("{:<12} {value} (theory; without a map)\n", "speciation")
}

/// What would run, a line for each thing that a reader would want to be sure of.
fn describe(plan: &Plan) -> String {
    let dim = plan.data.source.dim();
    let steps = plan.schedule.steps();
    let pipelines: Vec<&str> = plan.pipelines.iter().map(|p| p.name.as_str()).collect();
    let components =
        plan.data.source.mixture().map_or(String::new(), |m| format!(", mixture of {} components", m.len()));
    let network = match plan.network.kind {
        NetworkKind::Mlp => plan.network.title(),
        NetworkKind::Unet => {
            let [channels, height, width] = plan.network.unet().image;
            format!("{} on images of {channels} x {height} x {width}", plan.network.title())
        }
    };
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("experiment", format!("{}, seed {}", plan.name, plan.seed));
    let shape = plan.data.source.image_shape().map_or(String::new(), |shape| {
        format!(", images of {} x {} pixels with {} channel(s)", shape.height, shape.width, shape.channels)
    });
    line("data", format!("{} points in {dim} dimensions{components}{shape}", plan.data.samples));
    line(
        "runs",
        format!(
            "{} = {} replicates of {}",
            plan.replicates * pipelines.len(),
            plan.replicates,
            pipelines.join(", ")
        ),
    );
    line("diffusion", format!("T = {steps}, alpha_bar_T = {:.2e}", plan.schedule.alpha_bar(steps)));
    line("network", format!("{network}, {} parameters", plan.parameter_count()));
    let batches = match plan.train.accumulate {
        1 => String::new(),
        batches => format!("{batches} batches of "),
    };
    line("training", format!("{} iterations of {batches}{} points", plan.iterations, plan.train.batch_size));
    line("sampling", format!("{} points in {} reverse steps", plan.sample.count, plan.sample.steps));
    line(
        "metrics",
        format!(
            "every {} steps against {} real points{}{}",
            plan.metrics.every,
            plan.metrics.reference,
            if plan.metrics.log_likelihood { ", log-likelihood" } else { "" },
            if plan.metrics.prdc { ", PRDC" } else { "" },
        ),
    );
    let diagnostics = &plan.diagnostics;
    let asked = [
        ("cloning", diagnostics.cloning),
        ("error over t", diagnostics.error_over_t),
        ("likelihood", diagnostics.likelihood > 0),
    ];
    let asked: Vec<&str> = asked.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    if !asked.is_empty() {
        line("diagnostics", asked.join(", "));
    }
    line("memory", format!("about {} for a run", size(plan.memory_bytes())));
    text
}
