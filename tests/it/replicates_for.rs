//! `gdiff check --replicates-for`: how many replicates a difference needs, from the runs of a pilot.

use crate::common::records::{of_replicates, records};
use crate::common::{TINY, message, run, said, shell, spec, succeeded, text};
use gdiff::numeric::power::{deviation_interval, power, replicates_for};
use std::path::Path;
use tempfile::tempdir;

const CHECK: [&str; 3] = ["check", "spec.toml", "--replicates-for"];

/// The cells of the line of a pipeline.
fn cells(said: &str, pipeline: &str) -> Vec<String> {
    let line = said.lines().find(|line| line.starts_with(&format!("| {pipeline} "))).expect(said);
    line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
}

/// A pilot of so many replicates of a spec that asks for one, in its usual folder.
fn pilot(folder: &Path, replicates: usize) {
    spec(folder, TINY);
    let set = format!("replicates={replicates}");
    succeeded(&run(folder, &["run", "spec.toml", "--quiet", "--set", &set]));
}

#[test]
fn without_a_pilot_the_command_that_makes_one_is_said_and_makes_one() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let check = [&CHECK[..], &["0.5", "--set", "train.iterations=20", "--out", "my pilot"]].concat();
    let output = run(folder.path(), &check);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let message = message(&output);
    assert!(message.contains("my pilot has 0 finished replicates of this spec"), "{message}");
    let command = message.lines().last().unwrap().trim();
    assert_eq!(
        command,
        "gdiff run spec.toml --set 'train.iterations=20' --set 'replicates=5' --out 'my pilot'".to_string()
    );
    let binary = assert_cmd::cargo::cargo_bin("gdiff");
    let command = command.replacen("gdiff", binary.to_str().unwrap(), 1);
    succeeded(&shell(folder.path(), &command));
    let said = succeeded(&run(folder.path(), &check));
    assert_eq!(cells(&said, "gaussianized")[1], "5", "{said}");
    // The pilot is one of this very spec: without the override it is another.
    let other = run(folder.path(), &[&CHECK[..], &["0.5", "--out", "my pilot"]].concat());
    assert_eq!(other.status.code(), Some(2));
}

#[test]
fn the_number_is_that_of_the_power_at_the_deviation_of_the_paired_differences() {
    let folder = tempdir().unwrap();
    pilot(folder.path(), 4);
    let metrics = records(folder.path().join("results/tiny/metrics.csv"));
    for (metric, arguments) in [
        ("log_likelihood", &[][..]),
        ("coverage", &["--metric", "coverage"]),
        ("first_log_likelihood", &["--metric", "first_log_likelihood"]),
    ] {
        let of_end = metric.strip_prefix("first_").unwrap_or(metric);
        let theirs = of_replicates(&metrics, "baseline", of_end, |_| true);
        for pipeline in ["gaussianized", "exact"] {
            let ours = of_replicates(&metrics, pipeline, metric, |_| true);
            let differences: Vec<f64> =
                ours.iter().zip(&theirs).map(|(a, b)| a.unwrap() - b.unwrap()).collect();
            let mean = differences.iter().sum::<f64>() / 4.0;
            let deviation = (differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 3.0).sqrt();
            let size = deviation * 0.7;
            let [from, to] = deviation_interval(deviation, 4).map(|ends| [ends.0, ends.1]).unwrap();
            let [n, low, high] = [deviation, from, to].map(|d| replicates_for(size, d).unwrap());
            assert!(power(0.7, n).unwrap() >= 0.8 && power(0.7, n - 1).unwrap() < 0.8, "{n}");
            let said =
                succeeded(&run(folder.path(), &[&CHECK[..], &[&format!("{size:.17}")], arguments].concat()));
            let cells = cells(&said, pipeline);
            assert_eq!(cells[1], "4", "{said}");
            assert_eq!(cells[4], format!("{n} (between {low} and {high})"), "{metric} {size}: {said}");
            let shown: f64 = cells[3].split(' ').next().unwrap().parse().unwrap();
            assert!((shown - deviation).abs() <= 0.05 * deviation, "{shown} {deviation}");
            let (_, table) = said.split_once("Replicates that tell").expect(&said);
            assert!(table.lines().all(|line| line.chars().count() <= 100), "{said}");
            assert!(table.contains(&format!(" in {metric} to `baseline`, four times in five:\n")), "{said}");
        }
    }
    // Three standard deviations more or less: what is there is enough, and a small one needs a run that keeps it.
    let enough = succeeded(&run(folder.path(), &[&CHECK[..], &["1e6"]].concat()));
    assert!(enough.contains("The 4 replicates of the pilot are enough."), "{enough}");
    let more = succeeded(&run(folder.path(), &[&CHECK[..], &["0.001", "--metric", "sliced_w2"]].concat()));
    assert!(
        more.contains("keep those that are finished:\n  gdiff run spec.toml --set 'replicates="),
        "{more}"
    );
    let none = succeeded(&run(folder.path(), &[&CHECK[..], &["1e-9"]].concat()));
    assert!(none.contains("| over 1000000 |"), "{none}");
}

