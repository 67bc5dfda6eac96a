//! A study survives being killed, damaged, shared and spread, and gives the same bytes in the end.

use crate::common::{TABLES, TINY, gdiff, same_tables, spec, succeeded, text};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::tempdir;

/// Four points of two pipelines, long enough to be caught in the middle.
fn study(iterations: usize) -> String {
    let spec = TINY.replace("iterations = 40", &format!("iterations = {iterations}"));
    let spec = spec.replace("\"gaussianized\", \"exact\"]", "\"gaussianized\"]");
    assert!(spec.contains(&format!("iterations = {iterations}\n")) && !spec.contains("exact"));
    format!("{spec}\n[sweep]\n\"train.isotropy.lambda\" = [0.0, 0.1]\n\"network.hidden\" = [[8], [8, 8]]\n")
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    gdiff(folder).args(arguments).output().unwrap()
}

fn begin(folder: &Path, arguments: &[&str]) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin("gdiff"))
        .current_dir(folder)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A small generator for moments and places: the test is the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}

#[test]
fn killed_at_twenty_moments_the_study_ends_in_the_same_bytes() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(12_000));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "whole", "--quiet"]));
    let command = ["run", "spec.toml", "--out", "killed", "--quiet", "--checkpoint-seconds", "0.03"];
    let mut dice = Dice(9);
    let mut kills = 0;
    while kills < 20 {
        let mut child = begin(folder.path(), &command);
        std::thread::sleep(Duration::from_millis(20 + dice.below(150) as u64));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 5, "it was over after {kills} kills: too fast to tell anything");
    succeeded(&run(folder.path(), &command));
    same_tables(&folder.path().join("whole"), &folder.path().join("killed"));
    let leftovers = |name: &std::ffi::OsStr| {
        let name = name.to_string_lossy().into_owned();
        name.ends_with(".part") || name.starts_with("checkpoint")
    };
    for entry in std::fs::read_dir(folder.path().join("killed/runs")).unwrap() {
        for file in std::fs::read_dir(entry.unwrap().path()).unwrap() {
            let name = file.unwrap().file_name();
            assert!(!leftovers(&name), "{name:?} was left behind");
        }
    }
}

#[test]
fn damaged_checkpoints_and_statuses_never_give_a_wrong_result() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(1500));
    let only = ["--set", "sweep={}", "--set", "pipelines=[\"baseline\"]"];
    let with = |out: &'static str| [&["run", "spec.toml", "--quiet", "--out", out][..], &only].concat();
    succeeded(&run(folder.path(), &with("whole")));
    // A checkpoint of the middle of the training.
    let mut child = begin(folder.path(), &[&with("broken")[..], &["--checkpoint-seconds", "0"]].concat());
    let place = folder.path().join("broken/runs/baseline-r0");
    while !(place.join("checkpoint-a.json").exists() && place.join("checkpoint-b.json").exists()) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote two checkpoints");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let kept: Vec<(std::path::PathBuf, Vec<u8>)> = std::fs::read_dir(&place)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("checkpoint")))
        .map(|p| (p.clone(), std::fs::read(&p).unwrap()))
        .collect();
    assert_eq!(kept.len(), 4);
    let status = std::fs::read(folder.path().join("whole/runs/baseline-r0/status.json")).unwrap();
    let mut dice = Dice(4);
    for trial in 0..200 {
        // Every checkpoint file as it was, but one of them (or a status of the finished run) damaged.
        for (path, bytes) in &kept {
            std::fs::write(path, bytes).unwrap();
        }
        let (path, mut bytes) = match dice.below(5) {
            4 => (place.join("status.json"), status.clone()),
            i => kept[i].clone(),
        };
        if dice.below(2) == 0 {
            bytes.truncate(dice.below(bytes.len()));
        } else {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }
        let finished_by_damage = path.ends_with("status.json");
        std::fs::write(&path, bytes).unwrap();
        for table in TABLES {
            let _ = std::fs::remove_file(folder.path().join("broken").join(table));
        }
        if finished_by_damage {
            // A damaged status must read as "not done" or be the run's own: the tables decide.
            for (path, _) in &kept {
                std::fs::remove_file(path).unwrap();
            }
            let _ = std::fs::remove_file(place.join("metrics.csv"));
        }
        let output = run(folder.path(), &with("broken"));
        if output.status.code() == Some(0) {
            same_tables(&folder.path().join("whole"), &folder.path().join("broken"));
        } else {
            // A flip that leaves a status valid claims tables that are not there: said, not papered over.
            let message = String::from_utf8_lossy(&output.stderr).to_string();
            assert!(finished_by_damage && message.contains("cannot read"), "trial {trial}: {message}");
        }
        let _ = std::fs::remove_file(place.join("status.json"));
    }
}

