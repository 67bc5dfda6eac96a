//! Fig. 4 of the first paper: the samples at chosen reverse steps, a row for each pipeline, the mixture's
//! contours behind, all on the same axes. In three dimensions the last step by pairs of axes too.

use super::captions::{count, pipeline_name, setting};
use super::contours::{behind, contours};
use super::file_names::file_names;
use super::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Role};
use super::results::Results;
use crate::report::point_names::point_name;
use crate::run::{Cloud, FinishedRun, RunError};
use ndarray::{Array2, ArrayView1, ArrayView2, s};

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
        Self::around_pair(points, (0, 1), margin)
    }

    /// The same of any two of their axes.
    pub fn around_pair(points: &Array2<f64>, pair: (usize, usize), margin: f64) -> Self {
        let ends = |column: ArrayView1<f64>| {
            let mut values: Vec<f64> = column.iter().copied().filter(|v| v.is_finite()).collect();
            values.sort_by(f64::total_cmp);
            let at = |fraction: f64| values.get((fraction * values.len().saturating_sub(1) as f64) as usize);
            (at(0.002).copied().unwrap_or(-1.0), at(0.998).copied().unwrap_or(1.0))
        };
        let (x, y) = (ends(points.column(pair.0)), ends(points.column(pair.1)));
        let half = margin * 0.5 * (x.1 - x.0).max(y.1 - y.0).max(1e-9);
        let square = |(low, high): (f64, f64)| (0.5 * (low + high) - half, 0.5 * (low + high) + half);
        Self { x: square(x), y: square(y) }
    }

    /// Its two axes, without labels.
    pub fn axes(&self) -> (Axis, Axis) {
        (Axis::linear("", self.x.0, self.x.1), Axis::linear("", self.y.0, self.y.1))
    }

    fn holds(&self, x: f64, y: f64) -> bool {
        (self.x.0..=self.x.1).contains(&x) && (self.y.0..=self.y.1).contains(&y)
    }
}

/// The pairs of axes by which points in three dimensions are shown.
pub const PAIRS: [(usize, usize); 3] = [(0, 1), (0, 2), (1, 2)];

/// The sweep points of the finished runs, or some of them, evenly chosen; a notice says so of `what` is drawn.
pub fn chosen_points<'a>(results: &'a Results, what: &str, notices: &mut Vec<String>) -> Vec<&'a [String]> {
    let mut points: Vec<&[String]> = Vec::new();
    for (_, status) in &results.runs {
        if !points.contains(&status.label.values.as_slice()) {
            points.push(&status.label.values);
        }
    }
    if points.len() > MOST_FIGURES {
        notices.push(format!(
            "{what} are drawn for {MOST_FIGURES} of {} sweep points, evenly chosen",
            points.len()
        ));
        points = (0..MOST_FIGURES).map(|i| points[i * (points.len() - 1) / (MOST_FIGURES - 1)]).collect();
    }
    points
}

