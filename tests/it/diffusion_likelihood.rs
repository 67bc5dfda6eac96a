//! The likelihood of a model against closed forms, and the derivatives of a network against autograd and differences.

use candle_core::{DType, Device, Tensor, Var};
use gdiff::data::mixture::GaussianMixture;
use gdiff::diffusion::denoiser::{NoiseField, Probes, RealTimeDenoiser};
use gdiff::diffusion::likelihood::{
    ContinuousSchedule, LikelihoodOptions, Origin, PointLikelihood, log_likelihood,
};
use gdiff::diffusion::{
    Activation, BackendChoice, Conditioning, Denoiser, DiffusionError, DiffusionOptions, MixtureDenoiser,
    Network, NetworkDenoiser, NetworkOptions, Outputs, Schedule, ScheduleKind, TimeEncoding, TrainOptions,
    TrainStreams, TrainingJob,
};
use gdiff::numeric::gaussian::Gaussian;
use gdiff::numeric::random::Stream;
use ndarray::{Array1, Array2, ArrayView2, array};
use std::f64::consts::PI;

use crate::common::trainings::Alone;

fn schedule(kind: ScheduleKind, steps: usize) -> Schedule {
    Schedule::new(&DiffusionOptions { steps, schedule: kind, ..DiffusionOptions::default() }).unwrap()
}

fn linear(steps: usize) -> Schedule {
    schedule(ScheduleKind::Linear, steps)
}

fn stream() -> Stream {
    Stream::new(3, 0, "likelihood test")
}

fn grid(steps: usize) -> LikelihoodOptions {
    LikelihoodOptions { steps, ..LikelihoodOptions::default() }
}

/// Four unequal modes about 0, one of them tilted, in `d` dimensions (the further axes normal).
fn modes(d: usize) -> GaussianMixture {
    let mean = |x: f64, y: f64| {
        let mut mean = Array1::zeros(d);
        (mean[0], mean[d.min(2) - 1]) = if d > 1 { (x, y) } else { (x + y, x + y) };
        mean
    };
    let mut tilted = Array2::eye(d) * 0.1;
    if d > 1 {
        (tilted[[0, 1]], tilted[[1, 0]]) = (0.05, 0.05);
    }
    let round = Array2::eye(d) * 0.06;
    GaussianMixture::new(
        &[0.3, 0.3, 0.2, 0.2],
        &[mean(-1.2, 0.0), mean(1.2, 0.0), mean(0.0, 1.2), mean(0.0, -1.2)],
        &[tilted, round.clone(), round.clone(), round],
    )
    .unwrap()
}

fn likelihoods(
    denoiser: &dyn Denoiser,
    schedule: &Schedule,
    x: &Array2<f64>,
    options: &LikelihoodOptions,
) -> Vec<Option<PointLikelihood>> {
    let denoiser = denoiser.at_real_times().unwrap();
    log_likelihood(denoiser.as_ref(), schedule, Origin::Noise, x.view(), options, &stream()).unwrap()
}

fn values(found: &[Option<PointLikelihood>]) -> Vec<f64> {
    found.iter().map(|point| point.expect("no point is far out").log_likelihood).collect()
}

/// `log q` of the mixture's model in closed form: the density of `x_1 / sqrt(abar_1)`.
fn closed_form(mixture: &GaussianMixture, schedule: &Schedule, x: &Array2<f64>) -> Vec<f64> {
    let abar = schedule.alpha_bar(1);
    let p_1 = mixture.diffused(abar).unwrap().log_density((x * abar.sqrt()).view());
    p_1.iter().map(|p| p + 0.5 * x.ncols() as f64 * abar.ln()).collect()
}