#[test]
fn planned_executed_in_parts_and_collected_it_is_the_run() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(60));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "whole", "--quiet"]));
    let planned = run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "parts"]);
    succeeded(&planned);
    assert!(String::from_utf8_lossy(&planned.stdout).contains("8 runs, 0 to 7"));
    let early = run(folder.path(), &["sweep", "collect", "parts"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&early.stderr).contains("runs 0-7"));
    succeeded(&run(folder.path(), &["sweep", "exec", "parts", "--index", "5", "--count", "3"]));
    succeeded(&run(folder.path(), &["sweep", "exec", "parts", "--index", "1"]));
    let half = run(folder.path(), &["sweep", "collect", "parts"]);
    assert!(String::from_utf8_lossy(&half.stderr).contains("runs 0,2-4"));
    let status = run(folder.path(), &["sweep", "status", "parts"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("0,2-4"));
    succeeded(&run(folder.path(), &["sweep", "exec", "parts", "--index", "0", "--count", "8"]));
    succeeded(&run(folder.path(), &["sweep", "collect", "parts"]));
    same_tables(&folder.path().join("whole"), &folder.path().join("parts"));
    let beyond = run(folder.path(), &["sweep", "exec", "parts", "--index", "8"]);
    assert_eq!(beyond.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&beyond.stderr).contains("no run 8"));
    let listed = run(folder.path(), &["ls", "parts"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout).matches("done").count(), 8);
}

#[test]
fn a_second_process_is_refused_with_the_first_ones_pid() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(200_000));
    let command = ["run", "spec.toml", "--out", "shared", "--quiet"];
    let mut first = begin(folder.path(), &command);
    let lock = folder.path().join("shared/.lock");
    while std::fs::read_to_string(&lock).map_or(true, |text| text.is_empty()) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let second = run(folder.path(), &command);
    assert_eq!(second.status.code(), Some(2));
    let message = String::from_utf8_lossy(&second.stderr).to_string();
    assert!(message.contains(&format!("in use by process {}", first.id())), "{message}");
    first.kill().unwrap();
    first.wait().unwrap();
    // What a killed process leaves is no lock.
    let mut third = begin(folder.path(), &command);
    std::thread::sleep(Duration::from_millis(300));
    assert!(third.try_wait().unwrap().is_none(), "a stale lock kept the folder");
    third.kill().unwrap();
    third.wait().unwrap();
}

#[test]
fn a_run_that_fails_leaves_the_others_alone_and_is_tried_again() {
    let folder = tempdir().unwrap();
    let spec_text = study(60).replace("[[8], [8, 8]]", "[[8]]") + "\"train.learning_rate\" = [1e-3, 1e30]\n";
    spec(folder.path(), &spec_text);
    let output = run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr).to_string();
    assert!(message.contains("4 of 8 runs failed, 4 are done and kept"), "{message}");
    // The tables hold the runs that are done.
    let (_, rows) = crate::common::csv(folder.path().join("out/metrics.csv"));
    let runs: std::collections::BTreeSet<_> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(runs.len(), 4);
    // The command that it ends with can be pasted.
    let pasted = message.trim().lines().last().unwrap().to_string();
    let again = Command::new("sh").args(["-c", &pasted]).current_dir(folder.path()).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("4 of 8 runs failed"));
    assert_eq!(
        run(folder.path(), &["run", "spec.toml", "--keep-going", "--fail-fast"]).status.code(),
        Some(2)
    );
    let listed = String::from_utf8_lossy(&run(folder.path(), &["ls", "out"]).stdout).to_string();
    assert_eq!((listed.matches("done").count(), listed.matches("failed").count()), (4, 4), "{listed}");
    let fast =
        run(folder.path(), &["run", "spec.toml", "--out", "fast", "--quiet", "--fail-fast", "--jobs", "1"]);
    assert_eq!(fast.status.code(), Some(1));
    let listed = String::from_utf8_lossy(&run(folder.path(), &["ls", "fast"]).stdout).to_string();
    assert_eq!(listed.matches("failed").count(), 1, "{listed}");
}

#[test]
fn job_arrays_cover_what_is_not_done() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(20));
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "jobs"]));
    let dry = [
        "sweep",
        "submit",
        "jobs",
        "--engine",
        "slurm",
        "--per-task",
        "2",
        "--partition",
        "short",
        "--dry-run",
    ];
    let output = run(folder.path(), &dry);
    succeeded(&output);
    assert!(String::from_utf8_lossy(&output.stdout).contains("array 0-3"));
    let script = text(folder.path().join("jobs/slurm/array-0.sh"));
    for line in ["#SBATCH --array=0-3", "#SBATCH --partition=short", "sweep exec"] {
        assert!(script.contains(line), "{script}");
    }
    succeeded(&run(folder.path(), &["sweep", "exec", "jobs", "--index", "2", "--count", "3"]));
    let output = run(folder.path(), &dry);
    assert!(String::from_utf8_lossy(&output.stdout).contains("array 0,2-3"), "task 1 is done");
}
