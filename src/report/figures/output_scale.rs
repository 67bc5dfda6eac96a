//! The last step against the factor on the predicted noise: what `sample.epsilon_scale` does to the plain network, with
//! the networks of the isotropy loss (I 28) at the scale that their predictions have.

use super::along::{Draft, spread_note};
use super::captions::{pipeline_name, setting};
use super::ends::axis_ends;
use super::model::{Axis, Figure, Form, Mark, Origin, Panel, PanelRow, Role, Scale, Stroke};
use super::results::Results;
use super::spread::Spread;
use crate::metrics::scored;
use crate::report::comparison::Line;
use crate::report::point_names::point_name;
use crate::run::{FinishedRun, RunError};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

const LAMBDA: &str = "train.isotropy.lambda";
const CONTROL: &str = "train.isotropy.control";
const SCALE: &str = "sample.epsilon_scale";

/// The row of the summary with the factor of a control.
const CONTROL_SCALE: &str = "control_scale";

/// The metrics of the second paper's Table 1.
const METRICS: [&str; 4] = ["precision", "recall", "density", "coverage"];

/// What the networks of the loss are called.
const OF_LOSS: &str = "trained with the isotropy term";

/// A sweep point of a pipeline.
struct Point<'a> {
    pipeline: &'a str,
    values: &'a [String],
    /// The values of the other keys, in words.
    group: String,
    lambda: f64,
    /// What the output is multiplied by when sampling.
    factor: f64,
    /// Whether the isotropy term was in the loss.
    in_loss: bool,
}

impl Point<'_> {
    fn origin(&self) -> Origin {
        Origin { pipeline: self.pipeline.to_string(), point: self.values.to_vec() }
    }
}

/// A pipeline and the values of a sweep point.
type Place<'a> = (&'a str, &'a [String]);

impl<'a> Point<'a> {
    fn place(&self) -> Place<'a> {
        (self.pipeline, self.values)
    }
}

/// The figure; none where `sample.epsilon_scale` is not swept beside `train.isotropy.lambda`.
///
/// # Errors
/// If a run cannot be read back.
pub fn output_scale(results: &Results) -> Result<Option<Figure>, RunError> {
    if ![LAMBDA, SCALE].iter().all(|key| results.keys.iter().any(|own| own == key)) {
        return Ok(None);
    }
    let draft = Draft::new(results);
    let points = points(&draft);
    let measured = measured(results, &points)?;
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for point in &points {
        if !groups.contains(&(point.pipeline, &point.group)) {
            groups.push((point.pipeline, &point.group));
        }
    }
    let mut rows = Vec::new();
    let alone = groups.len() == 1;
    for (pipeline, group) in groups {
        let own: Vec<&Point> =
            points.iter().filter(|p| (p.pipeline, p.group.as_str()) == (pipeline, group)).collect();
        let title = [pipeline_name(pipeline), group].into_iter().filter(|part| !part.is_empty() && !alone);
        let title = title.collect::<Vec<_>>().join(", ");
        let panels = METRICS.iter().filter_map(|metric| panel(&draft, metric, &own, &measured));
        let panels: Vec<Panel> = panels.collect();
        if !panels.is_empty() {
            rows.push(PanelRow { title, role: results.role(pipeline), form: Form::Ratio(0.8), panels });
        }
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let mut note = format!(
        "Line: the plain network (lambda = 0) with its output multiplied. Level: fresh real points, the floor. {}",
        spread_note(&rows)
    );
    let placed: Vec<String> = points
        .iter()
        .filter(|point| point.in_loss)
        .filter_map(|point| Some(format!("{} at {:.4}", point.lambda, measured.get(&point.place())?)))
        .collect();
    if !placed.is_empty() {
        note += &format!(
            " Open: networks trained with the isotropy term, at the scale of their predictions over the plain network's: lambda {}.",
            placed.join(", ")
        );
    }
    Ok(Some(Figure {
        name: "output_scale".to_string(),
        title: "Quality of the samples against the scale of the predicted noise".to_string(),
        setting: setting(results),
        note,
        rows,
    }))
}

/// The sweep points whose lambda is known.
fn points<'a>(draft: &Draft<'a>) -> Vec<Point<'a>> {
    let results = draft.results;
    let at = |key: &str| results.keys.iter().position(|own| own == key);
    let (lambda, scale, control) = (at(LAMBDA), at(SCALE), at(CONTROL));
    let rest: Vec<usize> =
        (0..results.keys.len()).filter(|&k| ![lambda, scale, control].contains(&Some(k))).collect();
    let keys: Vec<String> = rest.iter().map(|&k| results.keys[k].clone()).collect();
    let point = |line: Line<'a>| {
        let Line::Pipeline(pipeline, values) = line else { return None };
        let lambda: f64 = values[lambda?].parse().ok()?;
        let scale: f64 = values[scale?].parse().ok()?;
        let control = control.is_some_and(|k| values[k] == "true");
        let by_control = draft.comparison.value(line, CONTROL_SCALE).map_or(1.0, |estimate| estimate.mean);
        let others: Vec<String> = rest.iter().map(|&k| values[k].clone()).collect();
        let group = point_name(&keys, &others);
        Some(Point {
            pipeline,
            values,
            group,
            lambda,
            factor: scale * by_control,
            in_loss: lambda != 0.0 && !control,
        })
    };
    draft.comparison.lines().into_iter().filter_map(point).collect()
}

