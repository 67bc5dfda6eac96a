//! `--batch-runs`: runs in step write what each of them writes alone.

use crate::common::{TINY, Waiting, message, same_tables, spec};
use std::path::Path;
use tempfile::tempdir;

/// The arguments that run the spec into a folder of that name.
fn into<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "spec.toml", "--quiet", "--out", out], more].concat()
}

/// Runs the spec into a folder of that name: exit code and standard error.
fn run(folder: &Path, out: &str, more: &[&str]) -> (Option<i32>, String) {
    let output = crate::common::run(folder, &into(out, more));
    (output.status.code(), message(&output))
}

#[test]
fn runs_in_step_write_what_each_writes_alone() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &format!("{TINY}\n[sweep]\n\"train.learning_rate\" = [1e-3, 1e-2]\n"));
    let alone = run(folder.path(), "alone", &["--set", "replicates=2"]);
    assert_eq!(alone, (Some(0), String::new()));
    let in_step = ["--set", "replicates=2", "--batch-runs", "5", "--jobs", "2"];
    assert_eq!(run(folder.path(), "in_step", &in_step), (Some(0), String::new()));
    same_tables(&folder.path().join("alone"), &folder.path().join("in_step"));
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
    spec(folder.path(), TINY);
    let in_step = ["--set", "replicates=2", "--batch-runs", "4", "--jobs", "1"];
    let command = into("stopped", &[&in_step[..], &["--checkpoint-seconds", "0"]].concat());
    Waiting::begin(folder.path(), &command, &["train:30"]).kill();
    for run in ["baseline-r0", "baseline-r1", "gaussianized-r0", "gaussianized-r1"] {
        let checkpoint = folder.path().join("stopped/runs").join(run).join("checkpoint-b.json");
        assert!(checkpoint.exists(), "{run} has no checkpoint");
    }
    assert_eq!(run(folder.path(), "stopped", &in_step), (Some(0), String::new()));
    assert_eq!(run(folder.path(), "whole", &["--set", "replicates=2"]), (Some(0), String::new()));
    same_tables(&folder.path().join("whole"), &folder.path().join("stopped"));
}
