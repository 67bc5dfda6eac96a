//! Schedules and samplers against diffusers, and the exact denoiser against the data it describes.

use gdiff::data::mixture::GaussianMixture;
use gdiff::diffusion::{
    DiffusionError, MixtureDenoiser, SamplerKind, SamplerOptions, Schedule, ScheduleKind, ScheduleOptions,
    Spacing, VarianceKind, sample, sampler::sample_with,
};
use gdiff::numeric::random::Stream;
use ndarray::{Array1, Array2, Axis, arr2};
use serde_json::Value;

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

fn linear(steps: usize, rescale: bool) -> ScheduleOptions {
    ScheduleOptions { steps, kind: ScheduleKind::Linear, beta_start: 1e-4, beta_end: 0.02, rescale }
}

fn schedule_of(args: &Value) -> Option<Schedule> {
    let steps = args["num_train_timesteps"].as_u64().unwrap() as usize;
    let options = match args["beta_schedule"].as_str().unwrap() {
        "linear" => ScheduleOptions {
            beta_start: args["beta_start"].as_f64().unwrap(),
            beta_end: args["beta_end"].as_f64().unwrap(),
            ..linear(steps, false)
        },
        "squaredcos_cap_v2" => ScheduleOptions { kind: ScheduleKind::Cosine, ..linear(steps, false) },
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
            assert_close(ours.variance(VarianceKind::FixedLarge, t), beta[i], 1e-13, &what);
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
    let refused = |options: ScheduleOptions| Schedule::new(&options).unwrap_err().to_string();
    assert!(refused(linear(0, false)).contains("at least 1 step"));
    for (start, end) in
        [(-1e-4, 0.02), (0.0, 0.02), (0.03, 0.02), (1e-4, 1.0), (f64::NAN, 0.02), (1e-4, f64::NAN)]
    {
        let message = refused(ScheduleOptions { beta_start: start, beta_end: end, ..linear(10, false) });
        assert!(message.contains("0 < beta_start <= beta_end < 1"), "{message}");
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
fn options_of(run: &Value) -> Option<SamplerOptions> {
    let options = &run["options"];
    let steps = Some(run["timesteps"].as_array().unwrap().len());
    let has = |key: &str| options.get(key).is_some();
    match run["scheduler"].as_str().unwrap() {
        "DDPM" if options["clip_sample"] == true => None,
        "DDPM" => {
            let large = options["variance_type"] == "fixed_large";
            let variance = if large { VarianceKind::FixedLarge } else { VarianceKind::FixedSmall };
            Some(SamplerOptions { variance, ..SamplerOptions::new(SamplerKind::Ddpm) })
        }
        "DDIM" if has("set_alpha_to_one") => None,
        "DDIM" => {
            let spacing = match options.get("timestep_spacing").map(|s| s.as_str().unwrap()) {
                Some("leading") | None => Spacing::Leading,
                Some("trailing") => Spacing::Trailing,
                _ => return None,
            };
            let eta = options.get("eta").map_or(0.0, |e| e.as_f64().unwrap());
            Some(SamplerOptions { steps, spacing, eta, ..SamplerOptions::new(SamplerKind::Ddim) })
        }
        _ if options["solver_order"] == 2 && options.as_object().unwrap().len() == 1 => {
            Some(SamplerOptions { steps, ..SamplerOptions::new(SamplerKind::DpmSolver2M) })
        }
        _ if run["name"] == "o2_trailing_10" => {
            Some(SamplerOptions { steps, ..SamplerOptions::new(SamplerKind::DpmSolver2M) })
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
        let Some(options) = options_of(run) else { continue };
        let schedule = schedule_of(&run["base"]).unwrap();
        let times: Vec<usize> = numbers(&run["timesteps"]).iter().map(|t| *t as usize + 1).collect();
        if options.times(&schedule).unwrap() != times {
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
            &options,
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
    let few = |kind, k| SamplerOptions { steps: Some(k), ..SamplerOptions::new(kind) };
    for (options, bias) in [
        (SamplerOptions::new(SamplerKind::Ddpm), 0.07),
        (
            SamplerOptions { variance: VarianceKind::FixedLarge, ..SamplerOptions::new(SamplerKind::Ddpm) },
            0.07,
        ),
        (few(SamplerKind::Ddim, 200), 0.07),
        (few(SamplerKind::DpmSolver2M, 50), 0.07),
    ] {
        let x_t = Stream::new(1, 0, "start").standard_normal(0, n, 2);
        let noise = Stream::new(1, 0, "noise");
        let x = sample::<DiffusionError>(&denoiser, &schedule, &options, x_t, &noise, &mut |_, _, _| Ok(()))
            .unwrap();
        let fake = mixture.log_density(x.view());
        let spread = real.var(1.0) / n as f64 + fake.var(1.0) / n as f64;
        let gap = fake.mean().unwrap() - real.mean().unwrap();
        assert!(gap.abs() < bias + 4.0 * spread.sqrt(), "{options:?}: {gap}");
        // Weights: the share of points on the left half is that of the first mode.
        let left = x.axis_iter(Axis(0)).filter(|r| r[0] < -1.0).count() as f64 / n as f64;
        assert!((left - 0.4).abs() < 0.04, "{options:?}: {left}");
    }
}

#[test]
fn sampling_can_start_late_and_stop_early() {
    let mixture = four_modes();
    let schedule = Schedule::new(&linear(100, true)).unwrap();
    let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let noise = Stream::new(3, 0, "noise");
    let options = SamplerOptions::new(SamplerKind::Ddpm);
    let x_t = noise.child("start").standard_normal(0, 50, 2);
    let mut half = None;
    let all = sample::<DiffusionError>(&denoiser, &schedule, &options, x_t, &noise, &mut |step, t, x| {
        assert_eq!(step + t, 100);
        if t == 40 {
            half = Some(x.clone());
        }
        Ok(())
    })
    .unwrap();
    let late = SamplerOptions { start: Some(40), ..options };
    let rest = sample::<DiffusionError>(
        &denoiser,
        &schedule,
        &late,
        half.clone().unwrap(),
        &noise,
        &mut |_, _, _| Ok(()),
    );
    assert_eq!(rest.unwrap(), all);
    let stopped =
        sample::<DiffusionError>(&denoiser, &schedule, &late, half.unwrap(), &noise, &mut |step, _, _| {
            if step == 3 { Err(DiffusionError::Option("enough".into())) } else { Ok(()) }
        });
    assert_eq!(stopped.unwrap_err().to_string(), "enough");
}

#[test]
fn ddim_with_all_noise_has_the_variance_of_ddpm() {
    // At eta = 1 and every step, DDIM and DDPM with beta~ are the same process.
    let mixture = four_modes();
    let schedule = Schedule::new(&linear(50, true)).unwrap();
    let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let noise = Stream::new(4, 0, "noise");
    let run = |options| {
        let x_t = noise.child("start").standard_normal(0, 100, 2);
        sample::<DiffusionError>(&denoiser, &schedule, &options, x_t, &noise, &mut |_, _, _| Ok(())).unwrap()
    };
    let ddpm = run(SamplerOptions::new(SamplerKind::Ddpm));
    let ddim = run(SamplerOptions { eta: 1.0, ..SamplerOptions::new(SamplerKind::Ddim) });
    for (a, b) in ddpm.iter().zip(&ddim) {
        assert_close(*a, *b, 1e-9, "eta = 1");
    }
}

#[test]
fn impossible_sampling_is_refused_in_words() {
    let schedule = Schedule::new(&linear(10, true)).unwrap();
    let ddim = SamplerOptions::new(SamplerKind::Ddim);
    for options in [
        SamplerOptions { steps: Some(0), ..ddim },
        SamplerOptions { steps: Some(11), ..ddim },
        SamplerOptions { start: Some(0), ..ddim },
        SamplerOptions { start: Some(11), ..ddim },
        SamplerOptions { eta: 1.5, ..ddim },
        SamplerOptions { eta: f64::NAN, ..ddim },
    ] {
        assert!(options.times(&schedule).is_err(), "{options:?}");
    }
    for spacing in [Spacing::Leading, Spacing::Trailing] {
        for count in 1..=10 {
            let times = SamplerOptions { steps: Some(count), spacing, ..ddim }.times(&schedule).unwrap();
            assert_eq!(times.len(), count);
            assert!(times.windows(2).all(|p| p[0] > p[1]) && times[count - 1] >= 1 && times[0] <= 10);
        }
    }
}
