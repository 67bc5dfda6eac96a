//! `gdiff gaussianize`: the map as a tool on a table of one's own.

use super::table_args::in_order_of;
use super::{Failure, TableArgs, examples, offered, print, refuse_input, write_table};
use crate::data::table::axis_names;
use crate::numeric::{memory, random::Stream};
use crate::report::{fit_table, note};
use crate::space::chain::FittedChain;
use crate::space::options::GaussianizeTransform;
use crate::space::{Chain, FitContext, Fitted, MapFile, ScaleKind, TransformOptions};
use crate::spec::Override;
use crate::spec::gaussianize_options;
use crate::store::run_folder::read_checked;
use crate::store::{Status, atomic, fit_rows};
use clap::{Args, Subcommand};
use ndarray::Array2;
use std::path::Path;
use std::path::PathBuf;

/// `gdiff gaussianize`
#[derive(Debug, Subcommand)]
pub enum GaussianizeCommand {
    /// Fit the map to a table (CSV, or npy) and keep it in a file
    #[command(after_help = examples::FIT)]
    Fit(Box<FitArgs>),
    /// Map a table to Gaussian space
    #[command(after_help = examples::APPLY)]
    Apply(MapArgs),
    /// Map a table of Gaussian space back
    #[command(after_help = examples::INVERT)]
    Invert(MapArgs),
    /// Draw new points: the map's inverse of fresh normal numbers
    #[command(after_help = examples::MAP_SAMPLE)]
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
    /// How the axes are mapped
    #[arg(long, value_name = "NAME", value_parser = offered::of_key("gaussianize.coupling"))]
    pub coupling: Option<String>,
    /// How each layer chooses its axes
    #[arg(long, value_name = "NAME", value_parser = offered::of_key("gaussianize.rotation"))]
    pub rotation: Option<String>,
    /// Contrast of FastICA
    #[arg(long, value_name = "NAME", value_parser = offered::of_key("gaussianize.contrast"))]
    pub contrast: Option<String>,
    /// Kernel width: a number, or a rule
    #[arg(long, value_name = "RULE", value_parser = offered::of_key("gaussianize.bandwidth"))]
    pub bandwidth: Option<String>,
    /// Multiplies the bandwidth
    #[arg(long, value_name = "X")]
    pub bandwidth_factor: Option<String>,
    /// Multiplies the kernel widths of pairs
    #[arg(long, value_name = "X")]
    pub pair_factor: Option<String>,
    /// Which components are mapped: so many leading ones, or all
    #[arg(long, value_name = "N", value_parser = offered::of_key("gaussianize.components"))]
    pub components: Option<String>,
    /// The marginal map beyond the data
    #[arg(long, value_name = "NAME", value_parser = offered::of_key("gaussianize.tails"))]
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
    /// Whether tied values (rounded, shared by many points) are spread and snapped back: true or false
    #[arg(long, value_name = "BOOL")]
    pub dequantize: Option<String>,
    /// So many leading principal components are mapped
    #[arg(long, value_name = "N")]
    pub reduce: Option<String>,
    /// What becomes of the other components
    #[arg(long, value_name = "NAME", value_parser = offered::of_key("gaussianize.rest"))]
    pub rest: Option<String>,
    /// Whether the map ends in the axes of the data: true or false
    #[arg(long, value_name = "BOOL")]
    pub rotate_back: Option<String>,
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
            ("dequantize", &self.dequantize),
            ("reduce", &self.reduce),
            ("rest", &self.rest),
            ("rotate_back", &self.rotate_back),
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
    let mut context = FitContext {
        scale: ScaleKind::None,
        gaussianize: &options,
        axes: &table.names,
        stream: &stream,
        progress: &mut |_| {},
    };
    let space = [TransformOptions::Gaussianize(GaussianizeTransform { gaussianize: options.clone() })];
    let FittedChain { chain, notices, reports, .. } = Chain::fit(&space, points.view(), &mut context)
        .map_err(|e| Failure::input(format!("{}: {e}", args.data.display())))?;
    notices.iter().for_each(|notice| note(&format!("{}: {notice}", args.data.display())));
    let report = reports.into_iter().next().expect("the chain has one Gaussianizer");
    let files = MapFile::write(&chain, &table.names);
    let files = files.map_err(|e| Failure::running(e.to_string()))?;
    let bytes = files.first().map(|(_, bytes)| bytes).expect("the chain has one map");
    atomic::write(&args.out, |out| out.write_all(bytes))?;
    if let Some(path) = &args.report {
        fit_rows::write_fit(path, &report)?;
    }
    print(&fit_table(&report))
}

