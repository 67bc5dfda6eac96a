//! What is said at the end about runs that failed or were stopped: the reasons, and the command to paste.

use super::Failure;
use crate::study::{RunFailure, StudyError};
use std::ffi::OsString;
use std::fmt::Write;

/// More failures than this are left to `gdiff ls`.
const MOST_LINES: usize = 20;

/// Fails if a run did: says why each did, and which command tries them again.
pub(super) fn report(failures: &[&RunFailure], all: usize, done: usize) -> Result<(), Failure> {
    let Some(first) = failures.first() else { return Ok(()) };
    if all == 1 {
        let message = format!("{}\ntry it again with\n  {}", first.error, again());
        return Err(Failure::new(message, first.error.exit_code()));
    }
    let mut text = format!("{} of {all} runs failed, {done} are done and kept\n", failures.len());
    for failure in failures.iter().take(MOST_LINES) {
        let _ = writeln!(text, "  {}", failure.error);
    }
    if failures.len() > MOST_LINES {
        let _ = writeln!(text, "  and {} more; `gdiff ls` names them all", failures.len() - MOST_LINES);
    }
    let _ = write!(text, "try the failed ones again with\n  {}", again());
    Err(Failure::running(text))
}

/// The error of what stopped everything; where going on is as easy as a command, with that command.
pub(super) fn stopped(error: StudyError) -> Failure {
    if error.is_interrupt() {
        return Failure::new(format!("{error}; go on with\n  {}", again()), error.exit_code());
    }
    Failure::from(error)
}

/// This process's command line as a shell takes it, but for `--force`, which would begin afresh.
fn again() -> String {
    words(std::env::args_os())
}

/// Arguments as a shell takes them, but for `--force`.
pub(super) fn words(arguments: impl IntoIterator<Item = OsString>) -> String {
    let words = arguments.into_iter().filter(|word| word != "--force").map(|word| {
        let word = word.to_string_lossy().into_owned();
        shlex::try_quote(&word).map_or(word.clone(), std::borrow::Cow::into_owned)
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn the_command_can_be_pasted_and_keeps_what_is_done() {
        let typed =
            ["gdiff", "run", "my spec.toml", "--set", "network.hidden=[8, 8]", "--force", "--out", "it's"];
        let pasted = words(typed.map(Into::into));
        let parts = shlex::split(&pasted).unwrap();
        let expected = ["gdiff", "run", "my spec.toml", "--set", "network.hidden=[8, 8]", "--out", "it's"];
        assert_eq!(parts, expected);
    }
}
