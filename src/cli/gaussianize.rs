//! `gdiff gaussianize`: the map as a tool on a table of one's own.

#[cfg(feature = "figures")]
use super::gaussianize_report::{ReportArgs, report};
use super::gaussianize_score::{ScoreArgs, score};
use super::map_of_file::{Map, MapInput};
use super::{Failure, TableArgs, examples, offered, print, refuse_as_table, refuse_input, write_table};
use crate::numeric::{memory, random::Stream};
use crate::report::{fit_table, note};
use crate::space::chain::FittedChain;
use crate::space::options::GaussianizeTransform;
use crate::space::{Chain, FitContext, MapFile, ScaleKind, TransformOptions};
use crate::spec::Override;
use crate::spec::gaussianize_options;
use crate::store::{atomic, fit_rows};
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
    #[cfg(feature = "figures")]
    /// Write a page about a table before and after the map: marginals, quantiles, what is left
    #[command(after_help = examples::MAP_REPORT)]
    Report(ReportArgs),
    /// Draw new points: the map's inverse of fresh normal numbers
    #[command(after_help = examples::MAP_SAMPLE)]
    Sample(MapSampleArgs),
    /// Score a table: the log-density that the map gives to each row
    #[command(after_help = examples::SCORE)]
    Score(ScoreArgs),
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
    /// How the axes are mapped; auto unless another flag says how to fit
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
    /// Layers without improvement that the fit goes on for; one more ends it
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
    /// The keys of `[gaussianize]` that have a flag, with what was given.
    fn flags(&self) -> [(&'static str, &Option<String>); 16] {
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
    }

    /// The flags that were given, as values for the keys of `[gaussianize]`.
    pub fn overrides(&self) -> Vec<Override> {
        let given = self.flags().into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?)));
        given.map(|(key, value)| Override::from_flag(&format!("gaussianize.{key}"), value)).collect()
    }

    /// Whether no flag says how the axes are to be mapped.
    fn fits_by_itself(&self) -> bool {
        self.flags().into_iter().all(|(key, value)| value.is_none() || OF_NO_MAP.contains(&key))
    }
}

/// Keys that do not say how the axes are to be mapped.
const OF_NO_MAP: [&str; 5] = ["held_out", "dequantize", "reduce", "rest", "rotate_back"];

/// `gdiff gaussianize apply` and `invert`
#[derive(Debug, Args)]
pub struct MapArgs {
    /// The map and the points.
    #[command(flatten)]
    pub input: MapInput,
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
        #[cfg(feature = "figures")]
        GaussianizeCommand::Report(args) => report(args),
        GaussianizeCommand::Sample(args) => sample(args),
        GaussianizeCommand::Score(args) => score(args),
    }
}

fn fit(args: &FitArgs) -> Result<(), Failure> {
    let outputs = std::iter::once(&args.out).chain(&args.report);
    outputs.into_iter().try_for_each(|out| refuse_input(out, &[&args.data]))?;
    if let Some(report) = &args.report
        && atomic::is_same_file(report, &args.out)
    {
        let message =
            format!("--report {} is the file of the map too; choose another file", report.display());
        return Err(Failure::input(message));
    }
    let table = args.table.read(&args.data)?;
    let points = &table.points;
    let mut overrides = args.overrides();
    if args.fits_by_itself() {
        // Whoever asks for nothing in particular gets the best of all that there is.
        overrides.push(Override::from_flag("gaussianize.coupling", "auto"));
    }
    let options = gaussianize_options(points.ncols(), &overrides)?;
    let stream = Stream::new(args.seed, 0, "gaussianize");
    let mut context = FitContext {
        scale: ScaleKind::None,
        gaussianize: &options,
        axes: &table.names,
        stream: &stream,
        fill: false,
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
    args.input.refuse_as_table(&args.out)?;
    let (map, points) = args.input.read()?;
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
    args.input.refuse_as_table(&args.out)?;
    let (map, points) = args.input.read_mapped()?;
    write_finite(&args.out, &map.names, &map.chain.inverse(points.view()))
}

fn sample(args: &MapSampleArgs) -> Result<(), Failure> {
    refuse_as_table(&args.out, &[&args.map])?;
    let map = Map::read(&args.map)?;
    let (count, dim) = (args.count.get(), map.space_names.len());
    let bytes = memory::of_f64(&[count, dim + map.names.len()]);
    memory::check(&format!("{count} points"), bytes).map_err(Failure::input)?;
    let z = Stream::new(args.seed, 0, "gaussianize sample").standard_normal(0, count, dim);
    write_finite(&args.out, &map.names, &map.chain.inverse(z.view()))
}

fn write_finite(path: &Path, names: &[String], points: &Array2<f64>) -> Result<(), Failure> {
    let far = points.rows().into_iter().position(|row| !row.iter().all(|v| v.is_finite()));
    match far {
        None => write_table(path, names, points),
        Some(row) => Err(Failure::running(format!(
            "point {row}, counted from 0, is so far out that the map leaves the range of numbers; leave it out, or rescale the data"
        ))),
    }
}