fn worst(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn the_exact_denoiser_gives_the_density_of_the_noised_mixture_to_order_four() {
    for d in [1, 2, 3] {
        let mixture = modes(d);
        // So much noise at the end that p_T is N(0, I) to 1e-7.
        let schedule = Schedule::from_betas((1..=100).map(|t| 0.003 * t as f64).collect()).unwrap();
        assert!(schedule.alpha_bar(100) < 1e-7);
        let x = mixture.sample(200, &stream());
        let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
        let expected = closed_form(&mixture, &schedule, &x);
        let errors: Vec<f64> = [32, 64, 128]
            .iter()
            .map(|steps| worst(&values(&likelihoods(&denoiser, &schedule, &x, &grid(*steps))), &expected))
            .collect();
        assert!(errors[1] < 1e-3, "d = {d}: {errors:?}");
        assert!(errors[2] < 1e-4, "d = {d}: {errors:?}");
        assert!(errors[0] / errors[1] > 8.0 && errors[1] / errors[2] > 8.0, "d = {d}: {errors:?}");
        // The error that is reported is that of half the grid, and so larger than the real one, but where it happens to
        // be small.
        let found = likelihoods(&denoiser, &schedule, &x, &grid(64));
        let covered = |(point, expected): &(&PointLikelihood, &f64)| {
            (point.log_likelihood - **expected).abs() <= point.error + 1e-6
        };
        assert!(found.iter().flatten().zip(&expected).filter(covered).count() >= 190, "d = {d}");
    }
}

#[test]
fn usual_schedules_give_the_density_within_what_the_last_step_lacks_of_noise() {
    let mixture = modes(2);
    let x = mixture.sample(300, &stream());
    for kind in ScheduleKind::ALL {
        for steps in [20, 100, 1000] {
            let schedule = schedule(kind, steps);
            let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
            let expected = closed_form(&mixture, &schedule, &x);
            let found = values(&likelihoods(&denoiser, &schedule, &x, &LikelihoodOptions::default()));
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            assert!((mean(&found) - mean(&expected)).abs() < 1e-3, "{kind:?} {steps}");
            // The mean of the mixture is not quite 0, so sqrt(abar_T) of it is left in p_T.
            let left = 10.0 * schedule.alpha_bar(steps).sqrt() + 2e-3;
            assert!(worst(&found, &expected) < left, "{kind:?} {steps}: {}", worst(&found, &expected));
        }
    }
}

/// The exact denoiser of N(0, s^2 I) in `f64`, linear in the point: eps = sigma x / (abar s^2 + sigma^2).
struct Linear {
    s2: f64,
    dim: usize,
}

struct Factor {
    factor: f64,
    dim: usize,
}

impl RealTimeDenoiser for Linear {
    fn dim(&self) -> usize {
        self.dim
    }

    fn at(&self, _: f64, abar: f64) -> Result<Box<dyn NoiseField + '_>, DiffusionError> {
        let factor = (1.0 - abar).sqrt() / (abar * self.s2 + 1.0 - abar);
        Ok(Box::new(Factor { factor, dim: self.dim }))
    }
}

impl NoiseField for Factor {
    fn evaluate(&self, x: &[f64], probes: Probes, eps: &mut [f64], divergence: &mut [f64]) {
        eps.iter_mut().zip(x).for_each(|(eps, x)| *eps = self.factor * x);
        assert!(probes.estimates() * x.len() == divergence.len() * self.dim);
        divergence.fill(self.factor * self.dim as f64);
    }
}

#[test]
fn a_linear_denoiser_gives_the_normal_density_that_its_flow_has() {
    for (s2, dim, steps) in [(0.09_f64, 1, 100), (4.0, 5, 100), (1.0, 2, 1), (0.5, 3, 2), (0.25, 2, 1000)] {
        let schedule = linear(steps);
        let x = Stream::new(1, 0, "x").standard_normal(0, 7, dim) * s2.sqrt();
        let options = LikelihoodOptions { steps: 256, ..LikelihoodOptions::default() };
        let field = Linear { s2, dim };
        let found = log_likelihood(&field, &schedule, Origin::Noise, x.view(), &options, &stream()).unwrap();
        // The flow is linear: x_T = x_1 sqrt(v_T / v_1), v = abar s^2 + 1 - abar.
        let v = |t: usize| schedule.alpha_bar(t) * s2 + 1.0 - schedule.alpha_bar(t);
        let abar = schedule.alpha_bar(1);
        // With the variance of N(0, I) at the end, x_1 is normal with variance v_1 / v_T.
        let variance = v(1) / v(steps) / abar;
        for (row, point) in x.rows().into_iter().zip(&found) {
            let squared: f64 = row.iter().map(|v| v * v).sum();
            let expected = -0.5 * squared / variance - 0.5 * dim as f64 * (2.0 * PI * variance).ln();
            let point = point.unwrap();
            assert!(
                (point.log_likelihood - expected).abs() < 1e-5,
                "{s2} {dim} {steps}: {point:?} {expected}"
            );
        }
        // From the step in the middle, with its own normal distribution, it is the density itself.
        let middle = steps.div_ceil(2);
        let factor = (Array2::<f64>::eye(dim) * v(middle).sqrt()).iter().copied().collect();
        let density = Gaussian::new(vec![0.0; dim], factor);
        let origin = Origin::Gaussian { step: middle, density: &density };
        let found = log_likelihood(&field, &schedule, origin, x.view(), &options, &stream()).unwrap();
        let variance = v(1) / abar;
        for (row, point) in x.rows().into_iter().zip(&found) {
            let squared: f64 = row.iter().map(|v| v * v).sum();
            let expected = -0.5 * squared / variance - 0.5 * dim as f64 * (2.0 * PI * variance).ln();
            assert!((point.unwrap().log_likelihood - expected).abs() < 1e-5, "{s2} {dim} {steps}");
        }
    }
}

