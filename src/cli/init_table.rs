//! What `gdiff init --from TABLE` sees in a table, and what follows for the spec.

use super::{Failure, TableArgs};
use crate::data::source::Table;
use crate::data::table::{self, MissingRows, Survey, SurveyColumn};
use std::path::{Component, Path, PathBuf};
use toml::Value;

/// What a spec says of a table.
pub struct TableData {
    /// Its path, from the spec's folder on where it can be.
    pub path: String,
    /// What was seen, in sentences.
    pub seen: Vec<String>,
    /// Keys of `[data]` with their values.
    pub keys: Vec<(&'static str, Value)>,
    /// Rows that are kept aside for the metrics.
    pub held: usize,
}

/// Root mean squares of the axes from here to there are about unit scale.
const UNIT: (f64, f64) = (0.3, 3.0);

/// Training points beyond which a first look takes only so many.
const MOST_POINTS: usize = 10_000;

/// Looks at a table for a spec in `folder`.
///
/// # Errors
/// If it cannot be read, or no column holds numbers.
pub fn survey(path: &Path, folder: &Path, args: &TableArgs) -> Result<TableData, Failure> {
    let wrong = |reason: String| Failure::input(format!("{}: {reason}", path.display()));
    let bytes = table::file_bytes(path).map_err(|e| wrong(e.to_string()))?;
    let found = table::survey(&bytes, &args.options()).map_err(|e| wrong(e.to_string()))?;
    let mut seen =
        vec![format!("Seen: {} rows of {} columns{}.", found.rows, found.columns.len(), form(&found))];
    if found.left_out > 0 {
        seen.push(format!("Left out: {} rows in which a value is missing.", found.left_out));
    }
    let chosen: Vec<&SurveyColumn> = match &args.columns {
        Some(_) => {
            let points = args.read(path)?;
            found.columns.iter().filter(|column| points.names.contains(&column.name)).collect()
        }
        None => found.columns.iter().filter(|column| is_axis(column, &mut seen)).collect(),
    };
    if chosen.is_empty() {
        return Err(wrong(format!(
            "no column can be an axis of the points: each must hold finite numbers that differ\n  {}",
            seen[1..].join("\n  ")
        )));
    }
    for column in &chosen {
        if let Some(count) = column.few_values() {
            seen.push(format!(
                "`{}` has only {count} different values: diffusion works on continuous numbers, and samples of the plain network will lie between them.",
                column.name
            ));
        }
    }
    let mut keys = Vec::new();
    if args.missing == MissingRows::LeaveOut {
        keys.push(("data.missing", Value::from("leave_out")));
    }
    if let Some(header) = args.header {
        keys.push(("data.header", Value::from(header)));
    }
    if let Some(delimiter) = args.delimiter {
        keys.push(("data.delimiter", Value::from(delimiter.to_string())));
    }
    if chosen.len() < found.columns.len() {
        keys.push((
            "data.columns",
            chosen.iter().map(|column| choice(column, &found)).collect::<Vec<_>>().into(),
        ));
    }
    keys.push(("data.scale", scale(&chosen, &mut seen).into()));
    let held = (found.rows as f64 * Table::TEST_FRACTION) as usize;
    seen.push(format!(
        "Of its rows at most {held} are kept aside, half of them to compare with and half as fresh points; the others train."
    ));
    keys.push(("data.test_fraction", Value::from(Table::TEST_FRACTION)));
    if found.rows - held > MOST_POINTS {
        keys.push(("data.samples", Value::from(MOST_POINTS as i64)));
    }
    Ok(TableData { path: relative(path, folder).map_err(wrong)?, seen, keys, held })
}

/// ", a text with commas between the cells and a header".
fn form(found: &Survey) -> String {
    match found.text {
        None => ", a NumPy array".to_string(),
        Some((delimiter, header)) => {
            let header = if header { "a header" } else { "no header" };
            format!(", a text (delimiter \"{delimiter}\", {header})")
        }
    }
}

/// Whether a column can be an axis; why not goes among what was seen.
fn is_axis(column: &SurveyColumn, seen: &mut Vec<String>) -> bool {
    let reason = match &column.values {
        Err(reason) => format!("is no column of numbers ({reason})"),
        Ok(values) if column.is_constant() => format!("is {} in every row", values[0]),
        Ok(_) if column.counts_rows() => "counts the rows".to_string(),
        Ok(_) => return true,
    };
    seen.push(format!("`{}` {reason}, and is left out.", column.name));
    false
}

/// A column in `data.columns`: its name where that is its own, else its place.
fn choice(column: &SurveyColumn, found: &Survey) -> Value {
    let same = found.columns.iter().filter(|other| other.name == column.name).count();
    let has_header = found.text.is_some_and(|(_, header)| header);
    let is_number = column.name.parse::<usize>().is_ok();
    match has_header && same == 1 && !is_number {
        true => Value::from(column.name.as_str()),
        false => {
            let place = found.columns.iter().position(|other| std::ptr::eq(other, column)).unwrap_or(0);
            Value::from(place as i64)
        }
    }
}

/// `data.scale` for these axes.
fn scale(chosen: &[&SurveyColumn], seen: &mut Vec<String>) -> &'static str {
    let sizes: Vec<f64> =
        chosen.iter().filter_map(|column| column.moments()).map(|(m, s)| m.hypot(s)).collect();
    let (low, high) =
        sizes.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(*v), high.max(*v)));
    let shown = |v: f64| if (0.01..1e5).contains(&v) { format!("{v:.2}") } else { format!("{v:.1e}") };
    let range = format!("The root mean squares of its axes are from {} to {}", shown(low), shown(high));
    if low >= UNIT.0 && high <= UNIT.1 {
        seen.push(format!("{range}: about unit scale, on which diffusion works."));
        return "none";
    }
    seen.push(format!(
        "{range}: diffusion works on unit scale, so each axis is scaled; samples come back unscaled."
    ));
    "standardize"
}

/// The path of a file from a folder on; absolute where no such path is.
fn relative(path: &Path, folder: &Path) -> Result<String, String> {
    let absolute = |path: &Path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        path.canonicalize().or_else(|_| std::path::absolute(path)).map_err(|e| e.to_string())
    };
    let (file, folder) = (absolute(path)?, absolute(folder)?);
    let (file_parts, folder_parts): (Vec<Component>, Vec<Component>) =
        (file.components().collect(), folder.components().collect());
    let common = file_parts.iter().zip(&folder_parts).take_while(|(a, b)| a == b).count();
    // From the root on it is no shorter.
    let found: PathBuf = if common <= 1 {
        file
    } else {
        let up = folder_parts[common..].iter().map(|_| Component::ParentDir);
        up.chain(file_parts[common..].iter().copied()).collect()
    };
    found
        .to_str()
        .map(str::to_string)
        .ok_or_else(|| "its path is not UTF-8 text, which a spec must be".to_string())
}
