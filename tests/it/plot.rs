//! `gdiff plot`, `gdiff run --plot` and `--tensorboard`, from outside.

use crate::common::{TINY, csv, gdiff, message, run, said, spec, succeeded, text};
use gdiff::run::FinishedRun;
use std::fmt::Write;
use std::path::Path;
use std::process::Output;
use tempfile::{TempDir, tempdir};

fn plot(folder: &Path) -> Output {
    run(folder, &["plot", "results/tiny"])
}

/// A finished run of a spec, with more arguments.
fn finished(text: &str, arguments: &[&str]) -> TempDir {
    let folder = tempdir().unwrap();
    spec(folder.path(), text);
    succeeded(&run(folder.path(), &[&["run", "spec.toml"], arguments].concat()));
    folder
}

fn exists(folder: &Path, name: &str) -> bool {
    folder.join("results/tiny").join(name).is_file()
}

#[test]
fn a_run_with_plot_has_all_figures_and_a_page() {
    let folder = finished(TINY, &["--plot"]);
    for name in ["clouds", "log_likelihood", "ends", "loss", "prdc_steps", "isotropy", "spheres", "layers"] {
        for end in ["svg", "png", "csv"] {
            assert!(exists(folder.path(), &format!("figures/{name}.{end}")), "{name}.{end} is missing");
        }
    }
    let page = text(folder.path().join("results/tiny/report.html"));
    for word in ["log-likelihood", "git commit", "[data]", "Gaussianized", "real points"] {
        assert!(page.contains(word), "`{word}` is not in the page");
    }
    // Nothing is asked of a network: neither by address nor by what the page allows itself.
    assert!(page.contains("default-src 'none'"));
    let addresses = page.matches("://").count();
    assert_eq!(
        addresses,
        page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count(),
        "addresses in the page"
    );
    assert_eq!(page.matches("<figure").count(), 8);
}

#[test]
fn drawing_changes_no_table_and_gives_the_same_bytes_again() {
    let folder = finished(TINY, &[]);
    let out = folder.path().join("results/tiny");
    let tables = ["metrics.csv", "loss.csv", "summary.csv", "runs/baseline-r0/samples.csv"];
    let before = tables.map(|name| text(out.join(name)));
    succeeded(&plot(folder.path()));
    assert_eq!(before, tables.map(|name| text(out.join(name))));
    let drawn = ["figures/clouds.svg", "figures/log_likelihood.csv", "report.html"];
    let first = drawn.map(|name| text(out.join(name)));
    succeeded(&gdiff(folder.path()).args(["plot", "results/tiny", "--out", "elsewhere"]).output().unwrap());
    let mut elsewhere = drawn.map(|name| text(folder.path().join("elsewhere").join(name)));
    // A page that lies elsewhere names the tables and runs without links; all else is the same.
    let (begin, end) = ("<section id=\"files\">", "</section>");
    let files = |page: &str| {
        let from = page.find(begin).expect("the page lists files");
        page[from..from + page[from..].find(end).unwrap()].to_string()
    };
    let (here, there) = (files(&first[2]), files(&elsewhere[2]));
    assert!(here.contains("href=\"metrics.csv\"") && here.contains("href=\"runs/baseline-r0/\""), "{here}");
    assert!(there.contains("metrics.csv") && !there.contains("href="), "{there}");
    elsewhere[2] = elsewhere[2].replace(&there, &here);
    assert!(first == elsewhere, "a drawing elsewhere differs in more than its links");
}

#[test]
fn a_run_is_sampled_again_to_the_same_points() {
    let folder = finished(TINY, &[]);
    for run in ["baseline-r0", "gaussianized-r0", "exact-r0"] {
        let path = folder.path().join("results/tiny/runs").join(run);
        let clouds = FinishedRun::open(&path).unwrap().clouds(50, &|step| step == 12).unwrap();
        let [last] = clouds.as_slice() else { panic!("one step was asked for") };
        let (_, rows) = csv(path.join("samples.csv"));
        for (again, row) in last.points.rows().into_iter().zip(&rows) {
            for (a, cell) in again.iter().zip(row) {
                let written: f64 = cell.parse().unwrap();
                assert!((a - written).abs() < 1e-9, "{run}: {a} for {written}");
            }
        }
    }
}

#[test]
fn a_folder_with_nothing_says_so() {
    let folder = tempdir().unwrap();
    let output = plot(folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("results/tiny is no folder"), "{}", message(&output));
    std::fs::create_dir_all(folder.path().join("results/tiny")).unwrap();
    for table in [None, Some("run,pipeline,replicate,iteration,loss,mse,isotropy,optimal\n")] {
        if let Some(header) = table {
            std::fs::write(folder.path().join("results/tiny/loss.csv"), header).unwrap();
        }
        let output = plot(folder.path());
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains("holds nothing to draw"), "{}", message(&output));
        assert!(!exists(folder.path(), "report.html"));
    }
}