#[test]
fn the_schedule_between_its_steps_is_the_schedule_at_its_steps() {
    for kind in ScheduleKind::ALL {
        for steps in [1, 2, 3, 100] {
            let schedule = schedule(kind, steps);
            let continuous = ContinuousSchedule::new(&schedule);
            for t in 1..=steps {
                let gap = continuous.log_alpha_bar(t as f64).exp() / schedule.alpha_bar(t) - 1.0;
                assert!(gap.abs() < 1e-12, "{kind:?} {steps} {t}: {gap}");
                // The mean of beta(tau) over a step is -log(1 - beta_t).
                let h = 1e-3;
                let places = (0..1000).map(|i| t as f64 - 1.0 + (f64::from(i) + 0.5) * h);
                let total: f64 = places.map(|tau| continuous.beta(tau) * h).sum();
                assert!((total + schedule.alpha(t).ln()).abs() < 1e-5 * (1.0 + total), "{kind:?} {t}");
            }
            for i in 0..=50 {
                let tau = 1.0 + (steps as f64 - 1.0) * f64::from(i) / 50.0;
                let back = continuous.time_of(continuous.lambda(tau));
                assert!((back - tau).abs() < 1e-8 * steps as f64, "{kind:?} {steps}: {tau} {back}");
            }
        }
    }
}

fn network(dim: usize, options: &NetworkOptions, dtype: DType) -> Network {
    Network::with_dtype((dim, Outputs::Noise), 20, options, &stream(), &Device::Cpu, dtype).unwrap()
}

fn options(activation: Activation, time: TimeEncoding, conditioning: Conditioning) -> NetworkOptions {
    let hidden = Some(vec![3, 40, 17]);
    NetworkOptions {
        hidden,
        width: None,
        activation,
        time,
        time_dim: 6,
        conditioning,
        ..NetworkOptions::default()
    }
}

