//! Fitting: layers are added while held-out points gain from them.
//!
//! Data are kept as `(d, n)`, one component per row. Each layer whitens, rotates, and maps each
//! component by its marginal map; then its gain is computed from the exact density of the held-out points. The best
//! number of layers is kept.

pub(super) mod components;
pub mod diagnostics;
mod pairing;
mod prepare;
pub(super) mod report;

use ndarray::{Array1, Array2, ArrayView2, Axis, s};

use super::error::GaussianizeError;
use super::layer::Layer;
use super::map::Gaussianizer;
use super::options::GaussianizeOptions;
use super::rotation::rotate;
use super::rotation::whitening::{Whitening, affine};
use crate::numeric::normal;
use crate::numeric::random::Stream;
use components::{fit_components, push, round_trip};
use diagnostics::{directions, negentropy, sliced_distance};
use prepare::{check_data, split};
use report::{FitReport, LayerReport, StopReason};

impl Gaussianizer {
    /// Fits the map to `x` of shape `(n, d)`. `progress` is called with the layers done and the most there can be.
    ///
    /// # Errors
    /// Data that cannot be gaussianized (not finite, constant or dependent columns, too few rows) or
    /// options out of range; the sentence names the place and the remedy.
    pub fn fit(
        x: ArrayView2<f64>,
        options: &GaussianizeOptions,
        stream: &Stream,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(Self, FitReport), GaussianizeError> {
        check_data(x)?;
        options.check_for(x.ncols())?;
        let mut warnings = Vec::new();
        let (train, held) = split(x, options, stream, &mut warnings)?;
        let mut state = State::new(train, held, stream)?;
        let mut layers = Vec::new();
        let mut reports: Vec<LayerReport> = Vec::new();
        // The last layer whose gain counted, and what it reached.
        let (mut kept, mut reached) = (0, f64::NEG_INFINITY);
        let (patience, min_gain) = (options.patience, options.min_gain);
        let mut ended = false;
        while layers.len() < options.layers && !ended {
            progress(layers.len(), options.layers);
            let (fitted, report) = state.add(layers.len(), options, stream, &mut warnings)?;
            let value = report.log_likelihood;
            layers.push(fitted);
            reports.push(report);
            if state.held.ncols() == 0 || value > reached + min_gain {
                (kept, reached) = (layers.len(), value);
            } else {
                ended = layers.len() - kept > patience || !value.is_finite();
            }
        }
        let stopped = match layers.len() {
            tried if kept < tried => StopReason::HeldOut { kept, tried, patience, min_gain },
            layers => StopReason::AllLayers { layers },
        };
        layers.truncate(kept.max(1));
        progress(options.layers, options.layers);
        reports.iter_mut().for_each(|report| report.kept = report.layer <= layers.len());
        let held_out_log_likelihood = reports[layers.len() - 1].log_likelihood;
        let map = Self { dim: x.ncols(), layers };
        let few = state.original.slice(s![..;state.original.nrows().div_ceil(2048).max(1), ..]);
        let back = map.inverse(map.forward(few).view());
        let round_trip = (&back - &few).iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        let training = map.log_density(state.original.view());
        let report = FitReport {
            stopped,
            layers: reports,
            warnings,
            trained_on: state.train.ncols(),
            held_out: state.held.ncols(),
            held_out_log_likelihood,
            training_log_likelihood: training.sum() / training.len() as f64,
            round_trip,
        };
        Ok((map, report))
    }
}

/// The points after the layers so far.
struct State {
    original: Array2<f64>,
    train: Array2<f64>,
    held: Array2<f64>,
    /// Sum of the layers' log-determinants, for each point that is scored: held-out ones, or all where none are held out.
    log_det: Array1<f64>,
    directions: Array2<f64>,
}

impl State {
    fn new(train: Array2<f64>, held: Array2<f64>, stream: &Stream) -> Result<Self, GaussianizeError> {
        let transposed = |m: &Array2<f64>| m.t().as_standard_layout().into_owned();
        let scored = if held.nrows() > 0 { held.nrows() } else { train.nrows() };
        let directions = directions(train.ncols(), &stream.child("directions"))
            .map_err(|reason| GaussianizeError::Numerical { layer: 0, reason })?;
        Ok(Self {
            train: transposed(&train),
            held: transposed(&held),
            log_det: Array1::zeros(scored),
            directions,
            original: train,
        })
    }

