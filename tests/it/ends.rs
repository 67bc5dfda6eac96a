//! Output that nobody reads or that has no room, signals, logs without a terminal, and what killed processes leave.

use crate::common::{
    TINY, Waiting, files, gdiff, message, run, said, same_tables, shell, spec, succeeded, text,
};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::{TempDir, tempdir};

/// The end of a pipe that nobody reads.
fn closed_pipe() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A disk without room.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// Runs the binary with these two streams: exit code, and what went to a standard error that is piped.
fn with_streams(folder: &Path, arguments: &[&str], stdout: Stdio, stderr: Stdio) -> (Option<i32>, String) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("gdiff"));
    let child = command.current_dir(folder).args(arguments).stdout(stdout).stderr(stderr).spawn().unwrap();
    let output: Output = child.wait_with_output().unwrap();
    (output.status.code(), message(&output))
}

/// A folder with a spec, and its study run without any output into `whole`.
fn with_whole(text: &str) -> TempDir {
    let folder = tempdir().unwrap();
    spec(folder.path(), text);
    let output = run(folder.path(), &["run", "spec.toml", "--quiet", "--out", "whole"]);
    assert!(!message(&output).contains("panicked"), "{}", message(&output));
    folder
}

#[test]
fn a_closed_pipe_ends_no_work() {
    // Runs that fail are reported while others have not begun.
    let one = TINY.replace("[\"baseline\", \"gaussianized\", \"exact\"]", "[\"baseline\"]");
    let study = format!("{one}\n[sweep]\n\"train.learning_rate\" = [1e25, 1e-3]\nseed = [1, 2, 3]\n");
    let folder = with_whole(&study);
    for (out, more) in [("lines", &[][..]), ("json", &["--json"])] {
        let command = [&["run", "spec.toml", "--jobs", "1", "--out", out], more].concat();
        let (code, _) = with_streams(folder.path(), &command, closed_pipe(), closed_pipe());
        assert_eq!(code, Some(1), "three runs fail");
        same_tables(&folder.path().join("whole"), &folder.path().join(out));
    }
    spec(folder.path(), TINY);
    for command in [
        &["--help"][..],
        &["check", "spec.toml"],
        &["schema"],
        &["completions", "bash"],
        &["data", "spec.toml"],
        &["ls", "whole"],
        &["run", "spec.toml", "--out", "well", "--plot"],
        &["plot", "well"],
    ] {
        let (code, _) = with_streams(folder.path(), command, closed_pipe(), closed_pipe());
        assert_eq!(code, Some(0), "{command:?}");
    }
}

#[test]
fn what_could_not_be_printed_is_no_success_but_the_work_is_done() {
    let folder = with_whole(TINY);
    for command in [
        &["--help"][..],
        &["--version"],
        &["check", "spec.toml"],
        &["schema"],
        &["completions", "bash"],
        &["data", "spec.toml"],
        &["ls", "whole"],
        &["plot", "whole", "--out", "plotted"],
        &["sweep", "plan", "spec.toml", "--out", "planned"],
        &["sweep", "exec", "planned", "--index", "0", "--count", "3", "--quiet"],
        &["sweep", "exec", "planned", "--index", "0", "--count", "3"],
        &["sweep", "collect", "planned"],
        &["run", "spec.toml", "--out", "table", "--plot", "--tensorboard"],
        &["run", "spec.toml", "--out", "json", "--json", "--plot"],
    ] {
        let (code, said) = with_streams(folder.path(), command, full(), Stdio::piped());
        let quiet = command.contains(&"--quiet");
        assert_eq!(code, Some(if quiet { 0 } else { 1 }), "{command:?}: {said}");
        let sentence = "gdiff: cannot write to standard output: No space left on device";
        assert!(quiet || said.contains(sentence), "{command:?}: {said}");
    }
    for out in ["table", "json", "planned"] {
        same_tables(&folder.path().join("whole"), &folder.path().join(out));
    }
    assert!(
        folder.path().join("table/report.html").exists() && folder.path().join("table/tensorboard").exists()
    );
    assert!(folder.path().join("json/report.html").exists());
    let command = ["run", "spec.toml", "--out", "mute"];
    assert_eq!(with_streams(folder.path(), &command, Stdio::null(), full()).0, Some(1));
    same_tables(&folder.path().join("whole"), &folder.path().join("mute"));
}

