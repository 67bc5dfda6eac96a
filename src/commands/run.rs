//! `gdiff run`

use super::{Failure, print, read};
use crate::cli::{HowArgs, RunArgs};
use crate::experiment::{self, Interrupt, Observer, Outcome, Quiet, RunOptions};
use crate::report::{JsonEvents, ProgressBars, end_table};
use std::path::PathBuf;
use std::time::Duration;

pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let study = read(&args.spec)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("results").join(&study.base.name));
    let options = options(&args.how, out, args.force)?;
    let bars = ProgressBars::new();
    let events = JsonEvents::new();
    let observer: &dyn Observer = match (args.quiet, args.json) {
        (true, _) => &Quiet,
        (_, true) => &events,
        _ => &bars,
    };
    for warning in &study.base.warnings {
        observer.notice(warning);
    }
    let outcome = experiment::run(&study, &options, observer);
    bars.clear();
    match (outcome?, args.quiet, args.json) {
        (_, true, _) => Ok(()),
        (Outcome::Done(finished) | Outcome::AlreadyDone(finished), _, true) => {
            events.result(&finished);
            Ok(())
        }
        (Outcome::Done(finished), ..) => print(&end_table(&finished)),
        (Outcome::AlreadyDone(finished), ..) => print(&format!(
            "{} is finished already with this spec; nothing was run (--force starts afresh)\n\n{}",
            finished.out.display(),
            end_table(&finished)
        )),
    }
}

/// The options of any command that runs something; signals are heard from here on.
pub(super) fn options(how: &HowArgs, out: PathBuf, force: bool) -> Result<RunOptions, Failure> {
    let threads =
        how.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let options = RunOptions {
        out,
        device: how.device,
        threads,
        jobs: how.jobs.map_or(threads, usize::from),
        batch_runs: how.batch_runs.map(usize::from),
        force,
        fail_fast: how.fail_fast,
        checkpoint_every: Duration::from_secs_f64(how.checkpoint_seconds.min(1e9)),
        interrupt: Interrupt::default(),
    };
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, options.interrupt.flag())
            .map_err(|e| Failure::running(format!("cannot listen for signals: {e}")))?;
    }
    Ok(options)
}
