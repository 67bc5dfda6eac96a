//! Metrics of the last step along a number that each run has: how often it asked its network, or where it began.

use super::captions::pipeline_name;
use super::ends::{axis_ends, scale};
use super::model::{Axis, Form, Mark, Panel, PanelRow, Role, Scale, Stroke};
use super::results::Results;
use super::spread::Spread;
use super::statistic::Statistic;
use crate::diffusion::SamplerKind;
use crate::metrics::scored;
use crate::report::comparison::{Comparison, Line};
use crate::report::point_names::point_name;
use crate::spec::DATA;

/// What is drawn beside the log-likelihood: distances to the real points, the less the better.
const DISTANCES: [&str; 2] = ["sliced_w2", "mode_error"];

/// How far below the real points' a log-likelihood is shown, nats: a few steps can take samples anywhere.
const NATS_BELOW: f64 = 2.5;

/// The key that names the sampler.
const SAMPLER: &str = "sample.sampler";

/// The runs of one pipeline that differ in one key of the sweep.
pub struct Series<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// The values of the other keys, in words; the sampler's first.
    pub group: String,
    /// The sampler, where it is swept.
    pub sampler: Option<String>,
    /// The values of the keys beside the sampler's, in words.
    pub rest: String,
    /// Its sweep points, each with the number that they are drawn along, rising.
    pub points: Vec<(f64, &'a [String])>,
}

/// Every pipeline's sweep points along the row `number` of the summary, grouped by the keys other than `free`; with each
/// point its value of `free`, of which those are left out that `shown` does not want.
pub fn series<'a>(
    results: &'a Results,
    number: &str,
    free: &str,
    shown: &dyn Fn(&str) -> bool,
) -> Vec<Series<'a>> {
    let mut list: Vec<Series> = Vec::new();
    let free = results.keys.iter().position(|key| key == free);
    let others: Vec<usize> = (0..results.keys.len()).filter(|&k| Some(k) != free).collect();
    let keys: Vec<String> = others.iter().map(|&k| results.keys[k].clone()).collect();
    for row in results.summary.iter().filter(|row| row.metric == number && row.pipeline != DATA) {
        if !free.is_none_or(|k| shown(&row.values[k])) {
            continue;
        }
        let values: Vec<String> = others.iter().map(|&k| row.values[k].clone()).collect();
        let sampler = keys.iter().position(|key| key == SAMPLER).map(|k| sampler_title(&values[k]));
        let kept = |i: &usize| keys[*i] != SAMPLER;
        let beside: (Vec<String>, Vec<String>) =
            (0..keys.len()).filter(kept).map(|i| (keys[i].clone(), values[i].clone())).unzip();
        let rest = point_name(&beside.0, &beside.1);
        let parts = [sampler.as_deref().unwrap_or_default(), &rest];
        let group = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        let point = (row.numbers.mean, row.values.as_slice());
        match list.iter_mut().find(|s| s.pipeline == row.pipeline && s.group == group) {
            Some(series) => series.points.push(point),
            None => {
                list.push(Series { pipeline: &row.pipeline, group, sampler, rest, points: vec![point] });
            }
        }
    }
    for series in &mut list {
        series.points.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Runs that take the same steps are the same runs.
        series.points.dedup_by_key(|point| point.0);
    }
    list.sort_by_key(|series| results.pipelines.iter().position(|name| name == series.pipeline));
    list
}

/// The name of a sampler by its value in a spec.
fn sampler_title(value: &str) -> String {
    let named: Result<SamplerKind, _> = serde_json::from_value(value.into());
    named.map_or_else(|_| value.to_string(), |kind| kind.title().to_string())
}

/// What the figures draw from.
pub struct Draft<'a> {
    /// The folder.
    pub results: &'a Results,
    /// Its summary.
    pub comparison: Comparison<'a>,
    /// How the log-likelihood is drawn.
    pub statistic: Statistic,
}

impl<'a> Draft<'a> {
    /// Of a folder.
    pub fn new(results: &'a Results) -> Self {
        Self { results, comparison: Comparison::new(&results.summary), statistic: Statistic::of(results) }
    }

    /// The spread of a line of the summary in a metric.
    pub fn spread(&self, line: Line<'a>, metric: &str) -> Option<Spread> {
        Spread::of(self.results, &self.comparison, line, metric)
    }

    /// A line through the means of a series in a metric, and a dot with its interval at each.
    pub fn curve(&self, series: &Series<'a>, metric: &str) -> Vec<Mark> {
        let name = pipeline_name(series.pipeline);
        let dots = self.dots(series, metric, name, false);
        let means = || dots.iter().filter(|mark| matches!(mark, Mark::Intervals { .. }));
        let origins = means().flat_map(|mark| mark.origins().to_vec()).collect();
        let number = |mark: &Mark| match mark {
            Mark::Intervals { x, y, .. } => Some((x[0], y[0])),
            _ => None,
        };
        let (x, y): (Vec<f64>, Vec<f64>) = means().filter_map(number).unzip();
        let line = Mark::Line {
            origins,
            label: name.to_string(),
            named: false,
            ink: self.results.role(series.pipeline).into(),
            stroke: if series.pipeline == "exact" { Stroke::Dashed } else { Stroke::Normal },
            x,
            y,
            low: Vec::new(),
            high: Vec::new(),
        };
        (!dots.is_empty()).then_some(line).into_iter().chain(dots).collect()
    }

