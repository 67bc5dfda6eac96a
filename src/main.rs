//! Parse, dispatch, print one error.

use clap::Parser;
use gdiff::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    gdiff::numeric::threads::one_thread_per_kernel();
    match gdiff::cli::execute(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("gdiff: {}", gdiff::report::visible(&failure.to_string()));
            ExitCode::from(failure.exit_code())
        }
    }
}
