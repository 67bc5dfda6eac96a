//! Paired differences to the baseline: in `summary.csv` by hand, and in the table at the end of a run.

use crate::common::records::{Record, mean_and_half_width, number, of_replicates, records};
use crate::common::{TINY, message, run, spec, succeeded};
use gdiff::metrics::scored;
use std::path::Path;
use tempfile::tempdir;

/// Four points over two keys, three replicates.
fn swept() -> String {
    let text = TINY.replace("seed = 5", "seed = 5\nreplicates = 3");
    format!(
        "{text}\n[sweep]\n\"train.learning_rate\" = [0.001, 0.003]\n\"train.isotropy.lambda\" = [0.0, 0.25]\n"
    )
}

/// What a run of a spec prints.
fn printed(folder: &Path, text: &str, arguments: &[&str]) -> String {
    spec(folder, text);
    let output = run(folder, &[&["run", "spec.toml", "--out", "out"], arguments].concat());
    succeeded(&output)
}

/// The lines of a text that hold this word.
fn holding<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    text.lines().filter(|line| line.contains(word)).collect()
}

#[test]
fn the_table_at_the_end_fits_a_terminal_and_says_how_to_read_it() {
    let folder = tempdir().unwrap();
    let said = printed(folder.path(), &swept(), &["--explain"]);
    for line in said.lines().filter(|line| !line.contains("tables in")) {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
    // The sweep changes neither data nor map, so that its points share the line of the map alone.
    let lines: Vec<&str> = said.lines().collect();
    let alone: Vec<usize> = (0..lines.len()).filter(|&i| lines[i].contains("its map alone")).collect();
    let (values, differences) = said.split_once("Minus `baseline`, replicate by replicate:").expect(&said);
    assert_eq!((holding(values, "its map alone").len(), holding(differences, "its map alone").len()), (1, 1));
    for i in alone {
        assert!(lines[i - 1].starts_with("| gaussianized"), "{}", lines[i - 1]);
    }
    assert_eq!((holding(values, "| baseline").len(), holding(differences, "| baseline").len()), (4, 0));
    assert_eq!(holding(values, "(real points)").len(), 1, "{values}");
    assert_eq!(holding(differences, "| exact").len(), 4, "{differences}");
    assert!(differences.contains("over 3 replicates (Student's t); * leaves out 0"), "{differences}");
    // What 3 replicates cannot tell is said with the size that they can.
    assert!(differences.contains("--replicates-for SIZE"), "{differences}");
    // Five lines of explanation end it.
    let glossary: Vec<&str> = said.rsplit("\n\n").next().unwrap().lines().collect();
    assert_eq!(glossary.len(), 5, "{said}");
    for word in ["log-likelihood", "sliced W2", "mode error", "coverage", "steps to real"] {
        assert_eq!(glossary.iter().filter(|line| line.contains(word)).count(), 1, "{word}: {glossary:?}");
    }
    let again = succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out"]));
    assert!(!again.contains(glossary[0]) && again.contains("its map alone"), "{again}");
}

#[test]
fn one_replicate_has_no_interval_and_says_so() {
    let folder = tempdir().unwrap();
    let said = printed(folder.path(), TINY, &[]);
    assert!(said.contains("One replicate has no interval"), "{said}");
    assert!(!said.contains("+-") && !said.contains(" * "), "{said}");
    let summary = records(folder.path().join("out/summary.csv"));
    let compared: Vec<&Record> =
        summary.iter().filter(|row| number(row, "baseline_difference").is_some()).collect();
    assert!(compared.len() > 20, "{}", compared.len());
    assert!(compared.iter().all(|row| number(row, "baseline_difference_low").is_none()));
}

#[test]
fn every_difference_in_the_summary_is_that_of_the_replicates_in_the_metrics() {
    let folder = tempdir().unwrap();
    printed(folder.path(), &swept(), &[]);
    let metrics = records(folder.path().join("out/metrics.csv"));
    let summary = records(folder.path().join("out/summary.csv"));
    let close = |a: Option<f64>, b: Option<f64>| match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * (1.0 + a.abs()),
        (a, b) => a == b,
    };
    let (mut last, mut first) = (0, 0);
    for row in &summary {
        let (pipeline, metric) = (row["pipeline"].as_str(), row["metric"].as_str());
        let of_end = metric.strip_prefix("first_").unwrap_or(metric);
        let found = ["", "_low", "_high"].map(|end| number(row, &format!("baseline_difference{end}")));
        if ["baseline", "data"].contains(&pipeline) {
            assert_eq!(found, [None; 3], "{pipeline} {metric}");
            continue;
        }
        let Some(column) = scored::column(of_end) else { continue };
        let keys = ["train.learning_rate", "train.isotropy.lambda"];
        let here = |record: &Record| keys.iter().all(|key| record[*key] == row[*key]);
        // The map alone is compared with the last step of the baseline.
        let ours = of_replicates(&metrics, pipeline, metric, here);
        let theirs = of_replicates(&metrics, "baseline", of_end, here);
        assert_eq!((ours.len(), theirs.len()), (3, 3));
        let differences: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a.unwrap() - b.unwrap()).collect();
        let (mean, half) = mean_and_half_width(&differences);
        let half = half.unwrap();
        let most = column.range.1 - column.range.0;
        let expected = [Some(mean), Some((mean - half).max(-most)), Some((mean + half).min(most))];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!(close(found, expected), "{pipeline} {metric}: {found:?} against {expected:?}");
        }
        *(if of_end == metric { &mut last } else { &mut first }) += 1;
    }
    // Every metric of two pipelines at four points, at the end and at the beginning; commitment is not asked for, and points
    // that are no images have no features.
    let computed = |name: &str| name != scored::COMMITTED && !scored::FEATURE_COLUMNS.contains(&name);
    let all = 2 * 4 * scored::columns().filter(|column| computed(column.name)).count();
    assert_eq!((last, first), (all, all));
}

