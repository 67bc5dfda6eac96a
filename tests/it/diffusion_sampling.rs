//! Schedules and samplers against diffusers, and the exact denoiser against the data it describes.

use gdiff::data::mixture::GaussianMixture;
use gdiff::diffusion::{
    Denoiser, DiffusionError, DiffusionOptions, MixtureDenoiser, SampleOptions, SamplerKind, Schedule,
    ScheduleKind, Spacing, VarianceKind, sample, sample::sample_with,
};
use gdiff::numeric::random::Stream;
use ndarray::{Array1, Array2, ArrayView2, Axis, arr2};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};

fn oracle(name: &str) -> Value {
    let path = format!("{}/tests/oracles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(v: &Value) -> Vec<f64> {
    serde_json::from_value(v.clone()).unwrap()
}

fn matrix(v: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(v.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

#[track_caller]
fn assert_close(ours: f64, theirs: f64, tolerance: f64, what: &str) {
    assert!((ours - theirs).abs() <= tolerance * (1.0 + theirs.abs()), "{what}: {ours} but {theirs}");
}

fn linear(steps: usize, rescale: bool) -> DiffusionOptions {
    DiffusionOptions { steps, rescale, ..DiffusionOptions::default() }
}

fn schedule_of(args: &Value) -> Option<Schedule> {
    let steps = args["num_train_timesteps"].as_u64().unwrap() as usize;
    let options = match args["beta_schedule"].as_str().unwrap() {
        "linear" => DiffusionOptions {
            beta_start: args["beta_start"].as_f64().unwrap(),
            beta_end: args["beta_end"].as_f64().unwrap(),
            ..linear(steps, false)
        },
        "squaredcos_cap_v2" => DiffusionOptions { schedule: ScheduleKind::Cosine, ..linear(steps, false) },
        _ => return None,
    };
    Some(Schedule::new(&options).unwrap())
}

#[test]
fn schedules_and_variances_are_those_of_diffusers() {
    let mut compared = 0;
    for table in oracle("schedules")["tables"].as_array().unwrap() {
        let name = table["name"].as_str().unwrap();
        let Some(ours) = schedule_of(&table["args"]) else { continue };
        compared += 1;
        let column = |key: &str| numbers(&table[key]);
        let (beta, abar) = (column("beta"), column("alphas_cumprod"));
        let small = column("posterior_variance_fixed_small");
        for (i, t) in column("t").into_iter().map(|t| t as usize + 1).enumerate() {
            let what = format!("{name} at t = {t}");
            assert_close(ours.beta(t), beta[i], 1e-13, &what);
            assert_close(ours.alpha(t), 1.0 - beta[i], 1e-13, &what);
            assert_close(ours.alpha_bar(t) / abar[i], 1.0, 1e-9, &what);
            assert_close(ours.posterior_variance(t), small[i], 1e-12, &what);
            assert_close(ours.variance(VarianceKind::FixedLarge, t).unwrap(), beta[i], 1e-13, &what);
        }
    }
    assert_eq!(compared, 4);
}

#[test]
fn rescaling_keeps_the_end_of_the_process_noise() {
    for steps in [50, 100, 200, 1000] {
        let plain = Schedule::new(&linear(steps, false)).unwrap();
        let rescaled = Schedule::new(&linear(steps, true)).unwrap();
        assert!(rescaled.alpha_bar(steps) < 1e-4);
        assert!(steps == 1000 || plain.alpha_bar(steps) > 0.1);
    }
    assert_close(Schedule::new(&linear(100, false)).unwrap().alpha_bar(100), 0.36, 0.01, "abar_T");
    let capped = Schedule::new(&linear(20, true)).unwrap();
    assert_eq!(capped.beta(20), 0.999);
    assert!(Schedule::new(&linear(1, true)).is_ok());
}

#[test]
fn impossible_schedules_are_refused_in_words() {
    let refused = |options: DiffusionOptions| Schedule::new(&options).unwrap_err().to_string();
    assert!(refused(linear(0, false)).contains("whole number from 1"));
    let ends = |beta_start, beta_end| refused(DiffusionOptions { beta_start, beta_end, ..linear(10, false) });
    for (start, end, key) in [
        (-1e-4, 0.02, "`beta_start` is -0.0001"),
        (0.0, 0.02, "`beta_start` is 0"),
        (0.03, 0.02, "`beta_start` is 0.03, above `beta_end`"),
        (1e-4, 1.0, "`beta_end` is 1"),
        (f64::NAN, 0.02, "`beta_start` is NaN"),
        (1e-4, f64::NAN, "`beta_end` is NaN"),
    ] {
        let message = ends(start, end);
        assert!(message.contains(key), "{message}");
    }
    assert!(Schedule::from_betas(vec![0.1, 1.0]).unwrap_err().to_string().contains("beta_2 is 1"));
}

#[test]
fn speciation_is_where_the_signal_of_the_widest_direction_falls_below_the_noise() {
    let schedule = Schedule::new(&linear(1000, false)).unwrap();
    let t = schedule.speciation_step(4.0).unwrap();
    assert!(schedule.alpha_bar(t) < 0.25 && schedule.alpha_bar(t - 1) >= 0.25);
    assert_eq!(schedule.speciation_step(0.5), Some(1));
    assert_eq!(schedule.speciation_step(1e9), None);
}

/// The models that the oracle's trajectories were driven by.
fn model(oracle: &Value, name: &str) -> GaussianMixture {
    if name == "gauss" {
        let mu = Array1::from(numbers(&oracle["mu"]));
        return GaussianMixture::new(&[1.0], &[mu], &[matrix(&oracle["sigma"])]).unwrap();
    }
    let means: Vec<_> = matrix(&oracle["gmm_mu"]).rows().into_iter().map(|r| r.to_owned()).collect();
    let covariances: Vec<_> = oracle["gmm_cov"].as_array().unwrap().iter().map(matrix).collect();
    GaussianMixture::new(&numbers(&oracle["gmm_w"]), &means, &covariances).unwrap()
}

/// Our options for a run of the oracle; `None` for what we do not offer (clipping of x0, the library's
/// linspace times, other orders and ends of DPM-Solver).
fn options_of(run: &Value) -> Option<(SampleOptions, VarianceKind)> {
    let options = &run["options"];
    let steps = Some(run["timesteps"].as_array().unwrap().len());
    let has = |key: &str| options.get(key).is_some();
    let small = |options| Some((options, VarianceKind::FixedSmall));
    match run["scheduler"].as_str().unwrap() {
        "DDPM" if options["clip_sample"] == true => None,
        "DDPM" => {
            let large = options["variance_type"] == "fixed_large";
            let variance = if large { VarianceKind::FixedLarge } else { VarianceKind::FixedSmall };
            Some((SampleOptions::new(SamplerKind::Ddpm), variance))
        }
        "DDIM" if has("set_alpha_to_one") => None,
        "DDIM" => {
            let spacing = match options.get("timestep_spacing").map(|s| s.as_str().unwrap()) {
                Some("leading") | None => Spacing::Leading,
                Some("trailing") => Spacing::Trailing,
                _ => return None,
            };
            let eta = options.get("eta").map_or(0.0, |e| e.as_f64().unwrap());
            small(SampleOptions { steps, spacing, eta, ..SampleOptions::new(SamplerKind::Ddim) })
        }
        _ if options["solver_order"] == 2 && options.as_object().unwrap().len() == 1 => {
            small(SampleOptions { steps, ..SampleOptions::new(SamplerKind::DpmSolver2M) })
        }
        _ if run["name"] == "o2_trailing_10" => {
            small(SampleOptions { steps, ..SampleOptions::new(SamplerKind::DpmSolver2M) })
        }
        _ => None,
    }
}

/// With two models each: DDIM at 10 leading, 20 trailing and all 100 steps and with eta = 1; DDPM with both
/// variances; DPM-Solver++ 2M at 10 trailing steps.
const EXPECTED_RUNS: usize = 14;

#[test]
fn trajectories_are_those_of_diffusers() {
    let oracle = oracle("sampler_trajectories");
    let mut compared = 0;
    for run in oracle["runs"].as_array().unwrap() {
        let Some((options, variance)) = options_of(run) else { continue };
        let schedule = schedule_of(&run["base"]).unwrap();
        let times: Vec<usize> = numbers(&run["timesteps"]).iter().map(|t| *t as usize + 1).collect();
        let sampler = options.build(variance, None).unwrap();
        if sampler.times(&schedule).unwrap() != times {
            // DPM-Solver's default times there are spaced over 0 .. T - 1, ours over 0 .. T.
            assert_eq!(run["scheduler"], "DPMSolverMultistep");
            continue;
        }
        let name = run["model"].as_str().unwrap();
        let denoiser = MixtureDenoiser::new(&model(&oracle, name), &schedule).unwrap();
        let noise = |t: usize| matrix(&oracle["noise"][name][schedule.steps() - t]);
        let mut seen = Vec::new();
        let x_0 = sample_with::<DiffusionError>(
            &denoiser,
            &schedule,
            sampler,
            matrix(&oracle["x_T"]),
            &noise,
            &mut |step, t, x| {
                assert_eq!(t, times.get(step).copied().unwrap_or(0));
                seen.push(x.clone());
                Ok(())
            },
        )
        .unwrap();
        let what = format!("{} {} {name} {}", run["scheduler"], run["name"], run["options"]);
        let stored = run["x"].as_array().unwrap();
        // Either every step is stored or every tenth from the first, and the last.
        let at = |i: usize| match stored.len() {
            n if n == times.len() => i + 1,
            n if i + 1 == n => times.len(),
            _ => match run.get("stored_at") {
                Some(at) => at[i].as_u64().unwrap() as usize + 1,
                None => 10 * i + 1,
            },
        };
        for (i, theirs) in stored.iter().enumerate() {
            for (o, t) in seen[at(i)].iter().zip(&matrix(theirs)) {
                assert_close(*o, *t, 1e-9, &format!("{what}, stored {i}"));
            }
        }
        assert_eq!(x_0, seen[times.len()]);
        compared += 1;
    }
    assert_eq!(compared, EXPECTED_RUNS);
}

fn four_modes() -> GaussianMixture {
    let means = [[-2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, -2.0]].map(|m| Array1::from(m.to_vec()));
    let covariance = arr2(&[[0.09, 0.03], [0.03, 0.06]]);
    GaussianMixture::new(&[0.4, 0.3, 0.2, 0.1], &means, &vec![covariance; 4]).unwrap()
}

#[test]
fn every_sampler_with_the_exact_denoiser_reaches_the_datas_likelihood() {
    let mixture = four_modes();
    let schedule = Schedule::new(&linear(1000, false)).unwrap();
    let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let n = 4000;
    let real = mixture.log_density(mixture.sample(n, &Stream::new(1, 0, "real")).view());
    // As many steps as bring the sampler's own error below the bound.
    let steps = |kind| match kind {
        SamplerKind::Ddpm => None,
        SamplerKind::Ddim => Some(200),
        SamplerKind::DpmSolver2M | SamplerKind::Heun => Some(50),
    };
    let usual = SamplerKind::ALL.map(|kind| {
        (SampleOptions { steps: steps(kind), ..SampleOptions::new(kind) }, VarianceKind::FixedSmall)
    });
    let large = (SampleOptions::default(), VarianceKind::FixedLarge);
    for (options, variance) in usual.into_iter().chain([large]) {
        let x_t = Stream::new(1, 0, "start").standard_normal(0, n, 2);
        let noise = Stream::new(1, 0, "noise");
        let sampler = options.build(variance, None).unwrap();
        let x = sample::<DiffusionError>(&denoiser, &schedule, sampler, x_t, &noise, &mut |_, _, _| Ok(()))
            .unwrap();
        let fake = mixture.log_density(x.view());
        let spread = real.var(1.0) / n as f64 + fake.var(1.0) / n as f64;
        let gap = fake.mean().unwrap() - real.mean().unwrap();
        assert!(gap.abs() < 0.07 + 4.0 * spread.sqrt(), "{options:?}: {gap}");
        // Weights: the share of points on the left half is that of the first mode.
        let left = x.axis_iter(Axis(0)).filter(|r| r[0] < -1.0).count() as f64 / n as f64;
        assert!((left - 0.4).abs() < 0.04, "{options:?}: {left}");
    }
}

/// Each sampler with every spacing, at 50 steps and with all.
fn every_sampler(schedule: &Schedule) -> Vec<(SampleOptions, VarianceKind)> {
    let few = Some(schedule.steps().min(50));
    let all = (SamplerKind::Ddpm, Spacing::Trailing, None);
    SamplerKind::ALL
        .into_iter()
        .flat_map(|kind| Spacing::ALL.map(|spacing| (kind, spacing, few)))
        .chain([all])
        .map(|(kind, spacing, steps)| SampleOptions { steps, spacing, ..SampleOptions::new(kind) })
        .map(|options| (options, VarianceKind::FixedSmall))
        .collect()
}

#[test]
fn the_list_of_samplers_holds_every_name_of_the_schema() {
    let schema = gdiff::spec::schema();
    let offered = schema["properties"]["sample"]["properties"]["sampler"].to_string();
    let mut listed = 0;
    for kind in SamplerKind::ALL {
        let name = serde_json::to_value(kind).unwrap();
        assert!(offered.contains(&name.to_string()), "{name} is not in {offered}");
        listed += 1;
    }
    assert_eq!(offered.matches("\"const\"").count(), listed, "{offered}");
}

#[test]
fn every_sampler_visits_its_times_and_then_the_data() {
    let schedule = Schedule::new(&linear(100, true)).unwrap();
    let denoiser = MixtureDenoiser::new(&four_modes(), &schedule).unwrap();
    let noise = Stream::new(3, 0, "noise");
    for (options, variance) in every_sampler(&schedule) {
        for start in [None, Some(70)] {
            let build = || options.build(variance, start).unwrap();
            let mut expected = build().times(&schedule).unwrap();
            if options.spacing == Spacing::Trailing {
                assert_eq!(expected[0], start.unwrap_or(100), "{options:?}");
            }
            expected.push(0);
            let mut seen = Vec::new();
            let x_t = noise.child("start").standard_normal(0, 5, 2);
            let mut after = |step: usize, t: usize, _: &Array2<f64>| {
                assert_eq!(step, seen.len());
                seen.push(t);
                Ok::<(), DiffusionError>(())
            };
            sample(&denoiser, &schedule, build(), x_t, &noise, &mut after).unwrap();
            assert_eq!(seen, expected, "{options:?}");
        }
    }
}

/// A denoiser that counts how often it is asked.
struct Counting<'a> {
    denoiser: &'a MixtureDenoiser,
    calls: AtomicUsize,
}

impl Denoiser for Counting<'_> {
    fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.denoiser.predict_noise(x, t)
    }
}

