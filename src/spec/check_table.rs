//! The checks of a table of points: where its file is, what it holds, how its rows are split.

use super::check_rows::{
    Dealt, FEWEST_ROWS, fit_counts, identify, locate, made_absolute, test_fraction, tie_advice,
};
use super::error::SpecError;
use super::file::SpecFile;
use super::ranges::Checker;
use super::reuse::{Reuse, TableFile};
use crate::data::source::Table;
use crate::space::ScaleKind;

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
    let place = locate(check, reuse.folder(), ("data.path", &path, file.data.sha256.is_some()), warnings);
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
    file.data.path = made_absolute(&place).or(file.data.path.take());
    identify(check, ("data.sha256", &mut file.data.sha256), &path, &found.sha256)?;
    let fraction = test_fraction(check, file)?;
    scale_advice(file, &path, &found, warnings);
    let asked = (file.metrics.reference, file.sample.count);
    let table = Table::new(found.rows, found.names, fraction, asked);
    let dealt = Dealt { path: &path, n, rows: "points", count: &|part| table.count(part) };
    fit_counts(check, file, &dealt, warnings)?;
    tie_advice(file, &path, n, &found.copies, warnings);
    Ok(SplitTable { table, found_header_of_numbers: found.found_header_of_numbers, ties: found.ties })
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
