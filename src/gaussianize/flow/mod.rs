//! A learned Gaussianization: a normalizing flow of coupling layers with rational-quadratic splines (Durkan et al. 2019),
//! trained by maximum likelihood. A rival of the fitted map, as the first paper's outlook asks for; not the default.
//!
//! The data are whitened. Each layer turns them by a fixed random rotation, keeps the first half of the axes, and maps each
//! of the others by a spline whose bins a small network gives from the first half. In one dimension there is no half to keep,
//! and the splines are the same for all points. The training runs in `f32` on the candle graph; the map is that of the trained
//! parameters in `f64`, so its inverse and its density are exact.

mod fit;
mod graph;
mod options;
mod spline;
mod store;

pub use options::FlowOptions;

use super::rotation::whitening::affine;
use crate::numeric::normal;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use spline::Spline;

/// Points per block of an evaluation.
const BLOCK: usize = 256;

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

/// A trained flow.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowMap {
    /// Mean of the data.
    mean: Array1<f64>,
    /// To whitened axes, `(d, d)`, its inverse, and `log |det|`.
    whiten: Array2<f64>,
    colour: Array2<f64>,
    log_det: f64,
    /// Bins of a spline.
    bins: usize,
    layers: Vec<Coupling>,
}

/// What a fit of a flow says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowReport {
    /// Iterations after which the parameters were taken.
    pub iterations: usize,
    /// Mean log-density of held-out points, nats; of the training points where none are held out.
    pub held_out_log_likelihood: f64,
    /// Mean log-density of training points, nats.
    pub training_log_likelihood: f64,
}

impl FlowMap {
    /// Dimension of the data.
    pub fn dim(&self) -> usize {
        self.mean.len()
    }

    /// How many of the axes of a layer are kept.
    fn kept(&self) -> usize {
        self.dim() / 2
    }

    /// The map of points `(n, d)`, and `log |det dz/dx|` of each.
    ///
    /// # Panics
    /// When `x` has other than `d` columns.
    pub fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, Array1<f64>) {
        assert_eq!(x.ncols(), self.dim(), "points of another dimension than the flow's");
        let (mut z, mut log_det) = (Array2::zeros(x.dim()), Array1::zeros(x.nrows()));
        let blocks = z.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter();
        let blocks =
            blocks.zip(log_det.axis_chunks_iter_mut(Axis(0), BLOCK)).zip(x.axis_chunks_iter(Axis(0), BLOCK));
        blocks.for_each(|((mut z, mut log_det), x)| {
            let mut h = affine(&self.whiten, &self.mean, x.t()).reversed_axes();
            log_det.fill(self.log_det);
            let mut spline = Spline::with_bins(self.bins);
            for layer in &self.layers {
                h = h.dot(&layer.rotation.t());
                let raw = layer.raw(&h.slice(ndarray::s![.., ..self.kept()]));
                self.each_spline(&mut h, &raw, &mut spline, |i, spline, v| {
                    let (y, log_derivative) = spline.forward(v);
                    log_det[i] += log_derivative;
                    y
                });
            }
            z.assign(&h);
        });
        (z, log_det)
    }

    /// The points of these `z`, `(n, d)`.
    ///
    /// # Panics
    /// When `z` has other than `d` columns.
    pub fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        assert_eq!(z.ncols(), self.dim(), "points of another dimension than the flow's");
        let mut x = Array2::zeros(z.dim());
        let blocks =
            x.axis_chunks_iter_mut(Axis(0), BLOCK).into_par_iter().zip(z.axis_chunks_iter(Axis(0), BLOCK));
        blocks.for_each(|(mut x, z)| {
            let mut h = z.to_owned();
            let mut spline = Spline::with_bins(self.bins);
            for layer in self.layers.iter().rev() {
                let raw = layer.raw(&h.slice(ndarray::s![.., ..self.kept()]));
                self.each_spline(&mut h, &raw, &mut spline, |_, spline, v| spline.inverse(v));
                h = h.dot(&layer.rotation);
            }
            x.assign(&(h.dot(&self.colour.t()) + &self.mean));
        });
        x
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
            let raw = raw.to_slice().expect("a product has its rows in one piece");
            for (value, raw) in row.iter_mut().skip(kept).zip(raw.chunks_exact(size)) {
                spline.set(raw);
                *value = map(i, spline, *value);
            }
        }
    }

    /// The density that the flow gives to each point `(n, d)`, nats.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let (z, mut log_density) = self.forward_with_log_det(x);
        for (total, z) in log_density.iter_mut().zip(z.rows()) {
            *total += z.iter().map(|v| normal::log_pdf(*v)).sum::<f64>();
        }
        log_density
    }
}