#[test]
fn every_sampler_asks_the_denoiser_as_often_as_it_says() {
    let schedule = Schedule::new(&linear(60, true)).unwrap();
    let denoiser = MixtureDenoiser::new(&four_modes(), &schedule).unwrap();
    let noise = Stream::new(3, 0, "noise");
    for (options, variance) in every_sampler(&schedule) {
        let counting = Counting { denoiser: &denoiser, calls: AtomicUsize::new(0) };
        let sampler = options.build(variance, None).unwrap();
        let (calls, steps) = (sampler.calls_per_step(), sampler.times(&schedule).unwrap().len());
        let x_t = noise.child("start").standard_normal(0, 5, 2);
        sample::<DiffusionError>(&counting, &schedule, sampler, x_t, &noise, &mut |_, _, _| Ok(())).unwrap();
        assert_eq!(counting.calls.into_inner(), calls * (steps - 1) + 1, "{options:?}");
    }
}

/// The largest noise level `sigma = sqrt((1 - abar) / abar)` of [`smooth_schedule`].
const LARGEST_SIGMA: f64 = 20.0;

/// `sigma_t = 20 (t / T)^2`: smooth in `t` down to `t = 0`, so that every sampler shows its order, whatever steps
/// it visits.
fn smooth_schedule(steps: usize) -> Schedule {
    let abar = |t: usize| 1.0 / (1.0 + (LARGEST_SIGMA * (t as f64 / steps as f64).powi(2)).powi(2));
    Schedule::from_betas((1..=steps).map(|t| 1.0 - abar(t) / abar(t - 1)).collect()).unwrap()
}

