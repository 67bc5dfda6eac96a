//! What each command does: from parsed arguments to files and text, and the exit code of a failure.

mod check;
mod data;
mod failures;
mod gaussianize;
mod metrics;
mod plot;
mod run;
mod sweep;

use crate::cli::{Cli, Command, SpecArgs};
use crate::data::table;
use crate::experiment::{ExperimentError, files};
use crate::spec::{self, SpecError, Study};
use clap::CommandFactory;
use ndarray::Array2;
use std::fmt;
use std::path::Path;

/// A command that failed: one message and the process exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The spec, the arguments or an input file are wrong.
    pub fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// It failed while running.
    pub fn running(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// The process exit code.
    pub fn exit_code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        Self::input(error.to_string())
    }
}

impl From<ExperimentError> for Failure {
    fn from(error: ExperimentError) -> Self {
        Self { message: error.to_string(), code: error.exit_code() }
    }
}

/// Does what the command line says.
///
/// # Errors
/// A message for people and an exit code for scripts.
pub fn execute(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Check(args) => check::check(args),
        Command::Data(args) => data::data(args),
        Command::Metrics(args) => metrics::metrics(args),
        Command::Gaussianize(command) => gaussianize::gaussianize(command),
        Command::Sweep(command) => sweep::sweep(command),
        Command::Ls(args) => sweep::ls(args),
        Command::Schema => print(&format!("{:#}\n", spec::schema())),
        Command::Plot(args) => plot::plot(args),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "gdiff", &mut text);
            print(&String::from_utf8_lossy(&text))
        }
    }
}

/// Reads a spec with its overrides.
fn read(args: &SpecArgs) -> Result<Study, SpecError> {
    spec::read(&args.spec, &args.set)
}

/// Reads a table of points; the message names the file.
fn read_table(path: &Path) -> Result<Array2<f64>, Failure> {
    table::read(path).map_err(|e| Failure::input(format!("{}: {e}", path.display())))
}

/// Writes a table of points, whole or not at all: npy by its name, else CSV.
fn write_table(path: &Path, points: &Array2<f64>) -> Result<(), Failure> {
    files::write(path, |out| table::write(out, path, points)).map_err(Failure::from)
}

/// Prints to standard output. A reader that closed the pipe (`| head`) is no failure.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::running(format!("cannot write to standard output: {e}")))
        }
        _ => Ok(()),
    }
}
