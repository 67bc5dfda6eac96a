//! What `gdiff run` writes, and when it writes nothing.

use crate::common::{TINY, Waiting, csv, files, message, said, same_tables, spec, succeeded, text};
use gdiff::metrics::scored::{COMMITTED, FEATURE_COLUMNS};
use std::collections::HashMap;
use std::path::Path;
use std::process::Output;
use tempfile::tempdir;

/// Runs the spec.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    crate::common::run(folder, &[&["run", "spec.toml"], arguments].concat())
}

#[test]
fn a_run_writes_every_file_that_users_rely_on() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let output = run(folder.path(), &[]);
    succeeded(&output);
    let table = said(&output);
    for word in ["baseline", "gaussianized", "exact", "(real points)", "log-likelihood", "coverage"] {
        assert!(table.contains(word), "`{word}` is not in the table:\n{table}");
    }
    // On a pipe no bars: a line for each of the three runs, and nothing else.
    let progress = message(&output);
    let is_of_a_run = |line: &str| line.starts_with("gdiff: ") && line.contains("-r0 done in ");
    // So few steps leave no signal at the first, which two notes say; then each run has a line.
    let (notes, lines): (Vec<&str>, Vec<&str>) =
        progress.lines().partition(|line| line.starts_with("gdiff: note: "));
    assert!(notes.len() == 2 && lines.len() == 3 && lines.into_iter().all(is_of_a_run), "{progress}");

    let out = folder.path().join("results/tiny");
    let (header, rows) = csv(out.join("metrics.csv"));
    let expected = "run,pipeline,replicate,step,t,log_likelihood,log_likelihood_median,off_support,precision,recall,density,coverage,sliced_w2,energy_distance,mode_error,committed,frechet,kid,inception_score,feature_precision,feature_recall,feature_density,feature_coverage";
    assert_eq!(header.join(","), expected);
    assert_eq!(rows.len(), 3 * 13, "three runs, steps 0 to 12");
    for (i, row) in rows.iter().enumerate() {
        let step = i % 13;
        assert_eq!(row[3], step.to_string());
        assert_eq!(row[4], (12 - step).to_string());
        let is_number = |cell: &String| cell.parse::<f64>().is_ok_and(f64::is_finite);
        assert!(row[5..12].iter().all(is_number), "{row:?}");
        // The distances are computed at both ends.
        assert!(row[12..15].iter().all(|cell| is_number(cell) == (step == 0 || step == 12)), "{row:?}");
        // Commitment is a diagnostic.
        assert_eq!(row[15], "");
    }
    let (header, rows) = csv(out.join("loss.csv"));
    assert_eq!(header.join(","), "run,pipeline,replicate,iteration,loss,mse,isotropy,optimal");
    assert_eq!(rows.len(), 2 * 5, "iterations 1, 10, 20, 30, 40 of the two trained pipelines");
    assert!(
        rows.iter().all(|r| (r[1] == "baseline") != r[7].is_empty()),
        "optimal is known for the baseline only"
    );

    let (_, rows) = csv(out.join("summary.csv"));
    for pipeline in ["data", "baseline", "gaussianized", "exact"] {
        assert!(rows.iter().any(|r| r[0] == pipeline && r[1] == "log_likelihood"), "{pipeline}");
    }
    let provenance: serde_json::Value = serde_json::from_str(&text(out.join("provenance.json"))).unwrap();
    for key in
        ["version", "git_commit", "build_profile", "device", "cpu", "threads", "start", "seconds", "stages"]
    {
        assert!(!provenance[key].is_null(), "{key} is missing from {provenance}");
    }
    for run in ["baseline-r0", "gaussianized-r0", "exact-r0"] {
        let folder = out.join("runs").join(run);
        let (header, rows) = csv(folder.join("samples.csv"));
        assert_eq!((header.join(","), rows.len()), ("x0,x1".to_string(), 200));
        let status: serde_json::Value = serde_json::from_str(&text(folder.join("status.json"))).unwrap();
        assert_eq!(status["state"], "done");
        assert_eq!(folder.join("model.safetensors").is_file(), run != "exact-r0");
        assert_eq!(folder.join("gaussianizer.safetensors").is_file(), run == "gaussianized-r0");
        assert!(folder.join("spec.toml").is_file() && folder.join("metrics.csv").is_file());
    }
    let leftovers = files(&out).iter().filter(|p| p.to_string_lossy().contains(".part")).count();
    assert_eq!(leftovers, 0, "temporary files were left behind");
}

