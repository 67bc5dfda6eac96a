//! Figs. 4-6 of the second paper: real points by the radius of their k-NN sphere, generated points by the
//! number of real spheres that hold them.

use super::captions::{count, pipeline_name, setting};
use super::clouds::{Frame, PAIRS};
use super::model::{ColourBar, Figure, Form, Mark, Origin, Panel, PanelRow, Role};
use super::results::Results;
use crate::data::table::{self, TableOptions};
use crate::metrics::RealManifold;
use crate::report::point_names::point_name;
use crate::run::{FinishedRun, RunError};
use crate::store::{StoreError, names};
use ndarray::{Array2, s};

/// Points of each panel, and where every pair of axes has a panel.
const POINTS: usize = 4000;
const POINTS_BY_PAIRS: usize = 1500;

/// Panels side by side at most; narrower ones have no room for their colour scales.
const COLUMNS: usize = 4;

/// The colour scale ends at this quantile of the values: a few outliers would use up all colours.
const COLOURED: f64 = 0.98;

/// The key whose smallest and largest values are compared before all others.
const LAMBDA: &str = "train.isotropy.lambda";

/// Margin around the real points.
const MARGIN: f64 = 1.12;

/// The figure; none in one dimension or without finished runs.
///
/// # Errors
/// If a run's files are damaged.
pub fn spheres(results: &Results) -> Result<Option<Figure>, RunError> {
    let chosen = chosen(results);
    let Some((first, _)) = chosen.first().and_then(|(pipeline, values)| results.run(pipeline, values)) else {
        return Ok(None);
    };
    let replay = FinishedRun::open(first)?;
    let (dim, k) = (replay.plan().data.source.dim(), replay.plan().metrics.k);
    let reference = replay.reference()?;
    if dim < 2 {
        return Ok(None);
    }
    let failed = |reason: String| RunError::Data { replicate: 0, reason };
    let manifold = RealManifold::new(reference.view(), k).map_err(|e| failed(e.to_string()))?;
    let shared = match chosen.as_slice() {
        [(_, first), rest @ ..] if rest.iter().all(|(_, values)| values == first) => {
            point_name(&results.keys, first)
        }
        _ => String::new(),
    };
    let setting = setting(results);
    let mut clouds = vec![Cloud {
        title: "real points".to_string(),
        values: manifold.radii().to_vec(),
        points: reference.clone(),
        label: format!("radius to neighbour {k}"),
        generated: false,
        origins: Vec::new(),
    }];
    for (pipeline, values) in &chosen {
        let Some((folder, _)) = results.run(pipeline, values) else { continue };
        let path = folder.join(names::SAMPLES);
        let read = |reason: String| StoreError::Read { path: path.clone(), reason };
        let points =
            table::read(&path, &TableOptions::with_header()).map_err(|e| read(e.to_string()))?.points;
        let held = manifold.spheres_holding(points.view()).map_err(|e| read(e.to_string()))?;
        // The point that all panels share is written above them.
        let title = match (pipeline_name(pipeline), point_name(&results.keys, values)) {
            (name, point) if point.is_empty() || !shared.is_empty() => name.to_string(),
            ("baseline", point) => point,
            (name, point) => format!("{name}, {point}"),
        };
        let origins = vec![Origin { pipeline: pipeline.clone(), point: values.clone() }];
        let (values, label) = (held.into_iter().map(f64::from).collect(), "spheres that hold it".to_string());
        clouds.push(Cloud { title, values, points, label, generated: true, origins });
    }
    let (pairs, most) = if dim == 3 { (&PAIRS[..], POINTS_BY_PAIRS) } else { (&PAIRS[..1], POINTS) };
    let axis_names = replay.plan().data.source.axis_names();
    let by_pair: Vec<Vec<Panel>> = pairs
        .iter()
        .map(|pair| {
            let frame = Frame::around_pair(&reference, *pair, MARGIN);
            let names = [axis_names[pair.0].clone(), axis_names[pair.1].clone()];
            let axes = Axes { pair: *pair, frame, names };
            let mut panels: Vec<Panel> = clouds.iter().map(|cloud| panel(cloud, most, &axes)).collect();
            // One colour scale for all generated points.
            let top =
                panels.iter().skip(1).filter_map(|p| p.colour.as_ref().map(|c| c.high)).fold(0.0, f64::max);
            for bar in panels.iter_mut().skip(1).filter_map(|p| p.colour.as_mut()) {
                bar.high = top;
            }
            panels
        })
        .collect();
    let row = |title: &str, panels: Vec<Panel>| PanelRow {
        title: title.to_string(),
        role: Role::Data,
        form: Form::Square,
        panels,
    };
    // A row for each cloud where it has several panels.
    let rows: Vec<PanelRow> = match by_pair.as_slice() {
        [panels] => panels.chunks(COLUMNS).map(|panels| row("", panels.to_vec())).collect(),
        pairs => (0..clouds.len())
            .map(|cloud| {
                let panels = pairs.iter().map(|panels| Panel {
                    title: format!("{} and {}", panels[cloud].x.label, panels[cloud].y.label),
                    ..panels[cloud].clone()
                });
                row(&clouds[cloud].title, panels.collect())
            })
            .collect(),
    };
    let more = if dim > 3 { " The first two axes." } else { "" };
    Ok(Some(Figure {
        name: "spheres".to_string(),
        title: format!("What density and coverage are made of (k = {k})"),
        setting: if shared.is_empty() { setting } else { format!("{setting} · {shared}") },
        note: format!(
            "First: real points, coloured by the radius of their sphere. Then: generated points, by how many \
             of those spheres hold them. Up to {} points each, replicate 0.{more}",
            count(most)
        ),
        rows,
    }))
}

