//! The finished runs of a study, read back for a comparison with another one.

use super::changed_tables::changed_table;
use super::error::StudyError;
use super::found_runs::{FoundRun, found_runs};
use super::planned::{PlannedRun, planned};
use super::run_values::Named;
use crate::spec::{self, NUMERICS, Plan, Study};
use crate::store::names;
use crate::store::sweep_values::add_missing;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The finished runs of a study, read back for a comparison.
pub struct StudyRuns {
    /// Its folder.
    pub out: PathBuf,
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// What its spec asks for; none where that cannot be read here and now.
    pub(super) study: Option<Study>,
    pub(super) groups: Vec<Group>,
    /// The files and folders that its spec names.
    pub inputs: Vec<PathBuf>,
    /// What a reader should know of the folder, a sentence each.
    pub notices: Vec<String>,
}

/// The replicates of a pipeline at a point.
pub(super) struct Group {
    pub pipeline: String,
    pub values: Vec<String>,
    /// Each with its number.
    pub runs: Vec<(usize, Found)>,
    /// The last reverse step.
    pub steps: usize,
}

/// What a run found.
pub(super) struct Found {
    /// The key of its data; none where it is not known.
    pub data: Option<String>,
    pub values: Vec<Named>,
}

impl StudyRuns {
    /// Reads the finished runs of a folder: those that its spec asks for, or where the spec cannot be read, all.
    ///
    /// # Errors
    /// If there is no finished run, or a table of one is not what the run wrote.
    pub fn read(out: &Path) -> Result<Self, StudyError> {
        let found = found_runs(out);
        if found.is_empty() {
            return Err(StudyError::NoFinishedRuns(out.display().to_string()));
        }
        let mut notices = Vec::new();
        let is_old = found.iter().any(|run| run.status.keys.is_none());
        let study = read_spec(out, is_old).inspect_err(|why| {
            notices.push(format!(
                "the spec of {} cannot be read ({why}): all finished runs are taken, and the specs are not compared",
                out.display()
            ));
        });
        let mut study = study.ok();
        let inputs = study.as_ref().map(Study::inputs).unwrap_or_default();
        if let Some(reason) = study.as_ref().and_then(|study| changed_table(study, out, &planned(study, out)))
        {
            notices.push(format!(
                "{}: {reason}: all finished runs are taken, and the specs are not compared",
                out.display()
            ));
            study = None;
        }
        let (keys, asked) = match &study {
            Some(study) => (study.keys.clone(), asked_for(study, out, &found)),
            None => as_they_ran(&found),
        };
        let mut runs =
            Self { out: out.to_path_buf(), keys, study: None, groups: Vec::new(), inputs, notices };
        let mut index: HashMap<(String, Vec<String>), usize> = HashMap::new();
        let mut missing = 0;
        let all = asked.len();
        for (pipeline, replicate, values, run) in asked {
            let Some(run) = run else {
                missing += 1;
                continue;
            };
            let result = run.result()?;
            let group = *index.entry((pipeline.clone(), values.clone())).or_insert(runs.groups.len());
            if group == runs.groups.len() {
                runs.groups.push(Group { pipeline, values, runs: Vec::new(), steps: result.steps });
            }
            let data = run.keys.as_ref().map(|keys| keys.data.clone());
            runs.groups[group].runs.push((replicate, Found { data, values: result.values }));
        }
        if runs.groups.is_empty() {
            return Err(StudyError::NoFinishedRuns(out.display().to_string()));
        }
        if missing > 0 {
            let done = all - missing;
            runs.notices.push(format!("{}: {done} of {all} runs are finished and compared", out.display()));
        }
        runs.notices.extend(other_numerics(out, &found));
        runs.study = study;
        Ok(runs)
    }

    /// How many finished runs it has.
    pub fn count(&self) -> usize {
        self.groups.iter().map(|group| group.runs.len()).sum()
    }

    /// In which lines the spec differs from another one, each with the value here and there; none where one of them
    /// cannot be read.
    pub fn spec_differences(&self, other: &Self) -> Option<Vec<SpecDifference>> {
        let (here, there) = (study_lines(self.study.as_ref()?), study_lines(other.study.as_ref()?));
        let keys: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
        let differing = keys.into_iter().filter(|key| here.get(*key) != there.get(*key));
        let difference = |key: &String| SpecDifference {
            key: key.clone(),
            values: [here.get(key).cloned(), there.get(key).cloned()],
        };
        Some(differing.map(difference).collect())
    }
}