    /// A dot with its interval at each point of a series in a metric; `name` is what the figure's key says of them.
    pub fn dots(&self, series: &Series<'a>, metric: &str, name: &str, open: bool) -> Vec<Mark> {
        let role = self.results.role(series.pipeline);
        let dot = |&(x, values): &(f64, &'a [String])| {
            let spread = self.spread(Line::Pipeline(series.pipeline, values), metric)?;
            let marks = spread.marks(name, name, role, open, x).into_iter();
            Some(marks.map(|mark| mark.of(series.pipeline, values)).collect::<Vec<_>>())
        };
        series.points.iter().filter_map(dot).flatten().collect()
    }

    /// A row of panels for each group, a panel for each metric; `marks` makes those of a group in a metric.
    pub fn rows(
        &self,
        groups: &[&str],
        x: &Axis,
        form: Form,
        marks: impl Fn(&str, &str) -> Vec<Mark>,
    ) -> Vec<PanelRow> {
        let metrics = DISTANCES.into_iter().chain([self.statistic.column]);
        let columns = metrics.map(|metric| {
            let lists = groups.iter().map(|group| (group.to_string(), marks(group, metric))).collect();
            panels(self.results, &self.statistic, metric, x, lists).into_iter()
        });
        let mut columns: Vec<_> = columns.collect();
        let row = |_: &&str| PanelRow {
            title: String::new(),
            role: Role::Data,
            form,
            panels: columns.iter_mut().filter_map(Iterator::next).collect(),
        };
        groups.iter().map(row).collect()
    }
}

/// The groups that have a series of several points, in the order of the series.
pub fn groups<'s>(list: &'s [Series]) -> Vec<&'s str> {
    let mut groups: Vec<&str> = Vec::new();
    for series in list.iter().filter(|series| series.points.len() > 1) {
        if !groups.contains(&series.group.as_str()) {
            groups.push(&series.group);
        }
    }
    groups
}

/// The means and ends of intervals among the marks.
fn numbers(marks: &[Mark]) -> (Vec<f64>, Vec<f64>) {
    let (mut means, mut ends) = (Vec::new(), Vec::new());
    for mark in marks {
        match mark {
            Mark::Intervals { y, low, high, .. } => {
                means.extend(y);
                ends.extend(low.iter().chain(high));
            }
            Mark::Points { y, .. } => ends.extend(y),
            _ => {}
        }
    }
    (means, ends)
}

/// A panel for each list of marks in one metric, on axes that all of them share, with fresh real points as a level.
fn panels(
    results: &Results,
    statistic: &Statistic,
    metric: &str,
    x: &Axis,
    lists: Vec<(String, Vec<Mark>)>,
) -> Vec<Panel> {
    let real = Spread::of_real_points(results, metric);
    let all: Vec<Mark> = lists.iter().flat_map(|(_, marks)| marks.clone()).collect();
    let (mut means, mut ends) = numbers(&all);
    let of_likelihood = metric == statistic.column;
    if let Some(real) = &real {
        means.push(real.mean);
        ends.extend(real.values());
    }
    ends.extend(&means);
    let scale = if of_likelihood { Scale::Linear } else { scale(&means) };
    let (mut low, mut high) = axis_ends(&means, &ends, &scale);
    if let (true, Some(real)) = (of_likelihood, &real) {
        // Intervals of a few wild replicates reach anywhere too.
        let best = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        low = low.max(real.mean - NATS_BELOW);
        high = high.min(best + 0.1 * (best - low));
    }
    let label = match scored::column(metric) {
        _ if of_likelihood => statistic.label(),
        Some(column) => column.label(),
        None => metric.to_string(),
    };
    let panel = |(title, marks): (String, Vec<Mark>)| {
        let level = real.iter().flat_map(|real| real.level(x.high));
        Panel {
            title,
            x: x.clone(),
            y: Axis { label: label.clone(), scale: scale.clone(), low, high },
            colour: None,
            marks: level.chain(marks).collect(),
        }
    };
    lists.into_iter().map(panel).collect()
}

/// The part of a caption about intervals.
pub fn spread_note(rows: &[PanelRow]) -> &'static str {
    let marks = || rows.iter().flat_map(|row| &row.panels).flat_map(|panel| &panel.marks);
    let bars = marks().any(|mark| match mark {
        Mark::Intervals { low, high, .. } => low != high,
        _ => false,
    });
    if marks().any(|mark| matches!(mark, Mark::Points { .. })) {
        "Small dots: each replicate; fewer than 5 are too few for an interval."
    } else if bars {
        "Bars: 95 % intervals of the mean over replicates."
    } else {
        "Dots: means over replicates, of which fewer than 5 are too few for an interval."
    }
}
