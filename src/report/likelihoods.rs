//! What `gdiff likelihood` says: how likely points are under each model, and by how much one is better than another.

use super::comparison::{Estimate, shown, worth};
use super::narrow_table::narrow_table;
use super::visible::visible_cell;
use crate::numeric::intervals::{Interval, mean_interval, paired_difference};
use crate::run::Likelihoods;

/// Digits after the point at most.
const DIGITS: usize = 6;

/// A run and how likely points are under its model.
pub struct ScoredRun {
    /// What people read.
    pub label: String,
    /// The likelihoods.
    pub likelihoods: Likelihoods,
}

/// A line of the table: what it is, and the log-likelihood of each point.
struct Line {
    label: String,
    values: Vec<Option<f64>>,
}

/// A table of the means, with the paired differences to the density of the data where it is known and to the first run
/// where there are several; `of` names the points.
pub fn likelihoods_text(of: &str, runs: &[ScoredRun]) -> String {
    let several = runs.len() > 1;
    let truths: Vec<_> = runs.iter().map(|run| &run.likelihoods.truth).collect();
    let truth = truths[0].as_ref().filter(|_| truths.iter().all(|truth| *truth == truths[0]));
    let mut lines = Vec::new();
    for run in runs {
        let name = if several { visible_cell(&run.label).into_owned() } else { "model".to_string() };
        let map_name = if several { "  its map alone" } else { "map alone" }.to_string();
        lines.push(Line { label: name, values: run.likelihoods.of_model() });
        let map = run.likelihoods.map.as_ref();
        lines.extend(map.map(|values| Line { label: map_name, values: values.clone() }));
    }
    lines.extend(
        truth.map(|values| Line { label: "the data's own density".to_string(), values: values.clone() }),
    );
    let first = &lines[0];
    let mut header = vec![String::new(), "log-likelihood".to_string()];
    header.extend(truth.map(|_| "minus the data's own".to_string()));
    header.extend(several.then(|| "minus the first".to_string()));
    let cells = |line: &Line| {
        let is_truth = std::ptr::eq(line, lines.last().expect("there is a run")) && truth.is_some();
        let mut cells = vec![line.label.clone(), cell(all(&line.values).and_then(|v| mean_interval(&v)))];
        if let Some(truth) = truth {
            cells.push(if is_truth { String::new() } else { cell(difference(&line.values, truth)) });
        }
        if several {
            let is_first = std::ptr::eq(line, first);
            cells.push(if is_first { String::new() } else { cell(difference(&line.values, &first.values)) });
        }
        cells
    };
    let count = first.values.len();
    let what = if count == 1 { of.replacen("points", "point", 1) } else { of.to_string() };
    let table = narrow_table(header, lines.iter().map(cells).collect());
    format!(
        "{count} {}, nats, in the units of the data\n\n{table}\n\n{}",
        visible_cell(&what),
        notes(runs, &lines)
    )
}

/// All values; none where one is missing.
fn all(values: &[Option<f64>]) -> Option<Vec<f64>> {
    values.iter().copied().collect()
}

fn difference(a: &[Option<f64>], b: &[Option<f64>]) -> Option<Interval> {
    paired_difference(&all(a)?, &all(b)?)
}

/// A mean with its interval.
pub fn cell(interval: Option<Interval>) -> String {
    let Some(interval) = interval else { return "none".to_string() };
    let ends = interval.ends_within((f64::NEG_INFINITY, f64::INFINITY));
    Estimate { mean: interval.mean, interval: ends, replicates: interval.n }.text(DIGITS)
}

/// How to read the table.
fn notes(runs: &[ScoredRun], lines: &[Line]) -> String {
    let mut text = String::new();
    if lines[0].values.len() > 1 {
        text += "+- is half of a 95 % interval over the points (Student's t; differences point by point): of these trained\nmodels, not of other trainings.\n";
    }
    let change = |run: &ScoredRun| {
        let change = run.likelihoods.grid_change().filter(|change| *change != 0.0)?;
        let whose = if runs.len() > 1 { visible_cell(&run.label) } else { "the model".into() };
        Some(format!("of {whose} by {}", shown(change, worth(change.abs()).min(9))))
    };
    let changes: Vec<String> = runs.iter().filter_map(change).collect();
    if !changes.is_empty() {
        text += "The whole grid instead of half of it changes the mean ";
        text += &format!("{}.\n", changes.join(",\n"));
    }
    for line in lines {
        let without = line.values.iter().filter(|value| value.is_none()).count();
        if without > 0 {
            text += &format!(
                "{}: {without} of {} points lie so far out that their likelihood leaves the range of numbers, so there is no mean.\n",
                line.label.trim(),
                line.values.len()
            );
        }
    }
    text
}
