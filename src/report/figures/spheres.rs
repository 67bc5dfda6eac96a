//! Figs. 4-6 of the second paper: real points by the radius of their k-NN sphere, generated points by the
//! number of real spheres that hold them.

use super::captions::{count, pipeline_name, setting};
use super::clouds::Frame;
use super::model::{ColourBar, Figure, Form, Mark, Panel, PanelRow, Role};
use super::names::point_name;
use super::results::Results;
use crate::data::table::{self, TableOptions};
use crate::metrics::RealManifold;
use crate::run::{FinishedRun, RunError};
use crate::store::{StoreError, names};
use ndarray::{Array2, s};

/// Points of each panel.
const POINTS: usize = 4000;

/// Panels side by side at most; narrower ones have no room for their colour scales.
const COLUMNS: usize = 4;

/// The colour scale ends at this quantile of the values: a few outliers would use up all colours.
const COLOURED: f64 = 0.98;

/// The key whose smallest and largest values are compared.
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
    let axes =
        Axes { frame: Frame::around(&reference, MARGIN), names: replay.plan().data.source.axis_names() };
    let shared = match chosen.as_slice() {
        [(_, first), rest @ ..] if rest.iter().all(|(_, values)| values == first) => {
            point_name(&results.keys, first)
        }
        _ => String::new(),
    };
    let setting = setting(results);
    let mut panels = vec![panel(
        "real points".to_string(),
        &reference,
        manifold.radii(),
        &format!("radius to neighbour {k}"),
        &axes,
        false,
    )];
    for (pipeline, values) in &chosen {
        let Some((folder, _)) = results.run(pipeline, values) else { continue };
        let path = folder.join(names::SAMPLES);
        let read = |reason: String| StoreError::Read { path: path.clone(), reason };
        let samples =
            table::read(&path, &TableOptions::with_header()).map_err(|e| read(e.to_string()))?.points;
        let held = manifold.spheres_holding(samples.view()).map_err(|e| read(e.to_string()))?;
        let held: Vec<f64> = held.into_iter().map(f64::from).collect();
        // The point that all panels share is written above them.
        let title = match (pipeline_name(pipeline), point_name(&results.keys, values)) {
            (name, point) if point.is_empty() || !shared.is_empty() => name.to_string(),
            ("baseline", point) => point,
            (name, point) => format!("{name}, {point}"),
        };
        panels.push(panel(title, &samples, &held, "real spheres that hold it", &axes, true));
    }
    // One colour scale for all generated points.
    let top = panels.iter().skip(1).filter_map(|p| p.colour.as_ref().map(|c| c.high)).fold(0.0, f64::max);
    for bar in panels.iter_mut().skip(1).filter_map(|p| p.colour.as_mut()) {
        bar.high = top;
    }
    let row = |panels: &[Panel]| PanelRow {
        title: String::new(),
        role: Role::Data,
        form: Form::Square,
        panels: panels.to_vec(),
    };
    let more = if dim > 2 { " The first two axes." } else { "" };
    Ok(Some(Figure {
        name: "spheres".to_string(),
        title: format!("What density and coverage are made of (k = {k})"),
        setting: if shared.is_empty() { setting } else { format!("{setting} · {shared}") },
        note: format!(
            "First: real points, coloured by the radius of their sphere. Then: generated points, by how many \
             of those spheres hold them. Up to {} points each, replicate 0.{more}",
            count(POINTS)
        ),
        rows: panels.chunks(COLUMNS).map(row).collect(),
    }))
}

/// The runs to show: of a sweep over lambda the smallest and the largest, else the pipelines of the first point.
fn chosen(results: &Results) -> Vec<(String, Vec<String>)> {
    let mut points: Vec<(String, Vec<String>)> = Vec::new();
    for (_, status) in &results.runs {
        let point = (status.label.pipeline.clone(), status.label.values.clone());
        if !points.contains(&point) {
            points.push(point);
        }
    }
    let plain = |values: &[String]| !values.iter().any(|v| v == "true");
    if let Some(lambda) = results.keys.iter().position(|key| key == LAMBDA) {
        let number = |values: &[String]| values.get(lambda).and_then(|v| v.parse::<f64>().ok());
        let first = points.first().map(|(pipeline, _)| pipeline.clone()).unwrap_or_default();
        points.retain(|(pipeline, values)| *pipeline == first && plain(values) && number(values).is_some());
        points.sort_by(|a, b| number(&a.1).unwrap_or(0.0).total_cmp(&number(&b.1).unwrap_or(0.0)));
        return match points.as_slice() {
            [first, .., last] => vec![first.clone(), last.clone()],
            few => few.to_vec(),
        };
    }
    let Some((_, values)) = points.first().cloned() else { return points };
    points.retain(|(_, v)| *v == values);
    points
}

/// The first two axes of the points: what is shown of them, and their names.
struct Axes {
    frame: Frame,
    names: Vec<String>,
}

fn panel(
    title: String,
    points: &Array2<f64>,
    values: &[f64],
    label: &str,
    axes: &Axes,
    small_on_top: bool,
) -> Panel {
    let shown = points.slice(s![..points.nrows().min(POINTS), ..]);
    let values = &values[..shown.nrows()];
    let mut order: Vec<usize> = (0..shown.nrows()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let low = order.first().map_or(0.0, |&i| values[i]);
    let high = order.get((COLOURED * order.len() as f64) as usize).map_or(1.0, |&i| values[i]);
    if small_on_top {
        order.reverse();
    }
    let (mut x, mut y) = axes.frame.axes();
    (x.label, y.label) = (axes.names[0].clone(), axes.names[1].clone());
    Panel {
        title: title.clone(),
        x,
        y,
        colour: Some(ColourBar {
            label: label.to_string(),
            low: if small_on_top { 0.0 } else { low },
            high: if small_on_top { high.max(1.0) } else { high.max(low + 1e-12) },
        }),
        marks: vec![Mark::Points {
            label: title,
            ink: Role::Data.into(),
            size: 2.4,
            x: order.iter().map(|&i| shown[[i, 0]]).collect(),
            y: order.iter().map(|&i| shown[[i, 1]]).collect(),
            value: order.iter().map(|&i| values[i]).collect(),
        }],
    }
}
