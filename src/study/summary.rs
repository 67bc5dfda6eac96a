//! The rows of `summary.csv`: each value over replicates, and its paired differences.

use super::paired::{Replicates, paired, value_of};
use super::run_values::{FIRST, Named, named, range, run_values};
use crate::numeric::intervals::{Interval, mean_interval, paired_difference};
use crate::spec::{BASELINE, DATA};
use crate::store::{Label, LossRow, MetricsRow, Status, SummaryRow, SummaryValues};
use std::collections::{HashMap, HashSet};

/// The key whose points are compared with its zero, replicate by replicate.
const LAMBDA: &str = "train.isotropy.lambda";

/// The keys of the isotropy term.
const ISOTROPY_KEYS: &str = "train.isotropy.";

/// The values of all runs, by pipeline and point.
#[derive(Default)]
pub struct Summary {
    groups: Vec<Group>,
    /// The group of a pipeline and point.
    index: HashMap<(String, Vec<String>), usize>,
    /// Points and replicates whose fresh points are in already, through another pipeline.
    fresh: HashSet<(Vec<String>, usize)>,
}

/// The replicates of one pipeline at one point, in order.
struct Group {
    pipeline: String,
    values: Vec<String>,
    replicates: Replicates,
    /// The last reverse step.
    steps: usize,
}

impl Group {
    /// A value over the replicates that have it.
    fn value(&self, index: usize) -> Vec<f64> {
        self.replicates.iter().filter_map(|(_, values)| values.get(index)?.1).collect()
    }

    /// The difference of a value to another group's value of that name, replicate by replicate, over those that both have.
    fn difference(&self, index: usize, other: &Self, name: &str) -> Option<Interval> {
        let own = |(_, values): &(usize, Vec<Named>)| values.get(index)?.1;
        let (ours, theirs) = paired(&self.replicates, own, &other.replicates, |(_, v)| value_of(v, name));
        paired_difference(&ours, &theirs)
    }
}

impl Summary {
    /// Adds what a run found, and its fresh real points.
    pub fn add_run(&mut self, status: &Status, rows: &[MetricsRow], losses: &[LossRow]) {
        let label = &status.label;
        self.add_data(label, status.fresh.as_ref());
        let steps = rows.last().map_or(0, |row| row.step);
        self.add(&label.pipeline, label, steps, run_values(rows, losses, status));
    }

    /// Adds the values of a replicate under the name of a pipeline.
    fn add(&mut self, pipeline: &str, label: &Label, steps: usize, named: Vec<Named>) {
        let values = &label.values;
        let group = *self.index.entry((pipeline.to_string(), values.clone())).or_insert(self.groups.len());
        if group == self.groups.len() {
            let (pipeline, values) = (pipeline.to_string(), values.clone());
            self.groups.push(Group { pipeline, values, replicates: Vec::new(), steps });
        }
        self.groups[group].replicates.push((label.replicate, named));
    }

    /// Adds the fresh real points of a replicate, once for all its pipelines.
    fn add_data(&mut self, label: &Label, fresh: Option<&MetricsRow>) {
        if let Some(fresh) = fresh
            && self.fresh.insert((label.values.clone(), label.replicate))
        {
            self.add(DATA, label, 0, named(fresh));
        }
    }