#[test]
fn signals_of_terminals_and_batch_systems_checkpoint_and_stop() {
    let folder = with_whole(TINY);
    for signal in ["TERM", "HUP", "USR1", "XCPU"] {
        let command = ["run", "spec.toml", "--force", "--out", signal, "--jobs", "1"];
        let waiting = Waiting::begin(folder.path(), &command, &["train:20"]);
        // A closed pipe is no reason to stop: the process is still there for the signal that follows.
        waiting.send("PIPE");
        let (status, message) = waiting.end_by(signal);
        assert_eq!(status.code(), Some(130), "{signal}: {message}");
        assert!(message.contains("gdiff: interrupted"), "{signal}: {message}");
        let checkpoint = files(&folder.path().join(signal));
        assert!(checkpoint.iter().any(|path| path.ends_with("checkpoint-a.safetensors")), "{signal}");
        let pasted = message.trim().lines().last().unwrap();
        succeeded(&shell(folder.path(), pasted));
        same_tables(&folder.path().join("whole"), &folder.path().join(signal));
    }
}

#[test]
fn a_second_signal_does_not_wait() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let command = ["run", "spec.toml", "--out", "out", "--jobs", "1", "--quiet"];
    // A wait while a file is written does not notice that a stop is asked for.
    let waiting = Waiting::begin(folder.path(), &command, &["write:loss.csv"]);
    waiting.send("HUP");
    waiting.send("USR1");
    let (status, message) = waiting.end_by("TERM");
    assert_eq!((status.code(), message.as_str()), (Some(130), ""));
}

#[test]
fn without_a_terminal_each_run_has_a_line() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let output = run(folder.path(), &["run", "spec.toml", "--out", "out", "--jobs", "1"]);
    succeeded(&output);
    let message = message(&output);
    let lines: Vec<&str> = message.lines().filter(|line| line.contains(" done in ")).collect();
    for (i, line) in lines.iter().enumerate() {
        assert!(line.starts_with("gdiff: ") && line.ends_with(&format!(" s ({} of 3)", i + 1)), "{message}");
    }
    let mut runs: Vec<&str> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    runs.sort_unstable();
    assert_eq!(runs, ["baseline-r0", "exact-r0", "gaussianized-r0"]);
    assert!(!message.contains(['\r', '\x1b']), "{message:?}");
}

/// A folder of programs that stand for Slurm's: arrays hold two tasks, and the second submission is refused.
fn slurm(folder: &Path) -> String {
    let programs = folder.join("bin");
    std::fs::create_dir(&programs).unwrap();
    let write = |name: &str, text: &str| {
        let path = programs.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&path).status().unwrap().success());
    };
    write("scontrol", "echo 'MaxArraySize            = 2'");
    write("squeue", "cat queue 2>/dev/null; true");
    write(
        "sbatch",
        "if mkdir accepted 2>/dev/null; then echo 4711; else echo 'sbatch: error: QOSMaxSubmit' >&2; exit 1; fi",
    );
    format!("{}:{}", programs.display(), std::env::var("PATH").unwrap())
}

#[test]
fn arrays_that_were_accepted_before_a_refusal_are_named() {
    let folder = tempdir().unwrap();
    let path = slurm(folder.path());
    spec(folder.path(), &format!("{TINY}\n[sweep]\nseed = [1, 2]\n"));
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "jobs"]));
    let submit =
        || gdiff(folder.path()).env("PATH", &path).args(["sweep", "submit", "jobs"]).output().unwrap();
    let refused = submit();
    assert_eq!(refused.status.code(), Some(1));
    let words = ["QOSMaxSubmit", "1 job arrays were accepted", "scancel 4711"];
    assert!(words.iter().all(|word| message(&refused).contains(word)), "{}", message(&refused));
    // What is in the queue is not submitted again.
    std::fs::write(folder.path().join("queue"), "4711|0|PENDING|None\n4711|1|PENDING|None\n").unwrap();
    std::fs::remove_dir(folder.path().join("accepted")).unwrap();
    let refused = submit();
    assert!(message(&refused).contains("scancel 4711"), "{}", message(&refused));
    let script = text(folder.path().join("jobs/slurm/array-0.sh"));
    assert!(script.contains("--array=0-1\n") && script.contains("(2 + SLURM_ARRAY_TASK_ID)"), "{script}");
}

