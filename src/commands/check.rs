//! `gdiff check`

use super::{Failure, print, read};
use crate::cli::CheckArgs;
use crate::experiment::{Purpose, Replicate};
use crate::gaussianize::Gaussianizer;
use crate::report::fit_table;
use crate::spec::Plan;
use candle_core::Device;
use std::fmt::Write;

pub(super) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let study = read(&args.spec)?;
    let mut text = describe(&study.base);
    if !study.keys.is_empty() {
        let runs: usize = study.points.iter().map(|p| p.plan.replicates * p.plan.pipelines.len()).sum();
        text += &format!(
            "{:<12} {} points over {}, {runs} runs in all\n",
            "sweep",
            study.points.len(),
            study.keys.join(", ")
        );
    }
    print(&text)?;
    if args.fit { fit(&study.base) } else { Ok(()) }
}

/// Fits the map to the data of the first replicate, as a run would, and tells what it did.
fn fit(plan: &Plan) -> Result<(), Failure> {
    let failed = |e: &dyn std::fmt::Display| Failure::running(e.to_string());
    let shared = Replicate::prepare(plan, 0, &Device::Cpu).map_err(|e| failed(&e))?;
    let scaled = shared.scaling.forward(shared.train.view());
    let stream = Purpose::Gaussianize.stream(plan, 0);
    let (_, report) = Gaussianizer::fit(scaled.view(), &plan.gaussianize, &stream, &mut |_, _| {})
        .map_err(|e| failed(&e))?;
    print(&format!("\n{}", fit_table(&report)))
}

/// What would run, a line for each thing that a reader would want to be sure of.
fn describe(plan: &Plan) -> String {
    let dim = plan.data.source.dim();
    let steps = plan.schedule.steps();
    let pipelines: Vec<&str> = plan.pipelines.iter().map(|p| p.name()).collect();
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
    line("network", format!("{}, {} parameters", hidden.join("-"), plan.network.parameter_count(dim, steps)));
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
    for warning in &plan.warnings {
        line("warning", warning.clone());
    }
    text
}
