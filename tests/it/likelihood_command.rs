//! `gdiff likelihood` and `[diagnostics] likelihood`: the likelihood of points under the models of finished runs.

use crate::common::records::{number, records};
use crate::common::{TINY, csv, gdiff, message, run, said, spec, succeeded, text};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// The values of a column, which has one in each row.
fn column(path: impl AsRef<Path>, name: &str) -> Vec<f64> {
    records(path).iter().map(|row| number(row, name).expect("a value in each row")).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The value of a metric of a pipeline in the summary.
fn in_summary(out: &Path, pipeline: &str, metric: &str) -> Option<f64> {
    let rows = records(out.join("summary.csv"));
    rows.iter()
        .find(|row| row["pipeline"] == pipeline && row["metric"] == metric)
        .and_then(|row| number(row, "mean"))
}

#[test]
fn runs_are_scored_on_held_out_points_and_compared_point_by_point() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet"]));
    let [baseline, gaussianized, exact] =
        ["baseline", "gaussianized", "exact"].map(|pipeline| format!("d/runs/{pipeline}-r0"));
    let output = run(folder.path(), &["likelihood", &exact, "--count", "400", "--out", "exact.csv"]);
    succeeded(&output);
    let printed = said(&output);
    assert!(printed.starts_with("400 held-out points, nats"), "{printed}");
    assert!(printed.contains("the data's own density") && !printed.contains("map alone"), "{printed}");
    let header = csv(at("exact.csv")).0.join(",");
    assert_eq!(header, "run,point,log_likelihood,error,map_log_likelihood,true_log_likelihood");
    let (model, truth) =
        (column(at("exact.csv"), "log_likelihood"), column(at("exact.csv"), "true_log_likelihood"));
    assert_eq!(model.len(), 400);
    // With 12 steps the first step's noise is wide, and blurs the density.
    assert!((mean(&model) - mean(&truth)).abs() < 0.1, "{} {}", mean(&model), mean(&truth));
    assert!(printed.contains(&format!("{:.3}", mean(&model))), "{printed} {}", mean(&model));
    // Three at once: the same values, and differences to the first.
    let all = ["likelihood", &baseline, &gaussianized, &exact, "--count", "400", "--out", "all.csv"];
    let output = run(folder.path(), &all);
    succeeded(&output);
    let printed = said(&output);
    for words in ["baseline-r0", "its map alone", "minus the first", "minus the data's own"] {
        assert!(printed.contains(words), "{printed}");
    }
    let rows = records(at("all.csv"));
    assert_eq!(rows.len(), 1200);
    let of_exact: Vec<f64> = rows[800..].iter().map(|row| number(row, "log_likelihood").unwrap()).collect();
    assert_eq!(of_exact, model);
    assert!(
        rows[..400].iter().all(|row| row["map_log_likelihood"].is_empty() && row["run"] == "baseline-r0")
    );
    // The same points as a table of one's own, its columns in another order.
    succeeded(&run(
        folder.path(),
        &["data", "spec.toml", "--stream", "fresh", "--count", "400", "--out", "fresh.csv"],
    ));
    let swapped: String = text(at("fresh.csv"))
        .lines()
        .map(|line| line.split(',').rev().collect::<Vec<_>>().join(",") + "\n")
        .collect();
    let own = run(folder.path(), &["likelihood", &exact, "--data", "fresh.csv", "--out", "own.csv"]);
    succeeded(&own);
    assert_eq!(text(at("own.csv")), text(at("exact.csv")));
    assert!(said(&own).starts_with("400 points of fresh.csv"), "{}", said(&own));
    // Axes without names of their own are taken as they stand: the swapped points are others.
    fs::write(at("swapped.csv"), swapped).unwrap();
    succeeded(&run(
        folder.path(),
        &["likelihood", &exact, "--data", "swapped.csv", "--out", "swapped_own.csv"],
    ));
    assert_ne!(column(at("swapped_own.csv"), "log_likelihood"), model);
    // One point has no interval; threads change nothing.
    let one = said(&run(folder.path(), &["likelihood", &baseline, "--count", "1"]));
    assert!(one.starts_with("1 held-out point,") && !one.contains("+-"), "{one}");
    for threads in ["1", "3"] {
        let out = format!("threads{threads}.csv");
        let arguments = ["likelihood", &gaussianized, "--out", &out];
        succeeded(&gdiff(folder.path()).args(arguments).env("RAYON_NUM_THREADS", threads).output().unwrap());
    }
    assert_eq!(text(at("threads1.csv")), text(at("threads3.csv")));
    succeeded(&run(folder.path(), &["verify", "d"]));
}

