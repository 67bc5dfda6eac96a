//! Fits to few points: a map is worth no less on fresh points than one normal distribution.

use crate::common::clouds::{fit, stream};
use gdiff::gaussianize::{GaussianizeOptions, Gaussianizer, StopReason, Tails, Watch};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use ndarray_linalg::{Cholesky, UPLO};

/// Mean log-density of `fresh` under the normal distribution of the points `x`, their correlations multiplied by `kept`.
fn one_normal(x: &Array2<f64>, fresh: ArrayView2<f64>, kept: f64) -> f64 {
    let (n, d) = x.dim();
    let mean = x.mean_axis(Axis(0)).unwrap();
    let centred = x - &mean;
    let mut covariance = centred.t().dot(&centred) / (n as f64 - 1.0);
    for ((i, j), c) in covariance.indexed_iter_mut() {
        *c *= if i == j { 1.0 } else { kept };
    }
    let Ok(factor) = covariance.cholesky(UPLO::Lower) else { return f64::NEG_INFINITY };
    let mut total = 0.0;
    for row in fresh.rows() {
        let mut y = Array1::<f64>::zeros(d);
        for i in 0..d {
            let known: f64 = (0..i).map(|j| factor[[i, j]] * y[j]).sum();
            y[i] = (row[i] - mean[i] - known) / factor[[i, i]];
            total -= 0.5 * y[i] * y[i] + factor[[i, i]].ln() + 0.918_938_533_204_672_7;
        }
    }
    total / fresh.nrows() as f64
}

/// The best of several shrinkages, chosen with the fresh points themselves: no worse than any that could be estimated.
fn best_normal(x: &Array2<f64>, fresh: ArrayView2<f64>) -> f64 {
    [1.0, 0.9, 0.75, 0.5, 0.25, 0.0]
        .into_iter()
        .map(|kept| one_normal(x, fresh, kept))
        .fold(f64::MIN, f64::max)
}

/// `n` points: correlated normal, two modes, or skewed.
fn cloud(kind: &str, n: usize, d: usize, at: u64) -> Array2<f64> {
    let z = stream().standard_normal(at, n, d);
    let mut x = z.clone();
    for (i, mut row) in x.rows_mut().into_iter().enumerate() {
        for j in 0..d {
            row[j] = match kind {
                "normal" => z[[i, j]] + if j > 0 { 0.8 * z[[i, j - 1]] } else { 0.0 },
                "modes" => 0.3 * z[[i, j]] + if (i * 7919) % 2 == 0 { 1.0 } else { -1.0 },
                _ => z[[i, j]].exp(),
            };
        }
    }
    x
}

/// Mean gains on fresh points, of maps fitted to `draws` sets of `n` points: over the normal distribution of the same
/// points, and over the best of its shrinkages.
fn gains(kind: &str, n: usize, d: usize, draws: u64) -> (f64, f64) {
    let fresh = cloud(kind, 2000, d, 1000);
    let one = |draw| {
        let x = cloud(kind, n, d, 10 + draw);
        let (map, _) = fit(&x, &GaussianizeOptions::default()).unwrap();
        let own = map.log_density(fresh.view()).mean().unwrap();
        (own - one_normal(&x, fresh.view(), 1.0), own - best_normal(&x, fresh.view()))
    };
    let all: Vec<(f64, f64)> = (0..draws).map(one).collect();
    let mean = |values: &dyn Fn(&(f64, f64)) -> f64| all.iter().map(values).sum::<f64>() / draws as f64;
    (mean(&|gains| gains.0), mean(&|gains| gains.1))
}

#[test]
fn a_map_is_never_worse_on_fresh_points_than_one_normal_distribution() {
    for kind in ["normal", "modes", "skewed"] {
        for d in [1, 2, 5, 13] {
            for n in [20, 45, 89, 133, 200] {
                let (gain, over_best) = gains(kind, n, d, 3);
                // How much of the correlations is kept is itself chosen by cross-validation, whose noise falls as 1 / n.
                assert!(gain > -(0.05 + 1.0 / n as f64), "{kind} d {d} n {n}: {gain}");
                // The best of six shrinkages is chosen with the very points that judge it, which no fit has; it is less
                // far ahead the more points there are.
                let hindsight = 0.05 + (1.0 + 0.5 * d as f64) / n as f64;
                assert!(n < 45 || over_best > -hindsight, "{kind} d {d} n {n}: {over_best}");
                if kind == "modes" && d <= 2 && n > 20 {
                    assert!(gain > 0.3, "modes are seen, d {d} n {n}: {gain}");
                }
            }
        }
    }
}

