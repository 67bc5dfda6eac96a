//! Fitting: layers are added while held-out points gain from them.
//!
//! Data are kept as `(d, n)`, one component per row. Each layer whitens, rotates, and maps each
//! component by its marginal; then the held-out points go through it and its gain is read off their
//! exact density. The best number of layers is kept.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::diagnostics::{directions, negentropy, sliced_distance};
use super::error::GaussianizeError;
use super::layer::Layer;
use super::map::Gaussianizer;
use super::marginal::Marginal;
use super::matrix::{Whitening, affine};
use super::options::{Components, GaussianizeOptions};
use super::prepare::{check_data, split};
use super::report::{FitReport, LayerReport, StopReason};
use super::rotation::rotate;
use super::{ica, normal};
use crate::random::Stream;

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
        options.check()?;
        check_data(x)?;
        let mut warnings = Vec::new();
        let (train, held) = split(x, options, stream, &mut warnings)?;
        let mut state = State::new(train, held, stream)?;
        let mut layers = Vec::new();
        let mut reports: Vec<LayerReport> = Vec::new();
        // Best layer so far, and the last one whose gain counted.
        let (mut best, mut best_value) = (0, f64::NEG_INFINITY);
        let (mut counted, mut counted_value) = (0, f64::NEG_INFINITY);
        let mut stopped = StopReason::AllLayers { layers: options.layers };
        for layer in 0..options.layers {
            progress(layer, options.layers);
            let (fitted, report) = state.add(layer, options, stream, &mut warnings)?;
            let value = report.log_likelihood;
            layers.push(fitted);
            reports.push(report);
            if state.held.ncols() == 0 {
                best = layer + 1;
                continue;
            }
            if value > best_value {
                (best, best_value) = (layer + 1, value);
            }
            if value > counted_value + options.min_gain {
                (counted, counted_value) = (layer + 1, value);
            } else if layer + 1 - counted > options.patience || !value.is_finite() {
                let (patience, min_gain) = (options.patience, options.min_gain);
                stopped = StopReason::HeldOut { kept: best, tried: layer + 1, patience, min_gain };
                break;
            }
        }
        if best < layers.len() && matches!(stopped, StopReason::AllLayers { .. }) {
            let (patience, min_gain) = (options.patience, options.min_gain);
            stopped = StopReason::HeldOut { kept: best, tried: layers.len(), patience, min_gain };
        }
        layers.truncate(best.max(1));
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

/// Where the points stand after the layers so far.
struct State {
    original: Array2<f64>,
    train: Array2<f64>,
    held: Array2<f64>,
    /// Sum of the layers' log-determinants, per watched point.
    log_det: Array1<f64>,
    directions: Array2<f64>,
}

impl State {
    fn new(train: Array2<f64>, held: Array2<f64>, stream: &Stream) -> Result<Self, GaussianizeError> {
        let transposed = |m: &Array2<f64>| m.t().as_standard_layout().into_owned();
        let watched = if held.nrows() > 0 { held.nrows() } else { train.nrows() };
        let directions = directions(train.ncols(), &stream.child("directions"))
            .map_err(|reason| GaussianizeError::Numerical { layer: 0, reason })?;
        Ok(Self {
            train: transposed(&train),
            held: transposed(&held),
            log_det: Array1::zeros(watched),
            directions,
            original: train,
        })
    }

    /// Fits one more layer and sends all points through it.
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
        let turn = rotate(white.view(), layer, options, stream).map_err(failed)?;
        if turn.ica_converged == Some(false) {
            warnings.push(format!(
                "layer {number}: the ICA did not converge in {} iterations; its principal axes are used instead",
                turn.ica_iterations
            ));
        }
        let w = turn.matrix.dot(&whitening.matrix);
        let sources = affine(&w, &whitening.mean, self.train.view());
        let chosen = chosen_components(sources.view(), options.components);
        let fits: Vec<Result<Option<ComponentFit>, String>> = (0..sources.nrows())
            .into_par_iter()
            .map(|j| {
                if chosen[j] { fit_component(sources.row(j), options, number, j).map(Some) } else { Ok(None) }
            })
            .collect();
        let (mut marginals, mut bandwidths) = (Vec::new(), Vec::new());
        for fit in fits {
            let (marginal, bandwidth) = match fit.map_err(failed)? {
                Some(ComponentFit { marginal, bandwidth, notes }) => {
                    warnings.extend(notes);
                    (Some(marginal), bandwidth)
                }
                None => (None, f64::NAN),
            };
            marginals.push(marginal);
            bandwidths.push(bandwidth);
        }
        let w_inverse = whitening.inverse.dot(&turn.matrix.t());
        let fitted = Layer::new(whitening.mean, w, w_inverse, whitening.log_det, marginals)?;