#[test]
fn a_folder_in_part_is_drawn_in_part_and_says_what_is_missing() {
    let folder = finished(TINY, &[]);
    let out = folder.path().join("results/tiny");
    for table in ["metrics.csv", "loss.csv", "summary.csv", "isotropy.csv"] {
        std::fs::remove_file(out.join(table)).unwrap();
    }
    std::fs::remove_file(out.join("runs/gaussianized-r0/status.json")).unwrap();
    let output = plot(folder.path());
    succeeded(&output);
    assert!(message(&output).contains("2 of 3 runs are here and finished"), "{}", message(&output));
    assert!(
        exists(folder.path(), "figures/log_likelihood.svg") && exists(folder.path(), "figures/clouds.svg")
    );
    assert!(!exists(folder.path(), "figures/layers.svg"), "there is no finished map");
    // A damaged model costs the clouds, not the rest.
    std::fs::write(out.join("runs/baseline-r0/model.safetensors"), "short").unwrap();
    let output = plot(folder.path());
    succeeded(&output);
    assert!(message(&output).contains("no point clouds: cannot read"), "{}", message(&output));
    // What was finished is not thrown away for want of data.
    assert!(exists(folder.path(), "figures/clouds.svg"), "a finished figure was removed");
    let kept =
        "figures/clouds.csv, figures/clouds.png, figures/clouds.svg and 3 more of an earlier drawing stay";
    assert!(message(&output).contains(kept), "{}", message(&output));
    assert!(exists(folder.path(), "figures/log_likelihood.svg") && exists(folder.path(), "report.html"));
}

#[test]
fn a_damaged_table_is_named_with_its_line() {
    let folder = finished(TINY, &[]);
    let path = folder.path().join("results/tiny/metrics.csv");
    let mut lines: Vec<String> = text(&path).lines().map(str::to_string).collect();
    lines[4] = "a,b".to_string();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let output = plot(folder.path());
    assert_eq!(output.status.code(), Some(1));
    let message = message(&output);
    assert!(message.contains("metrics.csv") && message.contains("line: 5"), "{message}");
    assert!(!exists(folder.path(), "report.html"));
}

#[test]
fn a_million_rows_make_a_small_figure() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("results/tiny");
    std::fs::create_dir_all(&out).unwrap();
    let mut table = "run,pipeline,replicate,iteration,loss,mse,isotropy,optimal\n".to_string();
    for i in 1..=1_000_000 {
        let _ = writeln!(table, "baseline-r0,baseline,0,{i},{},1,0,", 1.0 / f64::from(i).sqrt());
    }
    std::fs::write(out.join("loss.csv"), table).unwrap();
    succeeded(&plot(folder.path()));
    let (_, rows) = csv(out.join("figures/loss.csv"));
    assert!((300..2000).contains(&rows.len()), "{} rows", rows.len());
    assert!(rows.iter().any(|row| row[3] == "1000000.0"), "the last iteration is not there");
}

#[test]
fn a_control_and_a_few_step_sampler_are_sampled_again_too() {
    let sampler = "[sample]\nsampler = \"ddim\"\nsteps = 5\nepsilon_scale = 0.9";
    let sweep = "\n[[sweep.zip]]\n\"train.isotropy.lambda\" = [0.0, 0.3]\n\"train.isotropy.control\" = [false, true]\n";
    let spec = TINY.replace("[sample]", sampler).replace("\"gaussianized\", \"exact\"", "\"gaussianized\"");
    let folder = finished(&(spec + sweep), &[]);
    let runs = folder.path().join("results/tiny/runs");
    for run in std::fs::read_dir(runs).unwrap().flatten() {
        let clouds = FinishedRun::open(&run.path()).unwrap().clouds(20, &|step| step == 5).unwrap();
        let (_, rows) = csv(run.path().join("samples.csv"));
        for (again, row) in clouds[0].points.rows().into_iter().zip(&rows) {
            for (a, cell) in again.iter().zip(row) {
                assert!((a - cell.parse::<f64>().unwrap()).abs() < 1e-9, "{:?}", run.path());
            }
        }
    }
}

/// A sweep whose keys stand in another order in `spec.toml`, which TOML writes with plain keys before tables, than in
/// the tables of the folder.
const SWAPPED: &str = "\n[sweep]\ntrain.isotropy.lambda = [0.0, 0.3]\nseed = [7, 8, 9]\n";

