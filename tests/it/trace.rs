//! `gdiff run --trace`: what each thread did, and when.

use crate::common::{TINY, csv, gdiff, message, run, same_tables, spec, succeeded, text};
use gdiff::numeric::trace::Trace;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Stages of every run, in order, as spans.
const STAGES: [&str; 6] = ["data", "gaussianize", "train", "sample", "diagnose", "finish"];

/// A span, in nanoseconds.
#[derive(Debug, Clone)]
struct Span {
    category: String,
    name: String,
    run: Option<String>,
    thread: u64,
    from: i64,
    to: i64,
}

/// The spans of a file, each with the spans of its thread that it lies within, outermost first; spans that overlap
/// without one lying within the other are a failure.
fn nested(events: &[Value]) -> Vec<(Span, Vec<Span>)> {
    let nanoseconds = |value: &Value| (value.as_f64().unwrap() * 1e3).round() as i64;
    let mut open: BTreeMap<u64, Vec<Span>> = BTreeMap::new();
    let mut spans: Vec<(Span, Vec<Span>)> = Vec::new();
    for event in events {
        assert_eq!(event["ph"], "X");
        assert!(event["pid"].as_u64().unwrap() > 0);
        let from = nanoseconds(&event["ts"]);
        let span = Span {
            category: event["cat"].as_str().unwrap().to_string(),
            name: event["name"].as_str().unwrap().to_string(),
            run: event["args"].as_object().unwrap().get("run").map(|run| run.as_str().unwrap().to_string()),
            thread: event["tid"].as_u64().unwrap(),
            from,
            to: from + nanoseconds(&event["dur"]),
        };
        assert!(from >= 0 && span.to >= from);
        if cfg!(target_os = "linux") {
            assert!(event["tdur"].as_f64().unwrap() >= 0.0);
        }
        let outer = open.entry(span.thread).or_default();
        while outer.last().is_some_and(|outer| outer.to <= span.from && outer.to < span.to) {
            outer.pop();
        }
        if let Some(outer) = outer.last() {
            assert!(outer.from <= span.from && span.to <= outer.to, "{span:?} crosses {outer:?}");
        }
        spans.push((span.clone(), outer.clone()));
        outer.push(span);
    }
    spans
}

fn events(file: &Path) -> Vec<Value> {
    serde_json::from_str(&text(file)).unwrap()
}

#[test]
fn holds_every_stage_of_every_run_and_changes_no_table() {
    let folder = tempfile::tempdir().unwrap();
    spec(folder.path(), TINY);
    let plain = ["run", "spec.toml", "--quiet", "--threads", "2", "--out", "plain"];
    succeeded(&run(folder.path(), &plain));
    let arguments = ["--quiet", "--threads", "2", "--out", "traced", "--trace", "new/trace.json"];
    succeeded(&gdiff(folder.path()).args(["run", "spec.toml"]).args(arguments).output().unwrap());
    same_tables(&folder.path().join("plain"), &folder.path().join("traced"));

    let spans = nested(&events(&folder.path().join("new/trace.json")));
    let runs = ["baseline-r0", "gaussianized-r0", "exact-r0"];
    let (_, scored) = csv(folder.path().join("traced/runs/baseline-r0/metrics.csv"));
    for name in runs {
        let of_run = |category: &str| -> Vec<&(Span, Vec<Span>)> {
            let is_it = |span: &Span| span.category == category && span.run.as_deref() == Some(name);
            spans.iter().filter(|(span, _)| is_it(span)).collect()
        };
        let whole = of_run("run");
        assert_eq!(whole.iter().map(|(span, _)| span.name.as_str()).collect::<Vec<_>>(), [name]);
        let stages = of_run("stage");
        assert_eq!(stages.iter().map(|(span, _)| span.name.as_str()).collect::<Vec<_>>(), STAGES);
        for (span, outer) in stages {
            let path: Vec<&str> = outer.iter().map(|outer| outer.name.as_str()).collect();
            assert_eq!(path, ["thread", name], "{span:?}");
        }
        // Every metric of every scored step, within the sampling.
        let metrics = of_run("metric");
        for metric in ["log_likelihood", "precision"] {
            let count = metrics.iter().filter(|(span, _)| span.name == metric).count();
            assert_eq!(count, scored.len(), "{metric} of {name}");
        }
        assert!(metrics.iter().all(|(_, outer)| outer.iter().any(|outer| outer.name == "sample")));
    }
    let threads: BTreeSet<u64> = spans.iter().map(|(span, _)| span.thread).collect();
    let whole = spans.iter().filter(|(span, _)| span.name == "thread");
    assert_eq!((threads.len(), whole.count()), (2, 2));

    // A study that is finished has nothing to do.
    succeeded(&gdiff(folder.path()).args(["run", "spec.toml"]).args(arguments).output().unwrap());
    assert_eq!(events(&folder.path().join("new/trace.json")), Vec::<Value>::new());
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anything_runs() {
    let folder = tempfile::tempdir().unwrap();
    spec(folder.path(), TINY);
    let output = run(folder.path(), &["run", "spec.toml", "--out", "out", "--trace", "spec.toml/trace.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("spec.toml"), "{}", message(&output));
    assert!(!folder.path().join("out").exists());
}

#[test]
fn a_trace_takes_the_place_of_neither_the_spec_nor_a_file_of_the_study() {
    let folder = tempfile::tempdir().unwrap();
    spec(folder.path(), TINY);
    for (file, words) in [("spec.toml", "is an input"), ("out/summary.csv", "the study's own")] {
        let output = run(folder.path(), &["run", "spec.toml", "--out", "out", "--trace", file]);
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains(words), "{}", message(&output));
        assert!(!folder.path().join("out").exists());
    }
}

#[test]
fn spans_nest_by_thread_and_nothing_is_recorded_unless_asked_for() {
    let trace = Trace::recording();
    let level = |depth: usize| {
        fn go(trace: &Trace, depth: usize) {
            if depth > 0 {
                let _span = trace.of_run("a \"quoted\" run").span("stage", "level");
                go(trace, depth - 1);
                go(trace, depth - 1);
            }
        }
        go(&trace, depth);
    };
    std::thread::scope(|scope| (1..5).for_each(|depth| drop(scope.spawn(move || level(depth)))));
    let mut json = Vec::new();
    trace.write(&mut json).unwrap();
    let events: Vec<Value> = serde_json::from_slice(&json).unwrap();
    let mut depths: BTreeMap<(u64, usize), usize> = BTreeMap::new();
    for (span, outer) in nested(&events) {
        assert_eq!(span.run.as_deref(), Some("a \"quoted\" run"));
        *depths.entry((span.thread, outer.len())).or_default() += 1;
    }
    // A binary tree on each thread.
    let mut counts: Vec<(usize, usize)> =
        depths.into_iter().map(|((_, depth), count)| (depth, count)).collect();
    counts.sort_unstable();
    let expected: Vec<(usize, usize)> =
        (0..4).flat_map(|depth| std::iter::repeat_n((depth, 1 << depth), 4 - depth)).collect();
    assert_eq!(counts, expected);

    let off = Trace::default();
    assert!(!off.is_recording() && off.span("stage", "level").is_none() && off.now().is_none());
    let mut json = Vec::new();
    off.write(&mut json).unwrap();
    assert_eq!(serde_json::from_slice::<Vec<Value>>(&json).unwrap(), Vec::<Value>::new());
}
