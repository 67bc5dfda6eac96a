//! A run is what it computes, however its spec is written: what is done stays done, and stages of one key are done once.

use crate::common::{TINY, csv, gdiff, message, said, spec, succeeded, text};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

/// Two modes, one small network, no Gaussianizer: a run takes milliseconds.
const SMALL: &str = r#"name = "small"
pipelines = ["baseline"]
[data]
kind = "gmm"
samples = 200
[[data.components]]
mean = [0.0, 1.0]
std = 1.0
[[data.components]]
mean = [3.0, 1.0]
std = 1.0
[diffusion]
steps = 10
[train]
iterations = 5
[sample]
count = 50
[metrics]
reference = 50
every = 100
[sweep]
"#;

/// The events of a run as JSON, one a line.
fn events(folder: &Path, arguments: &[&str]) -> Vec<serde_json::Value> {
    let output = gdiff(folder).args(["run"]).args(arguments).arg("--json").output().unwrap();
    succeeded(&output);
    said(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How many runs were begun, and how many of them entered each stage.
fn work(events: &[serde_json::Value]) -> (u64, BTreeMap<String, usize>) {
    let mut stages = BTreeMap::new();
    for event in events.iter().filter(|event| event["event"] == "stage") {
        *stages.entry(event["stage"].as_str().unwrap().to_string()).or_default() += 1;
    }
    let begun = events.iter().find(|event| event["event"] == "begin");
    (begun.map_or(0, |event| event["runs"].as_u64().unwrap()), stages)
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// A table without the names of runs, which hold a hash.
fn without_names(path: impl AsRef<Path>) -> Vec<Vec<String>> {
    csv(path).1.into_iter().map(|row| row[1..].to_vec()).collect()
}

#[test]
fn a_sweep_that_gains_an_axis_trains_only_what_is_new() {
    let folder = tempdir().unwrap();
    write(folder.path(), "one.toml", &format!("{SMALL}train.learning_rate = [1e-2, 1e-3]\n"));
    let both = format!("{SMALL}train.learning_rate = [1e-2, 1e-3]\ntrain.batch_size = [256, 32]\n");
    write(folder.path(), "two.toml", &both);
    assert_eq!(work(&events(folder.path(), &["one.toml", "--out", "d"])).0, 2);
    // 256 is the default: two of the four points are there.
    let (begun, stages) = work(&events(folder.path(), &["two.toml", "--out", "d"]));
    assert_eq!((begun, stages["train"]), (2, 2));
    work(&events(folder.path(), &["two.toml", "--out", "fresh"]));
    for table in ["metrics.csv", "loss.csv", "isotropy.csv", "summary.csv"] {
        assert_eq!(text(folder.path().join("d").join(table)), text(folder.path().join("fresh").join(table)));
    }
}

#[test]
fn keys_of_a_sweep_in_another_order_replicates_and_names_keep_what_is_done() {
    let folder = tempdir().unwrap();
    let sweep = |text: &str| format!("{SMALL}{text}");
    write(folder.path(), "a.toml", &sweep("network.width = [4, 8]\ntrain.batch_size = [32, 64]\n"));
    write(folder.path(), "b.toml", &sweep("train.batch_size = [32, 64]\nnetwork.width = [4, 8]\n"));
    assert_eq!(work(&events(folder.path(), &["a.toml", "--out", "d"])).0, 4);
    assert_eq!(work(&events(folder.path(), &["b.toml", "--out", "d"])).0, 0);
    let (columns, rows) = csv(folder.path().join("d/summary.csv"));
    assert_eq!(&columns[1..3], ["train.batch_size", "network.width"]);
    assert_eq!(&rows[0][1..3], ["32", "4"]);
    let more = ["b.toml", "--out", "d", "--set", "replicates=2", "--set", "name=other"];
    assert_eq!(work(&events(folder.path(), &more)).0, 4);
}

#[test]
fn defaults_written_out_and_other_numerals_are_the_same_run() {
    let keys = |text: &str| {
        let study = gdiff::spec::read_text("spec", text, &[]).unwrap();
        study.points[0].runs.iter().map(|run| run.keys.as_ref().clone()).collect::<Vec<_>>()
    };
    let plain = keys(TINY);
    let written = TINY
        .replace("[train]", "[train]\noptimizer = \"adam\"\nlearning_rate = 0.001\nema = 0.0\nclip_norm = 0")
        .replace("[metrics]", "[metrics]\nprdc = true\nk = 5\ndistances = \"ends\"")
        .replace("std = 0.3", "std = 3e-1")
        .replace("weight = 0.5\n", "weight = 5e-1\n");
    assert_ne!(written, TINY);
    assert_eq!(keys(&written), plain);
    assert_eq!(
        keys(&TINY.replace("iterations = 40", "epochs = 8")),
        plain,
        "40 iterations are 8 epochs of 5"
    );
    // A key changes from the stage on that its value belongs to.
    let changed = |from: &str, to: &str| {
        let text = TINY.replace(from, to);
        assert_ne!(text, TINY);
        let (old, new) = (&plain[1], &keys(&text)[1]);
        [
            old.data != new.data,
            old.space != new.space,
            old.training != new.training,
            old.sampling != new.sampling,
            old.run != new.run,
        ]
    };
    assert_eq!(changed("samples = 300", "samples = 301"), [true; 5]);
    assert_eq!(
        changed("[diffusion]", "[gaussianize]\nlayers = 2\n[diffusion]"),
        [false, true, true, true, true]
    );
    assert_eq!(changed("hidden = [8, 8]", "hidden = [8]"), [false, false, true, true, true]);
    assert_eq!(changed("count = 200", "count = 100"), [false, false, false, true, true]);
    assert_eq!(
        changed("steps = 12", "steps = 12\nvariance = \"fixed_large\""),
        [false, false, false, true, true]
    );
    assert_eq!(changed("reference = 250", "reference = 200"), [false, false, false, false, true]);
    // What a pipeline does not use does not count.
    let baseline = keys(&TINY.replace("[diffusion]", "[gaussianize]\nlayers = 2\n[diffusion]"));
    assert_eq!(baseline[0], plain[0]);
    assert_eq!(keys(&TINY.replace("hidden = [8, 8]", "hidden = [8]"))[2], plain[2], "the exact denoiser");
}

#[test]
fn a_spec_in_its_own_output_folder_stays_as_the_user_wrote_it() {
    let folder = tempdir().unwrap();
    let own = format!("# My notes.\n{}", SMALL.replace("[sweep]\n", ""));
    std::fs::create_dir(folder.path().join("d")).unwrap();
    write(folder.path(), "d/spec.toml", &own);
    assert_eq!(work(&events(folder.path(), &["d/spec.toml", "--out", "d"])).0, 1);
    assert_eq!(text(folder.path().join("d/spec.toml")), own);
    // The resolved spec of a folder, run again, has nothing to do.
    write(folder.path(), "other.toml", &own);
    events(folder.path(), &["other.toml", "--out", "e"]);
    assert_eq!(work(&events(folder.path(), &["e/spec.toml", "--out", "e"])).0, 0);
}

#[test]
fn sampling_steps_train_one_network_for_each_pipeline() {
    let folder = tempdir().unwrap();
    let base = TINY.replace(", \"exact\"]", "]").replace("[sample]", "[sample]\nsampler = \"ddim\"");
    spec(folder.path(), &format!("{base}\n[sweep]\n\"sample.steps\" = [1, 2, 3, 6, 12]\n"));
    let (begun, stages) = work(&events(folder.path(), &["spec.toml", "--out", "d", "--jobs", "2"]));
    assert_eq!((begun, stages["train"], stages["gaussianize"], stages["sample"]), (10, 2, 1, 10));
    // Each point is what it is alone.
    let (_, rows) = csv(folder.path().join("d/metrics.csv"));
    let losses = csv(folder.path().join("d/loss.csv")).1;
    write(folder.path(), "alone.toml", &base);
    for steps in ["1", "3", "12"] {
        let set = format!("sample.steps={steps}");
        events(folder.path(), &["alone.toml", "--out", steps, "--set", &set]);
        let of = |rows: &[Vec<String>]| -> Vec<Vec<String>> {
            let here = rows.iter().filter(|row| row[3] == steps);
            here.map(|row| [&row[1..3], &row[4..]].concat()).collect()
        };
        assert_eq!(of(&rows), without_names(folder.path().join(steps).join("metrics.csv")));
        assert_eq!(of(&losses), without_names(folder.path().join(steps).join("loss.csv")));
    }
    // One more value later takes the network from a run that is done.
    spec(folder.path(), &format!("{base}\n[sweep]\n\"sample.steps\" = [1, 2, 3, 4, 6, 12]\n"));
    let (begun, stages) = work(&events(folder.path(), &["spec.toml", "--out", "d"]));
    assert_eq!((begun, stages.get("train"), stages.get("gaussianize")), (2, None, None));
}

#[test]
fn widths_share_the_fit_of_the_map() {
    let folder = tempdir().unwrap();
    let base = TINY.replace("\"baseline\", \"gaussianized\", \"exact\"", "\"gaussianized\"");
    spec(folder.path(), &format!("{base}\n[sweep]\n\"network.hidden\" = [[4], [5], [6], [7]]\n"));
    let (begun, stages) = work(&events(folder.path(), &["spec.toml", "--out", "d", "--jobs", "3"]));
    assert_eq!((begun, stages["train"], stages["gaussianize"]), (4, 4, 1));
    let fits = csv(folder.path().join("d/gaussianizer.csv")).1;
    let of = |width: &str| -> Vec<Vec<String>> {
        fits.iter().filter(|row| row[3] == width).map(|row| row[4..].to_vec()).collect()
    };
    assert!(!of("[4]").is_empty());
    assert_eq!(of("[4]"), of("[7]"));
}

#[test]
fn the_exact_denoiser_is_run_once_and_stands_at_every_width() {
    let folder = tempdir().unwrap();
    let base = TINY.replace("\"baseline\", \"gaussianized\", \"exact\"", "\"baseline\", \"exact\"");
    spec(folder.path(), &format!("{base}\n[sweep]\n\"network.hidden\" = [[4], [5], [6]]\n"));
    assert_eq!(work(&events(folder.path(), &["spec.toml", "--out", "d"])).0, 4);
    let (_, rows) = csv(folder.path().join("d/metrics.csv"));
    let of = |width: &str| -> Vec<Vec<String>> {
        let exact = rows.iter().filter(|row| row[1] == "exact" && row[3] == width);
        exact.map(|row| row[4..].to_vec()).collect()
    };
    assert_eq!(of("[4]").len(), 13);
    assert_eq!(of("[4]"), of("[6]"));
    // Planned, each is executed under its first number.
    let plan: Output =
        gdiff(folder.path()).args(["sweep", "plan", "spec.toml", "--out", "p"]).output().unwrap();
    assert!(said(&plan).contains("6 runs, 0 to 5"), "{}", message(&plan));
    let exec =
        gdiff(folder.path()).args(["sweep", "exec", "p", "--index", "0", "--count", "6"]).output().unwrap();
    assert!(said(&exec).contains("4 runs done"), "{}", said(&exec));
    succeeded(&gdiff(folder.path()).args(["sweep", "collect", "p"]).output().unwrap());
    assert_eq!(text(folder.path().join("p/metrics.csv")), text(folder.path().join("d/metrics.csv")));
}

#[test]
fn a_damaged_network_is_trained_again_and_the_notice_says_so() {
    let folder = tempdir().unwrap();
    let base = SMALL.replace("[sweep]\n", "").replace("[sample]", "[sample]\nsampler = \"ddim\"");
    let sweep = |steps: &str| format!("{base}\n[sweep]\n\"sample.steps\" = {steps}\n");
    spec(folder.path(), &sweep("[5, 10]"));
    events(folder.path(), &["spec.toml", "--out", "fresh"]);
    spec(folder.path(), &sweep("[5]"));
    events(folder.path(), &["spec.toml", "--out", "d"]);
    let run = std::fs::read_dir(folder.path().join("d/runs")).unwrap().next().unwrap().unwrap().path();
    let model = run.join("model.safetensors");
    let mut bytes = std::fs::read(&model).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&model, bytes).unwrap();
    spec(folder.path(), &sweep("[5, 10]"));
    let events = events(folder.path(), &["spec.toml", "--out", "d"]);
    assert_eq!(work(&events).1["train"], 1);
    let notices: Vec<&str> =
        events.iter().filter(|e| e["event"] == "notice").map(|e| e["text"].as_str().unwrap()).collect();
    assert!(notices.iter().any(|text| text.contains("model.safetensors")), "{notices:?}");
    for table in ["metrics.csv", "loss.csv", "summary.csv"] {
        assert_eq!(text(folder.path().join("d").join(table)), text(folder.path().join("fresh").join(table)));
    }
}

#[test]
fn a_damaged_table_of_a_run_is_computed_again() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &SMALL.replace("[sweep]\n", ""));
    events(folder.path(), &["spec.toml", "--out", "d"]);
    let whole = text(folder.path().join("d/metrics.csv"));
    let table = folder.path().join("d/runs/baseline-r0/metrics.csv");
    let rows = text(&table);
    let cut = rows.trim_end().rfind('\n').unwrap() + 1;
    std::fs::write(&table, &rows[..cut]).unwrap();
    let events = events(folder.path(), &["spec.toml", "--out", "d"]);
    assert_eq!(work(&events).0, 1);
    assert_eq!((text(folder.path().join("d/metrics.csv")), text(&table)), (whole, rows));
}
