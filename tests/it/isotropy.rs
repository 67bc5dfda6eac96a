//! The second paper: isotropy along the forward process (I 20), the isotropy loss (I 28) and its control, the
//! paired comparison with lambda = 0, and the spheres of each point.

use crate::common::{csv, message, spec, succeeded, text};
use candle_core::{Device, Tensor, Var};
use gdiff::data::mixture::GaussianMixture;
use gdiff::data::shapes::{Shape, ShapeSource};
use gdiff::data::source::Part;
use gdiff::diffusion::isotropy::{PredictionMoments, isotropy, prediction_moments, spread_times};
use gdiff::diffusion::train::loss::{isotropy_scale, isotropy_scale_of_batches};
use gdiff::diffusion::{
    DiffusionOptions, IsotropyForm, IsotropyLoss, MixtureDenoiser, Network, NetworkDenoiser, Reduction,
    Schedule,
};
use gdiff::numeric::intervals::{mean_interval, paired_difference};
use gdiff::numeric::random::Stream;
use gdiff::report::figures::model::Mark;
use gdiff::report::figures::{Results, all};
use gdiff::run::Purpose;
use gdiff::space::{ScaleKind, Scaling, Transform};
use gdiff::spec::read_text;
use ndarray::{Array1, Array2, array};
use std::path::Path;
use tempfile::tempdir;

const MOONS: &str = r#"name = "moons"
seed = 9
pipelines = ["baseline"]

[data]
kind = "two_moons"
samples = 400
scale = "min_max"

[diffusion]
steps = 25

[network]
hidden = [16, 16]
time_dim = 8
conditioning = "add"

[train]
iterations = 200
batch_size = 64
learning_rate = 5e-3

[sample]
count = 200

[metrics]
every = 25
reference = 300
points = true
"#;

fn run(folder: &Path, out: &str, arguments: &[&str]) {
    let arguments = [&["run", "spec.toml", "--out", out], arguments].concat();
    succeeded(&crate::common::run(folder, &arguments));
}

fn schedule(steps: usize) -> Schedule {
    Schedule::new(&DiffusionOptions { steps, ..DiffusionOptions::default() }).unwrap()
}

#[test]
fn the_measured_isotropy_is_the_formula_within_its_own_noise() {
    let n = 20_000;
    for (shape, scale) in [
        (Shape::SwissRoll, ScaleKind::MinMax),
        (Shape::CentralBanana, ScaleKind::None),
        (Shape::ScatteredMoon, ScaleKind::Standardize),
    ] {
        let stream = Stream::new(4, 0, shape.name());
        let raw = ShapeSource::usual(shape).sample(n, &stream);
        let x0 = Scaling::fit(scale, raw.view()).unwrap().forward(raw.view());
        let squares = x0.mapv(|v| v * v).sum() / n as f64;
        let schedule = schedule(200);
        let times = spread_times(&schedule, 100);
        assert_eq!((times[0], times[100], times.len()), (0, 200, 101));
        let rows = isotropy(x0.view(), &schedule, &stream.child("forward"), &times);
        let mut chi = 0.0;
        for (row, &t) in rows.iter().zip(&times) {
            assert_eq!(row.t, t);
            // The formula from the betas themselves: d + abar_t (E|x0|^2 - d).
            let abar: f64 = (1..=t).map(|i| 1.0 - schedule.beta(i)).product();
            assert!((row.formula - (2.0 + abar * (squares - 2.0))).abs() < 1e-10, "{shape:?} {t}");
            // Given x0: Var |x_t|^2 = 4 abar (1 - abar) |x0|^2 + 2 d (1 - abar)^2 for each point.
            let variance = (4.0 * abar * (1.0 - abar) * squares + 4.0 * (1.0 - abar).powi(2)) / n as f64;
            if t == 0 {
                assert!((row.measured - squares).abs() < 1e-12);
                continue;
            }
            let z = (row.measured - row.formula) / variance.sqrt();
            assert!(z.abs() < 4.5, "{shape:?} {t}: {row:?} is off by {z} standard errors");
            chi += z * z;
        }
        // Measured, not computed: the errors are as large as chance makes them (chi-square of 100).
        assert!((50.0..160.0).contains(&chi), "{shape:?}: {chi}");
        if scale == ScaleKind::Standardize {
            assert!(rows.iter().all(|r| (r.formula - 2.0).abs() < 1e-10), "standardized data stay at d");
        } else {
            assert!(rows.windows(2).all(|w| (w[1].formula - w[0].formula) * (2.0 - squares) > 0.0));
        }
    }
}