    /// Mean and interval over replicates of each value, point by point and pipeline by pipeline, with the differences
    /// to lambda = 0 and to the baseline.
    pub fn rows(&self, keys: &[String]) -> Vec<SummaryRow> {
        let zeros = Zeros::new(keys, &self.groups);
        let baselines = self.baselines();
        let mut rows = Vec::new();
        for group in &self.groups {
            let zero = zeros.of(group);
            let baseline = baselines.get(group.values.as_slice()).copied();
            let baseline = baseline.filter(|b| group.pipeline != DATA && b.pipeline != group.pipeline);
            let metrics = group.replicates.first().map_or(&[][..], |(_, values)| values.as_slice());
            for (index, (metric, _)) in metrics.iter().enumerate() {
                let Some(interval) = mean_interval(&group.value(index)) else { continue };
                let range = range(metric, group.steps);
                let to_zero = zero.and_then(|zero| group.difference(index, zero, metric));
                // The map alone is compared with what the baseline's network made of noise in the end.
                let of_end = metric.strip_prefix(FIRST).unwrap_or(metric);
                let to_baseline = baseline.and_then(|baseline| group.difference(index, baseline, of_end));
                rows.push(SummaryRow {
                    pipeline: group.pipeline.clone(),
                    values: group.values.clone(),
                    metric: metric.to_string(),
                    numbers: numbers(interval, to_zero, to_baseline, range),
                });
            }
        }
        rows
    }

    /// The pipeline at each point that the others are compared with: the baseline, or else the point's first.
    fn baselines(&self) -> HashMap<&[String], &Group> {
        let mut found: HashMap<&[String], &Group> = HashMap::new();
        for group in self.groups.iter().filter(|group| group.pipeline != DATA) {
            let there = found.entry(&group.values).or_insert(group);
            if group.pipeline == BASELINE {
                *there = group;
            }
        }
        found
    }
}

/// The points of a sweep over lambda that have lambda = 0.
struct Zeros<'g> {
    /// Which of the keys is lambda.
    lambda: Option<usize>,
    /// The keys that have nothing to do with the isotropy term.
    others: Vec<usize>,
    /// By the pipeline and the values of the other keys.
    groups: HashMap<(&'g str, Vec<&'g String>), &'g Group>,
}

impl<'g> Zeros<'g> {
    fn new(keys: &[String], groups: &'g [Group]) -> Self {
        let lambda = keys.iter().position(|key| key == LAMBDA);
        let others = (0..keys.len()).filter(|&k| !keys[k].starts_with(ISOTROPY_KEYS)).collect();
        let mut zeros = Self { lambda, others, groups: HashMap::new() };
        for group in groups.iter().filter(|group| group.pipeline != DATA) {
            if zeros.is_zero(group) {
                zeros.groups.entry(zeros.name(group)).or_insert(group);
            }
        }
        zeros
    }

    fn is_zero(&self, group: &Group) -> bool {
        let value = self.lambda.and_then(|k| group.values.get(k));
        value.is_some_and(|value| value.parse::<f64>() == Ok(0.0))
    }

    fn name<'a>(&self, group: &'a Group) -> (&'a str, Vec<&'a String>) {
        (&group.pipeline, self.others.iter().filter_map(|&k| group.values.get(k)).collect())
    }

    /// What a group is compared with; none for the points with lambda = 0 themselves.
    fn of(&self, group: &Group) -> Option<&'g Group> {
        if self.is_zero(group) { None } else { self.groups.get(&self.name(group)).copied() }
    }
}

/// The numbers of a row. No interval reaches beyond what the value can be.
fn numbers(
    interval: Interval,
    difference: Option<Interval>,
    to_baseline: Option<Interval>,
    range: (f64, f64),
) -> SummaryValues {
    let low = |i: Interval, range| i.ends_within(range).map(|ends| ends.0);
    let high = |i: Interval, range| i.ends_within(range).map(|ends| ends.1);
    let both = (range.0 - range.1, range.1 - range.0);
    SummaryValues {
        mean: interval.mean,
        interval_low: low(interval, range),
        interval_high: high(interval, range),
        replicates: interval.n,
        difference: difference.map(|d| d.mean),
        difference_low: difference.and_then(|d| low(d, both)),
        difference_high: difference.and_then(|d| high(d, both)),
        baseline_difference: to_baseline.map(|d| d.mean),
        baseline_difference_low: to_baseline.and_then(|d| low(d, both)),
        baseline_difference_high: to_baseline.and_then(|d| high(d, both)),
    }
}
