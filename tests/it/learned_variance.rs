//! A learned variance of the reverse steps: its loss, its optimum, how it is sampled, and what is refused.

use crate::common::trainings::Alone;
use crate::common::{TINY, Waiting, message, run, said, same_tables, spec, succeeded, text};
use candle_core::{DType, Device, Tensor, Var};
use gdiff::data::mixture::GaussianMixture;
use gdiff::diffusion::sample::sample;
use gdiff::diffusion::train::VariationalBound;
use gdiff::diffusion::{
    BackendChoice, DataBox, Decay, Denoiser, DiffusionError, DiffusionOptions, IsotropyForm, IsotropyLoss,
    LossKind, MixtureDenoiser, Network, NetworkDenoiser, NetworkOptions, Outputs, Reduction, ReverseStep,
    SampleOptions, SamplerKind, Schedule, TrainOptions, TrainStreams, TrainingJob, VarianceKind,
};
use gdiff::numeric::random::Stream;
use gdiff::spec::{Identity, StageKeys, read_text};
use ndarray::{Array1, Array2, Axis, arr1, arr2};
use serde_json::Value;
use std::path::Path;
use tempfile::tempdir;

fn numbers(v: &Value) -> Vec<f64> {
    serde_json::from_value(v.clone()).unwrap()
}

fn schedule(steps: usize) -> Schedule {
    Schedule::new(&DiffusionOptions { steps, ..DiffusionOptions::default() }).unwrap()
}

/// Betas evenly spaced, steep enough that few steps suffice.
fn steep(steps: usize) -> Schedule {
    let beta = |i: usize| 0.02 + 0.5 * i as f64 / (steps - 1) as f64;
    Schedule::from_betas((0..steps).map(beta).collect()).unwrap()
}

