//! What leaves the range of numbers, or asks for more than any machine has, is refused in a sentence: no NaN and no infinity
//! is written as if it were a result, and nothing aborts.

use crate::common::{SMALL, TINY, message, run, said, spec, succeeded};
use std::path::Path;
use tempfile::{TempDir, tempdir};

fn refused(folder: &Path, arguments: &[&str], code: i32, words: &str) {
    let output = run(folder, arguments);
    let (said, message) = (said(&output), message(&output));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {message}{said}");
    assert!(message.contains(words), "{arguments:?}: {message}");
    assert!(!said.contains("NaN") && !said.contains("inf"), "{arguments:?}: {said}");
}

/// A folder with the run of a small spec, and tables of normal numbers times powers of ten.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    let path = folder.path();
    spec(path, SMALL);
    succeeded(&run(path, &["run", "spec.toml", "--out", "o", "--quiet"]));
    succeeded(&run(path, &["data", "spec.toml", "--count", "60", "--out", "1e0.csv"]));
    let text = std::fs::read_to_string(path.join("1e0.csv")).unwrap();
    for power in ["1e100", "1e160", "1e308"] {
        let scaled =
            |cell: &str| format!("{}", cell.parse::<f64>().unwrap() * 0.3 * power.parse::<f64>().unwrap());
        let row = |line: &str| line.split(',').map(scaled).collect::<Vec<_>>().join(",") + "\n";
        let rows: String = text.lines().skip(1).map(row).collect();
        std::fs::write(path.join(format!("{power}.csv")), format!("x0,x1\n{rows}")).unwrap();
    }
    folder
}

#[test]
fn samples_and_points_that_are_not_finite_are_not_written() {
    let folder = folder();
    let path = folder.path();
    for pipeline in ["baseline", "gaussianized"] {
        let of_run = format!("o/runs/{pipeline}-r0");
        let set = ["diffusion.clip=\"none\"", "sample.epsilon_scale=1e200"];
        let sample = ["sample", &of_run, "--count", "4", "--out", "s.csv", set[0], set[1]];
        refused(path, &sample, 1, "the samples diverged");
        assert!(!path.join("s.csv").exists());
    }
    let moons = ["data", "spec.toml", "data.kind=\"two_moons\"", "data.noise=1e308", "--out", "d.csv"];
    refused(path, &moons, 2, "lower `data.noise`");
    assert!(!path.join("d.csv").exists());
}

#[test]
fn distances_that_are_not_finite_are_no_results() {
    let folder = folder();
    let path = folder.path();
    refused(
        path,
        &["metrics", "1e160.csv", "1e160.csv", "--frechet"],
        2,
        "the Frechet distance leaves the range",
    );
    std::fs::copy(path.join("1e0.csv"), path.join("near.csv")).unwrap();
    // Its square would be too large, and so there is no interval.
    let json = succeeded(&run(path, &["metrics", "near.csv", "1e100.csv", "--frechet", "--json"]));
    let values: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(values["frechet"].as_f64().is_some_and(|v| v > 1e190), "{json}");
    assert!(values["frechet_interval"].is_null() && !json.contains("\"high\":null"), "{json}");
    refused(
        path,
        &["metrics", "near.csv", "near.csv", "--frechet", "--resamples", "1000000000000"],
        2,
        "20000",
    );
    succeeded(&run(path, &["gaussianize", "fit", "near.csv", "--out", "m", "--coupling", "marginal"]));
    let report = ["gaussianize", "report", "m", "1e308.csv", "--out", "z.html"];
    refused(path, &report, 1, "1e308.csv: point 0, counted from 0, is so far out");
    assert!(!path.join("z.html").exists());
    // Every point is too far out for a likelihood.
    let likelihood = ["likelihood", "o/runs/baseline-r0", "--data", "1e308.csv", "--out", "l.csv"];
    refused(path, &likelihood, 1, "so far out that their likelihood leaves the range of numbers");
    assert!(!path.join("l.csv").exists());
    let init = run(path, &["init", "in.toml", "--from", "1e308.csv"]);
    let text = std::fs::read_to_string(path.join("in.toml")).unwrap_or_default();
    assert!(!text.contains("inf"), "{}{text}", message(&init));
}

