//! The Gaussian late start: its normal distribution, the automatic step, and what users see of it.

use crate::common::{TINY, csv, message, run, said, spec, succeeded, text};
use gdiff::diffusion::sample::late_start::Moments;
use gdiff::diffusion::{DiffusionOptions, Schedule};
use gdiff::report::figures::model::Mark;
use gdiff::report::figures::{self, Figure, Results};
use ndarray::{Array, Array2, Dimension, array};
use std::path::Path;
use tempfile::tempdir;

/// Two arrays are the same to within `epsilon`.
fn assert_near<D: Dimension>(a: &Array<f64, D>, b: &Array<f64, D>, epsilon: f64) {
    let largest = (a - b).iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
    assert!(largest <= epsilon, "{largest} is above {epsilon}: {a} and {b}");
}

#[test]
fn the_start_has_the_moments_of_the_noised_points() {
    let points = array![[1.0, 2.0, 0.5], [3.0, -1.0, 0.5], [0.0, 0.5, 0.5], [-2.0, 4.0, 0.5]];
    let moments = Moments::of(points.view()).unwrap();
    assert_near(&moments.mean, &array![0.5, 1.375, 0.5], 1e-15);
    // numpy.cov(points.T)
    let covariance = array![[13.0 / 3.0, -11.75 / 3.0, 0.0], [-11.75 / 3.0, 4.5625, 0.0], [0.0, 0.0, 0.0]];
    assert_near(&moments.covariance, &covariance, 1e-14);
    let schedule = Schedule::new(&DiffusionOptions { steps: 50, ..DiffusionOptions::default() }).unwrap();
    for t in [0, 1, 20, 50] {
        let abar = schedule.alpha_bar(t);
        let normal = moments.noised(&schedule, t).unwrap();
        // The points of z = 0 and of the unit vectors give the mean and the root.
        let mean = normal.points(Array2::zeros((1, 3)).view());
        assert_near(&mean.row(0).to_owned(), &(&moments.mean * abar.sqrt()), 1e-14);
        let root = normal.points(Array2::eye(3).view()) - &mean;
        let wanted = &covariance * abar + Array2::<f64>::eye(3) * (1.0 - abar);
        assert_near(&root.dot(&root.t()), &wanted, 1e-13);
        assert_near(&root, &root.t().to_owned(), 1e-13);
    }
    // A single point has no covariance, and no points have no moments.
    let single = Moments::of(array![[4.0]].view()).unwrap();
    assert_eq!((single.mean[0], single.covariance[[0, 0]]), (4.0, 0.0));
    assert!(Moments::of(Array2::<f64>::zeros((0, 2)).view()).is_err());
    assert!(Moments::of(array![[1e200], [-1e200]].view()).unwrap().noised(&schedule, 3).is_err());
}

/// The step `t` at which the runs of a study began, by the pipeline, of replicate 0.
fn start_step(folder: &Path, run: &str) -> u64 {
    let status: serde_json::Value =
        serde_json::from_str(&text(folder.join("runs").join(run).join("status.json"))).unwrap();
    status["start_step"].as_u64().unwrap()
}

/// A spec with modes at -m and m on the first axis.
fn modes(m: f64, sampler: &str, late: &str) -> String {
    let components = if m == 0.0 {
        "[[data.components]]\nmean = [0.5, -2.0]\ncovariance = [[1.0, 0.6], [0.6, 2.0]]\n".to_string()
    } else {
        format!(
            "[[data.components]]\nmean = [{m}, 0.0]\nstd = 0.5\n[[data.components]]\nmean = [-{m}, 0.0]\nstd = 0.5\n"
        )
    };
    format!(
        "name = \"late\"\nseed = 3\npipelines = [\"exact\"]\n[data]\nkind = \"gmm\"\nsamples = 4000\n{components}[diffusion]\nsteps = 100\n[sample]\ncount = 4000\nsampler = \"{sampler}\"\n{late}\n[metrics]\nreference = 4000\nprdc = false\n"
    )
}

