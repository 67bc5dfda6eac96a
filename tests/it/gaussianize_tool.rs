//! `gdiff gaussianize` on a table of one's own.

use crate::common::{csv, gdiff, message, text};
use gdiff::space::MapFile;
use ndarray::array;
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
fn the_report_of_a_fit_does_not_take_the_place_of_its_map() {
    let folder = folder_with_points();
    for report in ["m", "./m"] {
        let output = tool(folder.path(), &["fit", "x.csv", "--out", "m", "--report", report]);
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains("is the file of the map too"), "{}", message(&output));
        assert!(message(&output).contains(report) && !folder.path().join("m").exists());
    }
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
fn a_page_shows_the_table_before_and_after_the_map_and_what_is_left() {
    let folder = folder_with_points();
    let path = folder.path();
    // A table with another column, and a row that misses a value.
    let write = |file: &str, factor: f64| {
        let rows = numbers(path, "x.csv")
            .iter()
            .map(|row| format!("n,{},{}\n", factor * row[0], row[1]))
            .collect::<String>();
        std::fs::write(path.join(file), format!("id,width,height\n{rows}n,1,\n")).unwrap();
    };
    write("table.csv", 1.0);
    write("wider.csv", 3.0);
    let columns = ["--columns", "height,width", "--missing", "leave_out"];
    let output = tool(path, &[&["fit", "table.csv", "--out", "map"], &columns[..]].concat());
    good(&output);
    assert!(message(&output).contains("1 of 601 rows are left out"), "{}", message(&output));
    let page = |table: &str| {
        let said =
            good(&tool(path, &[&["report", "map", table, "--out", "page.html"], &columns[..]].concat()));
        (text(path.join("page.html")), said)
    };
    let (html, said) = page("table.csv");
    for word in ["mean log-density", "sliced W2", "largest |z|", "round trip", "true normal"] {
        assert!(html.contains(word) && said.contains(word), "{word}: {said}");
    }
    for word in [
        "<h2>Before</h2>",
        "<h2>After</h2>",
        "<h2>What is left</h2>",
        "width",
        "height",
        "quantile of N(0, 1)",
    ] {
        assert!(html.contains(word), "{word}");
    }
    assert_eq!(html.matches("<svg").count(), 5);
    assert!(!html.contains("http://") || !html.replace("http://www.w3.org", "").contains("http://"));
    let shown = html.split_once("<body>").unwrap().1;
    assert!(!shown.contains("NaN") && !shown.contains(">inf"), "a number is none");
    assert_eq!(page("table.csv").0, html, "the same page again");
    // The map has been fitted well: its samples are close to normal; those of a map of something else are not.
    let sliced = |said: &str| -> f64 {
        let line = said.lines().find(|line| line.starts_with("sliced")).unwrap();
        line.split_whitespace().last().unwrap().parse().unwrap()
    };
    let own = sliced(&said);
    let other = sliced(&page("wider.csv").1);
    assert!(own < 0.2 && other > 2.0 * own, "{own} {other}");
    let refused = tool(path, &["report", "map", "table.csv", "--out", "map", "--columns", "height,width"]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_score_that_is_no_number_is_refused_with_its_row_and_nothing_is_written() {
    let folder = folder_with_points();
    let path = folder.path();
    good(&tool(path, &["fit", "x.csv", "--out", "map", "--coupling", "joint"]));
    std::fs::write(path.join("far.csv"), "x0,x1\n0.5,0.5\n1e300,1\n").unwrap();
    let refused = tool(path, &["score", "map", "far.csv", "--out", "scores.csv"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(message(&refused).contains("far.csv: row 1 "), "{}", message(&refused));
    assert!(!path.join("scores.csv").exists() && refused.stdout.is_empty());
    std::fs::write(path.join("near.csv"), "x0,x1\n0.5,0.5\n").unwrap();
    let said = good(&tool(path, &["score", "map", "near.csv", "--out", "scores.csv"]));
    assert!(said.contains("over 1 points; largest |z|"), "one point has no standard error: {said}");
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
    write("constant.csv", &format!("x0,x1\n{}", rows(&|_| "3,7".to_string())));
    write("one.csv", "x0,x1\n1,2\n");
    write("three.csv", &format!("x0,x1,x2\n{}", rows(&|i| format!("{i},{},{}", i * i % 7, i % 3))));
    good(&tool(path, &["fit", "x.csv", "--out", "map"]));
    let bytes = std::fs::read(path.join("map")).unwrap();
    std::fs::write(path.join("short"), &bytes[..bytes.len() / 2]).unwrap();
    for (arguments, words) in [
        (vec!["fit", "constant.csv", "--out", "m"], vec!["constant.csv", "all 2 columns are constant"]),
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

/// A table of two columns whose units differ by six powers of ten, two modes in one and skewed in the other.
const TABLE: &str = r#"name = "table"
pipelines = ["gaussianized"]
[data]
kind = "table"
path = "data.csv"
scale = "min_max"
[diffusion]
steps = 12
[network]
hidden = [8, 8]
time_dim = 4
[train]
iterations = 20
[metrics]
prdc = false
distances = "none"
"#;

/// Where the run of [`TABLE`] keeps its map.
const MAP: &str = "out/runs/gaussianized-r0/gaussianizer.safetensors";

fn folder_with_run() -> TempDir {
    let folder = tempdir().unwrap();
    let z = crate::common::clouds::stream().standard_normal(70, 2000, 2);
    let mut rows = "length,mass\n".to_string();
    for (i, z) in z.rows().into_iter().enumerate() {
        let side = if i % 2 == 0 { 300.0 } else { -300.0 };
        rows += &format!("{},{}\n", 1000.0 + side + 80.0 * z[0], 2e-3 * (0.3 * z[0] + 0.2 * z[1]).exp());
    }
    std::fs::write(folder.path().join("data.csv"), rows).unwrap();
    std::fs::write(folder.path().join("spec.toml"), TABLE).unwrap();
    good(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]));
    folder
}

#[test]
fn a_trained_flow_is_a_map_like_others_in_a_run_and_in_a_file() {
    let folder = folder_with_run();
    let path = folder.path();
    let train = |out: &str, threads: &str| {
        let set = ["--set", "gaussianize.coupling=flow", "--set", "gaussianize.flow.iterations=60"];
        let set = [&set[..], &["--set", "gaussianize.flow.hidden=[16]", "--threads", threads]].concat();
        let arguments = [&["run", "spec.toml", "--out", out, "--quiet"], &set[..]].concat();
        good(&run(path, &arguments));
        text(path.join(out).join("metrics.csv"))
    };
    assert_eq!(train("flow", "1"), train("again", "2"), "another number of threads");
    let map = "flow/runs/gaussianized-r0/gaussianizer.safetensors";
    let said = good(&tool(path, &["apply", map, "data.csv", "--out", "z.csv"]));
    assert!(said.contains("mean log-density"), "{said}");
    good(&tool(path, &["invert", map, "z.csv", "--out", "back.csv"]));
    for (a, b) in numbers(path, "data.csv").iter().flatten().zip(numbers(path, "back.csv").iter().flatten()) {
        assert!((a - b).abs() < 1e-6 * a.abs().max(1e-3), "{a} came back as {b}");
    }
    // Two modes 600 apart have a density that one normal distribution does not reach.
    let score = |map: &str| -> f64 {
        let said = good(&tool(path, &["score", map, "data.csv"]));
        said.split_whitespace().nth(2).unwrap().parse().unwrap()
    };
    let plain =
        ["fit", "data.csv", "--out", "plain", "--coupling", "marginal", "--layers", "1", "--rotation", "pca"];
    good(&tool(path, &plain));
    assert!(score(map) > score("plain") - 0.5, "{} {}", score(map), score("plain"));
    std::fs::write(path.join("idle.toml"), format!("{TABLE}[sweep]\n\"gaussianize.flow.bins\" = [4, 8]\n"))
        .unwrap();
    let idle = run(path, &["check", "idle.toml"]);
    assert_eq!(idle.status.code(), Some(2));
    assert!(message(&idle).contains("is not \"flow\""), "{}", message(&idle));
}

#[test]
fn the_map_of_a_run_takes_and_gives_points_in_the_units_and_under_the_names_of_the_data() {
    let folder = folder_with_run();
    let path = folder.path();
    let sampled = tool(path, &["sample", MAP, "--count", "4000", "--out", "new.csv"]);
    good(&sampled);
    assert_eq!(message(&sampled), "");
    assert_eq!(csv(path.join("new.csv")).0, ["length", "mass"]);
    let quantiles = |file: &str, axis: usize| {
        let mut values: Vec<f64> = numbers(path, file).iter().map(|row| row[axis]).collect();
        values.sort_unstable_by(f64::total_cmp);
        [0.05, 0.25, 0.75, 0.95].map(|q| values[(q * values.len() as f64) as usize])
    };
    for axis in [0, 1] {
        let (data, new) = (quantiles("data.csv", axis), quantiles("new.csv", axis));
        for (a, b) in data.iter().zip(new) {
            assert!((a - b).abs() < 0.06 * (data[3] - data[0]), "axis {axis}: {data:?} {new:?}");
        }
    }
    // The log-density includes that of the scaling: it is what the run says of the same points.
    good(&run(path, &["data", "spec.toml", "--stream", "reference", "--count", "1000", "--out", "ref.csv"]));
    let said = good(&tool(path, &["apply", MAP, "ref.csv", "--out", "z.csv"]));
    let status: serde_json::Value =
        serde_json::from_str(&text(path.join("out/runs/gaussianized-r0/status.json"))).unwrap();
    let of_run = status["map_log_likelihood"].as_f64().unwrap();
    let said: f64 = said.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!((said - of_run).abs() < 1e-6, "{said} {of_run}");
    // And the density integrates to 1 over data space.
    let map = MapFile::read(&std::fs::read(path.join(MAP)).unwrap()).unwrap();
    let (steps, step) = (200, [2000.0 / 200.0, 8e-3 / 200.0]);
    let density = |i: usize| {
        let (a, b) = ((i / steps) as f64 + 0.5, (i % steps) as f64 + 0.5);
        let point = array![[a * step[0], b * step[1]]];
        map.chain.mean_log_density(point.view()).unwrap().exp()
    };
    let mass: f64 = (0..steps * steps).map(density).sum::<f64>() * step[0] * step[1];
    assert!((mass - 1.0).abs() < 0.03, "{mass}");
    // What is applied comes back, whatever the order of the columns.
    let (z, data) = (numbers(path, "z.csv"), numbers(path, "ref.csv"));
    assert!(z.iter().flatten().all(|v| v.abs() < 8.0));
    good(&tool(path, &["invert", MAP, "z.csv", "--out", "back.csv"]));
    assert_eq!(csv(path.join("back.csv")).0, ["length", "mass"]);
    for (a, b) in data.iter().flatten().zip(numbers(path, "back.csv").iter().flatten()) {
        assert!((a - b).abs() <= 1e-8 * a.abs(), "{a} came back as {b}");
    }
    let swapped: String = data.iter().map(|row| format!("{},{}\n", row[1], row[0])).collect();
    std::fs::write(path.join("swapped.csv"), format!("mass,length\n{swapped}")).unwrap();
    let applied = tool(path, &["apply", MAP, "swapped.csv", "--out", "z2.csv"]);
    good(&applied);
    assert!(
        message(&applied).contains("in the order of the map's axes: length, mass"),
        "{}",
        message(&applied)
    );
    assert_eq!(text(path.join("z.csv")), text(path.join("z2.csv")));
    // Capitals make no difference; names of which only some are there do, and others are told of.
    for (header, words) in [
        ("Mass,LENGTH", Some("in the order of the map's axes")),
        ("mass,age", None),
        ("age,kind", Some("columns age, kind are taken for length, mass in this order")),
    ] {
        std::fs::write(path.join("named.csv"), format!("{header}\n{swapped}")).unwrap();
        let applied = tool(path, &["apply", MAP, "named.csv", "--out", "z4.csv"]);
        match words {
            Some(words) => {
                good(&applied);
                assert!(message(&applied).contains(words), "{}", message(&applied));
            }
            None => {
                assert_eq!(applied.status.code(), Some(2), "{}", message(&applied));
                let words = "column 1 is `mass`, which the map of";
                assert!(message(&applied).contains(words), "{}", message(&applied));
            }
        }
    }
    // Its columns are found among others; not where one of them is there twice.
    for (header, taken) in [("mass,age,length", true), ("mass,age,mass", false)] {
        let wide: String = data.iter().map(|row| format!("{},7,{}\n", row[1], row[0])).collect();
        std::fs::write(path.join("wide.csv"), format!("{header}\n{wide}")).unwrap();
        let applied = tool(path, &["apply", MAP, "wide.csv", "--out", "z3.csv"]);
        if taken {
            good(&applied);
            assert!(
                message(&applied).contains("map's axes: length, mass; not used: age"),
                "{}",
                message(&applied)
            );
            assert_eq!(text(path.join("z.csv")), text(path.join("z3.csv")));
        } else {
            assert_eq!(applied.status.code(), Some(2), "{}", message(&applied));
            assert!(
                message(&applied).contains("wide.csv has 3 columns, but the map of"),
                "{}",
                message(&applied)
            );
        }
    }
}

#[test]
fn a_map_without_its_scaling_is_read_as_it_is_with_a_notice() {
    let old = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/version_0_1/sweep/runs/gaussianized-r0-fc99ca12f530db63/gaussianizer.safetensors");
    let folder = tempdir().unwrap();
    std::fs::copy(old, folder.path().join("old")).unwrap();
    let sampled = tool(folder.path(), &["sample", "old", "--count", "50", "--out", "new.csv"]);
    good(&sampled);
    let message = message(&sampled);
    assert!(message.contains("gdiff: note: old does not say how its data were scaled"), "{message}");
    assert_eq!(csv(folder.path().join("new.csv")).1.len(), 50);
}

#[test]
fn a_map_of_which_any_bit_was_flipped_is_refused() {
    let folder = folder_with_points();
    let path = folder.path();
    good(&tool(path, &["fit", "x.csv", "--out", "map", "--layers", "2"]));
    let bytes = std::fs::read(path.join("map")).unwrap();
    assert!(MapFile::read(&bytes).is_ok());
    for i in 0..3000 {
        let mut damaged = bytes.clone();
        // All of the header, and places all over the numbers.
        let at = if i < 1500 { i % bytes.len() } else { (i * 7919) % bytes.len() };
        damaged[at] ^= 1 << (i % 8);
        assert!(MapFile::read(&damaged).is_err(), "bit {} of byte {at}", i % 8);
    }
}

#[test]
fn a_log_density_below_the_range_of_numbers_is_said_in_words() {
    let folder = folder_with_points();
    let path = folder.path();
    good(&tool(path, &["fit", "x.csv", "--out", "map", "--layers", "1"]));
    std::fs::write(path.join("far.csv"), "x0,x1\n1e200,1\n0,0.5\n").unwrap();
    let said = good(&tool(path, &["apply", "map", "far.csv", "--out", "z.csv"]));
    assert!(said.contains("below the range of numbers") && !said.contains("inf"), "{said}");
    assert!(numbers(path, "z.csv").iter().flatten().all(|v| v.is_finite()));
}
