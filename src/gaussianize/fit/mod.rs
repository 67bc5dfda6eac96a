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
mod state;

use ndarray::{Array2, ArrayView2, s};

use super::error::GaussianizeError;
use super::layer::Layer;
use super::map::Gaussianizer;
use super::options::{Coupling, FOLDS, GaussianizeOptions, Watch};
use super::rotation::whitening::Whitening;
use crate::numeric::random::Stream;
use prepare::{check_data, split};
use report::{CandidateReport, FitReport, LayerReport, StopReason};
use round_trip::worst;
use state::State;

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
