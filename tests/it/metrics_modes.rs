//! The error of the mode weights, and the responsibilities that it is made of.

use crate::common::clouds::stream;
use gdiff::data::mixture::GaussianMixture;
use gdiff::metrics::{MetricsError, mode_error};
use ndarray::{Array1, Array2, array};

/// Four modes, more than nine standard deviations apart.
fn four_modes() -> GaussianMixture {
    let means = [array![-2.0, 0.0], array![2.0, 0.0], array![0.0, 2.0], array![0.0, -2.0]];
    GaussianMixture::new(&[0.3, 0.3, 0.2, 0.2], &means, &vec![Array2::eye(2) * 0.09; 4]).unwrap()
}

fn rows(value: &serde_json::Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn matrices(value: &serde_json::Value) -> Vec<Array2<f64>> {
    value.as_array().unwrap().iter().map(rows).collect()
}

fn means(value: &serde_json::Value) -> Vec<Array1<f64>> {
    serde_json::from_value::<Vec<Vec<f64>>>(value.clone()).unwrap().into_iter().map(Array1::from).collect()
}

fn weights(value: &serde_json::Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn equals_scikit_learn_on_every_oracle_case() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/mode_error.json"));
    let oracle: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let weights = weights(&case["weights"]);
        let mixture =
            GaussianMixture::new(&weights, &means(&case["means"]), &matrices(&case["covariances"])).unwrap();
        let ours = mode_error(&mixture, rows(&case["x"]).view()).unwrap();
        let theirs = case["error"].as_f64().unwrap();
        assert!((ours - theirs).abs() <= 1e-12, "{}: {ours} is not {theirs}", case["name"]);
    }
}

#[test]
fn responsibilities_equal_scipy_point_by_point() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/gmm_logpdf.json"));
    let oracle: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut compared = 0;
    for case in oracle["cases"].as_array().unwrap() {
        let mixture =
            GaussianMixture::new(&weights(&case["w"]), &means(&case["mu"]), &matrices(&case["cov"])).unwrap();
        let ours = mixture.responsibilities(rows(&case["x"]).view());
        let theirs = rows(&case["responsibilities"]);
        assert_eq!(ours.dim(), theirs.dim());
        for (a, b) in ours.iter().zip(&theirs) {
            // Mahalanobis distances of 1e5 squared leave 1e-11 of a logarithm.
            assert!((a - b).abs() <= 1e-9 * b.max(1e-3), "{}: {a} is not {b}", case["name"]);
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn points_whose_modes_are_sure_are_counted() {
    let mixture = four_modes();
    let (modes, shares) = ([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, -2.0]], [0.3, 0.3, 0.2, 0.2]);
    for counts in [[30, 30, 20, 20], [100, 0, 0, 0], [1, 2, 3, 4], [25, 25, 25, 25]] {
        let n: usize = counts.iter().sum();
        let of_mode = |k: usize| std::iter::repeat_n(modes[k], counts[k]);
        let points: Vec<f64> = (0..4).flat_map(of_mode).flatten().collect();
        let moved = Array2::from_shape_vec((n, 2), points).unwrap()
            + stream().child("modes").standard_normal(0, n, 2) * 0.05;
        let expected: f64 = (0..4).map(|k| (counts[k] as f64 / n as f64 - shares[k]).abs()).sum();
        let found = mode_error(&mixture, moved.view()).unwrap();
        assert!((found - expected).abs() < 1e-12, "{counts:?}: {found}, not {expected}");
    }
}

#[test]
fn true_samples_have_the_error_of_their_number_and_two_equal_components_share() {
    let mixture = four_modes();
    let n = 10_000;
    let errors: Vec<f64> = (0..20)
        .map(|i| {
            let stream = stream().child(&format!("true {i}"));
            mode_error(&mixture, mixture.sample(n, &stream).view()).unwrap()
        })
        .collect();
    let expected: f64 = [0.3, 0.3, 0.2, 0.2]
        .iter()
        .map(|w| (2.0 * w * (1.0 - w) / (std::f64::consts::PI * n as f64)).sqrt())
        .sum();
    let mean = errors.iter().sum::<f64>() / 20.0;
    assert!((mean / expected - 1.0).abs() < 0.3, "{mean}, not {expected}");
    let same =
        GaussianMixture::new(&[0.8, 0.2], &[array![1.0], array![1.0]], &vec![array![[2.0]]; 2]).unwrap();
    assert!(mode_error(&same, array![[0.0], [5.0], [-1e9]].view()).unwrap() < 1e-12);
}

/// Every density is below the range of numbers; the nearest mode has the point all the same.
#[test]
fn far_points_belong_to_the_nearest_mode() {
    let mixture = four_modes();
    for far in [1e2, 1e4, 1e8, 1e12] {
        let found =
            mixture.responsibilities(array![[-far, 0.1 * far], [far, 0.0], [3.0, far], [0.0, -far]].view());
        assert_eq!(found, Array2::<f64>::eye(4), "{far:e}");
    }
    // Beyond 1e154 standard deviations squares overflow: the widest component has everything.
    let wide =
        GaussianMixture::new(&[0.5, 0.5], &[array![0.0], array![0.0]], &[array![[1.0]], array![[4.0]]])
            .unwrap();
    for far in [1e10, 1e160, 1e200, 1e300] {
        assert_eq!(wide.responsibilities(array![[far]].view()), array![[0.0, 1.0]], "{far:e}");
        assert_eq!(mode_error(&wide, array![[far], [-far]].view()), Ok(1.0), "{far:e}");
    }
    let beyond = mode_error(&four_modes(), array![[f64::MAX, 0.0]].view()).unwrap();
    assert!(beyond.is_nan(), "{beyond}");
}

#[test]
fn threads_change_no_bit_and_what_cannot_be_scored_is_refused() {
    let mixture = four_modes();
    let x = stream().child("threads").standard_normal(0, 5000, 2) * 2.0;
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| mode_error(&mixture, x.view()).unwrap().to_bits())
    };
    assert!([2, 3, 5].into_iter().all(|threads| with(threads) == with(1)));
    let (real, generated) = (2, 3);
    assert_eq!(
        mode_error(&mixture, Array2::zeros((4, 3)).view()),
        Err(MetricsError::DifferentColumns { real, generated })
    );
    let none = mode_error(&mixture, Array2::zeros((0, 2)).view());
    assert_eq!(none, Err(MetricsError::NoPoints { which: "generated" }));
    for value in [f64::NAN, f64::INFINITY] {
        let found = mode_error(&mixture, array![[0.0, 0.0], [value, 0.0]].view()).unwrap_err();
        assert!(matches!(found, MetricsError::NotFinite { row: 1, column: 0, .. }), "{found}");
    }
}