#[test]
fn normal_data_need_no_step_at_all_and_far_modes_need_all_after_the_choice() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    for (name, m) in [("normal", 0.0), ("near", 1.0), ("far", 5.0)] {
        spec(folder, &modes(m, "ddpm", "start = \"late\""));
        succeeded(&run(folder, &["run", "spec.toml", "--out", name, "--quiet"]));
    }
    let start = |name: &str| start_step(&folder.join(name), "exact-r0");
    assert_eq!(start("normal"), 0);
    // One row, no call, and samples with the data's own moments: 4,000 points, so within .1 in a mean and a covariance.
    let (header, rows) = csv(folder.join("normal/runs/exact-r0/metrics.csv"));
    assert_eq!(rows.len(), 1);
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    assert_eq!((rows[0][column("step")].as_str(), rows[0][column("t")].as_str()), ("0", "0"));
    let (_, points) = csv(folder.join("normal/runs/exact-r0/samples.csv"));
    let points: Vec<f64> = points.iter().flatten().map(|v| v.parse().unwrap()).collect();
    let moments = Moments::of(Array2::from_shape_vec((4000, 2), points).unwrap().view()).unwrap();
    assert_near(&moments.mean, &array![0.5, -2.0], 0.1);
    assert_near(&moments.covariance, &array![[1.0, 0.6], [0.6, 2.0]], 0.15);
    // Modes are chosen between before the points look normal, and the farther apart the earlier.
    let speciation = |m: f64| {
        let schedule =
            Schedule::new(&DiffusionOptions { steps: 100, ..DiffusionOptions::default() }).unwrap();
        schedule.speciation_step(0.25 + m * m).unwrap() as u64
    };
    assert!(start("near") > speciation(1.0) && start("far") > speciation(5.0));
    assert!(start("far") > start("near") && start("far") < 100, "{} {}", start("far"), start("near"));
    // The summary says so.
    let rows = text(folder.join("far/summary.csv"));
    assert!(rows.lines().any(|row| row.starts_with("exact,start_step,")), "{rows}");
    let calls = format!("exact,network_calls,{}", start("far"));
    assert!(rows.lines().any(|row| row.starts_with(&calls)), "{rows}");
}

#[test]
fn a_late_start_changes_neither_the_training_nor_depends_on_the_threads() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    // So many steps that no x0 is clipped from the first on.
    spec(folder, &TINY.replace("steps = 12", "steps = 60"));
    succeeded(&run(folder, &["run", "spec.toml", "--out", "noise", "--quiet"]));
    let late = ["--set", "sample.start=late"];
    for (out, threads) in [("one", "1"), ("two", "2")] {
        let arguments = ["run", "spec.toml", "--quiet", "--out", out, "--threads", threads];
        succeeded(&run(folder, &[&arguments[..], &late[..]].concat()));
    }
    for pipeline in ["baseline", "gaussianized", "exact"] {
        let read = |out: &str, name: &str| text(folder.join(format!("{out}/runs/{pipeline}-r0/{name}")));
        for name in ["samples.csv", "metrics.csv"] {
            assert!(read("one", name) == read("two", name), "{pipeline} {name}");
        }
        assert!(read("one", "samples.csv") != read("noise", "samples.csv"), "{pipeline}");
        if pipeline != "exact" {
            assert_eq!(read("one", "loss.csv"), read("noise", "loss.csv"));
        }
        // A finished run starts as it likes, without training: as the other run did, and its own samples again.
        let from = |run_folder: &str, start: &[&str]| {
            let place = format!("{run_folder}/runs/{pipeline}-r0");
            let output = run(folder, &[&["sample", &place], start].concat());
            succeeded(&output);
            said(&output)
        };
        assert!(from("noise", &["--start", "late"]) == read("one", "samples.csv"), "{pipeline}");
        assert!(from("one", &[]) == read("one", "samples.csv"), "{pipeline}");
        assert!(from("one", &["--start", "noise"]) == read("noise", "samples.csv"), "{pipeline}");
        let step = start_step(&folder.join("one"), &format!("{pipeline}-r0")).to_string();
        assert!(from("noise", &["--start", &step]) == read("one", "samples.csv"), "{pipeline}");
        assert!(from("noise", &["--start", "3"]) != from("noise", &["--start", "4"]), "{pipeline}");
    }
    succeeded(&run(folder, &["verify", "one"]));
    // Figures and page of runs of unequal length.
    succeeded(&run(folder, &["plot", "one"]));
}

