//! `gdiff ls`: what runs, what was interrupted, what waits; how far it is; sorted, chosen, and as JSON.

use crate::common::{TINY, Waiting, message, run, said, spec, succeeded};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::tempdir;

/// The runs as `gdiff ls --json` tells them.
fn listed(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = run(folder, &[&["ls", "out", "--json"], arguments].concat());
    succeeded(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The state of each run by its pipeline.
fn states(runs: &[Value]) -> Vec<(&str, &str)> {
    runs.iter().map(|run| (run["pipeline"].as_str().unwrap(), run["state"].as_str().unwrap())).collect()
}

#[test]
fn runs_under_way_say_how_far_they_are() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let command = ["run", "spec.toml", "--out", "out", "--jobs", "1", "--checkpoint-seconds", "0"];
    let waiting = Waiting::begin(folder.path(), &command, &["train:30@baseline"]);
    let runs = listed(folder.path(), &[]);
    assert_eq!(states(&runs), [("baseline", "running"), ("gaussianized", "queued"), ("exact", "queued")]);
    let in_training = runs[0]["progress"].as_f64().unwrap();
    assert_eq!(runs[0]["stage"], "train");
    assert!(in_training > 0.0 && in_training < 1.0, "{runs:?}");
    assert_eq!((&runs[1]["progress"], &runs[1]["stage"]), (&json!(0.0), &Value::Null));
    let table = said(&run(folder.path(), &["ls", "out"]));
    assert!(table.contains("running, train ") && table.contains(" %"), "{table}");
    assert_eq!(waiting.interrupt().0.code(), Some(130));

    let runs = listed(folder.path(), &[]);
    assert_eq!(
        states(&runs),
        [("baseline", "interrupted"), ("gaussianized", "missing"), ("exact", "missing")]
    );
    // It was asked to stop before iteration 30: the checkpoint of that moment has one iteration more than the one before.
    let kept = runs[0]["progress"].as_f64().unwrap();
    assert_eq!(runs[0]["stage"], "train");
    assert!(kept > in_training && kept < in_training * 30.0 / 28.0, "{kept} after {in_training}");

    // While it samples, the training is behind it; what is killed then has no checkpoint left.
    let waiting = Waiting::begin(folder.path(), &command, &["sample:6@baseline"]);
    let runs = listed(folder.path(), &[]);
    assert_eq!(states(&runs)[0].1, "running");
    assert_eq!(runs[0]["stage"], "sample");
    assert!(runs[0]["progress"].as_f64().unwrap() > in_training, "{runs:?}");
    waiting.kill();
    let runs = listed(folder.path(), &[]);
    assert_eq!((states(&runs)[0].1, &runs[0]["progress"]), ("interrupted", &json!(0.0)));

    succeeded(&run(folder.path(), &command));
    let runs = listed(folder.path(), &[]);
    assert!(states(&runs).iter().all(|(_, state)| *state == "done"), "{runs:?}");
    assert!(runs.iter().all(|run| run["progress"] == 1.0 && run["metrics"]["precision"].is_number()));
}

#[test]
fn runs_are_chosen_and_sorted_by_keys_and_metrics() {
    let folder = tempdir().unwrap();
    let sweep = "[sweep]\n\"network.width\" = [8, 16, 4]\n\"train.ema\" = [0.0, 0.5]\n";
    spec(folder.path(), &format!("{}\n{sweep}", TINY.replace("hidden = [8, 8]\n", "")));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]));
    let numbers = |runs: &[Value], path: &str| -> Vec<f64> {
        runs.iter().map(|run| run.pointer(path).unwrap().as_f64().unwrap()).collect()
    };

    let all = listed(folder.path(), &["--filter", "pipeline=baseline"]);
    assert_eq!(numbers(&all, "/keys/network.width"), [8.0, 8.0, 16.0, 16.0, 4.0, 4.0]);
    for key in ["network.width", "network_width", "width"] {
        let sorted = listed(folder.path(), &["--filter", "pipeline=baseline", "--sort", key]);
        assert_eq!(numbers(&sorted, "/keys/network.width"), [4.0, 4.0, 8.0, 8.0, 16.0, 16.0]);
        let chosen = listed(folder.path(), &["--filter", &format!("{key}=16.0"), "--filter", "ema=0.5"]);
        assert_eq!(numbers(&chosen, "/keys/network.width"), [16.0; 3], "baseline, gaussianized, exact");
        assert_eq!(numbers(&chosen, "/keys/train.ema"), [0.5; 3]);
    }
    for reverse in [&["--sort", "-coverage"][..], &["--sort", "coverage", "--reverse"]] {
        let sorted = numbers(&listed(folder.path(), reverse), "/metrics/coverage");
        let mut expected = sorted.clone();
        expected.sort_by(|a, b| b.total_cmp(a));
        assert_eq!(sorted, expected);
    }
    assert!(listed(folder.path(), &["--filter", "width=5"]).is_empty());
    let named = listed(folder.path(), &["--filter", "state=done", "--filter", "pipeline=gaussianized"]);
    assert!(named.len() == 6 && named.iter().all(|run| run["pipeline"] == "gaussianized"));

    for (arguments, words) in [
        (&["--filter", "widht=8"][..], "the runs have no `widht`; did you mean `width`?"),
        (&["--sort", "-coverag"], "did you mean `coverage`?"),
        (&["--sort", "nonsense"], "the sweep's keys are network.width, train.ema"),
        (&["--filter", "width"], "write it as network.width=32"),
    ] {
        let output = run(folder.path(), &[&["ls", "out"], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains(words), "{}", message(&output));
    }
}
