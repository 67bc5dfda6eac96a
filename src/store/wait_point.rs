//! Points at which a run waits, so that tests can kill, interrupt or watch it there, however fast the machine is.
//!
//! Only the tests set these two environment variables:
//!
//! - `GDIFF_TEST_WAIT=POINT[@TEXT],...` names the points: `train:ITERATION` is before that iteration of a training,
//!   `evaluate:ITERATION` within the evaluation after that iteration, `sample:STEP` after that reverse step, and
//!   `write:NAME` after a file of that name is written aside and before it appears in its place. `@TEXT` takes only the
//!   runs whose name (for `write`, the files whose path) contains the text.
//! - `GDIFF_TEST_WAIT_FILE=PATH` makes a point hold only as long as this file exists.
//!
//! A run that comes to a named point says on standard error that it waits, and goes on when it is asked to stop, or
//! when the file is gone. A wait inside `write` does not notice that it is asked to stop.

use super::console;
use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

/// A place in a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Point<'a> {
    /// Before this iteration of the training.
    Train(usize),
    /// Within the evaluation after this iteration of the training.
    Evaluate(usize),
    /// After this reverse step.
    Sample(usize),
    /// Before the file of this name appears.
    Write(&'a str),
}

impl fmt::Display for Point<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Train(iteration) => write!(f, "train:{iteration}"),
            Self::Evaluate(iteration) => write!(f, "evaluate:{iteration}"),
            Self::Sample(step) => write!(f, "sample:{step}"),
            Self::Write(name) => write!(f, "write:{name}"),
        }
    }
}

/// What the environment asks for.
struct Wanted {
    /// Points, each with the text that the place must contain.
    points: Vec<(String, String)>,
    /// The points hold as long as this file exists; without one, for ever.
    file: Option<PathBuf>,
}

impl Wanted {
    fn from_environment() -> Self {
        let text = std::env::var("GDIFF_TEST_WAIT").unwrap_or_default();
        let parse = |part: &str| {
            let (point, text) = part.split_once('@').unwrap_or((part, ""));
            (point.to_string(), text.to_string())
        };
        let points = text.split(',').filter(|part| !part.is_empty()).map(parse).collect();
        Self { points, file: std::env::var_os("GDIFF_TEST_WAIT_FILE").map(PathBuf::from) }
    }
}

/// Waits here if the environment names this point; `place` is the name of the run, or the path of the file.
pub(crate) fn wait_at(point: Point, place: impl fmt::Display, stopped: impl Fn() -> bool) {
    static WANTED: OnceLock<Wanted> = OnceLock::new();
    let wanted = WANTED.get_or_init(Wanted::from_environment);
    if wanted.points.is_empty() {
        return;
    }
    let (point, place) = (point.to_string(), place.to_string());
    if !wanted.points.iter().any(|(name, text)| *name == point && place.contains(text)) {
        return;
    }
    let holds = || !stopped() && wanted.file.as_ref().is_none_or(|file| file.exists());
    if holds() {
        console::print_error(&format!("gdiff: waiting at {point} of {place}"));
    }
    while holds() {
        std::thread::sleep(Duration::from_millis(5));
    }
}
