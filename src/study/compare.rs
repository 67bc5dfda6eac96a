//! Two studies, run by run: the differences of what both have, paired where the data and the replicate are the same.

use super::paired::{paired, value_of};
use super::run_values::range;
use super::same_point::SweptPoints;
use super::study_runs::{Found, Group, StudyRuns};
use crate::numeric::intervals::{Interval, mean_interval, paired_difference, unpaired_difference};
use crate::store::sweep_values::{add_missing, by_name};
use crate::store::{StoreError, atomic};
use std::collections::HashMap;
use std::path::Path;

/// The differences of two studies, the second minus the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The sweep's keys, those of the first study and what the second has beside them.
    pub keys: Vec<String>,
    /// What both have: every metric of each pipeline at each point.
    pub rows: Vec<ComparedRow>,
    /// What only one of them has.
    pub only: [Vec<ComparedLine>; 2],
}

/// A pipeline at a point.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ComparedLine {
    /// The pipeline.
    pub pipeline: String,
    /// Values of the sweep keys.
    pub values: Vec<String>,
}

/// A metric of a pipeline at a point in two studies.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedRow {
    /// The pipeline and the point.
    pub line: ComparedLine,
    /// The metric, as the summary names it.
    pub metric: String,
    /// Whether the replicates have the same data and noise, and are compared one by one.
    pub is_paired: bool,
    /// How many values each study has: the pairs, or where there are none all.
    pub counts: [usize; 2],
    /// Their means.
    pub means: [Option<f64>; 2],
    /// The second minus the first; none where one of them has no value.
    pub difference: Option<f64>,
    /// The ends of its 95 % interval, cut at what there can be.
    pub interval: Option<(f64, f64)>,
}

/// The differences of two studies, the second minus the first. Pipelines are matched by name, points by the names and
/// values of their keys. A study that leaves a key alone stands at the point of the other one at which both specs say the
/// same.
///
/// Replicates are paired where the key of the data and the number of the replicate are the same: such runs have the same
/// points, and begin and go on with the same noise. Where no replicate has its pair, the means of all are compared
/// (Welch).
pub fn compare(a: &StudyRuns, b: &StudyRuns) -> Compared {
    let mut keys = a.keys.clone();
    add_missing(&mut keys, &b.keys);
    let (in_a, in_b) = (lines(a, b, &keys), lines(b, a, &keys));
    let others: HashMap<ComparedLine, usize> =
        in_b.iter().enumerate().map(|(i, line)| (line.matched(), i)).collect();
    let mut compared = Compared { keys, rows: Vec::new(), only: [Vec::new(), Vec::new()] };
    let mut matched = vec![false; in_b.len()];
    for (group, line) in a.groups.iter().zip(in_a) {
        match others.get(&line.matched()) {
            Some(&other) => {
                matched[other] = true;
                compared.rows.extend(rows(&line, group, &b.groups[other]));
            }
            None => compared.only[0].push(line),
        }
    }
    compared.only[1].extend(in_b.into_iter().zip(matched).filter(|(_, m)| !m).map(|(line, _)| line));
    compared
}

/// The lines of a study, with the values of its own keys and of those that the other one sweeps.
fn lines(study: &StudyRuns, other: &StudyRuns, keys: &[String]) -> Vec<ComparedLine> {
    let specs = study.study.as_ref().zip(other.study.as_ref()).filter(|_| keys.len() > study.keys.len());
    let placed = specs.map(|(own, other)| {
        let points = own.points.iter().enumerate().map(|(at, point)| (point.values.as_slice(), at));
        (own, points.collect::<HashMap<_, _>>(), SweptPoints::new(other))
    });
    let line = |group: &Group| {
        let mut values = by_name(&group.values, &study.keys, keys);
        if let Some((own, points, swept)) = &placed
            && let Some(&at) = points.get(group.values.as_slice())
        {
            values = swept.complete(values, keys, own, at);
        }
        ComparedLine { pipeline: group.pipeline.clone(), values }
    };
    study.groups.iter().map(line).collect()
}

