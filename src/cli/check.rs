//! `gdiff check`

use super::SpecArgs;
use super::replicates::{PilotArgs, needed_replicates};
use super::{Failure, print, read};
use crate::data::source::Part;
use crate::diffusion::speciation::largest_eigenvalue;
use crate::numeric::memory::size;
use crate::report::fit_table;
use crate::run::{Purpose, Replicate};
use crate::space::{Chain, FitContext, Scaling, Transform};
use crate::spec::Plan;
use candle_core::Device;
use clap::Args;
use std::fmt::Write;

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
    print(&speciation(&study.base))?;
    if args.fit {
        fit(&study.base)?;
    }
    args.pilot.replicates_for.map_or(Ok(()), |size| needed_replicates(&args.spec, &args.pilot, &study, size))
}

/// Fits the spaces that have a Gaussianizer to the data of the first replicate, as a run would, and reports what the fits did.
fn fit(plan: &Plan) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::running(e.to_string());
    let shared = Replicate::prepare(plan, 0, &Device::Cpu).map_err(|e| failed(&e))?;
    for pipeline in plan.pipelines.iter().filter(|pipeline| pipeline.is_gaussianized()) {
        let mut context = FitContext {
            scale: plan.data.scale,
            gaussianize: &plan.gaussianize,
            stream: &Purpose::Gaussianize.stream(plan, 0),
            progress: &mut |_| {},
        };
        let fitted =
            Chain::fit(&pipeline.space, shared.train.view(), &mut context).map_err(|e| failed(&e))?;
        for report in &fitted.reports {
            print(&format!("\n{pipeline}\n\n{}", fit_table(report)))?;
        }
    }
    Ok(())
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
    let hidden: Vec<String> = plan.network.widths().iter().map(ToString::to_string).collect();
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12} {value}");
    };
    line("experiment", format!("{}, seed {}", plan.name, plan.seed));
    line("data", format!("{} points in {dim} dimensions{components}", plan.data.samples));
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
    line(
        "network",
        format!(
            "{}, {} parameters",
            hidden.join("-"),
            plan.network.parameter_count(dim, plan.sample.variance.outputs(), steps)
        ),
    );
    line("training", format!("{} iterations of {} points", plan.iterations, plan.train.batch_size));
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
