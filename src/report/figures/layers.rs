//! The Gaussianizer layer by layer: fresh real points and their marginals after 0, 1, 2, ... layers.

use super::captions::{count, pipeline_name, setting};
use super::clouds::Frame;
use super::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Role, Stroke};
use super::results::Results;
use crate::report::point_names::point_name;
use crate::run::{FinishedRun, RunError};
use crate::store::run_folder::has_file;
use crate::store::{Status, names};
use ndarray::{Array2, ArrayView1, s};
use std::path::PathBuf;

/// Points of each cloud; marginals take all.
const POINTS: usize = 1500;

/// Columns at most: the data, and layers evenly chosen, the last one among them.
const COLUMNS: usize = 6;

/// Half the width of the axes, in standard deviations.
const HALF_WIDTH: f64 = 4.0;

/// Bins of a marginal.
const BINS: usize = 40;

/// The figure, for the first run with a map; none where there is none or in one dimension.
///
/// # Errors
/// If the run's files are damaged.
pub fn layers(results: &Results) -> Result<Option<Figure>, RunError> {
    let has_map = |(folder, status): &&(PathBuf, Status)| has_file(folder, status, names::GAUSSIANIZER);
    let Some((folder, status)) = results.runs.iter().find(has_map) else { return Ok(None) };
    let role = results.role(&status.label.pipeline);
    let replay = FinishedRun::open(folder)?;
    let Some(map) = replay.gaussianizer() else { return Ok(None) };
    if map.dim() < 2 {
        return Ok(None);
    }
    // A Gaussianizer of leading components alone has fewer axes than its space.
    let reference = replay.chain().before_gaussianizer().forward(replay.reference()?.view());
    let reference = reference.slice_move(ndarray::s![.., ..map.dim()]);
    let mut shown: Vec<usize> = (0..COLUMNS).map(|i| i * map.layers() / (COLUMNS - 1)).collect();
    if map.layers() < COLUMNS {
        shown = (0..=map.layers()).collect();
    }
    let stages: Vec<(usize, Array2<f64>)> =
        shown.into_iter().map(|n| (n, map.forward_through(reference.view(), n))).collect();
    let (pipeline, values) = (&status.label.pipeline, &status.label.values);
    let row = |title: &str, form, mut panels: Vec<Panel>| {
        for panel in &mut panels {
            panel.marks = panel.marks.drain(..).map(|mark| mark.of(pipeline, values)).collect();
        }
        PanelRow { title: title.to_string(), role, form, panels }
    };
    let clouds = stages.iter().map(|(n, points)| cloud(*n, points, role)).collect();
    let marginals = |axis: usize| {
        let mut panels: Vec<Panel> =
            stages.iter().map(|(n, points)| marginal(*n, points, axis, role)).collect();
        let highest = panels.iter().map(|panel| panel.y.high).fold(0.0, f64::max);
        panels.iter_mut().for_each(|panel| panel.y.high = highest);
        panels
    };
    let point = point_name(&results.keys, &status.label.values);
    let setting = setting(results);
    let setting = match pipeline_name(&status.label.pipeline) {
        "Gaussianized" => setting,
        name => format!("{setting} · {name}"),
    };
    let dim = map.dim();
    let axes = if dim > 2 { format!(" Two of {dim} axes.") } else { String::new() };
    Ok(Some(Figure {
        name: "layers".to_string(),
        title: "The Gaussianizer, layer by layer".to_string(),
        setting: if point.is_empty() { setting } else { format!("{setting} · {point}") },
        note: format!(
            "{} fresh real points that the fit has not seen, and their marginals. Dashed: the standard normal; \
             circles hold 50, 90 and 99 % of it. The data are shown in their own units, standardized for the \
             marginals.{axes}",
            count(reference.nrows())
        ),
        rows: vec![
            row("points", Form::Square, clouds),
            row("axis 1", Form::Ratio(0.6), marginals(0)),
            row("axis 2", Form::Ratio(0.6), marginals(1)),
        ],
    }))
}

fn title(layer: usize) -> String {
    match layer {
        0 => "the data".to_string(),
        1 => "after 1 layer".to_string(),
        n => format!("after {n} layers"),
    }
}

fn cloud(layer: usize, points: &Array2<f64>, role: Role) -> Panel {
    let frame = if layer == 0 {
        Frame::around(points, 1.15)
    } else {
        Frame { x: (-HALF_WIDTH, HALF_WIDTH), y: (-HALF_WIDTH, HALF_WIDTH) }
    };
    let (x, y) = frame.axes();
    let some = points.slice(s![..points.nrows().min(POINTS), ..]);
    let mut marks = vec![Mark::Points {
        origins: Vec::new(),
        label: "fresh real points".to_string(),
        ink: role.into(),
        size: 1.9,
        x: some.column(0).to_vec(),
        y: some.column(1).to_vec(),
        value: Vec::new(),
    }];
    if layer > 0 {
        // P(|z| < r) = 1 - exp(-r^2 / 2) in two dimensions.
        let circle = |fraction: f64| {
            let r = (-2.0 * (1.0 - fraction).ln()).sqrt();
            (0..=72).map(|i| f64::from(i).to_radians() * 5.0).map(|a| [r * a.cos(), r * a.sin()]).collect()
        };
        let lines = [0.5, 0.9, 0.99].map(circle).to_vec();
        marks.push(Mark::Contours { label: "50, 90 and 99 % of N(0, I)".to_string(), lines });
    }
    Panel { title: title(layer), x, y, colour: None, marks }
}

fn marginal(layer: usize, points: &Array2<f64>, axis: usize, role: Role) -> Panel {
    let mut values = points.column(axis).to_vec();
    if layer == 0 {
        standardize(&mut values, points.column(axis));
    }
    let width = 2.0 * HALF_WIDTH / BINS as f64;
    let edges: Vec<f64> = (0..=BINS).map(|i| -HALF_WIDTH + width * i as f64).collect();
    let mut heights = vec![0.0; BINS];
    for v in &values {
        let bin = ((v + HALF_WIDTH) / width).floor();
        if (0.0..BINS as f64).contains(&bin) {
            heights[bin as usize] += 1.0 / (values.len() as f64 * width);
        }
    }
    let x: Vec<f64> = (0..=80).map(|i| -HALF_WIDTH + HALF_WIDTH * f64::from(i) / 40.0).collect();
    let normal = |v: &f64| (-0.5 * v * v).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let highest = heights.iter().copied().fold(normal(&0.0), f64::max);
    Panel {
        title: title(layer),
        x: Axis::linear("", -HALF_WIDTH, HALF_WIDTH),
        y: Axis::linear("", 0.0, 1.08 * highest),
        colour: None,
        marks: vec![
            Mark::Histogram {
                label: format!("marginal of axis {}", axis + 1),
                ink: role.into(),
                edges,
                heights,
            },
            Mark::Line {
                origins: Vec::new(),
                label: "standard normal".to_string(),
                named: false,
                ink: Role::Data.into(),
                stroke: Stroke::Dashed,
                y: x.iter().map(normal).collect(),
                x,
                low: Vec::new(),
                high: Vec::new(),
            },
        ],
    }
}

fn standardize(values: &mut [f64], column: ArrayView1<f64>) {
    let mean = column.mean().unwrap_or(0.0);
    let spread = column.std(0.0).max(f64::MIN_POSITIVE);
    values.iter_mut().for_each(|v| *v = (*v - mean) / spread);
}
