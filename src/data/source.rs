//! One interface for all kinds of data sets: it draws the points of a part of an experiment.

use super::mixture::{GaussianMixture, MixtureError};
use super::shapes::ShapeSource;
use super::table::axis_names;
use crate::numeric::random::Stream;
use ndarray::{Array1, Array2, Axis};
use rand::seq::SliceRandom;
use std::f64::consts::PI;
use std::str::FromStr;
use std::sync::Arc;

/// What points are for; each part has its own random stream, and its own rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Training points.
    Train,
    /// Real points that samples are compared with.
    Reference,
    /// Other real points, scored as if they were samples.
    Fresh,
}

impl Part {
    const ALL: [Self; 3] = [Self::Train, Self::Reference, Self::Fresh];

    /// The name of the part and of its stream.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Reference => "reference",
            Self::Fresh => "fresh",
        }
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|p| p.name() == s)
            .ok_or_else(|| format!("`{s}` is no stream of points; give train, reference or fresh"))
    }
}

/// Where points come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A Gaussian mixture, with its exact density.
    Mixture(GaussianMixture),
    /// A two-dimensional shape.
    Shape(ShapeSource),
    /// A user's own points.
    Table(Table),
}

impl Source {
    /// Dimension of the points.
    pub fn dim(&self) -> usize {
        match self {
            Self::Mixture(mixture) => mixture.dim(),
            Self::Shape(_) => 2,
            Self::Table(table) => table.rows.ncols(),
        }
    }

    /// Whether the points are a user's own.
    pub fn is_table(&self) -> bool {
        matches!(self, Self::Table(_))
    }

    /// The names of the axes: those of a table's columns, else `x0`, `x1`, ...
    pub fn axis_names(&self) -> Vec<String> {
        match self {
            Self::Table(table) => table.names.to_vec(),
            other => axis_names(other.dim()),
        }
    }

    /// The mixture, where the exact density is known.
    pub fn mixture(&self) -> Option<&GaussianMixture> {
        match self {
            Self::Mixture(mixture) => Some(mixture),
            Self::Shape(_) | Self::Table(_) => None,
        }
    }

    /// `n` points `(n, d)` of a part of one replicate; of a table at most as many as the part has.
    pub fn draw(&self, part: Part, n: usize, seed: u64, replicate: usize) -> Array2<f64> {
        let stream = Stream::new(seed, replicate as u64, part.name());
        match self {
            Self::Mixture(mixture) => mixture.sample(n, &stream),
            Self::Shape(shape) => shape.sample(n, &stream),
            Self::Table(table) => table.draw(part, n, &Stream::new(seed, replicate as u64, "split")),
        }
    }
}

/// A table of points, split anew for each replicate: a shuffle, then the reference rows, then the fresh
/// rows; the others train.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Arc<Array2<f64>>,
    names: Arc<[String]>,
    reference: usize,
    fresh: usize,
}

impl Table {
    /// The fraction of the rows that is kept aside where nothing else is said.
    pub const TEST_FRACTION: f64 = 0.5;

    /// Splits the rows so that reference and fresh points each take half of the fraction that is kept aside, and no
    /// more than asked for. `names` are those of the axes.
    pub fn new(
        rows: impl Into<Arc<Array2<f64>>>,
        names: impl Into<Arc<[String]>>,
        test_fraction: f64,
        (reference, fresh): (usize, usize),
    ) -> Self {
        let (rows, names) = (rows.into(), names.into());
        let half = (0.5 * test_fraction * rows.nrows() as f64) as usize;
        Self { rows, names, reference: reference.min(half), fresh: fresh.min(half) }
    }

    /// All rows, `(n, d)`.
    pub fn rows(&self) -> &Array2<f64> {
        &self.rows
    }

    /// Number of points of a part.
    pub fn count(&self, part: Part) -> usize {
        match part {
            Part::Train => self.rows.nrows() - self.reference - self.fresh,
            Part::Reference => self.reference,
            Part::Fresh => self.fresh,
        }
    }

    fn draw(&self, part: Part, n: usize, split: &Stream) -> Array2<f64> {
        let mut order: Vec<usize> = (0..self.rows.nrows()).collect();
        order.shuffle(&mut split.at(0));
        let begin = match part {
            Part::Reference => 0,
            Part::Fresh => self.reference,
            Part::Train => self.reference + self.fresh,
        };
        self.rows.select(Axis(0), &order[begin..begin + n.min(self.count(part))])
    }
}

/// Eight modes of standard deviation `std` on a circle of radius 2, equally likely.
///
/// # Errors
/// If `std` is not a positive finite number.
pub fn eight_gaussians(std: f64) -> Result<GaussianMixture, MixtureError> {
    let mean = |k: usize| {
        let (sin, cos) = (0.25 * PI * k as f64).sin_cos();
        Array1::from(vec![2.0 * cos, 2.0 * sin])
    };
    let means: Vec<_> = (0..8).map(mean).collect();
    GaussianMixture::new(&[1.0; 8], &means, &vec![Array2::eye(2) * (std * std); 8])
}
