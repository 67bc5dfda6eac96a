//! What an output folder holds already, seen from the study that is to be run there.

use super::error::StudyError;
use crate::spec::{self, Study};
use crate::store::{StoreError, names};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

/// What a folder holds, seen from a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// No study.
    Nothing,
    /// One that differs in its name, sweep, replicates and pipelines only, and may become this one.
    Related,
    /// This very study.
    Same,
}

/// What the folder holds.
///
/// # Errors
/// If it holds another study.
pub fn holds(out: &Path, study: &Study) -> Result<Held, StudyError> {
    let path = out.join(names::SPEC);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Held::Nothing);
        }
        Err(e) => return Err(StoreError::Read { path, reason: e.to_string() }.into()),
    };
    if study.to_toml().is_ok_and(|ours| ours == text) {
        return Ok(Held::Same);
    }
    let difference = match spec::read_text_in(out, names::SPEC, &text, &[]) {
        Ok(there) if there.is_same(study) => return Ok(Held::Same),
        Ok(there) => first_difference(&there.canonical(), &study.canonical()),
        // A spec whose table of points has changed since, say, is another one.
        Err(error) => Some(error.to_string()),
    };
    match difference {
        None => Ok(Held::Related),
        Some(difference) => Err(StudyError::OtherSpec { folder: out.display().to_string(), difference }),
    }
}

/// Refuses a folder without a spec that has files or folders under the names that a study writes: they are somebody
/// else's.
///
/// # Errors
/// Naming the first.
pub fn refuse_foreign(out: &Path) -> Result<(), StudyError> {
    if out.join(names::SPEC).is_file() {
        return Ok(());
    }
    let others = [names::RUNS, names::FIGURES, names::PAGE, names::TENSORBOARD, names::PLAN];
    let name = others.into_iter().chain(names::TABLES).find(|name| {
        // An empty folder holds nothing of anybody's.
        let path = out.join(name);
        path.exists() && std::fs::read_dir(&path).map_or(true, |mut entries| entries.next().is_some())
    });
    match name {
        Some(name) => Err(StudyError::Foreign { folder: out.display().to_string(), name }),
        None => Ok(()),
    }
}

/// The first line in which two specs differ, for the message. Pipelines that only one of them defines do not count.
fn first_difference(there: &BTreeMap<String, String>, here: &BTreeMap<String, String>) -> Option<String> {
    let shown = |key: &str, value: Option<&String>| {
        value.map_or(format!("the default of `{key}`"), |value| format!("`{key} = {value}`"))
    };
    let mut keys: Vec<&String> = there.keys().chain(here.keys()).collect();
    keys.sort_unstable();
    let differs = |key: &&&String| {
        let (a, b) = (there.get(**key), here.get(**key));
        a != b && !(key.starts_with("pipeline.") && (a.is_none() || b.is_none()))
    };
    let key = *keys.iter().find(differs)?;
    Some(format!("there {}, here {}", shown(key, there.get(key)), shown(key, here.get(key))))
}
