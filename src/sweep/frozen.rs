//! The plan of a sweep: `points.json` numbers its runs for good, `specs.txt` holds their resolved specs.

use crate::experiment::{ExperimentError, Label, Lock, PlannedRun, files, holds, planned};
use crate::numeric::digest::hex;
use crate::spec::Study;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The numbered runs. Written last: without it there is no plan.
const FILE: &str = "points.json";

/// The specs of all runs, one after the other, apart from the numbers so that a process that does one run of
/// thousands reads one of thousands.
const SPECS: &str = "specs.txt";

/// One run, ready to be executed anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredRun", into = "StoredRun")]
pub struct FrozenRun {
    /// Name, pipeline, replicate and sweep values.
    pub label: Label,
    /// Where its resolved spec (TOML) begins in `specs.txt`, bytes.
    begin: u64,
    /// How long it is, bytes.
    length: usize,
}

/// A run as `points.json` has it: flat, and read much faster than what serde would flatten.
#[derive(Serialize, Deserialize)]
struct StoredRun {
    run: String,
    pipeline: String,
    replicate: usize,
    values: Vec<String>,
    begin: u64,
    length: usize,
}

impl From<StoredRun> for FrozenRun {
    fn from(stored: StoredRun) -> Self {
        let StoredRun { run, pipeline, replicate, values, begin, length } = stored;
        Self { label: Label { run, pipeline, replicate, values }, begin, length }
    }
}

impl From<FrozenRun> for StoredRun {
    fn from(frozen: FrozenRun) -> Self {
        let FrozenRun { label: Label { run, pipeline, replicate, values }, begin, length } = frozen;
        Self { run, pipeline, replicate, values, begin, length }
    }
}

/// The frozen runs of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrozenStudy {
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// The folder in which the study was planned: relative paths in the specs begin there.
    pub(super) directory: PathBuf,
    /// The runs; their place is their index.
    pub runs: Vec<FrozenRun>,
    /// Over all of the above, in hexadecimal: a label that was damaged would be a wrong result.
    sha256: String,
}

impl FrozenStudy {
    /// Freezes a study into a folder that is free or holds the very same one.
    ///
    /// # Errors
    /// If the folder holds another study or another plan, or cannot be written.
    pub fn plan(study: &Study, out: &Path) -> Result<Self, ExperimentError> {
        let (frozen, specs) = Self::freeze(study, out)?;
        let spec = study.to_toml().map_err(|e| ExperimentError::Defect(format!("spec: {e}")))?;
        files::make_folder(out)?;
        let _lock = Lock::exclusive(out)?;
        holds(out, study, &spec)?;
        // A damaged plan is written anew.
        if Self::read(out).is_ok_and(|old| (&old.keys, &old.runs) != (&frozen.keys, &frozen.runs)) {
            return Err(ExperimentError::OtherPlan(out.display().to_string()));
        }
        files::make_folder(&out.join("runs"))?;
        files::write(&out.join("spec.toml"), |w| w.write_all(spec.as_bytes()))?;
        files::write(&out.join(SPECS), |w| w.write_all(specs.as_bytes()))?;
        files::write(&out.join(FILE), |w| serde_json::to_writer(w, &frozen).map_err(std::io::Error::from))?;
        Ok(frozen)
    }

