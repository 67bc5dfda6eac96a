//! The arguments of `gdiff gaussianize`.

use crate::spec::Override;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `gdiff gaussianize`
#[derive(Debug, Subcommand)]
pub enum GaussianizeCommand {
    /// Fit the map to a table (CSV, or npy) and keep it in a file
    Fit(Box<FitArgs>),
    /// Map a table to Gaussian space
    Apply(MapArgs),
    /// Map a table of Gaussian space back
    Invert(MapArgs),
    /// Draw new points: the map's inverse of fresh normal numbers
    Sample(MapSampleArgs),
}

/// `gdiff gaussianize fit`: flags as the keys of `[gaussianize]`
#[derive(Debug, Args)]
pub struct FitArgs {
    /// Points, a column for each axis
    pub data: PathBuf,
    /// File of the fitted map (safetensors)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Table of the fit, layer by layer (CSV)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Seed of the held-out points and random rotations
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Layers at most
    #[arg(long, value_name = "N")]
    pub layers: Option<String>,
    /// marginal, pairs or joint
    #[arg(long, value_name = "NAME")]
    pub coupling: Option<String>,
    /// ica, pca, random, ica_random or sliced
    #[arg(long, value_name = "NAME")]
    pub rotation: Option<String>,
    /// logcosh, exp or cube
    #[arg(long, value_name = "NAME")]
    pub contrast: Option<String>,
    /// A number, silverman, scott, isj or shimazaki
    #[arg(long, value_name = "RULE")]
    pub bandwidth: Option<String>,
    /// Multiplies the bandwidth
    #[arg(long, value_name = "X")]
    pub bandwidth_factor: Option<String>,
    /// Multiplies the kernel widths of pairs
    #[arg(long, value_name = "X")]
    pub pair_factor: Option<String>,
    /// "all", or how many leading components
    #[arg(long, value_name = "N")]
    pub components: Option<String>,
    /// kernel or gentle
    #[arg(long, value_name = "NAME")]
    pub tails: Option<String>,
    /// Fraction of the points that watches the fit
    #[arg(long, value_name = "X")]
    pub held_out: Option<String>,
    /// Layers without improvement before the fit stops
    #[arg(long, value_name = "N")]
    pub patience: Option<String>,
    /// Smallest improvement that counts, nats
    #[arg(long, value_name = "X")]
    pub min_gain: Option<String>,
}

impl FitArgs {
    /// The flags that were given, as values for the keys of `[gaussianize]`.
    pub fn overrides(&self) -> Vec<Override> {
        [
            ("layers", &self.layers),
            ("coupling", &self.coupling),
            ("rotation", &self.rotation),
            ("contrast", &self.contrast),
            ("bandwidth", &self.bandwidth),
            ("bandwidth_factor", &self.bandwidth_factor),
            ("pair_factor", &self.pair_factor),
            ("components", &self.components),
            ("tails", &self.tails),
            ("held_out", &self.held_out),
            ("patience", &self.patience),
            ("min_gain", &self.min_gain),
        ]
        .into_iter()
        .filter_map(|(key, value)| {
            value.as_ref().map(|value| Override::from_flag(&format!("gaussianize.{key}"), value))
        })
        .collect()
    }
}

/// `gdiff gaussianize apply` and `invert`
#[derive(Debug, Args)]
pub struct MapArgs {
    /// File of the fitted map
    pub map: PathBuf,
    /// Points, a column for each axis
    pub data: PathBuf,
    /// File to write (CSV, or npy by its name)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `gdiff gaussianize sample`
#[derive(Debug, Args)]
pub struct MapSampleArgs {
    /// File of the fitted map
    pub map: PathBuf,
    /// How many points
    #[arg(long, value_name = "N")]
    pub count: std::num::NonZeroUsize,
    /// Seed of the normal numbers
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// File to write (CSV, or npy by its name)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}