/// Prediction and Jacobian's traces by central differences of the same network in `f64`.
fn by_differences(network: &Network, x: &Array2<f64>, tau: f64) -> (Vec<f64>, Vec<f64>) {
    let (n, d) = x.dim();
    let width = network.layout().time_width;
    let encoding = network.options().time.at(tau, network.steps(), width).unwrap();
    let encoding = Tensor::from_vec(encoding.repeat(n), (n, width), &Device::Cpu).unwrap();
    let at = |x: &Array2<f64>| -> Vec<f64> {
        let x = Tensor::from_vec(x.iter().copied().collect(), (n, d), &Device::Cpu).unwrap();
        network.forward_encoded(&x, &encoding).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    let h = 1e-6;
    let mut divergence = vec![0.0; n];
    for j in 0..d {
        let moved = |by: f64| {
            let mut moved = x.clone();
            moved.column_mut(j).mapv_inplace(|v| v + by);
            at(&moved)
        };
        let (up, down) = (moved(h), moved(-h));
        divergence
            .iter_mut()
            .enumerate()
            .for_each(|(i, div)| *div += (up[i * d + j] - down[i * d + j]) / (2.0 * h));
    }
    (at(x), divergence)
}

#[test]
fn the_divergence_is_that_of_central_differences_in_f64_at_real_times() {
    for activation in Activation::ALL {
        for time in [TimeEncoding::Sinusoidal, TimeEncoding::Scalar] {
            for conditioning in [Conditioning::Concat, Conditioning::Add] {
                for (dim, tau) in [(1, 1.0), (2, 7.35), (5, 20.0), (33, 3.5)] {
                    let options = options(activation, time, conditioning);
                    let x = Stream::new(9, 0, "x").standard_normal(0, 70, dim);
                    let (eps, divergence) = by_differences(&network(dim, &options, DType::F64), &x, tau);
                    let denoiser = NetworkDenoiser::new(network(dim, &options, DType::F32), 1.3).unwrap();
                    let real = denoiser.at_real_times().unwrap();
                    let field = real.at(tau, 0.5).unwrap();
                    let (mut found, mut div) = (vec![0.0; 70 * dim], vec![0.0; 70]);
                    field.evaluate(x.as_slice().unwrap(), Probes::Exact, &mut found, &mut div);
                    let of = |values: &[f64]| -> Vec<f64> { values.iter().map(|v| 1.3 * v).collect() };
                    let what = format!("{options:?} {dim} {tau}");
                    assert!(worst(&found, &of(&eps)) < 2e-5, "{what}: {}", worst(&found, &of(&eps)));
                    assert!(
                        worst(&div, &of(&divergence)) < 2e-5,
                        "{what}: {}",
                        worst(&div, &of(&divergence))
                    );
                }
            }
        }
    }
}

#[test]
fn the_divergence_is_that_of_autograd_and_whole_times_give_the_network_itself() {
    let options = options(Activation::Silu, TimeEncoding::Sinusoidal, Conditioning::Concat);
    let (n, d) = (50, 3);
    let x = Stream::new(9, 0, "x").standard_normal(0, n, d);
    for t in [1, 8, 20] {
        let graph = network(d, &options, DType::F32);
        let values: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let var = Var::from_tensor(&Tensor::from_vec(values, (n, d), &Device::Cpu).unwrap()).unwrap();
        let eps = graph.forward(var.as_tensor(), &[t]).unwrap();
        let mut expected = vec![0.0; n];
        for j in 0..d {
            let gradients = eps.narrow(1, j, 1).unwrap().sum_all().unwrap().backward().unwrap();
            let column = gradients.get(&var).unwrap().narrow(1, j, 1).unwrap();
            let column: Vec<f32> = column.flatten_all().unwrap().to_vec1().unwrap();
            expected.iter_mut().zip(column).for_each(|(sum, v)| *sum += f64::from(v));
        }
        let fused = NetworkDenoiser::new(network(d, &options, DType::F32), 1.0).unwrap();
        let whole = fused.predict_noise(x.view(), t).unwrap();
        // A network that predicts on the graph gives the same: its parameters are what counts.
        let slow =
            NetworkDenoiser::with_backend(network(d, &options, DType::F32), 1.0, BackendChoice::Candle);
        for denoiser in [&fused, &slow.unwrap()] {
            let real = denoiser.at_real_times().unwrap();
            let field = real.at(t as f64, 0.5).unwrap();
            let (mut eps, mut div) = (vec![0.0; n * d], vec![0.0; n]);
            field.evaluate(x.as_slice().unwrap(), Probes::Exact, &mut eps, &mut div);
            assert_eq!(eps, whole.iter().copied().collect::<Vec<_>>());
            assert!(worst(&div, &expected) < 1e-5, "{}", worst(&div, &expected));
        }
    }
}

#[test]
fn signs_estimate_the_divergence_without_bias_and_say_how_far_off_they_are() {
    let dim = 5;
    let options = options(Activation::Tanh, TimeEncoding::Scalar, Conditioning::Add);
    let denoiser = NetworkDenoiser::new(network(dim, &options, DType::F32), 1.0).unwrap();
    let x = Stream::new(9, 0, "x").standard_normal(0, 400, dim);
    let schedule = Schedule::new(&DiffusionOptions { steps: 20, ..DiffusionOptions::default() }).unwrap();
    let exact = likelihoods(&denoiser, &schedule, &x, &LikelihoodOptions::default());
    let estimated = LikelihoodOptions { exact_up_to: 0, ..LikelihoodOptions::default() };
    let found = likelihoods(&denoiser, &schedule, &x, &estimated);
    // The differences in standard errors: with 16 vectors they follow Student's t with 15 degrees of freedom.
    let scores: Vec<f64> = found
        .iter()
        .flatten()
        .zip(exact.iter().flatten())
        .map(|(found, exact)| (found.log_likelihood - exact.log_likelihood) / found.error)
        .collect();
    let mean = scores.iter().sum::<f64>() / 400.0;
    let variance = scores.iter().map(|v| v * v).sum::<f64>() / 400.0;
    assert!(mean.abs() < 4.0 / 20.0, "{mean}");
    assert!((0.7..1.8).contains(&variance), "{variance}");
    // More vectors, smaller errors; a point's value depends on no other point.
    let more = LikelihoodOptions { probes: 256, ..estimated };
    let sum = |found: &[Option<PointLikelihood>]| found.iter().flatten().map(|p| p.error).sum::<f64>();
    let finer = likelihoods(&denoiser, &schedule, &x, &more);
    assert!(sum(&finer) < 0.4 * sum(&found), "{} {}", sum(&finer), sum(&found));
    let few = x.slice(ndarray::s![..131, ..]).to_owned();
    assert_eq!(likelihoods(&denoiser, &schedule, &few, &estimated), found[..131]);
    // A mixture knows its divergence: signs leave the error of the grid alone.
    let mixture = modes(2);
    let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let x = mixture.sample(20, &stream());
    let both = [LikelihoodOptions::default(), estimated].map(|o| likelihoods(&denoiser, &schedule, &x, &o));
    assert!(worst(&values(&both[0]), &values(&both[1])) < 1e-12);
}

/// A network trained a little on the modes.
fn trained((dim, outputs): (usize, Outputs), activation: Activation, schedule: &Schedule) -> NetworkDenoiser {
    let options = NetworkOptions { hidden: Some(vec![24, 24]), activation, ..NetworkOptions::default() };
    let (steps, cpu) = (schedule.steps(), Device::Cpu);
    let network = Network::with_dtype((dim, outputs), steps, &options, &stream(), &cpu, DType::F32).unwrap();
    let data = modes(dim).sample(2000, &stream());
    let purpose = |name| Stream::new(4, 0, name);
    let streams = TrainStreams { shuffle: purpose("a"), timestep: purpose("b"), noise: purpose("c") };
    let train = TrainOptions { iterations: Some(600), ..TrainOptions::default() };
    let mut training =
        Alone::new(TrainingJob::new(data, schedule, network, train, streams).unwrap(), BackendChoice::Auto);
    (0..600).for_each(|_| assert!(training.step().is_ok()));
    NetworkDenoiser::new(training.into_network(), 1.0).unwrap()
}

#[test]
fn the_density_of_a_trained_network_integrates_to_one() {
    let schedule = linear(100);
    for (activation, outputs) in [
        (Activation::Relu, Outputs::Noise),
        (Activation::Silu, Outputs::Noise),
        (Activation::Silu, Outputs::NoiseAndVariance),
    ] {
        let line = Array2::from_shape_fn((1601, 1), |(i, _)| -8.0 + 0.01 * i as f64);
        let one = trained((1, outputs), activation, &schedule);
        let found = values(&likelihoods(&one, &schedule, &line, &LikelihoodOptions::default()));
        let total: f64 = found.iter().map(|v| 0.01 * v.exp()).sum();
        assert!((total - 1.0).abs() < 1e-2, "{activation:?} {total}");
        let plane = Array2::from_shape_fn((121 * 121, 2), |(i, j)| {
            -6.0 + 0.1 * if j == 0 { i / 121 } else { i % 121 } as f64
        });
        let two = trained((2, outputs), activation, &schedule);
        let found = values(&likelihoods(&two, &schedule, &plane, &LikelihoodOptions::default()));
        let total: f64 = found.iter().map(|v| 0.01 * v.exp()).sum();
        assert!((total - 1.0).abs() < 1e-2, "{activation:?} {total}");
        // Another factor on the prediction is another model, whose density integrates to 1 too.
        let scaled = two.clone().with_epsilon_scale(1.05);
        let other = values(&likelihoods(&scaled, &schedule, &plane, &LikelihoodOptions::default()));
        assert!(worst(&other, &found) > 1e-2);
        let total: f64 = other.iter().map(|v| 0.01 * v.exp()).sum();
        assert!((total - 1.0).abs() < 1e-2, "{activation:?} {total}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let schedule = linear(50);
    let denoiser = trained((2, Outputs::Noise), Activation::Gelu, &schedule);
    let x = modes(2).sample(333, &stream());
    let with = |threads: usize, options: &LikelihoodOptions| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| likelihoods(&denoiser, &schedule, &x, options))
    };
    for options in [LikelihoodOptions::default(), LikelihoodOptions { exact_up_to: 1, ..grid(8) }] {
        let one = with(1, &options);
        assert_eq!(one.len(), 333);
        assert_eq!(one, with(3, &options));
    }
}

#[test]
fn points_far_out_have_a_finite_value_or_none() {
    let schedule = linear(50);
    let mixture = modes(2);
    let exact = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let network = trained((2, Outputs::Noise), Activation::Relu, &schedule);
    let far: Array2<f64> =
        array![[1e3, 0.0], [1e6, -1e6], [1e18, 0.0], [1e60, 1.0], [1e200, 0.0], [f64::MAX, 0.0]];
    for denoiser in [&exact as &dyn Denoiser, &network] {
        let found = likelihoods(denoiser, &schedule, &far, &LikelihoodOptions::default());
        for point in found.iter().flatten() {
            assert!(point.log_likelihood.is_finite() && point.error.is_finite());
        }
        let first = found[0].expect("a thousand is within range").log_likelihood;
        assert!(first < -1000.0, "{first}");
        assert_eq!(found[4], None);
        assert_eq!(found[5], None);
    }
    // One point, and none.
    let alone = array![[0.1, 0.2]];
    assert_eq!(likelihoods(&exact, &schedule, &alone, &LikelihoodOptions::default()).len(), 1);
    assert!(likelihoods(&exact, &schedule, &Array2::zeros((0, 2)), &LikelihoodOptions::default()).is_empty());
}

#[test]
fn what_is_known_at_whole_steps_only_is_refused() {
    for (time, conditioning, words) in [
        (TimeEncoding::Learned, Conditioning::Concat, "`network.time`"),
        (TimeEncoding::Learned, Conditioning::Add, "`network.time`"),
        (TimeEncoding::Sinusoidal, Conditioning::Scale, "`network.conditioning`"),
    ] {
        let options = options(Activation::Relu, time, conditioning);
        let denoiser = NetworkDenoiser::new(network(2, &options, DType::F32), 1.0).unwrap();
        let refused = denoiser.at_real_times().err().unwrap().to_string();
        assert!(refused.contains(words), "{refused}");
    }
    let mixture = modes(2);
    let schedule = linear(10);
    let refused = |x: ArrayView2<f64>, origin: Origin, options: LikelihoodOptions| {
        log_likelihood(&&mixture, &schedule, origin, x, &options, &stream()).unwrap_err().to_string()
    };
    let (two, three) = (Array2::zeros((1, 2)), Array2::zeros((1, 3)));
    let gaussian = |d: usize| Gaussian::new(vec![0.0; d], Array2::<f64>::eye(d).iter().copied().collect());
    let usual = LikelihoodOptions::default();
    assert!(refused(three.view(), Origin::Noise, usual).contains("3 dimensions"));
    let wide = gaussian(3);
    assert!(
        refused(two.view(), Origin::Gaussian { step: 2, density: &wide }, usual).contains("3 dimensions")
    );
    let late = Origin::Gaussian { step: 11, density: &gaussian(2) };
    assert!(refused(two.view(), late, usual).contains("no diffusion step 11"));
    assert!(refused(two.view(), Origin::Noise, grid(3)).contains("even number"));
    let one = LikelihoodOptions { probes: 1, ..usual };
    assert!(refused(two.view(), Origin::Noise, one).contains("at least 2"));
}