    /// Fits one more layer and applies it to all points.
    fn add(
        &mut self,
        layer: usize,
        options: &GaussianizeOptions,
        stream: &Stream,
        warnings: &mut Vec<String>,
    ) -> Result<(Layer, LayerReport), GaussianizeError> {
        let number = layer + 1;
        let failed = |reason: String| GaussianizeError::Numerical { layer, reason };
        let whitening = Whitening::fit(self.train.view(), layer)?;
        let white = affine(&whitening.matrix, &whitening.mean, self.train.view());
        let rotation = rotate(white.view(), layer, options, stream).map_err(failed)?;
        if rotation.ica_converged == Some(false) {
            warnings.push(format!(
                "layer {number}: the ICA did not converge in {} iterations; its principal axes are used instead",
                rotation.ica_iterations
            ));
        }
        let w = rotation.matrix.dot(&whitening.matrix);
        let sources = affine(&w, &whitening.mean, self.train.view());
        let seed = stream.child("pairs").child(&number.to_string());
        let components = fit_components(sources.view(), options, number, &seed).map_err(failed)?;
        let maps = components.maps();
        warnings.extend(components.notes);
        let w_inverse = whitening.inverse.dot(&rotation.matrix.t());
        let fitted = Layer::new(whitening.mean, w, w_inverse, whitening.log_det, components.marginals)?
            .with_pairs(components.pairs)?;
        let fitted = match components.joint {
            Some(joint) => fitted.with_joint(joint)?,
            None => fitted,
        };

        let held_sources = affine(&fitted.w, &fitted.mean, self.held.view());
        let any_held_out = held_sources.ncols() > 0;
        let (before, after, log_det) = if any_held_out {
            self.train = push(&fitted, sources, None);
            let mut log_det = Array2::from_elem(held_sources.dim(), 0.0);
            let after = push(&fitted, held_sources.clone(), Some(&mut log_det));
            let own = self.count(&fitted, &log_det);
            self.held = after.clone();
            (held_sources, after, own)
        } else {
            let mut log_det = Array2::from_elem(sources.dim(), 0.0);
            self.train = push(&fitted, sources.clone(), Some(&mut log_det));
            let own = self.count(&fitted, &log_det);
            (sources, self.train.clone(), own)
        };
        let previous = self.log_det.view();
        let per_point = after.map_axis(Axis(0), |z| z.iter().map(|v| normal::log_pdf(*v)).sum::<f64>());
        let log_likelihood = (&per_point + &previous).sum() / per_point.len() as f64;
        let largest = |m: &Array2<f64>| m.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        let report = LayerReport {
            layer: number,
            rotation: rotation.used,
            ica_converged: rotation.ica_converged,
            ica_iterations: rotation.ica_iterations,
            maps,
            bandwidths: components.bandwidths,
            negentropy_before: before.axis_iter(Axis(0)).map(negentropy).collect(),
            negentropy_after: after.axis_iter(Axis(0)).map(negentropy).collect(),
            distance: sliced_distance(after.view(), &self.directions),
            largest_z: largest(&self.train).max(largest(&after)),
            log_det,
            round_trip: round_trip(&fitted, before.view()),
            log_likelihood,
            kept: true,
        };
        Ok((fitted, report))
    }

    /// Adds the layer's `log |det J|` of each scored point and returns its mean.
    fn count(&mut self, fitted: &Layer, log_derivatives: &Array2<f64>) -> f64 {
        let own = log_derivatives.sum_axis(Axis(0)) + fitted.log_det;
        self.log_det += &own;
        own.sum() / own.len() as f64
    }
}
