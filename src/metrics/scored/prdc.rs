//! Precision, recall, density and coverage of samples against the reference points.

use super::{Column, Metric, MetricsOptions, Reference, ScoreStep, Scorer};
use crate::metrics::{MetricsError, RealManifold};
use ndarray::ArrayView2;

/// A pure number with four digits that the short tables show.
const fn fraction(name: &'static str, largest: f64, about: &'static str) -> Column {
    Column { name, heading: name, unit: "", digits: 4, headline: true, range: (0.0, largest), about }
}

/// Four columns.
pub struct PrdcMetric;

struct Prepared(RealManifold);

impl Metric for PrdcMetric {
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 4] = [
            fraction(
                "precision",
                1.0,
                "Fraction of the samples within the k-NN sphere of a reference point.",
            ),
            fraction("recall", 1.0, "Fraction of the reference points within the k-NN sphere of a sample."),
            fraction(
                "density",
                f64::INFINITY,
                "Mean number of reference spheres around a sample, divided by k; 1 for real points.",
            ),
            fraction("coverage", 1.0, "Fraction of the reference points whose k-NN sphere holds a sample."),
        ];
        &COLUMNS
    }

    fn prepare(
        &self,
        reference: &Reference,
        options: &MetricsOptions,
    ) -> Result<Option<Box<dyn Scorer>>, MetricsError> {
        if !options.prdc {
            return Ok(None);
        }
        let manifold = RealManifold::on(reference.device, reference.points, options.k)?;
        Ok(Some(Box::new(Prepared(manifold))))
    }
}

impl Scorer for Prepared {
    fn score(&self, x: ArrayView2<f64>, _: ScoreStep, out: &mut [Option<f64>]) -> Result<(), MetricsError> {
        let prdc = self.0.prdc(x)?;
        out.copy_from_slice(&[
            Some(prdc.precision),
            Some(prdc.recall),
            Some(prdc.density),
            Some(prdc.coverage),
        ]);
        Ok(())
    }
}
