//! The points of a fit, as the layers so far leave them.

use super::components::{self, push};
use super::diagnostics::{directions, negentropy, sliced_distance};
use super::report::{ComponentMap, LayerReport};
use super::rotated::{self, RotatedLayer};
use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::layer::Layer;
use crate::gaussianize::options::{GaussianizeOptions, Rotation};
use crate::gaussianize::rotation::whitening::affine;
use crate::numeric::normal;
use crate::numeric::random::Stream;
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

/// The points after the layers so far.
pub(super) struct State {
    pub(super) original: Array2<f64>,
    pub(super) train: Array2<f64>,
    pub(super) held: Array2<f64>,
    /// Sum of the layers' log-determinants, for each point that is scored: held-out ones, or all where none are held out.
    pub(super) log_det: Array1<f64>,
    pub(super) directions: Array2<f64>,
}

impl State {
    /// The points before the first layer; without held-out ones all are scored.
    pub(super) fn new(
        train: Array2<f64>,
        held: Array2<f64>,
        stream: &Stream,
    ) -> Result<Self, GaussianizeError> {
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
    pub(super) fn log_densities(&self) -> Array1<f64> {
        let z = if self.held.ncols() > 0 { &self.held } else { &self.train };
        let per_point = z.map_axis(Axis(0), |z| z.iter().map(|v| normal::log_pdf(*v)).sum::<f64>());
        &per_point + &self.log_det
    }

    /// Applies the whitening of one normal distribution in place of a first layer, and reports it.
    pub(super) fn one_normal(&mut self, layer: &Layer, cross_validated: Option<f64>) -> LayerReport {
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
    pub(super) fn push(&mut self, layer: &Layer, number: usize, log_likelihood: f64) -> LayerReport {
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
    pub(super) fn add(
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
    pub(super) fn count(&mut self, fitted: &Layer, log_derivatives: &Array2<f64>) -> f64 {
        let own = log_derivatives.sum_axis(Axis(0)) + fitted.log_det;
        self.log_det += &own;
        own.sum() / own.len() as f64
    }
}
