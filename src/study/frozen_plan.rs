//! The plan of a sweep: `points.json` numbers its runs, and the numbers do not change, `specs.txt` holds their resolved specs.

use super::changed_tables::refuse_changed_table;
use super::clear::clear_plan;
use super::error::StudyError;
use super::frozen_run::{FrozenKeys, FrozenRun, spec_digest};
use super::held::{Held, holds, write_spec};
use super::mark::refuse_foreign;
use super::planned::{self, finished, planned};
use super::renamed_runs;
use crate::numeric::digest::hex;
use crate::spec::Study;
use crate::store::leftovers::remove_leftovers;
use crate::store::{Lock, Status, StoreError, atomic, names};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The frozen runs of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenStudy {
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// The folder in which the study was planned: relative paths in the specs begin there.
    pub(super) directory: PathBuf,
    /// The runs, in the order of their indices.
    pub runs: Vec<FrozenRun>,
    /// Over all of the above, in hexadecimal: a label that was damaged would be a wrong result.
    sha256: String,
}

impl FrozenStudy {
    /// Freezes a study into a folder that is free or holds the very same one. `note` hears what the user should know.
    ///
    /// # Errors
    /// If the folder holds another study or another plan, or cannot be written.
    pub fn plan(study: &Study, out: &Path, note: &dyn Fn(&str)) -> Result<Self, StudyError> {
        let (frozen, specs) = Self::freeze(study, out)?;
        atomic::make_folder(out)?;
        refuse_foreign(out, false)?;
        let _lock = Lock::exclusive(out)?;
        remove_leftovers(out)?;
        let held = holds(out, study)?;
        // A damaged plan is written anew.
        if Self::read(out).is_ok_and(|old| !old.is_of(study, out)) {
            return Err(StudyError::OtherPlan(out.display().to_string()));
        }
        atomic::make_folder(&out.join(names::RUNS))?;
        if held != Held::Nothing {
            let runs = planned(study, out);
            refuse_changed_table(study, out, &runs)?;
            renamed_runs::rename(out, &runs)?;
        }
        if held != Held::Same {
            write_spec(out, study)?.iter().for_each(|notice| note(notice));
        }
        frozen.write(out, &specs)?;
        Ok(frozen)
    }

