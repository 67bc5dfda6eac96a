//! `[train.evaluate]`: samples of a network while it trains, and signs that its training diverges.

use crate::common::{
    TINY, Waiting, csv, files, message, records::number, records::records, run, said, same_tables, spec,
    succeeded, text,
};
use std::fs;
use std::path::Path;
use tempfile::tempdir;

const TABLE: &str = "training_metrics.csv";

/// The small study with one more table, of three evaluations.
fn evaluated(more: &str) -> String {
    let spec = TINY.replace("[sample]", "[train.evaluate]\nevery = 15\ncount = 120\nsteps = 6\n\n[sample]");
    format!("{spec}{more}")
}

/// The digits with a network of a few values.
const IMAGES: &str = "name = \"digits\"\npipelines = [\"baseline\"]\n[data]\nkind = \"images\"\nname = \"digits\"\nscale = \"none\"\ntest_fraction = 0.1\n[diffusion]\nsteps = 10\n[network]\nhidden = [8]\n[train]\niterations = 6\nbatch_size = 8\n[train.evaluate]\nevery = 3\ncount = 20\nsteps = 4\n[sample]\ncount = 30\n[metrics]\nreference = 40\nk = 3\n";

fn same(a: &Path, b: &Path) {
    same_tables(a, b);
    assert!(text(a.join(TABLE)) == text(b.join(TABLE)), "{TABLE} of {} differs", b.display());
}

#[test]
fn the_last_evaluation_is_what_the_run_samples_in_the_same_way_and_training_is_untouched() {
    let folder = tempdir().unwrap();
    let there = folder.path();
    let spec_text = evaluated("");
    // The run itself samples as an evaluation does.
    let alike =
        spec_text.replace("[sample]\ncount = 200", "[sample]\ncount = 120\nsampler = \"ddim\"\nsteps = 6");
    assert_ne!(alike, spec_text);
    spec(there, &alike);
    succeeded(&run(there, &["run", "spec.toml", "--out", "a", "--quiet"]));
    let rows = records(there.join("a").join(TABLE));
    let iterations: Vec<f64> = rows.iter().filter_map(|row| number(row, "iteration")).collect();
    assert_eq!(iterations, [15.0, 30.0, 40.0, 15.0, 30.0, 40.0], "both networks, and not the exact denoiser");
    let metrics = records(there.join("a/metrics.csv"));
    for pipeline in ["baseline", "gaussianized"] {
        let last = |rows: &[crate::common::records::Record]| {
            rows.iter().rfind(|row| row["pipeline"] == pipeline).unwrap().clone()
        };
        let (evaluated, sampled) = (last(&rows), last(&metrics));
        for column in
            ["log_likelihood", "precision", "coverage", "sliced_w2", "energy_distance", "mode_error"]
        {
            assert!(number(&sampled, column).is_some(), "{column}");
            assert_eq!(evaluated[column], sampled[column], "{column} of {pipeline}");
        }
        let first = rows.iter().find(|row| row["pipeline"] == pipeline).unwrap();
        assert_ne!(first["sliced_w2"], evaluated["sliced_w2"], "the network has learned since");
    }
    // Without evaluations the network is the same, bit for bit.
    let plain = alike.replace("[train.evaluate]\nevery = 15\ncount = 120\nsteps = 6\n", "");
    spec(there, &plain);
    succeeded(&run(there, &["run", "spec.toml", "--out", "plain", "--quiet"]));
    same_tables(&there.join("a"), &there.join("plain"));
    assert!(!there.join("plain").join(TABLE).exists());
    let model = |out: &str| fs::read(there.join(out).join("runs/baseline-r0/model.safetensors")).unwrap();
    assert!(model("a") == model("plain"));
}

