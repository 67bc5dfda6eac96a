//! Fig. 4 of the first paper: the samples at chosen reverse steps, a row for each pipeline, the mixture's
//! contours behind, all on the same axes.

use super::captions::{count, pipeline_name, setting};
use super::contours::{behind, contours};
use super::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Role};
use super::names::{file_names, point_name};
use super::results::Results;
use crate::run::{Cloud, FinishedRun, RunError};
use ndarray::{Array2, ArrayView1, s};

/// Points of each cloud.
const POINTS: usize = 1000;

/// Real points drawn behind the samples where no density is known.
const REAL: usize = 1000;

/// The reverse process is shown at its beginning and after each of so many equal fractions.
const FIFTHS: usize = 5;

/// Sweep points that get a figure of their own.
const MOST_FIGURES: usize = 6;

/// Half the side of the axes, in units of the data's own half width, so that x_T is in the picture.
const MARGIN: f64 = 1.3;

/// A square region of the plane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Ends of the horizontal axis.
    pub x: (f64, f64),
    /// Ends of the vertical axis.
    pub y: (f64, f64),
}

impl Frame {
    /// The smallest square that holds nearly all of the points' first two axes, with a margin.
    pub fn around(points: &Array2<f64>, margin: f64) -> Self {
        let ends = |column: ArrayView1<f64>| {
            let mut values: Vec<f64> = column.iter().copied().filter(|v| v.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            let at = |fraction: f64| values.get((fraction * values.len().saturating_sub(1) as f64) as usize);
            (at(0.002).copied().unwrap_or(-1.0), at(0.998).copied().unwrap_or(1.0))
        };
        let (x, y) = (ends(points.column(0)), ends(points.column(1)));
        let half = margin * 0.5 * (x.1 - x.0).max(y.1 - y.0).max(1e-9);
        let square = |(low, high): (f64, f64)| (0.5 * (low + high) - half, 0.5 * (low + high) + half);
        Self { x: square(x), y: square(y) }
    }

    /// Its two axes, without labels.
    pub fn axes(&self) -> (Axis, Axis) {
        (Axis::linear("", self.x.0, self.x.1), Axis::linear("", self.y.0, self.y.1))
    }

    fn holds(&self, point: ArrayView1<f64>) -> bool {
        (self.x.0..=self.x.1).contains(&point[0]) && (self.y.0..=self.y.1).contains(&point[1])
    }
}

/// A figure for each sweep point, up to a number of them; none in one dimension.
///
/// # Errors
/// If a run cannot be sampled again.
pub fn clouds(results: &Results, notices: &mut Vec<String>) -> Result<Vec<Figure>, RunError> {
    let mut points: Vec<&[String]> = Vec::new();
    for (_, status) in &results.runs {
        if !points.contains(&status.label.values.as_slice()) {
            points.push(&status.label.values);
        }
    }
    if points.len() > MOST_FIGURES {
        notices.push(format!(
            "point clouds are drawn for {MOST_FIGURES} of {} sweep points, evenly chosen",
            points.len()
        ));
        points = (0..MOST_FIGURES).map(|i| points[i * (points.len() - 1) / (MOST_FIGURES - 1)]).collect();
    }
    let names: Vec<String> = points.iter().map(|values| point_name(&results.keys, values)).collect();
    let files = file_names("clouds", &names);
    let figures = points.iter().zip(files).map(|(values, file)| figure(results, values, file));
    Ok(figures.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The pipelines' runs at a sweep point, in the order of the spec.
pub fn runs_at(results: &Results, values: &[String]) -> Result<Vec<(String, FinishedRun)>, RunError> {
    let runs = results.pipelines.iter().filter_map(|pipeline| results.run(pipeline, values));
    runs.map(|(folder, status)| Ok((status.label.pipeline.clone(), FinishedRun::open(folder)?))).collect()
}

fn figure(results: &Results, values: &[String], file: String) -> Result<Option<Figure>, RunError> {
    let runs = runs_at(results, values)?;
    let Some((_, first)) = runs.first() else { return Ok(None) };
    let dim = first.plan().data.source.dim();
    if dim < 2 {
        return Ok(None);
    }
    let (frame, back) = background(first)?;
    let mut outside = 0;
    let mut rows = Vec::new();
    for (pipeline, replay) in &runs {
        let steps = replay.plan().sample.steps;
        let wanted: Vec<usize> = (0..=FIFTHS).map(|i| i * steps / FIFTHS).collect();
        let clouds = replay.clouds(POINTS, &|step| wanted.contains(&step))?;
        let panels = clouds.iter().map(|cloud| {
            outside += cloud.points.rows().into_iter().filter(|p| !frame.holds(*p)).count();
            panel(cloud, frame, &back, pipeline, results.role(pipeline))
        });
        rows.push(PanelRow {
            title: pipeline_name(pipeline).to_string(),
            role: results.role(pipeline),
            form: Form::Square,
            panels: panels.collect(),
        });
    }
    let point = point_name(&results.keys, values);
    let setting = setting(results);
    let mut note = match back {
        Mark::Contours { label, .. } => format!("Contours: {label}."),
        _ => "Grey: real points.".to_string(),
    };
    note += &format!(" The first {} points of replicate 0.", count(POINTS.min(first.plan().sample.count)));
    if dim > 2 {
        note += " The first two axes.";
    }
    if outside > 0 {
        note += &format!(" {} points lie outside of the axes.", count(outside));
    }
    Ok(Some(Figure {
        name: file,
        title: "Samples at chosen reverse steps".to_string(),
        setting: if point.is_empty() { setting } else { format!("{setting} · {point}") },
        note,
        rows,
    }))
}

/// The axes of a run's clouds, and what is drawn behind its samples.
pub fn background(run: &FinishedRun) -> Result<(Frame, Mark), RunError> {
    let reference = run.reference()?;
    let real = reference.slice(s![..reference.nrows().min(REAL), ..]).to_owned();
    let frame = Frame::around(&reference, MARGIN);
    let lines = run.plan().data.source.mixture().and_then(|m| contours(m, frame.x, frame.y));
    Ok((frame, lines.unwrap_or_else(|| behind(real.view()))))
}

fn panel(cloud: &Cloud, frame: Frame, back: &Mark, pipeline: &str, role: Role) -> Panel {
    let (x, y) = frame.axes();
    let inside: Vec<ArrayView1<f64>> =
        cloud.points.rows().into_iter().filter(|point| frame.holds(*point)).collect();
    let samples = Mark::Points {
        label: pipeline_name(pipeline).to_string(),
        ink: role.into(),
        size: 1.9,
        x: inside.iter().map(|point| point[0]).collect(),
        y: inside.iter().map(|point| point[1]).collect(),
        value: Vec::new(),
    };
    let marks = match back {
        // Points behind, lines in front of the samples, else they cannot be seen.
        Mark::Contours { .. } => vec![samples, back.clone()],
        _ => vec![back.clone(), samples],
    };
    Panel { title: format!("step {}", cloud.step), x, y, colour: None, marks }
}