/// The rows of a summary as (pipeline, metric) -> mean, and of a table of metrics as lists of (step, value).
fn means(out: &Path) -> HashMap<(String, String), f64> {
    let (_, rows) = csv(out.join("summary.csv"));
    rows.into_iter().map(|r| ((r[0].clone(), r[1].clone()), r[2].parse().unwrap())).collect()
}

fn curve(out: &Path, pipeline: &str, metric: &str) -> Vec<(usize, f64)> {
    let (header, rows) = csv(out.join("metrics.csv"));
    let column = header.iter().position(|name| name == metric).unwrap();
    let own = rows.iter().filter(|row| row[1] == pipeline && !row[column].is_empty());
    own.map(|row| (row[3].parse().unwrap(), row[column].parse().unwrap())).collect()
}

#[test]
fn the_summary_has_the_map_alone_the_floor_and_the_steps_to_real() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &["--quiet"]));
    let out = folder.path().join("results/tiny");
    let means = means(&out);
    let mean = |pipeline: &str, metric: &str| means.get(&(pipeline.to_string(), metric.to_string())).copied();
    let real = mean("data", "log_likelihood").unwrap();
    let mut reached = 0;
    for pipeline in ["baseline", "gaussianized", "exact"] {
        let computed = |name: &str| name != COMMITTED && !FEATURE_COLUMNS.contains(&name);
        for column in gdiff::metrics::scored::columns().filter(|column| computed(column.name)) {
            let values = curve(&out, pipeline, column.name);
            let of_map = Some(values[0].1);
            assert_eq!((values[0].0, mean(pipeline, &format!("first_{}", column.name))), (0, of_map));
            assert_eq!(mean(pipeline, column.name), Some(values.last().unwrap().1), "{}", column.name);
            assert!(mean("data", column.name).is_some(), "no floor of {}", column.name);
        }
        let values = curve(&out, pipeline, "log_likelihood");
        let good = values.iter().rev().take_while(|(_, value)| *value >= real - 0.1).last();
        assert_eq!(mean(pipeline, "steps_to_real"), good.map(|(step, _)| *step as f64), "{pipeline}");
        reached += usize::from(good.is_some());
        assert!(mean(pipeline, "plateau_step").is_some());
    }
    assert!((1..=3).contains(&reached), "{reached}");
    // The map alone knows the modes, and pure noise does not.
    assert!(
        mean("gaussianized", "first_sliced_w2").unwrap() < 0.5 * mean("baseline", "first_sliced_w2").unwrap()
    );
    let status: serde_json::Value =
        serde_json::from_str(&text(out.join("runs/exact-r0/status.json"))).unwrap();
    for metric in ["sliced_w2", "energy_distance", "mode_error"] {
        assert_eq!(status["fresh"][metric].as_f64(), mean("data", metric), "{metric}");
    }
}

#[test]
fn distances_are_computed_at_the_steps_that_are_asked_for() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    for (distances, steps) in
        [("ends", vec![0, 12]), ("all", (0..=12).collect()), ("none", vec![]), ("5", vec![0, 5, 10, 12])]
    {
        let key = format!("metrics.distances={distances}");
        let only = ["--set", "pipelines=['exact']", "--quiet", "--out", distances];
        succeeded(&run(folder.path(), &[&["--set", &key], &only[..]].concat()));
        let out = folder.path().join(distances);
        for metric in ["sliced_w2", "energy_distance", "mode_error"] {
            let found: Vec<usize> = curve(&out, "exact", metric).into_iter().map(|(step, _)| step).collect();
            assert_eq!(found, steps, "{distances}: {metric}");
            let floor = means(&out).contains_key(&("data".to_string(), metric.to_string()));
            assert_eq!(floor, distances != "none", "{distances}: {metric}");
        }
    }
}