/// TINY with the baseline alone.
fn baseline() -> String {
    let one = TINY.replace("[\"baseline\", \"gaussianized\", \"exact\"]", "[\"baseline\"]");
    assert_ne!(one, TINY);
    one
}

#[test]
fn figures_and_page_take_keys_and_values_by_name() {
    let folder = finished(&(baseline() + SWAPPED), &["--plot"]);
    let out = folder.path().join("results/tiny");
    let keys: Vec<String> = csv(out.join("metrics.csv")).0[3..5].to_vec();
    assert_eq!(keys, ["train.isotropy.lambda", "seed"]);
    let stored = gdiff::spec::read_text("spec.toml", &text(out.join("spec.toml")), &[]).unwrap();
    assert_eq!(stored.keys, ["seed", "train.isotropy.lambda"], "the case is no longer one");
    // Six points, each named by its own values.
    let points: Vec<String> =
        [7, 8, 9].iter().flat_map(|s| ["0.0", "0.3"].map(|l| format!("seed {s}, lambda {l}"))).collect();
    let (_, rows) = csv(out.join("figures/loss.csv"));
    let series: std::collections::BTreeSet<&String> = rows.iter().map(|row| &row[2]).collect();
    for point in &points {
        assert!(series.contains(point), "no line `{point}` among {series:?}");
        let name = point.replace(", ", "_").replace(' ', "_");
        assert!(exists(folder.path(), &format!("figures/clouds_{name}.svg")), "clouds of {point}");
    }
    // The axis lambda has the values of lambda, and the value of each point is that of the summary.
    let (header, summary) = csv(out.join("summary.csv"));
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let (lambda, seed, mean) = (column("train.isotropy.lambda"), column("seed"), column("mean"));
    let results = gdiff::report::figures::Results::read(&out).unwrap();
    assert_eq!(results.keys, ["seed", "train.isotropy.lambda"]);
    let of = |l: &str, s: &str| {
        let row = summary.iter().find(|r| {
            r[lambda] == l && r[seed] == s && r[0] == "baseline" && r[column("metric")] == "precision"
        });
        row.unwrap()[mean].parse::<f64>().unwrap()
    };
    for row in results.summary.iter().filter(|row| row.pipeline == "baseline" && row.metric == "precision") {
        assert_eq!(row.numbers.mean, of(&row.values[1], &row.values[0]));
    }
    let (_, last) = csv(out.join("figures/last_step.csv"));
    for l in [("0.0", 0.0), ("0.3", 1.0)] {
        for s in ["7", "8", "9"] {
            let near = |row: &&Vec<String>| {
                let x: f64 = row[3].parse().unwrap_or(-9.0);
                row[0] == "precision" && row[2].contains(&format!("seed {s}")) && (x - l.1).abs() < 0.5
            };
            let y: f64 = last.iter().find(near).unwrap()[4].parse().unwrap();
            assert_eq!(y, of(l.0, s), "lambda {}, seed {s}", l.0);
        }
    }
}

#[test]
fn a_table_that_is_there_already_is_shown_under_its_own_keys() {
    let folder = finished(&(baseline() + SWAPPED), &[]);
    let table = |output: &Output| {
        let lines: Vec<Vec<String>> = said(output)
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.split('|').map(|cell| cell.trim().to_string()).collect())
            .collect();
        let column = |name: &str| lines[0].iter().position(|h| h == name).unwrap();
        let (lambda, seed, precision) = (column("lambda"), column("seed"), column("precision"));
        lines[2..]
            .iter()
            .map(|l| (l[lambda].clone(), l[seed].clone(), l[precision].clone()))
            .collect::<std::collections::BTreeSet<_>>()
    };
    let first = table(&run(folder.path(), &["run", "spec.toml"]));
    // The spec in the folder has the keys in another order, and is the same study.
    let again = run(folder.path(), &["run", "results/tiny/spec.toml", "--out", "results/tiny"]);
    assert!(said(&again).contains("finished already"), "{}", said(&again));
    assert_eq!(table(&again), first);
    assert!(first.iter().all(|(lambda, ..)| lambda == "0.0" || lambda == "0.3"), "{first:?}");
}

#[test]
fn runs_without_a_readable_spec_keep_the_names_of_their_keys() {
    let folder = finished(&(baseline() + SWAPPED), &[]);
    let out = folder.path().join("results/tiny");
    std::fs::write(out.join("spec.toml"), "no spec").unwrap();
    for table in ["metrics.csv", "summary.csv", "isotropy.csv"] {
        std::fs::remove_file(out.join(table)).unwrap();
    }
    let results = gdiff::report::figures::Results::read(&out).unwrap();
    let lambda = results.keys.iter().position(|key| key == "train.isotropy.lambda").unwrap();
    assert_eq!(results.summary.iter().filter(|row| row.metric == "precision").count(), 6 + 6);
    for row in &results.summary {
        assert!(["0.0", "0.3"].contains(&row.values[lambda].as_str()), "{:?}", row.values);
    }
}

