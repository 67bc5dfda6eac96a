//! A study survives being killed, damaged, shared and spread, and gives the same bytes in the end.

use crate::common::{
    Dice, TABLES, TINY, Waiting, csv, files, message, run, said, same_tables, shell, spec, succeeded, text,
};
use tempfile::tempdir;

/// Four points of two pipelines.
fn study(iterations: usize) -> String {
    let spec = TINY.replace("iterations = 40", &format!("iterations = {iterations}"));
    let spec = spec.replace("\"gaussianized\", \"exact\"]", "\"gaussianized\"]");
    assert!(spec.contains(&format!("iterations = {iterations}\n")) && !spec.contains("exact"));
    format!("{spec}\n[sweep]\n\"train.isotropy.lambda\" = [0.0, 0.1]\n\"network.hidden\" = [[8], [8, 8]]\n")
}

/// Places in a run of 60 iterations and 12 reverse steps, in the order in which it comes by them. After a kill at one
/// of them, the run surely comes by each that stands below.
fn places(dice: &mut Dice) -> [String; 12] {
    [
        "write:isotropy.csv".to_string(),
        format!("train:{}", 5 + dice.below(10)),
        "write:checkpoint-a.safetensors".to_string(),
        format!("train:{}", 25 + dice.below(10)),
        "write:checkpoint-b.json".to_string(),
        format!("train:{}", 45 + dice.below(14)),
        "write:model.safetensors".to_string(),
        format!("sample:{}", dice.below(6)),
        format!("sample:{}", 6 + dice.below(7)),
        "write:metrics.csv".to_string(),
        "write:samples.csv".to_string(),
        "write:status.json".to_string(),
    ]
}

/// So many of a run's places, in their order.
fn some_places(dice: &mut Dice, count: usize, run: &str) -> Vec<String> {
    let mut places: Vec<String> = places(dice).map(|place| format!("{place}@{run}")).into();
    while places.len() > count {
        places.remove(dice.below(places.len()));
    }
    places
}

#[test]
fn killed_at_twenty_moments_the_study_ends_in_the_same_bytes() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(60));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "whole", "--quiet"]));
    // The runs in their order: two at a time are at work, and both wait when they are killed.
    let (_, rows) = csv(folder.path().join("whole/metrics.csv"));
    let mut runs: Vec<String> = rows.into_iter().map(|row| row[0].clone()).collect();
    runs.dedup();
    assert_eq!(runs.len(), 8);
    let mut dice = Dice(9);
    let mut moments: Vec<Vec<String>> = Vec::new();
    for (pair, kills) in runs.chunks(2).zip([5, 4, 5, 4]) {
        let both = pair.iter().map(|run| some_places(&mut dice, kills, run)).collect::<Vec<_>>();
        moments.extend(both[0].iter().zip(&both[1]).map(|(a, b)| vec![a.clone(), b.clone()]));
    }
    // And while the study's own tables are written.
    moments.push(vec!["write:loss.csv@killed/loss.csv".to_string()]);
    moments.push(vec!["write:summary.csv".to_string()]);
    assert_eq!(moments.len(), 20);
    let command =
        ["run", "spec.toml", "--out", "killed", "--quiet", "--jobs", "2", "--checkpoint-seconds", "0"];
    for points in moments {
        let points: Vec<&str> = points.iter().map(String::as_str).collect();
        Waiting::begin(folder.path(), &command, &points).kill();
    }
    succeeded(&run(folder.path(), &command));
    same_tables(&folder.path().join("whole"), &folder.path().join("killed"));
    for path in files(&folder.path().join("killed")) {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(!name.ends_with(".part") && !name.starts_with("checkpoint"), "{name} was left behind");
    }
}

