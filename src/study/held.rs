//! What an output folder holds already, seen from the study that is to be run there.

use super::error::StudyError;
use crate::run::RunError;
use crate::spec::{self, Study};
use crate::store::{StoreError, atomic, names};
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
        Err(error) if error.is_only_of_files() => {
            let folder = out.display().to_string();
            return Err(StudyError::SpecThere { folder, reason: error.to_string() });
        }
        Err(error) => Some(error.to_string()),
    };
    match difference {
        None => Ok(Held::Related),
        Some(difference) => Err(StudyError::OtherSpec { folder: out.display().to_string(), difference }),
    }
}

/// Writes the spec of a study into its folder. A spec there that somebody wrote, which shows by its comments or its
/// layout, is kept under another name; returns the sentence that says so.
///
/// # Errors
/// If a file cannot be written.
pub fn write_spec(out: &Path, study: &Study) -> Result<Option<String>, StudyError> {
    let text = study.to_toml().map_err(|e| RunError::Defect(format!("spec: {e}")))?;
    let path = out.join(names::SPEC);
    let mut notice = None;
    if std::fs::read_to_string(&path).is_ok_and(|there| !is_our_text(&there)) {
        let kept = (1..).map(|i| out.join(format!("{}.{i}", names::SPEC))).find(|kept| !kept.exists());
        let kept = kept.expect("not all names are taken");
        std::fs::rename(&path, &kept).map_err(|e| atomic::unwritable(&kept, e))?;
        let (path, kept) = (path.display(), kept.display());
        notice = Some(format!("{path} was not written by gdiff, and is kept as {kept}"));
    }
    atomic::write(&path, |w| w.write_all(text.as_bytes()))?;
    Ok(notice)
}

/// Whether a spec has the layout that this program gives it: nothing is lost with it but its values.
fn is_our_text(text: &str) -> bool {
    let Ok(table) = text.parse::<toml::Table>() else { return false };
    let lines =
        |text: &str| text.lines().filter(|line| !line.is_empty()).map(String::from).collect::<Vec<_>>();
    toml::to_string(&table).is_ok_and(|again| lines(&again) == lines(text))
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
