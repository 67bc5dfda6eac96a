//! What a comparison of two studies says: in which lines their specs differ, what only one of them has, and a table for
//! each metric.

use super::comparison::{Estimate, OF_A_MAP, SummaryColumn, every_column, shown};
use super::narrow_table::{is_too_wide, narrow_table};
use super::table::MOST_LINES;
use super::visible::visible_cell;
use crate::report::point_names::{point_name, short_keys, short_value};
use crate::study::run_values::FIRST;
use crate::study::{Compared, ComparedLine, ComparedRow, SpecDifference, StudyRuns};
use std::collections::HashMap;
use std::fmt::Write;

/// Differing lines of the specs, and lines that only one study has, beyond which the rest is counted.
const MOST_NAMED: usize = 20;

/// Digits after the point of a metric that is no column of the short tables.
const DIGITS: usize = 4;

/// Keys that say how metrics are measured, with what their differences mean.
const OF_METRICS: [(&[&str], &str); 2] = [
    (&["metrics.k"], "PRDC with other neighbours is another number; its difference says nothing of samples"),
    (&["metrics.reference", "sample.count"], "PRDC and distances depend on the number of points"),
];

/// The names of the two studies.
const NAMES: [&str; 2] = ["A", "B"];

/// What the comparison says of these metrics; where none are named, of those of the table at the end of a run.
pub fn comparison_text(studies: [&StudyRuns; 2], compared: &Compared, metrics: &[String]) -> String {
    let mut text = String::new();
    for (name, study) in NAMES.iter().zip(studies) {
        let out = study.out.display();
        let _ = writeln!(text, "{name}: {} ({} runs)", visible_cell(&out.to_string()), study.count());
    }
    text.push('\n');
    if let Some(differences) = studies[0].spec_differences(studies[1]) {
        text += &spec_text(&differences);
    }
    for (name, lines) in NAMES.iter().zip(&compared.only) {
        text += &only_text(name, &compared.keys, lines);
    }
    let mut lines: Vec<&ComparedLine> = compared.rows.iter().map(|row| &row.line).collect();
    lines.dedup();
    if lines.len() > MOST_LINES {
        let _ = writeln!(text, "{} lines a metric: --csv FILE writes them.", lines.len());
        return text;
    }
    let rows = compared.rows.iter().map(|row| ((&row.line, row.metric.as_str()), row)).collect();
    let tables: Vec<String> = columns(compared, metrics)
        .iter()
        .filter_map(|c| metric_table(&compared.keys, &lines, &rows, c))
        .collect();
    text += &tables.concat();
    text + &notes(compared)
}

/// In which lines the specs differ.
fn spec_text(differences: &[SpecDifference]) -> String {
    let value = |key: &str, value: &Option<String>| match value {
        Some(value) => short_value(&visible_cell(value)),
        None if key.starts_with("sweep.") => "not swept".to_string(),
        None => "the default".to_string(),
    };
    let mut text = match differences.len() {
        0 => return "The specs say the same.\n\n".to_string(),
        1 => "The specs differ in 1 line:\n".to_string(),
        n => format!("The specs differ in {n} lines:\n"),
    };
    for SpecDifference { key, values: [a, b] } in differences.iter().take(MOST_NAMED) {
        let _ = writeln!(text, "  {}: {} in A, {} in B", visible_cell(key), value(key, a), value(key, b));
    }
    if differences.len() > MOST_NAMED {
        let _ = writeln!(text, "  and {} more", differences.len() - MOST_NAMED);
    }
    let differs = |key: &str| differences.iter().any(|difference| difference.key == key);
    for (keys, sentence) in OF_METRICS {
        let given: Vec<String> =
            keys.iter().filter(|key| differs(key)).map(|key| format!("`{key}`")).collect();
        if !given.is_empty() {
            let _ = writeln!(text, "{}: {sentence}.", given.join(", "));
        }
    }
    text + "\n"
}

/// What only one of the studies has.
fn only_text(name: &str, keys: &[String], lines: &[ComparedLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = format!("Only in {name}:\n");
    for line in lines.iter().take(MOST_NAMED) {
        let point = point_name(keys, &line.values);
        let point = if point.is_empty() { point } else { format!(", {}", visible_cell(&point)) };
        let _ = writeln!(text, "  {}{point}", line.pipeline);
    }
    if lines.len() > MOST_NAMED {
        let _ = writeln!(text, "  and {} more", lines.len() - MOST_NAMED);
    }
    text + "\n"
}

/// The metrics that are shown.
fn columns<'c>(compared: &'c Compared, metrics: &[String]) -> Vec<SummaryColumn<'c>> {
    let there =
        |name: &str| compared.rows.iter().map(|row| row.metric.as_str()).find(|metric| *metric == name);
    if metrics.is_empty() {
        return every_column().filter(|c| c.in_terminal && there(c.metric).is_some()).collect();
    }
    let column = |name: &String| {
        let known = every_column().find(|column| column.metric == name);
        let metric = there(name)?;
        Some(known.unwrap_or(SummaryColumn { heading: metric, metric, digits: DIGITS, in_terminal: true }))
    };
    metrics.iter().filter_map(column).collect()
}

