//! One interface for all kinds of data sets: it draws the points of a part of an experiment.

use super::images::ImageShape;
pub use super::images::Images;
use super::mixture::{GaussianMixture, MixtureError};
use super::shapes::ShapeSource;
pub use super::split::{Part, Split};
use super::table::axis_names;
use crate::numeric::random::Stream;
use ndarray::{Array1, Array2, Axis};
use std::f64::consts::PI;
use std::sync::Arc;

/// Where points come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A Gaussian mixture, with its exact density.
    Mixture(GaussianMixture),
    /// A two-dimensional shape.
    Shape(ShapeSource),
    /// A user's own points.
    Table(Table),
    /// Images of one size.
    Images(Images),
}

impl Source {
    /// Dimension of the points.
    pub fn dim(&self) -> usize {
        match self {
            Self::Mixture(mixture) => mixture.dim(),
            Self::Shape(_) => 2,
            Self::Table(table) => table.rows.ncols(),
            Self::Images(images) => images.shape().values(),
        }
    }

    /// How the rows of a finite set, a table or images, are dealt; none of data that are drawn, of which there are as many
    /// as one likes.
    pub fn split(&self) -> Option<&Split> {
        match self {
            Self::Table(table) => Some(&table.split),
            Self::Images(images) => Some(images.split()),
            Self::Mixture(_) | Self::Shape(_) => None,
        }
    }

    /// The size of the images, of which a point `(d,)` holds the values channel after channel, each channel row after row
    /// (C, H, W); none where points are no images.
    pub fn image_shape(&self) -> Option<ImageShape> {
        match self {
            Self::Images(images) => Some(images.shape()),
            Self::Mixture(_) | Self::Shape(_) | Self::Table(_) => None,
        }
    }

    /// The names of the axes: those of a table's columns and of the places in an image, else `x0`, `x1`, ...
    pub fn axis_names(&self) -> Vec<String> {
        match self {
            Self::Table(table) => table.names.to_vec(),
            Self::Images(images) => images.shape().axis_names(),
            other => axis_names(other.dim()),
        }
    }

    /// The mixture, where the exact density is known.
    pub fn mixture(&self) -> Option<&GaussianMixture> {
        match self {
            Self::Mixture(mixture) => Some(mixture),
            Self::Shape(_) | Self::Table(_) | Self::Images(_) => None,
        }
    }

    /// `n` points `(n, d)` of a part of one replicate; of a finite set at most as many as the part has.
    pub fn draw(&self, part: Part, n: usize, seed: u64, replicate: usize) -> Array2<f64> {
        let stream = Stream::new(seed, replicate as u64, part.name());
        let split = || Stream::new(seed, replicate as u64, "split");
        match self {
            Self::Mixture(mixture) => mixture.sample(n, &stream),
            Self::Shape(shape) => shape.sample(n, &stream),
            Self::Table(table) => table.draw(part, n, &split()),
            Self::Images(images) => images.draw(part, n, &split()),
        }
    }
}

/// A table of points, whose rows are dealt anew for each replicate.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Arc<Array2<f64>>,
    names: Arc<[String]>,
    split: Split,
}

impl Table {
    /// The fraction of the rows that is kept aside where nothing else is said.
    pub const TEST_FRACTION: f64 = Split::TEST_FRACTION;

    /// Splits the rows as [`Split::new`] does. `names` are those of the axes.
    pub fn new(
        rows: impl Into<Arc<Array2<f64>>>,
        names: impl Into<Arc<[String]>>,
        test_fraction: f64,
        asked: (usize, usize),
    ) -> Self {
        let (rows, names) = (rows.into(), names.into());
        let split = Split::new(rows.nrows(), test_fraction, asked);
        Self { rows, names, split }
    }

    /// All rows, `(n, d)`.
    pub fn rows(&self) -> &Array2<f64> {
        &self.rows
    }

    /// Number of points of a part.
    pub fn count(&self, part: Part) -> usize {
        self.split.count(part)
    }

    fn draw(&self, part: Part, n: usize, stream: &Stream) -> Array2<f64> {
        self.rows.select(Axis(0), &self.split.rows(part, n, stream))
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