    /// Writes the plan of a study anew, whose runs have other names than in the plan that is there. The caller holds
    /// the folder's lock.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn rename_runs(study: &Study, out: &Path) -> Result<(), StudyError> {
        let (frozen, specs) = Self::freeze(study, out)?;
        frozen.write(out, &specs)
    }

    /// Writes specs and numbers, the numbers last.
    fn write(&self, out: &Path, specs: &str) -> Result<(), StudyError> {
        atomic::write(&out.join(names::SPECS), |w| w.write_all(specs.as_bytes()))?;
        atomic::write(&out.join(names::PLAN), |w| {
            serde_json::to_writer(w, self).map_err(std::io::Error::from)
        })?;
        Ok(())
    }

    /// The plan of a study and the text of its specs.
    fn freeze(study: &Study, out: &Path) -> Result<(Self, String), StudyError> {
        let directory = std::env::current_dir()
            .map_err(|e| StoreError::Read { path: ".".into(), reason: e.to_string() })?;
        let mut specs = String::new();
        let mut begins: HashMap<Arc<str>, u64> = HashMap::new();
        let mut networks: HashMap<(String, usize), usize> = HashMap::new();
        let runs = planned(study, out)
            .into_iter()
            .map(|run| {
                let length = run.spec.len();
                let begin = *begins.entry(Arc::clone(&run.spec)).or_insert_with_key(|spec| {
                    specs += &format!("# {}\n", run.label.run);
                    let begin = specs.len() as u64;
                    specs += spec;
                    specs.push('\n');
                    begin
                });
                let next = networks.len();
                let number =
                    |key: &String| *networks.entry((key.clone(), run.label.replicate)).or_insert(next);
                let network = run.keys.training.as_ref().map(number);
                let keys = Some(FrozenKeys::new(&run, network));
                FrozenRun { label: run.label, keys, begin, length }
            })
            .collect();
        let mut frozen = Self { keys: study.keys.clone(), directory, runs, sha256: String::new() };
        frozen.sha256 = frozen.digest();
        Ok((frozen, specs))
    }

    fn digest(&self) -> String {
        fn add(text: &str, bytes: &mut Vec<u8>) {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        fn words<'t>(texts: impl ExactSizeIterator<Item = &'t str>, bytes: &mut Vec<u8>) {
            bytes.extend((texts.len() as u64).to_le_bytes());
            texts.for_each(|text| add(text, bytes));
        }
        let mut hash = Sha256::new();
        let (mut bytes, mut numbers) = (Vec::new(), String::new());
        words(self.keys.iter().map(String::as_str), &mut bytes);
        words([&*self.directory.to_string_lossy()].into_iter(), &mut bytes);
        for FrozenRun { label, keys, begin, length } in &self.runs {
            hash.update(&bytes);
            bytes.clear();
            words(label.values.iter().map(String::as_str), &mut bytes);
            numbers.clear();
            let _infallible = write!(numbers, "{} {begin} {length}", label.replicate);
            words([label.run.as_str(), &label.pipeline, &numbers].into_iter(), &mut bytes);
            if let Some(keys) = keys {
                add(&keys.digests, &mut bytes);
                bytes.extend(keys.network.map_or(u64::MAX, |number| number as u64).to_le_bytes());
            }
        }
        hash.update(&bytes);
        hex(hash)
    }

    /// Reads a frozen study.
    ///
    /// # Errors
    /// If the folder has none or it is damaged.
    pub fn read(out: &Path) -> Result<Self, StudyError> {
        if !Self::is_in(out) {
            return Err(StudyError::NoPlan(out.display().to_string()));
        }
        let path = out.join(names::PLAN);
        let failed = |reason: String| StudyError::DamagedPlan { path: path.clone(), reason };
        let text = std::fs::read_to_string(&path).map_err(|e| failed(e.to_string()))?;
        let frozen: Self = serde_json::from_str(&text).map_err(|e| failed(e.to_string()))?;
        if frozen.digest() != frozen.sha256 {
            return Err(failed("it is damaged".to_string()));
        }
        // A name is a folder under runs/, and nothing else.
        const PLAIN: [bool; 256] = plain_bytes();
        let bad = |run: &&FrozenRun| {
            let name = run.label.run.as_bytes();
            name.first() == Some(&b'.') || !name.iter().all(|&byte| PLAIN[usize::from(byte)])
        };
        match frozen.runs.iter().find(bad) {
            Some(run) => Err(failed(format!("`{}` is no name of a run", run.label.run))),
            None => Ok(frozen),
        }
    }

    /// Whether a folder has a frozen study.
    pub fn is_in(out: &Path) -> bool {
        out.join(names::PLAN).is_file()
    }

    /// Whether these are the runs of that study, in the same order. In plans of version 0.1 runs have other names.
    pub fn is_of(&self, study: &Study, out: &Path) -> bool {
        let runs = planned(study, out);
        let same = |(ours, theirs): (&FrozenRun, &planned::PlannedRun)| match &ours.keys {
            Some(keys) => keys.is_run(&theirs.keys.run) && ours.label == theirs.label,
            None => {
                let (a, b) = (&ours.label, &theirs.label);
                (&a.pipeline, a.replicate, &a.values) == (&b.pipeline, b.replicate, &b.values)
            }
        };
        self.keys == study.keys && self.runs.len() == runs.len() && self.runs.iter().zip(&runs).all(same)
    }

    /// Removes the plan from a folder, if there is one.
    ///
    /// # Errors
    /// If another process works there, or a file cannot be removed.
    pub fn remove(out: &Path) -> Result<(), StudyError> {
        if !Self::is_in(out) {
            return Ok(());
        }
        let _lock = Lock::exclusive(out)?;
        Ok(clear_plan(out)?)
    }

    /// For each run the index of the first that is the very same one: the run of the exact denoiser, say, is the same
    /// for every width of the network. The first executes it for all.
    pub fn firsts(&self) -> Vec<usize> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        self.runs.iter().enumerate().map(|(i, run)| *seen.entry(&run.label.run).or_insert(i)).collect()
    }

    /// Whether no run before that index is the very same one.
    pub fn is_first(&self, index: usize) -> bool {
        let name = &self.runs[index].label.run;
        self.runs[..index].iter().all(|run| run.label.run != *name)
    }

    /// The folder of a run.
    pub fn folder(out: &Path, run: &FrozenRun) -> PathBuf {
        planned::folder(out, &run.label.run)
    }

    /// The status of a run, if this very run is done.
    pub fn finished(out: &Path, run: &FrozenRun, specs: &mut Specs) -> Result<Option<Status>, StudyError> {
        let folder = Self::folder(out, run);
        if let Some(keys) = &run.keys {
            return Ok(finished(&folder, |key| keys.is_run(key), run.label.replicate));
        }
        // A plan of version 0.1 identifies its runs by the bytes of their specs.
        let spec = specs.read(run)?;
        let same = std::fs::read_to_string(folder.join(names::SPEC)).is_ok_and(|there| there == spec);
        Ok(Status::read_done(&folder).filter(|_| same))
    }
}

