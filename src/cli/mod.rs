//! The command line: a file for each command, with its arguments and what it does.

mod bits_per_dim;
mod check;
mod compare;
mod controls;
#[cfg(feature = "figures")]
mod controls_figure;
mod data;
mod examples;
mod explain;
mod failure;
mod failures;
mod gaussianize;
#[cfg(feature = "figures")]
mod gaussianize_report;
mod gaussianize_score;
mod image_output;
mod images;
mod init;
mod init_table;
mod isotropy;
mod likelihood;
mod man;
mod map_of_file;
mod metrics;
mod metrics_floor;
mod metrics_report;
mod metrics_sets;
mod offered;
#[cfg(feature = "figures")]
mod plot;
mod replicates;
mod run;
mod sample;
mod settings;
mod signals;
mod sweep;
mod table_args;
mod verify;
mod version;
mod written;

pub use check::CheckArgs;
pub use compare::CompareArgs;
pub use controls::ControlsArgs;
pub use data::DataArgs;
pub use explain::ExplainArgs;
pub use failure::Failure;
pub use gaussianize::{FitArgs, GaussianizeCommand, MapArgs, MapSampleArgs};
pub use gaussianize_score::ScoreArgs;
pub use init::InitArgs;
pub use isotropy::IsotropyArgs;
pub use likelihood::LikelihoodArgs;
pub use man::ManArgs;
pub use metrics::MetricsArgs;
pub use metrics_sets::FeatureArgs;
#[cfg(feature = "figures")]
pub use plot::PlotArgs;
pub use replicates::PilotArgs;
pub use run::{HowArgs, RunArgs};
pub use sample::SampleArgs;
pub use settings::Settings;
pub use sweep::{CollectArgs, ExecArgs, FolderArgs, LsArgs, PlanArgs, SubmitArgs, SweepCommand};
pub use table_args::TableArgs;

use crate::numeric::threads::on_all_cores;
use crate::spec::{self, SpecError, Study};
use crate::store::console;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use written::{
    give_table, refuse_as_table, refuse_input, refuse_input_at, refuse_input_of_spec, write_file, write_rows,
    write_table,
};

/// Experiment runner for small diffusion models: one TOML file in, trustworthy CSV out.
#[derive(Debug, Parser)]
#[command(
    name = "gdiff",
    version = version::short(),
    long_version = version::long(),
    max_term_width = 100,
    after_help = examples::ALL
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// A commented spec to start from
    #[command(after_help = examples::INIT)]
    Init(InitArgs),
    /// What a key of the spec means: its type, default and values
    #[command(after_help = examples::EXPLAIN)]
    Explain(ExplainArgs),
    /// Run the experiment of a spec, or what is missing of it
    #[command(after_help = examples::RUN)]
    Run(RunArgs),
    /// Read a spec, refuse or warn, and print what would run; nothing is written
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Points of the spec's data set, as a CSV table
    #[command(after_help = examples::DATA)]
    Data(DataArgs),
    /// More points from a finished run, by any sampler, without training again
    #[command(after_help = examples::SAMPLE)]
    Sample(SampleArgs),
    /// How likely held-out points, or a table's, are under the models of finished runs
    #[command(after_help = examples::LIKELIHOOD)]
    Likelihood(LikelihoodArgs),
    /// By how much the isotropy term scaled the predictions of finished runs, and what it asks for
    #[command(after_help = examples::ISOTROPY)]
    Isotropy(IsotropyArgs),
    /// Precision, recall, density and coverage of any two tables; with a mixture also the log-likelihood
    #[command(after_help = examples::METRICS)]
    Metrics(MetricsArgs),
    /// What precision, recall, density and coverage say of real images that are blurred, faded, noised or repeated
    #[command(after_help = examples::CONTROLS)]
    Controls(ControlsArgs),
    /// The invertible map to an independent Gaussian, as a tool on a table of one's own
    #[command(subcommand, after_help = examples::GAUSSIANIZE)]
    Gaussianize(GaussianizeCommand),
    /// One spec, many runs, here or on a cluster
    #[command(subcommand, after_help = examples::SWEEP)]
    Sweep(SweepCommand),
    /// The runs of an output folder: state, keys, main results
    #[command(after_help = examples::LS)]
    Ls(LsArgs),
    /// Two output folders: in what their specs differ, and the differences of their results
    #[command(after_help = examples::COMPARE)]
    Compare(CompareArgs),
    /// Check every file of an output folder against its digest
    #[command(after_help = examples::VERIFY)]
    Verify(FolderArgs),
    /// JSON Schema of the spec, for editors, on standard output
    #[command(after_help = examples::SCHEMA)]
    Schema,
    #[cfg(feature = "figures")]
    /// Figures (SVG and PNG) and a page of an output folder, whole or in part
    #[command(after_help = examples::PLOT)]
    Plot(PlotArgs),
    /// Manual pages (man) of all commands
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
    /// Completions for a shell, on standard output
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// A spec and the values put into it.
#[derive(Debug, Args)]
pub struct SpecArgs {
    /// The spec file (TOML)
    pub spec: PathBuf,
    /// Values for its keys.
    #[command(flatten)]
    pub set: Settings,
}

/// Does what the command line says.
///
/// # Errors
/// A message for people and an exit code for scripts.
pub fn execute(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Init(args) => init::init(args),
        Command::Explain(args) => explain::explain(args),
        Command::Man(args) => man::man(args),
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::check(args),
        Command::Data(args) => on_all_cores(|| data::data(args)),
        Command::Sample(args) => on_all_cores(|| sample::sample(args)),
        Command::Likelihood(args) => on_all_cores(|| likelihood::likelihood(args)),
        Command::Isotropy(args) => on_all_cores(|| isotropy::isotropy(args)),
        Command::Metrics(args) => on_all_cores(|| metrics::metrics(args)),
        Command::Controls(args) => on_all_cores(|| controls::controls(args)),
        Command::Gaussianize(command) => on_all_cores(|| gaussianize::gaussianize(command)),
        Command::Sweep(command) => sweep::sweep(command),
        Command::Ls(args) => sweep::ls(args),
        Command::Compare(args) => compare::compare(args),
        Command::Verify(args) => verify::verify_folder(args),
        Command::Schema => print(&format!("{:#}\n", spec::schema())),
        #[cfg(feature = "figures")]
        Command::Plot(args) => on_all_cores(|| plot::plot(args)),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "gdiff", &mut text);
            print(&String::from_utf8_lossy(&text))
        }
    }
}

/// Reads a spec with its overrides.
fn read(args: &SpecArgs) -> Result<Study, SpecError> {
    let bar = images::DecodeBar::default();
    let study = spec::read_watched(&args.spec, &args.set.0, Some(&|done, all| bar.count(done, all)))?;
    study.decoded.iter().for_each(|images| images::keep(&images.place, &images.set));
    Ok(study)
}

/// Prints what a command was asked for, control characters written out, where nothing is left to do after it.
///
/// # Errors
/// If this or anything before could not be printed, but for a closed pipe.
fn print(text: &str) -> Result<(), Failure> {
    console::print(&crate::report::visible(text));
    console::failure().map_or(Ok(()), |sentence| Err(Failure::running(sentence)))
}