#[test]
fn isotropy_csv_is_that_of_the_points_that_the_network_sees() {
    let folder = tempdir().unwrap();
    spec(folder.path(), MOONS);
    run(folder.path(), "out", &[]);
    let plan = read_text("spec.toml", MOONS, &[]).unwrap().base;
    let train = plan.data.source.draw(Part::Train, 400, 9, 0);
    let x0 = Scaling::fit(ScaleKind::MinMax, train.view()).unwrap().forward(train.view());
    let squares = x0.mapv(|v| v * v).sum() / 400.0;
    let (header, rows) = csv(folder.path().join("out/isotropy.csv"));
    assert_eq!(header.join(","), "run,pipeline,replicate,t,isotropy,formula");
    assert_eq!(rows.len(), 26, "every step of 25");
    for (t, row) in rows.iter().enumerate() {
        let number = |i: usize| row[i].parse::<f64>().unwrap();
        assert_eq!(row[3], t.to_string());
        assert!((number(5) - (2.0 + plan.schedule.alpha_bar(t) * (squares - 2.0))).abs() < 1e-12);
        assert!((number(4) - number(5)).abs() < 4.5 * (8.0_f64 / 400.0).sqrt(), "{row:?}");
    }
}

#[test]
fn values_and_gradients_of_the_loss_by_hand() {
    // q_i = |p_i|^2 / 2 = 0.5, 2.5; batch form (1.5 - 1)^2, per sample (0.25 + 2.25) / 2; errors 1, 1.
    let (predicted, eps) = (array![[1.0, 0.0], [1.0, 2.0]], array![[0.0, 0.0], [1.0, 1.0]]);
    let tensor = |x: &Array2<f64>| Tensor::from_iter(x.iter().copied(), &Device::Cpu)?.reshape((2, 2));
    let simple = array![[1.0, 0.0], [0.0, 1.0]]; // gradient of the sum: 2 (p - eps) / n
    let batch = array![[0.5, 0.0], [0.5, 1.0]]; // 2 (mean q - 1) 2 p / (n d) = p / 2
    let sample = array![[-0.5, 0.0], [1.5, 3.0]]; // (1 / n) 2 (q_i - 1) 2 p_i / d = (q_i - 1) p_i
    for (reduction, form, mse, isotropy, gradient) in [
        (Reduction::Sum, IsotropyForm::Batch, 1.0, 0.25, &simple + &(&batch * 0.4)),
        (Reduction::Sum, IsotropyForm::PerSample, 1.0, 1.25, &simple + &(&sample * 0.4)),
        (Reduction::Mean, IsotropyForm::Batch, 0.5, 0.25, &simple * 0.5 + &batch * 0.4),
        (Reduction::Mean, IsotropyForm::PerSample, 0.5, 1.25, &simple * 0.5 + &sample * 0.4),
    ] {
        let variable = Var::from_tensor(&tensor(&predicted).unwrap()).unwrap();
        let options = IsotropyLoss { lambda: 0.4, form, reduction, control: false };
        let (loss, terms) = options.evaluate(&variable, &tensor(&eps).unwrap()).unwrap();
        let expected = [mse + 0.4 * isotropy, mse, isotropy];
        for (ours, theirs) in [terms.loss, terms.mse, terms.isotropy].iter().zip(expected) {
            assert!((ours - theirs).abs() < 1e-14, "{reduction:?} {form:?}: {terms:?}");
        }
        let gradients = loss.backward().unwrap();
        let ours: Vec<f64> = gradients.get(&variable).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        for (ours, theirs) in ours.iter().zip(&gradient) {
            assert!((ours - theirs).abs() < 1e-14, "{reduction:?} {form:?}: {ours} {theirs}");
        }
    }
}

