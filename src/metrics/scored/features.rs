//! Metrics of images in features: of the final samples alone, since features cost more than pixels.

use super::{Column, Metric, MetricsOptions, Reference, ScoreStep, Scorer};
use crate::data::images::{ImageShape, images_of};
use crate::metrics::features::{
    FeatureExtractor, FrechetMoments, ImageFeatures, KernelDistanceOptions, inception_score, kernel_distance,
};
use crate::metrics::{MetricsError, RealManifold};
use crate::numeric::random::Stream;
use ndarray::{Array2, ArrayView2};

/// Parts over which the inception score is a mean.
const PARTS: usize = 10;

/// The names of the columns, which are empty of points that are no images.
pub const FEATURE_COLUMNS: [&str; 7] = [
    "frechet",
    "kid",
    "inception_score",
    "feature_precision",
    "feature_recall",
    "feature_density",
    "feature_coverage",
];

/// Seven columns.
pub struct FeatureMetrics;

struct Prepared {
    extractor: FeatureExtractor,
    shape: ImageShape,
    /// Features of the reference images.
    real: Array2<f64>,
    moments: FrechetMoments,
    manifold: RealManifold,
}

const fn column(
    name: &'static str,
    heading: &'static str,
    headline: bool,
    range: (f64, f64),
    about: &'static str,
) -> Column {
    Column { name, heading, unit: "", digits: 4, headline, range, about }
}

impl Metric for FeatureMetrics {
    fn columns(&self) -> &'static [Column] {
        const COLUMNS: [Column; 7] = [
            column(
                FEATURE_COLUMNS[0],
                "Frechet",
                true,
                (0.0, f64::INFINITY),
                "Squared Frechet distance of the final samples to the reference images in the features of [features] (FID); it falls with the number of images.",
            ),
            column(
                FEATURE_COLUMNS[1],
                "KID",
                false,
                (f64::NEG_INFINITY, f64::INFINITY),
                "Kernel distance (squared maximum mean discrepancy) in those features, without bias.",
            ),
            column(
                FEATURE_COLUMNS[2],
                "IS",
                false,
                (1.0, f64::INFINITY),
                "Inception score of the final samples, where the features have classes.",
            ),
            column(
                FEATURE_COLUMNS[3],
                "precision in features",
                false,
                (0.0, 1.0),
                "Precision in those features.",
            ),
            column(FEATURE_COLUMNS[4], "recall in features", false, (0.0, 1.0), "Recall in those features."),
            column(
                FEATURE_COLUMNS[5],
                "density in features",
                false,
                (0.0, f64::INFINITY),
                "Density in those features; 1 for real images.",
            ),
            column(
                FEATURE_COLUMNS[6],
                "coverage in features",
                false,
                (0.0, 1.0),
                "Coverage in those features.",
            ),
        ];
        &COLUMNS
    }

    fn prepare(
        &self,
        reference: &Reference,
        options: &MetricsOptions,
    ) -> Result<Option<Box<dyn Scorer>>, MetricsError> {
        let (Some(features), Some(shape)) = (&options.features, reference.image) else { return Ok(None) };
        let extractor = features.extractor(reference.device)?;
        let real = extractor.extract(&images_of(reference.points, shape), &|_| ())?.values;
        let moments = FrechetMoments::new(real.view())?;
        let manifold = RealManifold::on(reference.device, real.view(), options.k)?;
        Ok(Some(Box::new(Prepared { extractor, shape, real, moments, manifold })))
    }
}

impl Scorer for Prepared {
    fn score(&self, x: ArrayView2<f64>, at: ScoreStep, out: &mut [Option<f64>]) -> Result<(), MetricsError> {
        if at.step != at.last {
            return Ok(());
        }
        let features = self.extractor.extract(&images_of(x, self.shape), &|_| ())?;
        let ImageFeatures { values, .. } = &features;
        let kernel = KernelDistanceOptions::default();
        let kid = kernel_distance(self.real.view(), values.view(), &kernel, Stream::new(0, 0, "kid"))?;
        let score = match features.probabilities() {
            Some(p) => Some(inception_score(p.view(), PARTS.min(p.nrows()))?.mean),
            None => None,
        };
        let prdc = self.manifold.prdc(values.view())?;
        out.copy_from_slice(&[
            Some(self.moments.distance(values.view())?),
            Some(kid.mean),
            score,
            Some(prdc.precision),
            Some(prdc.recall),
            Some(prdc.density),
            Some(prdc.coverage),
        ]);
        Ok(())
    }
}
