//! Every file of a study against its digest.

use super::error::StudyError;
use super::frozen_plan::{FrozenStudy, Specs};
use super::planned::{self, planned, run_key};
use super::provenance;
use crate::spec;
use crate::store::drawn_files::{DrawnFiles, Standing};
use crate::store::run_folder::read_checked;
use crate::store::{Status, atomic, names};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a check of a folder found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Files that are what was written.
    pub sound: usize,
    /// Files that are not, each with what is wrong.
    pub damaged: Vec<String>,
    /// Files that cannot be checked here, each with the reason.
    pub unchecked: Vec<String>,
    /// Figures that are not, each with what is wrong.
    pub figures: Vec<String>,
    /// Finished runs of version 0.1, which kept no digests.
    pub without_digests: usize,
}

/// Checks every file of the finished runs of a folder, its tables, its plan, its figures, and whether its spec is that
/// of its runs.
///
/// # Errors
/// If the folder has neither runs nor tables.
pub fn verify(out: &Path) -> Result<Verified, StudyError> {
    let mut verified = Verified::default();
    let folders: Vec<PathBuf> =
        planned::run_folders(out).iter().map(|run| planned::folder(out, run)).collect();
    if folders.is_empty() && provenance::read(out).is_none() {
        return Err(StudyError::NoRuns(out.display().to_string()));
    }
    folders.iter().for_each(|folder| verified.run(folder));
    let runs = verified.tables(out);
    verified.spec(out, &runs);
    if FrozenStudy::is_in(out) || out.join(names::SPECS).exists() {
        verified.plan(out);
    }
    verified.drawn(out);
    Ok(verified)
}

impl Verified {
    fn file(&mut self, found: Result<(), String>) {
        match found {
            Ok(()) => self.sound += 1,
            Err(reason) => self.damaged.push(reason),
        }
    }

    /// The files of a run that is done.
    fn run(&mut self, folder: &Path) {
        let path = folder.join(names::STATUS);
        let path = path.display();
        match Status::read(folder) {
            Some(status) if !folder.ends_with(&status.label.run) => {
                self.damaged.push(format!("{path}: it is the status of {}", status.label.run));
            }
            Some(_) if Status::read_done(folder).is_none() => {}
            Some(status) if status.files.is_empty() => self.without_digests += 1,
            Some(status) => {
                for name in status.files.keys() {
                    self.file(read_checked(folder, &status, name).map(|_| ()).map_err(|e| e.reason()));
                }
            }
            None if folder.join(names::STATUS).is_file() => {
                self.damaged.push(format!("{path}: it is not what was written"));
            }
            None => {}
        }
    }

    /// The tables, and the runs that they were made of, which must be there. Returns these runs.
    fn tables(&mut self, out: &Path) -> BTreeSet<String> {
        let Some(written) = provenance::read(out) else {
            if out.join(names::PROVENANCE).exists() {
                let path = out.join(names::PROVENANCE);
                self.damaged.push(format!("{}: it is not what was written", path.display()));
            } else if out.join(names::SUMMARY).exists() {
                let reason = "it is missing, so that nothing shows whether the tables are whole";
                self.damaged.push(format!("{}: {reason}", out.join(names::PROVENANCE).display()));
            }
            return BTreeSet::new();
        };
        for (name, digest) in &written.tables {
            let path = out.join(name);
            self.file(match std::fs::read(&path) {
                Ok(bytes) if atomic::digest(&bytes) == *digest => Ok(()),
                Ok(_) => Err(format!("{}: it is not what was written", path.display())),
                Err(error) => Err(format!("{}: {error}", path.display())),
            });
        }
        for run in written.stages.keys().filter(|_| !written.tables.is_empty()) {
            let status = planned::folder(out, run).join(names::STATUS);
            if !status.exists() {
                self.damaged.push(format!("{}: it is missing", status.display()));
            }
        }
        written.stages.into_keys().collect()
    }

    /// Whether the spec is that of the runs in the tables.
    fn spec(&mut self, out: &Path, runs: &BTreeSet<String>) {
        let path = out.join(names::SPEC);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => return self.damaged.push(format!("{}: {error}", path.display())),
        };
        let study = match spec::read_text_in(out, names::SPEC, &text, &[]) {
            Ok(study) => study,
            Err(error) if error.is_only_of_files() => {
                return self.unchecked.push(format!("{}: {error}", path.display()));
            }
            Err(error) => return self.damaged.push(format!("{}: {error}", path.display())),
        };
        let planned = planned(&study, out);
        let names: BTreeSet<&str> = planned.iter().map(|run| run.label.run.as_str()).collect();
        let other = |run: &planned::PlannedRun| {
            let there = Status::read_done(&run.folder).filter(|status| status.keys.is_some());
            there.is_some_and(|status| run_key(&run.folder, &status) != Some(run.keys.run.clone()))
        };
        // The runs of version 0.1 have other names today.
        let is_old =
            |run: &str| Status::read(&planned::folder(out, run)).is_some_and(|status| status.keys.is_none());
        let gone = runs.iter().find(|run| !names.contains(run.as_str()) && !is_old(run));
        let run = planned.iter().find(|run| other(run)).map(|run| &run.label.run).or(gone);
        self.file(match run {
            Some(run) => Err(format!("{}: {run} is a run of another spec", path.display())),
            None => Ok(()),
        });
    }

    /// The numbers of a plan, and the spec of each.
    fn plan(&mut self, out: &Path) {
        let check = || {
            let frozen = FrozenStudy::read(out)?;
            let mut specs = Specs::open(out)?;
            frozen.runs.iter().try_for_each(|run| specs.read(run).map(|_| ()))?;
            specs.check_rest(&frozen)
        };
        match check() {
            Ok(()) => self.sound += 2,
            Err(StudyError::DamagedPlan { path, reason }) => {
                self.damaged.push(format!("{}: {reason}", path.display()));
            }
            Err(other) => self.damaged.push(other.to_string()),
        }
    }

    /// The figures and the page.
    fn drawn(&mut self, out: &Path) {
        let path = out.join(names::FIGURES).join(names::DRAWN);
        let Some(drawn) = DrawnFiles::read(out) else {
            if path.exists() {
                self.figures.push(format!("{}: it is not what was written", path.display()));
            }
            return;
        };
        for name in drawn.names() {
            let path = out.join(name);
            match drawn.standing(out, name) {
                Standing::Drawn => self.sound += 1,
                Standing::Nothing => self.figures.push(format!("{}: it is missing", path.display())),
                Standing::Other => {
                    self.figures.push(format!("{}: it is not what was drawn", path.display()));
                }
            }
        }
    }
}