/// The slope of log error against log steps, by least squares.
fn slope(errors: &[(usize, f64)]) -> f64 {
    let points: Vec<_> = errors.iter().map(|(k, error)| ((*k as f64).ln(), error.ln())).collect();
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    mean(&|p| (p.0 - x) * (p.1 - y)) / mean(&|p| (p.0 - x).powi(2))
}

/// The deterministic samplers and their order.
fn order(kind: SamplerKind) -> Option<f64> {
    match kind {
        SamplerKind::Ddpm => None,
        SamplerKind::Ddim => Some(1.0),
        SamplerKind::DpmSolver2M | SamplerKind::Heun => Some(2.0),
    }
}

/// Each deterministic sampler reaches `exact` from `x_t` with its order.
fn converges(denoiser: &MixtureDenoiser, schedule: &Schedule, x_t: &Array2<f64>, exact: &Array2<f64>) {
    let noise = |_: usize| -> Array2<f64> { panic!("a deterministic sampler asks for no noise") };
    for (kind, order) in SamplerKind::ALL.into_iter().filter_map(|kind| Some((kind, order(kind)?))) {
        let errors = [256, 512, 1024].map(|k| {
            let options = SampleOptions { steps: Some(k), ..SampleOptions::new(kind) };
            let sampler = options.build(VarianceKind::FixedSmall, None).unwrap();
            let ignore = &mut |_, _, _: &Array2<f64>| Ok(());
            let x = sample_with::<DiffusionError>(denoiser, schedule, sampler, x_t.clone(), &noise, ignore);
            let far = x.unwrap() - exact;
            (k, far.mapv(|v| v * v).mean().unwrap().sqrt())
        });
        let found = -slope(&errors);
        assert!((found - order).abs() < 0.15, "{kind:?} is of order {found}: {errors:?}");
    }
}