#[test]
fn points_of_three_to_sixty_four_dimensions_have_every_metric() {
    for d in [3, 16, 64] {
        let folder = tempdir().unwrap();
        let mean = |value: f64| format!("mean = {:?}", vec![value; d]);
        let wide = TINY.replace("mean = [-1.0, 0.0]", &mean(-2.0)).replace("mean = [1.0, 0.5]", &mean(2.0));
        spec(folder.path(), &wide);
        succeeded(&run(folder.path(), &["--set", "pipelines=['exact']", "--quiet"]));
        let means = means(&folder.path().join("results/tiny"));
        let mean = |pipeline: &str, metric: &str| means[&(pipeline.to_string(), metric.to_string())];
        for metric in ["sliced_w2", "energy_distance"] {
            // Noise, then samples of the right distribution, beside the floor.
            let [first, last, floor] =
                [("exact", format!("first_{metric}")), ("exact", metric.into()), ("data", metric.into())]
                    .map(|(pipeline, metric): (&str, String)| mean(pipeline, &metric));
            assert!(last < first && floor < first, "d = {d}, {metric}: {first}, {last}, {floor}");
        }
        // The modes are further apart than 12 standard deviations: shares of 200 points are counted.
        let share = mean("exact", "mode_error") * 100.0;
        assert!((share - share.round()).abs() < 1e-6, "d = {d}: {share}");
    }
}

#[test]
fn without_a_density_the_steps_to_real_are_those_of_precision_and_coverage() {
    let folder = tempdir().unwrap();
    let shape = TINY
        .replace("kind = \"gmm\"", "kind = \"swiss_roll\"")
        .replace(", \"exact\"", "")
        .replace("iterations = 40", "iterations = 400");
    let (head, rest) = shape.split_once("[[data.components]]").unwrap();
    let (_, tail) = rest.split_once("[diffusion]").unwrap();
    spec(folder.path(), &format!("{head}[diffusion]{tail}"));
    succeeded(&run(folder.path(), &["--quiet"]));
    let out = folder.path().join("results/tiny");
    let means = means(&out);
    let mean = |pipeline: &str, metric: &str| means.get(&(pipeline.to_string(), metric.to_string())).copied();
    for pipeline in ["baseline", "gaussianized"] {
        let pair = |metric: &str| (curve(&out, pipeline, metric), mean("data", metric).unwrap());
        let ((precision, real_p), (coverage, real_c)) = (pair("precision"), pair("coverage"));
        let near = |((_, p), (_, c)): &(&(usize, f64), &(usize, f64))| {
            (p - real_p).abs() <= 0.02 && (c - real_c).abs() <= 0.02
        };
        let good = precision.iter().zip(&coverage).rev().take_while(near).last();
        assert_eq!(mean(pipeline, "steps_to_real"), good.map(|((step, _), _)| *step as f64), "{pipeline}");
        // Nothing is known of modes.
        assert!(curve(&out, pipeline, "mode_error").is_empty());
        assert_eq!(mean(pipeline, "first_mode_error"), None);
        assert!(
            mean(pipeline, "first_energy_distance").is_some() && mean("data", "energy_distance").is_some()
        );
    }
}

#[test]
fn the_written_spec_reads_back_to_itself() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &[]));
    let written = text(folder.path().join("results/tiny/spec.toml"));
    spec(folder.path(), &written);
    let again = run(folder.path(), &[]);
    succeeded(&again);
    assert!(said(&again).contains("finished already"));
}