#[test]
fn lambda_zero_is_bit_for_bit_the_simple_loss() {
    let folder = tempdir().unwrap();
    spec(folder.path(), MOONS);
    run(folder.path(), "plain", &[]);
    let lambda = |value: &str| format!("train.isotropy.lambda={value}");
    let files = ["model.safetensors", "samples.csv", "loss.csv", "points.csv"];
    let read = |out: &str, file: &str| {
        std::fs::read(folder.path().join(out).join("runs/baseline-r0").join(file)).unwrap()
    };
    for (out, more) in [("batch", "train.isotropy.form=batch"), ("control", "train.isotropy.control=true")] {
        run(folder.path(), out, &["--set", &lambda("0.0"), "--set", more]);
        for file in files {
            assert!(read("plain", file) == read(out, file), "{file} of {out}");
        }
    }
    // The per-sample form logs another second term, but its weight is nothing.
    run(folder.path(), "sample", &["--set", &lambda("0"), "--set", "train.isotropy.form=per_sample"]);
    for file in ["model.safetensors", "samples.csv"] {
        assert!(read("plain", file) == read("sample", file), "{file}");
    }
    let first_terms = |out: &str| {
        let (_, rows) = csv(folder.path().join(out).join("loss.csv"));
        rows.into_iter().map(|r| r[3..6].to_vec()).collect::<Vec<_>>()
    };
    assert_eq!(first_terms("plain"), first_terms("sample"));
    // The test can fail: a lambda that is small but not 0 moves every file.
    run(folder.path(), "small", &["--set", &lambda("1e-3")]);
    for file in files {
        assert!(read("plain", file) != read("small", file), "{file}");
    }
}

#[test]
fn the_isotropy_of_predictions_is_known_where_the_best_prediction_is() {
    // For N(0, I) data eps* = sqrt(1 - abar_t) x_t and x_t is N(0, I): Q = mean over t of 1 - abar_t.
    let schedule = schedule(100);
    let normal = GaussianMixture::new(&[1.0], &[Array1::zeros(2)], &[Array2::eye(2)]).unwrap();
    let exact = MixtureDenoiser::new(&normal, &schedule).unwrap();
    let x0 = Stream::new(2, 0, "data").standard_normal(0, 2000, 2);
    let q =
        prediction_moments(&exact, x0.view(), &schedule, &Stream::new(2, 0, "noise")).unwrap().mean_square;
    let expected = (1..=100).map(|t| 1.0 - schedule.alpha_bar(t)).sum::<f64>() / 100.0;
    // The same points at all times: the error is at most that of 4000 squares, 2 (1 - abar)^2 each.
    assert!((q - expected).abs() < 4.5 * (2.0_f64 / 4000.0).sqrt(), "{q} {expected}");
    assert!(expected < 0.9, "no test of a constant");
}

