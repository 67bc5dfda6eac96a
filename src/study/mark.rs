//! The mark of an output folder: what shows that gdiff wrote there. A spec alone may be the user's own, beside files of
//! the user's; the marks that only gdiff writes are a status of a run, a provenance and a plan.

use super::error::StudyError;
use super::provenance;
use crate::spec;
use crate::store::{Status, names};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Bytes of a table within which its header ends.
const HEADER: u64 = 1 << 16;

/// Refuses a folder that has files or folders under the names that a study writes and does not show that gdiff wrote
/// them: they are somebody else's. `force` gives up a study of ours whose spec is gone, and nothing else.
///
/// # Errors
/// Naming the first such file.
pub fn refuse_foreign(out: &Path, force: bool) -> Result<(), StudyError> {
    let foreign = |name| Err(StudyError::Foreign { folder: out.display().to_string(), name });
    let (spec, is_marked) = (out.join(names::SPEC), has_mark(out));
    if spec.exists() && is_marked {
        // A spec that cannot be read is compared with the study, and refused.
        return Ok(());
    }
    if reads_as_spec(out) {
        // The spec may be the user's own, and so may the tables beside it.
        let table = names::TABLES.into_iter().chain(names::OPTIONAL).find(|name| !is_table(&out.join(name)));
        return table.map_or(Ok(()), foreign);
    }
    let others = [names::RUNS, names::FIGURES, names::PAGE, names::TENSORBOARD, names::PLAN];
    let tables = names::TABLES.into_iter().chain(names::OPTIONAL);
    let name = others.into_iter().chain(tables).chain([names::SPEC]).find(|name| {
        // An empty folder holds nothing of anybody's.
        let path = out.join(name);
        path.exists() && fs::read_dir(&path).map_or(true, |mut entries| entries.next().is_some())
    });
    match name {
        None => Ok(()),
        Some(name) if !is_marked => foreign(name),
        Some(_) if force => Ok(()),
        Some(name) => Err(StudyError::SpecIsGone { folder: out.display().to_string(), name }),
    }
}

/// Whether the folder's spec is one of gdiff.
fn reads_as_spec(out: &Path) -> bool {
    let text = fs::read_to_string(out.join(names::SPEC));
    text.is_ok_and(|text| spec::read_text_in(out, names::SPEC, &text, &[]).is_ok())
}

/// Whether the folder has a provenance, a plan or a run that gdiff wrote.
pub fn has_mark(out: &Path) -> bool {
    let mut runs = fs::read_dir(out.join(names::RUNS)).into_iter().flatten().flatten();
    provenance::read(out).is_some()
        || is_plan(&out.join(names::PLAN))
        || runs.any(|run| Status::read(&run.path()).is_some_and(|s| *s.label.run == *run.file_name()))
}

/// Whether a file has what the plan of a sweep has.
fn is_plan(path: &Path) -> bool {
    #[derive(Deserialize)]
    struct Plan {
        #[serde(rename = "directory")]
        _directory: String,
        #[serde(rename = "runs")]
        _runs: Vec<IgnoredAny>,
        #[serde(rename = "sha256")]
        _sha256: String,
    }
    fs::read(path).is_ok_and(|bytes| serde_json::from_slice::<Plan>(&bytes).is_ok())
}

/// Whether a file is missing, empty, or begins as a table of a study does.
fn is_table(path: &Path) -> bool {
    if !path.is_file() {
        return !path.exists();
    }
    let mut header = String::new();
    let read = fs::File::open(path).and_then(|file| BufReader::new(file.take(HEADER)).read_line(&mut header));
    read.is_ok()
        && (header.is_empty() || header.starts_with("run,pipeline,") || header.starts_with("pipeline,"))
}