        let held_sources = affine(&fitted.w, &fitted.mean, self.held.view());
        let watched_any = held_sources.ncols() > 0;
        let (before, after, log_det) = if watched_any {
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
            rotation: turn.used,
            ica_converged: turn.ica_converged,
            ica_iterations: turn.ica_iterations,
            bandwidths,
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

    /// Adds the layer's `log |det J|` of each watched point and returns its mean.
    fn count(&mut self, fitted: &Layer, log_slopes: &Array2<f64>) -> f64 {
        let own = log_slopes.sum_axis(Axis(0)) + fitted.log_det;
        self.log_det += &own;
        own.sum() / own.len() as f64
    }
}

/// Which components are to be gaussianized: the most non-Gaussian ones first.
fn chosen_components(sources: ArrayView2<f64>, components: Components) -> Vec<bool> {
    let d = sources.nrows();
    let Components::Leading(m) = components else { return vec![true; d] };
    let mut order: Vec<(f64, usize)> = sources.axis_iter(Axis(0)).map(negentropy).zip(0..).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut chosen = vec![false; d];
    order.iter().take(m).for_each(|(_, j)| chosen[*j] = true);
    chosen
}

struct ComponentFit {
    marginal: Marginal,
    bandwidth: f64,
    notes: Vec<String>,
}

fn fit_component(
    values: ArrayView1<f64>,
    options: &GaussianizeOptions,
    layer: usize,
    component: usize,
) -> Result<ComponentFit, String> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rule = options.bandwidth.choose(&sorted);
    let mut notes = Vec::new();
    if rule.fell_back {
        notes.push(format!(
            "layer {layer}, component {component}: the bandwidth rule found no answer; Silverman's is used instead"
        ));
    }
    let wanted = rule.value * options.bandwidth_factor;
    let Some((marginal, fit)) = Marginal::fit(&sorted, wanted, options.tails) else {
        return Err(format!("component {component} has no usable density at bandwidth {wanted:e}"));
    };
    if fit.widened {
        notes.push(format!(
            "layer {layer}, component {component}: bandwidth {wanted:.3e} is too small for a table, {:.3e} is used instead",
            fit.bandwidth
        ));
    }
    Ok(ComponentFit { marginal, bandwidth: fit.bandwidth, notes })
}

/// Sends components through the marginals; `log_slopes` takes `log dz/ds` of each.
fn push(layer: &Layer, mut sources: Array2<f64>, log_slopes: Option<&mut Array2<f64>>) -> Array2<f64> {
    let rows = sources.axis_iter_mut(Axis(0)).into_par_iter().zip(&layer.marginals);
    match log_slopes {
        None => rows.for_each(|(mut row, marginal)| {
            if let Some(marginal) = marginal {
                row.par_mapv_inplace(|v| marginal.forward(v));
            }
        }),
        Some(log_slopes) => {
            rows.zip(log_slopes.axis_iter_mut(Axis(0))).for_each(|((mut row, marginal), mut slopes)| {
                let Some(marginal) = marginal else { return };
                row.iter_mut().zip(&mut slopes).for_each(|(v, log_slope)| {
                    let (z, slope) = marginal.forward_with_slope(*v);
                    (*v, *log_slope) = (z, slope.ln());
                });
            });
        }
    }
    sources
}

/// Largest error of going through the marginals and back, over up to 1024 points; components have spread 1.
fn round_trip(layer: &Layer, sources: ArrayView2<f64>) -> f64 {
    let few = ica::every_so_many(sources, 1024);
    let mut worst = 0.0_f64;
    for (row, marginal) in few.axis_iter(Axis(0)).zip(&layer.marginals) {
        let Some(marginal) = marginal else { continue };
        for s in row {
            worst = worst.max((marginal.inverse(marginal.forward(*s)) - s).abs());
        }
    }
    worst
}
