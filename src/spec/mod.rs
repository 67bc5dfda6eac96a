//! What the user wrote, then what was understood.
//!
//! [`read`] turns a TOML text and `--set` overrides into a [`SpecFile`] (what was written, every default
//! filled in) and checks it once into a [`Plan`], which cannot be wrong; a [`Study`] is the plan, or one plan for
//! each point of its sweep. Nothing downstream sees TOML.
//! Every refusal is a [`SpecError`]: a sentence with file, line and column.

mod check;
mod check_data;
mod check_evaluate;
mod check_features;
mod check_images;
mod check_network;
mod check_rows;
mod check_space;
mod check_table;
mod check_variance;
mod choice;
mod either_or;
mod error;
mod excerpt;
mod file;
mod form;
mod grid;
mod identity;
mod keys;
mod meant;
mod memory;
mod mending;
mod no_effect;
mod order;
mod origin;
mod other_tools;
mod overrides;
mod pipelines;
mod plan;
mod presets;
mod ranges;
mod reader;
mod reuse;
mod schema;
mod sections;
mod shape;
mod study;
mod sweep_paths;
mod words;

pub use error::{Fault, Place, SpecError, nearest};
pub use file::SpecFile;
pub use identity::{Identity, NUMERICS, StageKeys};
pub use keys::{Key, Section, keys, sections, values};
pub use meant::{Meant, meant};
pub use memory::{MemoryPart, MemoryTerm};
pub use overrides::Override;
pub use pipelines::{BASELINE, DATA, DenoiserKind, Pipeline, PipelineOptions, built_in, compared_with};
pub use plan::{DataPlan, Plan, SamplePlan};
pub use schema::schema;
pub use study::{Point, RunIdentity, Study};

use crate::data::images::Watch;
use crate::gaussianize::GaussianizeOptions;
use origin::Origins;
pub use reuse::DecodedImages;
use reuse::Reuse;
use std::io::Read;
use std::path::Path;

/// Bytes of a spec file at most.
const LARGEST_SPEC: u64 = 64 << 20;

/// Reads the spec file at `path` with its sweep, applies the overrides in order (later ones win), and checks it.
/// Relative paths in it begin in its folder.
///
/// # Errors
/// If the file cannot be read, is no TOML, holds an unknown key or a value out of its range.
pub fn read(path: &Path, overrides: &[Override]) -> Result<Study, SpecError> {
    read_watched(path, overrides, None)
}

/// As [`read`]; `watch` sees how pictures are decoded, which may take long.
///
/// # Errors
/// As [`read`].
pub fn read_watched(path: &Path, overrides: &[Override], watch: Option<&Watch>) -> Result<Study, SpecError> {
    let name = path.display().to_string();
    let text = text_of(path).map_err(|e| SpecError::unreadable(&name, &e))?;
    study(path.parent().unwrap_or(Path::new("")), (&name, &text), overrides, watch)
}

/// The text of a spec file.
fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(LARGEST_SPEC + 1).read_to_string(&mut text)?;
    match text.len() as u64 > LARGEST_SPEC {
        true => Err(std::io::Error::other("it is larger than 64 MiB, so not a spec")),
        false => Ok(text),
    }
}

/// As [`read`], from a text already in memory; `name` is the file's name in messages.
///
/// # Errors
/// As [`read`].
/// ```
/// let text = "name = \"first\"\n[data]\nkind = \"eight_gaussians\"\n[sweep]\n\"network.width\" = [16, 32]\n";
/// let study = gdiff::spec::read_text("first.toml", text, &[])?;
/// assert_eq!((study.points.len(), study.base.schedule.steps()), (2, 100));
/// let wrong = gdiff::spec::read_text("first.toml", &text.replace("width", "widht"), &[]);
/// assert!(wrong.unwrap_err().to_string().contains("width"));
/// # Ok::<(), gdiff::spec::SpecError>(())
/// ```
pub fn read_text(name: &str, text: &str, overrides: &[Override]) -> Result<Study, SpecError> {
    read_text_in(Path::new(""), name, text, overrides)
}

/// As [`read_text`]; relative paths in the spec begin in `folder`.
///
/// # Errors
/// As [`read`].
pub fn read_text_in(
    folder: &Path,
    name: &str,
    text: &str,
    overrides: &[Override],
) -> Result<Study, SpecError> {
    study(folder, (name, text), overrides, None)
}

fn study(
    folder: &Path,
    (name, text): (&str, &str),
    overrides: &[Override],
    watch: Option<&Watch>,
) -> Result<Study, SpecError> {
    let (mut table, mut origins) = Origins::parse(name, text)?;
    let mut wrong: Option<SpecError> = None;
    for error in overrides.iter().filter_map(|o| o.apply(&mut table, &mut origins).err()) {
        match &mut wrong {
            Some(wrong) => wrong.extend(error),
            None => wrong = Some(error),
        }
    }
    wrong.map_or(Ok(()), Err)?;
    Study::new(table, &origins, &mut Reuse::beginning_in(folder, watch))
}

/// The spec in the folder of a finished run, with overrides. A key that came later than the run has the value that says
/// what was done then: before there was `diffusion.clip`, nothing was clipped.
///
/// # Errors
/// As [`read`].
pub fn read_finished(
    folder: &Path,
    name: &str,
    text: &str,
    overrides: &[Override],
) -> Result<Study, SpecError> {
    let (table, _) = Origins::parse(name, text)?;
    let knows_clip = table.get("diffusion").and_then(|section| section.get("clip")).is_some();
    let then = (!knows_clip).then(|| Override::from_flag("diffusion.clip", "none"));
    let all: Vec<Override> = then.into_iter().chain(overrides.iter().cloned()).collect();
    read_text_in(folder, name, text, &all)
}

/// The options of a Gaussianizer for points of `dim` dimensions, from values for keys of `gaussianize`.
///
/// # Errors
/// If a key is unknown or a value out of its range.
pub fn gaussianize_options(dim: usize, overrides: &[Override]) -> Result<GaussianizeOptions, SpecError> {
    let (mut table, mut origins) = Origins::parse("arguments", "")?;
    for o in overrides {
        o.apply(&mut table, &mut origins)?;
    }
    let only: sections::GaussianizeOnly =
        reader::from_table(table, &keys::form().only("gaussianize"), &origins)?;
    ranges::Checker(&origins).section("gaussianize", only.gaussianize.check_for(dim))?;
    Ok(only.gaussianize)
}