impl ComparedLine {
    /// The line by which it is found in another study: `1` and `1.0` are one value.
    fn matched(&self) -> Self {
        let value = |text: &String| text.parse::<f64>().map_or_else(|_| text.clone(), |v| v.to_string());
        Self { pipeline: self.pipeline.clone(), values: self.values.iter().map(value).collect() }
    }
}

/// Every metric that one of two groups has.
fn rows(line: &ComparedLine, a: &Group, b: &Group) -> Vec<ComparedRow> {
    let (pairs_a, pairs_b) = pairs(a, b);
    let is_paired = !pairs_a.is_empty();
    let names = |group: &Group| -> Vec<String> {
        let first = group.runs.first().map_or(&[][..], |(_, found)| found.values.as_slice());
        first.iter().map(|(name, _)| name.to_string()).collect()
    };
    let mut metrics = names(a);
    add_missing(&mut metrics, &names(b));
    let row = |metric: String| {
        let of = |run: &(usize, &Found)| value_of(&run.1.values, &metric);
        let all = |group: &Group| -> Vec<f64> {
            group.runs.iter().filter_map(|(_, found)| value_of(&found.values, &metric)).collect()
        };
        let (ours, theirs) = paired(&pairs_a, of, &pairs_b, of);
        let (ours, theirs, difference) = if !is_paired {
            let (ours, theirs) = (all(a), all(b));
            let difference = unpaired_difference(&theirs, &ours);
            (ours, theirs, difference)
        } else if ours.is_empty() {
            (all(a), all(b), None)
        } else {
            let difference = paired_difference(&theirs, &ours);
            (ours, theirs, difference)
        };
        if ours.is_empty() && theirs.is_empty() {
            return None;
        }
        let (of_a, of_b) = (range(&metric, a.steps), range(&metric, b.steps));
        let largest = (of_b.0 - of_a.1, of_b.1 - of_a.0);
        let mean = |values: &[f64]| mean_interval(values).map(|interval| interval.mean);
        Some(ComparedRow {
            line: line.clone(),
            is_paired,
            counts: [ours.len(), theirs.len()],
            means: [mean(&ours), mean(&theirs)],
            difference: difference.map(|difference| difference.mean),
            interval: difference.and_then(|difference: Interval| difference.ends_within(largest)),
            metric,
        })
    };
    metrics.into_iter().filter_map(row).collect()
}

/// The runs of one study.
type Runs<'g> = Vec<(usize, &'g Found)>;

/// The runs of two groups that are of the same data and replicate.
fn pairs<'g>(a: &'g Group, b: &'g Group) -> (Runs<'g>, Runs<'g>) {
    let mut pairs = (Vec::new(), Vec::new());
    for (replicate, ours) in &a.runs {
        let same = |(other, theirs): &&(usize, Found)| {
            other == replicate && ours.data.is_some() && theirs.data == ours.data
        };
        if let Some((_, theirs)) = b.runs.iter().find(same) {
            pairs.0.push((*replicate, ours));
            pairs.1.push((*replicate, theirs));
        }
    }
    pairs
}

impl Compared {
    /// Writes all rows as a CSV table, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_csv(&self, path: &Path) -> Result<(), StoreError> {
        const COLUMNS: [&str; 10] = [
            "metric",
            "paired",
            "a_replicates",
            "b_replicates",
            "a_mean",
            "b_mean",
            "difference",
            "difference_low",
            "difference_high",
            "pairs",
        ];
        atomic::write(path, |out| {
            let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
            let label = std::iter::once("pipeline").chain(self.keys.iter().map(String::as_str));
            writer.write_record(label.chain(COLUMNS))?;
            for row in &self.rows {
                let ComparedLine { pipeline, values } = &row.line;
                let pairs = if row.is_paired && row.difference.is_some() { row.counts[0] } else { 0 };
                writer.serialize((
                    (pipeline, values, &row.metric, row.is_paired),
                    (row.counts, row.means, row.difference),
                    (row.interval.map(|ends| ends.0), row.interval.map(|ends| ends.1), pairs),
                ))?;
            }
            writer.flush()
        })?;
        Ok(())
    }
}
