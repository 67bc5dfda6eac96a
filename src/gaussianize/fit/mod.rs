//! Fitting: layers are added while held-out points gain from them.
//!
//! Data are kept as `(d, n)`, one component per row. Each layer whitens, rotates, and maps each
//! component by its marginal map; then its gain is computed from the exact density of the held-out points. The best
//! number of layers is kept. Where too few points can be held out, cross-validation chooses it.

pub(super) mod components;
mod cross_validation;
pub mod diagnostics;
mod gain;
mod pairing;
pub(super) mod prepare;
pub(super) mod report;
mod rotated;
mod round_trip;
mod select;

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::error::GaussianizeError;
use super::layer::Layer;
use super::map::Gaussianizer;
use super::options::{Coupling, FOLDS, GaussianizeOptions, Rotation, Watch};
use super::rotation::whitening::{Whitening, affine};
use crate::numeric::normal;
use crate::numeric::random::Stream;
use components::push;
use diagnostics::{directions, negentropy, sliced_distance};
use prepare::{check_data, split};
use report::{CandidateReport, ComponentMap, FitReport, LayerReport, StopReason};
use rotated::RotatedLayer;
use round_trip::worst;

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
        let options = &options.without_idle_selection();
        let fit = match options.watch(x.nrows()) {
            _ if options.coupling == Coupling::Auto => Fit::selected(x, options, stream, progress),
            _ if options.coupling == Coupling::Flow => Fit::trained(x, options, stream, progress),
            Watch::Nothing => Fit::layer_by_layer(x, 0, options, stream, progress),
            Watch::HeldOut(held) => Fit::layer_by_layer(x, held, options, stream, progress),
            Watch::CrossValidation { too_few } => Fit::cross_validated(x, too_few, options, stream, progress),
        };
        let mut fit = fit.map_err(|error| match error {
            // Rows are counted in all the data, not in the part that the layers were fitted to.
            GaussianizeError::RowDominates { .. } => Whitening::fit(x.t(), 0).err().unwrap_or(error),
            error => error,
        })?;
        progress(options.layers, options.layers);
        let kept = fit.layers.len();
        fit.reports.iter_mut().for_each(|report| report.kept = report.layer <= kept);
        let map = Self { dim: x.ncols(), layers: fit.layers };
        let few = fit.train.slice(s![..;fit.train.nrows().div_ceil(2048).max(1), ..]);
        let round_trip = worst(&map.inverse(map.forward(few).view()), &few.to_owned());
        let off_data = round_trip::off_data(few);
        let back = map.inverse(map.forward(off_data.view()).view());
        let round_trip_off_data = worst(&back, &off_data);
        fit.warnings.extend(round_trip::warning(few, &off_data, &back, options.tails));
        let training = map.log_density(fit.train.view());
        let report = FitReport {
            stopped: fit.stopped,
            held_out_log_likelihood: fit.reports[kept - 1].log_likelihood,
            layers: fit.reports,
            candidates: fit.candidates,
            warnings: fit.warnings,
            trained_on: fit.train.nrows(),
            held_out: fit.held_out,
            training_log_likelihood: training.sum() / training.len() as f64,
            round_trip,
            round_trip_off_data,
        };
        Ok((map, report))
    }
}

/// The layers of a map, and how they came to be.
struct Fit {
    layers: Vec<Layer>,
    /// Every layer tried.
    reports: Vec<LayerReport>,
    stopped: StopReason,
    warnings: Vec<String>,
    /// The points that the layers were fitted to.
    train: Array2<f64>,
    held_out: usize,
    /// What a selection tried.
    candidates: Vec<CandidateReport>,
}