#[test]
fn the_same_spec_gives_the_same_bits_whatever_the_threads_and_jobs() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    for (out, arguments) in [
        ("a", ["--threads", "1", "--jobs", "1"]),
        ("b", ["--threads", "2", "--jobs", "1"]),
        ("c", ["--threads", "2", "--jobs", "2"]),
        ("d", ["--threads", "3", "--jobs", "2"]),
    ] {
        // More points than one chunk of rows, so that threads have something to share.
        let size = ["--set", "sample.count=2500", "--set", "data.samples=2500"];
        succeeded(&run(folder.path(), &[&["--out", out], &arguments[..], &size].concat()));
    }
    for file in [
        "metrics.csv",
        "loss.csv",
        "summary.csv",
        "runs/baseline-r0/samples.csv",
        "runs/gaussianized-r0/samples.csv",
        "runs/gaussianized-r0/gaussianizer.safetensors",
    ] {
        let read = |out: &str| std::fs::read(folder.path().join(out).join(file)).unwrap();
        let first = read("a");
        for other in ["b", "c", "d"] {
            assert!(first == read(other), "{file} of {other} differs");
        }
    }
}

#[test]
fn a_finished_folder_is_left_alone_and_another_spec_is_refused_unless_forced() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &[]));
    let metrics = folder.path().join("results/tiny/metrics.csv");
    let before = (text(&metrics), std::fs::metadata(&metrics).unwrap().modified().unwrap());

    let again = run(folder.path(), &[]);
    succeeded(&again);
    assert!(said(&again).contains("nothing was run"));
    assert_eq!(before, (text(&metrics), std::fs::metadata(&metrics).unwrap().modified().unwrap()));

    let other = run(folder.path(), &["--set", "seed=6"]);
    assert_eq!(other.status.code(), Some(2));
    let message = message(&other);
    assert!(message.contains("another spec") && message.contains("seed = 6"), "{message}");
    assert_eq!(before.0, text(&metrics));

    succeeded(&run(folder.path(), &["--set", "seed=6", "--force"]));
    assert_ne!(before.0, text(&metrics));
}

#[test]
fn an_unfinished_folder_is_completed_to_the_same_bits() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &[]));
    let out = folder.path().join("results/tiny");
    let names = ["metrics.csv", "loss.csv", "summary.csv"];
    let whole = names.map(|n| text(out.join(n)));
    let untouched = std::fs::metadata(out.join("runs/baseline-r0/status.json")).unwrap().modified().unwrap();
    std::fs::remove_file(out.join("runs/gaussianized-r0/status.json")).unwrap();
    std::fs::remove_file(out.join("summary.csv")).unwrap();
    succeeded(&run(folder.path(), &[]));
    assert_eq!(whole, names.map(|n| text(out.join(n))));
    let now = std::fs::metadata(out.join("runs/baseline-r0/status.json")).unwrap().modified().unwrap();
    assert_eq!(untouched, now, "a finished run was run again");
}

#[test]
fn lambda_and_width_leave_data_and_noise_as_they_were() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &["--out", "a"]));
    let other = ["--set", "network.hidden=[5]", "--set", "train.isotropy.lambda=0.5", "--out", "b"];
    succeeded(&run(folder.path(), &other));
    // The first reverse step is the starting noise itself, scored against the reference points.
    let first = |out: &str| {
        let (_, rows) = csv(folder.path().join(out).join("metrics.csv"));
        rows.into_iter().filter(|r| r[3] == "0").collect::<Vec<_>>()
    };
    assert_eq!(first("a"), first("b"));
    // The exact denoiser has neither width nor lambda: its whole trajectory is the noise's.
    let exact = |out: &str| text(folder.path().join(out).join("runs/exact-r0/samples.csv"));
    assert_eq!(exact("a"), exact("b"));
    let baseline = |out: &str| text(folder.path().join(out).join("runs/baseline-r0/samples.csv"));
    assert_ne!(baseline("a"), baseline("b"));
}

