//! How many replicates a pilot asks for, as a table.

use super::comparison::{Estimate, every_column, worth};
use super::narrow_table::narrow_table;
use super::visible::visible_cell;
use crate::numeric::intervals::mean_interval;
use crate::numeric::power::MOST_REPLICATES;
use crate::report::point_names::{short_keys, short_value};
use crate::study::{Pilot, PilotLine};

/// Digits after the point of a difference in a metric that is no column of the short tables.
const DIGITS: usize = 4;

/// For each pipeline and point: the paired differences to the baseline, their standard deviation with its interval, and
/// the replicates that a difference of this size needs.
pub fn replicates_table(pilot: &Pilot, size: f64) -> String {
    let column = every_column().find(|column| column.metric == pilot.metric);
    let digits = column.map_or(DIGITS, |column| column.digits);
    let keys = short_keys(&pilot.keys);
    // Columns that say least are left out where the table is too wide: the differences themselves, then their number.
    let table = |left_out: usize| {
        let header = ["pairs", "difference", "deviation", "replicates"].map(String::from);
        let header = [vec!["pipeline".to_string()], keys.clone(), kept(header, left_out)].concat();
        let cells = |line: &PilotLine| {
            let values = line.values.iter().map(|value| short_value(&visible_cell(value))).collect();
            let [deviation, replicates] = needed(line, size);
            let pairs = line.differences.len().to_string();
            let cells = [pairs, difference(&line.differences, digits), deviation, replicates];
            [vec![line.pipeline.clone()], values, kept(cells, left_out)].concat()
        };
        narrow_table(header, pilot.lines.iter().map(cells).collect())
    };
    let is_broken = |table: &String| table.lines().count() > 2 + pilot.lines.len();
    let table = (0..2).map(&table).find(|table| !is_broken(table)).unwrap_or_else(|| table(2));
    format!(
        "Replicates that tell a difference of {size} in {} to `{}`, four times in five:\n\n{table}\n\n\
         The deviation is that of the paired differences, with its 95 % interval; the replicates are those\n\
         that it needs, and those that the ends of its interval need (paired t-test at 5 %).\n",
        pilot.metric, pilot.baseline
    )
}

/// The cells without the differences, and where two are left out without the number of pairs too.
fn kept([pairs, difference, deviation, replicates]: [String; 4], left_out: usize) -> Vec<String> {
    match left_out {
        0 => vec![pairs, difference, deviation, replicates],
        1 => vec![pairs, deviation, replicates],
        _ => vec![deviation, replicates],
    }
}

/// The mean of the differences with its interval.
fn difference(differences: &[f64], digits: usize) -> String {
    let Some(mean) = mean_interval(differences) else { return String::new() };
    let interval = mean.ends_within((f64::NEG_INFINITY, f64::INFINITY));
    Estimate { mean: mean.mean, interval, replicates: mean.n }.text(digits)
}

/// The deviation and the replicates; or why there are none.
fn needed(line: &PilotLine, size: f64) -> [String; 2] {
    let Some(needed) = line.needed(size) else {
        let why = match line.differences.as_slice() {
            [] | [_] => "too few pairs",
            [first, ..] if *first == 0.0 => "all differences are 0",
            [first, rest @ ..] if rest.iter().all(|other| other == first) => "all differences are the same",
            _ => "not all differences are numbers",
        };
        return [why.to_string(), String::new()];
    };
    let count = |n: Option<usize>| n.map_or_else(|| format!("over {MOST_REPLICATES}"), |n| n.to_string());
    let digits = worth(needed.interval.0);
    let [n, low, high] = needed.replicates.map(count);
    let (deviation, (from, to)) = (needed.deviation, needed.interval);
    [
        format!("{deviation:.digits$} ({from:.digits$} to {to:.digits$})"),
        if low == high { n } else { format!("{n} (between {low} and {high})") },
    ]
}
