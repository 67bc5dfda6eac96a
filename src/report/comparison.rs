//! What a summary says, line by line: each pipeline at each sweep point, its map alone, and fresh real points; and what
//! each is better or worse by than the baseline.

use crate::metrics::scored;
use crate::spec::{DATA, compared_with};
use crate::store::SummaryRow;
use crate::study::run_values::{FIRST, START_STEP, STEPS_TO_REAL};
use std::collections::{HashMap, HashSet};

/// A column of a table over a summary.
#[derive(Debug, Clone, Copy)]
pub struct SummaryColumn<'a> {
    /// What people read.
    pub heading: &'a str,
    /// The metric of the summary.
    pub metric: &'a str,
    /// Digits after the point at most.
    pub digits: usize,
    /// Whether the terminal shows it too.
    pub in_terminal: bool,
}

/// What a summary has beside the metrics of the last step.
const OF_THE_WHOLE_RUN: [SummaryColumn<'static>; 3] = [
    SummaryColumn { heading: "steps to real", metric: STEPS_TO_REAL, digits: 0, in_terminal: true },
    SummaryColumn { heading: "plateau step", metric: "plateau_step", digits: 0, in_terminal: false },
    SummaryColumn { heading: "final loss", metric: "final_loss", digits: 4, in_terminal: false },
];

/// Every column of a table over a summary: the metrics of the last step, and what there is beside them.
pub fn every_column() -> impl Iterator<Item = SummaryColumn<'static>> {
    let of_a_metric = |column: &'static scored::Column| SummaryColumn {
        heading: column.heading,
        metric: column.name,
        digits: column.digits,
        in_terminal: column.headline,
    };
    scored::columns().map(of_a_metric).chain(OF_THE_WHOLE_RUN)
}

/// The row of the summary that only a space has that is more than a scaling.
pub const OF_A_MAP: &str = "map_log_likelihood";

/// A line of a table over a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Line<'a> {
    /// The samples of a pipeline at a sweep point.
    Pipeline(&'a str, &'a [String]),
    /// Its map alone: x_T mapped back to data space, without diffusion.
    MapAlone(&'a str, &'a [String]),
    /// Fresh real points, scored as if they were samples.
    Real(&'a [String]),
}

impl<'a> Line<'a> {
    /// The pipeline's name in the summary.
    pub fn pipeline(&self) -> &'a str {
        match *self {
            Self::Pipeline(name, _) | Self::MapAlone(name, _) => name,
            Self::Real(_) => DATA,
        }
    }

    /// The values of the sweep keys.
    pub fn values(&self) -> &'a [String] {
        match *self {
            Self::Pipeline(_, values) | Self::MapAlone(_, values) | Self::Real(values) => values,
        }
    }
}

/// A mean over replicates with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// The interval's ends; none with one replicate.
    pub interval: Option<(f64, f64)>,
    /// Replicates.
    pub replicates: usize,
}

impl Estimate {
    fn new(mean: f64, low: Option<f64>, high: Option<f64>, replicates: usize) -> Self {
        Self { mean, interval: low.zip(high), replicates }
    }

    /// Half the interval's width; none where it is cut off at the end of what the metric can be, and lies unevenly about
    /// the mean.
    pub fn half_width(&self) -> Option<f64> {
        let (low, high) = self.interval?;
        let (below, above) = (self.mean - low, high - self.mean);
        ((below - above).abs() <= 1e-9 * (below + above)).then_some((high - low) / 2.0)
    }

    /// Whether the interval leaves out 0.
    pub fn leaves_out_zero(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }

    /// `mean`, `mean +- half width`, or `mean (to high)` and `mean (from low)` where the other end is cut off; with as many
    /// digits as the interval is worth.
    pub fn text(&self, digits: usize) -> String {
        let Some((low, high)) = self.interval else { return shown(self.mean, digits) };
        let digits = digits.min(worth((high - low) / 2.0));
        let mean = shown(self.mean, digits);
        // One end may be that of what the metric can be.
        let (word, end) = match self.half_width() {
            Some(half) => return format!("{mean} +- {}", shown(half, digits)),
            None if self.mean - low < high - self.mean => ("to", shown(high, digits)),
            None => ("from", shown(low, digits)),
        };
        if end == mean { mean } else { format!("{mean} ({word} {end})") }
    }
}

/// Digits after the point that show two digits of an uncertainty.
pub fn worth(half: f64) -> usize {
    if half > 0.0 { (1.0 - half.log10().floor()).clamp(0.0, 17.0) as usize } else { 17 }
}

/// A number with so many digits; a huge one by its power of ten.
pub fn shown(value: f64, digits: usize) -> String {
    let text = if value.abs() < 1e7 { format!("{value:.digits$}") } else { format!("{value:.2e}") };
    // A value that rounds to 0 has no sign.
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_string(),
        _ => text,
    }
}

/// A summary, by pipeline, sweep point and metric.
pub struct Comparison<'a> {
    summary: &'a [SummaryRow],
    rows: HashMap<(&'a str, &'a [String], &'a str), &'a SummaryRow>,
}

