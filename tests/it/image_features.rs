//! `[features]`: the final samples of images are compared in features too, through the program.

use crate::common::records::records;
use crate::common::{TINY, gdiff, spec};
use std::path::Path;
use tempfile::tempdir;

const DIGITS: &str = r#"
name = "features"
replicates = 2
pipelines = ["baseline"]
[data]
kind = "images"
name = "digits"
scale = "none"
test_fraction = 0.2
[diffusion]
steps = 4
[network]
kind = "unet"
channels = 4
multipliers = [1, 2]
blocks = 1
groups = 2
[train]
iterations = 3
batch_size = 16
[sample]
count = 60
[metrics]
reference = 80
[features]
kind = "random"
"#;

const COLUMNS: [&str; 6] =
    ["frechet", "kid", "feature_precision", "feature_recall", "feature_density", "feature_coverage"];

fn run(folder: &Path, text: &str, arguments: &[&str]) -> String {
    spec(folder, text);
    let output = gdiff(folder).args(["run", "spec.toml", "--out", "out"]).args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn features_are_those_of_the_final_samples_and_of_fresh_images() {
    let folder = tempdir().unwrap();
    run(folder.path(), DIGITS, &["--quiet"]);
    let metrics = records(folder.path().join("out/metrics.csv"));
    assert_eq!(metrics.len(), 2 * 5);
    for row in &metrics {
        for column in COLUMNS {
            assert_eq!(row[column].is_empty(), row["step"] != "4", "{column}: {row:?}");
        }
        // Random features have no classes.
        assert!(row["inception_score"].is_empty());
    }
    let summary = records(folder.path().join("out/summary.csv"));
    let mean = |pipeline: &str, metric: &str| -> f64 {
        let row = summary.iter().find(|row| row["pipeline"] == pipeline && row["metric"] == metric);
        row.unwrap_or_else(|| panic!("{pipeline} has no {metric}"))["mean"].parse().unwrap()
    };
    // Three iterations teach nothing: fresh images are nearer to the reference images than samples.
    assert!(mean("data", "frechet") < 0.5 * mean("baseline", "frechet"));
    assert!(mean("data", "feature_coverage") > 0.8 && mean("baseline", "feature_coverage") < 0.3);
    assert!(mean("data", "kid") < mean("baseline", "kid"));
}

#[test]
fn features_change_neither_samples_nor_the_other_metrics() {
    let folder = tempdir().unwrap();
    let other = tempdir().unwrap();
    run(folder.path(), DIGITS, &["--quiet"]);
    run(other.path(), DIGITS, &["--quiet", "--set", "features=unset"]);
    let read = |folder: &Path| records(folder.join("out/metrics.csv"));
    for (with, without) in read(folder.path()).iter().zip(read(other.path())) {
        for column in ["step", "t", "precision", "recall", "density", "coverage", "sliced_w2"] {
            assert_eq!(with[column], without[column]);
        }
        assert!(COLUMNS.iter().all(|column| without[*column].is_empty()));
    }
}

#[test]
fn features_that_cannot_be_had_are_refused_with_the_line() {
    let folder = tempdir().unwrap();
    let refused = |from: &str, to: &str| {
        spec(folder.path(), &DIGITS.replace(from, to));
        let output = gdiff(folder.path()).args(["check", "spec.toml"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused("kind = \"random\"", "kind = \"inception\"");
    assert!(said.contains("features.weights") && said.contains("need a file of weights"), "{said}");
    let said = refused("kind = \"random\"", "kind = \"inception\"\nweights = \"none.safetensors\"");
    assert!(said.contains("none.safetensors") && said.contains("spec.toml"), "{said}");
    let said = refused("kind = \"random\"", "kind = \"random\"\nweights = \"w.safetensors\"");
    assert!(said.contains("have no file of weights"), "{said}");
    spec(folder.path(), &format!("{TINY}\n[features]\n"));
    let output = gdiff(folder.path()).args(["check", "spec.toml"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("`features` are those of images"), "{said}");
}