    /// The plan of a study and the text of its specs.
    fn freeze(study: &Study, out: &Path) -> Result<(Self, String), ExperimentError> {
        let directory = std::env::current_dir()
            .map_err(|e| ExperimentError::Read { path: ".".into(), reason: e.to_string() })?;
        let mut specs = String::new();
        let mut places: HashMap<Arc<str>, u64> = HashMap::new();
        let runs = planned(study, out)
            .into_iter()
            .map(|run| {
                let length = run.spec.len();
                let begin = *places.entry(run.spec).or_insert_with_key(|spec| {
                    specs += &format!("# {}\n", run.label.run);
                    let begin = specs.len() as u64;
                    specs += spec;
                    specs.push('\n');
                    begin
                });
                FrozenRun { label: run.label, begin, length }
            })
            .collect();
        let mut frozen = Self { keys: study.keys.clone(), directory, runs, sha256: String::new() };
        frozen.sha256 = frozen.digest();
        Ok((frozen, specs))
    }

    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        let mut words = |texts: &[&str]| {
            hash.update((texts.len() as u64).to_le_bytes());
            for text in texts {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text);
            }
        };
        words(&self.keys.iter().map(String::as_str).collect::<Vec<_>>());
        words(&[&self.directory.to_string_lossy()]);
        for FrozenRun { label, begin, length } in &self.runs {
            words(&label.values.iter().map(String::as_str).collect::<Vec<_>>());
            words(&[&label.run, &label.pipeline, &format!("{} {begin} {length}", label.replicate)]);
        }
        hex(hash)
    }

    /// Reads a frozen study.
    ///
    /// # Errors
    /// If the folder has none or it is damaged.
    pub fn read(out: &Path) -> Result<Self, ExperimentError> {
        if !Self::is_in(out) {
            return Err(ExperimentError::NoPlan(out.display().to_string()));
        }
        let path = out.join(FILE);
        let failed = |reason: String| ExperimentError::DamagedPlan { path: path.clone(), reason };
        let bytes = std::fs::read(&path).map_err(|e| failed(e.to_string()))?;
        let frozen: Self = serde_json::from_slice(&bytes).map_err(|e| failed(e.to_string()))?;
        if frozen.digest() == frozen.sha256 { Ok(frozen) } else { Err(failed("it is damaged".to_string())) }
    }

    /// Whether a folder has a frozen study.
    pub fn is_in(out: &Path) -> bool {
        out.join(FILE).is_file()
    }

    /// Whether these are the runs of that study, in the same order.
    pub fn is_of(&self, study: &Study, out: &Path) -> bool {
        let runs = planned(study, out);
        self.keys == study.keys && self.runs.iter().map(|r| &r.label).eq(runs.iter().map(|r| &r.label))
    }

    /// Takes the plan out of a folder, if there is one.
    ///
    /// # Errors
    /// If another process works there, or a file cannot be removed.
    pub fn remove(out: &Path) -> Result<(), ExperimentError> {
        if !Self::is_in(out) {
            return Ok(());
        }
        let _lock = Lock::exclusive(out)?;
        [FILE, SPECS, "slurm"].into_iter().try_for_each(|name| files::remove(&out.join(name)))
    }

    /// The folder of a run.
    pub fn folder(out: &Path, run: &FrozenRun) -> PathBuf {
        out.join("runs").join(&run.label.run)
    }
}

/// The open text of all specs.
pub(super) struct Specs {
    path: PathBuf,
    file: File,
}

impl Specs {
    /// Opens the specs of a folder.
    ///
    /// # Errors
    /// If there are none.
    pub fn open(out: &Path) -> Result<Self, ExperimentError> {
        let path = out.join(SPECS);
        match File::open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(e) => Err(ExperimentError::DamagedPlan { path, reason: e.to_string() }),
        }
    }

    /// The spec of a run.
    ///
    /// # Errors
    /// If it cannot be read, or is not that of this run.
    pub fn read(&mut self, run: &FrozenRun) -> Result<String, ExperimentError> {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(run.begin))
            .and_then(|_| (&mut self.file).take(run.length as u64).read_to_end(&mut bytes));
        let failed = |reason: String| ExperimentError::DamagedPlan { path: self.path.clone(), reason };
        read.map_err(|e| failed(e.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|e| failed(e.to_string()))?;
        if PlannedRun::is_named_after(&run.label.run, &text) {
            Ok(text)
        } else {
            Err(failed(format!("what stands there for {} is not its spec", run.label.run)))
        }
    }
}