#[test]
fn a_sweep_has_a_line_for_each_point_and_a_pilot_of_two_says_that_it_is_small() {
    let folder = tempdir().unwrap();
    let sweep = "\n[sweep]\n\"train.learning_rate\" = [0.001, 0.003]\n\"train.isotropy.lambda\" = [0.25]\n";
    spec(folder.path(), &format!("{TINY}{sweep}"));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--quiet", "--set", "replicates=2"]));
    let said = succeeded(&run(folder.path(), &[&CHECK[..], &["0.5"]].concat()));
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("| gaussianized ")).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains(" 0.001 |") && lines[1].contains(" 0.003 |"), "{said}");
    // Two keys leave no room for all columns, and yet no line is broken.
    let (_, table) = said.split_once("Replicates that tell").expect(&said);
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{said}");
    assert!(lines.iter().all(|line| line.ends_with(") |") && line.contains("(between ")), "{said}");
    assert!(said.contains("Of 2 replicates a deviation is hardly known"), "{said}");
}

#[test]
fn differences_that_are_all_zero_are_said() {
    let folder = tempdir().unwrap();
    let same = TINY.replace(r#"["baseline", "gaussianized", "exact"]"#, r#"["exact", "same"]"#)
        + "\n[pipeline.same]\nspace = [\"scale\"]\ndenoiser = \"exact\"\n";
    spec(folder.path(), &same);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--quiet", "--set", "replicates=3"]));
    let said = succeeded(&run(folder.path(), &[&CHECK[..], &["0.5"]].concat()));
    assert_eq!(cells(&said, "same")[3], "all differences are 0", "{said}");
    assert!(said.contains("do not vary from replicate to replicate"), "{said}");
}

#[test]
fn what_cannot_be_answered_is_refused_in_a_sentence() {
    let folder = tempdir().unwrap();
    pilot(folder.path(), 2);
    let refused = |arguments: &[&str], code: i32, word: &str| {
        let output = run(folder.path(), &[&CHECK[..], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        assert!(message(&output).contains(word), "{arguments:?}: {}", message(&output));
    };
    refused(&["-0.5"], 2, "`-0.5` is no size of a difference");
    refused(&["0"], 2, "`0` is no size of a difference");
    refused(&["nan"], 2, "`nan` is no size of a difference");
    refused(
        &["0.5", "--metric", "likelihood"],
        2,
        "no run has a value of `likelihood`; there are log_likelihood",
    );
    refused(&["0.5", "--set", "pipelines=[\"baseline\"]"], 2, "no difference to a baseline");
    let alone = run(folder.path(), &["check", "spec.toml", "--metric", "coverage"]);
    assert_eq!(alone.status.code(), Some(2), "{}", message(&alone));
    // A table that was changed since.
    let table = folder.path().join("results/tiny/runs/exact-r1/metrics.csv");
    std::fs::write(&table, text(&table).replacen("0.", "1.", 1)).unwrap();
    refused(&["0.5"], 1, "it is not what the run wrote");
}