impl<'a> Comparison<'a> {
    /// The rows of `summary.csv`.
    pub fn new(summary: &'a [SummaryRow]) -> Self {
        let row = |row: &'a SummaryRow| ((&*row.pipeline, &*row.values, &*row.metric), row);
        Self { summary, rows: summary.iter().map(row).collect() }
    }

    fn row(&self, pipeline: &'a str, values: &'a [String], metric: &str) -> Option<&'a SummaryRow> {
        self.rows.get(&(pipeline, values, metric)).copied()
    }

    /// The columns of which the summary has something.
    pub fn columns(&self) -> Vec<SummaryColumn<'static>> {
        let there: HashSet<&str> = self.summary.iter().map(|row| row.metric.as_str()).collect();
        every_column().filter(|column| there.contains(column.metric)).collect()
    }

    /// The lines: pipelines and sweep points, each map alone behind its pipeline, then fresh real points. Points that
    /// share a map or the data share its line.
    pub fn lines(&self) -> Vec<Line<'a>> {
        let mut seen = HashSet::new();
        let mut pipelines = Vec::new();
        let mut real = Vec::new();
        let mut alone = HashSet::new();
        for row in self.summary {
            let (pipeline, values) = (row.pipeline.as_str(), row.values.as_slice());
            if !seen.insert((pipeline, values)) {
                continue;
            }
            if pipeline == DATA {
                if alone.insert((pipeline, self.means(Line::Real(values)))) {
                    real.push(Line::Real(values));
                }
                continue;
            }
            pipelines.push(Line::Pipeline(pipeline, values));
            let map = Line::MapAlone(pipeline, values);
            let diffused = self.means(Line::Pipeline(pipeline, values));
            let means = self.means(map);
            if self.has_map(pipeline, values) && means != diffused && alone.insert((pipeline, means)) {
                pipelines.push(map);
            }
        }
        pipelines.extend(real);
        pipelines
    }

    /// Whether a pipeline has a map that is more than a scaling, and its own metrics. The first step of a late start is not
    /// the map alone.
    pub fn has_map(&self, pipeline: &'a str, values: &'a [String]) -> bool {
        let map = Line::MapAlone(pipeline, values);
        self.row(pipeline, values, OF_A_MAP).is_some()
            && self.row(pipeline, values, START_STEP).is_none()
            && !self.means(map).is_empty()
    }

    /// The bits of the means of a line's metrics, which tell lines apart.
    fn means(&self, line: Line<'a>) -> Vec<u64> {
        let mean = |column: &scored::Column| Some(self.value(line, column.name)?.mean.to_bits());
        scored::columns().filter_map(mean).collect()
    }

    /// A line's value in a column.
    pub fn value(&self, line: Line<'a>, metric: &str) -> Option<Estimate> {
        let numbers = self.row_of(line, metric)?.numbers;
        Some(Estimate::new(numbers.mean, numbers.interval_low, numbers.interval_high, numbers.replicates))
    }

    /// By how much a line's value exceeds the baseline's, replicate by replicate.
    pub fn difference(&self, line: Line<'a>, metric: &str) -> Option<Estimate> {
        let numbers = self.row_of(line, metric)?.numbers;
        let (low, high) = (numbers.baseline_difference_low, numbers.baseline_difference_high);
        Some(Estimate::new(numbers.baseline_difference?, low, high, numbers.replicates))
    }

    fn row_of(&self, line: Line<'a>, metric: &str) -> Option<&'a SummaryRow> {
        match line {
            Line::MapAlone(pipeline, values) => self.row(pipeline, values, &format!("{FIRST}{metric}")),
            line => self.row(line.pipeline(), line.values(), metric),
        }
    }

    /// The pipeline that the others are compared with; none where no other is there.
    pub fn baseline(&self) -> Option<&'a str> {
        let compared = self.summary.iter().any(|row| row.numbers.baseline_difference.is_some());
        let names = self.summary.iter().map(|row| row.pipeline.as_str()).filter(|name| *name != DATA);
        compared_with(names, |name| name).filter(|_| compared)
    }
}

#[cfg(test)]
mod tests {
    use super::Estimate;

    #[test]
    fn an_interval_is_shown_with_the_digits_that_it_is_worth_and_no_end_that_says_nothing() {
        let text = |mean, low, high| Estimate { mean, interval: Some((low, high)), replicates: 3 }.text(4);
        assert_eq!(text(0.25, 0.125, 0.375), "0.25 +- 0.12");
        assert_eq!(text(0.25, 0.2, 0.45), "0.25 (to 0.45)");
        assert_eq!(text(0.75, 0.5, 0.76), "0.75 (from 0.50)");
        // Cut at one end, and narrower than the digits that are shown.
        assert_eq!(text(0.25, 0.25, 0.250_001), "0.2500");
        assert_eq!(text(1.0, 0.999_999, 1.0), "1.0000");
        assert_eq!(Estimate { mean: 0.25, interval: None, replicates: 1 }.text(2), "0.25");
    }
}
