//! `[metrics]`: what is measured, and at which reverse steps.

use super::ScoreStep;
use crate::metrics::features::FeatureSpace;
use crate::numeric::options::{self, OutOfRange};
use crate::numeric::word_or_number::{WordOrNumber, word_or_number};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsOptions {
    /// Reverse steps between two rows of `metrics.csv`; the first and the last are always there.
    pub every: usize,
    /// Log-likelihood of the samples under the true mixture.
    pub log_likelihood: bool,
    /// Precision, recall, density and coverage.
    pub prdc: bool,
    /// Nearest neighbours of PRDC.
    pub k: usize,
    /// Fresh real points to compare with.
    pub reference: usize,
    /// Write each real point's k-NN radius and each sample's number of spheres (`runs/RUN/points.csv`).
    pub points: bool,
    /// Steps at which sliced W2, energy distance and mode error are computed; a number is every so many.
    pub distances: Distances,
    /// The features in which images are compared too, which stand in a section of their own.
    #[serde(skip)]
    pub features: Option<FeatureSpace>,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self {
            every: 1,
            log_likelihood: true,
            prdc: true,
            k: 5,
            reference: 10_000,
            points: false,
            distances: Distances::Ends,
            features: None,
        }
    }
}

impl MetricsOptions {
    /// Whether a reverse step has a row.
    pub fn scores(&self, at: ScoreStep) -> bool {
        at.step.is_multiple_of(self.every) || at.step == at.last
    }

    /// Refuses values out of their range; `samples` are the points that will be generated.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check(&self, samples: usize) -> Result<(), OutOfRange> {
        options::count("every", self.every)?;
        options::count("k", self.k)?;
        options::count("reference", self.reference)?;
        if let Distances::Every(steps) = self.distances {
            options::count("distances", steps)?;
        }
        if self.prdc {
            for (key, n) in [("metrics.reference", self.reference), ("sample.count", samples)] {
                options::require(self.k < n, "k", || {
                    format!(
                        "is {}, but `{key}` is {n}: the {}-th nearest other point needs more points",
                        self.k, self.k
                    )
                })?;
            }
        }
        options::require(self.prdc || !self.points, "points", || {
            "writes what PRDC is made of, so it needs `metrics.prdc = true`".to_string()
        })
    }
}

/// The reverse steps at which the costlier distances are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distances {
    /// The first (the map alone) and the last.
    Ends,
    /// Every step that has a row.
    All,
    /// Not at all.
    None,
    /// Every so many steps, and both ends; only steps that have a row.
    Every(usize),
}

impl Distances {
    /// Whether a step is one of them.
    pub fn include(self, at: ScoreStep) -> bool {
        let end = at.step == 0 || at.step == at.last;
        match self {
            Self::Ends => end,
            Self::All => true,
            Self::None => false,
            Self::Every(steps) => end || at.step.is_multiple_of(steps),
        }
    }
}

impl WordOrNumber for Distances {
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("ends", "the first and the last"), ("all", "every step that has a row"), ("none", "not at all")];
    const SMALLEST: usize = 1;

    fn of_word(word: &str) -> Option<Self> {
        match word {
            "ends" => Some(Self::Ends),
            "all" => Some(Self::All),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    fn of_number(number: usize) -> Self {
        Self::Every(number)
    }

    fn written(self) -> Result<&'static str, usize> {
        match self {
            Self::Ends => Ok("ends"),
            Self::All => Ok("all"),
            Self::None => Ok("none"),
            Self::Every(steps) => Err(steps),
        }
    }
}

word_or_number!(Distances);
