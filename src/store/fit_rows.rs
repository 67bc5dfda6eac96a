//! `gaussianizer.csv`: what the fit of a map did, a row for each layer and component.

use super::atomic;
use super::error::StoreError;
use super::rows::Row;
use crate::gaussianize::{ComponentMap, FitReport, Rotation};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One component of one layer tried. Numbers are of held-out points where there are any.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FitRow {
    /// Layer, from 1.
    pub layer: usize,
    /// Component, from 1.
    pub component: usize,
    /// Rotation that was used, after any fall-back; empty for a layer on axes of another origin.
    pub rotation: Option<Rotation>,
    /// Whether the ICA converged; empty where there was none.
    pub ica_converged: Option<bool>,
    /// How the component was mapped: identity, marginal, pair, joint, radial or flow.
    pub map: Option<ComponentMap>,
    /// Kernel width in units of the component's standard deviation; empty where there are no kernels.
    pub bandwidth: Option<f64>,
    /// Negentropy of the component before its marginal map.
    pub negentropy_before: Option<f64>,
    /// Negentropy after it.
    pub negentropy_after: Option<f64>,
    /// Sliced Wasserstein-2 distance of the points to N(0, I) after the layer.
    pub distance: f64,
    /// Largest `|z|` after the layer.
    pub largest_z: f64,
    /// Mean `log |det J|` of the layer.
    pub log_det: f64,
    /// Largest relative error of the layer's round trip.
    pub round_trip: f64,
    /// Mean log-density in data space of the map up to the layer; empty where it is below the range of numbers.
    pub log_likelihood: Option<f64>,
    /// Whether the layer is part of the map.
    pub kept: bool,
}

impl Row for FitRow {
    fn columns() -> Vec<&'static str> {
        vec![
            "layer",
            "component",
            "rotation",
            "ica_converged",
            "map",
            "bandwidth",
            "negentropy_before",
            "negentropy_after",
            "distance",
            "largest_z",
            "log_det",
            "round_trip",
            "log_likelihood",
            "kept",
        ]
    }
}

/// The rows of a fit.
pub fn fit_rows(report: &FitReport) -> Vec<FitRow> {
    let finite = |values: &[f64], j: usize| values.get(j).copied().filter(|v| v.is_finite());
    let mut rows = Vec::new();
    for layer in &report.layers {
        for j in 0..layer.bandwidths.len() {
            rows.push(FitRow {
                layer: layer.layer,
                component: j + 1,
                rotation: layer.rotation,
                ica_converged: layer.ica_converged,
                map: layer.maps.get(j).copied(),
                bandwidth: finite(&layer.bandwidths, j),
                negentropy_before: finite(&layer.negentropy_before, j),
                negentropy_after: finite(&layer.negentropy_after, j),
                distance: layer.distance,
                largest_z: layer.largest_z,
                log_det: layer.log_det,
                round_trip: layer.round_trip,
                log_likelihood: Some(layer.log_likelihood).filter(|v| v.is_finite()),
                kept: layer.kept,
            });
        }
    }
    rows
}

/// Writes the rows of one fit on its own, without a run's label.
///
/// # Errors
/// If the file cannot be written.
pub fn write_fit(path: &Path, report: &FitReport) -> Result<(), StoreError> {
    atomic::write(path, |out| {
        let mut writer = csv::Writer::from_writer(out);
        for row in fit_rows(report) {
            writer.serialize(row)?;
        }
        writer.flush()
    })?;
    Ok(())
}
