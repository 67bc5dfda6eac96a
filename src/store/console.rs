//! Standard output and standard error: the one place that writes to them.
//!
//! What is printed never ends the work. A reader that has closed its end of a pipe (`| head`) is no failure: what
//! would have gone to it is dropped. Any other failure, such as a full disk behind `> FILE`, is remembered while the
//! work goes on; the program asks for it at the end and does not end with 0 then.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

/// The first failure, as a sentence.
static FAILURE: Mutex<Option<String>> = Mutex::new(None);

/// Writes a text to standard output, as it is.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    remember("standard output", out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Writes a line to standard error.
pub fn print_error(line: &str) {
    // In one piece, so that lines of several processes on one file do not run into each other.
    let line = format!("{line}\n");
    remember("standard error", io::stderr().lock().write_all(line.as_bytes()));
}

/// Whether standard error is a terminal that shows colours, and nobody asked for none (`NO_COLOR`, see no-color.org).
pub fn has_colours() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    io::stderr().is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb")
}

/// Takes note of what became of a write to the stream of that name by others.
pub fn remember(stream: &str, written: io::Result<()>) {
    let Err(error) = written else { return };
    if error.kind() != io::ErrorKind::BrokenPipe {
        let sentence =
            || format!("cannot write to {stream}: {error}; the work itself was not cut short by this");
        FAILURE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(sentence);
    }
}

/// The first write that failed for another reason than a closed pipe, as a sentence.
pub fn failure() -> Option<String> {
    FAILURE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