#[test]
fn an_affine_space_changes_no_likelihood_of_the_exact_model() {
    let folder = tempdir().unwrap();
    let text = TINY.replace(
        "pipelines = [\"baseline\", \"gaussianized\", \"exact\"]",
        "pipelines = [\"exact\", \"standard\", \"ranges\", \"white\", \"alone\"]",
    );
    let own = r#"
[pipeline.standard]
space = ["standardize"]
denoiser = "exact"
[pipeline.ranges]
space = ["min_max"]
denoiser = "exact"
[pipeline.white]
space = ["standardize", "whiten"]
denoiser = "exact"
[pipeline.alone]
space = ["standardize", "gaussianize"]
denoiser = "none"
[diagnostics]
likelihood = 60
"#;
    // So little noise at the first step that it does not matter in which space it is round.
    let spec_text = text.replace("steps = 12", "steps = 200\nbeta_start = 1e-8\nbeta_end = 0.04") + own;
    spec(folder.path(), &spec_text);
    succeeded(&run(
        folder.path(),
        &["run", "spec.toml", "--out", "d", "--quiet", "--set", "sample.count=50"],
    ));
    let of = |pipeline: &str, name: &str| {
        column(folder.path().join(format!("d/runs/{pipeline}-r0/likelihood.csv")), name)
    };
    let truth = of("exact", "true_log_likelihood");
    assert_eq!(truth.len(), 60);
    for pipeline in ["exact", "standard", "ranges", "white"] {
        let model = of(pipeline, "log_likelihood");
        let worst = model.iter().zip(&truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(worst < 5e-3, "{pipeline}: {worst}");
        assert!((mean(&model) - mean(&truth)).abs() < 1e-3, "{pipeline}");
    }
    // A space alone is a model too: its own density, without an error.
    assert_eq!(of("alone", "log_likelihood"), of("alone", "map_log_likelihood"));
    assert!(of("alone", "error").iter().all(|error| *error == 0.0));
}

#[test]
fn a_run_writes_the_likelihood_of_fresh_points_where_it_is_asked_to() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &format!("{TINY}\n[diagnostics]\nlikelihood = 70\n"));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet", "--set", "replicates=2"]));
    let out = folder.path().join("d");
    let rows = records(out.join("likelihood.csv"));
    assert_eq!(rows.len(), 6 * 70);
    for pipeline in ["baseline", "gaussianized", "exact"] {
        let of = |replicate: usize, name: &str| {
            column(out.join(format!("runs/{pipeline}-r{replicate}/likelihood.csv")), name)
        };
        let means = |name: &str| 0.5 * (mean(&of(0, name)) + mean(&of(1, name)));
        let (model, truth) = (means("log_likelihood"), means("true_log_likelihood"));
        for (metric, expected) in
            [("model_log_likelihood", model), ("true_log_likelihood", truth), ("model_kl", truth - model)]
        {
            let found = in_summary(&out, pipeline, metric).unwrap();
            assert!((found - expected).abs() < 1e-12, "{pipeline} {metric}: {found} {expected}");
        }
        let map = in_summary(&out, pipeline, "map_alone_log_likelihood");
        assert_eq!(map.is_some(), pipeline == "gaussianized");
        // The command gives the same for the same points.
        let again = ["likelihood", &format!("d/runs/{pipeline}-r1"), "--count", "70", "--out", "again.csv"];
        succeeded(&run(folder.path(), &again));
        assert_eq!(column(folder.path().join("again.csv"), "log_likelihood"), of(1, "log_likelihood"));
    }
    succeeded(&run(folder.path(), &["verify", "d"]));
    // Without the section there is no such table, and no such row.
    succeeded(&run(
        folder.path(),
        &["run", "spec.toml", "--out", "e", "--quiet", "--set", "diagnostics.likelihood=0"],
    ));
    assert!(!folder.path().join("e/likelihood.csv").exists());
    assert_eq!(in_summary(&folder.path().join("e"), "exact", "model_log_likelihood"), None);
}

/// A table of one column, two lumps.
fn lumps() -> String {
    let value =
        |i: usize| if i.is_multiple_of(2) { -1.0 } else { 1.0 } + 0.3 * ((i * i * 7) % 97) as f64 / 97.0;
    "height\n".to_string() + &(0..120).map(|i| format!("{}\n", value(i))).collect::<String>()
}

const OF_A_TABLE: &str = r#"name = "table"
[data]
kind = "table"
path = "lumps.csv"
test_fraction = 0.4
[diffusion]
steps = 10
[network]
hidden = [6]
time_dim = 4
[gaussianize]
layers = 2
[train]
iterations = 40
[sample]
count = 30
"#;

