//! `gdiff gaussianize`: the map as a tool on a table of one's own.

use super::{Failure, TableArgs, print, refuse_input, write_table};
use crate::data::table::axis_names;
use crate::gaussianize::{Gaussianizer, stored_axes};
use crate::numeric::{memory, random::Stream};
use crate::report::fit_table;
use crate::spec::Override;
use crate::spec::gaussianize_options;
use crate::store::{atomic, fit_rows};
use clap::{Args, Subcommand};
use ndarray::{Array2, ArrayView2};
use std::path::Path;
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
    /// How they are read.
    #[command(flatten)]
    pub table: TableArgs,
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
    /// How they are read.
    #[command(flatten)]
    pub table: TableArgs,
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

pub(super) fn gaussianize(command: &GaussianizeCommand) -> Result<(), Failure> {
    match command {
        GaussianizeCommand::Fit(args) => fit(args),
        GaussianizeCommand::Apply(args) => apply(args),
        GaussianizeCommand::Invert(args) => invert(args),
        GaussianizeCommand::Sample(args) => sample(args),
    }
}

fn fit(args: &FitArgs) -> Result<(), Failure> {
    let outputs = std::iter::once(&args.out).chain(&args.report);
    outputs.into_iter().try_for_each(|out| refuse_input(out, &[&args.data]))?;
    let table = args.table.read(&args.data)?;
    let points = &table.points;
    let options = gaussianize_options(points.ncols(), &args.overrides())?;
    let stream = Stream::new(args.seed, 0, "gaussianize");
    let (map, report) = Gaussianizer::fit(points.view(), &options, &stream, &mut |_, _| {})
        .map_err(|e| Failure::input(format!("{}: {e}", args.data.display())))?;
    let bytes = map.to_safetensors_with_axes(&table.names).map_err(|e| Failure::running(e.to_string()))?;
    atomic::write(&args.out, |out| out.write_all(&bytes))?;
    if let Some(path) = &args.report {
        fit_rows::write_fit(path, &report)?;
    }
    print(&fit_table(&report))
}

fn apply(args: &MapArgs) -> Result<(), Failure> {
    refuse_input(&args.out, &[&args.map, &args.data])?;
    let ((map, _), table) = (read_map(&args.map)?, args.table.read(&args.data)?);
    let points = &table.points;
    fits(&map, points.view(), args)?;
    let mean = map.log_density(points.view()).mean().unwrap_or(f64::NAN);
    write_finite(&args.out, &table.names, &map.forward(points.view()))?;
    print(&format!("mean log-density {mean:.6} nats over {} points\n", points.nrows()))
}

fn invert(args: &MapArgs) -> Result<(), Failure> {
    refuse_input(&args.out, &[&args.map, &args.data])?;
    let ((map, _), table) = (read_map(&args.map)?, args.table.read(&args.data)?);
    let points = &table.points;
    fits(&map, points.view(), args)?;
    write_finite(&args.out, &table.names, &map.inverse(points.view()))
}

fn sample(args: &MapSampleArgs) -> Result<(), Failure> {
    refuse_input(&args.out, &[&args.map])?;
    let (map, names) = read_map(&args.map)?;
    let bytes = memory::of_f64(&[args.count.get(), 2 * map.dim()]);
    memory::check(&format!("{} points", args.count), bytes).map_err(Failure::input)?;
    let z = Stream::new(args.seed, 0, "gaussianize sample").standard_normal(0, args.count.get(), map.dim());
    write_finite(&args.out, &names, &map.inverse(z.view()))
}

/// A fitted map, and the names of its axes.
fn read_map(path: &Path) -> Result<(Gaussianizer, Vec<String>), Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::input(format!("{}: {e}", path.display()));
    let bytes = std::fs::read(path).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
    let map = Gaussianizer::from_safetensors(&bytes).map_err(|e| wrong(&e))?;
    let names = stored_axes(&bytes, map.dim()).unwrap_or_else(|| axis_names(map.dim()));
    Ok((map, names))
}

/// The table must have the map's dimension.
fn fits(map: &Gaussianizer, points: ArrayView2<f64>, args: &MapArgs) -> Result<(), Failure> {
    if map.dim() == points.ncols() {
        return Ok(());
    }
    Err(Failure::input(format!(
        "{} has {} columns, but the map of {} is for {}",
        args.data.display(),
        points.ncols(),
        args.map.display(),
        map.dim()
    )))
}

fn write_finite(path: &Path, names: &[String], points: &Array2<f64>) -> Result<(), Failure> {
    if points.iter().all(|v| v.is_finite()) {
        write_table(path, names, points)
    } else {
        Err(Failure::running("a point is so far out that the map leaves the range of numbers"))
    }
}