#[test]
fn deterministic_samplers_reach_a_gaussians_exact_flow_with_their_order() {
    // In y = x / sqrt(abar) a normal distribution N(mu, s^2 I) has the covariance (s^2 + sigma^2) I, and the
    // probability flow is y(sigma) - mu = sqrt((s^2 + sigma^2) / (s^2 + sigma_T^2)) (y_T - mu).
    let (mu, std) = (Array1::from(vec![1.5, -0.5]), [0.3, 0.8]);
    let covariance = arr2(&[[std[0] * std[0], 0.0], [0.0, std[1] * std[1]]]);
    let gauss = GaussianMixture::new(&[1.0], std::slice::from_ref(&mu), &[covariance]).unwrap();
    let schedule = smooth_schedule(4096);
    let denoiser = MixtureDenoiser::new(&gauss, &schedule).unwrap();
    let x_t = Stream::new(5, 0, "start").standard_normal(0, 8, 2);
    let mut exact = &x_t / schedule.alpha_bar(4096).sqrt() - &mu;
    for (mut column, s) in exact.columns_mut().into_iter().zip(std) {
        column *= s / (s * s + LARGEST_SIGMA * LARGEST_SIGMA).sqrt();
    }
    converges(&denoiser, &schedule, &x_t, &(exact + &mu));
}

