//! `gdiff likelihood`: how likely points are under the models of finished runs.

use super::bits_per_dim::bits_per_dim;
use super::sample::run_folder;
use super::table_args::in_order_of;
use super::{Failure, TableArgs, print, refuse_as_table, refuse_input_of_spec, write_rows};
use crate::data::table::axis_names;
use crate::diffusion::DiffusionError;
use crate::diffusion::likelihood::LikelihoodOptions;
use crate::numeric::memory;
use crate::report::{ScoredRun, likelihoods_text, note};
use crate::run::{FinishedRun, Likelihoods};
use crate::store::names;
use clap::Args;
use ndarray::Array2;
use std::path::{Path, PathBuf};

/// `gdiff likelihood`
#[derive(Debug, Args)]
pub struct LikelihoodArgs {
    /// The folders of finished runs, for example results/NAME/runs/gaussianized-r0; the others are compared with the first
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Points to score, a column for each axis [default: points that the run was not trained on]
    #[arg(long, value_name = "TABLE")]
    pub data: Option<PathBuf>,
    /// How the table is read.
    #[command(flatten)]
    pub table: TableArgs,
    /// How many points [default: all of a table, 10000 of a data set that is drawn]
    #[arg(long, value_name = "N")]
    pub count: Option<std::num::NonZeroUsize>,
    /// Steps of the integration, an even number
    #[arg(long, default_value_t = LikelihoodOptions::default().steps, value_name = "N")]
    pub steps: usize,
    /// Of images: the variational bound of the reverse process in bits/dim, instead of the density
    #[arg(long, conflicts_with = "steps")]
    pub bits_per_dim: bool,
    /// Write the likelihood of every point (CSV)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Points of a data set that is drawn, where no number is given.
const DRAWN: usize = 10_000;

pub(super) fn likelihood(args: &LikelihoodArgs) -> Result<(), Failure> {
    let options = LikelihoodOptions { steps: args.steps, ..LikelihoodOptions::default() };
    options.check().map_err(|e| Failure::input(format!("--{} {}", e.key, e.reason)))?;
    let folders = args.runs.iter().map(|run| run_folder(run)).collect::<Result<Vec<_>, _>>()?;
    if let Some(out) = &args.out {
        let of_runs = folders.iter().flat_map(|folder| {
            [names::SPEC, names::STATUS, names::MODEL, names::GAUSSIANIZER, names::LIKELIHOOD]
                .map(|name| folder.join(name))
        });
        let inputs: Vec<PathBuf> = of_runs.chain(args.data.clone()).collect();
        refuse_as_table(out, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    }
    let runs = folders.iter().map(|folder| FinishedRun::open(folder)).collect::<Result<Vec<_>, _>>()?;
    for run in &runs {
        args.out.iter().try_for_each(|out| refuse_input_of_spec("--out", out, &run.plan().inputs()))?;
    }
    // The bound clips as the samples are.
    for (run, given) in runs.iter().zip(&args.runs).filter(|_| !args.bits_per_dim) {
        run.likelihood_notice().iter().for_each(|notice| note(&format!("{}: {notice}", given.display())));
    }
    let points = points(args, &runs)?;
    for ((run, points), given) in runs.iter().zip(&points).zip(&args.runs) {
        let notices = run.notices_for(points.view());
        notices.iter().for_each(|notice| note(&format!("{}: {notice}", given.display())));
    }
    let of = match &args.data {
        Some(path) => format!("points of {}", path.display()),
        None => "held-out points".to_string(),
    };
    let labels = labels(&args.runs);
    if args.bits_per_dim {
        let of = of.replacen("points", "images", 1);
        return bits_per_dim(&of, &runs, &points, labels, args.out.as_deref());
    }
    let score = |((run, points), given): ((&FinishedRun, &Array2<f64>), &PathBuf)| {
        let refused = |e: DiffusionError| Failure::input(format!("{}: {e}", given.display()));
        run.likelihoods(points.view(), &options).map_err(refused)
    };
    let scored = runs.iter().zip(&points).zip(&args.runs).map(score);
    let scored = scored.collect::<Result<Vec<Likelihoods>, _>>()?;
    let is_none = |scored: &&Likelihoods| scored.rows().iter().all(|row| row.log_likelihood.is_none());
    // Where the space has left out dimensions no point has a density, and the table says so.
    let has_density = |run: &FinishedRun| run.chain().lost_variance().is_none();
    let far = scored.iter().zip(&runs).position(|(scored, run)| has_density(run) && is_none(&scored));
    if let Some(of_run) = far {
        return Err(Failure::running(format!(
            "{}: all {of} lie so far out that their likelihood leaves the range of numbers",
            args.runs[of_run].display()
        )));
    }
    if let Some(out) = &args.out {
        write(out, &labels, &scored)?;
    }
    let runs: Vec<ScoredRun> =
        labels.into_iter().zip(scored).map(|(label, likelihoods)| ScoredRun { label, likelihoods }).collect();
    print(&likelihoods_text(&of, &runs))
}

/// The points that each run scores: the same for all, each with its axes in the order of the run's own.
fn points(args: &LikelihoodArgs, runs: &[FinishedRun]) -> Result<Vec<Array2<f64>>, Failure> {
    let points = match &args.data {
        Some(path) => {
            let table = args.table.read(path)?;
            let of_run = |(run, given): (&FinishedRun, &PathBuf)| {
                let axes = run.plan().data.source.axis_names();
                let named = axes != axis_names(axes.len());
                let whose = format!("the run {}", given.display());
                in_order_of(table.clone(), path, (&axes, named), ("run", &whose))
            };
            runs.iter().zip(&args.runs).map(of_run).collect::<Result<Vec<_>, _>>()?
        }
        None => {
            if args.table.header.is_some() || args.table.delimiter.is_some() || args.table.columns.is_some() {
                return Err(Failure::input("--header, --delimiter and --columns say how --data is read"));
            }
            let is_finite = runs[0].plan().data.source.split().is_some();
            let count = args.count.map_or(if is_finite { usize::MAX } else { DRAWN }, usize::from);
            check_memory(runs, if is_finite { 0 } else { count })?;
            runs.iter().map(|run| run.held_out(count)).collect()
        }
    };
    if points.iter().any(|other| args.data.is_none() && *other != points[0]) {
        return Err(Failure::input(format!(
            "{} and the others hold out different points; give the points to compare them on by --data TABLE",
            args.runs[0].display()
        )));
    }
    let count = args.count.map_or(usize::MAX, usize::from);
    let first = |points: Array2<f64>| {
        let n = points.nrows().min(count);
        points.slice_move(ndarray::s![..n, ..])
    };
    let points: Vec<Array2<f64>> = points.into_iter().map(first).collect();
    check_memory(runs, points[0].nrows())?;
    match points[0].nrows() {
        0 => Err(Failure::input(format!(
            "{} holds out no points (data.test_fraction); give some by --data TABLE",
            args.runs[0].display()
        ))),
        _ => Ok(points),
    }
}

/// Refuses more points than fit into memory.
fn check_memory(runs: &[FinishedRun], count: usize) -> Result<(), Failure> {
    let dim = runs.iter().map(|run| run.plan().data.source.dim()).max().unwrap_or(1);
    let bytes = memory::of_f64(&[count, runs.len() * (2 * dim + 8)]);
    memory::check(&format!("the likelihoods of {count} points"), bytes).map_err(Failure::input)
}

/// A name for each run: that of its folder where these differ, else the path as it was given.
fn labels(runs: &[PathBuf]) -> Vec<String> {
    let name = |run: &PathBuf| run.file_name().map(|name| name.to_string_lossy().into_owned());
    let names: Option<Vec<String>> = runs.iter().map(name).collect();
    let differ = |names: &Vec<String>| (1..names.len()).all(|i| !names[..i].contains(&names[i]));
    names.filter(differ).unwrap_or_else(|| runs.iter().map(|run| run.display().to_string()).collect())
}

/// Writes a row for each point and run.
fn write(out: &Path, labels: &[String], scored: &[Likelihoods]) -> Result<(), Failure> {
    let columns = ["run", "point", "log_likelihood", "error", "map_log_likelihood", "true_log_likelihood"];
    let rows = labels
        .iter()
        .zip(scored)
        .flat_map(|(label, likelihoods)| likelihoods.rows().into_iter().map(move |row| (label, row)));
    write_rows(out, &columns, rows)
}
