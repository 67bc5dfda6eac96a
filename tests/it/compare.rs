//! `gdiff compare`: known differences are found, and none where there is none.

use crate::common::records::{Record, mean_and_half_width, number, of_replicates, records};
use crate::common::{TINY, message, run, said, spec, succeeded, text};
use gdiff::numeric::intervals::unpaired_difference;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// A study of three replicates, with more added to its spec.
fn three(more: &str) -> String {
    format!("{}{more}", TINY.replace("seed = 5", "seed = 5\nreplicates = 3"))
}

/// Runs a spec into a folder.
fn study(folder: &Path, out: &str, text: &str) {
    spec(folder, text);
    succeeded(&run(folder, &["run", "spec.toml", "--quiet", "--out", out]));
}

/// Compares two folders: what is printed, and the rows of the CSV table.
fn compared(folder: &Path, a: &str, b: &str, more: &[&str]) -> (String, Vec<Record>) {
    let output = run(folder, &[&["compare", a, b, "--csv", "differences.csv"], more].concat());
    (succeeded(&output), records(folder.join("differences.csv")))
}

fn two_studies(a: &str, b: &str) -> TempDir {
    let folder = tempdir().unwrap();
    study(folder.path(), "a", a);
    study(folder.path(), "b", b);
    folder
}

#[test]
fn the_same_spec_twice_differs_in_nothing() {
    let folder = two_studies(&three(""), &three(""));
    let (said, rows) = compared(folder.path(), "a", "b", &[]);
    assert!(
        said.contains("The specs say the same.") && said.contains("Every difference is exactly 0"),
        "{said}"
    );
    assert!(said.contains("A: a (9 runs)") && said.contains("B: b (9 runs)"), "{said}");
    // Every metric at the last step and of the map alone, and those of the whole run.
    assert!(rows.len() > 3 * 20, "{}", rows.len());
    for row in &rows {
        assert_eq!(
            (row["paired"].as_str(), row["pairs"].as_str()),
            ("true", &*row["a_replicates"]),
            "{row:?}"
        );
        let zero = ["difference", "difference_low", "difference_high"].map(|column| number(row, column));
        let one = row["pairs"] == "1";
        assert_eq!(zero, if one { [Some(0.0), None, None] } else { [Some(0.0); 3] }, "{row:?}");
        assert_eq!(row["a_mean"], row["b_mean"]);
    }
    for metric in ["sliced_w2", "first_sliced_w2", "final_loss"] {
        let pairs: Vec<&str> =
            rows.iter().filter(|row| row["metric"] == metric).map(|row| row["pairs"].as_str()).collect();
        assert!(pairs.len() >= 2 && pairs.iter().all(|n| *n == "3"), "{metric}: {pairs:?}");
    }
    assert!(
        !message(&run(folder.path(), &["compare", "a", "b"])).contains("note"),
        "nothing is to be noticed"
    );
}

#[test]
fn another_seed_is_compared_without_pairs_and_the_table_says_so() {
    let folder = two_studies(&three(""), &three("").replace("seed = 5", "seed = 6"));
    let (said, rows) = compared(folder.path(), "a", "b", &[]);
    assert!(said.contains("The specs differ in 1 line:\n  seed: 5 in A, 6 in B\n"), "{said}");
    assert!(said.contains("none (3, 3)") && said.contains("Welch's interval"), "{said}");
    assert!(!said.contains("Pairs have the same data"), "{said}");
    let [a, b] = ["a", "b"].map(|out| records(folder.path().join(out).join("metrics.csv")));
    let mut checked = 0;
    for row in &rows {
        assert_eq!((row["paired"].as_str(), row["pairs"].as_str()), ("false", "0"), "{row:?}");
        let metric = row["metric"].as_str();
        if !["log_likelihood", "first_log_likelihood"].contains(&metric) {
            continue;
        }
        let all = |metrics| -> Vec<f64> {
            of_replicates(metrics, &row["pipeline"], metric, |_| true).into_iter().flatten().collect()
        };
        let (a, b) = (all(&a), all(&b));
        let expected = unpaired_difference(&b, &a).unwrap();
        let half = expected.half_width.unwrap();
        assert!(half > 0.0);
        for (column, expected) in [
            ("difference", expected.mean),
            ("difference_low", expected.mean - half),
            ("difference_high", expected.mean + half),
        ] {
            assert!((number(row, column).unwrap() - expected).abs() < 1e-9, "{row:?} {expected}");
        }
        checked += 1;
    }
    assert_eq!(checked, 2 * 3);
}

