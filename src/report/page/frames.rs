//! The reverse process of a few runs as frames for the page's animation.

use crate::report::figures::Results;
use crate::report::figures::captions::pipeline_name;
use crate::report::figures::clouds::{Frame, background, runs_at};
use crate::report::figures::draw::css_name;
use crate::report::figures::model::Mark;
use crate::report::figures::names::point_name;
use crate::run::{FinishedRun, RunError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::collections::HashMap;

/// Sweep points to choose from at most.
const MOST_RUNS: usize = 12;

/// Frames of a run at most, where few runs are shown and where many.
const FRAMES: (usize, usize) = (101, 51);

/// Points of a frame at most and at least.
const POINTS: (usize, usize) = (1000, 200);

/// Bytes of all frames together, before they are written as text.
const BYTES: usize = 3_500_000;

/// The number that marks a point outside of the axes.
const OUTSIDE: u16 = u16::MAX;

/// The pipelines of one sweep point.
#[derive(Serialize)]
pub struct Shown {
    /// The name of the sweep point.
    pub name: String,
    /// Lines of equal density, each as encoded positions.
    contours: Vec<String>,
    /// Real points, as encoded positions; empty where there are contours.
    behind: String,
    /// Log-likelihood of real points.
    data: Option<f64>,
    sides: Vec<Side>,
}

/// One pipeline.
#[derive(Serialize)]
struct Side {
    name: String,
    /// The name of its colour in the style sheet.
    colour: &'static str,
    steps: Vec<usize>,
    /// Log-likelihood after each of the steps.
    log_likelihood: Vec<Option<f64>>,
    /// All frames: two 16-bit numbers a point, little-endian, base64.
    positions: String,
}

/// Frames of up to a number of sweep points, evenly chosen.
///
/// # Errors
/// If a run cannot be sampled again.
pub fn frames(results: &Results) -> Result<Vec<Shown>, RunError> {
    let mut points: Vec<&[String]> = Vec::new();
    for (_, status) in &results.runs {
        if !points.contains(&status.label.values.as_slice()) {
            points.push(&status.label.values);
        }
    }
    let n = points.len();
    if n > MOST_RUNS {
        points = (0..MOST_RUNS).map(|i| points[i * (n - 1) / (MOST_RUNS - 1)]).collect();
    }
    let sides = points.len() * results.pipelines.len().max(1);
    let most_frames = if sides > 6 { FRAMES.1 } else { FRAMES.0 };
    let count = (BYTES / (sides.max(1) * most_frames * 4)).clamp(POINTS.1, POINTS.0);
    let shown = points.iter().map(|values| shown(results, values, count, most_frames));
    Ok(shown.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn shown(
    results: &Results,
    values: &[String],
    count: usize,
    most_frames: usize,
) -> Result<Option<Shown>, RunError> {
    let runs = runs_at(results, values)?;
    let Some((_, first)) = runs.first().filter(|(_, run)| run.plan().data.source.dim() >= 2) else {
        return Ok(None);
    };
    let (frame, back) = background(first)?;
    let (contours, behind) = match back {
        Mark::Contours { lines, .. } => {
            let text = |line: &Vec<[f64; 2]>| encoded(line.iter().map(|p| clamped(frame, p[0], p[1])));
            (lines.iter().map(text).collect(), String::new())
        }
        Mark::Points { x, y, .. } => {
            (Vec::new(), encoded(x.iter().zip(&y).map(|(x, y)| position(frame, *x, *y))))
        }
        _ => (Vec::new(), String::new()),
    };
    let sides =
        runs.iter().map(|(pipeline, run)| side(results, pipeline, values, run, frame, count, most_frames));
    Ok(Some(Shown {
        name: point_name(&results.keys, values),
        contours,
        behind,
        data: results.data_level("log_likelihood"),
        sides: sides.collect::<Result<_, _>>()?,
    }))
}

fn side(
    results: &Results,
    pipeline: &str,
    values: &[String],
    run: &FinishedRun,
    frame: Frame,
    count: usize,
    most_frames: usize,
) -> Result<Side, RunError> {
    let last = run.steps();
    let frames = most_frames.min(last + 1);
    let steps: Vec<usize> = (0..frames).map(|i| i * last / (frames - 1).max(1)).collect();
    let clouds = run.clouds(count, &|step| steps.binary_search(&step).is_ok())?;
    let positions = clouds
        .iter()
        .flat_map(|c| c.points.rows().into_iter().map(|p| position(frame, p[0], p[1])).collect::<Vec<_>>());
    let rows =
        results.metrics.iter().find(|rows| rows.label.pipeline == pipeline && rows.label.values == values);
    let known: HashMap<usize, f64> = rows
        .iter()
        .flat_map(|r| &r.rows)
        .filter_map(|row| Some((row.step, row.get("log_likelihood")?)))
        .collect();
    Ok(Side {
        name: pipeline_name(pipeline).to_string(),
        colour: css_name(results.role(pipeline)),
        log_likelihood: steps.iter().map(|step| known.get(step).copied()).collect(),
        positions: encoded(positions),
        steps,
    })
}

/// A point in units of the axes; outside of them a mark.
fn position(frame: Frame, x: f64, y: f64) -> [u16; 2] {
    let fraction = |v: f64, (low, high): (f64, f64)| (v - low) / (high - low);
    let (x, y) = (fraction(x, frame.x), fraction(y, frame.y));
    if (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y) { [x, y].map(number) } else { [OUTSIDE; 2] }
}

/// A point in units of the axes, moved onto them where it lies outside.
fn clamped(frame: Frame, x: f64, y: f64) -> [u16; 2] {
    position(frame, x.clamp(frame.x.0, frame.x.1), y.clamp(frame.y.0, frame.y.1))
}

fn number(fraction: f64) -> u16 {
    (fraction * f64::from(OUTSIDE - 1)).round() as u16
}

fn encoded(positions: impl IntoIterator<Item = [u16; 2]>) -> String {
    STANDARD.encode(positions.into_iter().flatten().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
}