#[test]
fn replicates_have_their_own_data_and_an_interval() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &["--set", "replicates=3", "--set", "pipelines=[\"exact\"]"]));
    let (_, rows) = csv(folder.path().join("results/tiny/summary.csv"));
    for pipeline in ["exact", "data"] {
        let row = rows.iter().find(|r| r[0] == pipeline && r[1] == "log_likelihood").unwrap();
        let (mean, low, high): (f64, f64, f64) =
            (row[2].parse().unwrap(), row[3].parse().unwrap(), row[4].parse().unwrap());
        assert!(low < mean && mean < high, "{row:?}");
        assert_eq!(row[5], "3");
    }
    let samples = |r: usize| text(folder.path().join(format!("results/tiny/runs/exact-r{r}/samples.csv")));
    assert_ne!(samples(0), samples(1));
}

#[test]
fn overrides_reach_into_tables_and_lists_and_later_ones_win() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let set = |text: &'static str| ["--set", text];
    let arguments: Vec<&str> = [
        set("train.learning_rate=3e-4"),
        set("network.width=4"),
        set("network.hidden=[6, 7]"),
        set("data.components.1.mean=[2, 2]"),
        set("diffusion.schedule=cosine"),
        set("train.iterations=10"),
        set("train.iterations=20"),
    ]
    .concat();
    succeeded(&run(folder.path(), &arguments));
    let written = text(folder.path().join("results/tiny/spec.toml"));
    for line in [
        "learning_rate = 0.0003",
        "hidden = [6, 7]",
        "mean = [2.0, 2.0]",
        "schedule = \"cosine\"",
        "iterations = 20",
    ] {
        let squeezed =
            written.split_whitespace().collect::<Vec<_>>().join(" ").replace("[ ", "[").replace(", ]", "]");
        assert!(squeezed.contains(line), "`{line}` is not in:\n{written}");
    }
}

#[test]
fn json_is_one_event_a_line_and_ends_with_the_result() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let output = run(folder.path(), &["--json"]);
    succeeded(&output);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> = stdout.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for kind in ["stage", "progress", "finished"] {
        assert!(events.iter().any(|e| e["event"] == kind), "no {kind} event");
    }
    let last = events.last().unwrap();
    assert_eq!(last["event"], "result");
    assert!(last["summary"].as_array().is_some_and(|rows| !rows.is_empty()));
}

#[test]
fn quiet_says_nothing() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let output = run(folder.path(), &["--quiet"]);
    succeeded(&output);
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
}

#[test]
fn an_output_folder_that_cannot_be_written_is_an_error_with_its_path() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    std::fs::write(folder.path().join("occupied"), "a file").unwrap();
    let output = run(folder.path(), &["--out", "occupied/results"]);
    assert_eq!(output.status.code(), Some(2));
    let message = message(&output);
    assert!(message.contains("occupied is a file, and a folder is needed there"), "{message}");
    assert_eq!(text(folder.path().join("occupied")), "a file");
}

#[test]
fn an_interrupted_run_exits_with_130_and_goes_on_to_the_same_bits() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    // The exact pipeline comes first and is over when the other one trains.
    let in_turn = ["--set", "pipelines=[\"exact\", \"baseline\"]", "--jobs", "1"];
    let into = |out: &'static str| [&["--out", out], &in_turn[..]].concat();
    succeeded(&run(folder.path(), &into("whole")));
    let command = [&["run", "spec.toml"], &into("broken")[..]].concat();
    let (status, message) = Waiting::begin(folder.path(), &command, &["train:20"]).interrupt();
    assert_eq!(status.code(), Some(130), "{message}");
    assert!(folder.path().join("broken/runs/exact-r0/status.json").exists());
    assert!(folder.path().join("broken/runs/baseline-r0/checkpoint-a.json").exists());
    assert!(!folder.path().join("broken/metrics.csv").exists());
    succeeded(&run(folder.path(), &into("broken")));
    same_tables(&folder.path().join("whole"), &folder.path().join("broken"));
}