#[test]
fn another_width_changes_the_networks_and_not_the_exact_denoiser() {
    let wide = three("").replace("hidden = [8, 8]", "hidden = [16, 8]");
    let folder = two_studies(&three(""), &wide);
    let (said, rows) = compared(folder.path(), "a", "b", &["--metric", "log_likelihood"]);
    assert!(said.contains("  network.hidden: [8, 8] in A, [16, 8] in B\n"), "{said}");
    assert!(said.contains("Pairs have the same data and noise streams"), "{said}");
    // One table, for the metric that was asked for.
    assert_eq!(said.matches("| pairs |").count(), 1, "{said}");
    assert!(said.lines().any(|line| line.starts_with("| log-likelihood ")), "{said}");
    let [a, b] = ["a", "b"].map(|out| records(folder.path().join(out).join("metrics.csv")));
    for row in &rows {
        let found = ["difference", "difference_low", "difference_high"].map(|column| number(row, column));
        let (pipeline, metric) = (row["pipeline"].as_str(), row["metric"].as_str());
        if pipeline == "exact" || metric.starts_with("first_") || metric == "map_log_likelihood" {
            // The exact denoiser has no network, and the map is fitted before there is one.
            assert_eq!(found[0], Some(0.0), "{row:?}");
            continue;
        }
        if !["log_likelihood", "energy_distance"].contains(&metric) {
            continue;
        }
        let [a, b] = [&a, &b].map(|metrics| of_replicates(metrics, pipeline, metric, |_| true));
        let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b.unwrap() - a.unwrap()).collect();
        let (mean, half) = mean_and_half_width(&differences);
        assert!(mean != 0.0, "{row:?}");
        for (found, expected) in found.into_iter().zip([mean, mean - half.unwrap(), mean + half.unwrap()]) {
            assert!((found.unwrap() - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{row:?} {expected}");
        }
    }
    // B - A is A - B with its sign turned.
    let (_, back) = compared(folder.path(), "b", "a", &[]);
    let of = |rows: &[Record]| rows.iter().map(|row| number(row, "difference")).collect::<Vec<_>>();
    assert_eq!(of(&back), of(&rows).into_iter().map(|d| d.map(|d| 0.0 - d)).collect::<Vec<_>>());
}

#[test]
fn points_are_matched_by_the_names_and_values_of_their_keys() {
    let first = "\n[sweep]\n\"train.learning_rate\" = [0.001, 0.002]\n\"train.ema\" = [0.0, 0.5]\n";
    // The same keys in another order, a point in common by each value but one.
    let second = "\n[sweep]\n\"train.ema\" = [0.5, 0.0]\n\"train.learning_rate\" = [0.002, 0.004]\n";
    let small = TINY.replace(r#"["baseline", "gaussianized", "exact"]"#, r#"["baseline", "whitened"]"#);
    let folder = two_studies(&format!("{small}{first}"), &format!("{small}{second}"));
    let (said, rows) = compared(folder.path(), "a", "b", &[]);
    for line in said.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    assert!(said.contains("Only in A:\n  baseline, learning_rate 0.001, ema 0.0\n"), "{said}");
    assert!(
        said.contains("Only in B:\n") && said.contains("  whitened, learning_rate 0.004, ema 0.5\n"),
        "{said}"
    );
    assert!(said.contains("Every difference is exactly 0"), "{said}");
    let mut points: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|row| (&*row["pipeline"], &*row["train.learning_rate"], &*row["train.ema"]))
        .collect();
    points.sort_unstable();
    points.dedup();
    let both = |pipeline| [(pipeline, "0.002", "0.0"), (pipeline, "0.002", "0.5")];
    assert_eq!(points, [both("baseline"), both("whitened")].concat());
}

#[test]
fn a_study_that_leaves_a_key_alone_stands_at_the_point_where_both_specs_say_the_same() {
    let small = TINY.replace(r#"["baseline", "gaussianized", "exact"]"#, r#"["baseline", "exact"]"#);
    // The width that the plain spec has, by its other way of writing, and another one.
    let hidden = small.replace("hidden = [8, 8]", "hidden = [4, 8, 16]");
    let widths = format!("{hidden}\n[sweep]\n\"network.width\" = [8, 4]\n");
    let rates = format!("{hidden}\n[sweep]\n\"train.learning_rate\" = [0.002, 0.001]\n");
    let folder = two_studies(&hidden, &widths);
    let (said, rows) = compared(folder.path(), "a", "b", &[]);
    assert!(said.contains("Every difference is exactly 0"), "{said}");
    assert!(
        !said.contains("Only in A") && said.contains("Only in B:\n  baseline, width 8\n  exact, width 8\n"),
        "{said}"
    );
    assert!(!rows.is_empty() && rows.iter().all(|row| row["network.width"] == "4"), "{rows:?}");
    assert!(said.contains("  sweep.network.width: not swept in A, [\"4\", \"8\"] in B\n"), "{said}");
    // Two sweeps over other keys meet at one point: the default rate, and this width.
    study(folder.path(), "c", &rates);
    let (said, rows) = compared(folder.path(), "b", "c", &[]);
    assert!(said.contains("Every difference is exactly 0"), "{said}");
    let values = |row: &Record| (row["network.width"].clone(), row["train.learning_rate"].clone());
    assert!(
        !rows.is_empty() && rows.iter().all(|row| values(row) == ("4".into(), "0.001".into())),
        "{rows:?}"
    );
    assert!(said.contains("Only in B:\n  baseline, width 4, learning_rate 0.002\n"), "{said}");
    // A plain study of another width stands at none.
    study(folder.path(), "d", &small);
    let output = run(folder.path(), &["compare", "d", "b"]);
    assert_eq!(output.status.code(), Some(2), "{}", message(&output));
    assert!(message(&output).contains("at the same sweep point in common"), "{}", message(&output));
}

#[test]
fn replicates_that_only_one_study_has_are_left_out_of_the_pairs() {
    let more = three("").replace("replicates = 3", "replicates = 4");
    let folder = two_studies(&three(""), &more);
    let (said, rows) = compared(folder.path(), "a", "b", &[]);
    assert!(said.contains("  replicates: 3 in A, 4 in B\n"), "{said}");
    assert!(
        rows.iter()
            .all(|row| row["paired"] == "true" && [None, Some(0.0)].contains(&number(row, "difference")))
    );
    let w2: Vec<&Record> = rows.iter().filter(|row| row["metric"] == "sliced_w2").collect();
    assert!(w2.len() == 3 && w2.iter().all(|row| row["pairs"] == "3"), "{w2:?}");
}

/// A copy of a folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn folders_of_version_0_1_are_paired_by_the_keys_of_their_specs() {
    let folder = tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/version_0_1"), folder.path());
    succeeded(&run(folder.path(), &["run", "spec.toml", "--quiet", "--out", "new"]));
    let (said, rows) = compared(folder.path(), "sweep", "new", &[]);
    assert!(said.contains("A: sweep (4 runs)") && said.contains("The specs say the same."), "{said}");
    assert!(rows.iter().all(|row| row["paired"] == "true"), "{said}");
    let likelihoods: Vec<&Record> = rows.iter().filter(|row| row["metric"] == "log_likelihood").collect();
    assert_eq!(likelihoods.len(), 4);
    for row in likelihoods {
        let (there, here) = (number(row, "a_mean").unwrap(), number(row, "b_mean").unwrap());
        assert!((there - here).abs() <= 1e-3 * there.abs(), "{row:?}");
        assert!((number(row, "difference").unwrap() - (here - there)).abs() < 1e-12, "{row:?}");
    }
    // A plain study has no point of the sweep.
    let output = run(folder.path(), &["compare", "sweep", "plain"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("nothing to compare"), "{}", message(&output));
    // Comparing changes neither.
    assert!(folder.path().join("sweep/runs/baseline-r0-025efc4f46a5c8e6").exists());
}

#[test]
fn what_cannot_be_compared_is_refused_in_a_sentence() {
    let folder = two_studies(TINY, TINY);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let refused = |arguments: &[&str], code: i32, word: &str| {
        let output = run(folder.path(), &[&["compare"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}{}", said(&output), message(&output));
        assert!(message(&output).contains(word), "{arguments:?}: {}", message(&output));
    };
    refused(&["a", "empty"], 2, "empty has no finished run");
    refused(&["missing", "a"], 2, "missing has no finished run");
    refused(
        &["a", "b", "--metric", "likelihood"],
        2,
        "no run has a value of `likelihood`; there are log_likelihood",
    );
    let summary = text(folder.path().join("b/summary.csv"));
    refused(&["a", "b", "--csv", "b/summary.csv"], 2, "--csv b/summary.csv is a file of a study");
    assert_eq!(text(folder.path().join("b/summary.csv")), summary);
    // A table that was changed since.
    let table = folder.path().join("b/runs/exact-r0/metrics.csv");
    std::fs::write(&table, text(&table).replacen("0.", "1.", 1)).unwrap();
    refused(&["a", "b"], 1, "it is not what the run wrote");
}

#[test]
fn runs_that_are_missing_or_of_other_numerics_are_noticed() {
    let folder = two_studies(TINY, TINY);
    std::fs::remove_dir_all(folder.path().join("a/runs/exact-r0")).unwrap();
    let status = folder.path().join("a/runs/baseline-r0/status.json");
    let mut earlier: serde_json::Value = serde_json::from_str(&text(&status)).unwrap();
    earlier["numerics"] = 0.into();
    for key in ["data", "run"] {
        earlier["keys"][key] = "0".repeat(64).into();
    }
    std::fs::write(&status, earlier.to_string()).unwrap();
    let output = run(folder.path(), &["compare", "a", "b"]);
    let printed = succeeded(&output);
    let words = ["note: a: 2 of 3 runs are finished", "note: a: 1 of 2 runs have results of numerics 0"];
    assert!(words.iter().all(|word| message(&output).contains(word)), "{}", message(&output));
    assert!(printed.contains("Only in B:\n  exact\n"), "{printed}");
    // The earlier run is found by its name, and its data are not known to be the same.
    let baseline = printed.lines().find(|line| line.starts_with("| baseline")).unwrap();
    assert!(baseline.contains("none (1, 1)"), "{printed}");
    let gaussianized = printed.lines().find(|line| line.starts_with("| gaussianized")).unwrap();
    assert!(gaussianized.ends_with(" 1 |"), "{printed}");
}

#[test]
fn a_folder_whose_spec_cannot_be_read_is_compared_by_what_its_runs_say() {
    let sweep = "\n[sweep]\n\"train.learning_rate\" = [0.001, 0.002]\n";
    let folder = two_studies(&three(sweep), &three(sweep));
    std::fs::write(folder.path().join("b/spec.toml"), "name = ").unwrap();
    let output = run(folder.path(), &["compare", "a", "b", "--csv", "differences.csv"]);
    let printed = succeeded(&output);
    let why =
        ["the spec of b cannot be read (", "all finished runs are taken, and the specs are not compared"];
    assert!(why.iter().all(|word| message(&output).contains(word)), "{}", message(&output));
    assert!(!printed.contains("The specs") && !printed.contains("Only in B"), "{printed}");
    // The exact denoiser is the same run at both points, and says only the first.
    assert!(printed.contains("Only in A:\n  exact, learning_rate 0.002\n\n|"), "{printed}");
    assert!(
        printed.contains("B: b (15 runs)") && printed.contains("Every difference is exactly 0"),
        "{printed}"
    );
    let rows = records(folder.path().join("differences.csv"));
    assert!(rows.iter().all(|row| row["paired"] == "true"));
}

#[test]
fn metrics_that_are_measured_otherwise_are_told() {
    let folder = two_studies(&three(""), &three("k = 2\n"));
    let (said, _) = compared(folder.path(), "a", "b", &["--metric", "coverage"]);
    assert!(said.contains("`metrics.k`: PRDC with other neighbours is another number"), "{said}");
}
