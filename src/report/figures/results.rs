//! What an output folder holds, whole or in part: its tables, its spec, its finished runs.

use super::error::FigureError;
use super::model::Role;
use crate::spec::{self, DATA, Study};
use crate::store::atomic;
use crate::store::rows::{read_keys, read_labelled};
use crate::store::run_folder::read_checked_rows;
use crate::store::summary::read_summary;
use crate::store::sweep_values::{add_missing, by_name};
use crate::store::{
    BifurcationRow, ErrorRow, IsotropyRow, Label, LossRow, MetricsRow, Row, Status, StoreError, SummaryRow,
    TrainingMetricsRow, names,
};
use crate::study::{
    old_folders::OldRuns,
    planned::{self, planned},
    provenance, tables,
};
use std::path::{Path, PathBuf};

/// The rows of one run.
pub struct RunRows<R> {
    /// Which run.
    pub label: Label,
    /// Its rows, in order.
    pub rows: Vec<R>,
}

/// Everything that figures are made of.
pub struct Results {
    /// The folder.
    pub folder: PathBuf,
    /// Its spec, where there is one.
    pub spec: Option<String>,
    /// What the spec says, where it can still be read here.
    pub study: Option<Study>,
    /// The pipelines, in the order of the spec; those that the spec does not name follow in the order of the tables.
    pub pipelines: Vec<String>,
    /// The sweep's keys. The values of every label and row below are in this order.
    pub keys: Vec<String>,
    /// Metrics of each run by reverse step.
    pub metrics: Vec<RunRows<MetricsRow>>,
    /// Losses of each run by iteration.
    pub losses: Vec<RunRows<LossRow>>,
    /// Metrics of the samples of each run's network by iteration of its training.
    pub evaluations: Vec<RunRows<TrainingMetricsRow>>,
    /// Isotropy along each run's forward process.
    pub isotropy: Vec<RunRows<IsotropyRow>>,
    /// When the samples of each run choose their modes.
    pub bifurcation: Vec<RunRows<BifurcationRow>>,
    /// Errors of each run's predicted noise by diffusion time.
    pub errors: Vec<RunRows<ErrorRow>>,
    /// Last steps over replicates.
    pub summary: Vec<SummaryRow>,
    /// What made the numbers.
    pub provenance: Option<serde_json::Value>,
    /// Finished runs: folder and status.
    pub runs: Vec<(PathBuf, Status)>,
    /// What is not there, or could not be used, one sentence each.
    pub notices: Vec<String>,
}

