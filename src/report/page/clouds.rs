//! The points of a run at chosen reverse steps, as text for the page's script: two 16-bit numbers a point across the
//! axes, little-endian, base64.

use crate::report::figures::clouds::{Frame, background};
use crate::report::figures::model::Mark;
use crate::run::{FinishedRun, RunError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The number that marks a point outside of the axes.
const OUTSIDE: u16 = u16::MAX;

/// What stands behind all clouds of a sweep point.
pub struct Behind {
    /// The axes.
    pub frame: Frame,
    /// The names of the axes.
    pub names: [String; 2],
    /// Lines of equal density, each as encoded positions.
    pub contours: Vec<String>,
    /// Real points, as encoded positions; empty where there are contours.
    pub points: String,
}

impl Behind {
    /// The axes and the background of a run's clouds.
    ///
    /// # Errors
    /// If the data of the run cannot be drawn here.
    pub fn of(run: &FinishedRun) -> Result<Self, RunError> {
        let (frame, back) = background(run)?;
        let (contours, points) = match back {
            Mark::Contours { lines, .. } => {
                let text = |line: &Vec<[f64; 2]>| encoded(line.iter().map(|p| clamped(frame, p[0], p[1])));
                (lines.iter().map(text).collect(), String::new())
            }
            Mark::Points { x, y, .. } => {
                (Vec::new(), encoded(x.iter().zip(&y).map(|(x, y)| position(frame, *x, *y))))
            }
            _ => (Vec::new(), String::new()),
        };
        let names = run.plan().data.source.axis_names();
        let name = |axis: usize| names.get(axis).cloned().unwrap_or_default();
        Ok(Self { frame, names: [name(0), name(1)], contours, points })
    }
}

/// The first `count` points of a run after each of the `steps`, which rise: one cloud after the other.
///
/// # Errors
/// If the run cannot be sampled again.
pub fn positions(run: &FinishedRun, frame: Frame, steps: &[usize], count: usize) -> Result<String, RunError> {
    let clouds = run.clouds(count, &|step| steps.binary_search(&step).is_ok())?;
    let of_cloud = |points: ndarray::Array2<f64>| -> Vec<[u16; 2]> {
        points.rows().into_iter().map(|p| position(frame, p[0], p[1])).collect()
    };
    Ok(encoded(clouds.into_iter().flat_map(|cloud| of_cloud(cloud.points))))
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