#[test]
fn damaged_checkpoints_and_statuses_never_give_a_wrong_result() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(300));
    let only = ["--set", "sweep={}", "--set", "pipelines=[\"baseline\"]"];
    let with = |out: &'static str| [&["run", "spec.toml", "--quiet", "--out", out][..], &only].concat();
    succeeded(&run(folder.path(), &with("whole")));
    // Two checkpoints of the middle of the training.
    let command = [&with("broken")[..], &["--checkpoint-seconds", "0"]].concat();
    Waiting::begin(folder.path(), &command, &["train:200"]).kill();
    let place = folder.path().join("broken/runs/baseline-r0");
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
            let message = message(&output);
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
    assert!(said(&planned).contains("8 runs, 0 to 7"));
    let early = run(folder.path(), &["sweep", "collect", "parts"]);
    assert_eq!(early.status.code(), Some(1));
    assert!(message(&early).contains("runs 0-7"));
    succeeded(&run(folder.path(), &["sweep", "exec", "parts", "--index", "5", "--count", "3"]));
    succeeded(&run(folder.path(), &["sweep", "exec", "parts", "--index", "1"]));
    let half = run(folder.path(), &["sweep", "collect", "parts"]);
    assert!(message(&half).contains("runs 0,2-4"));
    let status = run(folder.path(), &["sweep", "status", "parts"]);
    assert!(said(&status).contains("0,2-4"));
    succeeded(&run(folder.path(), &["sweep", "exec", "parts", "--index", "0", "--count", "8"]));
    succeeded(&run(folder.path(), &["sweep", "collect", "parts"]));
    same_tables(&folder.path().join("whole"), &folder.path().join("parts"));
    let beyond = run(folder.path(), &["sweep", "exec", "parts", "--index", "8"]);
    assert_eq!(beyond.status.code(), Some(2));
    assert!(message(&beyond).contains("no run 8"));
    let listed = run(folder.path(), &["ls", "parts"]);
    assert_eq!(said(&listed).matches("done").count(), 8);
}

#[test]
fn a_second_process_is_refused_with_the_first_ones_pid() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(60));
    let command = ["run", "spec.toml", "--out", "shared", "--quiet", "--jobs", "1"];
    let first = Waiting::begin(folder.path(), &command, &["train:10"]);
    let second = run(folder.path(), &command);
    assert_eq!(second.status.code(), Some(2));
    let in_use = format!("in use by process {}", first.id());
    assert!(message(&second).contains(&in_use), "{}", message(&second));
    first.kill();
    // What a killed process leaves is no lock: the next one gets as far.
    Waiting::begin(folder.path(), &command, &["train:10"]).kill();
}

#[test]
fn a_run_that_fails_leaves_the_others_alone_and_is_tried_again() {
    let folder = tempdir().unwrap();
    let spec_text = study(60).replace("[[8], [8, 8]]", "[[8]]") + "\"train.learning_rate\" = [1e-3, 1e30]\n";
    spec(folder.path(), &spec_text);
    let output = run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]);
    assert_eq!(output.status.code(), Some(1));
    let message = message(&output);
    assert!(message.contains("4 of 8 runs failed, 4 are done and kept"), "{message}");
    // The tables hold the runs that are done.
    let (_, rows) = csv(folder.path().join("out/metrics.csv"));
    let runs: std::collections::BTreeSet<_> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(runs.len(), 4);
    // The command that it ends with can be pasted.
    let pasted = message.trim().lines().last().unwrap().to_string();
    let again = shell(folder.path(), &pasted);
    assert_eq!(again.status.code(), Some(1));
    assert!(crate::common::message(&again).contains("4 of 8 runs failed"));
    assert_eq!(
        run(folder.path(), &["run", "spec.toml", "--keep-going", "--fail-fast"]).status.code(),
        Some(2)
    );
    let listed = said(&run(folder.path(), &["ls", "out"]));
    assert_eq!((listed.matches("done").count(), listed.matches("failed").count()), (4, 4), "{listed}");
    let fast =
        run(folder.path(), &["run", "spec.toml", "--out", "fast", "--quiet", "--fail-fast", "--jobs", "1"]);
    assert_eq!(fast.status.code(), Some(1));
    let listed = said(&run(folder.path(), &["ls", "fast"]));
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
    assert!(said(&output).contains("array 0-3"));
    let script = text(folder.path().join("jobs/slurm/array-0.sh"));
    for line in ["#SBATCH --array=0-3", "#SBATCH --partition=short", "sweep exec"] {
        assert!(script.contains(line), "{script}");
    }
    succeeded(&run(folder.path(), &["sweep", "exec", "jobs", "--index", "2", "--count", "3"]));
    let output = run(folder.path(), &dry);
    assert!(said(&output).contains("array 0,2-3"), "task 1 is done");
}

#[test]
fn collecting_waits_for_whoever_writes_the_tables() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(60));
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "shared"]));
    let command = ["run", "spec.toml", "--out", "shared", "--quiet", "--jobs", "1"];
    let waiting = Waiting::begin(folder.path(), &command, &["train:30"]);
    let collected = run(folder.path(), &["sweep", "collect", "shared"]);
    assert_eq!(collected.status.code(), Some(2));
    assert!(message(&collected).contains("in use by process"), "{}", message(&collected));
    waiting.kill();
    // Without it, what is done is collected.
    let collected = run(folder.path(), &["sweep", "collect", "shared"]);
    assert!(message(&collected).contains("not done: runs"), "{}", message(&collected));
}
