//! Summaries of log-likelihoods and of replicates, the plateau of a curve, and the steps until samples are as good as
//! real points.

use gdiff::metrics::{Quality, log_likelihood_stats, plateau_step, steps_to_real};
use gdiff::numeric::intervals::{Interval, mean_interval, paired_difference};

fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs()
}

#[test]
fn log_likelihood_of_even_and_odd_counts() {
    let odd = log_likelihood_stats(&[-3.0, -1.0, -8.0], -8.0);
    assert_eq!((odd.mean, odd.median, odd.off_support), (-4.0, -3.0, 0.0));
    let even = log_likelihood_stats(&[-3.0, -1.0, -8.0, -4.0], -3.5);
    assert_eq!((even.mean, even.median, even.off_support), (-4.0, -3.5, 0.5));
    assert_eq!(log_likelihood_stats(&[-2.0], 0.0).median, -2.0);
}

#[test]
fn off_support_is_strictly_below_the_least_likely_real_point() {
    assert_eq!(log_likelihood_stats(&[-5.0, -5.0 - 1e-14, -4.0, -6.0], -5.0).off_support, 0.5);
}

#[test]
fn infinite_and_undefined_log_likelihoods_are_not_hidden() {
    let infinite = log_likelihood_stats(&[f64::NEG_INFINITY, -1.0, -2.0], -3.0);
    assert_eq!(infinite.mean, f64::NEG_INFINITY);
    assert_eq!(infinite.median, -2.0);
    assert_eq!(infinite.off_support, 1.0 / 3.0);
    let all = log_likelihood_stats(&[f64::NEG_INFINITY; 4], -3.0);
    assert_eq!((all.median, all.off_support), (f64::NEG_INFINITY, 1.0));
    let undefined = log_likelihood_stats(&[f64::NAN, -1.0], -3.0);
    assert!(undefined.mean.is_nan() && undefined.median.is_nan());
    assert_eq!(undefined.off_support, 0.5);
    let none = log_likelihood_stats(&[], -3.0);
    assert!(none.mean.is_nan() && none.median.is_nan() && none.off_support.is_nan());
}

#[test]
fn interval_half_widths_are_those_of_student_t() {
    // 0.975 quantiles to 10 digits: closed forms for 1 and 2 degrees of freedom, tables beyond.
    let quantiles = [
        (1, 12.706_204_736_2),
        (2, 4.302_652_729_9),
        (3, 3.182_446_305_3),
        (4, 2.776_445_105_2),
        (9, 2.262_157_162_9),
        (29, 2.045_229_642_1),
        (99, 1.984_216_951_6),
    ];
    for (freedom, quantile) in quantiles {
        let values: Vec<f64> = (0..=freedom).map(f64::from).collect();
        let n = values.len() as f64;
        let Interval { mean, half_width, n: count } = mean_interval(&values).unwrap();
        assert_eq!(count, values.len());
        assert!(close(mean, (n - 1.0) / 2.0, 1e-14));
        // The sample variance of 0, 1, .., n - 1 is n (n + 1) / 12.
        let expected = quantile * (n * (n + 1.0) / 12.0 / n).sqrt();
        assert!(close(half_width.unwrap(), expected, 1e-9), "{freedom}: {half_width:?} {expected}");
    }
}

#[test]
fn interval_of_few_equal_or_broken_values() {
    assert_eq!(mean_interval(&[]), None);
    assert_eq!(mean_interval(&[3.0]), Some(Interval { mean: 3.0, half_width: None, n: 1 }));
    assert_eq!(mean_interval(&[3.0; 4]), Some(Interval { mean: 3.0, half_width: Some(0.0), n: 4 }));
    let broken = mean_interval(&[1.0, f64::NAN, 2.0]).unwrap();
    assert!(broken.mean.is_nan() && broken.half_width.is_none() && broken.n == 3);
}

#[test]
fn paired_difference_takes_out_what_both_share() {
    let shared = [10.0, -40.0, 3.0, 77.0];
    let a: Vec<f64> = shared.iter().zip([1.0, 2.0, 3.0, 4.0]).map(|(s, d)| s + d).collect();
    assert_eq!(paired_difference(&a, &shared), mean_interval(&[1.0, 2.0, 3.0, 4.0]));
    assert_eq!(paired_difference(&a, &shared[..3]), None);
    assert_eq!(paired_difference(&[], &[]), None);
}

#[test]
fn plateau_is_the_step_from_which_the_curve_stays() {
    let steps = [0, 5, 10, 15, 20];
    assert_eq!(plateau_step(&steps, &[0.0, 96.0, 90.0, 97.0, 100.0], 0.05, 0.0), Some(15));
    assert_eq!(plateau_step(&steps, &[0.0, 95.0, 96.0, 105.0, 100.0], 0.05, 0.0), Some(5));
    assert_eq!(plateau_step(&steps, &[0.0, 10.0, 20.0, 30.0, 100.0], 0.05, 0.0), Some(20));
    let falling = [100.0, 4.0, 5.0, 0.0, 0.0];
    assert_eq!(plateau_step(&steps, &falling, 0.05, 0.0), Some(5));
    assert_eq!(plateau_step(&steps, &falling, 0.0, 0.0), Some(15));
    assert_eq!(plateau_step(&steps, &falling, 1.0, 0.0), Some(0));
}

