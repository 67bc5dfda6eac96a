//! Runs as curves: replicates averaged, sweep points named, long tables thinned.

use super::results::RunRows;
use crate::metrics::scored;
use crate::numeric::intervals::mean_interval;
use crate::report::point_names::point_name;
use crate::store::MetricsRow;
use std::collections::{BTreeMap, HashMap};

/// More points than this on a line cannot be distinguished.
pub const MOST_POINTS: usize = 400;

/// Up to so many sweep points each have a name and a colour of their own.
pub const NAMED_POINTS: usize = 6;

/// From so many replicates on a mean is drawn with its 95 % interval. Of two values Student's interval is 12.7 standard
/// errors wide on each side, of four 3.2: the replicates of fewer are drawn one by one.
pub const FEWEST_FOR_INTERVAL: usize = 5;

/// Whether so many replicates are several, and too few for an interval.
pub fn are_few(replicates: usize) -> bool {
    (2..FEWEST_FOR_INTERVAL).contains(&replicates)
}

/// A mean over replicates as a function, with its 95 % interval, or the end of each replicate where they are few.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
    /// Abscissas, rising.
    pub x: Vec<f64>,
    /// Means.
    pub y: Vec<f64>,
    /// Lower ends; empty with few replicates.
    pub low: Vec<f64>,
    /// Upper ends; empty with few replicates.
    pub high: Vec<f64>,
    /// The last ordinate of each replicate, where they are few.
    pub ends: Vec<f64>,
}

impl Curve {
    /// A metric at every reverse step, with its spread over the replicates. No interval goes beyond what the metric can
    /// be.
    pub fn of_metric(replicates: &[&RunRows<MetricsRow>], column: &str) -> Self {
        let range = scored::column(column).map_or((f64::NEG_INFINITY, f64::INFINITY), |c| c.range);
        Self::over(replicates, true, |row| row.step, |row| row.get(column)).within(range)
    }

    /// The same with intervals that go no further than what its values can be.
    pub fn within(mut self, (low, high): (f64, f64)) -> Self {
        self.low.iter_mut().chain(&mut self.high).for_each(|end| *end = end.clamp(low, high));
        self
    }

    /// The mean of `value` at each abscissa over the replicates that have one there; with the spread over the replicates
    /// where it is asked for and there are several: 95 % intervals, or the end of each one where they are few.
    pub fn over<R>(
        replicates: &[&RunRows<R>],
        spread: bool,
        abscissa: impl Fn(&R) -> usize,
        value: impl Fn(&R) -> Option<f64>,
    ) -> Self {
        let mut at: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for row in replicates.iter().flat_map(|run| &run.rows) {
            if let Some(v) = value(row).filter(|v| v.is_finite()) {
                at.entry(abscissa(row)).or_default().push(v);
            }
        }
        let mut curve = Self::default();
        let intervals = spread && replicates.len() >= FEWEST_FOR_INTERVAL;
        if spread && are_few(replicates.len()) {
            let ends = replicates.iter().filter_map(|run| value(run.rows.last()?));
            curve.ends = ends.filter(|end| end.is_finite()).collect();
        }
        for (x, values) in at {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            curve.x.push(x as f64);
            curve.y.push(mean);
            if intervals {
                let half = mean_interval(&values).and_then(|i| i.half_width).unwrap_or(0.0);
                curve.low.push(mean - half);
                curve.high.push(mean + half);
            }
        }
        curve
    }

    /// The same with a moving average over `half` points on each side. At the beginning, where curves fall
    /// fast, it is narrower; at the end one-sided.
    pub fn smoothed(&self, half: usize) -> Self {
        let average = |values: &[f64]| -> Vec<f64> {
            // Running sums: tables have up to a million rows.
            let mut sums = vec![0.0];
            sums.extend(values.iter().scan(0.0, |sum, v| {
                *sum += v;
                Some(*sum)
            }));
            (0..values.len())
                .map(|i| {
                    let before = half.min(i);
                    let after = before.min(values.len() - 1 - i);
                    (sums[i + after + 1] - sums[i - before]) / (before + after + 1) as f64
                })
                .collect()
        };
        Self {
            x: self.x.clone(),
            y: average(&self.y),
            low: average(&self.low),
            high: average(&self.high),
            ends: Vec::new(),
        }
    }