impl Results {
    /// Reads a folder: its tables, or those of its finished runs where it has none yet.
    ///
    /// # Errors
    /// If it is no folder, holds nothing to draw, or a table is damaged.
    pub fn read(folder: &Path) -> Result<Self, FigureError> {
        if !folder.is_dir() {
            return Err(FigureError::NoFolder(folder.to_path_buf()));
        }
        let spec = std::fs::read_to_string(folder.join(names::SPEC)).ok();
        let mut notices = Vec::new();
        let study = match spec.as_deref().map(|text| spec::read_text_in(folder, names::SPEC, text, &[])) {
            Some(Ok(study)) => Some(study),
            Some(Err(error)) => {
                notices.push(format!("the spec cannot be read here, so no point can be drawn: {error}"));
                None
            }
            None => None,
        };
        let mut keys = study.as_ref().map_or_else(Vec::new, |s| s.keys.clone());
        let mut runs = finished_runs(folder, study.as_ref(), &mut notices);
        let mut metrics = Keyed::read(folder, names::METRICS, &runs)?;
        let mut losses = Keyed::read(folder, names::LOSS, &runs)?;
        let mut evaluations = Keyed::read(folder, names::TRAINING_METRICS, &runs)?;
        let mut isotropy = Keyed::read(folder, names::ISOTROPY, &runs)?;
        let mut bifurcation = Keyed::read(folder, names::BIFURCATION, &runs)?;
        let mut errors = Keyed::read(folder, names::ERROR_OVER_T, &runs)?;
        notices.extend(altered(folder, &runs));
        let summary = folder.join(names::SUMMARY);
        let mut summary = if summary.is_file() { Some(read_summary(&summary)?) } else { None };

        // Every source names its own keys. From here on all of them have the same keys in the same order.
        let of_runs = runs.iter().map(|run| &run.keys);
        let of_tables =
            [&metrics.keys, &losses.keys, &evaluations.keys, &isotropy.keys, &bifurcation.keys, &errors.keys]
                .into_iter();
        let of_summary = summary.iter().map(|(keys, _)| keys);
        of_tables.chain(of_summary).chain(of_runs).for_each(|more| add_missing(&mut keys, more));
        metrics.reorder(&keys);
        losses.reorder(&keys);
        evaluations.reorder(&keys);
        isotropy.reorder(&keys);
        bifurcation.reorder(&keys);
        errors.reorder(&keys);
        for run in &mut runs {
            run.status.label.values = by_name(&run.status.label.values, &run.keys, &keys);
        }
        if let Some((from, rows)) = &mut summary {
            rows.iter_mut().for_each(|row| row.values = by_name(&row.values, from, &keys));
        }
        let runs: Vec<(PathBuf, Status)> = runs.into_iter().map(|run| (run.folder, run.status)).collect();
        let summary = match summary {
            Some((_, rows)) => rows,
            None => {
                let runs: Vec<(&Path, &Status)> = runs.iter().map(|(f, s)| (f.as_path(), s)).collect();
                tables::summarize(&keys, &runs)?
            }
        };
        let (mut metrics, mut losses, mut isotropy) = (metrics.runs, losses.runs, isotropy.runs);
        let (mut evaluations, mut bifurcation, mut errors) =
            (evaluations.runs, bifurcation.runs, errors.runs);
        if metrics.is_empty() && losses.is_empty() && isotropy.is_empty() && summary.is_empty() {
            return Err(FigureError::Nothing(folder.to_path_buf()));
        }
        let provenance = std::fs::read(folder.join(names::PROVENANCE)).ok();
        let provenance = provenance.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut pipelines: Vec<String> = Vec::new();
        let of_spec = study.iter().flat_map(|study| study.base.pipelines.iter().map(|p| &p.name));
        let of_tables = metrics.iter().map(|run| &run.label).chain(losses.iter().map(|run| &run.label));
        let of_tables = of_tables.map(|label| &label.pipeline);
        let of_summary = summary.iter().map(|row| &row.pipeline).filter(|name| *name != DATA);
        for name in of_spec.chain(of_tables).chain(of_summary) {
            if !pipelines.contains(name) {
                pipelines.push(name.clone());
            }
        }
        // One order of pipelines in every figure; the points of a sweep keep theirs.
        in_order(&mut metrics, &pipelines);
        in_order(&mut losses, &pipelines);
        in_order(&mut evaluations, &pipelines);
        in_order(&mut isotropy, &pipelines);
        in_order(&mut bifurcation, &pipelines);
        in_order(&mut errors, &pipelines);
        let folder = folder.to_path_buf();
        Ok(Self {
            folder,
            spec,
            study,
            pipelines,
            keys,
            metrics,
            losses,
            evaluations,
            isotropy,
            bifurcation,
            errors,
            summary,
            provenance,
            runs,
            notices,
        })
    }

    /// The name of the experiment, or of its folder.
    pub fn name(&self) -> String {
        let folder = || self.folder.canonicalize().ok()?.file_name()?.to_str().map(str::to_string);
        let named = self.study.as_ref().map(|study| study.base.name.clone());
        named.or_else(folder).unwrap_or_else(|| "results".to_string())
    }

    /// The role of a pipeline: the same one in every figure of the folder.
    pub fn role(&self, pipeline: &str) -> Role {
        Role::of_pipeline(pipeline, &self.pipelines)
    }

    /// The finished run of a pipeline at a sweep point, its first replicate.
    pub fn run(&self, pipeline: &str, values: &[String]) -> Option<&(PathBuf, Status)> {
        let of = |label: &Label| label.pipeline == pipeline && label.values == values;
        self.runs.iter().filter(|(_, s)| of(&s.label)).min_by_key(|(_, s)| s.label.replicate)
    }

    /// The mean of a metric of fresh real points, over all sweep points and replicates.
    pub fn data_level(&self, metric: &str) -> Option<f64> {
        let rows = self.summary.iter().filter(|row| row.pipeline == DATA && row.metric == metric);
        let means: Vec<f64> = rows.map(|row| row.numbers.mean).collect();
        (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64)
    }
}

