//! What is done to the data before the first transform of a space: columns that hold nothing of their own are set aside,
//! and of what a Gaussianizer is fitted to the ties are spread.

use super::SpaceError;
use super::dequantize::Dequantize;
use super::fitted::Fitted;
use super::options::{FitContext, NamedTransform, TransformOptions};
use super::scaling::ScaleKind;
use super::set_aside::SetAside;
use super::transform::Transform;
use crate::gaussianize::Rest;
use ndarray::ArrayView2;

/// The transforms before the first one of a space, each with what is to be said of it in the names of the data's axes.
/// There are none where the space leaves such columns as they are.
///
/// # Errors
/// If all columns are constant.
pub(super) fn front(
    options: &[TransformOptions],
    x: ArrayView2<f64>,
    context: &FitContext,
) -> Result<Vec<(Fitted, Vec<String>)>, SpaceError> {
    let is = |option: &TransformOptions, named| *option == TransformOptions::Named(named);
    let scales = |option: &TransformOptions| match option {
        TransformOptions::Named(NamedTransform::MinMax | NamedTransform::Standardize) => true,
        TransformOptions::Named(NamedTransform::Scale) => context.scale != ScaleKind::None,
        _ => false,
    };
    let gaussianizers = || options.iter().filter_map(|option| option.gaussianizer(context.gaussianize));
    // A covariance must be regular; a scaling needs columns that vary, and no more.
    let whitens = gaussianizers().next().is_some() || options.iter().any(|o| is(o, NamedTransform::Whiten));
    let mut front = Vec::new();
    if !whitens && !options.iter().any(scales) {
        return Ok(front);
    }
    let mut points = std::borrow::Cow::Borrowed(&x);
    let left;
    let mut axes = context.axes.to_vec();
    if let Some(found) = SetAside::find(x, whitens) {
        if found.kept().is_empty() {
            return Err(SpaceError::AllConstant { columns: x.ncols(), value: x[[0, 0]] });
        }
        let said = found.notices(&axes);
        axes = found.axes(&axes);
        left = found.forward(x);
        points = std::borrow::Cow::Owned(left.view());
        front.push((Fitted::SetAside(found), said));
    }
    let spreads = gaussianizers().any(|options| options.dequantize);
    let explicit = options.iter().any(|option| is(option, NamedTransform::Dequantize));
    if spreads
        && !explicit
        && let Some(found) = Dequantize::find(points.view(), context.seed())
    {
        let said = found.notices(&axes);
        front.push((Fitted::Dequantize(found), said));
    }
    Ok(front)
}

/// The dimension of the last space of a chain for data of `dim` dimensions; with training points `(n, dim)` the columns
/// that would be set aside are counted out.
///
/// # Errors
/// If all columns are constant.
pub fn space_dim(
    options: &[TransformOptions],
    dim: usize,
    train: Option<ArrayView2<f64>>,
    context: &FitContext,
) -> Result<usize, SpaceError> {
    let front = train.map(|train| front(options, train, context)).transpose()?.unwrap_or_default();
    if context.fill {
        return Ok(dim);
    }
    let left = front.iter().fold(dim, |_, (transform, _)| transform.transform().dims().1);
    let dropped = options.iter().filter_map(|option| option.gaussianizer(context.gaussianize));
    Ok(dropped.fold(left, |dim, options| match options.rest {
        Rest::Drop => options.mapped(dim),
        Rest::Whiten => dim,
    }))
}
