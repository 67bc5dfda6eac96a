//! `gdiff run`

use super::SpecArgs;
use super::failures::{report, stopped};
use super::signals::listen;
use super::written::{refuse_input_at, refuse_input_of_spec};
use super::{Failure, offered, read};
use crate::numeric::trace::Trace;
#[cfg(feature = "figures")]
use crate::report::DrawOptions;
#[cfg(feature = "tensorboard")]
use crate::report::TensorBoard;
use crate::report::{GLOSSARY, JsonEvents, Progress, end_table};
use crate::run::DeviceChoice;
use crate::run::{Event, Interrupt, Quiet, Reporter, RunOptions};
use crate::spec::Study;
use crate::store::sweep_values::KeyNames;
use crate::store::{atomic, console};
use crate::study::mark::refuse_foreign;
use crate::study::{FrozenStudy, Outcome, StudyError, run_study};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::{PathBuf, absolute};
use std::time::Duration;

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
    /// Name sweep keys with underscores in the columns of the study's tables, as `df.query` of pandas takes them:
    /// train_isotropy_lambda
    #[arg(long)]
    pub flat_names: bool,
    /// Draw figures and a page at the end, as `gdiff plot` does
    #[cfg(feature = "figures")]
    #[arg(long)]
    pub plot: bool,
    /// Write TensorBoard event files while it runs, under tensorboard/ in the output folder
    #[cfg(feature = "tensorboard")]
    #[arg(long)]
    pub tensorboard: bool,
    /// Write what each thread did, and when, into a file in the Chrome trace event format
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Neither progress nor table
    #[arg(long, conflicts_with = "json")]
    pub quiet: bool,
    /// Explain the terms of the table below it
    #[arg(long, conflicts_with_all = ["quiet", "json"])]
    pub explain: bool,
    /// One JSON event a line on standard output, instead of the table
    #[arg(long)]
    pub json: bool,
}

/// How to run; none of it changes a number in the results.
#[derive(Debug, Args)]
pub struct HowArgs {
    /// Where networks live: auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto", value_name = "DEVICE", value_parser = offered::devices())]
    pub device: DeviceChoice,
    /// Threads in all [default: all cores]; results do not depend on it
    #[arg(long, value_name = "N", value_parser = thread_count)]
    pub threads: Option<NonZeroUsize>,
    /// Runs at a time, which share the threads [default: one a thread]
    #[arg(long, value_name = "N", value_parser = thread_count)]
    pub jobs: Option<NonZeroUsize>,
    /// Train and sample up to N runs with networks of one shape in step: one large computation on a GPU
    /// [default: 1 on the CPU, 64 on CUDA]
    #[arg(long, value_name = "N")]
    pub batch_runs: Option<NonZeroUsize>,
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

/// More threads than this are a typing error; a machine that is asked for so many does nothing else for minutes.
const MOST_THREADS: usize = 1024;

/// A number of threads, or of what has a thread of its own.
pub(super) fn thread_count(text: &str) -> Result<NonZeroUsize, String> {
    let count = text.parse::<NonZeroUsize>().ok().filter(|count| count.get() <= MOST_THREADS);
    count.ok_or_else(|| format!("it must be a whole number from 1 to {MOST_THREADS}"))
}

/// A number of seconds, 0 or more.
fn seconds(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|s| s.is_finite() && *s >= 0.0)
        .ok_or_else(|| format!("`{text}` is no number of seconds, 0 or more"))
}

pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let study = read(&args.spec)?;
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("results").join(&study.base.name));
    let mut options = options(&args.how, out, args.force)?;
    options.key_names = key_names(args.flat_names);
    if let Some(file) = &args.trace {
        refuse_input_at("--trace", file, &[&args.spec.spec])?;
        refuse_input_of_spec("--trace", file, &study.inputs())?;
        if let (Ok(file), Ok(out)) = (absolute(file), absolute(&options.out))
            && file.starts_with(&out)
        {
            return Err(Failure::input(format!(
                "--trace {} lies in the folder of the study, whose files are the study's own; choose another place",
                file.display()
            )));
        }
        // What is in the way of the file should be known before the runs are done.
        file.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), atomic::make_folder)?;
        options.trace = Trace::recording();
    }
    let progress = Progress::on_standard_error();
    let events = JsonEvents::new();
    let reporter: &dyn Reporter = match (args.quiet, args.json) {
        (true, _) => &Quiet,
        (_, true) => &events,
        _ => &progress,
    };
    for sentence in study.warnings().iter().chain(&study.splits()) {
        reporter.on(Event::Notice(sentence));
    }
    keep_plan(&study, &options)?;
    #[cfg(feature = "tensorboard")]
    let recorder = args.tensorboard.then(|| TensorBoard::new(reporter, &options.out));
    #[cfg(feature = "tensorboard")]
    let reporter = recorder.as_ref().map_or(reporter, |recorder| recorder as &dyn Reporter);
    let outcome = run_study(&study, &options, reporter);
    progress.clear();
    if let Some(file) = &args.trace {
        atomic::write(file, |out| options.trace.write(out))?;
    }
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
        let glossary = if args.explain { format!("\n{GLOSSARY}") } else { String::new() };
        console::print(&format!("{already}{}{glossary}", end_table(&finished)));
    }
    #[cfg(feature = "figures")]
    if args.plot && !finished.runs.is_empty() {
        let drawing = DrawOptions { dark: false, force: args.force };
        let written = super::plot::draw(&finished.out, &finished.out, drawing)?;
        written.notices.iter().for_each(|notice| reporter.on(Event::Notice(notice)));
        if !args.quiet && !args.json {
            console::print(&format!("figures and page: {}\n", written.page.display()));
        }
    }
    #[cfg(feature = "tensorboard")]
    if let Some(recorder) = recorder {
        recorder.finish(&finished)?;
    }
    report(&finished.failures.iter().collect::<Vec<_>>(), finished.all, finished.runs.len())
}

/// A folder that was planned for job arrays keeps its numbers: another sweep is refused there, unless forced.
fn keep_plan(study: &Study, options: &RunOptions) -> Result<(), Failure> {
    let out = &options.out;
    refuse_foreign(out, options.force)?;
    if options.force {
        FrozenStudy::remove(out)?;
    } else if FrozenStudy::is_in(out) && !FrozenStudy::read(out)?.is_of(study, out) {
        return Err(StudyError::OtherPlan(out.display().to_string()).into());
    }
    Ok(())
}

/// How columns name the keys of a sweep.
pub(super) fn key_names(flat: bool) -> KeyNames {
    if flat { KeyNames::Flat } else { KeyNames::Dotted }
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
        key_names: KeyNames::default(),
        fail_fast: how.fail_fast,
        checkpoint_every: Duration::from_secs_f64(how.checkpoint_seconds.min(1e9)),
        interrupt: Interrupt::default(),
        trace: Trace::default(),
    };
    listen(&options.interrupt).map_err(|e| Failure::running(format!("cannot listen for signals: {e}")))?;
    Ok(options)
}