#[test]
fn a_sweep_runs_every_point_in_pairs_and_can_be_extended() {
    let folder = tempdir().unwrap();
    let sweep = |lambdas: &str| {
        format!(
            "{TINY}\n[sweep]\n\"network.hidden\" = [[8], [6, 6]]\n\"train.isotropy.lambda\" = {lambdas}\n"
        )
        .replace(
            "pipelines = [\"baseline\", \"gaussianized\", \"exact\"]",
            "pipelines = [\"baseline\"]\nreplicates = 2",
        )
    };
    spec(folder.path(), &sweep("[0.0, 0.5]"));
    succeeded(&run(folder.path(), &[]));
    let out = folder.path().join("results/tiny");
    let (header, rows) = csv(out.join("metrics.csv"));
    assert_eq!(&header[3..5], ["network.hidden", "train.isotropy.lambda"]);
    assert_eq!(rows.len(), 2 * 2 * 2 * 13);
    let (_, summary) = csv(out.join("summary.csv"));
    let find = |hidden: &str, lambda: &str| {
        let of =
            |r: &&Vec<String>| r[0] == "baseline" && r[1] == hidden && r[2] == lambda && r[3] == "final_loss";
        summary.iter().find(of).unwrap().clone()
    };
    let number = |text: &str| text.parse::<f64>().unwrap();
    for hidden in ["[8]", "[6, 6]"] {
        let (plain, iso) = (find(hidden, "0.0"), find(hidden, "0.5"));
        assert!(plain[8].is_empty(), "lambda = 0 is compared with itself");
        assert!((number(&iso[8]) - (number(&iso[4]) - number(&plain[4]))).abs() < 1e-12);
        assert!(number(&iso[9]) < number(&iso[8]) && number(&iso[8]) < number(&iso[10]));
    }
    let runs = || files(&out).into_iter().filter(|p| p.ends_with("status.json")).collect::<Vec<_>>();
    let before: Vec<_> = runs().iter().map(|p| std::fs::metadata(p).unwrap().modified().unwrap()).collect();
    let kept = runs();
    spec(folder.path(), &sweep("[0.0, 0.25, 0.5]"));
    succeeded(&run(folder.path(), &[]));
    assert_eq!(runs().len(), kept.len() + 4);
    let after: Vec<_> = kept.iter().map(|p| std::fs::metadata(p).unwrap().modified().unwrap()).collect();
    assert_eq!(before, after, "finished runs were run again");
    assert_eq!(csv(out.join("metrics.csv")).1.len(), 2 * 3 * 2 * 13);
}

#[test]
fn the_exact_denoiser_reaches_the_real_points_scores_in_every_metric() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let large = ["diffusion.steps=400", "sample.count=3000", "metrics.reference=3000", "metrics.every=400"];
    let mut arguments = vec!["--set", "pipelines=[\"exact\"]"];
    for value in large {
        arguments.extend(["--set", value]);
    }
    succeeded(&run(folder.path(), &arguments));
    let (_, rows) = csv(folder.path().join("results/tiny/summary.csv"));
    let of = |pipeline: &str, metric: &str| -> f64 {
        rows.iter().find(|r| r[0] == pipeline && r[1] == metric).unwrap()[2].parse().unwrap()
    };
    // A few standard errors of 3,000 points; the schedule of 400 steps is still a little too concentrated.
    for (metric, room) in [
        ("log_likelihood", 0.12),
        ("precision", 0.01),
        ("recall", 0.02),
        ("density", 0.06),
        ("coverage", 0.03),
    ] {
        let (exact, real) = (of("exact", metric), of("data", metric));
        assert!((exact - real).abs() < room, "{metric}: {exact} against {real}");
    }
}