#[test]
fn a_study_without_a_baseline_is_compared_with_its_first_pipeline() {
    let folder = tempdir().unwrap();
    let text = TINY
        .replace("seed = 5", "seed = 5\nreplicates = 2")
        .replace(r#"["baseline", "gaussianized", "exact"]"#, r#"["exact", "gaussianized"]"#);
    let said = printed(folder.path(), &text, &[]);
    assert!(said.contains("Minus `exact`, replicate by replicate:"), "{said}");
    let metrics = records(folder.path().join("out/metrics.csv"));
    let all = |pipeline| of_replicates(&metrics, pipeline, "log_likelihood", |_| true);
    let [ours, theirs] = ["gaussianized", "exact"].map(all);
    let expected = (0..2).map(|r| ours[r].unwrap() - theirs[r].unwrap()).sum::<f64>() / 2.0;
    let mut compared = 0;
    for row in records(folder.path().join("out/summary.csv")) {
        let difference = number(&row, "baseline_difference");
        assert!(difference.is_none() || row["pipeline"] == "gaussianized", "{row:?}");
        if row["pipeline"] == "gaussianized" && row["metric"] == "log_likelihood" {
            assert!((difference.unwrap() - expected).abs() < 1e-12, "{difference:?} {expected}");
            compared += 1;
        }
    }
    assert_eq!(compared, 1);
}

#[test]
fn no_interval_reaches_beyond_what_a_metric_can_be() {
    let folder = tempdir().unwrap();
    // Two replicates have intervals 12.7 standard errors wide.
    let text = TINY.replace("seed = 5", "seed = 5\nreplicates = 2");
    let said = printed(folder.path(), &text, &[]);
    let (mut cut, mut cut_differences) = (0, 0);
    for row in records(folder.path().join("out/summary.csv")) {
        let metric = row["metric"].strip_prefix("first_").unwrap_or(&row["metric"]);
        let range = match (metric, scored::column(metric)) {
            (_, Some(column)) => column.range,
            ("steps_to_real" | "plateau_step", _) => (0.0, 12.0),
            ("final_loss", _) => (0.0, f64::INFINITY),
            _ => continue,
        };
        let most = range.1 - range.0;
        for (name, (low, high), cut) in
            [("interval", range, &mut cut), ("baseline_difference", (-most, most), &mut cut_differences)]
        {
            let ends = ["low", "high"].map(|end| number(&row, &format!("{name}_{end}")));
            if let [Some(from), Some(to)] = ends {
                assert!(low <= from && from <= to && to <= high, "{row:?}");
                *cut += usize::from(low.is_finite() && from == low || high.is_finite() && to == high);
            }
        }
    }
    assert!(cut > 0 && cut_differences > 0, "nothing was cut: {cut} {cut_differences}");
    // Where one end is cut, the other one is shown.
    assert!(said.contains("(from ") || said.contains("(to "), "{said}");
}

#[test]
fn a_failed_or_wrong_argument_explains_nothing() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    for other in ["--quiet", "--json"] {
        let output = run(folder.path(), &["run", "spec.toml", "--explain", other]);
        assert_eq!(output.status.code(), Some(2), "{}", message(&output));
    }
}
