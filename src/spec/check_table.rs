//! The checks of a table of points: where its file is, what it holds, how its rows are split.

use super::error::{Place, SpecError};
use super::file::SpecFile;
use super::ranges::Checker;
use super::reuse::{Reuse, TableFile};
use crate::data::source::{Part, Table};
use crate::numeric::options;
use crate::space::ScaleKind;
use std::path::{Path, PathBuf};

/// Fewest rows of a table.
const FEWEST_ROWS: usize = 8;

/// An axis whose root mean square, or its inverse, is larger than this is far from the unit scale on which diffusion
/// works.
const LARGE: f64 = 30.0;

/// A table that is split, and what was found in its file.
pub struct SplitTable {
    /// The table.
    pub table: Table,
    /// Whether a line of numbers was found to be its header.
    pub found_header_of_numbers: bool,
    /// Rows less distinct values of the column in which points tie most.
    pub ties: usize,
}

/// Reads a table and splits it; counts that it cannot fill are lowered, with a warning.
pub fn table(
    check: &Checker,
    file: &mut SpecFile,
    reuse: &mut Reuse,
    warnings: &mut Vec<String>,
) -> Result<SplitTable, SpecError> {
    let Some(path) = file.data.path.clone() else {
        return Err(check
            .0
            .error("data", "data.kind = \"table\" needs `path`, a CSV, npy or npz file of points"));
    };
    let place = locate(check, reuse.folder(), &path, warnings);
    let key = |error: &crate::data::table::TableError| match error {
        crate::data::table::TableError::NoColumn(_) => "data.columns",
        _ => "data.path",
    };
    let found = reuse
        .table(&place, &file.data.table_options())
        .map_err(|e| check.0.error(key(&e), format!("{}: {e}", place.display())))?;
    warnings.extend(found.notices.iter().map(|notice| format!("{path}: {notice}")));
    let n = found.rows.nrows();
    check.require(n >= FEWEST_ROWS, "data.path", || {
        format!("{path} has {n} points, but at least {FEWEST_ROWS} are needed")
    })?;
    // Whoever reads the resolved spec, and wherever it then lies, finds the table.
    if let Some(absolute) = std::path::absolute(&place).ok().and_then(|p| p.to_str().map(str::to_string)) {
        file.data.path = Some(absolute);
    }
    // With the digest, a file with other points is another experiment.
    let sha256 = file.data.sha256.get_or_insert_with(|| found.sha256.clone());
    check.require(*sha256 == found.sha256, "data.sha256", || {
        format!(
            "{path} is not the file that this spec was made for: its SHA-256 is {}, here stands {sha256}; restore the file, or take the key out",
            found.sha256
        )
    })?;
    let fraction = file.data.test_fraction.unwrap_or(Table::TEST_FRACTION);
    check.take(options::open_unit("data.test_fraction", fraction))?;
    scale_advice(file, &path, &found, warnings);
    let asked = (file.metrics.reference, file.sample.count);
    let table = Table::new(found.rows, found.names, fraction, asked);
    for part in [Part::Train, Part::Reference, Part::Fresh] {
        check.require(table.count(part) > 0, "data.test_fraction", || {
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
        let there = table.count(part);
        if *asked > there && check.0.has(key) {
            warnings.push(format!(
                "`{key}` is {asked}, but {path} has {n} points, of which {there} are left for it"
            ));
        }
        *asked = there.min(*asked);
    }
    tie_advice(file, &path, n, &found.copies, warnings);
    Ok(SplitTable { table, found_header_of_numbers: found.found_header_of_numbers, ties: found.ties })
}

/// Where the file of a table is. A relative path in a spec begins in the spec's folder, one from the command line in the
/// current folder; where it leads nowhere, the other is tried.
fn locate(check: &Checker, folder: &Path, path: &str, warnings: &mut Vec<String>) -> PathBuf {
    let (here, there) = (PathBuf::from(path), folder.join(path));
    if here == there {
        return here;
    }
    if matches!(check.0.place("data.path"), Place::Argument(_)) {
        return if here.exists() || !there.exists() { here } else { there };
    }
    if there.exists() || !here.exists() {
        return there;
    }
    warnings.push(format!(
        "`data.path` is {path}, which is not in the folder of the spec; the file of that name in the current folder is taken"
    ));
    here
}

/// Warns of axes that are far from unit scale, or from each other, and are left so.
fn scale_advice(file: &SpecFile, path: &str, found: &TableFile, warnings: &mut Vec<String>) {
    if file.data.scale != ScaleKind::None {
        return;
    }
    let sizes: Vec<f64> = found.moments.iter().map(|(mean, std)| mean.hypot(*std)).collect();
    let spreads: Vec<f64> = found.moments.iter().map(|(_, std)| *std).filter(|std| *std > 0.0).collect();
    let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let (low, high) = (least(&spreads), most(&spreads));
    let what = if most(&sizes) > LARGE {
        let axis = sizes.iter().position(|size| *size == most(&sizes)).expect("the largest is one of them");
        format!("the axis `{}` has values of about {:.0e}", found.names[axis], most(&sizes))
    } else if high > LARGE * low {
        format!("the spreads of its axes are from {low:.0e} to {high:.0e}")
    } else if high < 1.0 / LARGE {
        format!("its axes have spreads of at most {high:.0e}")
    } else {
        return;
    };
    warnings.push(format!(
        "{path}: {what}, and diffusion works on data of about unit scale, but `data.scale` is \"none\"; \"standardize\" or \"min_max\" scale each axis, and the samples come back unscaled"
    ));
}

/// Warns of rows that stand in the table so often that their k-NN radii are 0.
fn tie_advice(file: &SpecFile, path: &str, n: usize, copies: &[usize], warnings: &mut Vec<String>) {
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