impl Fit {
    /// Adds layers while `held` held-out points gain; all of them without such points.
    fn layer_by_layer(
        x: ArrayView2<f64>,
        held: usize,
        options: &GaussianizeOptions,
        stream: &Stream,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, GaussianizeError> {
        let mut warnings = Vec::new();
        let (train, held) = split(x, held, stream)?;
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
        Ok(Self {
            layers,
            reports,
            stopped,
            warnings,
            held_out: state.held.ncols(),
            train: state.original,
            candidates: Vec::new(),
        })
    }

    /// One layer, a flow that is trained.
    fn trained(
        x: ArrayView2<f64>,
        options: &GaussianizeOptions,
        stream: &Stream,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, GaussianizeError> {
        let held = (options.held_out * x.nrows() as f64).round() as usize;
        let (train, held) = split(x, held, stream)?;
        let (layer, taken, score) = Layer::trained(&train, &held, &options.flow, stream, progress)?;
        let mut state = State::new(train, Array2::zeros((0, x.ncols())), stream)?;
        let report = state.push(&layer, 1, score);
        let (iterations, watched) = (options.flow.iterations, held.nrows() > 0);
        Ok(Self {
            layers: vec![layer],
            reports: vec![report],
            stopped: StopReason::Trained { taken, iterations, watched },
            warnings: Vec::new(),
            held_out: held.nrows(),
            train: state.original,
            candidates: Vec::new(),
        })
    }

    /// As many layers as cross-validation asks for, fitted to all points; `too_few` of them would be held out else.
    fn cross_validated(
        x: ArrayView2<f64>,
        too_few: usize,
        options: &GaussianizeOptions,
        stream: &Stream,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Self, GaussianizeError> {
        let x = x.to_owned();
        // Dependent columns are refused, however few the points.
        Whitening::fit(x.t(), 0)?;
        let choice = cross_validation::choose(&x, options, stream, progress)?;
        let mut warnings = vec![format!(
            "{too_few} held-out points are too few to watch a fit; cross-validation over {FOLDS} parts of all {} points chose the number of layers",
            x.nrows()
        )];
        let none = Array2::zeros((0, x.ncols()));
        let mut state = State::new(x, none, stream)?;
        let (mut layers, mut reports) = (Vec::new(), Vec::new());
        if choice.kept == 0 {
            let layer = cross_validation::one_normal(state.original.view(), choice.kept_correlation)?;
            let report = state.one_normal(&layer, choice.log_likelihoods.first().copied());
            (layers, reports) = (vec![layer], vec![report]);
        }
        for layer in 0..choice.kept {
            let (fitted, mut report) = state.add(layer, options, stream, &mut warnings)?;
            report.log_likelihood = choice.log_likelihoods[layer + 1];
            layers.push(fitted);
            reports.push(report);
        }
        let tried = choice.log_likelihoods.len().saturating_sub(1);
        let stopped = StopReason::CrossValidation { kept: choice.kept, tried, folds: FOLDS };
        Ok(Self {
            layers,
            reports,
            stopped,
            warnings,
            held_out: 0,
            train: state.original,
            candidates: Vec::new(),
        })
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

    /// The log-density in data space of each scored point under the layers so far.
    fn log_densities(&self) -> Array1<f64> {
        let z = if self.held.ncols() > 0 { &self.held } else { &self.train };
        let per_point = z.map_axis(Axis(0), |z| z.iter().map(|v| normal::log_pdf(*v)).sum::<f64>());
        &per_point + &self.log_det
    }

    /// Applies the whitening of one normal distribution in place of a first layer, and reports it.
    fn one_normal(&mut self, layer: &Layer, cross_validated: Option<f64>) -> LayerReport {
        let d = self.train.nrows();
        self.train = affine(&layer.w, &layer.mean, self.train.view());
        self.log_det.fill(layer.log_det);
        let own = self.log_densities();
        let negentropies: Vec<f64> = self.train.axis_iter(Axis(0)).map(negentropy).collect();
        LayerReport {
            layer: 1,
            rotation: Some(Rotation::Pca),
            ica_converged: None,
            ica_iterations: 0,
            maps: vec![ComponentMap::Identity; d],
            bandwidths: vec![f64::NAN; d],
            negentropy_before: negentropies.clone(),
            negentropy_after: negentropies,
            distance: sliced_distance(self.train.view(), &self.directions),
            largest_z: self.train.iter().fold(0.0, |a: f64, b| a.max(b.abs())),
            log_det: layer.log_det,
            round_trip: 0.0,
            log_likelihood: cross_validated.unwrap_or(own.sum() / own.len() as f64),
            kept: true,
        }
    }

    /// Applies a layer that was fitted elsewhere to all points, and reports it as layer `number`, with this score.
    fn push(&mut self, layer: &Layer, number: usize, log_likelihood: f64) -> LayerReport {
        let sources = affine(&layer.w, &layer.mean, self.train.view());
        let negentropies = |m: &Array2<f64>| m.axis_iter(Axis(0)).into_par_iter().map(negentropy).collect();
        let (negentropy_before, round_trip) =
            (negentropies(&sources), components::round_trip(layer, sources.view()));
        let mut log_det = Array2::from_elem(sources.dim(), 0.0);
        self.train = push(layer, sources, Some(&mut log_det));
        let log_det = self.count(layer, &log_det);
        LayerReport {
            layer: number,
            rotation: None,
            ica_converged: None,
            ica_iterations: 0,
            maps: components::maps_of(layer),
            bandwidths: vec![f64::NAN; self.train.nrows()],
            negentropy_before,
            negentropy_after: negentropies(&self.train),
            distance: sliced_distance(self.train.view(), &self.directions),
            largest_z: self.train.iter().fold(0.0, |a: f64, b| a.max(b.abs())),
            log_det,
            round_trip,
            log_likelihood,
            kept: true,
        }
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
        let of_pairs = stream.child("pairs").child(&number.to_string());
        let RotatedLayer { layer: fitted, rotation, sources, bandwidths, notes } =
            rotated::fit(self.train.view(), layer, options, stream, &of_pairs)?;
        if rotation.ica_converged == Some(false) {
            warnings.push(format!(
                "layer {number}: the ICA did not converge in {} iterations; its principal axes are used instead",
                rotation.ica_iterations
            ));
        }
        warnings.extend(notes);
        let maps = components::maps_of(&fitted);
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
        let log_densities = self.log_densities();
        let log_likelihood = log_densities.sum() / log_densities.len() as f64;
        let largest = |m: &Array2<f64>| m.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
        let report = LayerReport {
            layer: number,
            rotation: Some(rotation.used),
            ica_converged: rotation.ica_converged,
            ica_iterations: rotation.ica_iterations,
            maps,
            bandwidths,
            negentropy_before: before.axis_iter(Axis(0)).map(negentropy).collect(),
            negentropy_after: after.axis_iter(Axis(0)).map(negentropy).collect(),
            distance: sliced_distance(after.view(), &self.directions),
            largest_z: largest(&self.train).max(largest(&after)),
            log_det,
            round_trip: components::round_trip(&fitted, before.view()),
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