/// The scale of the predictions of the networks of the loss over those of the plain network, the mean over replicates,
/// by sweep point.
fn measured<'a>(results: &Results, points: &[Point<'a>]) -> Result<HashMap<Place<'a>, f64>, RunError> {
    let scales = |point: &Point| -> Result<HashMap<usize, f64>, RunError> {
        let mut found = HashMap::new();
        for (folder, status) in &results.runs {
            let label = &status.label;
            if label.pipeline == point.pipeline && label.values == point.values {
                let scale = FinishedRun::open(folder)?.output_scale()?;
                found.extend(scale.map(|scale| (label.replicate, scale.output_scale)));
            }
        }
        Ok(found)
    };
    let mut means = HashMap::new();
    // A plain network is that of several lambdas, and its runs are measured once.
    let mut plain_scales: HashMap<Place, HashMap<usize, f64>> = HashMap::new();
    for point in points.iter().filter(|point| point.in_loss) {
        let is_plain = |other: &&Point| {
            other.lambda == 0.0
                && other.factor == 1.0
                && (other.pipeline, &other.group) == (point.pipeline, &point.group)
        };
        let Some(plain) = points.iter().find(is_plain) else { continue };
        let own = scales(point)?;
        let plain = match plain_scales.entry(plain.place()) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(place) => place.insert(scales(plain)?),
        };
        let ratios: Vec<f64> =
            own.iter().filter_map(|(replicate, scale)| Some(scale / plain.get(replicate)?)).collect();
        if !ratios.is_empty() {
            means.insert(point.place(), ratios.iter().sum::<f64>() / ratios.len() as f64);
        }
    }
    Ok(means)
}

/// A metric against the factor.
fn panel(draft: &Draft, metric: &str, points: &[&Point], measured: &HashMap<Place, f64>) -> Option<Panel> {
    let results = draft.results;
    let spread = |point: &Point| draft.spread(Line::Pipeline(point.pipeline, point.values), metric);
    let mut plain: Vec<(f64, Spread, Origin)> = points
        .iter()
        .filter(|p| !p.in_loss)
        .filter_map(|p| Some((p.factor, spread(p)?, p.origin())))
        .collect();
    plain.sort_by(|a, b| a.0.total_cmp(&b.0));
    // lambda = 0 with factor 1 may stand for several points of the sweep.
    plain.dedup_by_key(|(factor, ..)| *factor);
    let of_loss: Vec<(f64, Spread, Origin)> = points
        .iter()
        .filter(|p| p.in_loss)
        .filter_map(|p| Some((*measured.get(&p.place())?, spread(p)?, p.origin())))
        .collect();
    let role = results.role(points.first()?.pipeline);
    let (first, last) = (plain.first()?.0, plain.last()?.0);
    let all = || plain.iter().chain(&of_loss);
    let low_x = all().fold(first, |low, (x, ..)| low.min(*x));
    let high_x = all().fold(last, |high, (x, ..)| high.max(*x));
    let margin = 0.03 * (high_x - low_x).max(1e-3);
    let x = Axis::linear("factor on the output", low_x - margin, high_x + margin);
    let real = Spread::of_real_points(results, metric);
    let means: Vec<f64> =
        all().map(|(_, spread, _)| spread.mean).chain(real.iter().map(|real| real.mean)).collect();
    let ends: Vec<f64> = all()
        .map(|(_, spread, _)| spread)
        .chain(&real)
        .flat_map(|spread| spread.values().collect::<Vec<_>>())
        .collect();
    let (low, high) = axis_ends(&means, &ends, &Scale::Linear);
    let mut marks: Vec<Mark> = real.iter().flat_map(|real| real.level(x.high)).collect();
    let name = "the plain network, its output multiplied";
    marks.push(Mark::Line {
        origins: plain.iter().map(|(.., origin)| origin.clone()).collect(),
        label: name.to_string(),
        named: false,
        ink: role.into(),
        stroke: Stroke::Normal,
        x: plain.iter().map(|(x, ..)| *x).collect(),
        y: plain.iter().map(|(_, spread, _)| spread.mean).collect(),
        low: Vec::new(),
        high: Vec::new(),
    });
    for (x, spread, origin) in &plain {
        marks.extend(spread.marks(name, name, role, false, *x).into_iter().map(|mark| origin.on(mark)));
    }
    for (x, spread, origin) in &of_loss {
        let own = spread.marks(OF_LOSS, OF_LOSS, Role::Gaussianized, true, *x);
        marks.extend(own.into_iter().map(|mark| origin.on(mark)));
    }
    let label = scored::column(metric).map_or_else(|| metric.to_string(), |column| column.label());
    let y = Axis { label, scale: Scale::Linear, low, high };
    Some(Panel { title: String::new(), x, y, colour: None, marks })
}
