//! The error of the mode weights of samples, where the data are a mixture.

use super::{Column, Distances, Metric, MetricsOptions, Reference, ScoreStep, Scorer};
use crate::data::mixture::GaussianMixture;
use crate::metrics::{MetricsError, mode_error};
use ndarray::ArrayView2;

/// One column.
pub struct ModeError;

struct Prepared {
    mixture: GaussianMixture,
    steps: Distances,
}

impl Metric for ModeError {
    fn columns(&self) -> &'static [Column] {
        &[Column {
            name: "mode_error",
            heading: "mode error",
            unit: "",
            digits: 4,
            headline: true,
            range: (0.0, 2.0),
            about: "L1 error of the mode weights: the sum over the mixture's components of the difference between their mean responsibility for the samples and their weight.",
        }]
    }

    fn prepare(
        &self,
        reference: &Reference,
        options: &MetricsOptions,
    ) -> Result<Option<Box<dyn Scorer>>, MetricsError> {
        let steps = options.distances;
        let Some(mixture) = reference.density.filter(|_| steps != Distances::None) else { return Ok(None) };
        Ok(Some(Box::new(Prepared { mixture: mixture.clone(), steps })))
    }
}

impl Scorer for Prepared {
    fn score(&self, x: ArrayView2<f64>, at: ScoreStep, out: &mut [Option<f64>]) -> Result<(), MetricsError> {
        if self.steps.include(at) {
            out[0] = Some(mode_error(&self.mixture, x)?);
        }
        Ok(())
    }
}
