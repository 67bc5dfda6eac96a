//! Images as points of an experiment: dealt to the parts, mirrored where asked for, between -1 and 1, channels first.

use super::{ImageSet, ImageShape};
use crate::data::split::{Part, Split};
use crate::numeric::random::Stream;
use ndarray::{Array2, ArrayView2, Axis, Zip};
use rayon::prelude::*;
use std::sync::Arc;

/// Half of the largest value of a byte: a value v of a pixel is the coordinate v / 127.5 - 1.
const HALF: f64 = 127.5;

/// Images, of which each replicate has its own training, reference and fresh ones.
#[derive(Debug, Clone)]
pub struct Images {
    set: Arc<ImageSet>,
    split: Split,
    flip: bool,
}

impl Images {
    /// Splits the images as [`Split::new`] does. With `flip` each training image is followed by its mirror image, left and
    /// right exchanged, so that there are twice as many training points.
    pub fn new(set: Arc<ImageSet>, test_fraction: f64, asked: (usize, usize), flip: bool) -> Self {
        let split = Split::new(set.len(), test_fraction, asked);
        Self { set, split, flip }
    }

    /// All images.
    pub fn set(&self) -> &ImageSet {
        &self.set
    }

    /// How they are dealt.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// Whether each training image is followed by its mirror image.
    pub fn flips(&self) -> bool {
        self.flip
    }

    /// The size of one image.
    pub fn shape(&self) -> ImageShape {
        let (height, width, channels) = self.set.shape();
        ImageShape { channels, height, width }
    }

    /// Number of points of a part, mirror images included.
    pub fn count(&self, part: Part) -> usize {
        self.split.count(part) * self.copies(part)
    }

    fn copies(&self, part: Part) -> usize {
        if self.flip && part == Part::Train { 2 } else { 1 }
    }

    /// The first `n` points of a part `(n, d)`, or all of them if there are fewer; `stream` shuffles the images.
    pub(in crate::data) fn draw(&self, part: Part, n: usize, stream: &Stream) -> Array2<f64> {
        let copies = self.copies(part);
        let rows = self.split.rows(part, n.div_ceil(copies), stream);
        let mut points = Array2::zeros((n.min(rows.len() * copies), self.set.values_per_image()));
        let each = points.axis_iter_mut(Axis(0)).into_par_iter().enumerate();
        each.for_each(|(i, mut point)| {
            let point = point.as_slice_mut().expect("rows of a new array are contiguous");
            write_point(self.set.image(rows[i / copies]), self.shape(), i % copies == 1, point);
        });
        points
    }
}

/// Writes the values of an image, pixel after pixel, as a point: channel after channel, from -1 to 1.
fn write_point(image: &[u8], shape: ImageShape, mirrored: bool, point: &mut [f64]) {
    let ImageShape { channels, height, width } = shape;
    for channel in 0..channels {
        for row in 0..height {
            for column in 0..width {
                let from = if mirrored { width - 1 - column } else { column };
                let value = image[(row * width + from) * channels + channel];
                point[(channel * height + row) * width + column] = f64::from(value) / HALF - 1.0;
            }
        }
    }
}

/// The images that points `(n, d)` stand for: each coordinate x is the byte nearest to 127.5 (x + 1), cut to 0 and 255, and
/// the first image has the name 0. The inverse of the points of [`Images`].
///
/// # Panics
/// If the points do not have the shape's number of values.
pub fn images_of(points: ArrayView2<f64>, shape: ImageShape) -> ImageSet {
    let ImageShape { channels, height, width } = shape;
    assert_eq!(points.ncols(), shape.values(), "a point has the values of an image");
    let mut pixels = Array2::<u8>::zeros(points.dim());
    Zip::from(pixels.rows_mut()).and(points.rows()).par_for_each(|mut image, point| {
        for (place, value) in point.iter().enumerate() {
            let (channel, pixel) = (place / (height * width), place % (height * width));
            image[pixel * channels + channel] = (HALF * (value + 1.0)).round().clamp(0.0, 255.0) as u8;
        }
    });
    let names = (0..points.nrows()).map(|i| i.to_string()).collect();
    let pixels = pixels.into_raw_vec_and_offset().0;
    ImageSet { height, width, channels, pixels, names }
}
