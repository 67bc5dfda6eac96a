//! What diffusion did to the samples of each map: every metric of the map alone (step 0) and of the samples (last step),
//! beside fresh real points.

use super::captions::{pipeline_name, setting};
use super::model::{Axis, Figure, Form, Ink, Mark, Panel, PanelRow, Role, Scale, Stroke};
use super::results::Results;
use super::series::changed_keys;
use super::spread::Spread;
use super::statistic::Statistic;
use crate::metrics::scored;
use crate::report::comparison::{Comparison, Line};
use crate::report::point_names::point_name;
use std::collections::HashSet;

/// What is compared beside the log-likelihood: distances to the real points, the less the better.
const DISTANCES: [&str; 3] = ["sliced_w2", "energy_distance", "mode_error"];

/// Half the distance between the map alone and the samples of a pipeline, in units of the distance between pipelines.
const APART: f64 = 0.14;

/// Sweep points of one pipeline at most.
const MOST_POINTS: usize = 10;

/// Distances of which the largest is so many times the smallest are shown by their logarithm.
const LOG_FROM: f64 = 6.0;

/// Pixels of height that one place takes, at the usual width of a panel.
const PLACE: f64 = 0.19;

/// A place along the vertical axis.
struct Place<'a> {
    name: String,
    role: Role,
    line: Line<'a>,
}

/// The figure; none where no pipeline has a map of its own, or the map alone was not scored.
pub fn ends(results: &Results) -> Option<Figure> {
    let comparison = Comparison::new(&results.summary);
    let lines: Vec<Line> = comparison.lines();
    let pipelines = lines.iter().filter(|line| matches!(line, Line::Pipeline(..)));
    if !pipelines.clone().any(|line| comparison.has_map(line.pipeline(), line.values())) {
        return None;
    }
    let points = points_with_one_key_changed(pipelines.clone().map(|line| line.values()));
    let statistic = Statistic::of(results);
    let columns: Vec<&str> = DISTANCES.into_iter().chain([statistic.column]).collect();
    let real = lines.iter().find(|line| matches!(line, Line::Real(_))).map(|line| Place {
        name: pipeline_name("data").to_string(),
        role: Role::Data,
        line: *line,
    });
    let mut left_out = 0;
    let mut groups: Vec<(String, Role, Vec<Place>)> = Vec::new();
    for name in &results.pipelines {
        let mine = pipelines.clone().filter(|line| line.pipeline() == name);
        let (shown, more): (Vec<Line>, Vec<Line>) = mine.partition(|line| points.contains(&line.values()));
        left_out = left_out.max(more.len());
        let role = results.role(name);
        let place = |line: Line<'_>| -> (String, Role) { (point_name(&results.keys, line.values()), role) };
        let places: Vec<Place> = shown
            .into_iter()
            .map(|line| {
                let (name, role) = place(line);
                Place { name, role, line }
            })
            .collect();
        if !places.is_empty() {
            groups.push((pipeline_name(name).to_string(), role, places));
        }
    }
    // One point of a sweep: a place for each pipeline. Several: a row for each pipeline, a place for each point.
    let alone = points.len() < 2;
    if alone {
        let places = groups.into_iter().flat_map(|(name, _, places)| {
            places.into_iter().map(move |place| Place { name: name.clone(), ..place })
        });
        groups = vec![(String::new(), Role::Data, places.collect())];
    }
    let draft = Draft { results, comparison: &comparison, real: real.as_ref() };
    let mut rows = Vec::new();
    for (title, role, places) in &groups {
        let panels: Vec<Panel> =
            columns.iter().filter_map(|metric| draft.panel(metric, &statistic, places)).collect();
        let height = PLACE * (places.len() + usize::from(real.is_some())) as f64;
        let form = Form::Ratio(height * panels.len() as f64 / 4.0);
        rows.push(PanelRow { title: title.clone(), role: *role, form, panels });
    }
    rows.retain(|row| !row.panels.is_empty());
    share_axes(&mut rows);
    let marks = || rows.iter().flat_map(|row| &row.panels).flat_map(|panel| &panel.marks);
    let few = marks().any(|mark| matches!(mark, Mark::Points { .. }));
    let intervals = marks().any(|mark| match mark {
        Mark::Intervals { low, high, .. } => low.iter().zip(high).any(|(low, high)| low < high),
        Mark::Level { band, .. } => band.is_some(),
        _ => false,
    });
    let note = [
        statistic.why.trim_end(),
        "Dashed: fresh real points, the floor.",
        if few {
            "Small dots: each replicate; fewer than 5 are too few for an interval."
        } else if intervals {
            "Bars and band: 95 % intervals of the mean over replicates."
        } else {
            ""
        },
        "Thin lines join a map alone and what diffusion made of its samples.",
    ];
    let mut note = note.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    if left_out > 0 {
        note += &format!(
            " Shown are the points that differ from the first in one key; {left_out} more are in summary.csv."
        );
    }
    (!rows.is_empty()).then(|| Figure {
        name: "ends".to_string(),
        title: "What diffusion did to the samples of each map".to_string(),
        setting: setting(results),
        note,
        rows,
    })
}

/// The first point, and those that differ from it in one key: all of one key before those of the next.
fn points_with_one_key_changed<'a>(all: impl Iterator<Item = &'a [String]>) -> Vec<&'a [String]> {
    let mut seen = HashSet::new();
    let mut points: Vec<&[String]> = all.filter(|values| seen.insert(*values)).collect();
    if points.len() <= MOST_POINTS {
        return points;
    }
    let first = points[0];
    points.retain(|values| changed_keys(first, values).len() <= 1);
    points.sort_by_key(|values| changed_keys(first, values));
    points.truncate(MOST_POINTS);
    points
}

