//! What the checks of tables and of images share: where the file is, what identifies it, how its rows are dealt.

use super::error::{Place, SpecError};
use super::file::SpecFile;
use super::ranges::Checker;
use crate::data::source::{Part, Split};
use crate::numeric::options;
use std::path::{Component, Path, PathBuf};

/// Fewest rows of a finite set of points.
pub const FEWEST_ROWS: usize = 8;

/// Where a file is. A relative path in a spec begins in the spec's folder, one from the command line in the current folder;
/// where it leads nowhere, the other is tried. An absolute path that leads nowhere, to a file whose digest is `known`, is
/// tried from the spec's folder on: both may have moved together.
pub fn locate(
    check: &Checker,
    folder: &Path,
    (key, path, known): (&str, &str, bool),
    warnings: &mut Vec<String>,
) -> PathBuf {
    let (here, there) = (PathBuf::from(path), folder.join(path));
    if here == there {
        let moved = if known && !here.exists() { moved_along(folder, &here) } else { None };
        let Some(moved) = moved else { return here };
        warnings.push(format!(
            "`{key}` is {path}, which is no longer there; {} has its name and place beside the spec, and is taken if its SHA-256 is the same",
            moved.display()
        ));
        return moved;
    }
    if matches!(check.0.place(key), Place::Argument(_)) {
        return if here.exists() || !there.exists() { here } else { there };
    }
    if there.exists() || !here.exists() {
        return there;
    }
    warnings.push(format!(
        "`{key}` is {path}, which is not in the folder of the spec; the file of that name in the current folder is taken"
    ));
    here
}

/// The file that `path` has become, if a folder that held it and the spec's folder was moved or renamed: the longest end of
/// the path that exists in the spec's folder or one above it.
fn moved_along(folder: &Path, path: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    let parts: Vec<Component> =
        path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let ends = (0..parts.len()).map(|first| parts[first..].iter().collect::<PathBuf>());
    ends.flat_map(|end| folder.ancestors().map(|above| above.join(&end)).collect::<Vec<_>>())
        .find(|candidate| candidate.exists())
}

/// The absolute path, to be put into the spec: whoever reads the resolved spec, and wherever it then lies, finds the file.
pub fn made_absolute(place: &Path) -> Option<String> {
    std::path::absolute(place).ok().and_then(|path| path.to_str().map(str::to_string))
}

/// Puts the digest of what was read into the spec, so that a file with another content is another experiment.
///
/// # Errors
/// If the spec has another one.
pub fn identify(
    check: &Checker,
    (key, sha256): (&str, &mut Option<String>),
    path: &str,
    found: &str,
) -> Result<(), SpecError> {
    let sha256 = sha256.get_or_insert_with(|| found.to_string());
    check.require(sha256 == found, key, || {
        format!(
            "{path} is not the file that this spec was made for: its SHA-256 is {found}, here stands {sha256}; restore the file, or take the key out"
        )
    })
}

/// The fraction of the rows that is kept aside.
pub fn test_fraction(check: &Checker, file: &SpecFile) -> Result<f64, SpecError> {
    let fraction = file.data.test_fraction.unwrap_or(Split::TEST_FRACTION);
    check.take(options::open_unit("data.test_fraction", fraction))?;
    Ok(fraction)
}

/// The `n` rows of a file, and how many points of each part they give.
pub struct Dealt<'a> {
    /// The file, or the name of the data.
    pub path: &'a str,
    /// All rows.
    pub n: usize,
    /// What a row is, in the plural.
    pub rows: &'a str,
    /// Points of each part.
    pub count: &'a dyn Fn(Part) -> usize,
}

/// Lowers counts that the rows cannot fill, with a warning where they were asked for.
///
/// # Errors
/// If a part has no row.
pub fn fit_counts(
    check: &Checker,
    file: &mut SpecFile,
    dealt: &Dealt,
    warnings: &mut Vec<String>,
) -> Result<(), SpecError> {
    let Dealt { path, n, rows, count } = dealt;
    let fraction = test_fraction(check, file)?;
    for part in Part::ALL {
        check.require(count(part) > 0, "data.test_fraction", || {
            format!(
                "`data.test_fraction` is {fraction}, which leaves none of the {n} rows as {} points",
                part.name()
            )
        })?;
    }
    for (key, asked, part) in [
        ("data.samples", &mut file.data.samples, Part::Train),
        ("metrics.reference", &mut file.metrics.reference, Part::Reference),
    ] {
        let there = count(part);
        if *asked > there && check.0.has(key) {
            warnings.push(format!(
                "`{key}` is {asked}, but {path} has {n} {rows}, of which {there} are left for it"
            ));
        }
        *asked = there.min(*asked);
    }
    Ok(())
}

/// Warns of rows that stand in the file so often that their k-NN radii are 0.
pub fn tie_advice(file: &SpecFile, path: &str, n: usize, copies: &[usize], warnings: &mut Vec<String>) {
    let metrics = &file.metrics;
    let in_reference = |count: usize| count as f64 * metrics.reference as f64 / n as f64;
    let tied: usize = copies.iter().filter(|count| in_reference(**count) > metrics.k as f64).sum();
    if metrics.prdc && tied > 0 {
        warnings.push(format!(
            "{path}: {tied} of {n} rows have so many exact copies that their k-NN radii are 0 (metrics.k = {}); a sphere of radius 0 holds nothing, so precision, density and coverage are low whatever the samples are",
            metrics.k
        ));
    }
}