/// Every row by its line and metric.
type Rows<'c> = HashMap<(&'c ComparedLine, &'c str), &'c ComparedRow>;

/// The lines of a metric, each map alone behind its pipeline.
fn metric_table(
    keys: &[String],
    lines: &[&ComparedLine],
    rows: &Rows,
    column: &SummaryColumn,
) -> Option<String> {
    let first = format!("{FIRST}{}", column.metric);
    let mut shown_rows: Vec<(String, &ComparedRow)> = Vec::new();
    let mut maps: Vec<&ComparedRow> = Vec::new();
    for &line in lines {
        let end = rows.get(&(line, column.metric));
        shown_rows.extend(end.map(|row| (line.pipeline.clone(), *row)));
        let map = rows.get(&(line, first.as_str())).filter(|_| rows.contains_key(&(line, OF_A_MAP)));
        // Points that share a map share its line.
        let shared = |map: &ComparedRow| maps.iter().any(|other| is_same_map(other, map));
        if let Some(map) = map.copied().filter(|map| !shared(map)) {
            maps.push(map);
            shown_rows.push(("  its map alone".to_string(), map));
        }
    }
    if shown_rows.is_empty() {
        return None;
    }
    let table = |with_means: bool| {
        let means = if with_means { &NAMES[..] } else { &[] };
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let header = [words(&[column.heading]), short_keys(keys), words(means), words(&["B - A", "pairs"])];
        let cells = |(name, row): &(String, &ComparedRow)| {
            let values = row.line.values.iter().map(|value| short_value(&visible_cell(value))).collect();
            let mean = |mean: &Option<f64>| mean.map_or(String::new(), |mean| shown(mean, column.digits));
            let means = row.means[..means.len()].iter().map(mean).collect();
            [vec![name.clone()], values, means, vec![difference(row, column.digits), pairs(row)]].concat()
        };
        narrow_table(header.concat(), shown_rows.iter().map(cells).collect())
    };
    let whole = table(true);
    let is_broken = is_too_wide(&whole) || whole.lines().count() > 2 + shown_rows.len();
    Some(format!("{}\n\n", if is_broken { table(false) } else { whole }))
}

/// Whether two points of a pipeline have the same values of their maps.
fn is_same_map(a: &ComparedRow, b: &ComparedRow) -> bool {
    (&a.line.pipeline, a.means, a.counts, a.difference) == (&b.line.pipeline, b.means, b.counts, b.difference)
}

/// The difference with its interval, and a mark where that leaves out 0.
fn difference(row: &ComparedRow, digits: usize) -> String {
    let Some(mean) = row.difference else { return String::new() };
    let estimate = Estimate { mean, interval: row.interval, replicates: row.counts[0] };
    let mark = if estimate.leaves_out_zero() { " *" } else { "" };
    format!("{}{mark}", estimate.text(digits))
}

/// How many values the difference is made of.
fn pairs(row: &ComparedRow) -> String {
    let [a, b] = row.counts;
    match row.is_paired && row.difference.is_some() {
        true => a.to_string(),
        false => format!("none ({a}, {b})"),
    }
}

/// How to read the tables.
fn notes(compared: &Compared) -> String {
    let differing: Vec<&ComparedRow> = compared.rows.iter().filter(|row| row.difference.is_some()).collect();
    if !differing.is_empty() && differing.iter().all(|row| row.difference == Some(0.0)) {
        return "Every difference is exactly 0: what both have gave the same results.\n".to_string();
    }
    let mut text =
        "+- is half of a 95 % interval; * leaves out 0, as one of twenty does by chance.\n".to_string();
    let any = |is_paired| differing.iter().any(|row| row.is_paired == is_paired);
    if any(true) {
        text += "Pairs have the same data and noise streams: the interval is of their differences (Student's t).\n";
    }
    if any(false) {
        text +=
            "Without pairs data or seed differ: the means of (A, B) runs are compared (Welch's interval).\n";
    }
    text
}
