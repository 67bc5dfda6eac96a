//! The transforms that a pipeline can name, in TOML a word or a table of one key:
//! `space = ["standardize", { gaussianize = { coupling = "marginal" } }]`.

use super::SpaceError;
use super::fitted::Fitted;
use super::scaling::{ScaleKind, Scaling};
use super::whitening::Whitening;
use crate::gaussianize::{FitReport, GaussianizeOptions, Gaussianizer};
use crate::numeric::random::Stream;
use ndarray::ArrayView2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A transform of a pipeline's space, not yet fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TransformOptions {
    /// A transform by its name, with the spec's own settings.
    Named(NamedTransform),
    /// A Gaussianizer with settings of its own; what is left out has the default of `[gaussianize]`.
    Gaussianize(GaussianizeTransform),
}

/// The transforms that need no settings of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamedTransform {
    /// As `data.scale` says.
    Scale,
    /// Each axis to [-1, 1].
    MinMax,
    /// Each axis to mean 0 and variance 1.
    Standardize,
    /// To zero mean and unit covariance, along the principal axes.
    Whiten,
    /// To independent standard normal numbers, as `[gaussianize]` says.
    Gaussianize,
}

/// `{ gaussianize = { .. } }`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GaussianizeTransform {
    /// Settings as in `[gaussianize]`.
    pub gaussianize: GaussianizeOptions,
}

/// What a transform needs beside the points it is fitted to.
pub struct FitContext<'a> {
    /// `data.scale`.
    pub scale: ScaleKind,
    /// `[gaussianize]`.
    pub gaussianize: &'a GaussianizeOptions,
    /// The randomness of a Gaussianizer's held-out points and rotations.
    pub stream: &'a Stream,
    /// Hears how many layers of a Gaussianizer are fitted.
    pub progress: &'a mut dyn FnMut(usize),
}

/// A fitted transform, and the report of its fit where there is one.
pub struct Fit {
    /// The transform.
    pub transform: Fitted,
    /// What the fit of a Gaussianizer did.
    pub report: Option<FitReport>,
}

impl TransformOptions {
    /// The settings of a Gaussianizer, if this is one; `section` is the spec's `[gaussianize]`.
    pub fn gaussianizer<'a>(&'a self, section: &'a GaussianizeOptions) -> Option<&'a GaussianizeOptions> {
        match self {
            Self::Named(NamedTransform::Gaussianize) => Some(section),
            Self::Gaussianize(own) => Some(&own.gaussianize),
            Self::Named(_) => None,
        }
    }

    /// Fits the transform to points `(n, d)`.
    ///
    /// # Errors
    /// If a column is constant, columns depend on each other, or there are too few points.
    pub fn fit(&self, x: ArrayView2<f64>, context: &mut FitContext) -> Result<Fit, SpaceError> {
        let scaling = |kind| Ok(Fit { transform: Fitted::Scaling(Scaling::fit(kind, x)?), report: None });
        match self {
            Self::Named(NamedTransform::Scale) => scaling(context.scale),
            Self::Named(NamedTransform::MinMax) => scaling(ScaleKind::MinMax),
            Self::Named(NamedTransform::Standardize) => scaling(ScaleKind::Standardize),
            Self::Named(NamedTransform::Whiten) => {
                Ok(Fit { transform: Fitted::Whitening(Whitening::fit(x)?), report: None })
            }
            Self::Named(NamedTransform::Gaussianize) => gaussianize(x, context.gaussianize, context),
            Self::Gaussianize(own) => gaussianize(x, &own.gaussianize, context),
        }
    }
}

fn gaussianize(
    x: ArrayView2<f64>,
    options: &GaussianizeOptions,
    context: &mut FitContext,
) -> Result<Fit, SpaceError> {
    let progress = &mut |layers, _| (context.progress)(layers);
    let (map, report) = Gaussianizer::fit(x, options, context.stream, progress)?;
    Ok(Fit { transform: Fitted::Gaussianize(map), report: Some(report) })
}