#[test]
fn killed_or_interrupted_within_an_evaluation_the_run_ends_in_the_same_bytes() {
    let folder = tempdir().unwrap();
    let there = folder.path();
    spec(there, &evaluated("").replace("\"baseline\", \"gaussianized\", \"exact\"", "\"baseline\""));
    succeeded(&run(there, &["run", "spec.toml", "--out", "whole", "--quiet", "--threads", "1"]));
    let command = ["run", "spec.toml", "--out", "killed", "--quiet", "--checkpoint-seconds", "0"];
    // The training goes on while the evaluation waits, up to where the next one would begin.
    let both = ["evaluate:15", "train:27"];
    Waiting::begin(there, &command, &both).kill();
    let (status, said) = Waiting::begin(there, &command, &both).interrupt();
    assert_eq!(status.code(), Some(130), "{said}");
    // The last evaluation waits when the training is over.
    Waiting::begin(there, &command, &["evaluate:40"]).kill();
    succeeded(&run(there, &command));
    same(&there.join("whole"), &there.join("killed"));
    for path in files(&there.join("killed")) {
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(!name.ends_with(".part") && !name.starts_with("checkpoint"), "{name} was left behind");
    }
}

#[test]
fn a_control_has_the_evaluations_of_the_network_that_it_takes_over() {
    let folder = tempdir().unwrap();
    let there = folder.path();
    let swept = "\n[[sweep.zip]]\n\"train.isotropy.lambda\" = [0.0, 0.1]\n\"train.isotropy.control\" = [false, true]\n";
    spec(there, &evaluated(swept).replace("\"gaussianized\", \"exact\"]", "\"exact\"]"));
    succeeded(&run(there, &["run", "spec.toml", "--out", "a", "--quiet"]));
    let rows = records(there.join("a").join(TABLE));
    let of = |control: &str| -> Vec<(String, String)> {
        let mine = rows
            .iter()
            .filter(|row| row["pipeline"] == "baseline" && row["train.isotropy.control"] == control);
        mine.map(|row| (row["iteration"].clone(), row["sliced_w2"].clone())).collect()
    };
    assert_eq!(of("false").len(), 3);
    assert_eq!(of("false"), of("true"));
    // Drawn, and gone with the spec that asked for it.
    succeeded(&run(there, &["plot", "a"]));
    let drawn = text(there.join("a/figures/training.csv"));
    assert!(drawn.contains("coverage") && there.join("a/figures/training.svg").exists(), "{drawn}");
    assert!(text(there.join("a/report.html")).contains(TABLE));
}

#[test]
fn images_have_a_picture_each_time_that_is_guarded_like_every_file() {
    let folder = tempdir().unwrap();
    let there = folder.path();
    spec(there, IMAGES);
    let events = said(&run(there, &["run", "spec.toml", "--out", "a", "--json"]));
    let told = |needle: &str| events.lines().filter(|line| line.contains(needle)).count();
    assert_eq!(told("\"training_metrics\""), 2, "{events}");
    let pictures: Vec<String> = files(&there.join("a/runs/baseline-r0"))
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().to_string())
        .filter(|name| name.ends_with(".png"))
        .collect();
    assert_eq!(pictures, ["training_00000003.png", "training_00000006.png"]);
    // 20 images in rows of 8: three rows of 8 pixels with a gap of one all around.
    let path = there.join("a/runs/baseline-r0/training_00000006.png");
    let picture = image::open(&path).unwrap();
    assert_eq!((picture.width(), picture.height()), (8 * 9 + 1, 3 * 9 + 1));
    succeeded(&run(there, &["verify", "a"]));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let verified = run(there, &["verify", "a"]);
    assert!(!verified.status.success());
    assert!(format!("{}{}", said(&verified), message(&verified)).contains("training_00000006.png"));
    fs::write(&path, &whole).unwrap();
    // Interrupted, it keeps the pictures that it had.
    let command = ["run", "spec.toml", "--out", "b", "--quiet"];
    Waiting::begin(there, &command, &["train:5"]).kill();
    succeeded(&run(there, &command));
    same(&there.join("a"), &there.join("b"));
    succeeded(&run(there, &["verify", "b"]));
    for name in pictures {
        let of = |out: &str| fs::read(there.join(out).join("runs/baseline-r0").join(&name)).unwrap();
        assert!(of("a") == of("b"), "{name}");
    }
}

