//! Parse, dispatch, print one error.

use clap::Parser;
use gdiff::cli::{Cli, Failure};
use gdiff::store::console;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    gdiff::numeric::threads::one_thread_per_kernel();
    let outcome = match Cli::try_parse() {
        Ok(cli) => gdiff::cli::execute(&cli).map(|()| 0),
        // Help and version too, which end with 0.
        Err(usage) => {
            let stream = if usage.use_stderr() { "standard error" } else { "standard output" };
            console::remember(stream, usage.print().and_then(|()| std::io::stdout().flush()));
            Ok(u8::try_from(usage.exit_code()).unwrap_or(2))
        }
    };
    // What could not be printed is no success, however well the work went.
    let outcome = outcome.and_then(|code| match console::failure() {
        Some(sentence) if code == 0 => Err(Failure::running(sentence)),
        _ => Ok(code),
    });
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            console::print_error(&format!("gdiff: {}", failure.shown()));
            ExitCode::from(failure.exit_code())
        }
    }
}