#[test]
fn deterministic_samplers_reach_a_mixtures_flow_with_their_order() {
    let means = [[-1.0, 0.0], [1.0, 0.5]].map(|m| Array1::from(m.to_vec()));
    let covariance = arr2(&[[0.5, 0.1], [0.1, 0.4]]);
    let mixture = GaussianMixture::new(&[0.6, 0.4], &means, &vec![covariance; 2]).unwrap();
    let steps = 4096;
    let schedule = smooth_schedule(steps);
    let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let x_t = Stream::new(6, 0, "start").standard_normal(0, 8, 2);
    // The classical Runge-Kutta method in u = t / T: dy / du = eps dsigma / du, which is 0 at u = 0.
    let rate = |y: &Array2<f64>, t: usize| -> Array2<f64> {
        if t == 0 {
            return Array2::zeros(y.dim());
        }
        let x = y * schedule.alpha_bar(t).sqrt();
        denoiser.predict_noise(x.view(), t).unwrap() * (2.0 * LARGEST_SIGMA * t as f64 / steps as f64)
    };
    let mut y = &x_t / schedule.alpha_bar(steps).sqrt();
    let h = -2.0 / steps as f64;
    for t in (2..=steps).rev().step_by(2) {
        let k1 = rate(&y, t);
        let k2 = rate(&(&y + &(&k1 * (0.5 * h))), t - 1);
        let k3 = rate(&(&y + &(&k2 * (0.5 * h))), t - 1);
        let k4 = rate(&(&y + &(&k3 * h)), t - 2);
        y = y + (k1 + (k2 + k3) * 2.0 + k4) * (h / 6.0);
    }
    converges(&denoiser, &schedule, &x_t, &y);
}

#[test]
fn sampling_can_start_late_and_stop_early() {
    let mixture = four_modes();
    let schedule = Schedule::new(&linear(100, true)).unwrap();
    let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let noise = Stream::new(3, 0, "noise");
    let from = |start| SampleOptions::default().build(VarianceKind::FixedSmall, start).unwrap();
    let x_t = noise.child("start").standard_normal(0, 50, 2);
    let mut half = None;
    let all = sample::<DiffusionError>(&denoiser, &schedule, from(None), x_t, &noise, &mut |step, t, x| {
        assert_eq!(step + t, 100);
        if t == 40 {
            half = Some(x.clone());
        }
        Ok(())
    })
    .unwrap();
    let rest = sample::<DiffusionError>(
        &denoiser,
        &schedule,
        from(Some(40)),
        half.clone().unwrap(),
        &noise,
        &mut |_, _, _| Ok(()),
    );
    assert_eq!(rest.unwrap(), all);
    let stopped = sample::<DiffusionError>(
        &denoiser,
        &schedule,
        from(Some(40)),
        half.unwrap(),
        &noise,
        &mut |step, _, _| {
            if step == 3 { Err(DiffusionError::Option("enough".into())) } else { Ok(()) }
        },
    );
    assert_eq!(stopped.unwrap_err().to_string(), "enough");
}