#[test]
fn files_whose_headers_promise_too_much_are_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    let npy = |shape: &str| {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape}), }}");
        let padded = format!("{header:<117}\n");
        [b"\x93NUMPY\x01\x00\x76\x00", padded.as_bytes(), &[7; 64]].concat()
    };
    let idx = |lengths: [u32; 3]| {
        let lengths: Vec<u8> = lengths.iter().flat_map(|n| n.to_be_bytes()).collect();
        [&[0, 0, 8, 3][..], &lengths].concat()
    };
    spec(path, "name = \"b\"\npipelines = [\"baseline\"]\n[data]\nkind = \"images\"\npath = \"x.npy\"\n");
    for (name, bytes) in [
        ("a.npy", npy("1000000000000000, 8, 8")),
        ("b.npy", npy("18446744073709551615, 0, 0")),
        ("c.npy", npy("1000000000000, 0, 8")),
        ("d.npy", npy("18446744073709551615, 18446744073709551615, 3")),
        ("e.idx", idx([4_294_967_295, 0, 8])),
        ("f.idx", idx([4_294_967_295, 4_294_967_295, 4_294_967_295])),
    ] {
        std::fs::write(path.join(name), bytes).unwrap();
        refused(path, &["check", "spec.toml", &format!("data.path={name}")], 2, name);
        refused(path, &["metrics", name, name], 2, name);
    }
    // A picture of one column, as wide as it is high afterwards.
    let tall = ["check", "spec.toml", "data.path=tall.npy", "data.size=4096"];
    std::fs::write(path.join("tall.npy"), {
        let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1000000, 1), }";
        [b"\x93NUMPY\x01\x00\x76\x00", format!("{header:<117}\n").as_bytes(), &[7; 1_000_000]].concat()
    })
    .unwrap();
    refused(path, &tall, 2, "while it is resized to 4096 x 4096");
    refused(path, &["check", "/dev/zero"], 2, "larger than 64 MiB");
}

#[test]
fn numbers_that_only_a_typing_error_asks_for_are_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    spec(path, TINY);
    let huge = "1000000000000000";
    for (keys, words) in [
        (&["train.evaluate.every=1", &format!("train.evaluate.count={huge}")][..], "`train.evaluate.count`"),
        (&["train.accumulate=1000000000"], "`train.accumulate` is 1000000000"),
        (&["gaussianize.flow.layers=1000000000"], "`gaussianize.flow.layers` is 1000000000"),
        (&["gaussianize.flow.hidden=[100000, 100000]"], "`gaussianize.flow.hidden` asks for more than"),
        (&["diffusion.beta_start=1e-300"], "the first step adds no noise"),
    ] {
        refused(path, &[&["run", "spec.toml", "--out", "d"][..], keys].concat(), 2, words);
        assert!(!path.join("d").exists());
    }
    // An estimate that no number holds is the largest one, not what is left of it.
    let disk = |replicates: &str| {
        let keys =
            ["train.iterations=unset", "train.epochs=1000000000", "train.batch_size=1", "train.log_every=1"];
        let output =
            run(path, &[&["check", "spec.toml", "data.samples=100000", replicates][..], &keys].concat());
        let said = said(&output);
        let line = said.lines().find(|line| line.starts_with("disk")).map(str::to_string);
        let mut words = line.as_deref().unwrap_or(&said).split_whitespace().skip(2);
        let number: f64 = words.next().unwrap_or_default().parse().unwrap_or(f64::NAN);
        assert_eq!(words.next(), Some(if replicates.ends_with("=1") { "PiB" } else { "EiB" }), "{said}");
        number
    };
    assert!(disk("replicates=1") > 1.0);
    assert!(disk("replicates=300000") >= 15.9);
}

#[test]
fn check_refuses_what_no_fit_can_do() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    // 40 points of 48 columns that vary by themselves.
    let cell = |i: usize, j: usize| ((i * 48 + j) * 7919 % 10_007).to_string();
    let rows: String =
        (0..80).map(|i| (0..48).map(|j| cell(i, j)).collect::<Vec<_>>().join(",") + "\n").collect();
    std::fs::write(path.join("d.csv"), rows).unwrap();
    let end = SMALL.find("[diffusion]").unwrap();
    let data = "kind = \"table\"\npath = \"d.csv\"\ntest_fraction = 0.5\n";
    spec(path, &format!("name = \"t\"\npipelines = [\"gaussianized\"]\n[data]\n{data}{}", &SMALL[end..]));
    let few = "points are too few to fit a Gaussianizer of 48 columns, which needs 49 or more";
    refused(path, &["check", "spec.toml"], 2, few);
    succeeded(&run(path, &["check", "spec.toml", "gaussianize.reduce=5"]));
    succeeded(&run(path, &["check", "spec.toml", "data.test_fraction=0.2"]));
}
