//! Emptying an output folder of what a study wrote there, and of nothing else.

use crate::store::drawn_files::{DrawnFiles, Standing};
use crate::store::leftovers::remove_leftovers;
use crate::store::{Lock, Status, StoreError, atomic, names};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Removes the tables of a study, its runs, its figures, its page and its event files: files of our own names, figures
/// and page by the list of what was drawn, folders that are empty afterwards. Returns what stays under the folders of a
/// study because somebody else wrote it.
///
/// # Errors
/// If something cannot be removed.
pub fn clear(out: &Path) -> Result<Vec<PathBuf>, StoreError> {
    clear_figures(out)?;
    for folder in folders(&out.join(names::RUNS)) {
        if is_run(&folder) {
            clear_run(&folder)?;
        }
    }
    for folder in folders(&out.join(names::TENSORBOARD)) {
        atomic::remove(&folder.join(names::EVENTS))?;
        remove_leftovers(&folder)?;
        remove_if_empty(&folder)?;
    }
    let tables = names::TABLES.into_iter().chain(names::OPTIONAL);
    tables.into_iter().try_for_each(|name| atomic::remove(&out.join(name)))?;
    let all = [names::RUNS, names::FIGURES, names::TENSORBOARD].map(|name| out.join(name));
    all.iter().try_for_each(|folder| remove_if_empty(folder))?;
    let mut left: Vec<PathBuf> = all.iter().flat_map(|folder| files(folder)).collect();
    left.extend(Some(out.join(names::PAGE)).filter(|page| page.exists()));
    Ok(left)
}

/// Removes the plan of a study and the scripts and logs of its job arrays.
///
/// # Errors
/// If something cannot be removed.
pub fn clear_plan(out: &Path) -> Result<(), StoreError> {
    [names::PLAN, names::SPECS].into_iter().try_for_each(|name| atomic::remove(&out.join(name)))?;
    let folder = out.join(names::SLURM);
    for path in entries(&folder).into_iter().filter(|path| is_slurm_file(path)) {
        atomic::remove(&path)?;
    }
    remove_leftovers(&folder)?;
    remove_if_empty(&folder)
}

/// A script of an array, the log of one of its tasks, or the list of the jobs.
fn is_slurm_file(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let script = name.strip_prefix("array-").and_then(|rest| rest.strip_suffix(".sh"));
    let log = name.strip_suffix(".log").and_then(|name| name.split_once('_'));
    name == names::JOBS
        || script.is_some_and(names::is_number)
        || log.is_some_and(|(a, b)| names::is_number(a) && names::is_number(b))
}

/// The figures and the page that are still what a drawing wrote.
fn clear_figures(out: &Path) -> Result<(), StoreError> {
    let folder = out.join(names::FIGURES);
    if !folder.is_dir() {
        return Ok(());
    }
    let _lock = Lock::exclusive(&folder)?;
    if let Some(drawn) = DrawnFiles::read(out) {
        for name in drawn.names().filter(|name| drawn.standing(out, name) == Standing::Drawn) {
            atomic::remove(&out.join(name))?;
        }
        DrawnFiles::remove(out)?;
    }
    remove_leftovers(&folder)?;
    atomic::remove(&folder.join(names::LOCK))
}

/// What a run wrote into its folder.
fn clear_run(folder: &Path) -> Result<(), StoreError> {
    let plain = |name: &String| Path::new(name).file_name().is_some_and(|last| last == name.as_str());
    let named = Status::read(folder).map(|status| status.files).unwrap_or_default();
    let mut all: BTreeSet<String> = named.into_keys().filter(plain).collect();
    all.extend(names::RUN_FILES.map(String::from));
    all.extend(
        names::CHECKPOINTS.iter().flat_map(|slot| ["safetensors", "json"].map(|end| format!("{slot}.{end}"))),
    );
    let there = entries(folder);
    let there = there.iter().filter_map(|path| path.file_name()?.to_str());
    all.extend(there.filter(|name| names::is_training_picture(name)).map(String::from));
    // The status goes last: until then the folder says what is to be removed.
    all.remove(names::STATUS);
    all.iter().map(String::as_str).chain([names::STATUS]).try_for_each(|name| {
        let path = folder.join(name);
        if path.is_dir() { Ok(()) } else { atomic::remove(&path) }
    })?;
    remove_leftovers(folder)?;
    remove_if_empty(folder)
}

/// Whether the name of a folder is one that runs have: pipeline, replicate and, in a sweep, a part of the key.
fn is_run(folder: &Path) -> bool {
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { return false };
    let replicate = |name: &str| name.rsplit_once("-r").is_some_and(|(_, number)| names::is_number(number));
    let hexadecimal = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit());
    replicate(name) || name.rsplit_once('-').is_some_and(|(name, key)| replicate(name) && hexadecimal(key))
}

/// Removes a folder with nothing in it. A link to a folder stays.
fn remove_if_empty(folder: &Path) -> Result<(), StoreError> {
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|m| m.is_dir());
    if is_folder && entries(folder).is_empty() {
        fs::remove_dir(folder).map_err(|e| atomic::unwritable(folder, e))?;
    }
    Ok(())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

/// Every file under a folder, without following links to folders.
fn files(folder: &Path) -> Vec<PathBuf> {
    let is_folder = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
    let (folders, mut found): (Vec<_>, Vec<_>) = entries(folder).into_iter().partition(is_folder);
    found.extend(folders.iter().flat_map(|folder| files(folder)));
    found
}
