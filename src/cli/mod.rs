//! The command line: clap types, nothing else.

mod gaussianize;
mod sweep;

pub use gaussianize::{FitArgs, GaussianizeCommand, MapArgs, MapSampleArgs};
pub use sweep::{ExecArgs, FolderArgs, PlanArgs, SubmitArgs, SweepCommand};

use crate::data::source::Part;
use crate::experiment::DeviceChoice;
use crate::spec::Override;
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
    /// JSON Schema of the spec, for editors, on standard output
    Schema,
    /// Figures (SVG and PNG) and a page of an output folder, whole or in part
    Plot(PlotArgs),
    /// Completions for a shell, on standard output
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// `gdiff plot`
#[derive(Debug, Args)]
pub struct PlotArgs {
    /// Folder that `gdiff run` or `gdiff sweep` wrote
    pub folder: PathBuf,
    /// Folder for figures/ and report.html [default: the same]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write dark figures too (NAME-dark.svg and .png); the page has both in any case
    #[arg(long)]
    pub dark: bool,
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
    /// Draw figures and a page at the end, as `gdiff plot` does
    #[arg(long)]
    pub plot: bool,
    /// Write TensorBoard event files while it runs, under tensorboard/ in the output folder
    #[arg(long)]
    pub tensorboard: bool,
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
    /// Train and sample up to N runs with networks of one shape in step: one large computation on a GPU
    /// [default: 1 on the CPU, 64 on CUDA]
    #[arg(long, value_name = "N")]
    pub batch_runs: Option<std::num::NonZeroUsize>,
    /// Go on with the other runs when one fails, and report it at the end: the default
    #[arg(long, conflicts_with = "fail_fast")]
    pub keep_going: bool,
    /// Stop at the first run that fails; those under way keep a checkpoint
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
    /// Where distances are computed: auto, cpu, cuda or cuda:N; a GPU takes part from 256 dimensions on
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
    pub device: DeviceChoice,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}