#[test]
fn a_control_is_the_plain_network_with_its_output_scaled_by_the_formulas_s() {
    let folder = tempdir().unwrap();
    spec(folder.path(), MOONS);
    run(folder.path(), "plain", &[]);
    let plan = read_text("spec.toml", MOONS, &[]).unwrap().base;
    let train = plan.data.source.draw(Part::Train, 400, 9, 0);
    let points = Scaling::fit(ScaleKind::MinMax, train.view()).unwrap().forward(train.view());
    let model = std::fs::read(folder.path().join("plain/runs/baseline-r0/model.safetensors")).unwrap();
    let denoiser =
        || NetworkDenoiser::new(Network::from_safetensors(&model, &Device::Cpu).unwrap(), 1.0).unwrap();
    let moments =
        |noise: &Stream| prediction_moments(&denoiser(), points.view(), &plan.schedule, noise).unwrap();
    let measure = |noise: &Stream| moments(noise).mean_square;
    let q = measure(&Purpose::Forward.stream(&plan, 0));
    let other: Vec<f64> = (0..20).map(|i| measure(&Stream::new(i, 0, "other"))).collect();
    let spread = other.iter().map(|v| (v - q).powi(2)).sum::<f64>() / 20.0;
    assert!(q < 1.0 && spread.sqrt() < 0.02, "Q is {q}, with other noise {other:?}");
    let read = |out: &str, file: &str| text(folder.path().join(out).join("runs/baseline-r0").join(file));
    for (name, reduction) in [("sum", Reduction::Sum), ("mean", Reduction::Mean)] {
        let settings = [
            "train.isotropy.lambda=0.8".to_string(),
            format!("train.isotropy.reduction={name}"),
            "train.isotropy.control=true".to_string(),
        ];
        let arguments: Vec<&str> = settings.iter().flat_map(|s| ["--set", s.as_str()]).collect();
        let out = format!("control-{name}");
        run(folder.path(), &out, &arguments);
        let s = isotropy_scale(0.8, reduction, 2, q).unwrap();
        let weight = if reduction == Reduction::Sum { 0.4 } else { 0.8 };
        assert!((s * (1.0 - 2.0 * weight * (1.0 - s * s * q)) - 1.0).abs() < 1e-12 && s > 1.01, "{s}");
        // The plain network under the same reduction, its output scaled by hand.
        let by_hand = format!("hand-{name}");
        let scale = format!("sample.epsilon_scale={s}");
        let plain = ["--set", "train.isotropy.lambda=0", "--set", &settings[1], "--set", &scale];
        run(folder.path(), &by_hand, &plain);
        if reduction == Reduction::Mean {
            assert_eq!(read(&out, "samples.csv"), read(&by_hand, "samples.csv"), "s = {s}");
            assert_eq!(read(&out, "loss.csv"), read("plain", "loss.csv"), "the loss is left alone");
        } else {
            // Another reduction trains to other weights, hence another Q: the same only in kind.
            assert_ne!(read(&out, "samples.csv"), read("plain", "samples.csv"));
        }
    }
}

#[test]
fn the_optimum_over_batches_is_where_the_expected_loss_is_least() {
    // The moments of the exact denoiser of a normal distribution; the least expected loss by brute force over s.
    let schedule = schedule(60);
    let source = GaussianMixture::new(&[1.0], &[array![0.3, -0.2]], &[Array2::eye(2) * 0.4]).unwrap();
    let exact = MixtureDenoiser::new(&source, &schedule).unwrap();
    let x0 = source.sample(2000, &Stream::new(3, 0, "data"));
    let noise = Stream::new(3, 0, "noise");
    let moments = prediction_moments(&exact, x0.view(), &schedule, &noise).unwrap();
    // <eps*, eps> and |eps*|^2 have the same mean; the same points serve at all times.
    assert!((moments.output_scale() - 1.0).abs() < 0.02, "{moments:?}");
    assert!(moments.variance > 0.1, "{moments:?}");
    let PredictionMoments { mean_square: q, variance: v, .. } = moments;
    for (lambda, reduction, weight) in [(0.3, Reduction::Sum, 0.15), (2.0, Reduction::Mean, 2.0)] {
        for batch in [8_usize, 64, usize::MAX] {
            // The expected loss of s eps*, up to what does not depend on s.
            let loss = |s: f64| {
                let second = s.powi(4) * (q * q + v / batch as f64) - 2.0 * s * s * q;
                s * s * q - 2.0 * s * q + weight * second
            };
            let best =
                (0..400_000).map(|i| 0.5 + i as f64 * 2.5e-6).min_by(|a, b| loss(*a).total_cmp(&loss(*b)));
            let best = best.unwrap();
            let scaled = PredictionMoments {
                mean_square: best * best * q,
                variance: best.powi(4) * v,
                projection: best * q,
            };
            let s = isotropy_scale_of_batches(lambda, reduction, 2, &scaled, batch).unwrap();
            assert!((s - best).abs() < 2e-5, "lambda {lambda}, batch {batch}: {s} {best}");
            assert!((scaled.output_scale() - best).abs() < 1e-12);
        }
        let endless = isotropy_scale(lambda, reduction, 2, q).unwrap();
        let scaled =
            PredictionMoments { mean_square: endless * endless * q, variance: v, projection: endless * q };
        let s = isotropy_scale_of_batches(lambda, reduction, 2, &scaled, usize::MAX).unwrap();
        assert!((s - endless).abs() < 1e-9, "{s} {endless}");
    }
}