/// The horizontal axis of a metric is the same in all rows.
fn share_axes(rows: &mut [PanelRow]) {
    let columns = rows.iter().map(|row| row.panels.len()).max().unwrap_or(0);
    for c in 0..columns {
        let axes = || rows.iter().filter_map(|row| row.panels.get(c)).map(|panel| &panel.x);
        let low = axes().map(|axis| axis.low).fold(f64::INFINITY, f64::min);
        let high = axes().map(|axis| axis.high).fold(f64::NEG_INFINITY, f64::max);
        let even = axes().any(|axis| axis.scale == Scale::Linear);
        for panel in rows.iter_mut().filter_map(|row| row.panels.get_mut(c)) {
            (panel.x.low, panel.x.high) = (low, high);
            if even {
                panel.x.scale = Scale::Linear;
            }
        }
    }
}

struct Draft<'a> {
    results: &'a Results,
    comparison: &'a Comparison<'a>,
    real: Option<&'a Place<'a>>,
}

impl<'a> Draft<'a> {
    fn spread(&self, line: Line<'a>, metric: &str) -> Option<Spread> {
        Spread::of(self.results, self.comparison, line, metric)
    }

    /// One metric of some places; none where it was not scored.
    fn panel(&self, metric: &str, statistic: &Statistic, places: &[Place<'a>]) -> Option<Panel> {
        let of_likelihood = metric == statistic.column;
        let mut marks = Vec::new();
        // An interval may reach 0, which no logarithmic axis has: the axis is that of the means and replicates.
        let (mut values, mut ends): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        for (i, place) in places.iter().enumerate() {
            let at = i as f64;
            let after = self.spread(place.line, metric);
            let (pipeline, point) = (place.line.pipeline(), place.line.values());
            let map = self.comparison.has_map(pipeline, point).then_some(Line::MapAlone(pipeline, point));
            let map = map.and_then(|map| self.spread(map, metric));
            let name = &place.name;
            if let (Some(map), Some(after)) = (&map, &after) {
                let joined = Mark::Line {
                    origins: Vec::new(),
                    label: format!("{name}, from the map alone to after diffusion"),
                    named: false,
                    ink: Ink { role: place.role, strength: 0.6 },
                    stroke: Stroke::Thin,
                    x: vec![at - APART, at + APART],
                    y: vec![map.mean, after.mean],
                    low: Vec::new(),
                    high: Vec::new(),
                };
                marks.push(joined.of(pipeline, point));
            }
            let at = [at - APART, if map.is_some() { at + APART } else { at }];
            for (spread, at, open) in [(map, at[0], true), (after, at[1], false)] {
                let Some(spread) = spread else { continue };
                let label =
                    if open { "the map alone (step 0)" } else { "the samples, after diffusion (last step)" };
                let own = spread.marks(label, &format!("{name}, {label}"), place.role, open, at);
                marks.extend(own.into_iter().map(|mark| mark.of(pipeline, point)));
                values.extend(spread.points());
                ends.extend(spread.values());
            }
        }
        if values.is_empty() {
            return None;
        }
        let mut names: Vec<String> = places.iter().map(|place| place.name.clone()).collect();
        if let Some(spread) = self.real.and_then(|real| self.spread(real.line, metric)) {
            let at = names.len() as f64;
            values.extend(spread.points());
            ends.extend(spread.values());
            let level = Mark::Level {
                label: "real points".to_string(),
                ink: Role::Data.into(),
                y: spread.mean,
                band: spread.interval,
            };
            marks.insert(0, level);
            marks.extend(spread.marks("real points", "real points, real points", Role::Data, false, at));
        }
        if let Some(real) = self.real {
            names.push(real.name.clone());
        }
        let scale = if of_likelihood { Scale::Linear } else { scale(&values) };
        let label = if of_likelihood { "nats; best at real points" } else { "less is better" };
        let (low, high) = axis_ends(&values, &ends, &scale);
        let title = scored::column(metric).map_or(metric, |column| column.heading).to_string();
        // The first place is on top.
        let bottom = names.len() as f64 - 0.5;
        Some(Panel {
            title: if of_likelihood { format!("{} log-likelihood", statistic.name) } else { title },
            x: Axis { label: label.to_string(), scale, low, high },
            y: Axis { label: String::new(), scale: Scale::Named(names), low: bottom, high: -0.5 },
            colour: None,
            marks,
        })
    }
}

/// Logarithmic where all values are positive and far apart.
pub fn scale(values: &[f64]) -> Scale {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    if low > 0.0 && high > LOG_FROM * low { Scale::Log } else { Scale::Linear }
}

/// The ends of an axis that shows all values and the ends of their intervals; on a logarithmic one an interval that goes
/// far below all values is cut off.
pub fn axis_ends(values: &[f64], ends: &[f64], scale: &Scale) -> (f64, f64) {
    let lowest = |list: &[f64]| list.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if *scale == Scale::Log {
        return (0.8 * lowest(ends).max(0.5 * lowest(values)), 1.25 * high);
    }
    let low = lowest(ends);
    let pad = 0.06 * (high - low).max(1e-9);
    (low - pad, high + pad)
}
