//! Gaussian mixtures against scipy's log-density and jax's gradients of it.

use gdiff::data::mixture::GaussianMixture;
use gdiff::diffusion::{Denoiser, MixtureDenoiser, Schedule};
use gdiff::numeric::random::Stream;
use ndarray::{Array1, Array2};
use serde::Deserialize;

#[derive(Deserialize)]
struct Diffused {
    abar: f64,
    log_p_t: Vec<f64>,
    eps_star: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    w: Vec<f64>,
    mu: Vec<Vec<f64>>,
    cov: Vec<Vec<Vec<f64>>>,
    x: Vec<Vec<f64>>,
    logpdf: Vec<f64>,
    avg: f64,
    diffused: Vec<Diffused>,
}

#[derive(Deserialize)]
struct Oracle {
    cases: Vec<Case>,
}

fn matrix(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn cases() -> Vec<(Case, GaussianMixture)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/gmm_logpdf.json");
    let oracle: Oracle = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let build = |c: &Case| {
        let means: Vec<_> = c.mu.iter().map(|m| Array1::from(m.clone())).collect();
        let covariances: Vec<_> = c.cov.iter().map(|s| matrix(s)).collect();
        GaussianMixture::new(&c.w, &means, &covariances).unwrap()
    };
    oracle.cases.into_iter().map(|c| (build(&c), c)).map(|(m, c)| (c, m)).collect()
}

#[track_caller]
fn assert_close(ours: f64, theirs: f64, tolerance: f64, what: &str) {
    assert!((ours - theirs).abs() <= tolerance * (1.0 + theirs.abs()), "{what}: {ours} but {theirs}");
}

#[test]
fn log_density_is_scipys() {
    for (case, mixture) in cases() {
        let ours = mixture.log_density(matrix(&case.x).view());
        for (o, t) in ours.iter().zip(&case.logpdf) {
            assert_close(*o, *t, 1e-11, &case.name);
        }
        assert_close(ours.mean().unwrap(), case.avg, 1e-11, &case.name);
    }
}

#[test]
fn diffused_log_density_is_scipys() {
    for (case, mixture) in cases() {
        for d in &case.diffused {
            let ours = mixture.diffused(d.abar).unwrap().log_density(matrix(&case.x).view());
            for (o, t) in ours.iter().zip(&d.log_p_t) {
                assert_close(*o, *t, 1e-11, &format!("{} at {}", case.name, d.abar));
            }
        }
    }
}

#[test]
fn exact_noise_is_jaxs_gradient() {
    for (case, mixture) in cases() {
        for d in &case.diffused {
            // One step whose abar is the oracle's.
            let schedule = Schedule::from_betas(vec![1.0 - d.abar]).unwrap();
            let ours = MixtureDenoiser::new(&mixture, &schedule).unwrap();
            let ours = ours.predict_noise(matrix(&case.x).view(), 1).unwrap();
            for (o, t) in ours.iter().zip(d.eps_star.iter().flatten()) {
                assert_close(*o, *t, 1e-10, &format!("{} at {}", case.name, d.abar));
            }
        }
    }
}

#[test]
fn rows_with_steps_of_their_own_get_what_they_get_alone() {
    let (case, mixture) = cases().swap_remove(2);
    let schedule = Schedule::from_betas(vec![0.1, 0.2, 0.3]).unwrap();
    let denoiser = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let x = matrix(&case.x);
    let t: Vec<usize> = (0..x.nrows()).map(|i| 1 + (7 * i) % 3).collect();
    let each = denoiser.predict_noise_each(x.view(), &t).unwrap();
    for (i, &t) in t.iter().enumerate() {
        assert_eq!(each.row(i), denoiser.predict_noise(x.view(), t).unwrap().row(i));
    }
    assert!(denoiser.predict_noise_each(x.view(), &t[1..]).is_err());
    assert!(denoiser.predict_noise(x.view(), 0).is_err());
    assert!(denoiser.predict_noise(x.view(), 4).is_err());
}

#[test]
fn a_mixture_too_large_to_be_kept_for_every_step_gives_the_same_noise() {
    let (case, mixture) = cases().into_iter().find(|(c, _)| c.name == "d16_K3").unwrap();
    let short = Schedule::from_betas(vec![0.01; 20]).unwrap();
    let long = Schedule::from_betas(vec![0.01; 6000]).unwrap();
    let x = matrix(&case.x);
    let a = MixtureDenoiser::new(&mixture, &short).unwrap().predict_noise(x.view(), 20).unwrap();
    let b = MixtureDenoiser::new(&mixture, &long).unwrap().predict_noise(x.view(), 20).unwrap();
    assert_eq!(a, b);
}