#[test]
fn the_scale_of_finished_runs_is_measured() {
    let folder = tempdir().unwrap();
    spec(folder.path(), MOONS);
    run(folder.path(), "plain", &[]);
    let control = ["--set", "train.isotropy.lambda=0.8", "--set", "train.isotropy.control=true"];
    run(folder.path(), "control", &control);
    let loss = ["--set", "train.isotropy.lambda=3.0", "--set", "train.iterations=2000"];
    run(folder.path(), "loss", &loss);
    let scales =
        crate::common::run(folder.path(), &["isotropy", "plain", "control", "loss", "--out", "s.csv"]);
    succeeded(&scales);
    let (header, rows) = csv(folder.path().join("s.csv"));
    let of = |row: usize, name: &str| -> f64 {
        rows[row][header.iter().position(|h| h == name).unwrap()].parse().unwrap()
    };
    let status: serde_json::Value =
        serde_json::from_str(&text(folder.path().join("control/runs/baseline-r0/status.json"))).unwrap();
    let s = status["control_scale"].as_f64().unwrap();
    // Scaling the output scales what is measured, to the rounding of f32.
    assert!((of(1, "output_scale") / of(0, "output_scale") - s).abs() < 1e-6, "{rows:?}");
    assert!((of(1, "mean_square") / of(0, "mean_square") - s * s).abs() < 1e-6, "{rows:?}");
    assert_eq!((of(0, "optimal_scale"), of(1, "optimal_scale_of_batches")), (1.0, 1.0));
    // The loss's own factor depends on its batches, and is nearer to 1 than with endless ones.
    let (endless, batches) = (of(2, "optimal_scale"), of(2, "optimal_scale_of_batches"));
    assert!(1.0 < batches && batches < endless, "{rows:?}");
    assert!(of(2, "output_scale") > of(0, "output_scale"), "{rows:?}");
    // The table has a line for each lambda of the loss, and the ratio to the plain network; the control is in the CSV.
    let table = String::from_utf8(scales.stdout).unwrap();
    let lines: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| line.starts_with("| baseline"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let ratio = of(2, "output_scale") / of(0, "output_scale");
    assert_eq!(lines.len(), 2, "{table}");
    assert_eq!((lines[0][2], lines[0][6], lines[1][2]), ("0", "", "3"), "{table}");
    assert_eq!((lines[1][3], lines[1][6]), (&*format!("{endless:.4}"), &*format!("{ratio:.4}")), "{table}");
    let missing = crate::common::run(folder.path(), &["isotropy", "nowhere"]);
    assert_eq!(missing.status.code(), Some(2));
    // Runs without a network are passed over, with a word; alone they are refused.
    let whitened = ["run", "spec.toml", "--out", "map", "--quiet", "--set", "pipelines=[\"alone\"]"];
    let alone = [&whitened[..], &["--set", "pipeline.alone={space=[\"scale\"],denoiser=\"none\"}"]].concat();
    succeeded(&crate::common::run(folder.path(), &alone));
    let both = crate::common::run(folder.path(), &["isotropy", "plain", "map"]);
    assert!(succeeded(&both).contains("| baseline") && message(&both).contains("alone-r0: no network"));
    let none = crate::common::run(folder.path(), &["isotropy", "map"]);
    assert_eq!((none.status.code(), message(&none).contains("no network")), (Some(2), true));
    let over = crate::common::run(
        folder.path(),
        &["isotropy", "plain", "--out", "plain/runs/baseline-r0/model.safetensors"],
    );
    assert_eq!(over.status.code(), Some(2));
}

#[test]
fn the_figure_of_the_output_scale_has_every_lambda_at_the_scale_of_its_predictions() {
    let folder = tempdir().unwrap();
    let sweep = "[[sweep.zip]]\n\"train.isotropy.lambda\" = [0.0, 3.0, 3.0, 0.0]\n\"train.isotropy.control\" = [false, false, true, false]\n\"sample.epsilon_scale\" = [1.0, 1.0, 1.0, 1.2]\n";
    spec(folder.path(), &(MOONS.replace("seed = 9", "seed = 9\nreplicates = 2") + sweep));
    run(folder.path(), "out", &[]);
    let mut results = Results::read(&folder.path().join("out")).unwrap();
    let figure = all(&mut results).into_iter().find(|figure| figure.name == "output_scale").unwrap();
    assert_eq!(figure.rows[0].panels.len(), 4);
    let at = |open: bool| -> Vec<f64> {
        let marks = figure.rows[0].panels[0].marks.iter();
        let means = marks.filter_map(|mark| match mark {
            Mark::Intervals { open: own, x, .. } if *own == open => Some(x[0]),
            _ => None,
        });
        means.collect()
    };
    let (_, summary) = csv(folder.path().join("out/summary.csv"));
    let control = summary.iter().find(|row| row[4] == "control_scale").unwrap();
    assert_eq!(at(false), [1.0, control[5].parse().unwrap(), 1.2]);
    // The mean over replicates of what `gdiff isotropy` measures.
    let runs: Vec<_> = results.runs.iter().map(|(folder, _)| folder.to_str().unwrap()).collect();
    let arguments = [&["isotropy", "--out", "s.csv"], &runs[..]].concat();
    succeeded(&crate::common::run(folder.path(), &arguments));
    let (header, rows) = csv(folder.path().join("s.csv"));
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let scale = |replicate: &str, lambda: &str| -> f64 {
        let of = |name: &str, row: &[String]| row[column(name)].clone();
        let own = |row: &&Vec<String>| {
            let names = ["replicate", "lambda", "control", "epsilon_scale"];
            names.map(|name| of(name, row)) == [replicate, lambda, "false", "1.0"]
        };
        of("output_scale", rows.iter().find(own).unwrap()).parse().unwrap()
    };
    let ratio = |replicate: &str| scale(replicate, "3.0") / scale(replicate, "0.0");
    let expected = 0.5 * (ratio("0") + ratio("1"));
    assert_eq!(at(true).len(), 1);
    assert!((at(true)[0] - expected).abs() < 1e-12, "{:?} {expected}", at(true));
    assert!(figure.note.contains(&format!("lambda 3 at {expected:.4}")), "{}", figure.note);
}

#[test]
fn the_paired_interval_holds_its_level_and_sees_what_separate_intervals_cannot() {
    let trials = 2000;
    let rejected = |n: usize, effect: f64| {
        let (mut paired, mut separate) = (0, 0);
        for trial in 0..trials {
            // What a pair shares (data, noise) varies thirty times as much as what it does not.
            let z = Stream::new(trial, n as u64, "pairs").standard_normal(0, n, 3);
            let b: Vec<f64> = z.rows().into_iter().map(|r| 3.0 * r[0] + 0.1 * r[1]).collect();
            let a: Vec<f64> = z.rows().into_iter().map(|r| 3.0 * r[0] + 0.1 * r[2] + effect).collect();
            let difference = paired_difference(&a, &b).unwrap();
            paired += usize::from(difference.mean.abs() > difference.half_width.unwrap());
            let (a, b) = (mean_interval(&a).unwrap(), mean_interval(&b).unwrap());
            let apart = a.half_width.unwrap() + b.half_width.unwrap();
            separate += usize::from((a.mean - b.mean).abs() > apart);
        }
        (paired as f64 / trials as f64, separate as f64 / trials as f64)
    };
    for n in [3, 5, 10] {
        // 5 %, with 4 standard errors of sqrt(0.05 0.95 / 2000) on both sides.
        let (null, _) = rejected(n, 0.0);
        assert!((0.0305..0.0695).contains(&null), "{n} pairs without effect: {null} rejected");
    }
    // Twice the standard deviation of a difference: found in nearly all of 5 pairs, never apart by itself.
    let (paired, separate) = rejected(5, 0.3);
    assert!(paired > 0.9 && separate < 0.01, "{paired} {separate}");
}

#[test]
fn the_summary_finds_an_effect_put_there_on_purpose_and_none_where_there_is_none() {
    let folder = tempdir().unwrap();
    // A lambda that leaves no time to learn anything but the length of the output: a large effect. A control
    // whose lambda is nearly 0 multiplies the output by 1: none.
    let sweep = "\n[[sweep.zip]]\n\"train.isotropy.lambda\" = [0.0, 100.0, 1e-12]\n\
        \"train.isotropy.control\" = [false, false, true]\n";
    spec(folder.path(), &format!("{MOONS}{sweep}").replace("points = true", "points = false"));
    run(folder.path(), "out", &["--set", "replicates=4"]);
    let (header, rows) = csv(folder.path().join("out/summary.csv"));
    assert_eq!(header[..4].join(","), "pipeline,train.isotropy.lambda,train.isotropy.control,metric");
    let number = |cell: &String| cell.parse::<f64>().unwrap_or_else(|_| panic!("`{cell}`"));
    let find = |lambda: f64, metric: &str| {
        let of = |r: &&Vec<String>| r[0] == "baseline" && number(&r[1]) == lambda && r[3] == metric;
        rows.iter().find(of).unwrap().clone()
    };
    let (header, metrics) = csv(folder.path().join("out/metrics.csv"));
    for metric in ["precision", "recall", "density", "coverage"] {
        let column = header.iter().position(|h| h == metric).unwrap();
        let last = |lambda: f64| -> Vec<f64> {
            let of = metrics.iter().filter(|r| number(&r[3]) == lambda && r[6] == "0");
            of.map(|r| number(&r[column])).collect()
        };
        for lambda in [100.0, 1e-12] {
            let row = find(lambda, metric);
            let interval = paired_difference(&last(lambda), &last(0.0)).unwrap();
            assert_eq!(interval.n, 4);
            let half = interval.half_width.unwrap();
            for (cell, expected) in
                row[8..11].iter().zip([interval.mean, interval.mean - half, interval.mean + half])
            {
                assert!((number(cell) - expected).abs() < 1e-12, "{metric} {lambda}: {row:?} {interval:?}");
            }
        }
        let none = find(1e-12, metric);
        assert!(none[8..11].iter().all(|cell| number(cell) == 0.0), "{metric}: {none:?}");
        assert!(find(0.0, metric)[8].is_empty(), "lambda = 0 is compared with itself");
    }
    // The control's factor stands beside its metrics, and its samples are those of a run outside the sweep.
    assert!(number(&find(1e-12, "control_scale")[4]) - 1.0 < 1e-9);
    assert!(rows.iter().filter(|r| r[3] == "control_scale").all(|r| r[2] == "true"));
    spec(folder.path(), MOONS);
    run(
        folder.path(),
        "alone",
        &["--set", "train.isotropy.lambda=1e-12", "--set", "train.isotropy.control=true"],
    );
    let name = metrics.iter().find(|r| r[4] == "true" && r[2] == "0").unwrap()[0].clone();
    for file in ["samples.csv", "model.safetensors"] {
        let read = |path: String| std::fs::read(folder.path().join(path).join(file)).unwrap();
        assert!(read(format!("out/runs/{name}")) == read("alone/runs/baseline-r0".into()), "{file}");
    }
    for metric in ["precision", "density", "coverage"] {
        let row = find(100.0, metric);
        assert!(number(&row[10]) < 0.0, "the interval of {metric} holds 0: {row:?}");
    }
}

#[test]
fn points_csv_holds_the_radii_and_spheres_of_brute_force() {
    let folder = tempdir().unwrap();
    spec(folder.path(), MOONS);
    run(folder.path(), "out", &["--set", "metrics.k=4"]);
    let out = folder.path().join("out/runs/baseline-r0");
    let (header, rows) = csv(out.join("points.csv"));
    assert_eq!(header.join(","), "kind,radius,spheres,x0,x1");
    let number = |cell: &String| cell.parse::<f64>().unwrap_or_else(|_| panic!("`{cell}`"));
    let (real, generated): (Vec<_>, Vec<_>) = rows.iter().partition(|r| r[0] == "real");
    assert_eq!((real.len(), generated.len()), (300, 200));
    assert!(generated.iter().all(|r| r[0] == "generated" && r[1].is_empty()));
    let (_, samples) = csv(out.join("samples.csv"));
    assert!(
        generated.iter().zip(&samples).all(|(r, s)| r[3..] == s[..]),
        "the generated points are the samples"
    );
    let distance =
        |a: &[String], b: &[String]| (number(&a[3]) - number(&b[3])).hypot(number(&a[4]) - number(&b[4]));
    let mut radii = Vec::new();
    for row in &real {
        let mut distances: Vec<f64> = real.iter().map(|other| distance(row, other)).collect();
        distances.sort_by(f64::total_cmp);
        // The smallest is the point's own, 0.
        assert!((number(&row[1]) - distances[4]).abs() < 1e-12, "{row:?}: {}", distances[4]);
        assert!(row[2].is_empty());
        radii.push(number(&row[1]));
    }
    let inside = |g: &[String], i: usize| distance(g, real[i]) < radii[i];
    let mut spheres = 0;
    for row in &generated {
        let count = (0..real.len()).filter(|&i| inside(row, i)).count();
        assert_eq!(row[2], count.to_string(), "{row:?}");
        spheres += count;
    }
    let (header, metrics) = csv(folder.path().join("out/metrics.csv"));
    let last = |name: &str| number(&metrics.last().unwrap()[header.iter().position(|h| h == name).unwrap()]);
    let precise = generated.iter().filter(|r| r[2] != "0").count();
    let covered = (0..real.len()).filter(|&i| generated.iter().any(|g| inside(g, i))).count();
    assert!((last("density") - spheres as f64 / (4.0 * 200.0)).abs() < 1e-12);
    assert!((last("precision") - precise as f64 / 200.0).abs() < 1e-12);
    assert!((last("coverage") - covered as f64 / 300.0).abs() < 1e-12);
    assert!(spheres > 0 && precise < 200, "the example is too easy");
}

#[test]
fn points_whose_squares_leave_the_range_of_numbers_are_refused_before_isotropy_csv_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let z = gdiff::numeric::random::Stream::new(3, 0, "far").standard_normal(0, 400, 2);
    let rows: String =
        z.rows().into_iter().map(|z| format!("{:e},{:e}\n", 1e160 * z[0], 1e160 * z[1])).collect();
    std::fs::write(folder.path().join("far.csv"), format!("a,b\n{rows}")).unwrap();
    let spec = "name = \"far\"\npipelines = [\"baseline\"]\n[data]\nkind = \"table\"\npath = \"far.csv\"\n\
                scale = \"none\"\n[diffusion]\nsteps = 4\nclip = \"none\"\n[network]\nhidden = [8, 8]\ntime_dim = 4\n\
                [train]\niterations = 4\n[metrics]\ndistances = \"none\"\n";
    crate::common::spec(folder.path(), spec);
    let output = crate::common::run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]);
    assert_eq!(output.status.code(), Some(1));
    let message = crate::common::message(&output);
    assert!(message.contains("squares leave the range of numbers (isotropy at t = 0)"), "{message}");
    assert!(message.contains("scale = \"standardize\""), "{message}");
    assert!(!folder.path().join("out/runs/baseline-r0/isotropy.csv").exists());
}
