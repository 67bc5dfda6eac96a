//! The log-likelihood of samples under the true density (G 24-25), where it is known.

use super::{Column, Metric, MetricsOptions, Reference, ScoreStep, Scorer};
use crate::data::mixture::GaussianMixture;
use crate::metrics::{MetricsError, log_likelihood_stats};
use ndarray::ArrayView2;

const ANY: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

/// Three columns: mean, median, and the fraction of samples that are less likely than every real point.
pub struct LogLikelihood;

struct Prepared {
    mixture: GaussianMixture,
    smallest_real: f64,
}

impl Metric for LogLikelihood {
    fn columns(&self) -> &'static [Column] {
        &[
            Column {
                name: "log_likelihood",
                heading: "log-likelihood",
                unit: "nats",
                digits: 3,
                headline: true,
                range: ANY,
                about: "Mean log-density of the samples under the true mixture (G 25).",
            },
            Column {
                name: "log_likelihood_median",
                heading: "median",
                unit: "nats",
                digits: 3,
                headline: false,
                range: ANY,
                about: "Median over the samples of the same log-density, which a few far samples do not move.",
            },
            Column {
                name: "off_support",
                heading: "off-support",
                unit: "",
                digits: 4,
                headline: true,
                range: (0.0, 1.0),
                about: "Fraction of the samples that are less likely than every reference point.",
            },
        ]
    }

    fn prepare(
        &self,
        reference: &Reference,
        options: &MetricsOptions,
    ) -> Result<Option<Box<dyn Scorer>>, MetricsError> {
        let Some(mixture) = reference.density.filter(|_| options.log_likelihood) else { return Ok(None) };
        let densities = mixture.log_density(reference.points);
        let smallest_real = densities.into_iter().fold(f64::INFINITY, f64::min);
        Ok(Some(Box::new(Prepared { mixture: mixture.clone(), smallest_real })))
    }
}

impl Scorer for Prepared {
    fn score(&self, x: ArrayView2<f64>, _: ScoreStep, out: &mut [Option<f64>]) -> Result<(), MetricsError> {
        let stats = log_likelihood_stats(&self.mixture.log_density(x).to_vec(), self.smallest_real);
        out.copy_from_slice(&[Some(stats.mean), Some(stats.median), Some(stats.off_support)]);
        Ok(())
    }
}
