//! The checks of `[network]`.

use super::error::SpecError;
use super::file::SpecFile;
use super::ranges::Checker;
use crate::diffusion::{NetworkOptions, TimeEncoding};

/// A network of more parameters is a typing error, not one for points of a few dimensions.
const MOST_PARAMETERS: usize = 1_000_000_000;

const DEFAULT_HIDDEN: [usize; 3] = [16, 32, 64];

/// Checks `[network]` for points of `dim` dimensions and fills the widths in.
pub fn network(check: &Checker, file: &mut SpecFile, dim: usize) -> Result<NetworkOptions, SpecError> {
    let steps = file.diffusion.steps;
    let n = &mut file.network;
    let hidden = match (n.hidden.take(), n.width.take()) {
        (Some(_), Some(_)) => {
            return Err(check.0.error("network.width", "give `network.hidden` or `network.width`, not both"));
        }
        (Some(hidden), None) => hidden,
        (None, Some(w)) => {
            check.require((1..=16_384).contains(&w), "network.width", || {
                format!("`network.width` is {w}, but it must be from 1 to 16384")
            })?;
            vec![w, 2 * w, 4 * w]
        }
        (None, None) => DEFAULT_HIDDEN.to_vec(),
    };
    check.require(!hidden.is_empty() && hidden.len() <= 64, "network.hidden", || {
        format!(
            "`network.hidden` has {} layers, but it must have 1 to 64, for example [16, 32, 64]",
            hidden.len()
        )
    })?;
    for (i, &w) in hidden.iter().enumerate() {
        check.require((1..=65_536).contains(&w), &format!("network.hidden[{i}]"), || {
            format!("`network.hidden[{i}]` is {w}, but a layer's width must be from 1 to 65536")
        })?;
    }
    check.require((1..=4096).contains(&n.time_dim), "network.time_dim", || {
        format!("`network.time_dim` is {}, but it must be from 1 to 4096", n.time_dim)
    })?;
    check.require(
        n.time != TimeEncoding::Sinusoidal || n.time_dim.is_multiple_of(2),
        "network.time_dim",
        || format!("`network.time_dim` is {}, but a sinusoidal embedding needs an even number", n.time_dim),
    )?;
    n.hidden = Some(hidden.clone());
    let options = NetworkOptions {
        hidden,
        activation: n.activation,
        time: n.time,
        time_dim: n.time_dim,
        conditioning: n.conditioning,
    };
    let count = options.parameter_count(dim, steps);
    check.require(count <= MOST_PARAMETERS, "network", || {
        format!("the network has {count} parameters, but more than {MOST_PARAMETERS} are a typing error; give smaller `network.hidden` or `network.width`")
    })?;
    Ok(options)
}