#[test]
fn a_fixed_start_visits_the_steps_below_it() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    for (sampler, late, times) in [
        ("ddpm", "start = \"late\"\nstart_step = 4", vec![4, 3, 2, 1, 0]),
        ("ddpm", "start = \"late\"\nstart_step = 9\nsteps = 3", vec![9, 6, 3, 0]),
        ("ddim", "start = \"late\"\nstart_step = 40\nsteps = 4", vec![40, 30, 20, 10, 0]),
        ("heun", "start = \"late\"\nstart_step = 40\nsteps = 2", vec![40, 20, 0]),
        ("dpm_solver_2m", "start = \"late\"\nstart_step = 0", vec![0]),
        // An automatic start at step 0 leaves none of the steps.
        ("ddim", "start = \"late\"\nsteps = 7", vec![0]),
    ] {
        // Diagnostics of a process without a step have nothing to look at.
        let diagnostics = "[diagnostics]\ncloning = true\nerror_over_t = true\n";
        spec(folder, &(modes(0.0, sampler, late) + diagnostics));
        succeeded(&run(folder, &["run", "spec.toml", "--out", "d", "--force", "--quiet"]));
        let (header, rows) = csv(folder.join("d/metrics.csv"));
        let column = header.iter().position(|h| h == "t").unwrap();
        let visited: Vec<usize> = rows.iter().map(|row| row[column].parse().unwrap()).collect();
        assert_eq!(visited, times, "{sampler} {late}");
    }
}

#[test]
fn starts_that_cannot_be_meant_are_refused_in_words() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    for (sampler, late, words) in [
        ("ddpm", "start = \"late\"\nstart_step = 101", "must be from 0 to `diffusion.steps`, 100"),
        ("ddpm", "start = \"late\"\nstart_step = -1", "or a whole number"),
        ("ddpm", "start = \"late\"\nstart_step = \"aut\"", "did you mean `auto`?"),
        ("ddpm", "start = \"latte\"", "did you mean `late`?"),
        ("ddim", "start = \"late\"\nstart_step = 9\nsteps = 10", "must be from 1 to `sample.start_step`, 9"),
        ("ddim", "start = \"late\"\nstart_step = 0\nsteps = 1", "leaves no reverse step"),
        ("ddpm", "start = \"late\"\nstart_step = 9\nsteps = 10", "must be from 1 to `sample.start_step`, 9"),
    ] {
        spec(folder, &modes(1.0, sampler, late));
        let output = run(folder, &["check", "spec.toml"]);
        assert_eq!(output.status.code(), Some(2), "{late}");
        assert!(message(&output).contains(words), "{late}: {}", message(&output));
    }
    spec(folder, &modes(1.0, "ddpm", "start_step = 9"));
    let output = run(folder, &["check", "spec.toml"]);
    assert!(succeeded(&output).contains("`sample.start_step` has no effect"), "{}", said(&output));
    let swept = modes(1.0, "ddpm", "") + "[sweep]\n\"sample.start_step\" = [3, 4]\n";
    spec(folder, &swept);
    let output = run(folder, &["check", "spec.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("`sample.start` is \"noise\""), "{}", message(&output));
}

/// The figure of a folder by its name.
fn figure(folder: &Path, name: &str) -> Figure {
    let all = figures::all(&mut Results::read(folder).unwrap());
    all.into_iter().find(|figure| figure.name == name).unwrap()
}

/// The means of a figure's first panel under a label, by their abscissas.
fn means(figure: &Figure, wanted: &str) -> Vec<(f64, f64)> {
    let marks = figure.rows[0].panels[0].marks.iter();
    let means = marks.filter_map(|mark| match mark {
        Mark::Intervals { label, x, y, .. } if label == wanted => Some((x[0], y[0])),
        _ => None,
    });
    means.collect()
}

