//! `gdiff isotropy`: by how much the isotropy term scaled the predictions of finished runs.

use super::sample::run_folder;
use super::{Failure, print, refuse_as_table, refuse_input_of_spec, write_rows};
use crate::report::{note, output_scales_text};
use crate::run::{FinishedRun, OutputScale};
use crate::store::names;
use clap::Args;
use std::path::{Path, PathBuf};

/// `gdiff isotropy`
#[derive(Debug, Args)]
pub struct IsotropyArgs {
    /// The folders of finished runs, for example results/NAME/runs/*
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Write the numbers of every run (CSV)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

pub(super) fn isotropy(args: &IsotropyArgs) -> Result<(), Failure> {
    let folders = args.runs.iter().map(|run| run_folder(run)).collect::<Result<Vec<_>, _>>()?;
    if let Some(out) = &args.out {
        let of_runs = [names::SPEC, names::STATUS, names::MODEL, names::GAUSSIANIZER];
        let inputs: Vec<PathBuf> =
            folders.iter().flat_map(|folder| of_runs.map(|name| folder.join(name))).collect();
        refuse_as_table(out, &inputs.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    }
    let mut rows = Vec::new();
    let mut without: Vec<String> = Vec::new();
    for folder in &folders {
        let run = FinishedRun::open(folder)?;
        args.out.iter().try_for_each(|out| refuse_input_of_spec("--out", out, &run.plan().inputs()))?;
        match run.output_scale()? {
            Some(scale) if !(scale.mean_square.is_finite() && scale.output_scale.is_finite()) => {
                return Err(Failure::running(format!(
                    "{}: the predictions of its network are not finite, so the run is not what was written; `gdiff verify` says which files are damaged",
                    folder.display()
                )));
            }
            Some(scale) => rows.push((name_of(folder), scale)),
            None => without.push(name_of(folder)),
        }
    }
    if let Some(first) = without.first() {
        let more = if without.len() > 1 { format!(" and {} more", without.len() - 1) } else { String::new() };
        let sentence = format!("{first}{more}: no network, so no predictions that could be measured");
        if rows.is_empty() {
            return Err(Failure::input(sentence));
        }
        note(&sentence);
    }
    if let Some(out) = &args.out {
        write_rows(out, &COLUMNS, &rows)?;
    }
    let scales: Vec<OutputScale> = rows.into_iter().map(|(_, scale)| scale).collect();
    print(&output_scales_text(&scales))
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The columns of the rows, in their order.
const COLUMNS: [&str; 12] = [
    "run",
    "pipeline",
    "replicate",
    "lambda",
    "control",
    "epsilon_scale",
    "batch_size",
    "mean_square",
    "variance",
    "output_scale",
    "optimal_scale",
    "optimal_scale_of_batches",
];
