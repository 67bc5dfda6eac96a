//! The energy distance of samples to the reference points.

use super::{Column, Distances, Metric, MetricsOptions, Reference, ScoreStep, Scorer};
use crate::metrics::{EnergyDistance, MetricsError};
use ndarray::ArrayView2;

/// One column.
pub struct EnergyDistanceMetric;

struct Prepared {
    real: EnergyDistance,
    steps: Distances,
}

impl Metric for EnergyDistanceMetric {
    fn columns(&self) -> &'static [Column] {
        &[Column {
            name: "energy_distance",
            heading: "energy distance",
            unit: "",
            digits: 5,
            headline: false,
            range: (f64::NEG_INFINITY, f64::INFINITY),
            about: "Squared energy distance, in units of the data: twice the mean distance from a sample to a reference point, less the mean distances between two samples and between two reference points; 0 in expectation for real points, hence sometimes below.",
        }]
    }

    fn prepare(
        &self,
        reference: &Reference,
        options: &MetricsOptions,
    ) -> Result<Option<Box<dyn Scorer>>, MetricsError> {
        if options.distances == Distances::None {
            return Ok(None);
        }
        let real = EnergyDistance::new(reference.points)?;
        Ok(Some(Box::new(Prepared { real, steps: options.distances })))
    }
}

impl Scorer for Prepared {
    fn score(&self, x: ArrayView2<f64>, at: ScoreStep, out: &mut [Option<f64>]) -> Result<(), MetricsError> {
        if self.steps.include(at) {
            out[0] = self.real.distance(x)?;
        }
        Ok(())
    }
}