/// Which bytes a run's name may have. A table, since all names are checked whenever the plan is read.
const fn plain_bytes() -> [bool; 256] {
    let mut plain = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        byte += 1;
    }
    plain
}

/// The open text of all specs.
pub struct Specs {
    path: PathBuf,
    file: File,
}

impl Specs {
    /// Opens the specs of a folder.
    ///
    /// # Errors
    /// If there are none.
    pub fn open(out: &Path) -> Result<Self, StudyError> {
        let path = out.join(names::SPECS);
        match File::open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(e) => Err(StudyError::DamagedPlan { path, reason: e.to_string() }),
        }
    }

    /// The spec of a run.
    ///
    /// # Errors
    /// If it cannot be read, or is not that of this run.
    pub fn read(&mut self, run: &FrozenRun) -> Result<String, StudyError> {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(run.begin))
            .and_then(|_| (&mut self.file).take(run.length as u64).read_to_end(&mut bytes));
        let failed = |reason: String| StudyError::DamagedPlan { path: self.path.clone(), reason };
        read.map_err(|e| failed(e.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|e| failed(e.to_string()))?;
        let own = match &run.keys {
            Some(keys) => keys.is_spec(&text),
            // Version 0.1 named the runs of a sweep after the beginning of that digest.
            None => run.label.run.matches('-').count() < 2 || run.label.run.ends_with(&spec_digest(&text)),
        };
        if !own {
            return Err(self.damaged(run));
        }
        Ok(text)
    }

    /// Whether the file has nothing but the specs of the plan, each below the name of the run that was first to need it.
    ///
    /// # Errors
    /// If it has.
    pub fn check_rest(&mut self, frozen: &FrozenStudy) -> Result<(), StudyError> {
        let mut names: BTreeMap<u64, (&str, usize)> = BTreeMap::new();
        for run in &frozen.runs {
            names.entry(run.begin).or_insert((&run.label.run, run.length));
        }
        let failed = |reason: String| StudyError::DamagedPlan { path: self.path.clone(), reason };
        let bytes = std::fs::read(&self.path).map_err(|e| failed(e.to_string()))?;
        let mut end = 0;
        for (begin, (name, length)) in names {
            let begin = usize::try_from(begin).unwrap_or(usize::MAX);
            if bytes.get(end..begin) != Some(format!("# {name}\n").as_bytes()) {
                return Err(failed(format!("what stands before the spec of {name} is not its name")));
            }
            end = begin.saturating_add(length).saturating_add(1);
        }
        if bytes.len() == end {
            Ok(())
        } else {
            Err(failed("its end is not the end of its last spec".to_string()))
        }
    }

    /// The error of a spec that is not that of its run.
    pub fn damaged(&self, run: &FrozenRun) -> StudyError {
        let reason = format!("what it holds for {} is not its spec", run.label.run);
        StudyError::DamagedPlan { path: self.path.clone(), reason }
    }
}
