//! What `gdiff metrics` prints.

use super::metrics_floor::{Beside, shown};
use super::metrics_sets::Origin;
use crate::metrics::features::{InceptionScore, KernelDistance};
use crate::metrics::{Prdc, PrdcIntervals, ResampledInterval};
use serde::Serialize;

/// Every value, those that were not asked for left out.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub prdc: Prdc,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prdc_intervals: Option<PrdcIntervals>,
    pub sliced_w2: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_distance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode_error: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_likelihood: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frechet: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frechet_interval: Option<ResampledInterval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<KernelDistance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid_interval: Option<ResampledInterval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inception_score: Option<Scores>,
    /// What was compared, and the floor; of images, and where feature distances are asked for.
    #[serde(flatten)]
    pub compared: Option<Compared>,
}

/// Inception scores.
#[derive(Serialize)]
pub(super) struct Scores {
    #[serde(flatten)]
    pub generated: InceptionScore,
    pub parts: usize,
    /// That of the real images.
    pub real: InceptionScore,
}

/// What was compared, and what real points score against real points.
#[derive(Serialize)]
pub(super) struct Compared {
    #[serde(flatten)]
    pub origin: Origin,
    pub dimensions: usize,
    pub real_count: usize,
    pub generated_count: usize,
    pub seed: u64,
    #[serde(flatten)]
    pub beside: Option<Beside>,
}

impl Report {
    /// A line for each value, and what was compared.
    pub fn text(&self) -> String {
        let mut text = self.values();
        if let Some(compared) = &self.compared {
            text += &compared.text();
        }
        text
    }

    /// A line for each value.
    fn values(&self) -> String {
        let Prdc { precision, recall, density, coverage } = self.prdc;
        let intervals = self.prdc_intervals.as_ref();
        let lines = [
            ("precision", Some(precision), 4, intervals.map(|i| &i.precision), None),
            ("recall", Some(recall), 4, intervals.map(|i| &i.recall), None),
            ("density", Some(density), 4, intervals.map(|i| &i.density), None),
            ("coverage", Some(coverage), 4, intervals.map(|i| &i.coverage), None),
            ("sliced W2", Some(self.sliced_w2), 4, None, None),
            ("energy distance", self.energy_distance, 6, None, None),
            ("mode error", self.mode_error, 4, None, None),
            ("log-likelihood", self.log_likelihood, 4, None, None),
            ("frechet", self.frechet, 6, self.frechet_interval.as_ref(), None),
            ("kid", self.kid.map(|kid| kid.mean), 6, self.kid_interval.as_ref(), self.kid.map(subsets)),
            ("inception score", self.score(), 4, None, self.inception_score.as_ref().map(Scores::aside)),
        ];
        let mut text = String::new();
        for (name, value, digits, interval, aside) in lines {
            let Some(value) = value else { continue };
            text += &format!("{name:<16}{}", shown(value, digits));
            let interval = interval.map(|ResampledInterval { low, high, resamples, .. }| {
                format!("95 % {} to {}, {resamples} resamples", shown(*low, digits), shown(*high, digits))
            });
            let asides: Vec<String> = interval.into_iter().chain(aside).collect();
            if !asides.is_empty() {
                text += &format!("  ({})", asides.join("; "));
            }
            text.push('\n');
        }
        text
    }

    fn score(&self) -> Option<f64> {
        self.inception_score.as_ref().map(|scores| scores.generated.mean)
    }
}

fn subsets(KernelDistance { std, subsets, size, .. }: KernelDistance) -> String {
    format!("std {std:.6}, {subsets} subsets of {size}")
}

impl Scores {
    fn aside(&self) -> String {
        format!("std {:.4} over {} parts; real images {:.4}", self.generated.std, self.parts, self.real.mean)
    }
}

impl Compared {
    fn text(&self) -> String {
        let Self { origin, dimensions, real_count, generated_count, seed, beside } = self;
        let beside = beside.as_ref().map_or(String::new(), Beside::text);
        let Origin { features, resize, weights_sha256, reference_sha256, generated_sha256 } = origin;
        let resize = resize.map_or(String::new(), |resize| format!(", resized as {resize}"));
        let weights =
            weights_sha256.as_ref().map_or(String::new(), |sha256| format!("weights sha256   {sha256}\n"));
        format!(
            "{beside}\n{generated_count} generated against {real_count} real, features: {features} ({dimensions} dimensions{resize}), seed {seed}\nreference sha256 {reference_sha256}\ngenerated sha256 {generated_sha256}\n{weights}"
        )
    }
}