/// The runs to show, which differ in one key or in their pipeline. Of a sweep over lambda the smallest and the largest;
/// where there is one pipeline alone, those of another key that leaves the real points alone; else the pipelines of the
/// first point.
fn chosen(results: &Results) -> Vec<(String, Vec<String>)> {
    let mut points: Vec<(String, Vec<String>)> = Vec::new();
    for (_, status) in &results.runs {
        let point = (status.label.pipeline.clone(), status.label.values.clone());
        if !points.contains(&point) {
            points.push(point);
        }
    }
    // A control is none of the points that are compared.
    let plain = points.iter().find(|(_, values)| !values.iter().any(|value| value == "true"));
    let Some((pipeline, first)) = plain.or(points.first()).cloned() else { return points };
    let alone = points.iter().all(|(other, _)| *other == pipeline);
    let keys = || 0..results.keys.len();
    let may = |k: usize| {
        let other_points = ["data.", "metrics.", "seed"].iter().any(|part| results.keys[k].starts_with(part));
        results.keys[k] == LAMBDA || (alone && !other_points)
    };
    let mut order: Vec<usize> = keys().filter(|&k| may(k)).collect();
    order.sort_by_key(|&k| results.keys[k] != LAMBDA);
    for key in order {
        let number = |values: &[String]| values.get(key).and_then(|v| v.parse::<f64>().ok());
        let same = |values: &[String]| keys().all(|k| k == key || values.get(k) == first.get(k));
        let mut line: Vec<_> =
            points.iter().filter(|(name, v)| *name == pipeline && same(v)).cloned().collect();
        line.retain(|(_, values)| number(values).is_some());
        line.sort_by(|a, b| number(&a.1).unwrap_or(0.0).total_cmp(&number(&b.1).unwrap_or(0.0)));
        if let [smallest, .., largest] = line.as_slice() {
            return vec![smallest.clone(), largest.clone()];
        }
    }
    points.retain(|(_, values)| *values == first);
    points
}

/// Points with a value each, which their colour shows.
struct Cloud {
    title: String,
    points: Array2<f64>,
    values: Vec<f64>,
    label: String,
    /// Whether they are samples: the smallest values are drawn last, and the scale begins at 0.
    generated: bool,
    /// Whose samples they are; none of real points.
    origins: Vec<Origin>,
}

/// Two axes of the points: what is shown of them, and their names.
struct Axes {
    pair: (usize, usize),
    frame: Frame,
    names: [String; 2],
}

fn panel(cloud: &Cloud, most: usize, axes: &Axes) -> Panel {
    let shown = cloud.points.slice(s![..cloud.points.nrows().min(most), ..]);
    let values = &cloud.values[..shown.nrows()];
    let mut order: Vec<usize> = (0..shown.nrows()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let low = order.first().map_or(0.0, |&i| values[i]);
    let high = order.get((COLOURED * order.len() as f64) as usize).map_or(1.0, |&i| values[i]);
    if cloud.generated {
        order.reverse();
    }
    let (mut x, mut y) = axes.frame.axes();
    [x.label, y.label] = axes.names.clone();
    Panel {
        title: cloud.title.clone(),
        x,
        y,
        colour: Some(ColourBar {
            label: cloud.label.clone(),
            low: if cloud.generated { 0.0 } else { low },
            high: if cloud.generated { high.max(1.0) } else { high.max(low + 1e-12) },
        }),
        marks: vec![Mark::Points {
            origins: cloud.origins.clone(),
            label: cloud.title.clone(),
            ink: Role::Data.into(),
            size: 2.4,
            x: order.iter().map(|&i| shown[[i, axes.pair.0]]).collect(),
            y: order.iter().map(|&i| shown[[i, axes.pair.1]]).collect(),
            value: order.iter().map(|&i| values[i]).collect(),
        }],
    }
}