#[test]
fn score_is_the_gradient_of_the_log_density() {
    for (case, mixture) in cases() {
        let x = matrix(&case.x).mapv(|v| v.clamp(-4.0, 4.0));
        let score = mixture.score(x.view());
        let h = 1e-5;
        for j in 0..x.ncols() {
            let moved = |by: f64| {
                let mut x = x.clone();
                x.column_mut(j).mapv_inplace(|v| v + by);
                mixture.log_density(x.view())
            };
            let difference = (moved(h) - moved(-h)) / (2.0 * h);
            for (s, f) in score.column(j).iter().zip(&difference) {
                assert_close(*s, *f, 1e-5, &case.name);
            }
        }
    }
}

/// A mixture of two modes at -2 and 2 with the given weights.
fn two_modes(weights: [f64; 2], std: f64) -> Result<GaussianMixture, gdiff::data::mixture::MixtureError> {
    let covariance = Array2::eye(1) * (std * std);
    GaussianMixture::new(
        &weights,
        &[Array1::from(vec![-2.0]), Array1::from(vec![2.0])],
        &[covariance.clone(), covariance],
    )
}

#[test]
fn weights_count_relative_to_each_other_at_every_scale() {
    let points = |w| two_modes(w, 0.1).unwrap().sample(10_000, &Stream::new(1, 0, "weights"));
    let usual = points([0.5, 0.5]);
    let left = usual.iter().filter(|v| **v < 0.0).count();
    assert!((left as f64 - 5000.0).abs() < 250.0, "{left}");
    for weights in [[1e308, 1e308], [1.7e308, 1.7e308], [1e-300, 1e-300]] {
        assert_eq!(points(weights), usual, "{weights:?}");
    }
    let x = ndarray::array![[-2.0], [0.3], [7.0]];
    let density = |w| two_modes(w, 0.7).unwrap().log_density(x.view());
    let difference = &density([1.0, 3.0]) - &density([5e307, 1.5e308]);
    assert!(difference.iter().all(|v| v.abs() < 1e-12), "{difference}");
    let refused = two_modes([1e-10, 1e308], 0.1).unwrap_err().to_string();
    assert!(refused.contains("1e-10") && refused.contains("1e308"), "{refused}");
}

#[test]
fn the_score_is_right_however_far_out_a_point_lies() {
    let mixture = two_modes([0.3, 0.7], 0.5).unwrap();
    for x in [1e3, 1e100, 1e160, 1e200, -1e200, 1e300] {
        let score = mixture.score(ndarray::array![[x]].view())[[0, 0]];
        let expected = (2.0_f64.copysign(x) - x) / 0.25;
        assert!((score / expected - 1.0).abs() < 1e-12, "{x}: {score} for {expected}");
    }
    // The broader component is nearer far out, whatever its weight.
    let covariances = [Array2::eye(2), Array2::eye(2) * 4.0];
    let means = [Array1::zeros(2), Array1::zeros(2)];
    let mixture = GaussianMixture::new(&[0.99, 0.01], &means, &covariances).unwrap();
    let score = mixture.score(ndarray::array![[3e200, -1e199]].view());
    assert!((score[[0, 0]] / -0.75e200 - 1.0).abs() < 1e-12 && (score[[0, 1]] / 2.5e198 - 1.0).abs() < 1e-12);
    // Below the range of numbers: minus infinity, which a run reports, and never a number.
    assert_eq!(mixture.log_density(ndarray::array![[1e200, 0.0]].view())[0], f64::NEG_INFINITY);
    assert!(!mixture.score(ndarray::array![[f64::MAX, f64::NAN]].view())[[0, 0]].is_finite());
}

#[test]
fn a_point_has_the_same_bits_alone_and_among_others() {
    let (_, mixture) = cases().into_iter().max_by_key(|(case, _)| case.w.len()).unwrap();
    // A number of rows that no vector divides; some of them are so far out that they are computed one by one.
    let mut x = Stream::new(1, 0, "alone").standard_normal(0, 1043, mixture.dim()) * 3.0;
    x.row_mut(5).fill(1e5);
    x.row_mut(700).fill(-1e200);
    let (log_density, score) = (mixture.log_density(x.view()), mixture.score(x.view()));
    let bits = |values: ndarray::ArrayView1<f64>| values.iter().map(|v| v.to_bits()).collect::<Vec<u64>>();
    for (i, row) in x.rows().into_iter().enumerate() {
        let row = row.insert_axis(ndarray::Axis(0));
        assert_eq!(bits(mixture.log_density(row).view()), [log_density[i].to_bits()], "row {i}");
        assert_eq!(bits(mixture.score(row).row(0)), bits(score.row(i)), "row {i}");
    }
    assert!(log_density[5] < -1e8 && log_density[700] == f64::NEG_INFINITY);
}
