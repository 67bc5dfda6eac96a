//! What `[network]` must be beside the other sections.

use super::error::SpecError;
use super::file::SpecFile;
use super::ranges::Checker;
use crate::data::images::ImageShape;
use crate::diffusion::{NetworkKind, NetworkOptions, Outputs};

/// A network of more parameters is a typing error, not one for points of a few dimensions.
const MOST_PARAMETERS: usize = 1_000_000_000;

/// Checks `[network]` for points of `dim` dimensions and fills in the widths, and the shape of images that a U-Net takes.
pub fn network(
    check: &Checker,
    file: &mut SpecFile,
    (dim, outputs): (usize, Outputs),
    image: Option<ImageShape>,
) -> Result<NetworkOptions, SpecError> {
    let network = &mut file.network;
    if let (NetworkKind::Unet, None, Some(shape)) = (network.kind, network.image, image) {
        network.image = Some([shape.channels, shape.height, shape.width]);
    }
    check.section("network", network.check())?;
    check.section("network", network.check_dimension(dim))?;
    if network.kind == NetworkKind::Mlp {
        (network.hidden, network.width) = (Some(network.widths()), None);
    }
    let count = network.parameter_count(dim, outputs, file.diffusion.steps);
    check.require(count <= MOST_PARAMETERS, "network", || {
        format!("the network has {count} parameters, but more than {MOST_PARAMETERS} are a typing error; give smaller `network.hidden` or `network.width`, or `network.channels` of a U-Net")
    })?;
    Ok(network.clone())
}