#[test]
fn of_a_table_the_rows_that_are_held_out_are_scored() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("lumps.csv"), lumps()).unwrap();
    spec(folder.path(), &format!("{OF_A_TABLE}[diagnostics]\nlikelihood = 1000\n"));
    let output = run(folder.path(), &["run", "spec.toml", "--out", "d"]);
    succeeded(&output);
    assert!(message(&output).contains("has but 48 held-out points"), "{}", message(&output));
    let both = ["d/runs/baseline-r0", "d/runs/gaussianized-r0"];
    let output = run(folder.path(), &["likelihood", both[0], both[1], "--out", "own.csv"]);
    succeeded(&output);
    let printed = said(&output);
    assert!(printed.starts_with("48 held-out points"), "{printed}");
    assert!(!printed.contains("the data's own"), "{printed}");
    let own = column(folder.path().join("own.csv"), "log_likelihood");
    let of_run = column(folder.path().join("d/likelihood.csv"), "log_likelihood");
    assert_eq!((own.len(), &own), (96, &of_run));
    // Few steps, whose samples are clipped: the likelihood is not.
    assert!(message(&output).contains("d/runs/baseline-r0: its samples are clipped"), "{}", message(&output));
    // Far out there is a finite value, or none and a word.
    fs::write(folder.path().join("far.csv"), "height\n0.9\n1e5\n1e200\n").unwrap();
    let output = run(folder.path(), &["likelihood", both[0], "--data", "far.csv", "--out", "far_own.csv"]);
    succeeded(&output);
    assert!(said(&output).contains("1 of 3 points lie so far out"), "{}", said(&output));
    let rows = records(folder.path().join("far_own.csv"));
    assert!(number(&rows[1], "log_likelihood").unwrap().is_finite() && rows[2]["log_likelihood"].is_empty());
    assert!(!text(folder.path().join("far_own.csv")).contains("NaN"));
    // What does not fit.
    fs::write(folder.path().join("wide.csv"), "height,weight\n1,2\n").unwrap();
    fs::write(folder.path().join("others.csv"), "length,weight\n1,2\n").unwrap();
    for (arguments, words) in [
        (
            &["likelihood", both[0], "--data", "others.csv"][..],
            "others.csv has 2 columns, but the run d/runs/baseline-r0 is for 1 (height); say by --columns which they are",
        ),
        (&["likelihood", both[0], "--header", "true"], "say how --data is read"),
        (&["likelihood", both[0], "--steps", "7"], "even number"),
        (&["likelihood", "d"], "give one of them"),
        (
            &["likelihood", both[0], "--out", "d/runs/baseline-r0/model.safetensors"],
            "is an input of this command",
        ),
        (&["likelihood", both[0], "--data", "nowhere.csv"], "nowhere.csv"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", message(&output));
        assert!(message(&output).contains(words), "{arguments:?}: {}", message(&output));
    }
    let chosen = ["likelihood", both[0], "--data", "wide.csv", "--columns", "height"];
    succeeded(&run(folder.path(), &chosen));
}

#[test]
fn runs_with_other_held_out_points_need_a_table() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let arguments = ["run", "spec.toml", "--out", "d", "--quiet", "--set", "replicates=2"];
    succeeded(&run(folder.path(), &arguments));
    let both = ["d/runs/baseline-r0", "d/runs/baseline-r1"];
    let output = run(folder.path(), &["likelihood", both[0], both[1]]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("hold out different points"), "{}", message(&output));
    fs::write(folder.path().join("own.csv"), "x0,x1\n0.5,0.1\n-1,0\n1,0.4\n").unwrap();
    let output = run(folder.path(), &["likelihood", both[0], both[1], "--data", "own.csv"]);
    succeeded(&output);
    assert!(said(&output).contains("minus the first"), "{}", said(&output));
}

#[test]
fn a_network_that_is_not_known_between_its_steps_is_refused_before_it_is_trained() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &TINY.replace("time_dim = 4", "time_dim = 4\ntime = \"learned\""));
    let asked = ["check", "spec.toml", "--set", "diagnostics.likelihood=100"];
    let output = run(folder.path(), &asked);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("by `network.time` it learns"), "{}", message(&output));
    let many =
        ["check", "spec.toml", "--set", "diagnostics.likelihood=1000000000", "--set", "network.time=scalar"];
    let output = run(folder.path(), &many);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("lower `diagnostics.likelihood`"), "{}", message(&output));
    // Where no network is trained, nothing is in the way.
    succeeded(&run(folder.path(), &[&asked[..], &["--set", "pipelines=[\"exact\"]"]].concat()));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet"]));
    let output = run(folder.path(), &["likelihood", "d/runs/baseline-r0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("`network.time`"), "{}", message(&output));
    succeeded(&run(folder.path(), &["likelihood", "d/runs/exact-r0"]));
}