#[test]
fn thirteen_columns_of_eighty_nine_rows_are_no_worse_on_the_other_half_than_one_normal_distribution() {
    let read = |name: &str| {
        let path = format!("{}/tests/oracles/{name}.npy", env!("CARGO_MANIFEST_DIR"));
        gdiff::data::table::read(std::path::Path::new(&path), &Default::default()).unwrap().points
    };
    let (a, b) = (read("wine_a"), read("wine_b"));
    assert_eq!(a.dim(), (89, 13));
    let (map, report) = fit(&a, &GaussianizeOptions::default()).unwrap();
    let own = map.log_density(b.view()).mean().unwrap();
    let normal = best_normal(&a, b.view());
    assert!(own > normal - 0.5, "{own}, one normal distribution {normal}");
    assert!(matches!(report.stopped, StopReason::CrossValidation { folds: 5, .. }), "{}", report.stopped);
    assert!(
        (report.held_out_log_likelihood - own).abs() < 3.0,
        "{} for {own}",
        report.held_out_log_likelihood
    );
    assert!(report.warnings[0].contains("9 held-out points are too few"), "{:?}", report.warnings);
}

#[test]
fn how_a_fit_is_watched_depends_on_the_points_that_can_be_held_out() {
    let options = |held_out| GaussianizeOptions { held_out, ..Default::default() };
    assert_eq!(options(0.0).watch(50), Watch::Nothing);
    assert_eq!(options(0.1).watch(200), Watch::HeldOut(20));
    assert_eq!(options(0.1).watch(194), Watch::CrossValidation { too_few: 19 });
    assert_eq!(options(0.001).watch(100), Watch::CrossValidation { too_few: 0 });
}

#[test]
fn a_handful_of_points_gives_the_map_of_one_normal_distribution_that_stores_and_inverts() {
    for n in [4, 9, 12] {
        let x = cloud("normal", n, 3, 5);
        let (map, report) = fit(&x, &GaussianizeOptions::default()).unwrap();
        assert!(matches!(report.stopped, StopReason::CrossValidation { kept: 0, .. }), "{}", report.stopped);
        assert!(report.held_out_log_likelihood.is_finite() && report.layers.len() == 1);
        let z = map.forward(x.view());
        assert!((&map.inverse(z.view()) - &x).iter().all(|v| v.abs() < 1e-12));
        let read = Gaussianizer::from_safetensors(&map.to_safetensors().unwrap()).unwrap();
        assert_eq!(read.forward(x.view()), z);
        // Fresh points have about unit variance: those whitened have (n - 1) / (n + 1).
        let of_one = map.forward(x.view()).var_axis(Axis(0), 0.0).sum() / 3.0;
        let wanted = (n as f64 - 1.0) / (n as f64 + 1.0);
        assert!(of_one < 1.5 * wanted, "n = {n}: {of_one} for {wanted}");
    }
}

#[test]
fn kernel_tails_between_far_modes_say_that_they_have_no_inverse_there() {
    let x = Array2::from_shape_fn((400, 1), |(i, _)| {
        let z = stream().standard_normal(7, 400, 1)[[i, 0]];
        0.05 * z + if i % 2 == 0 { 10.0 } else { -10.0 }
    });
    let options = |tails| GaussianizeOptions { tails, layers: 1, ..Default::default() };
    let (map, report) = fit(&x, &options(Tails::Kernel)).unwrap();
    let middle = ndarray::array![[1.0], [-2.0]];
    let lost = (&map.inverse(map.forward(middle.view()).view()) - &middle)
        .iter()
        .fold(0.0, |a: f64, b| a.max(b.abs()));
    assert!(lost > 0.1, "the case is too easy: {lost}");
    assert!(report.round_trip < 1e-6 && report.round_trip_off_data > 0.1, "{report:?}");
    assert!(
        report.warnings.iter().any(|w| w.contains("not invertible") && w.contains("gentle")),
        "{:?}",
        report.warnings
    );
    assert!(gdiff::report::fit_table(&report).contains("between and beyond them"));
    let (_, report) = fit(&x, &options(Tails::Gentle)).unwrap();
    assert!(report.round_trip_off_data < 1e-6, "{:e}", report.round_trip_off_data);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}

#[test]
fn refusals_name_what_is_wrong() {
    let said = |x: &Array2<f64>| fit(x, &GaussianizeOptions::default()).unwrap_err().to_string();
    let z = stream().standard_normal(3, 300, 3);
    let mut x = z.clone();
    x.column_mut(1).mapv_inplace(|v| 1.0 + 3e-14 * v);
    assert!(said(&x).contains("column 1") && said(&x).contains("nearly constant"), "{}", said(&x));
    assert!(said(&x).contains("relative spread 3e-14"), "{}", said(&x));
    let mut x = z.clone();
    x.row_mut(17).fill(1e15);
    assert!(said(&x).contains("row 17") && said(&x).contains("dominates"), "{}", said(&x));
    let mut x = z.clone();
    let sum = &x.column(0) + &x.column(2);
    x.column_mut(1).assign(&sum);
    assert!(said(&x).contains("sums of others"), "{}", said(&x));
    let x = z.clone() * 1e200;
    assert!(said(&x).contains("out of the range of numbers") && said(&x).contains("rescale"), "{}", said(&x));
    for (x, words) in
        [(z.clone() * 1e-200, "leave the range of numbers"), (&z * 0.0 + 2.0, "has the same value (2)")]
    {
        let refused = gdiff::space::Scaling::fit(gdiff::space::ScaleKind::Standardize, x.view()).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
    }
}