#[test]
fn bits_per_dim_while_training_end_in_those_of_the_finished_run() {
    let folder = tempdir().unwrap();
    let there = folder.path();
    let asked = IMAGES.replace("steps = 4\n", "steps = 4\nbits_per_dim = 15\n");
    let text = asked.replace("\"baseline\"]", "\"baseline\", \"whitened\"]");
    spec(there, &text);
    let events = said(&run(there, &["run", "spec.toml", "--out", "a", "--json"]));
    let told = events.lines().filter(|line| line.contains("\"bits_per_dim\":")).count();
    assert_eq!(told, 2, "those of whitened have none: {events}");
    assert!(
        events.contains("the pipeline whitened is without bits/dim, because the space mixes"),
        "{events}"
    );
    let rows = records(there.join("a").join(TABLE));
    let of = |pipeline: &str| -> Vec<Option<f64>> {
        let mine = rows.iter().filter(|row| row["pipeline"] == pipeline);
        mine.map(|row| number(row, "bits_per_dim")).collect()
    };
    assert_eq!(of("whitened"), [None, None]);
    let [Some(first), Some(last)] = of("baseline")[..] else { panic!("{rows:?}") };
    assert_ne!(first, last);
    let command =
        ["likelihood", "a/runs/baseline-r0", "--bits-per-dim", "--count", "15", "--out", "bits.csv"];
    succeeded(&run(there, &command));
    let bits = records(there.join("bits.csv"));
    assert_eq!(bits.len(), 15);
    let mean = bits.iter().filter_map(|row| number(row, "bits_per_dim")).sum::<f64>() / 15.0;
    assert!((mean - last).abs() < 1e-12 * last, "{mean} {last}");
    succeeded(&run(there, &["plot", "a"]));
    let drawn = std::fs::read_to_string(there.join("a/figures/training.csv")).unwrap();
    assert!(drawn.contains("bits/dim"), "{drawn}");
    // Another variance of the reverse steps is another bound, of the same network.
    let other = text.replace("steps = 10", "steps = 10\nvariance = \"fixed_large\"");
    spec(there, &other);
    succeeded(&run(there, &["run", "spec.toml", "--out", "b", "--quiet"]));
    let row = records(there.join("b").join(TABLE)).into_iter().find(|row| row["pipeline"] == "baseline");
    assert_ne!(number(&row.unwrap(), "bits_per_dim"), Some(first));
    let refused = |text: &str, expected: &str| {
        spec(there, text);
        let output = run(there, &["check", "spec.toml"]);
        assert_eq!(output.status.code(), Some(2), "{}", message(&output));
        assert!(message(&output).contains(expected), "{}", message(&output));
    };
    refused(&text.replace("\"baseline\", ", ""), "no pipeline with a network has bits/dim");
    refused(&asked.replace("steps = 10\n", "steps = 1\n"), "needs `diffusion.steps` of 2 or more");
    refused(&evaluated("").replace("steps = 6", "steps = 6\nbits_per_dim = 15"), "the data are none");
}

#[test]
fn what_cannot_be_evaluated_is_refused_and_a_divergence_is_told_of() {
    let folder = tempdir().unwrap();
    let there = folder.path();
    spec(there, &evaluated("").replace("count = 120", "count = 5"));
    let refused = message(&run(there, &["run", "spec.toml", "--out", "a"]));
    assert!(refused.contains("`train.evaluate.count` is 5, but PRDC needs more points"), "{refused}");
    for (key, value) in [("every", "0"), ("count", "0"), ("steps", "0"), ("often", "3")] {
        let output = run(there, &["check", "spec.toml", &format!("train.evaluate.{key}={value}")]);
        assert_eq!(output.status.code(), Some(2), "{key}");
        assert!(message(&output).contains(key), "{}", message(&output));
    }
    let wild = TINY.replace("iterations = 40", "iterations = 300\nlog_every = 2\nlearning_rate = 3.0");
    spec(there, &wild);
    let output = run(there, &["run", "spec.toml", "--out", "wild"]);
    assert!(message(&output).contains("the training seems to diverge"), "{}", message(&output));
    spec(there, TINY);
    let output = run(there, &["run", "spec.toml", "--out", "tame"]);
    assert!(!message(&output).contains("diverge"));
    // Rows are there to the end of what was swept: a table reads back as it was written.
    assert_eq!(csv(there.join("tame/loss.csv")).0[0], "run");
}