/// A line in which two specs differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecDifference {
    /// The key.
    pub key: String,
    /// Its value in each of the specs; none is the default.
    pub values: [Option<String>; 2],
}

/// The spec in a folder. That of version 0.1 is read as it was meant then, where that is something else today: nothing was
/// clipped.
fn read_spec(out: &Path, is_old: bool) -> Result<Study, String> {
    let text = std::fs::read_to_string(out.join(names::SPEC)).map_err(|e| e.to_string())?;
    let study = spec::read_text_in(out, names::SPEC, &text, &[]).map_err(|e| e.to_string())?;
    let clips = |plan: &Plan| plan.pipelines.iter().any(|pipeline| plan.sample.clips(pipeline.denoiser));
    if is_old && study.points.iter().any(|point| clips(&point.plan)) {
        return spec::read_finished(out, names::SPEC, &text, &[]).map_err(|e| e.to_string());
    }
    Ok(study)
}

/// What a study is: its canonical lines, with those of what only adds or leaves out runs.
fn study_lines(study: &Study) -> BTreeMap<String, String> {
    let mut lines = study.canonical();
    let quoted = |words: Vec<&str>| format!("{words:?}");
    let pipelines = study.base.pipelines.iter().map(|pipeline| pipeline.name.as_str()).collect();
    lines.insert("pipelines".into(), quoted(pipelines));
    lines.insert("replicates".into(), study.base.replicates.to_string());
    for (k, key) in study.keys.iter().enumerate() {
        // Their order says nothing.
        let values: BTreeSet<&str> = study.points.iter().map(|point| point.values[k].as_str()).collect();
        lines.insert(format!("sweep.{key}"), quoted(values.into_iter().collect()));
    }
    lines
}

/// Pipeline, replicate and sweep values of a run that is asked for, and the run where it is finished.
type Asked<'r> = (String, usize, Vec<String>, Option<&'r FoundRun>);

/// The runs that a study asks for. A run of another version of the numerics, which has another key, is found by pipeline,
/// replicate and sweep values.
fn asked_for<'r>(study: &Study, out: &Path, found: &'r [FoundRun]) -> Vec<Asked<'r>> {
    let mut by_key: HashMap<(&str, usize, &str), &FoundRun> = HashMap::new();
    let mut by_label: HashMap<(&str, usize, Vec<String>), &FoundRun> = HashMap::new();
    for run in found {
        let label = &run.status.label;
        if let Some(keys) = &run.keys {
            by_key.insert((&label.pipeline, label.replicate, &keys.run), run);
        }
        if run.status.numerics != Some(NUMERICS) {
            by_label.insert((&label.pipeline, label.replicate, run.sweep_values(&study.keys)), run);
        }
    }
    let asked = |run: PlannedRun| {
        let label = run.label;
        let same = by_key.get(&(label.pipeline.as_str(), label.replicate, run.keys.run.as_str()));
        let earlier = || by_label.get(&(label.pipeline.as_str(), label.replicate, label.values.clone()));
        let found = same.or_else(earlier).copied();
        (label.pipeline.clone(), label.replicate, label.values.clone(), found)
    };
    planned(study, out).into_iter().map(asked).collect()
}

/// All finished runs of a folder, under the labels that they had when they ran, and the keys of their sweeps.
fn as_they_ran<'r>(found: &'r [FoundRun]) -> (Vec<String>, Vec<Asked<'r>>) {
    let mut keys = Vec::new();
    found.iter().for_each(|run| add_missing(&mut keys, &run.sweep_keys()));
    let asked = |run: &'r FoundRun| -> Asked<'r> {
        let label = &run.status.label;
        (label.pipeline.clone(), label.replicate, run.sweep_values(&keys), Some(run))
    };
    let asked = found.iter().map(asked).collect();
    (keys, asked)
}

/// A warning where runs are of other numerics than those of this program.
fn other_numerics(out: &Path, found: &[FoundRun]) -> Option<String> {
    let other = |run: &FoundRun| run.status.numerics.filter(|numerics| *numerics != NUMERICS);
    let numerics: BTreeSet<u32> = found.iter().filter_map(other).collect();
    let first = numerics.first()?;
    let runs = found.iter().filter(|run| other(run).is_some()).count();
    Some(format!(
        "{}: {runs} of {} runs have results of numerics {first}, and this gdiff computes numerics {NUMERICS}: what differs can be the program",
        out.display(),
        found.len()
    ))
}