fn apply(args: &MapArgs) -> Result<(), Failure> {
    refuse_input(&args.out, &[&args.map, &args.data])?;
    let map = Map::read(&args.map)?;
    let points = map.points(args, &map.names)?;
    for misfit in map.chain.misfits(points.view(), &map.names) {
        note(&format!("{}: {misfit}", args.data.display()));
    }
    write_finite(&args.out, &map.space_names, &map.chain.forward(points.view()))?;
    let count = points.nrows();
    if map.chain.lost_variance().is_some() {
        return print(&format!(
            "mean log-density of {count} points: none, since the map keeps but {} components of {} columns (rest = \"whiten\" keeps all)\n",
            map.space_names.len(),
            map.names.len()
        ));
    }
    print(&match map.chain.mean_log_density(points.view()) {
        Some(mean) if mean.is_finite() => {
            format!("mean log-density {mean:.6} nats over {count} points{}\n", map.density_of())
        }
        _ => format!(
            "mean log-density of {count} points: none, since some lie so far out that theirs is below the range of numbers\n"
        ),
    })
}

fn invert(args: &MapArgs) -> Result<(), Failure> {
    refuse_input(&args.out, &[&args.map, &args.data])?;
    let map = Map::read(&args.map)?;
    let points = map.points(args, &map.space_names)?;
    write_finite(&args.out, &map.names, &map.chain.inverse(points.view()))
}

fn sample(args: &MapSampleArgs) -> Result<(), Failure> {
    refuse_input(&args.out, &[&args.map])?;
    let map = Map::read(&args.map)?;
    let (count, dim) = (args.count.get(), map.space_names.len());
    let bytes = memory::of_f64(&[count, dim + map.names.len()]);
    memory::check(&format!("{count} points"), bytes).map_err(Failure::input)?;
    let z = Stream::new(args.seed, 0, "gaussianize sample").standard_normal(0, count, dim);
    write_finite(&args.out, &map.names, &map.chain.inverse(z.view()))
}

/// A map from the data's own units to normal numbers, and the names of the axes.
struct Map {
    chain: Chain,
    /// The names of the data's axes.
    names: Vec<String>,
    /// The names of the axes of Gaussian space: the same, unless there are fewer.
    space_names: Vec<String>,
    /// Whether the names are the data's, not made up.
    named: bool,
}

impl Map {
    /// Reads the map of a file. One that does not say how its data were scaled is the Gaussianizer of a run of an earlier
    /// version; where it still lies in the run's folder, the status there says it.
    fn read(path: &Path) -> Result<Self, Failure> {
        let wrong = |e: &dyn std::fmt::Display| Failure::input(format!("{}: {e}", path.display()));
        let bytes = std::fs::read(path).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
        let MapFile { mut chain, axes, has_chain } = MapFile::read(&bytes).map_err(|e| wrong(&e))?;
        if !has_chain {
            match Self::chain_of_run(path, &bytes) {
                Some(of_run) => chain = of_run,
                None if axes.is_none() => note(&format!(
                    "{} does not say how its data were scaled: if it is the map of a run of an earlier version, its points are scaled ones; run the spec again for a map in the units of the data",
                    path.display()
                )),
                // What `gdiff gaussianize fit` wrote is of the data as they are.
                None => {}
            }
        }
        let dim = chain.dim().ok_or_else(|| wrong(&"it has no transform"))?;
        let named = axes.is_some();
        let names = axes.unwrap_or_else(|| axis_names(dim));
        let space_names = chain.axes(&names);
        Ok(Self { chain, names, space_names, named })
    }

    /// The chain of the finished run in whose folder the file of these bytes lies.
    fn chain_of_run(path: &Path, bytes: &[u8]) -> Option<Chain> {
        let folder = path.parent()?;
        let status = Status::read_done(folder)?;
        let name = path.file_name()?.to_str()?;
        let own = read_checked(folder, &status, name).ok()?;
        let mut read = |name: &str| read_checked(folder, &status, name).map_err(|e| e.to_string());
        let space = status.space.as_ref().filter(|_| own == bytes)?;
        Chain::from_files(space, &mut read).ok()
    }

    /// What the density of a point is one of, where it is not that of the columns as they are.
    fn density_of(&self) -> String {
        let (dim, left) = (self.names.len(), self.space_names.len());
        let spread = self.chain.transforms().iter().any(|t| matches!(t, Fitted::Dequantize(_)));
        let mut of = Vec::new();
        if left < dim {
            of.push(format!("of the {left} columns that are left of {dim}"));
        }
        if spread {
            of.push("of the values with their ties spread".to_string());
        }
        if of.is_empty() { String::new() } else { format!(", {}", of.join(", ")) }
    }

    /// The points of a table: its columns in the order of these axes where they have the same names.
    fn points(&self, args: &MapArgs, names: &[String]) -> Result<Array2<f64>, Failure> {
        let table = args.table.read(&args.data)?;
        let whose = format!("the map of {}", args.map.display());
        in_order_of(table, &args.data, (names, self.named), ("map", &whose))
    }
}

fn write_finite(path: &Path, names: &[String], points: &Array2<f64>) -> Result<(), Failure> {
    if points.iter().all(|v| v.is_finite()) {
        write_table(path, names, points)
    } else {
        Err(Failure::running("a point is so far out that the map leaves the range of numbers"))
    }
}
