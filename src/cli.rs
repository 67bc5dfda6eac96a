//! The command line: clap types, nothing else.

use crate::data::source::Part;
use crate::experiment::DeviceChoice;
use crate::spec::Override;
use crate::sweep::Engine;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Experiment runner for small diffusion models: one TOML file in, trustworthy CSV out.
#[derive(Debug, Parser)]
#[command(name = "gdiff", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the experiment of a spec, or what is missing of it
    Run(RunArgs),
    /// Read a spec, refuse or warn, and print what would run; nothing is written
    Check(CheckArgs),
    /// Points of the spec's data set, as a CSV table
    Data(DataArgs),
    /// Precision, recall, density and coverage of any two tables; with a mixture also the log-likelihood
    Metrics(MetricsArgs),
    /// The invertible map to an independent Gaussian, as a tool on a table of one's own
    #[command(subcommand)]
    Gaussianize(GaussianizeCommand),
    /// One spec, many runs, here or on a cluster
    #[command(subcommand)]
    Sweep(SweepCommand),
    /// The runs of an output folder: state, keys, main results
    Ls(FolderArgs),
    /// Completions for a shell, on standard output
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// `gdiff sweep`
#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// Freeze every run of a spec into a folder, numbered from 0
    Plan(PlanArgs),
    /// Execute frozen runs, those that are not done
    Exec(ExecArgs),
    /// Gather the tables of all runs, and tell which are missing
    Collect(FolderArgs),
    /// Submit what is not done to a cluster, as job arrays
    Submit(SubmitArgs),
    /// How the runs stand, by their own word and the cluster's
    Status(FolderArgs),
}

/// A folder.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The output folder
    pub folder: PathBuf,
}

/// `gdiff sweep plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Folder of the study
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `gdiff sweep exec`
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Folder of the study
    pub folder: PathBuf,
    /// First run
    #[arg(long, value_name = "I")]
    pub index: usize,
    /// How many runs from there
    #[arg(long, default_value = "1", value_name = "N")]
    pub count: std::num::NonZeroUsize,
    /// How to run.
    #[command(flatten)]
    pub how: HowArgs,
    /// Neither progress nor a last word
    #[arg(long)]
    pub quiet: bool,
}

/// `gdiff sweep submit`
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// Folder of the study
    pub folder: PathBuf,
    /// Who runs the jobs
    #[arg(long, value_enum, default_value = "slurm")]
    pub engine: Engine,
    /// Partition
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// Time limit of a task, as the engine writes it
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Cores of a task
    #[arg(long, default_value = "1", value_name = "N")]
    pub cpus: std::num::NonZeroUsize,
    /// Runs of a task, in one process
    #[arg(long, default_value = "1", value_name = "N")]
    pub per_task: std::num::NonZeroUsize,
    /// Write and name the scripts, but submit nothing
    #[arg(long)]
    pub dry_run: bool,
}

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

/// A spec and the values put into it.
#[derive(Debug, Args)]
pub struct SpecArgs {
    /// The spec file (TOML)
    pub spec: PathBuf,
    /// Put VALUE (TOML; a bare word is a string) at the dotted KEY; later ones win
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
}

/// `gdiff run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Output folder [default: results/NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How to run.
    #[command(flatten)]
    pub how: HowArgs,
    /// Start afresh, overwriting what the output folder holds
    #[arg(long)]
    pub force: bool,
    /// Neither progress nor table
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    /// One JSON event a line on standard output, instead of the table
    #[arg(long)]
    pub json: bool,
}

/// How to run; none of it changes a number in the results.
#[derive(Debug, Args)]
pub struct HowArgs {
    /// Where networks live: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: DeviceChoice,
    /// Threads in all [default: all cores]; results do not depend on it
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Runs at a time, which share the threads [default: one a thread]
    #[arg(long, value_name = "N")]
    pub jobs: Option<std::num::NonZeroUsize>,
    /// Stop at the first run that fails, instead of going on with the others
    #[arg(long)]
    pub fail_fast: bool,
    /// Seconds between two checkpoints of a training
    #[arg(long, default_value_t = 30.0, value_name = "S", value_parser = seconds)]
    pub checkpoint_seconds: f64,
}

/// A number of seconds, 0 or more.
fn seconds(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|s| s.is_finite() && *s >= 0.0)
        .ok_or_else(|| format!("`{text}` is no number of seconds, 0 or more"))
}

/// `gdiff check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// Fit the Gaussianizer to the first replicate's data too, and tell what the fit did
    #[arg(long)]
    pub fit: bool,
}

/// `gdiff data`
#[derive(Debug, Args)]
pub struct DataArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// How many points [default: data.samples]
    #[arg(long, value_name = "N")]
    pub count: Option<std::num::NonZeroUsize>,
    /// Which points: train, reference or fresh, as a run of the spec sees them
    #[arg(long, default_value = "train", value_name = "NAME")]
    pub stream: Part,
    /// Which replicate's points, from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub replicate: usize,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `gdiff metrics`
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Real points: CSV with a header, a column for each axis
    pub real: PathBuf,
    /// Generated points: CSV with the same columns
    pub fake: PathBuf,
    /// Nearest neighbours of PRDC
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub k: usize,
    /// Spec whose mixture scores FAKE by its log-likelihood
    #[arg(long, value_name = "SPEC")]
    pub spec: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}