#[test]
fn ddim_with_all_noise_has_the_variance_of_ddpm() {
    // At eta = 1 and the same steps, DDIM and DDPM with beta~ are the same process (Song et al. 2021).
    let mixture = four_modes();
    let schedule = Schedule::new(&linear(50, true)).unwrap();
    let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let noise = Stream::new(4, 0, "noise");
    let run = |options: SampleOptions| {
        let x_t = noise.child("start").standard_normal(0, 100, 2);
        let sampler = options.build(VarianceKind::FixedSmall, None).unwrap();
        sample::<DiffusionError>(&denoiser, &schedule, sampler, x_t, &noise, &mut |_, _, _| Ok(())).unwrap()
    };
    for spacing in Spacing::ALL {
        for steps in [None, Some(20), Some(7), Some(2), Some(1)] {
            let ddpm = run(SampleOptions { steps, spacing, ..SampleOptions::new(SamplerKind::Ddpm) });
            let ddim =
                run(SampleOptions { eta: 1.0, steps, spacing, ..SampleOptions::new(SamplerKind::Ddim) });
            for (a, b) in ddpm.iter().zip(&ddim) {
                assert_close(*a, *b, 1e-9, &format!("eta = 1, {steps:?} {spacing:?}"));
            }
        }
    }
}

#[test]
fn impossible_sampling_is_refused_in_words() {
    let schedule = Schedule::new(&linear(10, true)).unwrap();
    let ddim = SampleOptions::new(SamplerKind::Ddim);
    for (options, start) in [
        (SampleOptions { steps: Some(0), ..ddim.clone() }, None),
        (SampleOptions { steps: Some(11), ..ddim.clone() }, None),
        (ddim.clone(), Some(0)),
        (ddim.clone(), Some(11)),
        (SampleOptions { eta: 1.5, ..ddim.clone() }, None),
        (SampleOptions { eta: f64::NAN, ..ddim.clone() }, None),
    ] {
        let times = options.build(VarianceKind::FixedSmall, start).and_then(|s| s.times(&schedule));
        assert!(times.is_err(), "{options:?}");
    }
    for spacing in Spacing::ALL {
        for count in 1..=10 {
            let options = SampleOptions { steps: Some(count), spacing, ..ddim.clone() };
            let times = options.build(VarianceKind::FixedSmall, None).unwrap().times(&schedule).unwrap();
            assert_eq!(times.len(), count);
            assert!(times.windows(2).all(|p| p[0] > p[1]) && times[count - 1] >= 1 && times[0] <= 10);
        }
    }
}

#[test]
fn steps_even_in_log_snr_are_the_nearest_to_even_numbers() {
    for schedule in [ScheduleKind::Linear, ScheduleKind::Cosine] {
        let schedule = Schedule::new(&DiffusionOptions { schedule, ..linear(1000, true) }).unwrap();
        let log_snr = |t: usize| (schedule.alpha_bar(t) / (1.0 - schedule.alpha_bar(t))).ln();
        for (start, count) in [(1000, 2), (1000, 10), (1000, 50), (600, 7), (1000, 1)] {
            let options = SampleOptions {
                steps: Some(count),
                spacing: Spacing::LogSnr,
                ..SampleOptions::new(SamplerKind::Ddim)
            };
            let sampler = options.build(VarianceKind::FixedSmall, Some(start)).unwrap();
            let times = sampler.times(&schedule).unwrap();
            assert_eq!((times.len(), times[0]), (count, start));
            if count == 1 {
                continue;
            }
            assert_eq!(times[count - 1], 1);
            let (first, last) = (log_snr(start), log_snr(1));
            for (i, &t) in times.iter().enumerate() {
                let wanted = first + (last - first) * i as f64 / (count - 1) as f64;
                let distance = |t: usize| (log_snr(t) - wanted).abs();
                let best = (1..=start).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap();
                // Where several wish for one step, they take those beside it.
                let crowded = times.iter().filter(|other| other.abs_diff(best) <= count).count() > 1;
                assert!(t == best || crowded, "{start} {count}: step {i} is {t}, nearest is {best}");
            }
        }
    }
}