    /// At most `most` of its points, evenly, the first and last among them.
    pub fn thinned(&self, most: usize) -> Self {
        let n = self.x.len();
        if n <= most {
            return self.clone();
        }
        let kept: Vec<usize> = (0..most).map(|i| i * (n - 1) / (most - 1)).collect();
        let pick = |values: &[f64]| kept.iter().filter_map(|&i| values.get(i).copied()).collect();
        Self {
            x: pick(&self.x),
            y: pick(&self.y),
            low: pick(&self.low),
            high: pick(&self.high),
            ends: self.ends.clone(),
        }
    }

    /// Its last ordinate.
    pub fn last(&self) -> Option<f64> {
        self.y.last().copied()
    }
}

/// The indices of the keys in which a point of a sweep differs from another one.
pub fn changed_keys(one: &[String], other: &[String]) -> Vec<usize> {
    (0..one.len().max(other.len())).filter(|&k| one.get(k) != other.get(k)).collect()
}

/// How strongly the `i`-th of `n` points of a sweep is drawn: from light to the full colour of its pipeline.
pub fn strength(i: usize, n: usize) -> f64 {
    if n < 2 { 1.0 } else { 0.4 + 0.6 * i as f64 / (n - 1) as f64 }
}

/// The replicates of one pipeline at one sweep point.
pub struct Group<'a, R> {
    /// Pipeline.
    pub pipeline: &'a str,
    /// Values of the sweep keys.
    pub values: &'a [String],
    /// One table each.
    pub replicates: Vec<&'a RunRows<R>>,
}

/// The runs of a table by pipeline and sweep point, in the table's order.
pub fn groups<R>(runs: &[RunRows<R>]) -> Vec<Group<'_, R>> {
    let mut groups: Vec<Group<R>> = Vec::new();
    let mut indices: HashMap<(&str, &[String]), usize> = HashMap::new();
    for run in runs {
        let (pipeline, values) = (run.label.pipeline.as_str(), run.label.values.as_slice());
        let index = *indices.entry((pipeline, values)).or_insert(groups.len());
        if index == groups.len() {
            groups.push(Group { pipeline, values, replicates: Vec::new() });
        }
        groups[index].replicates.push(run);
    }
    groups
}

/// Which of the lines of one pipeline are named, and how strongly each is drawn.
pub struct Emphasis {
    /// In the order of the lines: label where it is written, and strength.
    pub lines: Vec<(Option<String>, f64)>,
    /// Whether the lines that differ from the first one in a single key are named.
    pub one_key: bool,
}