#[test]
fn odd_values_do_no_harm_and_share_no_file() {
    let folder = tempdir().unwrap();
    let files = ["<!--<script>.csv", "a b.csv", "a_b.csv", &format!("{}.csv", "long".repeat(60))];
    for (i, file) in files.iter().enumerate() {
        let rows: String = (0..900).map(|j| format!("{},{}\n", (j * (7 + i)) % 101, (j * 13) % 89)).collect();
        std::fs::write(folder.path().join(file), format!("x,y\n{rows}")).unwrap();
    }
    let list = files.map(|file| format!("{file:?}")).join(", ");
    let data = &TINY[TINY.find("[data]").unwrap()..TINY.find("[diffusion]").unwrap()];
    let table = "[data]\nkind = \"table\"\npath = \"a b.csv\"\nscale = \"standardize\"\n";
    let text_of = baseline().replace(data, table).replace("count = 200", "count = 100");
    spec(folder.path(), &format!("{text_of}\n[sweep]\ndata.path = [{list}]\n"));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--plot"]));
    let page = text(folder.path().join("results/tiny/report.html"));
    assert!(!page.contains("<!--") && !page.contains("<script>."), "a value opens a comment or a script");
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
    assert!(page.contains("\\u003c!--\\u003cscript>"), "the animation has lost a name");
    let figures = crate::common::files(&folder.path().join("results/tiny/figures"));
    let clouds: Vec<String> = figures
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_string())
        .filter(|name| name.starts_with("clouds") && name.ends_with(".svg"))
        .collect();
    assert_eq!(clouds.len(), files.len(), "{clouds:?}");
    let plain = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    assert!(clouds.iter().all(|name| name.len() < 130 && plain(name)), "{clouds:?}");
    // The tables hold the values as they are.
    let (header, rows) = csv(folder.path().join("results/tiny/summary.csv"));
    assert_eq!(header[1], "data.path");
    assert!(files.iter().all(|file| rows.iter().any(|row| row[1] == *file)));
}

/// The records of an event file, their checksums checked by a table of its own.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let crc = |bytes: &[u8]| {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg());
            }
        }
        let crc = !crc;
        crc.rotate_right(15).wrapping_add(0xa282_ead8)
    };
    let bytes = std::fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut records = Vec::new();
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let checked = |data: &[u8], sum: &[u8]| assert_eq!(crc(data).to_le_bytes(), sum, "{path:?}");
        checked(&rest[..8], &rest[8..12]);
        checked(&rest[12..12 + length], &rest[12 + length..16 + length]);
        records.push(rest[12..12 + length].to_vec());
        rest = &rest[16 + length..];
    }
    records
}

#[test]
fn event_files_hold_a_record_for_each_row_live_or_afterwards() {
    let live = finished(TINY, &["--tensorboard"]);
    let later = finished(TINY, &[]);
    succeeded(&gdiff(later.path()).args(["run", "spec.toml", "--tensorboard"]).output().unwrap());
    for run in ["baseline-r0", "gaussianized-r0", "exact-r0"] {
        let name = format!("tensorboard/{run}/events.out.tfevents.gdiff");
        let of = |folder: &TempDir| records(&folder.path().join("results/tiny").join(&name));
        // All but the time of day, which comes first.
        let timeless = |records: Vec<Vec<u8>>| records.iter().map(|r| r[9..].to_vec()).collect::<Vec<_>>();
        let (first, second) = (timeless(of(&live)), timeless(of(&later)));
        // The version, the beginning and the end of the session, and the rows.
        assert_eq!(first.len(), 3 + 13 + if run == "exact-r0" { 0 } else { 5 }, "{run}");
        assert!(String::from_utf8_lossy(&first[0]).contains("brain.Event:2"));
        assert_eq!(first, second, "{run}");
        assert!(String::from_utf8_lossy(&first[1]).contains("_hparams_/session_start_info"));
        assert!(String::from_utf8_lossy(&first[first.len() - 2]).contains("sample/log_likelihood"));
        assert!(String::from_utf8_lossy(&first[first.len() - 1]).contains("_hparams_/session_end_info"));
    }
}

#[test]
fn with_json_every_line_stays_an_event() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let output = gdiff(folder.path())
        .args(["run", "spec.toml", "--json", "--plot", "--tensorboard"])
        .output()
        .unwrap();
    succeeded(&output);
    for line in said(&output).lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].is_string(), "{line}");
    }
}
