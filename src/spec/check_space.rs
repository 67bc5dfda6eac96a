//! What the spaces of the pipelines must be for the network, and for the transforms after one another.

use super::error::SpecError;
use super::pipelines::Pipeline;
use super::ranges::Checker;
use crate::diffusion::NetworkKind;
use crate::gaussianize::{GaussianizeOptions, Rest};
use crate::space::TransformOptions;
use crate::space::options::NamedTransform;

/// Refuses a way back to axes that were dropped, and for a U-Net spaces that do not keep the pixels; a warning names those
/// whose axes are no pixels.
pub fn spaces(
    check: &Checker,
    pipelines: &[Pipeline],
    section: &GaussianizeOptions,
    network: NetworkKind,
    warnings: &mut Vec<String>,
) -> Result<(), SpecError> {
    for pipeline in pipelines {
        let at = format!("pipeline.{}.space", pipeline.name);
        let convolves = pipeline.is_trained() && network == NetworkKind::Unet;
        let (mut dropped, mut are_pixels) = (false, true);
        for transform in &pipeline.space {
            if let Some(options) = transform.gaussianizer(section) {
                dropped |= options.reduce.is_some() && options.rest == Rest::Drop;
                are_pixels = options.rotate_back;
            }
            match transform {
                TransformOptions::Named(NamedTransform::Whiten) => are_pixels = false,
                TransformOptions::Named(NamedTransform::RotateBack) => {
                    check.require(!dropped, &at, || {
                        format!("the space of `{pipeline}` goes back to the axes of the data by \"rotate_back\", but rest = \"drop\" leaves fewer axes than the data have; take rest = \"whiten\"")
                    })?;
                    are_pixels = true;
                }
                TransformOptions::Named(_) | TransformOptions::Gaussianize(_) => {}
            }
        }
        check.require(!(convolves && dropped), &at, || {
            format!("a U-Net takes a value for each pixel, but rest = \"drop\" leaves fewer axes in the space of `{pipeline}`; take rest = \"whiten\", with rotate_back = true")
        })?;
        if convolves && !are_pixels {
            warnings.push(format!(
                "the axes of the space of {pipeline} are no pixels, but a U-Net convolves over neighbouring ones; end the space in pixels by rotate_back = true in [gaussianize], or by \"rotate_back\" as the last transform of a pipeline of your own"
            ));
        }
    }
    Ok(())
}
