//! `gdiff check --replicates-for`

use super::SpecArgs;
use super::failures::words;
use super::{Failure, print};
use crate::report::replicates_table;
use crate::spec::Study;
use crate::study::PilotRuns;
use clap::Args;
use std::ffi::OsString;
use std::path::PathBuf;

/// The replicates of a pilot that is asked for.
const OF_A_PILOT: usize = 5;

/// Fewer show no deviation.
const FEWEST: usize = 2;

/// Fewer show a deviation whose interval is too wide for most purposes.
const FEW: usize = 3;

/// How many replicates a difference needs.
#[derive(Debug, Args)]
pub struct PilotArgs {
    /// Say how many replicates tell a paired difference of SIZE to the baseline, from the runs that are finished
    #[arg(long, value_name = "SIZE", value_parser = size, allow_negative_numbers = true)]
    pub replicates_for: Option<f64>,
    /// The metric of summary.csv whose difference it is [default: log_likelihood, else sliced_w2]
    #[arg(long, value_name = "NAME", requires = "replicates_for")]
    pub metric: Option<String>,
    /// Output folder of the finished runs [default: results/NAME]
    #[arg(long, value_name = "DIR", requires = "replicates_for")]
    pub out: Option<PathBuf>,
}

/// The size of a difference.
fn size(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|size| size.is_finite() && *size > 0.0)
        .ok_or_else(|| format!("`{text}` is no size of a difference, a number above 0"))
}

/// Says how many replicates a difference of this size needs.
pub(super) fn needed_replicates(
    spec: &SpecArgs,
    args: &PilotArgs,
    study: &Study,
    size: f64,
) -> Result<(), Failure> {
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("results").join(&study.base.name));
    let runs = PilotRuns::read(study, &out)?;
    if study.points.iter().all(|point| point.plan.pipelines.len() < 2) {
        let message =
            "the spec has a single pipeline, and so no difference to a baseline; name two in `pipelines`";
        return Err(Failure::input(message));
    }
    let (there, folder) = (runs.replicates(), out.display());
    if there < FEWEST {
        let message = format!(
            "{folder} has {there} finished replicates of this spec, and a pilot needs {FEWEST} or more; make one with\n  {}",
            run_command(spec, args, OF_A_PILOT)
        );
        return Err(Failure::input(message));
    }
    let pilot = runs.differences(args.metric.as_deref())?;
    if pilot.lines.iter().all(|line| line.differences.len() < FEWEST) {
        let message = format!(
            "{folder} has no {FEWEST} replicates in which `{}` and another pipeline have both `{}`; make them with\n  {}",
            pilot.baseline,
            pilot.metric,
            run_command(spec, args, OF_A_PILOT.max(there))
        );
        return Err(Failure::input(message));
    }
    let mut text = format!("\n{}", replicates_table(&pilot, size));
    if there < FEW {
        text += &format!(
            "Of {there} replicates a deviation is hardly known; {OF_A_PILOT} make a better pilot.\n"
        );
    }
    let needed = pilot.lines.iter().filter_map(|line| line.needed(size));
    let most = needed.map(|needed| needed.replicates[0]).reduce(|a, b| Some(a?.max(b?)));
    text += &match most {
        None => {
            "The differences do not vary from replicate to replicate, so more replicates tell nothing new.\n"
                .into()
        }
        Some(Some(n)) if n <= there => format!("The {there} replicates of the pilot are enough.\n"),
        Some(Some(n)) => format!(
            "More replicates of the same spec keep those that are finished:\n  {}\n",
            run_command(spec, args, n)
        ),
        Some(None) => {
            "No number of replicates that could be run tells a difference so small on every line.\n".into()
        }
    };
    print(&text)
}

/// The command that runs the spec with so many replicates.
fn run_command(spec: &SpecArgs, args: &PilotArgs, replicates: usize) -> String {
    let mut typed: Vec<OsString> = vec!["gdiff".into(), "run".into(), spec.spec.clone().into()];
    for text in spec.set.0.iter().filter_map(|set| set.argument()) {
        typed.extend(["--set".into(), text.strip_prefix("--set ").unwrap_or(text).into()]);
    }
    typed.extend(["--set".into(), format!("replicates={replicates}").into()]);
    if let Some(out) = &args.out {
        typed.extend(["--out".into(), out.clone().into()]);
    }
    words(typed)
}
