//! The sliced Wasserstein-2 distance of samples to the reference points.

use super::{Column, Distances, Metric, MetricsOptions, Reference, ScoreStep, Scorer};
use crate::metrics::{MetricsError, SlicedW2};
use ndarray::ArrayView2;

/// One column.
pub struct SlicedW2Metric;

struct Prepared {
    real: SlicedW2,
    steps: Distances,
}

impl Metric for SlicedW2Metric {
    fn columns(&self) -> &'static [Column] {
        &[Column {
            name: "sliced_w2",
            heading: "sliced W2",
            unit: "",
            digits: 4,
            headline: true,
            range: (0.0, f64::INFINITY),
            about: "Sliced Wasserstein-2 distance of the samples to the reference points, in units of the data: over 64 evenly spaced angles in two dimensions, over 128 fixed directions or more in higher ones.",
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
        let real = SlicedW2::new(reference.points)?;
        Ok(Some(Box::new(Prepared { real, steps: options.distances })))
    }
}

impl Scorer for Prepared {
    fn score(&self, x: ArrayView2<f64>, at: ScoreStep, out: &mut [Option<f64>]) -> Result<(), MetricsError> {
        if self.steps.include(at) {
            out[0] = Some(self.real.distance(x)?);
        }
        Ok(())
    }
}
