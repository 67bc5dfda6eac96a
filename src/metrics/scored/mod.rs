//! The metrics that a run computes at its reverse steps, as one table: everything that names columns, from
//! `metrics.csv` to the figures, reads it. A new metric is a file of this folder and a line of [`METRICS`].

mod committed;
mod energy_distance;
mod features;
mod log_likelihood;
mod mode_error;
mod options;
mod prdc;
mod sliced_w2;

pub use committed::COMMITTED;
pub use features::FEATURE_COLUMNS;
pub use options::{Distances, MetricsOptions};

use super::MetricsError;
use crate::data::images::ImageShape;
use crate::data::mixture::GaussianMixture;
use crate::numeric::trace::Trace;
use candle_core::Device;
use ndarray::ArrayView2;

/// Every metric, in the order of its columns in `metrics.csv`.
pub static METRICS: &[&dyn Metric] = &[
    &log_likelihood::LogLikelihood,
    &prdc::PrdcMetric,
    &sliced_w2::SlicedW2Metric,
    &energy_distance::EnergyDistanceMetric,
    &mode_error::ModeError,
    &committed::Committed,
    &features::FeatureMetrics,
];

/// A column of `metrics.csv`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Its name in the tables.
    pub name: &'static str,
    /// Its heading where people read it, and its label on an axis without the unit.
    pub heading: &'static str,
    /// Its unit; empty for a pure number.
    pub unit: &'static str,
    /// Digits after the point where people read it.
    pub digits: usize,
    /// Whether the short tables of the terminal show it.
    pub headline: bool,
    /// The smallest and the largest value that it can have.
    pub range: (f64, f64),
    /// What it measures, in a sentence.
    pub about: &'static str,
}

impl Column {
    /// Heading and unit: the label of an axis.
    pub fn label(&self) -> String {
        if self.unit.is_empty() {
            self.heading.to_string()
        } else {
            format!("{} ({})", self.heading, self.unit)
        }
    }
}

/// The real points that samples are compared with, and what is known of where they come from.
#[derive(Clone, Copy)]
pub struct Reference<'a> {
    /// Real points `(m, d)`, in data space.
    pub points: ArrayView2<'a, f64>,
    /// Their density, where it is known.
    pub density: Option<&'a GaussianMixture>,
    /// Their shape, where they are images.
    pub image: Option<ImageShape>,
    /// Where distances may be computed.
    pub device: &'a Device,
}

/// Which reverse step is scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScoreStep {
    /// Reverse step, from 0 (x_T).
    pub step: usize,
    /// The last step.
    pub last: usize,
}

impl ScoreStep {
    /// The step of points that are compared as if they were the final samples.
    pub const FINAL: Self = Self { step: 0, last: 0 };
}

/// A metric before it has seen the reference points.
pub trait Metric: Sync {
    /// Its columns.
    fn columns(&self) -> &'static [Column];

    /// Prepares what is computed once for all scored steps; none where the options leave the metric out or it does
    /// not apply to these data.
    ///
    /// # Errors
    /// If the reference points cannot be used.
    fn prepare(
        &self,
        reference: &Reference,
        options: &MetricsOptions,
    ) -> Result<Option<Box<dyn Scorer>>, MetricsError>;
}

/// A metric that is ready to score samples, from any number of threads.
pub trait Scorer: Send + Sync {
    /// Scores points `(n, d)` of data space: a value for each of the metric's columns, none where it is not asked
    /// for at this step.
    ///
    /// # Errors
    /// If a point is not finite or the points do not fit.
    fn score(&self, x: ArrayView2<f64>, at: ScoreStep, out: &mut [Option<f64>]) -> Result<(), MetricsError>;
}

/// All columns, in order.
pub fn columns() -> impl Iterator<Item = &'static Column> {
    METRICS.iter().flat_map(|metric| metric.columns())
}

/// The column of that name.
pub fn column(name: &str) -> Option<&'static Column> {
    columns().find(|column| column.name == name)
}

/// Bits/dim of held-out images: no metric of samples, but of the network, at the evaluations that ask for it.
pub static BITS_PER_DIM: Column = Column {
    name: "bits_per_dim",
    heading: "bits/dim",
    unit: "bits",
    digits: 3,
    headline: false,
    range: (0.0, f64::INFINITY),
    about: "the variational bound of held-out images in bits for each value; lower is better",
};

/// All columns of an evaluation of a network while it trains, in order.
pub fn training_columns() -> impl Iterator<Item = &'static Column> {
    columns().chain([&BITS_PER_DIM])
}

/// Every metric, prepared for one set of reference points.
pub struct Scorers {
    /// In the order of [`METRICS`].
    scorers: Vec<Option<Box<dyn Scorer>>>,
}

impl Scorers {
    /// Prepares all metrics that the options ask for.
    ///
    /// # Errors
    /// If the reference points cannot be used.
    pub fn prepare(reference: &Reference, options: &MetricsOptions) -> Result<Self, MetricsError> {
        let scorers = METRICS.iter().map(|metric| metric.prepare(reference, options));
        Ok(Self { scorers: scorers.collect::<Result<_, _>>()? })
    }

    /// The values of all [`columns`] for points `(n, d)` of data space. Each metric is a span of the trace, named by its
    /// first column.
    ///
    /// # Errors
    /// If a point is not finite or the points do not fit.
    pub fn score(
        &self,
        x: ArrayView2<f64>,
        at: ScoreStep,
        trace: &Trace,
    ) -> Result<Vec<Option<f64>>, MetricsError> {
        let mut values = vec![None; columns().count()];
        let mut rest = values.as_mut_slice();
        for (metric, scorer) in METRICS.iter().zip(&self.scorers) {
            let (own, others) = rest.split_at_mut(metric.columns().len());
            rest = others;
            if let Some(scorer) = scorer {
                let _span = trace.span("metric", metric.columns().first().map_or("", |column| column.name));
                scorer.score(x, at, own)?;
            }
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_names_are_unique_and_plain() {
        let names: Vec<&str> = columns().map(|column| column.name).collect();
        for (i, name) in names.iter().enumerate() {
            assert!(!names[..i].contains(name), "{name} stands there twice");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'), "{name}");
        }
        assert!(columns().all(|c| c.range.0 < c.range.1 && c.about.ends_with('.')));
    }
}
