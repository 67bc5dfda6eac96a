//! `gdiff run`

use super::failures::{report, stopped};
use super::{Failure, print, read};
use crate::cli::{HowArgs, RunArgs};
use crate::experiment::{self, ExperimentError, Interrupt, Observer, Outcome, Quiet, RunOptions};
use crate::report::{JsonEvents, ProgressBars, TensorBoard, end_table};
use crate::spec::Study;
use crate::sweep::FrozenStudy;
#[cfg(unix)]
use signal_hook::consts::SIGXFSZ;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::path::PathBuf;
use std::sync::Arc;
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
    keep_plan(&study, &options)?;
    let recorder = args.tensorboard.then(|| TensorBoard::new(observer, &options.out));
    let watching = recorder.as_ref().map_or(observer, |recorder| recorder as &dyn Observer);
    let outcome = experiment::run(&study, &options, watching);
    bars.clear();
    let (finished, already) = match outcome.map_err(stopped)? {
        Outcome::Done(finished) => (finished, ""),
        Outcome::AlreadyDone(finished) => {
            (finished, " is finished already with this spec; nothing was run (--force starts afresh)\n\n")
        }
    };
    if args.json {
        events.result(&finished);
    } else if !args.quiet {
        let already =
            if already.is_empty() { String::new() } else { format!("{}{already}", finished.out.display()) };
        print(&format!("{already}{}", end_table(&finished)))?;
    }
    if let Some(recorder) = recorder {
        recorder.finish(&finished)?;
    }
    if args.plot && !finished.runs.is_empty() {
        let written = super::plot::draw(&finished.out, &finished.out, false)?;
        written.notices.iter().for_each(|notice| observer.notice(notice));
        if !args.quiet && !args.json {
            print(&format!("figures and page: {}\n", written.page.display()))?;
        }
    }
    report(&finished.failures.iter().collect::<Vec<_>>(), finished.all, finished.runs.len())
}

/// A folder that was planned for job arrays keeps its numbers: another sweep is refused there, unless forced.
fn keep_plan(study: &Study, options: &RunOptions) -> Result<(), Failure> {
    let out = &options.out;
    if options.force {
        FrozenStudy::remove(out)?;
    } else if FrozenStudy::is_in(out) && !FrozenStudy::read(out)?.is_of(study, out) {
        return Err(ExperimentError::OtherPlan(out.display().to_string()).into());
    }
    Ok(())
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
    listen(&options.interrupt).map_err(|e| Failure::running(format!("cannot listen for signals: {e}")))?;
    Ok(options)
}

/// SIGINT and SIGTERM ask for a stop at the next safe point, and end the process when they come again.
fn listen(interrupt: &Interrupt) -> std::io::Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, interrupt.flag())?;
        signal_hook::flag::register(signal, interrupt.flag())?;
    }
    // Past a limit on file sizes the kernel would kill the process; heard, the write fails and says so.
    #[cfg(unix)]
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    Ok(())
}
