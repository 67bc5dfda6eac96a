//! The metrics of the last step against a swept key, with intervals over replicates: precision, recall,
//! density and coverage against lambda (I 28) with the control (the plain network with its output scaled) and
//! the second paper's own values beside; or against whatever else a sweep varies first.

use super::abscissa::{Abscissa, LAMBDA, abscissas};
use super::captions::{pipeline_name, setting};
use super::file_names::file_names;
use super::model::{Axis, Figure, Form, Ink, Mark, Origin, Panel, PanelRow, Role, Scale};
use super::paper_table::{paper_name, paper_value};
use super::results::Results;
use super::series::strength;
use super::spread::Spread;
use super::statistic::Statistic;
use crate::metrics::scored;
use crate::report::comparison::{Comparison, Line};
use crate::report::point_names::point_name;
use crate::spec::DATA;
use std::collections::HashSet;

/// What is drawn beside the log-likelihood.
const METRICS: [&str; 7] =
    ["precision", "recall", "density", "coverage", "sliced_w2", "energy_distance", "mode_error"];

/// Fraction of the distance between two positions over which the series at one of them are spread.
const SPREAD: f64 = 0.45;

/// More series than this cannot be distinguished.
const MOST_SERIES: usize = 6;

/// One colour and sign: a pipeline with or without control at one point of the other keys.
struct Series<'a> {
    pipeline: &'a str,
    point: String,
    control: bool,
    /// Positions, and the values there.
    values: Vec<(usize, Spread, &'a [String])>,
}

/// A figure for each swept key that takes several values, of which the first is named after none; none where nothing is
/// swept.
pub fn last_step(results: &Results) -> Vec<Figure> {
    let statistic = Statistic::of(results);
    let all = abscissas(results);
    let names: Vec<String> = all.iter().map(|abscissa| abscissa.name.clone()).collect();
    let mut files = file_names("last_step", &names);
    files.first_mut().into_iter().for_each(|file| *file = "last_step".to_string());
    let drawn = all.iter().zip(files).map(|(abscissa, file)| figure(results, &statistic, abscissa, file));
    drawn.flatten().collect()
}

fn figure(results: &Results, statistic: &Statistic, abscissa: &Abscissa, name: String) -> Option<Figure> {
    let paper = (results.keys[abscissa.key] == LAMBDA).then(|| paper_name(results)).flatten();
    let comparison = Comparison::new(&results.summary);
    // One key at a time: the others are held where there are too many of their values to distinguish.
    let held = first_point(results).filter(|_| series_of(results, abscissa) > MOST_SERIES);
    let mut left_out = 0;
    let mut panels = Vec::new();
    for metric in METRICS.into_iter().chain([statistic.column]) {
        let mut series = series(results, &comparison, metric, abscissa, held);
        left_out = left_out.max(series.len().saturating_sub(MOST_SERIES));
        series.truncate(MOST_SERIES);
        let title = match scored::column(metric) {
            _ if metric == statistic.column => statistic.label(),
            Some(column) => column.label(),
            None => metric.to_string(),
        };
        panels.extend(panel(results, (metric, &title), &series, abscissa, paper.as_deref()));
    }
    if panels.is_empty() {
        return None;
    }
    let each = panels.iter().flat_map(|p| &p.marks).any(|mark| matches!(mark, Mark::Points { .. }));
    let bars = panels.iter().flat_map(|p| &p.marks).any(|mark| match mark {
        Mark::Intervals { low, high, .. } => low != high,
        _ => false,
    });
    let rows = panels.chunks(2).map(|pair| PanelRow {
        title: String::new(),
        role: Role::Data,
        form: Form::Ratio(0.6),
        panels: pair.to_vec(),
    });
    let mut note = statistic.why.clone() + "Dots: means over replicates";
    note += if bars { "; bars: their 95 % intervals." } else { "." };
    if each {
        note += " Small dots: each replicate; fewer than 5 are too few for an interval.";
    }
    if paper.is_some() {
        note += " Paper: Table 1 of Iso-Diffusion, at the lambda that served best, which it does not name.";
    }
    if let Some(held) = held {
        let others = abscissa.others(results);
        let (keys, values) = abscissa.at(results, &others, held);
        note += &format!(
            " The other keys are held: {}; all of them are in summary.csv.",
            point_name(&keys, &values)
        );
    }
    if left_out > 0 {
        note += &format!(" {left_out} more lines of the sweep are in summary.csv.");
    }
    let what = if results.keys[abscissa.key] == LAMBDA {
        "lambda, the weight of the isotropy term"
    } else {
        &abscissa.name
    };
    Some(Figure {
        name,
        title: format!("Metrics of the last step against {what}"),
        setting: setting(results),
        note,
        rows: rows.collect(),
    })
}

/// The first sweep point of the summary.
fn first_point(results: &Results) -> Option<&[String]> {
    results.summary.iter().find(|row| row.pipeline != DATA).map(|row| row.values.as_slice())
}

/// How many series there are where no key is held.
fn series_of(results: &Results, abscissa: &Abscissa) -> usize {
    let rows = results.summary.iter().filter(|row| row.pipeline != DATA);
    let kinds = rows.map(|row| {
        let others = (0..row.values.len()).filter(|&k| k != abscissa.key);
        (&row.pipeline, others.map(|k| &row.values[k]).collect::<Vec<_>>())
    });
    kinds.collect::<HashSet<_>>().len()
}

