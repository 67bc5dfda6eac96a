//! `gdiff sweep` and `gdiff ls`

use super::failures::{report, stopped};
use super::run::options;
use super::{Failure, print, read};
use crate::cli::{ExecArgs, FolderArgs, PlanArgs, SubmitArgs, SweepCommand};
use crate::experiment::{Observer, Quiet};
use crate::report::{ProgressBars, run_table};
use crate::sweep::{FrozenStudy, RunState, SubmitOptions, engine_lines, list, ranges, submit};

pub(super) fn sweep(command: &SweepCommand) -> Result<(), Failure> {
    match command {
        SweepCommand::Plan(args) => plan(args),
        SweepCommand::Exec(args) => exec(args),
        SweepCommand::Collect(args) => collect(args),
        SweepCommand::Submit(args) => submit_jobs(args),
        SweepCommand::Status(args) => status(args),
    }
}

fn plan(args: &PlanArgs) -> Result<(), Failure> {
    let study = read(&args.spec)?;
    for warning in &study.base.warnings {
        crate::report::note(warning);
    }
    let frozen = FrozenStudy::plan(&study, &args.out)?;
    print(&format!("{} runs, 0 to {}, in {}\n", frozen.runs.len(), frozen.runs.len() - 1, args.out.display()))
}

fn exec(args: &ExecArgs) -> Result<(), Failure> {
    let frozen = FrozenStudy::read(&args.folder)?;
    let options = options(&args.how, args.folder.clone(), false)?;
    let bars = ProgressBars::new();
    let observer: &dyn Observer = if args.quiet { &Quiet } else { &bars };
    let range = args.index..args.index.saturating_add(args.count.get());
    let executed = frozen.exec(range, &options, observer);
    bars.clear();
    let executed = executed.map_err(stopped)?;
    let failed = executed.failures.len();
    if !args.quiet {
        let done = executed.asked - executed.before - failed;
        print(&format!("{done} runs done, {} were done already\n", executed.before))?;
    }
    let failures = executed.failures.iter().map(|(_, failure)| failure).collect::<Vec<_>>();
    report(&failures, executed.asked, executed.asked - failed)
}

fn collect(args: &FolderArgs) -> Result<(), Failure> {
    let frozen = FrozenStudy::read(&args.folder)?;
    let collected = frozen.collect(&args.folder)?;
    let done = frozen.runs.len() - collected.missing.len();
    print(&format!("{done} of {} runs collected into {}\n", frozen.runs.len(), args.folder.display()))?;
    if collected.missing.is_empty() {
        return Ok(());
    }
    Err(Failure::running(format!(
        "not done: runs {}; `gdiff sweep exec {} --index I` or `gdiff sweep submit` does them",
        ranges(&collected.missing),
        args.folder.display()
    )))
}

fn submit_jobs(args: &SubmitArgs) -> Result<(), Failure> {
    let options = SubmitOptions {
        partition: args.partition.clone(),
        time: args.time.clone(),
        cpus: args.cpus.get(),
        per_task: args.per_task.get(),
        more: args.more.clone(),
        dry_run: args.dry_run,
    };
    let submitted = submit(&args.folder, &options)?;
    let line = |s: &crate::sweep::Submission| {
        let job = s.job.as_ref().map_or("not submitted".to_string(), |job| format!("job {job}"));
        format!("{job}: {} (array {})\n", s.script.display(), s.array)
    };
    let mut text: String = submitted.arrays.iter().map(line).collect();
    if !submitted.queued.is_empty() {
        text += &format!("in the queue already: runs {}\n", ranges(&submitted.queued));
    } else if submitted.arrays.is_empty() {
        text += "every run is done; nothing to submit\n";
    }
    print(&text)
}

fn status(args: &FolderArgs) -> Result<(), Failure> {
    let lines = list(&args.folder, false)?.lines;
    let states = [RunState::Done, RunState::Running, RunState::Begun, RunState::Failed, RunState::Missing];
    let mut text = String::new();
    for state in states {
        let indices: Vec<usize> =
            lines.iter().enumerate().filter(|(_, l)| l.state == state).map(|(i, _)| i).collect();
        if !indices.is_empty() {
            text += &format!("{state:<8} {:>6}  {}\n", indices.len(), ranges(&indices));
        }
    }
    for line in lines.iter().filter(|l| l.state == RunState::Failed) {
        text += &format!("{}: {}\n", line.label.run, line.error.as_deref().unwrap_or("failed"));
    }
    for line in engine_lines(&args.folder) {
        text += &format!("slurm: {line}\n");
    }
    print(&text)
}

pub(super) fn ls(args: &FolderArgs) -> Result<(), Failure> {
    print(&run_table(&list(&args.folder, true)?))
}
