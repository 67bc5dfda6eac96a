//! `--batch-runs`: runs in step write what each of them writes alone.

use crate::common::{TINY, gdiff, spec};
use std::path::Path;
use tempfile::tempdir;

/// Runs the spec into a folder of that name: exit code and standard error.
fn run(folder: &Path, out: &str, more: &[&str]) -> (Option<i32>, String) {
    let arguments = ["run", "spec.toml", "--quiet", "--out", out];
    let output = gdiff(folder).args(arguments).args(more).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn runs_in_step_write_what_each_writes_alone() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &format!("{TINY}\n[sweep]\n\"train.learning_rate\" = [1e-3, 1e-2]\n"));
    let alone = run(folder.path(), "alone", &["--set", "replicates=2"]);
    assert_eq!(alone, (Some(0), String::new()));
    let in_step = ["--set", "replicates=2", "--batch-runs", "5", "--jobs", "2"];
    assert_eq!(run(folder.path(), "in_step", &in_step), (Some(0), String::new()));
    for table in ["metrics.csv", "loss.csv", "isotropy.csv", "summary.csv", "gaussianizer.csv"] {
        let read = |out: &str| std::fs::read(folder.path().join(out).join(table)).unwrap();
        assert_eq!(read("alone"), read("in_step"), "{table}");
    }
}

#[test]
fn a_run_that_diverges_leaves_those_in_step_with_it_alone() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &format!("{TINY}\n[sweep]\n\"train.learning_rate\" = [1e25, 1e-3]\n"));
    let samples = |out: &str, batch: &str| {
        let more = ["--batch-runs", batch, "--jobs", "1", "--set", "pipelines=[\"baseline\"]"];
        let (code, said) = run(folder.path(), out, &more);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("diverged") && said.contains("1 of 2 runs failed"), "{said}");
        let runs = std::fs::read_dir(folder.path().join(out).join("runs")).unwrap();
        let samples = runs.filter_map(|run| std::fs::read(run.unwrap().path().join("samples.csv")).ok());
        let samples: Vec<Vec<u8>> = samples.collect();
        assert_eq!(samples.len(), 1);
        samples
    };
    assert_eq!(samples("alone", "1"), samples("in_step", "2"));
}

#[test]
fn runs_in_step_go_on_from_their_checkpoints() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &TINY.replace("iterations = 40", "iterations = 4000"));
    let in_step = ["--set", "replicates=2", "--batch-runs", "4", "--jobs", "1"];
    let binary = assert_cmd::cargo::cargo_bin("gdiff");
    let mut child = std::process::Command::new(binary)
        .current_dir(folder.path())
        .args(["run", "spec.toml", "--quiet", "--out", "stopped"])
        .args(in_step)
        .args(["--checkpoint-seconds", "0"])
        .spawn()
        .unwrap();
    let runs = folder.path().join("stopped/runs");
    let begun = |run: &str| runs.join(run).join("checkpoint-b.json").exists();
    let all_begun = || ["baseline-r0", "baseline-r1", "gaussianized-r1"].into_iter().all(begun);
    while !all_begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(all_begun(), "stopped too late");
    assert_eq!(run(folder.path(), "stopped", &in_step), (Some(0), String::new()));
    assert_eq!(run(folder.path(), "whole", &["--set", "replicates=2"]), (Some(0), String::new()));
    for table in ["metrics.csv", "loss.csv", "summary.csv"] {
        let read = |out: &str| std::fs::read(folder.path().join(out).join(table)).unwrap();
        assert_eq!(read("whole"), read("stopped"), "{table}");
    }
}
