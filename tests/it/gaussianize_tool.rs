//! `gdiff gaussianize` on a table of one's own.

use crate::common::{csv, gdiff, text};
use std::path::Path;
use std::process::Output;
use tempfile::{TempDir, tempdir};

/// A folder with 600 points of two moons, as CSV and as npy.
fn folder_with_points() -> TempDir {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("moons.toml"), "name = \"m\"\n[data]\nkind = \"two_moons\"\n").unwrap();
    for file in ["x.csv", "x.npy"] {
        good(&run(folder.path(), &["data", "moons.toml", "--count", "600", "--out", file]));
    }
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    gdiff(folder).args(arguments).output().unwrap()
}

fn tool(folder: &Path, arguments: &[&str]) -> Output {
    run(folder, &[&["gaussianize"], arguments].concat())
}

fn good(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn numbers(folder: &Path, file: &str) -> Vec<Vec<f64>> {
    csv(folder.join(file))
        .1
        .iter()
        .map(|row| row.iter().map(|cell| cell.parse().unwrap()).collect())
        .collect()
}

#[test]
fn what_is_applied_comes_back_inverted_whatever_the_format() {
    let folder = folder_with_points();
    let path = folder.path();
    let said = good(&tool(path, &["fit", "x.npy", "--out", "map", "--report", "fit.csv"]));
    assert!(said.contains("held-out") && said.contains("round trip"), "{said}");
    assert!(good(&tool(path, &["apply", "map", "x.csv", "--out", "z.npy"])).contains("mean log-density"));
    good(&tool(path, &["invert", "map", "z.npy", "--out", "back.csv"]));
    let (x, back) = (numbers(path, "x.csv"), numbers(path, "back.csv"));
    assert_eq!(x.len(), back.len());
    for (a, b) in x.iter().flatten().zip(back.iter().flatten()) {
        assert!((a - b).abs() < 1e-8, "{a} came back as {b}");
    }
    let (header, rows) = csv(path.join("fit.csv"));
    for column in ["layer", "component", "map", "negentropy_before", "log_likelihood", "kept"] {
        assert!(header.iter().any(|h| h == column), "{column}");
    }
    assert!(rows.len() >= 2 && rows.len().is_multiple_of(2), "a row for each layer and component");
}

#[test]
fn the_fit_is_a_function_of_data_flags_and_seed() {
    let folder = folder_with_points();
    let path = folder.path();
    let fit = |out: &str, more: &[&str]| {
        good(&tool(path, &[&["fit", "x.csv", "--out", out], more].concat()));
        std::fs::read(path.join(out)).unwrap()
    };
    assert!(fit("a", &[]) == fit("b", &[]));
    assert!(fit("a", &[]) != fit("b", &["--seed", "1"]));
    let paper = [
        "--coupling",
        "marginal",
        "--rotation",
        "ica",
        "--layers",
        "2",
        "--bandwidth",
        "isj",
        "--tails",
        "kernel",
    ];
    assert!(fit("a", &[]) != fit("b", &paper));
}

#[test]
fn samples_look_like_the_data_and_depend_on_the_seed() {
    let folder = folder_with_points();
    let path = folder.path();
    good(&tool(path, &["fit", "x.csv", "--out", "map"]));
    good(&tool(path, &["sample", "map", "--count", "600", "--out", "s.csv"]));
    good(&tool(path, &["sample", "map", "--count", "600", "--seed", "1", "--out", "t.csv"]));
    assert_ne!(text(path.join("s.csv")), text(path.join("t.csv")));
    let report = good(&run(path, &["metrics", "x.csv", "s.csv", "--json"]));
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    for metric in ["precision", "recall"] {
        assert!(report[metric].as_f64().unwrap() > 0.9, "{metric}: {report}");
    }
}

#[test]
fn data_and_maps_that_are_none_are_refused_with_their_file() {
    let folder = folder_with_points();
    let path = folder.path();
    let write = |name: &str, text: &str| std::fs::write(path.join(name), text).unwrap();
    let rows = |row: &dyn Fn(usize) -> String| (0..40).map(|i| row(i) + "\n").collect::<String>();
    write("constant.csv", &format!("x0,x1\n{}", rows(&|i| format!("{i},7"))));
    write("line.csv", &format!("x0,x1\n{}", rows(&|i| format!("{i},{}", 2 * i))));
    write("one.csv", "x0,x1\n1,2\n");
    write("three.csv", &format!("x0,x1,x2\n{}", rows(&|i| format!("{i},{},{}", i * i % 7, i % 3))));
    good(&tool(path, &["fit", "x.csv", "--out", "map"]));
    let bytes = std::fs::read(path.join("map")).unwrap();
    std::fs::write(path.join("short"), &bytes[..bytes.len() / 2]).unwrap();
    for (arguments, words) in [
        (vec!["fit", "constant.csv", "--out", "m"], vec!["constant.csv", "column"]),
        (vec!["fit", "line.csv", "--out", "m"], vec!["line.csv"]),
        (vec!["fit", "one.csv", "--out", "m"], vec!["one.csv"]),
        (vec!["fit", "absent.csv", "--out", "m"], vec!["absent.csv", "cannot be read"]),
        (vec!["fit", "x.csv", "--out", "m", "--layers", "0"], vec!["--layers 0", "from 1"]),
        (
            vec!["fit", "x.csv", "--out", "m", "--rotation", "icaa"],
            vec!["--rotation icaa", "did you mean `ica`?"],
        ),
        (vec!["fit", "x.csv", "--out", "m", "--components", "3"], vec!["--components 3", "2 dimensions"]),
        (vec!["apply", "map", "three.csv", "--out", "z.csv"], vec!["three.csv has 3 columns", "is for 2"]),
        (vec!["apply", "short", "x.csv", "--out", "z.csv"], vec!["short: "]),
        (vec!["apply", "x.csv", "x.csv", "--out", "z.csv"], vec!["x.csv: "]),
        (vec!["invert", "absent", "x.csv", "--out", "z.csv"], vec!["absent: cannot be read"]),
    ] {
        let output = tool(path, &arguments);
        let message = String::from_utf8_lossy(&output.stderr).to_string();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        for word in words {
            assert!(message.contains(word), "{arguments:?}: `{word}` is not in: {message}");
        }
        assert!(!path.join("m").exists() && !path.join("z.csv").exists(), "something was written");
    }
}
