//! `gdiff data`, `gdiff metrics` and `gdiff check` as tools of their own.

use crate::common::{TINY, csv, gdiff, in_repository, message, run, spec, stand_in, succeeded, text};
use std::path::Path;
use tempfile::tempdir;

#[test]
fn data_gives_the_points_that_a_run_sees_and_a_longer_table_begins_with_the_shorter() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let points =
        |arguments: &[&str]| succeeded(&run(folder.path(), &[&["data", "spec.toml"], arguments].concat()));
    let all = points(&[]);
    assert_eq!(all.lines().count(), 301);
    assert_eq!(all.lines().next(), Some("x0,x1"));
    assert!(points(&["--count", "3000"]).starts_with(&all));
    assert_ne!(points(&["--stream", "reference"]), all);
    assert_ne!(points(&["--replicate", "1"]), all);
    points(&["--out", "points.csv"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("points.csv")).unwrap(), all);
}

#[test]
fn metrics_of_fresh_points_are_those_of_the_summary() {
    let folder = tempdir().unwrap();
    let path = spec(folder.path(), TINY);
    let write = |stream: &str, count: &str, file: &str| {
        let arguments = ["data", "spec.toml", "--stream", stream, "--count", count, "--out", file];
        succeeded(&run(folder.path(), &arguments));
    };
    write("reference", "250", "real.csv");
    write("fresh", "200", "fresh.csv");
    let output = gdiff(folder.path())
        .args(["metrics", "real.csv", "fresh.csv", "--json", "--spec"])
        .arg(&path)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_str(&succeeded(&output)).unwrap();
    succeeded(&run(folder.path(), &["run", "spec.toml", "--quiet"]));
    let (_, rows) = csv(folder.path().join("results/tiny/summary.csv"));
    for column in gdiff::metrics::scored::columns() {
        let metric = column.name;
        let of_images = gdiff::metrics::scored::FEATURE_COLUMNS.contains(&metric);
        if of_images || ["log_likelihood_median", "off_support", "committed"].contains(&metric) {
            continue;
        }
        let row = rows.iter().find(|r| r[0] == "data" && r[1] == metric).unwrap();
        assert_eq!(report[metric].as_f64().unwrap(), row[2].parse::<f64>().unwrap(), "{metric}");
    }
    let table = succeeded(&run(folder.path(), &["metrics", "real.csv", "fresh.csv"]));
    assert!(
        table.contains("precision") && table.contains("energy distance") && !table.contains("mode error")
    );
}

/// It compares all pairs, so large tables are left to those who ask for it.
#[test]
fn metrics_leaves_the_energy_distance_of_large_tables_out_and_says_so() {
    let folder = tempdir().unwrap();
    let large: String = (0..60_000).map(|i| format!("{},{}\n", i % 251, i % 199)).collect();
    std::fs::write(folder.path().join("large.csv"), format!("x,y\n{large}")).unwrap();
    let output = run(folder.path(), &["metrics", "large.csv", "large.csv"]);
    assert!(!succeeded(&output).contains("energy"));
    assert!(message(&output).contains("7e9 of them, and is left out; --energy-distance computes it"));
    let line: String = (0..60_000).map(|i| format!("{}\n", i % 251)).collect();
    std::fs::write(folder.path().join("line.csv"), format!("x\n{line}")).unwrap();
    let output = run(folder.path(), &["metrics", "line.csv", "line.csv"]);
    assert!(succeeded(&output).contains("energy distance -") && !message(&output).contains("energy"));
}

#[test]
fn check_tells_what_would_run_and_writes_nothing() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let text = succeeded(&run(folder.path(), &["check", "spec.toml"]));
    // (2 + 4) * 8 + 8, 8 * 8 + 8, 8 * 2 + 2
    for word in ["tiny", "300 points in 2 dimensions", "40 iterations", "146 parameters", "alpha_bar_T"] {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn check_warns_of_a_schedule_that_never_reaches_noise() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let text = succeeded(&run(folder.path(), &["check", "spec.toml", "--set", "diffusion.rescale=false"]));
    assert!(text.contains("warning") && text.contains("rescale = true"), "{text}");
}

#[test]
fn every_spec_in_configs_is_good() {
    let configs = in_repository("configs", "toml");
    assert!(configs.len() >= 5);
    // Those of images that are elsewhere have a test of their own (images_ready.rs).
    for path in configs.into_iter().filter(|path| stand_in(path).is_empty()) {
        let checked = succeeded(&gdiff(Path::new(".")).arg("check").arg(&path).output().unwrap());
        let warnings: Vec<&str> = checked.lines().filter(|line| line.starts_with("warning")).collect();
        // The suite sweeps over a schedule that leaves signal at T, to see what it does.
        let meant = text(&path).contains("diffusion.rescale = [true, false]");
        let expected = |line: &&str| meant && line.contains("alpha_bar at the last step is 0.364");
        assert!(warnings.iter().all(expected), "{}: {warnings:?}", path.display());
        assert_eq!(warnings.len(), usize::from(meant), "{}", path.display());
    }
}