#[test]
fn more_runs_in_a_task_than_there_are_is_all_of_them() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &format!("{TINY}\n[sweep]\nseed = [1, 2]\n"));
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "jobs"]));
    std::fs::create_dir(folder.path().join("jobs/slurm")).unwrap();
    std::fs::write(
        folder.path().join("jobs/slurm/jobs.json"),
        r#"[{"job": "4711", "offset": 9000000000000000000, "per_task": 9000000000000000000}]"#,
    )
    .unwrap();
    let path = slurm(folder.path());
    std::fs::write(folder.path().join("queue"), "4711|1|PENDING|None\n").unwrap();
    let many = ["sweep", "submit", "jobs", "--dry-run", "--per-task", "1000000000000"];
    let output = gdiff(folder.path()).env("PATH", path).args(many).output().unwrap();
    assert!(succeeded(&output).contains("(array 0)"), "{}", said(&output));
    let script = text(folder.path().join("jobs/slurm/array-0.sh"));
    assert!(script.contains(" * 6) )) --count 6 ") || script.contains(" * 6 )) --count 6 "), "{script}");
}

/// Unfinished files under a folder.
fn unfinished(folder: &Path) -> usize {
    let is_unfinished = |path: &&std::path::PathBuf| path.extension().is_some_and(|end| end == "part");
    files(folder).iter().filter(is_unfinished).count()
}

#[test]
fn whoever_finds_unfinished_files_clears_them() {
    let folder = with_whole(TINY);
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "whole"]));
    let exec = ["sweep", "exec", "new", "--index", "0", "--jobs", "1"];
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "new"]));
    for (command, point, out) in [
        (&["plot", "whole"][..], "write:loss.svg", "whole"),
        (&["plot", "whole"], "write:report.html", "whole"),
        (&["sweep", "collect", "whole"], "write:summary.csv", "whole"),
        (&["sweep", "submit", "new", "--dry-run"], "write:array-0.sh", "new"),
        (&exec, "write:metrics.csv", "new"),
        (
            &["run", "spec.toml", "--out", "whole", "--tensorboard"],
            "write:events.out.tfevents.gdiff",
            "whole",
        ),
        (&["data", "spec.toml", "--out", "data.csv"], "write:data.csv", ""),
    ] {
        Waiting::begin(folder.path(), command, &[point]).kill();
        let out = folder.path().join(out);
        assert_eq!(unfinished(&out), 1, "{command:?}");
        succeeded(&run(folder.path(), command));
        assert_eq!(unfinished(&out), 0, "{command:?}");
    }
}

/// The events of an event file without the times: after a length and its checksum come nine bytes of time.
fn events(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let (mut at, mut events) = (0, Vec::new());
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        events.push(bytes[at + 12 + 9..at + 12 + length].to_vec());
        at += 12 + length + 4;
    }
    events
}

#[test]
fn an_event_file_that_broke_off_is_completed() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let command = |out| ["run", "spec.toml", "--quiet", "--jobs", "1", "--out", out, "--tensorboard"];
    succeeded(&run(folder.path(), &command("whole")));
    Waiting::begin(folder.path(), &command("cut"), &["train:30@baseline"]).kill();
    succeeded(&run(folder.path(), &command("cut")[..7]));
    succeeded(&run(folder.path(), &command("cut")));
    for name in ["baseline-r0", "gaussianized-r0", "exact-r0"] {
        let of = |out: &str| {
            events(&folder.path().join(out).join("tensorboard").join(name).join("events.out.tfevents.gdiff"))
        };
        assert!(of("whole").len() > 12 && of("whole") == of("cut"), "{name}");
    }
}