#[test]
fn terms_and_derivatives_are_those_of_the_public_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/variational_bound.json");
    let oracle: Value = serde_json::from_str(&text(path)).unwrap();
    let mut compared = 0;
    for case in oracle["cases"].as_array().unwrap() {
        let bound = VariationalBound::new(&Schedule::from_betas(numbers(&case["betas"])).unwrap()).unwrap();
        for point in case["points"].as_array().unwrap() {
            let t = point["t"].as_u64().unwrap() as usize;
            let of = |key: &str| numbers(&point[key]);
            let (noise, predicted, output) = (of("noise"), of("predicted"), of("output"));
            for j in 0..3 {
                let (term, derivative) = bound.at(t).evaluate(output[j], (predicted[j] - noise[j]).powi(2));
                for (ours, theirs) in [(term, of("terms")[j]), (derivative, of("derivatives")[j])] {
                    let what = format!("{} at t = {t}: {ours}, not {theirs}", case["name"]);
                    assert!((ours - theirs).abs() <= 1e-9 * (1.0 + theirs.abs()), "{what}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 66);
}

/// The divergence of two normal distributions by quadrature, not by its formula.
#[test]
fn a_term_is_the_divergence_of_the_posterior_from_the_reverse_step() {
    let schedule = steep(6);
    let bound = VariationalBound::new(&schedule).unwrap();
    let density = |x: f64, mean: f64, variance: f64| {
        (-0.5 * (x - mean).powi(2) / variance).exp() / (std::f64::consts::TAU * variance).sqrt()
    };
    for t in 2..=6 {
        let step = ReverseStep::new(&schedule, t, t - 1);
        for (output, error) in [(-1.0, 0.0), (1.0, 0.0), (0.3, 0.7), (-2.0, -0.4), (1.7, 1.1)] {
            let (small, v) = (step.posterior_variance(), 0.5 * (output + 1.0));
            let variance = step.beta.powf(v) * small.powf(1.0 - v);
            let shift = error * step.beta / (step.alpha * (1.0 - step.alpha_bar)).sqrt();
            let (width, n) = (12.0 * small.sqrt(), 20_000);
            let at = |i: i32| f64::from(i) * width / f64::from(n);
            let integrand = |x: f64| {
                let log = |mean: f64, variance: f64| -0.5 * ((x - mean).powi(2) / variance + variance.ln());
                density(x, 0.0, small) * (log(0.0, small) - log(shift, variance))
            };
            let expected = (-n..=n).map(|i| integrand(at(i))).sum::<f64>() * width / f64::from(n);
            let (found, _) = bound.at(t).evaluate(output, error * error);
            assert!((found - expected).abs() < 1e-9 * (1.0 + expected), "t = {t}: {found}, not {expected}");
        }
    }
    // At t = 1: minus the log-density of x_0, whose mean is off by the error of x_0 predicted from x_1.
    let step = ReverseStep::new(&schedule, 1, 0);
    let second = ReverseStep::new(&schedule, 2, 1).posterior_variance();
    for (output, error) in [(-1.0, 0.5), (1.0, -0.2), (0.4, 1.3)] {
        let v = 0.5 * (output + 1.0);
        let variance = step.beta.powf(v) * second.powf(1.0 - v);
        let shift = error * ((1.0 - step.alpha_bar) / step.alpha_bar).sqrt();
        let (found, _) = bound.at(1).evaluate(output, error * error);
        assert!((found + density(0.0, shift, variance).ln()).abs() < 1e-12);
    }
    assert!(VariationalBound::new(&Schedule::from_betas(vec![0.1]).unwrap()).is_err());
}

/// The gradient with respect to all outputs is that of differences, where the bound sees the predicted noise as given: of
/// the simple loss in the first columns, of the bound in the last.
#[test]
fn the_graphs_gradient_is_that_of_differences() {
    let (schedule, n, d) = (steep(7), 9, 3);
    let bound = VariationalBound::new(&schedule).unwrap();
    let draw = |purpose: &str, columns| Stream::new(1, 0, purpose).standard_normal(0, n, columns);
    let (outputs, eps) = (draw("outputs", 2 * d), draw("eps", d));
    let t: Vec<usize> = (0..n).map(|i| 1 + i % 7).collect();
    let tensor = |x: &Array2<f64>| {
        Tensor::from_vec(x.iter().copied().collect::<Vec<_>>(), x.dim(), &Device::Cpu).unwrap()
    };
    for (lambda, form, reduction) in
        [(0.0, IsotropyForm::Batch, Reduction::Mean), (0.3, IsotropyForm::PerSample, Reduction::Sum)]
    {
        let options = IsotropyLoss { lambda, form, reduction, control: false };
        let hybrid = |x: &Tensor| options.evaluate_hybrid(x, &tensor(&eps), &bound, &t).unwrap();
        let simple = |x: &Array2<f64>| {
            let noise = x.slice(ndarray::s![.., ..d]).to_owned();
            options.evaluate(&tensor(&noise), &tensor(&eps)).unwrap().1
        };
        let var = Var::from_tensor(&tensor(&outputs)).unwrap();
        let (loss, terms) = hybrid(&var);
        // The sum over steps is T times the mean over drawn ones, with weight 0.001.
        let of_noise = simple(&outputs);
        let vlb = terms.bound.unwrap();
        assert!((terms.loss - of_noise.loss - 0.001 * vlb).abs() < 1e-12);
        assert_eq!((terms.mse, terms.isotropy), (of_noise.mse, of_noise.isotropy));
        let divisor = if reduction == Reduction::Mean { n * d } else { n } as f64;
        let by_hand = |x: &Array2<f64>| {
            let one = |i: usize, j: usize| {
                bound.at(t[i]).evaluate(x[[i, d + j]], (outputs[[i, j]] - eps[[i, j]]).powi(2)).0
            };
            let sum: f64 = (0..n).flat_map(|i| (0..d).map(move |j| (i, j))).map(|(i, j)| one(i, j)).sum();
            7.0 * sum / divisor
        };
        assert!((vlb - by_hand(&outputs)).abs() < 1e-12);
        let gradient = loss.backward().unwrap().get(&var).unwrap().to_vec2::<f64>().unwrap();
        let value = |x: &Array2<f64>| simple(x).loss + 0.001 * by_hand(x);
        for i in 0..n {
            for j in 0..2 * d {
                let moved = |h: f64| {
                    let mut x = outputs.clone();
                    x[[i, j]] += h;
                    value(&x)
                };
                let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                let far = (gradient[i][j] - expected).abs();
                assert!(far < 1e-8 * (1.0 + expected.abs()), "{i} {j}: {} {expected}", gradient[i][j]);
            }
        }
    }
}

fn streams(seed: u64) -> TrainStreams {
    let stream = |purpose| Stream::new(seed, 0, purpose);
    TrainStreams { shuffle: stream("shuffle"), timestep: stream("timestep"), noise: stream("noise") }
}

fn job(data: &Array2<f64>, schedule: &Schedule, options: TrainOptions, outputs: Outputs) -> TrainingJob {
    let network = NetworkOptions { hidden: Some(vec![32, 32]), ..NetworkOptions::default() };
    let (shape, stream) = ((data.ncols(), outputs), Stream::new(2, 0, "init"));
    let network = Network::with_dtype(shape, schedule.steps(), &network, &stream, &Device::Cpu, DType::F32);
    TrainingJob::new(data.clone(), schedule, network.unwrap(), options, streams(5)).unwrap()
}

/// Of normal data N(0, s^2) the noise has, given x_t, the variance `v_t = abar_t s^2 / (abar_t s^2 + 1 - abar_t)`, and the
/// variance that makes the bound least is `beta~_t + w_t v_t` (Bao et al. 2022); of a point it is `beta~_t`, and of
/// N(0, 1) `beta_t`. What the network has not learned of the noise adds to `v_t`, and is measured.
///
/// The tolerance is 0.06 in the logarithm. The 4000 points of two coordinates estimate a variance to 0.016 each (one
/// standard deviation), which a network that smooths over t shares between steps; with the learning rate falling to 0,
/// Adam's own noise is below that. The range, from one fixed variance to the other, is 1.70, 0.84, 0.52 and 0.34 wide at the
/// steps looked at.
#[test]
fn training_finds_the_variance_of_the_closed_form() {
    let schedule = steep(8);
    for s in [0.0, 0.5, 1.0] {
        let data = Stream::new(9, 0, "data").standard_normal(0, 4000, 2) * s;
        let options = TrainOptions {
            iterations: Some(8000),
            learning_rate: 3e-3,
            decay: Decay::Linear,
            ema: 0.99,
            ..TrainOptions::default()
        };
        let mut training =
            Alone::new(job(&data, &schedule, options, Outputs::NoiseAndVariance), BackendChoice::Auto);
        (0..8000).for_each(|_| assert!(training.step().unwrap().bound.is_some()));
        let denoiser = NetworkDenoiser::new(training.into_network(), 1.0).unwrap();
        let mut off_by = [0.0f64; 2];
        for t in [2, 3, 4, 5] {
            let step = ReverseStep::new(&schedule, t, t - 1);
            let abar = step.alpha_bar;
            let eps = Stream::new(9, 0, "fresh noise").standard_normal(t as u64, 4000, 2);
            let x = &eps * (1.0 - abar).sqrt() + &data * abar.sqrt();
            let (predicted, variance) = denoiser.predict_with_variance(x.view(), &step).unwrap();
            assert_eq!(predicted, denoiser.predict_noise(x.view(), t).unwrap());
            let of_noise = abar * s * s / (abar * s * s + 1.0 - abar);
            // E[eps | x_t] = sqrt(1 - abar_t) / (abar_t s^2 + 1 - abar_t) x_t.
            let best = &x * ((1.0 - abar).sqrt() / (abar * s * s + 1.0 - abar));
            let excess = (&predicted - &best).mapv(|v| v * v).mean().unwrap();
            let optimum = step.posterior_variance() + step.error_weight() * (of_noise + excess);
            if s == 1.0 {
                assert!(
                    (step.posterior_variance() + step.error_weight() * of_noise - step.beta).abs() < 1e-12
                );
            }
            let found = variance.mapv(f64::ln).mean().unwrap();
            assert!((found - optimum.ln()).abs() < 0.06, "s = {s}, t = {t}: {found}, not {}", optimum.ln());
            for (far, kind) in off_by.iter_mut().zip([VarianceKind::FixedSmall, VarianceKind::FixedLarge]) {
                *far = far.max((step.fixed_variance(kind).unwrap().ln() - optimum.ln()).abs());
            }
        }
        // Between the ends neither fixed variance is right.
        assert!(s != 0.5 || off_by.iter().all(|far| *far > 0.06), "{off_by:?}");
    }
}

fn normal(s: f64) -> GaussianMixture {
    GaussianMixture::new(&[1.0], &[Array1::zeros(2)], &[Array2::eye(2) * (s * s)]).unwrap()
}

/// The exact denoiser's variance is that of `x_s` given `x_t`, by quadrature over `x_s`, with steps left out too.
#[test]
fn the_exact_variance_is_that_of_the_step_before() {
    let covariances = [arr2(&[[0.09]]), arr2(&[[0.3]])];
    let mixture = GaussianMixture::new(&[0.7, 0.3], &[arr1(&[-1.0]), arr1(&[1.5])], &covariances).unwrap();
    // Of the second one abar_8 is 9e-22, where little is left of the point in its noise.
    let forgetful = Schedule::from_betas([vec![0.1], vec![0.999; 7]].concat()).unwrap();
    let schedule = schedule(20);
    let usual = [(2, 1), (10, 9), (20, 19), (10, 4), (20, 1)].map(|(t, to)| (&schedule, t, to));
    for (schedule, t, to) in usual.into_iter().chain([(&forgetful, 8, 1), (&forgetful, 8, 7)]) {
        let denoiser = MixtureDenoiser::new(&mixture, schedule).unwrap();
        let step = ReverseStep::new(schedule, t, to);
        let before = mixture.diffused(step.alpha_bar_after).unwrap();
        for x in [-1.2, 0.0, 0.4, 2.0] {
            let grid = Array2::from_shape_fn((40_001, 1), |(i, _)| -10.0 + 5e-4 * i as f64);
            let log = before.log_density(grid.view());
            let joint =
                |(y, log): (&f64, &f64)| (log - 0.5 * (x - step.alpha.sqrt() * y).powi(2) / step.beta).exp();
            let weights: Vec<f64> = grid.iter().zip(&log).map(joint).collect();
            let total: f64 = weights.iter().sum();
            let moment = |f: &dyn Fn(f64) -> f64| {
                grid.iter().zip(&weights).map(|(y, w)| f(*y) * w).sum::<f64>() / total
            };
            let mean = moment(&|y| y);
            let expected = moment(&|y| (y - mean).powi(2));
            let (_, variance) = denoiser.predict_with_variance(arr2(&[[x]]).view(), &step).unwrap();
            let found = variance[[0, 0]];
            assert!((found / expected - 1.0).abs() < 1e-6, "{t} to {to} at {x}: {found}, not {expected}");
        }
    }
    // Several dimensions with correlated coordinates: the diagonal of the covariance of a single normal distribution.
    let covariance = arr2(&[[1.0, 0.6], [0.6, 0.8]]);
    let one = GaussianMixture::new(&[1.0], &[arr1(&[1.0, 2.0])], std::slice::from_ref(&covariance)).unwrap();
    let step = ReverseStep::new(&schedule, 12, 5);
    let prior = &covariance * step.alpha_bar_after + Array2::<f64>::eye(2) * (1.0 - step.alpha_bar_after);
    let inverse = |m: &Array2<f64>| {
        let det = m[[0, 0]] * m[[1, 1]] - m[[0, 1]] * m[[1, 0]];
        arr2(&[[m[[1, 1]], -m[[0, 1]]], [-m[[1, 0]], m[[0, 0]]]]) / det
    };
    let expected = inverse(&(inverse(&prior) + Array2::<f64>::eye(2) * (step.alpha / step.beta)));
    let denoiser = MixtureDenoiser::new(&one, &schedule).unwrap();
    let (_, variance) = denoiser.predict_with_variance(arr2(&[[0.3, -1.0]]).view(), &step).unwrap();
    for j in 0..2 {
        assert!((variance[[0, j]] / expected[[j, j]] - 1.0).abs() < 1e-10);
    }
}

/// With the exact denoiser of normal data and its variance, however few the steps, the points keep the variance of the noised
/// data, `abar_t s^2 + 1 - abar_t`; with both fixed variances they do not.
#[test]
fn few_steps_with_the_best_variance_keep_the_variance_of_normal_data() {
    let (schedule, s, n) = (schedule(100), 0.5, 20_000);
    let denoiser = MixtureDenoiser::new(&normal(s), &schedule).unwrap();
    let noise = Stream::new(3, 0, "noise");
    let tolerance = 4.0 * (2.0 / (2 * n) as f64).sqrt();
    for steps in [3, 5, 10, 100] {
        let mut worst = VarianceKind::ALL.map(|_| 0.0f64);
        for (worst, kind) in worst.iter_mut().zip(VarianceKind::ALL) {
            let options = SampleOptions { steps: Some(steps), ..SampleOptions::new(SamplerKind::Ddpm) };
            let sampler = options.build(kind, None).unwrap();
            assert_eq!(sampler.calls(steps), steps);
            let start = Stream::new(3, 0, "start").standard_normal(0, n, 2);
            let mut see = |_: usize, t: usize, x: &Array2<f64>| -> Result<(), DiffusionError> {
                let abar = schedule.alpha_bar(t);
                let ratio = x.mapv(|v| v * v).mean().unwrap() / (abar * s * s + 1.0 - abar);
                // The step to the data adds no noise, so it keeps no variance.
                *worst = if t > 0 { worst.max((ratio - 1.0).abs()) } else { *worst };
                Ok(())
            };
            sample(&denoiser, &schedule, sampler, start, &noise, &mut see).unwrap();
        }
        let [small, large, learned] = worst;
        assert!(learned < tolerance, "{steps} steps: {learned}");
        assert!(steps == 100 || (small > 2.0 * tolerance && large > 2.0 * tolerance), "{steps}: {worst:?}");
    }
}

#[test]
fn a_clipped_step_takes_the_learned_variance_and_ends_in_the_box() {
    let schedule = schedule(30);
    let denoiser = MixtureDenoiser::new(&normal(1.0), &schedule).unwrap();
    let bounds = DataBox::of(arr2(&[[-0.5, -0.4], [0.6, 0.7]]).view());
    for steps in [2, 7, 30] {
        let options = SampleOptions { steps: Some(steps), ..SampleOptions::new(SamplerKind::Ddpm) };
        let draw = |kind| {
            let sampler = options.build(kind, None).unwrap();
            let sampler = gdiff::diffusion::sample::clip::within(Some(bounds.clone()), sampler);
            let start = Stream::new(3, 0, "start").standard_normal(0, 500, 2);
            let noise = Stream::new(3, 0, "noise");
            sample::<DiffusionError>(&denoiser, &schedule, sampler, start, &noise, &mut |_, _, _| Ok(()))
                .unwrap()
        };
        let x = draw(VarianceKind::LearnedRange);
        let inside = |row: ndarray::ArrayView1<f64>| {
            (-0.5 - 1e-12..=0.6 + 1e-12).contains(&row[0]) && (-0.4 - 1e-12..=0.7 + 1e-12).contains(&row[1])
        };
        assert!(x.axis_iter(Axis(0)).all(inside), "{steps}");
        assert_ne!(x, draw(VarianceKind::FixedSmall));
    }
}

#[test]
fn a_network_says_what_it_gives_and_takes_no_other() {
    let (steps, data) = (schedule(6), Array2::zeros((20, 2)));
    let options = NetworkOptions { hidden: Some(vec![5]), ..NetworkOptions::default() };
    let new = |outputs| {
        let stream = Stream::new(1, 0, "init");
        Network::with_dtype((2, outputs), 6, &options, &stream, &Device::Cpu, DType::F32).unwrap()
    };
    let (plain, learned) = (new(Outputs::Noise), new(Outputs::NoiseAndVariance));
    // The first columns start alike, so that two trainings differ in the loss alone.
    let first = |network: &Network| {
        let bias = network.parameters().get("layer1.bias").unwrap().to_vec1::<f32>().unwrap();
        (bias[0], bias[1])
    };
    assert_eq!(first(&plain), first(&learned));
    for network in [&plain, &learned] {
        let read = Network::from_safetensors(&network.to_safetensors().unwrap(), &Device::Cpu).unwrap();
        assert_eq!(read.outputs(), network.outputs());
    }
    let refused = plain.load_safetensors(&learned.to_safetensors().unwrap()).unwrap_err().to_string();
    assert!(refused.contains("`layer1.weight` has shape [4, 5]"), "{refused}");
    // A checkpoint of one is none of the other.
    let train = TrainOptions { iterations: Some(3), ..TrainOptions::default() };
    let mut other = job(&data, &steps, train, Outputs::Noise);
    let saved =
        Alone::new(job(&data, &steps, train, Outputs::NoiseAndVariance), BackendChoice::Auto).checkpoint();
    assert!(other.resume(&saved).unwrap_err().to_string().contains("has shape"));
    // The loss and the outputs go together.
    for (loss, network) in [(LossKind::Hybrid, plain), (LossKind::Simple, learned)] {
        let train = TrainOptions { loss: Some(loss), ..train };
        let refused =
            TrainingJob::new(data.clone(), &steps, network, train, streams(1)).unwrap_err().to_string();
        assert!(refused.contains("outputs for the variance"), "{refused}");
    }
    let plain = NetworkDenoiser::new(new(Outputs::Noise), 1.0).unwrap();
    let step = ReverseStep::new(&steps, 6, 5);
    let refused = plain.predict_with_variance(data.view(), &step).unwrap_err().to_string();
    assert!(refused.contains("has learned no variance"), "{refused}");
}

#[test]
fn a_factor_on_the_noise_leaves_the_variance_as_it_is() {
    let network = || {
        let options = NetworkOptions { hidden: Some(vec![5]), ..NetworkOptions::default() };
        let shape = (2, Outputs::NoiseAndVariance);
        Network::with_dtype(shape, 6, &options, &Stream::new(1, 0, "init"), &Device::Cpu, DType::F32).unwrap()
    };
    let x = Stream::new(1, 0, "x").standard_normal(0, 10, 2);
    let step = ReverseStep::new(&schedule(6), 5, 2);
    for backend in [BackendChoice::Auto, BackendChoice::Candle] {
        let ask = |factor| {
            let denoiser = NetworkDenoiser::with_backend(network(), factor, backend).unwrap();
            let both = NetworkDenoiser::joined(&[&denoiser], backend).unwrap();
            let found = denoiser.predict_with_variance(x.view(), &step).unwrap();
            let joined = both.predict_with_variance(x.view(), &step).unwrap();
            assert!((&found.0 - &joined.0).iter().all(|v| v.abs() < 1e-6));
            assert!((&found.1 - &joined.1).iter().all(|v| v.abs() < 1e-6));
            found
        };
        let (one, other) = (ask(1.0), ask(1.3));
        assert_eq!(other.0, one.0.mapv(|v| 1.3 * v));
        assert_eq!(other.1, one.1);
    }
}

/// The keys of the stages of a spec's baseline.
fn keys(text: &str) -> StageKeys {
    let study = read_text("spec.toml", text, &[]).unwrap();
    Identity::of(&study.base).stage_keys(&study.base.pipelines[0])
}

fn with(diffusion: &str, train: &str) -> String {
    TINY.replace("steps = 12", &format!("steps = 12\n{diffusion}"))
        .replace("iterations = 40", &format!("iterations = 40\n{train}"))
}

#[test]
fn a_learned_variance_is_another_training_and_a_fixed_one_is_not() {
    let plain = keys(TINY);
    assert_eq!(keys(&with("", "loss = \"simple\"")), plain);
    assert_eq!(keys(&with("variance = \"fixed_small\"", "")), plain);
    let large = keys(&with("variance = \"fixed_large\"", ""));
    assert_eq!((&large.training, large.run == plain.run), (&plain.training, false));
    let learned = keys(&with("variance = \"learned_range\"", ""));
    assert_eq!(learned.space, plain.space);
    assert!(learned.training != plain.training && learned.sampling != large.sampling);
    assert_eq!(keys(&with("variance = \"learned_range\"", "loss = \"hybrid\"")), learned);
}

#[test]
fn what_does_not_go_together_is_refused_in_words() {
    let folder = tempdir().unwrap();
    for (diffusion, train, words) in [
        ("", "loss = \"hybrid\"", "set diffusion.variance = \"learned_range\", or leave `train.loss` out"),
        ("variance = \"fixed_large\"", "loss = \"hybrid\"", "`train.loss` is \"hybrid\""),
        ("variance = \"learned_range\"", "loss = \"simple\"", "set train.loss = \"hybrid\", or leave it out"),
        ("variance = \"learned_rage\"", "", "did you mean `learned_range`?"),
        ("", "loss = \"hybird\"", "did you mean `hybrid`?"),
    ] {
        spec(folder.path(), &with(diffusion, train));
        let output = run(folder.path(), &["check", "spec.toml"]);
        assert_eq!(output.status.code(), Some(2), "{diffusion} {train}: {}", message(&output));
        assert!(message(&output).contains(words), "{diffusion} {train}: {}", message(&output));
    }
    let one_step = with("variance = \"learned_range\"", "").replace("steps = 12", "steps = 1");
    spec(folder.path(), &one_step);
    let refused = message(&run(folder.path(), &["check", "spec.toml"]));
    assert!(refused.contains("`diffusion.steps` is 1") && refused.contains("needs 2 or more"), "{refused}");
    // A variance that no sampler uses is learned all the same, and the user is told.
    spec(folder.path(), &with("variance = \"learned_range\"", ""));
    let output = run(folder.path(), &["check", "spec.toml", "--set", "sample.sampler=heun"]);
    let told = format!("{}{}", succeeded(&output), said(&output));
    assert!(told.contains("which the sampler Heun does not use"), "{told}");
    let silent = run(folder.path(), &["check", "spec.toml"]);
    assert!(!format!("{}{}", succeeded(&silent), said(&silent)).contains("does not use"));
    // Where nothing is trained and ancestral sampling does not run, it has no effect at all.
    let idle = ["--set", "sample.sampler=heun", "--set", "pipelines=[\"exact\"]"];
    let output = run(folder.path(), &[&["check", "spec.toml"], &idle[..]].concat());
    let told = format!("{}{}", succeeded(&output), said(&output));
    assert!(told.contains("`diffusion.variance` has no effect"), "{told}");
}

#[test]
fn runs_with_a_learned_variance_are_the_same_in_step_interrupted_and_on_other_threads() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let isotropy = "[train.isotropy]\nlambda = 0.1\n";
    let sweep = "[sweep]\n\"train.learning_rate\" = [1e-3, 1e-2]\n";
    let text = with("variance = \"learned_range\"", "ema = 0.9");
    spec(folder, &format!("{text}\n{isotropy}{sweep}"));
    let into = |out: &'static str, more: &[&'static str]| -> Vec<&'static str> {
        [&["run", "spec.toml", "--quiet", "--set", "sample.steps=5", "--out", out], more].concat()
    };
    succeeded(&run(folder, &into("alone", &["--jobs", "1", "--threads", "1"])));
    succeeded(&run(folder, &into("in_step", &["--batch-runs", "5", "--jobs", "2", "--threads", "3"])));
    same_tables(&folder.join("alone"), &folder.join("in_step"));
    let stopped = into("stopped", &["--jobs", "1", "--checkpoint-seconds", "0"]);
    Waiting::begin(folder, &stopped, &["train:30"]).kill();
    succeeded(&run(folder, &into("stopped", &["--jobs", "1"])));
    same_tables(&folder.join("alone"), &folder.join("stopped"));
}

#[test]
fn a_finished_run_is_sampled_with_any_variance_that_its_network_knows() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let text_of = with("variance = \"learned_range\"", "loss = \"hybrid\"")
        + "\n[diagnostics]\ncloning = true\nlikelihood = 20\nerror_over_t = true\n";
    spec(folder, &text_of);
    succeeded(&run(folder, &["run", "spec.toml", "--out", "learned", "--quiet"]));
    succeeded(&run(folder, &["verify", "learned"]));
    for pipeline in ["baseline", "exact", "gaussianized"] {
        let place = format!("learned/runs/{pipeline}-r0");
        let own = text(folder.join(&place).join("samples.csv"));
        assert_eq!(said(&run(folder, &["sample", &place])), own, "{pipeline}");
        let mut seen = vec![own];
        for flags in [
            &["--steps", "4"][..],
            &["--set", "diffusion.variance=fixed_small"],
            &["--set", "diffusion.variance=fixed_large"],
            &["--sampler", "ddim", "--steps", "4"],
            &["--start", "6"],
        ] {
            let output = run(folder, &[&["sample", place.as_str()], flags].concat());
            succeeded(&output);
            assert!(!seen.contains(&said(&output)), "{pipeline} {flags:?}");
            seen.push(said(&output));
        }
        let clipped = ["none", "data"]
            .map(|clip| said(&run(folder, &["sample", &place, "--set", &format!("diffusion.clip={clip}")])));
        assert_ne!(clipped[0], clipped[1], "{pipeline}");
        // The divergence of a step is that of two normal distributions of one known variance.
        if pipeline == "baseline" {
            let table = text(folder.join(&place).join("error_over_t.csv"));
            assert!(table.lines().skip(1).all(|row| row.ends_with(",,")), "{table}");
        }
    }
    succeeded(&run(folder, &["likelihood", "learned/runs/baseline-r0", "--count", "10"]));
    // A network that has learned none is not asked for one.
    spec(folder, TINY);
    succeeded(&run(folder, &["run", "spec.toml", "--out", "fixed", "--quiet"]));
    let learned = ["--set", "diffusion.variance=learned_range"];
    let output = run(folder, &[&["sample", "fixed/runs/baseline-r0"], &learned[..]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", message(&output));
    assert!(message(&output).contains("has learned no variance"), "{}", message(&output));
    succeeded(&run(folder, &[&["sample", "fixed/runs/exact-r0"], &learned[..]].concat()));
    // The model of one run in the folder of another.
    let model = std::fs::read(folder.join("fixed/runs/baseline-r0/model.safetensors")).unwrap();
    std::fs::write(folder.join("learned/runs/baseline-r0/model.safetensors"), model).unwrap();
    assert_ne!(run(folder, &["sample", "learned/runs/baseline-r0"]).status.code(), Some(0));
}