impl Emphasis {
    /// Up to [`NAMED_POINTS`] lines are all named, from light to full colour; of more, those that end highest, lowest and
    /// in the middle. Where several keys vary, they are compared one at a time: named are the lines that differ from the
    /// first one in a single key, if they are not too many.
    pub fn new(keys: &[String], points: &[&[String]], ends: &[Option<f64>]) -> Self {
        let n = points.len();
        let name = |i: usize| point_name(keys, points[i]);
        let one_key: Vec<usize> = (0..n).filter(|&i| changed_keys(points[0], points[i]).len() <= 1).collect();
        if (2..=NAMED_POINTS).contains(&one_key.len()) && one_key.len() < n {
            let mut lines = vec![(None, 0.3); n];
            for (rank, &i) in one_key.iter().enumerate() {
                lines[i] = (Some(name(i)), strength(rank, one_key.len()));
            }
            return Self { lines, one_key: true };
        }
        if n <= NAMED_POINTS {
            return Self { lines: (0..n).map(|i| (Some(name(i)), strength(i, n))).collect(), one_key: false };
        }
        let mut order: Vec<usize> = (0..n).filter(|&i| ends[i].is_some()).collect();
        order.sort_by(|&a, &b| ends[a].unwrap_or(0.0).total_cmp(&ends[b].unwrap_or(0.0)));
        let mut lines = vec![(None, 0.3); n];
        let named = [(0, "lowest"), (order.len() / 2, "median"), (order.len().wrapping_sub(1), "highest")];
        for (rank, word) in named {
            if let Some(&i) = order.get(rank) {
                lines[i] = (Some(format!("{word}: {}", name(i))), 1.0);
            }
        }
        Self { lines, one_key: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Label;

    fn run(replicate: usize, rows: &[(usize, f64)]) -> RunRows<(usize, f64)> {
        let label = Label { run: "r".into(), pipeline: "baseline".into(), replicate, values: Vec::new() };
        RunRows { label, rows: rows.to_vec() }
    }

    #[test]
    fn a_curve_is_the_mean_over_replicates_with_students_interval_from_five_on() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        let runs = values.map(|v| run(v as usize, &[(0, v), (1, 2.0 * v)]));
        let all: Vec<_> = runs.iter().collect();
        let curve = Curve::over(&all, true, |r| r.0, |r| Some(r.1));
        assert_eq!((curve.x, curve.y), (vec![0.0, 1.0], vec![3.0, 6.0]));
        // Standard error sqrt(2.5 / 5), t(0.975, 4) = 2.776445.
        let half = 2.776_445 * 0.5_f64.sqrt();
        assert!((curve.high[0] - 3.0 - half).abs() < 1e-5 && (curve.low[1] - 6.0 + 2.0 * half).abs() < 1e-5);
        assert!(curve.ends.is_empty());
        let few = Curve::over(&all[..4], true, |r| r.0, |r| Some(r.1));
        assert_eq!((few.low, few.ends), (Vec::new(), vec![2.0, 4.0, 6.0, 8.0]));
        let one = Curve::over(&all[..1], true, |r| r.0, |r| Some(r.1));
        assert_eq!((one.low, one.ends), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_is_not_finite_is_no_part_of_a_curve() {
        let runs = [run(0, &[(0, 1.0), (1, 4.0)]), run(1, &[(0, 3.0), (1, f64::NAN)])];
        let curve = Curve::over(&runs.iter().collect::<Vec<_>>(), true, |r| r.0, |r| Some(r.1));
        assert_eq!((curve.x, curve.y, curve.ends), (vec![0.0, 1.0], vec![2.0, 4.0], vec![4.0]));
    }

    #[test]
    fn a_moving_average_is_narrow_at_the_beginning_and_one_sided_at_the_end() {
        let x: Vec<f64> = (0..9).map(f64::from).collect();
        let straight = Curve { x: x.clone(), y: x.clone(), ..Curve::default() };
        assert_eq!(straight.smoothed(3).y[..6], x[..6]);
        let spike = Curve { x, y: vec![9.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 4.0], ..Curve::default() };
        assert_eq!(spike.smoothed(1).y, [9.0, 3.0, 0.0, 3.0, 3.0, 3.0, 0.0, 4.0 / 3.0, 2.0]);
    }

    #[test]
    fn thinning_keeps_both_ends() {
        let x: Vec<f64> = (0..1001).map(f64::from).collect();
        let thin = Curve { x: x.clone(), y: x, ..Curve::default() }.thinned(11);
        assert_eq!(thin.x, (0..11).map(|i| f64::from(i) * 100.0).collect::<Vec<_>>());
    }

    #[test]
    fn keys_are_compared_one_at_a_time() {
        let keys = ["network.width".to_string(), "train.ema".to_string()];
        let values: Vec<Vec<String>> = ["8 0", "8 0.9", "16 0", "16 0.9", "32 0", "32 0.9"]
            .map(|point| point.split(' ').map(str::to_string).collect())
            .to_vec();
        let points: Vec<&[String]> = values.iter().map(Vec::as_slice).collect();
        let emphasis = Emphasis::new(&keys, &points, &[Some(1.0); 6]);
        let named: Vec<_> = emphasis.lines.iter().filter_map(|line| line.0.as_deref()).collect();
        assert_eq!(named, ["width 8, ema 0", "width 8, ema 0.9", "width 16, ema 0", "width 32, ema 0"]);
        assert_eq!(emphasis.lines[3], (None, 0.3));
    }

    #[test]
    fn of_many_lines_the_highest_lowest_and_middle_are_named() {
        let keys = ["network.width".to_string()];
        let values: Vec<Vec<String>> = (0..9).map(|i| vec![i.to_string()]).collect();
        let points: Vec<&[String]> = values.iter().map(Vec::as_slice).collect();
        let ends: Vec<Option<f64>> = (0..9).map(|i| Some(f64::from((i * 5) % 9))).collect();
        let named: Vec<_> =
            Emphasis::new(&keys, &points, &ends).lines.into_iter().filter_map(|l| l.0).collect();
        assert_eq!(named, ["lowest: width 0", "highest: width 7", "median: width 8"]);
    }
}