#[test]
fn plateau_of_curves_without_a_climb() {
    assert_eq!(plateau_step(&[3, 4, 5], &[2.0, 2.0, 2.0], 0.05, 0.0), Some(3));
    assert_eq!(plateau_step(&[3], &[2.0], 0.05, 0.0), Some(3));
    // Noise around the end is no journey: with a floor above it, the curve was there from the beginning.
    let noisy = [-0.32, -0.31, -0.33, -0.29, -0.30];
    assert_eq!(plateau_step(&[0, 1, 2, 3, 4], &noisy, 0.05, 0.0), Some(4));
    assert_eq!(plateau_step(&[0, 1, 2, 3, 4], &noisy, 0.05, 0.05), Some(0));
    assert_eq!(plateau_step(&[0, 1], &[0.0, 1.0], 0.05, -0.1), None);
    assert_eq!(plateau_step(&[0, 1, 2, 3], &[2.0, 9.0, 2.0, 2.0], 0.05, 0.0), Some(2));
}

#[test]
fn plateau_of_curves_with_values_that_are_not_finite() {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    assert_eq!(plateau_step(&[0, 1, 2], &[0.0, 1.0, nan], 0.05, 0.0), None);
    assert_eq!(plateau_step(&[0, 1, 2], &[0.0, 1.0, inf], 0.05, 0.0), None);
    assert_eq!(plateau_step(&[0, 1, 2, 3], &[-inf, 0.0, 99.0, 100.0], 0.05, 0.0), Some(2));
    assert_eq!(plateau_step(&[0, 1, 2, 3], &[0.0, 100.0, nan, 100.0], 0.05, 0.0), Some(3));
    assert_eq!(plateau_step(&[0, 1], &[nan, nan], 0.05, 0.0), None);
}

#[test]
fn plateau_refuses_what_makes_no_sense() {
    assert_eq!(plateau_step(&[], &[], 0.05, 0.0), None);
    assert_eq!(plateau_step(&[0, 1], &[0.0], 0.05, 0.0), None);
    assert_eq!(plateau_step(&[0, 1], &[0.0, 1.0], -0.1, 0.0), None);
    assert_eq!(plateau_step(&[0, 1], &[0.0, 1.0], f64::NAN, 0.0), None);
}

#[test]
fn samples_are_as_good_as_real_points_from_the_step_from_which_their_likelihood_stays() {
    let steps = [0, 5, 10, 15, 20];
    let reached = |curve: &[f64; 5]| steps_to_real(&steps, Quality::LogLikelihood(curve, -1.8));
    assert_eq!(reached(&[-90.0, -5.0, -1.95, -1.89, -1.7]), Some(15));
    assert_eq!(reached(&[-1.8, -1.7, -1.6, -1.7, -1.89]), Some(0), "the map alone is good enough");
    assert_eq!(reached(&[-1.8, -1.7, -1.95, -1.7, -1.7]), Some(15), "it left once more");
    assert_eq!(reached(&[-9.0, -1.8, -1.8, -1.8, -1.95]), None, "the end is not good");
    assert_eq!(reached(&[-9.0, -8.0, -7.0, -6.0, -1.8]), Some(20));
    // Exactly 0.1 nat below is good.
    let exact = |value| steps_to_real(&[3], Quality::LogLikelihood(&[value], 0.0));
    assert_eq!((exact(-0.1), exact(-0.1 - 1e-15)), (Some(3), None));
}

#[test]
fn without_a_density_precision_and_coverage_are_both_near_those_of_real_points() {
    let reached = |curve: &[[f64; 2]]| {
        let steps: Vec<usize> = (0..curve.len()).collect();
        steps_to_real(&steps, Quality::PrecisionCoverage(curve, [0.9, 0.95]))
    };
    assert_eq!(reached(&[[0.1, 0.2], [0.89, 0.90], [0.885, 0.94], [0.91, 0.965]]), Some(2));
    // Above real points is not as real points: samples are too concentrated.
    assert_eq!(reached(&[[0.9, 0.95], [0.99, 0.95], [0.9, 0.95]]), Some(2));
    assert_eq!(reached(&[[0.9, 0.95], [0.9, 0.99]]), None);
    assert_eq!(reached(&[[0.9, 0.95], [0.99, 0.95]]), None);
}

#[test]
fn steps_to_real_of_broken_curves() {
    let nan = f64::NAN;
    let by_likelihood =
        |steps: &[usize], curve: &[f64]| steps_to_real(steps, Quality::LogLikelihood(curve, 0.0));
    assert_eq!(by_likelihood(&[], &[]), None);
    assert_eq!(by_likelihood(&[0, 1], &[0.0]), None);
    assert_eq!(by_likelihood(&[0, 1, 2], &[0.0, nan, 0.0]), Some(2));
    assert_eq!(by_likelihood(&[0, 1, 2], &[0.0, f64::INFINITY, 0.0]), Some(2));
    assert_eq!(by_likelihood(&[0, 1], &[0.0, nan]), None);
    assert_eq!(steps_to_real(&[0], Quality::LogLikelihood(&[1.0], nan)), None);
    assert_eq!(steps_to_real(&[0], Quality::PrecisionCoverage(&[[nan, 1.0]], [1.0, 1.0])), None);
}
