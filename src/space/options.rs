//! The transforms that a pipeline can name, in TOML a word or a table of one key:
//! `space = ["standardize", { gaussianize = { coupling = "marginal" } }]`.

use super::SpaceError;
use super::dequantize::Dequantize;
use super::fitted::Fitted;
use super::leading::Leading;
use super::principal::Principal;
use super::rotate_back::RotateBack;
use super::scaling::{ScaleKind, Scaling};
use super::whitening::Whitening;
use crate::gaussianize::{Components, FitReport, GaussianizeOptions, Gaussianizer};
use crate::numeric::random::Stream;
use ndarray::{Array2, ArrayView2, s};
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
    /// Columns whose points tie (rounded values, values that many points share) are spread to a density, and snapped
    /// back. Before a Gaussianizer it is done in any case, unless `gaussianize.dequantize` is false.
    Dequantize,
    /// To independent standard normal numbers, as `[gaussianize]` says.
    Gaussianize,
    /// Back to the axes of the data: the rotation that brings the points nearest to what the first transform was given, each
    /// axis of that with mean 0 and variance 1. After a whitening it makes the whitening whose axes are pixels (ZCA).
    RotateBack,
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
    /// The names of the data's axes.
    pub axes: &'a [String],
    /// The randomness of a Gaussianizer's held-out points and rotations, and of the spreading of ties.
    pub stream: &'a Stream,
    /// Whether the last space has a column for every one of the data, zeros for those that are set aside: a U-Net takes whole
    /// images.
    pub fill: bool,
    /// Hears how many layers of a Gaussianizer are fitted.
    pub progress: &'a mut dyn FnMut(usize),
}

impl FitContext<'_> {
    /// The seed of the stream that spreads ties.
    pub(super) fn seed(&self) -> u64 {
        self.stream.child("dequantize").seed()
    }
}

/// What was fitted for one transform of a spec: mostly one, but several for a Gaussianizer of leading components.
pub struct Fit {
    /// The transforms.
    pub transforms: Vec<Fitted>,
    /// The training points after them.
    pub points: Array2<f64>,
    /// What the fit of a Gaussianizer did.
    pub report: Option<FitReport>,
    /// What there is to say, in sentences.
    pub notices: Vec<String>,
}

impl Fit {
    /// Nothing yet.
    fn of(points: Array2<f64>) -> Self {
        Self { transforms: Vec::new(), points, report: None, notices: Vec::new() }
    }

    /// Applies one more transform.
    fn then(mut self, transform: Fitted) -> Self {
        self.points = transform.transform().forward(self.points.view());
        self.transforms.push(transform);
        self
    }
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

    /// Whether it but moves and stretches each column.
    pub fn is_scaling(&self) -> bool {
        use NamedTransform::{MinMax, Scale, Standardize};
        matches!(self, Self::Named(Scale | MinMax | Standardize))
    }

    /// Fits the transform to points `(n, d)`. `first` is what the first transform of the space was given, which a rotation
    /// back to its axes needs.
    ///
    /// # Errors
    /// If a column is constant, columns depend on each other, there are too few points, or there is no way back.
    pub fn fit(
        &self,
        x: Array2<f64>,
        first: Option<ArrayView2<f64>>,
        context: &mut FitContext,
    ) -> Result<Fit, SpaceError> {
        let fit = Fit::of(x);
        let scaling = |kind, fit: Fit| {
            Ok(Scaling::fit(kind, fit.points.view()).map(Fitted::Scaling).map(|s| fit.then(s))?)
        };
        match self {
            Self::Named(NamedTransform::Scale) => scaling(context.scale, fit),
            Self::Named(NamedTransform::MinMax) => scaling(ScaleKind::MinMax, fit),
            Self::Named(NamedTransform::Standardize) => scaling(ScaleKind::Standardize, fit),
            Self::Named(NamedTransform::Whiten) => {
                let whitening = Whitening::fit(fit.points.view())?;
                Ok(fit.then(Fitted::Whitening(whitening)))
            }
            Self::Named(NamedTransform::Dequantize) => {
                Ok(match Dequantize::find(fit.points.view(), context.seed()) {
                    Some(found) => {
                        let axes = if fit.points.ncols() == context.axes.len() { context.axes } else { &[] };
                        let notices = found.notices(axes);
                        Fit { notices, ..fit.then(Fitted::Dequantize(found)) }
                    }
                    None => fit,
                })
            }
            Self::Named(NamedTransform::RotateBack) => {
                let first = first.filter(|first| first.ncols() == fit.points.ncols()).ok_or_else(|| {
                    SpaceError::Reduce(
                        "`rotate_back` goes to the axes of the data, but the space has fewer; take rest = \"whiten\" instead of \"drop\"".to_string(),
                    )
                })?;
                let rotation = RotateBack::fit(first, fit.points.view())?;
                Ok(fit.then(Fitted::RotateBack(rotation)))
            }
            Self::Named(NamedTransform::Gaussianize) => gaussianize(fit, context.gaussianize, context),
            Self::Gaussianize(own) => gaussianize(fit, &own.gaussianize, context),
        }
    }
}

/// Fits a Gaussianizer; of its leading principal components if it is asked for, and with a rotation back to the axes.
fn gaussianize(
    mut fit: Fit,
    options: &GaussianizeOptions,
    context: &mut FitContext,
) -> Result<Fit, SpaceError> {
    let before = options.rotate_back.then(|| fit.points.clone());
    let d = fit.points.ncols();
    if let Some(asked) = options.reduce {
        let leading = asked.min(d);
        if leading < asked {
            fit.notices
                .push(format!("`reduce` is {asked}, but {d} columns are left: all their components lead"));
        }
        let principal = Principal::fit(fit.points.view(), leading, options.rest)?;
        if leading < d {
            fit.notices.push(principal.notice());
        }
        fit = fit.then(Fitted::Principal(principal));
    }
    let all = fit.points.ncols();
    let mapped = options.reduce.map_or(all, |leading| leading.min(all));
    let components = match options.components {
        Components::Leading(m) => Components::Leading(m.min(mapped)),
        Components::All => Components::All,
    };
    let own = GaussianizeOptions { components, ..options.clone() };
    let progress = &mut |layers, _| (context.progress)(layers);
    let (map, report) =
        Gaussianizer::fit(fit.points.slice(s![.., ..mapped]), &own, context.stream, progress)?;
    fit.report = Some(report);
    fit = fit.then(match mapped < all {
        true => Fitted::GaussianizeLeading(Leading { map, dim: all }),
        false => Fitted::Gaussianize(map),
    });
    Ok(match before {
        Some(before) => {
            let rotation = RotateBack::fit(before.view(), fit.points.view())?;
            fit.then(Fitted::RotateBack(rotation))
        }
        None => fit,
    })
}