#[test]
fn figures_show_the_calls_and_the_steps_saved() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let sweep = "[sweep]\n\"sample.start_step\" = [\"auto\", 0, 50, 100]\n";
    for (name, m) in [("normal", 0.0), ("far", 5.0)] {
        let text = modes(m, "ddpm", "start = \"late\"").replace("seed = 3", "seed = 3\nreplicates = 5");
        spec(folder, &(text + sweep));
        succeeded(&run(folder, &["run", "spec.toml", "--out", name, "--quiet"]));
    }
    // Normal data lose nothing without any step; far modes lose the modes.
    let (normal, far) = (figure(&folder.join("normal"), "starts"), figure(&folder.join("far"), "starts"));
    assert!(normal.note.contains("exact denoiser 100."), "{}", normal.note);
    assert!(
        far.note.contains("exact denoiser 0.") || far.note.contains("exact denoiser 50."),
        "{}",
        far.note
    );
    let starts: Vec<f64> = means(&far, "exact denoiser").iter().map(|(t, _)| *t).collect();
    assert_eq!(starts, [0.0, 50.0, 100.0]);
    let (_, found) = csv(folder.join("far/summary.csv"));
    let cell = |metric: &str| found.iter().find(|r| r[1] == "auto" && r[2] == metric).unwrap()[3].clone();
    assert_eq!(means(&far, "exact denoiser, automatic")[0].0.to_string(), cell("start_step"));
    // Heun's method asks twice a step and once in the last.
    let sweep = "[[sweep.zip]]\n\"sample.sampler\" = [\"ddim\", \"ddim\", \"heun\", \"heun\", \"ddpm\"]\n\"sample.steps\" = [1, 10, 1, 10, 100]\n";
    spec(folder, &(modes(1.0, "ddim", "") + sweep));
    succeeded(&run(folder, &["run", "spec.toml", "--out", "calls", "--quiet"]));
    let calls = figure(&folder.join("calls"), "calls");
    let titles: Vec<&str> = calls.rows.iter().map(|row| row.panels[0].title.as_str()).collect();
    assert_eq!(titles, ["DDIM", "Heun"]);
    let at = |label: &str| means(&calls, label).into_iter().map(|(calls, _)| calls).collect::<Vec<_>>();
    assert_eq!(at("exact denoiser"), [1.0, 10.0]);
    assert_eq!(at("exact denoiser, DDPM"), [100.0]);
    let (_, rows) = csv(folder.join("calls/summary.csv"));
    let heun = rows.iter().find(|r| r[1] == "heun" && r[2] == "10" && r[3] == "network_calls").unwrap();
    assert_eq!(heun[4], "19.0");
}

#[test]
fn the_likelihood_of_a_late_start_is_that_of_its_normal_distribution() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let sweep = "[diagnostics]\nlikelihood = 500\n[sweep]\n\"sample.start_step\" = [0, 1, 50, 100]\n";
    for (name, m) in [("normal", 0.0), ("modes", 2.0)] {
        spec(folder, &(modes(m, "ddpm", "start = \"late\"") + sweep));
        succeeded(&run(folder, &["run", "spec.toml", "--out", name, "--quiet"]));
    }
    let kl = |name: &str| -> Vec<f64> {
        let (_, rows) = csv(folder.join(name).join("summary.csv"));
        rows.iter().filter(|r| r[2] == "model_kl").map(|r| r[3].parse().unwrap()).collect()
    };
    // Moments of 4,000 points: a divergence of about 5 / 8,000 nats from the true normal distribution.
    assert!(kl("normal").iter().all(|kl| kl.abs() < 0.01), "{:?}", kl("normal"));
    // A normal distribution is far from two modes; the exact reverse process from the whole noise is not.
    let far = kl("modes");
    assert!(far[0] > 0.3 && far[1] > 0.3 && far[2] < 0.3 && far[3].abs() < 0.02, "{far:?}");
    assert!(far[0] >= far[1] && far[1] > far[2], "{far:?}");
}
