//! What other programs read of a study: events, `metrics.json`, columns whose names `df.query` takes.

use crate::common::{TINY, csv, message, run, said, same_tables, spec, succeeded, text};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::{TempDir, tempdir};

const SWEEP: &str = "[sweep]\n\"train.isotropy.lambda\" = [0.0, 0.1]\n\"train.ema\" = [0.0]\n";

/// Two pipelines, two points, two replicates.
fn sweep() -> TempDir {
    let folder = tempdir().unwrap();
    let two = TINY.replace("[\"baseline\", \"gaussianized\", \"exact\"]", "[\"baseline\", \"exact\"]");
    spec(folder.path(), &format!("replicates = 2\n{two}\n{SWEEP}"));
    folder
}

fn study(folder: &Path, arguments: &[&str]) -> std::process::Output {
    run(folder, &[&["run", "spec.toml", "--out", "out"], arguments].concat())
}

fn events(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = study(folder, &[&["--json"], arguments].concat());
    succeeded(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn events_carry_time_keys_and_metrics() {
    let folder = sweep();
    let all = events(folder.path(), &["--jobs", "1"]);
    let (mut last, mut finished) = (0.0, 0);
    for event in &all {
        let elapsed = event["elapsed"].as_f64().unwrap();
        assert!(elapsed >= last, "time goes on: {event}");
        last = elapsed;
        let time = event["time"].as_str().unwrap();
        let (date, rest) = time.split_once('T').unwrap();
        assert!(date.len() == 10 && rest.len() == 13 && rest.ends_with('Z'), "{time}");
        if event["run"].is_string() {
            let lambda = event["keys"]["train.isotropy.lambda"].as_f64().unwrap();
            assert!([0.0, 0.1].contains(&lambda) && event["replicate"].is_u64(), "{event}");
            assert!(["baseline", "exact"].contains(&event["pipeline"].as_str().unwrap()));
        }
        if event["event"] == "finished" {
            finished += 1;
            let name = event["run"].as_str().unwrap();
            let (header, rows) = csv(folder.path().join("out/runs").join(name).join("metrics.csv"));
            for metric in ["log_likelihood", "coverage", "sliced_w2"] {
                let column = header.iter().position(|column| column == metric).unwrap();
                let expected: f64 = rows.last().unwrap()[column].parse().unwrap();
                assert_eq!(event["metrics"][metric].as_f64(), Some(expected), "{metric} of {name}");
            }
        }
    }
    let begin = all.iter().find(|event| event["event"] == "begin").unwrap();
    // The exact denoiser is the same at both points.
    assert_eq!((&begin["runs"], &begin["before"], &begin["all"]), (&json!(6), &json!(0), &json!(6)));
    assert_eq!(begin["sweep_keys"], json!(["train.isotropy.lambda", "train.ema"]));
    assert_eq!(finished, 6);

    // What is done before is counted.
    let more = events(folder.path(), &["--set", "replicates=3"]);
    let begin = more.iter().find(|event| event["event"] == "begin").unwrap();
    assert_eq!((&begin["runs"], &begin["before"], &begin["all"]), (&json!(3), &json!(6), &json!(9)));
}

#[test]
fn metrics_json_holds_the_summary() {
    let folder = sweep();
    succeeded(&study(folder.path(), &["--quiet"]));
    let out = folder.path().join("out");
    let json: Value = serde_json::from_str(&text(out.join("metrics.json"))).unwrap();
    let (header, rows) = csv(out.join("summary.csv"));
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let mut compared = 0;
    for row in &rows {
        let point = format!("train.isotropy.lambda={},train.ema={}", row[1], row[2]);
        let metrics = &json[&row[0]][&point];
        for (end, column) in [("", "mean"), ("_low", "interval_low"), ("_high", "interval_high")] {
            let expected = row[at(column)].parse::<f64>().ok();
            assert_eq!(metrics[format!("{}{end}", row[3])].as_f64(), expected, "{row:?}");
            compared += usize::from(expected.is_some());
        }
    }
    fn leaves(value: &Value) -> usize {
        value.as_object().map_or_else(
            || usize::from(value.as_f64().is_some_and(f64::is_finite)),
            |all| all.values().map(leaves).sum(),
        )
    }
    assert!(compared > 50 && leaves(&json) == compared, "every leaf is a number of the summary");

    // It is one of the tables: checked by its digest, written anew, removed with the others.
    let whole = text(out.join("metrics.json"));
    std::fs::write(out.join("metrics.json"), whole.replace("precision", "recall")).unwrap();
    let damaged = run(folder.path(), &["verify", "out"]);
    let said_of_it = message(&damaged) + &said(&damaged);
    assert_eq!(damaged.status.code(), Some(1), "{said_of_it}");
    assert!(said_of_it.contains("metrics.json: it is not what was written"), "{said_of_it}");
    succeeded(&study(folder.path(), &["--quiet"]));
    assert_eq!(text(out.join("metrics.json")), whole);
    succeeded(&run(folder.path(), &["verify", "out"]));
    // A folder of an earlier version has none, and is finished all the same.
    let other = TINY.replace("name = \"tiny\"", "name = \"tiny\"\nreplicates = 1");
    spec(folder.path(), &other);
    succeeded(&study(folder.path(), &["--quiet", "--force"]));
    let json: Value = serde_json::from_str(&text(out.join("metrics.json"))).unwrap();
    assert!(json["baseline"]["coverage"].is_number() && json["data"]["coverage"].is_number(), "{json}");
    assert!(json["baseline"]["coverage_low"].is_null(), "one replicate has no interval");
}

/// The columns of the sweep keys in each table of the study.
fn columns(out: &Path) -> Vec<String> {
    let mut found: Vec<String> =
        ["metrics.csv", "loss.csv", "isotropy.csv", "gaussianizer.csv", "summary.csv"]
            .iter()
            .flat_map(|table| csv(out.join(table)).0)
            .filter(|column| column.contains("lambda"))
            .collect();
    assert_eq!(found.len(), 5, "each table has the key once: {found:?}");
    found.dedup();
    found
}

#[test]
fn flat_names_go_there_and_back() {
    let folder = sweep();
    let out = folder.path().join("out");
    succeeded(&study(folder.path(), &["--quiet"]));
    let dotted = folder.path().join("dotted");
    std::fs::create_dir(&dotted).unwrap();
    for table in crate::common::TABLES {
        std::fs::copy(out.join(table), dotted.join(table)).unwrap();
    }
    std::fs::copy(out.join("metrics.json"), dotted.join("metrics.json")).unwrap();
    let listed = said(&run(folder.path(), &["ls", "out"]));
    let table = succeeded(&study(folder.path(), &[]));

    // No run is done for it, and the numbers are the same.
    let begun = events(folder.path(), &["--flat-names"]).into_iter().find(|e| e["event"] == "begin");
    assert_eq!(begun.unwrap()["runs"], 0);
    assert_eq!(columns(&out), ["train_isotropy_lambda"]);
    assert!(text(out.join("metrics.json")).contains("\"train_isotropy_lambda=0.1,train_ema=0.0\""));
    for table in crate::common::TABLES {
        let (flat, dotted) = (csv(out.join(table)), csv(dotted.join(table)));
        assert_eq!(flat.1, dotted.1, "{table}");
        let underscored: Vec<String> = dotted.0.iter().map(|column| column.replace('.', "_")).collect();
        assert_eq!(flat.0, underscored);
    }

    // Every reader takes them.
    assert_eq!(said(&run(folder.path(), &["ls", "out"])), listed);
    succeeded(&run(folder.path(), &["verify", "out"]));
    succeeded(&run(folder.path(), &["plot", "out", "--out", "drawn"]));
    let figure = text(folder.path().join("drawn/figures/log_likelihood.csv"));
    assert!(figure.contains("lambda 0.1") && !figure.contains("isotropy_lambda"), "keys as in the spec");
    succeeded(&run(folder.path(), &["compare", "out", "out"]));
    // Again with the option nothing is done, and the end is that of the tables with dots.
    let again = succeeded(&study(folder.path(), &["--flat-names"]));
    assert!(again.contains("is finished already"), "{again}");
    let after = |text: &str| text[text.find('|').unwrap()..].to_string();
    assert_eq!(after(&again), after(&table));

    // Without it the columns have dots again, byte for byte.
    succeeded(&study(folder.path(), &["--quiet"]));
    same_tables(&dotted, &out);

    // The same of what is collected.
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "out"]));
    succeeded(&run(folder.path(), &["sweep", "collect", "out", "--flat-names"]));
    assert_eq!(columns(&out), ["train_isotropy_lambda"]);
    succeeded(&run(folder.path(), &["sweep", "collect", "out"]));
    same_tables(&dotted, &out);
}
