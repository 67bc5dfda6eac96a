//! A learned layer: a normalizing flow of coupling layers with rational-quadratic splines (Durkan et al. 2019), trained by
//! maximum likelihood. A rival of the fitted maps, as the first paper's outlook asks for; not the default.
//!
//! The layer whitens. Each coupling then turns the points by a fixed random rotation, keeps the first half of the axes, and
//! maps each of the others by a spline whose bins a small network gives from the first half. In one dimension there is no half
//! to keep, and the splines are the same for all points. The training runs in `f32` on the candle graph; the map is that of the
//! trained parameters in `f64`, so that its inverse and its density are exact.

mod fit;
mod graph;
mod options;
mod spline;
mod tensors;

pub use options::FlowOptions;

use ndarray::{Array1, Array2, ArrayView2, s};
use spline::Spline;

/// A dense layer `x W^T + b`.
#[derive(Debug, Clone, PartialEq)]
struct Dense {
    /// `(out, in)`.
    weight: Array2<f64>,
    /// `(out)`.
    bias: Array1<f64>,
}

impl Dense {
    fn forward(&self, x: &Array2<f64>) -> Array2<f64> {
        let product = x.dot(&self.weight.t());
        product.as_standard_layout().into_owned() + &self.bias
    }
}

/// A coupling layer.
#[derive(Debug, Clone, PartialEq)]
struct Coupling {
    /// Orthogonal, `(d, d)`: the layer works on `rotation x`.
    rotation: Array2<f64>,
    /// The network that gives the splines of the second half of the axes from the first half; ReLU between its layers.
    network: Vec<Dense>,
}

impl Coupling {
    /// The raw numbers of the splines, `(n, (d - kept) numbers(bins))`.
    fn raw(&self, kept: &ArrayView2<f64>) -> Array2<f64> {
        let mut h = if kept.ncols() == 0 { Array2::zeros((kept.nrows(), 1)) } else { kept.to_owned() };
        for (i, dense) in self.network.iter().enumerate() {
            h = dense.forward(&h);
            if i + 1 < self.network.len() {
                h.mapv_inplace(|v| v.max(0.0));
            }
        }
        h
    }
}

/// A trained flow of `d` whitened axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    dim: usize,
    /// Bins of a spline.
    bins: usize,
    couplings: Vec<Coupling>,
}

impl Flow {
    /// Dimension `d`.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// How many of the axes of a coupling are kept.
    fn kept(&self) -> usize {
        self.dim / 2
    }

    /// Maps points in place, `rows` being `d` rows of `m` numbers; `each` gets the index of a point and the part of
    /// `log |det dz/dh|` that a spline adds.
    pub(super) fn forward(&self, rows: &mut [f64], m: usize, mut each: impl FnMut(usize, f64)) {
        let mut h = points_of(rows, m);
        let mut spline = Spline::with_bins(self.bins);
        for coupling in &self.couplings {
            h = h.dot(&coupling.rotation.t());
            let raw = coupling.raw(&h.slice(s![.., ..self.kept()]));
            self.each_spline(&mut h, &raw, &mut spline, |i, spline, v| {
                let (y, log_derivative) = spline.forward(v);
                each(i, log_derivative);
                y
            });
        }
        put_back(&h, rows, m);
    }

    /// The inverse of [`forward`](Self::forward).
    pub(super) fn inverse(&self, rows: &mut [f64], m: usize) {
        let mut h = points_of(rows, m);
        let mut spline = Spline::with_bins(self.bins);
        for coupling in self.couplings.iter().rev() {
            let raw = coupling.raw(&h.slice(s![.., ..self.kept()]));
            self.each_spline(&mut h, &raw, &mut spline, |_, spline, v| spline.inverse(v));
            h = h.dot(&coupling.rotation);
        }
        put_back(&h, rows, m);
    }

    /// Puts each value of the mapped axes through its spline; `map` gets the row, the spline and the value.
    fn each_spline(
        &self,
        h: &mut Array2<f64>,
        raw: &Array2<f64>,
        spline: &mut Spline,
        mut map: impl FnMut(usize, &Spline, f64) -> f64,
    ) {
        let (kept, size) = (self.kept(), spline::numbers(self.bins));
        for (i, (mut row, raw)) in h.rows_mut().into_iter().zip(raw.rows()).enumerate() {
            let raw = raw.to_slice().expect("the rows of a product are made contiguous");
            for (value, raw) in row.iter_mut().skip(kept).zip(raw.chunks_exact(size)) {
                spline.set(raw);
                *value = map(i, spline, *value);
            }
        }
    }
}

/// `d` rows of `m` numbers as `m` points `(m, d)`.
fn points_of(rows: &[f64], m: usize) -> Array2<f64> {
    Array2::from_shape_fn((m, rows.len() / m.max(1)), |(i, j)| rows[j * m + i])
}

fn put_back(points: &Array2<f64>, rows: &mut [f64], m: usize) {
    for (row, column) in rows.chunks_exact_mut(m).zip(points.columns()) {
        row.iter_mut().zip(column).for_each(|(a, b)| *a = *b);
    }
}