/// The values of a metric by pipeline, control and the values of all other keys, which may be held at those of a point.
fn series<'a>(
    results: &'a Results,
    comparison: &Comparison<'a>,
    metric: &str,
    abscissa: &Abscissa,
    held: Option<&[String]>,
) -> Vec<Series<'a>> {
    let others = abscissa.others(results);
    let mut list: Vec<Series> = Vec::new();
    for row in results.summary.iter().filter(|row| row.metric == metric && row.pipeline != DATA) {
        let at = abscissa.values.iter().position(|name| Some(name) == row.values.get(abscissa.key));
        let Some(at) = at else { continue };
        if held.is_some_and(|held| others.iter().any(|&k| row.values.get(k) != held.get(k))) {
            continue;
        }
        let line = Line::Pipeline(&row.pipeline, &row.values);
        let Some(spread) = Spread::of(results, comparison, line, metric) else { continue };
        let control = abscissa.control.and_then(|k| row.values.get(k)).is_some_and(|v| v == "true");
        let (keys, values) = abscissa.at(results, &others, &row.values);
        let point = if held.is_some() { String::new() } else { point_name(&keys, &values) };
        let pipeline = row.pipeline.as_str();
        let same = |s: &&mut Series| s.pipeline == pipeline && s.point == point && s.control == control;
        match list.iter_mut().find(same) {
            Some(series) => series.values.push((at, spread, row.values.as_slice())),
            None => {
                let values = vec![(at, spread, row.values.as_slice())];
                list.push(Series { pipeline, point, control, values });
            }
        }
    }
    list.sort_by_key(|series| results.pipelines.iter().position(|name| name == series.pipeline));
    list
}

impl Series<'_> {
    /// What it is, for the figure's key.
    fn label(&self, abscissa: &Abscissa) -> String {
        let what = match (abscissa.control, self.control) {
            (None, _) => "",
            (_, true) => "control: output scaled",
            (_, false) => "lambda in the loss",
        };
        let parts = [pipeline_name(self.pipeline), &self.point, what];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn marks(&self, abscissa: &Abscissa, ink: Ink, shift: f64) -> Vec<Mark> {
        let ends: Vec<(f64, f64)> =
            self.values.iter().map(|(_, s, _)| s.interval.unwrap_or((s.mean, s.mean))).collect();
        let label = self.label(abscissa);
        let dots = self.values.iter().filter_map(|(at, s, point)| {
            Some(s.dots(&label, ink, *at as f64 + shift)?.of(self.pipeline, point))
        });
        let origin = |point: &[String]| Origin { pipeline: self.pipeline.to_string(), point: point.to_vec() };
        let means = Mark::Intervals {
            origins: self.values.iter().map(|(.., point)| origin(point)).collect(),
            label: label.clone(),
            ink,
            open: self.control,
            x: self.values.iter().map(|(at, ..)| *at as f64 + shift).collect(),
            y: self.values.iter().map(|(_, s, _)| s.mean).collect(),
            low: ends.iter().map(|(low, _)| *low).collect(),
            high: ends.iter().map(|(_, high)| *high).collect(),
        };
        dots.chain([means]).collect()
    }
}

fn panel(
    results: &Results,
    (metric, title): (&str, &str),
    series: &[Series],
    abscissa: &Abscissa,
    paper: Option<&str>,
) -> Option<Panel> {
    let mut marks = Vec::new();
    let mut points: Vec<&str> = Vec::new();
    for series in series {
        if !points.contains(&series.point.as_str()) {
            points.push(&series.point);
        }
    }
    let count = series.len() as f64;
    for (i, series) in series.iter().enumerate() {
        let shift = SPREAD * ((i as f64 + 0.5) / count - 0.5);
        let at = points.iter().position(|p| *p == series.point).unwrap_or(0);
        let ink = Ink { role: results.role(series.pipeline), strength: strength(at, points.len()) };
        marks.extend(series.marks(abscissa, ink, shift));
    }
    if marks.is_empty() {
        return None;
    }
    let mut names = abscissa.tick_names();
    if let Some((ddpm, iso)) = paper.and_then(|data| paper_value(data, metric)) {
        let at = names.len() as f64;
        let y = vec![ddpm, iso];
        let (low, high) = (y.clone(), y.clone());
        let (label, ink) = ("the paper".to_string(), Role::Paper.into());
        marks.push(Mark::Intervals {
            origins: Vec::new(),
            label,
            ink,
            open: false,
            x: vec![at, at + 1.0],
            y,
            low,
            high,
        });
        names.extend(["paper,\nDDPM".to_string(), "paper,\nIso".to_string()]);
    }
    let mut values: Vec<f64> = marks
        .iter()
        .flat_map(|mark| match mark {
            Mark::Intervals { low, high, .. } => low.iter().chain(high).copied().collect(),
            Mark::Points { y, .. } => y.clone(),
            _ => Vec::new(),
        })
        .collect();
    let end = names.len() as f64 - 0.5;
    if let Some(real) = Spread::of_real_points(results, metric) {
        values.extend(real.values());
        marks.splice(0..0, real.level(end));
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let pad = 0.08 * (high - low).max(1e-3);
    let x = Axis { label: abscissa.name.clone(), scale: Scale::Named(names), low: -0.5, high: end };
    Some(Panel {
        title: title.to_string(),
        x,
        y: Axis::linear("", low - pad, high + pad),
        colour: None,
        marks,
    })
}