/// A figure for each sweep point, up to a number of them, and in three dimensions another one of the samples by pairs of
/// axes; none in one dimension, and none of images, which are shown as such.
///
/// # Errors
/// If a run cannot be sampled again.
pub fn clouds(results: &Results, notices: &mut Vec<String>) -> Result<Vec<Figure>, RunError> {
    if results.study.as_ref().is_some_and(|study| study.base.data.source.image_shape().is_some()) {
        return Ok(Vec::new());
    }
    let points = chosen_points(results, "point clouds", notices);
    let names: Vec<String> = points.iter().map(|values| point_name(&results.keys, values)).collect();
    let files = file_names("clouds", &names);
    let figures = points.iter().zip(files).map(|(values, file)| figures(results, values, file));
    Ok(figures.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// The pipelines' runs at a sweep point, in the order of the spec.
pub fn runs_at(results: &Results, values: &[String]) -> Result<Vec<(String, FinishedRun)>, RunError> {
    let runs = results.pipelines.iter().filter_map(|pipeline| results.run(pipeline, values));
    runs.map(|(folder, status)| Ok((status.label.pipeline.clone(), FinishedRun::open(folder)?))).collect()
}

fn figures(results: &Results, values: &[String], file: String) -> Result<Vec<Figure>, RunError> {
    let runs = runs_at(results, values)?;
    let Some((_, first)) = runs.first() else { return Ok(Vec::new()) };
    let dim = first.plan().data.source.dim();
    if dim < 2 {
        return Ok(Vec::new());
    }
    let (frame, back) = background(first)?;
    let mut outside = 0;
    let (mut rows, mut last) = (Vec::new(), Vec::new());
    for (pipeline, replay) in &runs {
        let steps = replay.steps();
        let wanted: Vec<usize> = (0..=FIFTHS).map(|i| i * steps / FIFTHS).collect();
        let clouds = replay.clouds(POINTS, &|step| wanted.contains(&step))?;
        let panels = clouds.iter().map(|cloud| {
            outside += cloud.points.rows().into_iter().filter(|p| !frame.holds(p[0], p[1])).count();
            panel(cloud, frame, &back, (pipeline, values), results.role(pipeline))
        });
        rows.push(PanelRow {
            title: pipeline_name(pipeline).to_string(),
            role: results.role(pipeline),
            form: Form::Square,
            panels: panels.collect(),
        });
        last.extend(
            clouds.into_iter().next_back().filter(|_| dim == 3).map(|cloud| (pipeline.as_str(), cloud)),
        );
    }
    let point = point_name(&results.keys, values);
    let setting = setting(results);
    let mut note = match back {
        Mark::Contours { label, .. } => format!("Contours: {label}."),
        _ => "Grey: real points.".to_string(),
    };
    note += &format!(" The first {} points of replicate 0.", count(POINTS.min(first.plan().sample.count)));
    if dim > 2 {
        note += if dim == 3 {
            " The first two axes; another figure has all three."
        } else {
            " The first two axes."
        };
    }
    if outside > 0 {
        note += &format!(" {} points lie outside of the axes.", count(outside));
    }
    let setting = if point.is_empty() { setting } else { format!("{setting} · {point}") };
    let pairs = if last.is_empty() {
        None
    } else {
        Some(by_pairs(results, (first, values), &last, &file, &setting)?)
    };
    let title = "Samples at chosen reverse steps".to_string();
    Ok(std::iter::once(Figure { name: file, title, setting, note, rows }).chain(pairs).collect())
}

/// The samples of each pipeline in three dimensions, by pairs of axes, with real points behind.
fn by_pairs(
    results: &Results,
    (first, point): (&FinishedRun, &[String]),
    samples: &[(&str, Cloud)],
    file: &str,
    setting: &str,
) -> Result<Figure, RunError> {
    let reference = first.reference()?;
    let real = reference.slice(s![..reference.nrows().min(REAL), ..]);
    let names = first.plan().data.source.axis_names();
    let panel = |pair: (usize, usize), pipeline: &str, cloud: &Cloud| {
        let frame = Frame::around_pair(&reference, pair, MARGIN);
        let (mut x, mut y) = frame.axes();
        (x.label, y.label) = (names[pair.0].clone(), names[pair.1].clone());
        let columns = |points: ArrayView2<f64>| {
            let rows = points.rows().into_iter().map(|p| (p[pair.0], p[pair.1]));
            rows.filter(|(x, y)| frame.holds(*x, *y)).unzip::<f64, f64, Vec<f64>, Vec<f64>>()
        };
        let points = |label: &str, ink, (x, y)| Mark::Points {
            origins: Vec::new(),
            label: label.to_string(),
            ink,
            size: 1.9,
            x,
            y,
            value: Vec::new(),
        };
        let marks = vec![
            points("real points", Role::Quiet.into(), columns(real)),
            points(pipeline_name(pipeline), results.role(pipeline).into(), columns(cloud.points.view()))
                .of(pipeline, point),
        ];
        Panel { title: format!("{} and {}", names[pair.0], names[pair.1]), x, y, colour: None, marks }
    };
    let rows = samples.iter().map(|(pipeline, cloud)| PanelRow {
        title: pipeline_name(pipeline).to_string(),
        role: results.role(pipeline),
        form: Form::Square,
        panels: PAIRS.iter().map(|pair| panel(*pair, pipeline, cloud)).collect(),
    });
    Ok(Figure {
        name: file.replacen("clouds", "clouds_axes", 1),
        title: "Samples by pairs of axes".to_string(),
        setting: setting.to_string(),
        note: format!(
            "Grey: real points. The first {} points of replicate 0 at the last step.",
            count(POINTS.min(first.plan().sample.count))
        ),
        rows: rows.collect(),
    })
}

/// The axes of a run's clouds, and what is drawn behind its samples.
pub fn background(run: &FinishedRun) -> Result<(Frame, Mark), RunError> {
    let reference = run.reference()?;
    let real = reference.slice(s![..reference.nrows().min(REAL), ..]).to_owned();
    let frame = Frame::around(&reference, MARGIN);
    let lines = run.plan().data.source.mixture().and_then(|m| contours(m, frame.x, frame.y));
    Ok((frame, lines.unwrap_or_else(|| behind(real.view()))))
}

fn panel(
    cloud: &Cloud,
    frame: Frame,
    back: &Mark,
    (pipeline, point): (&str, &[String]),
    role: Role,
) -> Panel {
    let (x, y) = frame.axes();
    let inside: Vec<ArrayView1<f64>> =
        cloud.points.rows().into_iter().filter(|point| frame.holds(point[0], point[1])).collect();
    let samples = Mark::Points {
        origins: Vec::new(),
        label: pipeline_name(pipeline).to_string(),
        ink: role.into(),
        size: 1.9,
        x: inside.iter().map(|point| point[0]).collect(),
        y: inside.iter().map(|point| point[1]).collect(),
        value: Vec::new(),
    }
    .of(pipeline, point);
    let marks = match back {
        // Points behind, lines in front of the samples, else they cannot be seen.
        Mark::Contours { .. } => vec![samples, back.clone()],
        _ => vec![back.clone(), samples],
    };
    Panel { title: format!("step {}", cloud.step), x, y, colour: None, marks }
}