/// Puts runs into the order of their pipelines.
fn in_order<R>(runs: &mut [RunRows<R>], pipelines: &[String]) {
    runs.sort_by_key(|run| pipelines.iter().position(|name| *name == run.label.pipeline));
}

/// The tables that are not what was written any more, a sentence each.
fn altered(folder: &Path, runs: &[Found]) -> Vec<String> {
    let written = provenance::read(folder).map_or_else(Default::default, |written| written.tables);
    let digests = runs.iter().filter(|run| run.folder == folder).flat_map(|run| &run.status.files);
    let is_other = |(name, digest): &(&String, &String)| {
        let is_table = name.ends_with(".csv");
        is_table && std::fs::read(folder.join(name)).is_ok_and(|bytes| atomic::digest(&bytes) != **digest)
    };
    let sentence = |(name, _): (&String, &String)| {
        format!(
            "{name} is not what was written; the figures show what it holds now (`gdiff run` writes it anew)"
        )
    };
    written.iter().chain(digests).filter(is_other).map(sentence).collect()
}

/// A table run by run, with the sweep's keys that the values of its labels belong to.
struct Keyed<R> {
    keys: Vec<String>,
    runs: Vec<RunRows<R>>,
}

impl<R: Row> Keyed<R> {
    /// A table of the folder; put together from the runs' own where the folder has none.
    fn read(folder: &Path, name: &str, runs: &[Found]) -> Result<Self, StoreError> {
        let path = folder.join(name);
        if path.is_file() {
            let (keys, rows) = read_labelled(&path)?;
            let runs = rows.into_iter().map(|(label, rows)| RunRows { label, rows }).collect();
            return Ok(Self { keys, runs });
        }
        let mut table = Self { keys: Vec::new(), runs: Vec::new() };
        for run in runs.iter().filter(|run| run.folder.join(name).is_file()) {
            add_missing(&mut table.keys, &run.keys);
        }
        for run in runs.iter().filter(|run| run.folder.join(name).is_file()) {
            let mut label = run.status.label.clone();
            label.values = by_name(&label.values, &run.keys, &table.keys);
            table.runs.push(RunRows { label, rows: read_checked_rows(&run.folder, &run.status, name)? });
        }
        Ok(table)
    }

    /// Puts the values of all labels into the order of `keys`.
    fn reorder(&mut self, keys: &[String]) {
        for run in &mut self.runs {
            run.label.values = by_name(&run.label.values, &self.keys, keys);
        }
    }
}

/// A finished run, with the sweep's keys that the values of its label belong to.
struct Found {
    keys: Vec<String>,
    folder: PathBuf,
    status: Status,
}

impl Found {
    /// A run under the label that it had when it ran; its own table names the keys.
    fn as_it_ran(folder: PathBuf) -> Option<Self> {
        let status = Status::read_done(&folder)?;
        let keys = read_keys::<MetricsRow>(&folder.join(names::METRICS)).unwrap_or_default();
        Some(Self { keys, folder, status })
    }
}

/// The finished runs in their order, under the labels that the study gives them; a notice says how many are missing.
fn finished_runs(folder: &Path, study: Option<&Study>, notices: &mut Vec<String>) -> Vec<Found> {
    // The folder may be that of a single run.
    if let Some(run) = Found::as_it_ran(folder.to_path_buf()) {
        return vec![run];
    }
    let (all, runs) = match study {
        Some(study) => {
            let planned = planned(study, folder);
            let old = OldRuns::read(folder);
            let found = |run: &planned::PlannedRun| {
                let (folder, status) = old.locate(run)?;
                let status = Status { label: run.label.clone(), ..status };
                Some(Found { keys: study.keys.clone(), folder, status })
            };
            (planned.len(), planned.iter().filter_map(found).collect::<Vec<_>>())
        }
        None => {
            let names = planned::run_folders(folder);
            let folders = names.iter().map(|name| planned::folder(folder, name));
            (names.len(), folders.filter_map(Found::as_it_ran).collect())
        }
    };
    if runs.len() < all {
        let what = if runs.is_empty() { "figures that need them are left out" } else { "figures show those" };
        notices.push(format!("{} of {all} runs are here and finished; {what}", runs.len()));
    }
    runs
}
