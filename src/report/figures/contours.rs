//! Backgrounds of point clouds: the mixture's lines of equal density, or real points.

use super::model::{Mark, Role};
use crate::data::mixture::GaussianMixture;
use crate::numeric::random::Stream;
use contour::ContourBuilder;
use ndarray::{Array2, ArrayView2};

/// Nodes of the grid along each axis.
const NODES: usize = 161;

/// Fractions of the mixture's points that lie within the lines.
const FRACTIONS: [f64; 3] = [0.5, 0.9, 0.99];

/// Points from which the density is estimated above which a fraction of the mixture lies.
const DRAWS: usize = 10_000;

/// The regions of highest density of a mixture in two dimensions that hold 50 %, 90 % and 99 % of it.
///
/// `x` and `y` are the ends of the region drawn. None in other dimensions.
pub fn contours(mixture: &GaussianMixture, x: (f64, f64), y: (f64, f64)) -> Option<Mark> {
    if mixture.dim() != 2 {
        return None;
    }
    let draws = mixture.sample(DRAWS, &Stream::new(0, 0, "contours"));
    let mut levels = mixture.log_density(draws.view()).to_vec();
    levels.sort_by(f64::total_cmp);
    let thresholds = FRACTIONS.map(|fraction| levels[((1.0 - fraction) * (DRAWS - 1) as f64) as usize]);
    let step = |(low, high): (f64, f64)| (high - low) / (NODES - 1) as f64;
    let grid = Array2::from_shape_fn((NODES * NODES, 2), |(i, axis)| match axis {
        0 => x.0 + (i % NODES) as f64 * step(x),
        _ => y.0 + (i / NODES) as f64 * step(y),
    });
    let values = mixture.log_density(grid.view()).to_vec();
    let lines = ContourBuilder::new(NODES, NODES, true)
        .x_origin(x.0)
        .y_origin(y.0)
        .x_step(step(x))
        .y_step(step(y))
        .lines(&values, &thresholds)
        .ok()?;
    let lines = lines.iter().flat_map(|line| line.geometry().0.iter());
    let lines = lines.map(|line| line.0.iter().map(|point| [point.x, point.y]).collect()).collect();
    Some(Mark::Contours { label: "50, 90 and 99 % of the mixture".to_string(), lines })
}

/// Real points as a background.
pub fn behind(points: ArrayView2<f64>) -> Mark {
    Mark::Points {
        origins: Vec::new(),
        label: "real points".to_string(),
        ink: Role::Quiet.into(),
        size: 1.6,
        x: points.column(0).to_vec(),
        y: points.column(1).to_vec(),
        value: Vec::new(),
    }
}
