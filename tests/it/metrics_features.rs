//! Frechet and kernel distances and the inception score: against other libraries, exact identities, and at their edges.

use crate::common::clouds::stream;
use gdiff::metrics::MetricsError;
use gdiff::metrics::features::{
    FrechetMoments, KernelDistanceOptions, frechet_bootstrap, frechet_distance, inception_score,
    kernel_distance, kernel_interval,
};
use ndarray::{Array2, Axis, array, concatenate, s};

fn normal(index: u64, n: usize, d: usize) -> Array2<f64> {
    stream().child("features").standard_normal(index, n, d)
}

fn matrix(value: &serde_json::Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn oracle() -> serde_json::Value {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/features.json"));
    serde_json::from_str(text).unwrap()
}

fn frechet(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    frechet_distance(a.view(), b.view()).unwrap()
}

/// The trace of the covariance.
fn trace(x: &Array2<f64>) -> f64 {
    x.var_axis(Axis(0), 1.0).sum()
}

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} against {expected}");
}

/// The kernel distance of whole sets of equal size.
fn kernel(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let options = KernelDistanceOptions { subsets: 1, size: 1000 };
    kernel_distance(a.view(), b.view(), &options, stream()).unwrap().mean
}

#[test]
fn distances_are_those_of_numpy_scipy_and_scikit_learn() {
    let oracle = oracle();
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let (real, x) = (matrix(&case["real"]), matrix(&case["generated"]));
        let expected = case["frechet"].as_f64().unwrap();
        // The oracle takes roots of the eigenvalues of singular matrices, which costs it half of its digits.
        close(frechet(&real, &x), expected, 1e-7 * expected);
        if real.nrows() > real.ncols() && x.nrows() > x.ncols() {
            close(frechet(&real, &x), expected, 1e-12 * (trace(&real) + trace(&x) + expected));
        }
        let same = real.nrows().min(x.nrows());
        let (real, x) = (real.slice(s![..same, ..]).to_owned(), x.slice(s![..same, ..]).to_owned());
        let expected = case["kernel"].as_f64().unwrap();
        close(kernel(&real, &x), expected, 1e-12 * expected.abs().max(1.0) * 1e2);
    }
    let p = matrix(&oracle["scores"]["probabilities"]);
    for (parts, key) in [(10, "ten"), (1, "one")] {
        let found = inception_score(p.view(), parts).unwrap();
        close(found.mean, oracle["scores"][key][0].as_f64().unwrap(), 1e-12);
        close(found.std, oracle["scores"][key][1].as_f64().unwrap(), 1e-12);
    }
}

#[test]
fn the_frechet_distance_of_a_set_to_itself_is_0_in_any_order_of_its_points() {
    for (n, d) in [(50, 3), (400, 30), (10, 40), (31, 30), (2, 5), (2, 1), (64, 64), (400, 260)] {
        let mut x = normal(1, n, d) * 3.0 + 100.0;
        // A column without spread, and one that follows another: singular covariances.
        x.column_mut(0).fill(0.1);
        if d > 3 {
            let copy = x.column(1).to_owned();
            x.column_mut(2).assign(&copy);
        }
        assert_eq!(frechet(&x, &x), 0.0);
        let backwards = x.slice(s![..;-1, ..]).to_owned();
        close(frechet(&x, &backwards), 0.0, 1e-12 * trace(&x).max(1e-3));
    }
    // Repeated points alone.
    let same = Array2::from_elem((5, 3), 0.7);
    assert_eq!(frechet(&same, &same), 0.0);
    close(frechet(&same, &(same.clone() + 2.0)), 12.0, 1e-12);
}

#[test]
fn the_frechet_distance_of_moved_and_stretched_points_has_a_closed_form() {
    // The last by the Cholesky factor.
    for (n, d) in [(500, 5), (20, 50), (30, 30), (600, 260)] {
        let x = normal(2, n, d);
        let moved = &x * 1.5 + 0.25;
        let mean = x.mean_axis(Axis(0)).unwrap() * 0.5 + 0.25;
        // S2 = 2.25 S1: the covariances commute, and their term is (1.5 - 1)^2 tr S1.
        let expected = mean.dot(&mean) + 0.25 * trace(&x);
        close(frechet(&x, &moved), expected, 1e-12 * expected);
        close(frechet(&moved, &x), expected, 1e-12 * expected);
        let ahead = FrechetMoments::new(x.view()).unwrap();
        close(ahead.distance(moved.view()).unwrap(), expected, 1e-12 * expected);
    }
    // Covariances that do not share their axes: along (1, 1) and along (1, -1), each of rank 1, share nothing.
    let (a, b) = (array![[1.0, 1.0], [-1.0, -1.0]], array![[1.0, -1.0], [-1.0, 1.0]]);
    close(frechet(&a, &b), 8.0, 1e-12);
}

#[test]
fn points_of_any_size_have_a_frechet_distance() {
    let (x, y) = (normal(3, 60, 4), normal(4, 50, 4) * 1.3);
    let expected = frechet(&x, &y);
    for scale in [1e-140, 1e140] {
        let found = frechet(&(&x * scale), &(&y * scale));
        close(found / scale / scale, expected, 1e-10 * expected);
    }
    assert_eq!(frechet(&(&x * 1e200), &(&y * 1e200)), f64::INFINITY);
    let ahead = FrechetMoments::new((&x * 1e-200).view()).unwrap();
    close(
        ahead.distance(y.view()).unwrap(),
        y.mean_axis(Axis(0)).unwrap().mapv(|v| v * v).sum() + trace(&y),
        1e-9,
    );
}

#[test]
fn what_has_no_distance_is_refused_by_a_sentence() {
    let (one, two) = (array![[1.0, 2.0]], array![[1.0, 2.0], [3.0, 4.0]]);
    let options = KernelDistanceOptions::default();
    let refusals = |a: &Array2<f64>, b: &Array2<f64>| {
        let frechet = frechet_distance(a.view(), b.view()).unwrap_err();
        let kernel = kernel_distance(a.view(), b.view(), &options, stream()).unwrap_err();
        assert_eq!(frechet.to_string(), kernel.to_string());
        frechet
    };
    assert_eq!(refusals(&one, &two), MetricsError::OnePoint { which: "real" });
    assert_eq!(refusals(&two, &one), MetricsError::OnePoint { which: "generated" });
    assert!(refusals(&one, &two).to_string().contains("at least two are needed"));
    let wide = array![[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]];
    assert_eq!(refusals(&two, &wide), MetricsError::DifferentColumns { real: 2, generated: 3 });
    let hole = array![[1.0, 2.0], [f64::NAN, 4.0]];
    assert!(matches!(refusals(&two, &hole), MetricsError::NotFinite { row: 1, column: 0, .. }));
    let none = Array2::zeros((0, 2));
    assert_eq!(refusals(&two, &none), MetricsError::NoPoints { which: "generated" });
    for options in
        [KernelDistanceOptions { subsets: 0, size: 10 }, KernelDistanceOptions { subsets: 1, size: 1 }]
    {
        assert!(kernel_distance(two.view(), two.view(), &options, stream()).is_err());
    }
    // The cubes of products of such points are no numbers.
    let far = array![[1e200, 2.0], [3.0, 4.0]];
    let overflow = kernel_distance(far.view(), two.view(), &options, stream());
    assert_eq!(overflow, Err(MetricsError::KernelOverflow { size: 1e200 }));
    let p = array![[0.5, 0.5], [0.9, 0.1]];
    assert!(
        inception_score(p.view(), 3).unwrap_err().to_string().contains("from 1 to the number of images, 2")
    );
    let row = inception_score(array![[0.5, 0.6]].view(), 1).unwrap_err();
    assert!(matches!(row, MetricsError::NoDistribution { row: 0, .. }), "{row}");
    assert!(inception_score(array![[1.5, -0.5]].view(), 1).is_err());
    assert!(inception_score(array![[f64::NAN, 0.5]].view(), 1).is_err());
}

#[test]
fn the_kernel_distance_is_unbiased_over_subsets_of_any_size() {
    let (x, y) = (normal(5, 120, 3), normal(6, 120, 3) * 1.2 + 0.2);
    let whole = kernel(&x, &y);
    for size in [2, 20] {
        let options = KernelDistanceOptions { subsets: 4000, size };
        let found = kernel_distance(x.view(), y.view(), &options, stream()).unwrap();
        assert_eq!((found.subsets, found.size), (4000, size));
        close(found.mean, whole, 4.0 * found.std / 4000f64.sqrt());
        assert!(found.std > 0.1 * whole);
    }
    // Sets of different counts: subsets of the smaller one's.
    let few = y.slice(s![..30, ..]).to_owned();
    let found = kernel_distance(x.view(), few.view(), &KernelDistanceOptions::default(), stream()).unwrap();
    assert_eq!(found.size, 30);
    assert!(found.std > 0.0);
    assert_eq!(
        kernel_distance(x.view(), y.view(), &KernelDistanceOptions::default(), stream()).unwrap().std,
        0.0
    );
}

#[test]
fn nothing_depends_on_the_number_of_threads() {
    let (x, y) = (normal(7, 90, 6), normal(8, 80, 6));
    let all = || {
        let (x, y) = (x.view(), y.view());
        let distance = frechet_distance(x, y).unwrap();
        let options = KernelDistanceOptions { subsets: 7, size: 40 };
        let bootstrap = frechet_bootstrap(x, y, distance, stream(), 9).unwrap();
        (distance, bootstrap, kernel_distance(x, y, &options, stream()).unwrap())
    };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(one.install(all), three.install(all));
}

#[test]
fn the_bootstrap_covers_the_mean_of_the_estimate_as_often_as_it_says() {
    let draws: Vec<_> =
        (0..200).map(|i| (normal(100 + i, 80, 2), normal(500 + i, 60, 2) * 1.6 + 0.5)).collect();
    let distances: Vec<f64> = draws.iter().map(|(x, y)| frechet(x, y)).collect();
    let mean = distances.iter().sum::<f64>() / distances.len() as f64;
    // The distance of the distributions: 2 (0.25) + 2 (0.6)^2. The estimate is biased upwards.
    assert!(mean > 1.22);
    let covered = draws.iter().zip(&distances).filter(|((x, y), distance)| {
        let found = frechet_bootstrap(x.view(), y.view(), **distance, stream(), 60).unwrap();
        (found.low..found.high).contains(&mean)
    });
    let covered = covered.count();
    // 95 % of 200 is 190, with a standard deviation of 3.
    assert!((178..=199).contains(&covered), "{covered} of 200");
    // Nothing differs between sets of the same points, all repeated.
    let same = Array2::from_elem((5, 2), 1.0);
    let found = frechet_bootstrap(same.view(), same.view(), 0.0, stream(), 5).unwrap();
    assert_eq!((found.std, found.low, found.high), (0.0, 0.0, 0.0));
}

#[test]
fn the_cholesky_factor_is_used_only_where_its_rounding_does_not_show() {
    // Columns of very different sizes, and nearly dependent ones: 1e-12 of the traces, by whatever factor.
    let (x, y) = (normal(9, 700, 256), normal(10, 650, 256));
    for smallest in [1.0f64, 1e-3, 1e-9] {
        let scaled = |x: &Array2<f64>| {
            let mut x = x.clone();
            let columns = x.axis_iter_mut(Axis(1)).enumerate();
            columns.for_each(|(c, mut column)| column *= smallest.powf(c as f64 / 255.0));
            x
        };
        let (x, y) = (scaled(&x), scaled(&y));
        // Turned by an orthogonal matrix, a reflection, every distance stays.
        let normal = normal(11, 1, 256);
        let turned = |x: &Array2<f64>| {
            x - &(x.dot(&normal.t()).dot(&normal) * (2.0 / normal.dot(&normal.t())[[0, 0]]))
        };
        let expected = frechet(&x, &y);
        close(frechet(&turned(&x), &turned(&y)), expected, 1e-11 * (trace(&x) + trace(&y)));
        close(frechet(&x, &(&x + 1.0)), 256.0, 1e-11 * (trace(&x) + 256.0));
    }
}

#[test]
fn the_interval_of_the_kernel_distance_has_its_spread_and_covers_the_truth() {
    let draws: Vec<_> =
        (0..200).map(|i| (normal(2000 + i, 120, 2), normal(3000 + i, 90, 2) * 1.6 + 0.5)).collect();
    // All points of the larger set, too.
    let options = KernelDistanceOptions { subsets: 40, size: 1000 };
    let found: Vec<_> = draws
        .iter()
        .map(|(x, y)| {
            let kid = kernel_distance(x.view(), y.view(), &options, stream()).unwrap().mean;
            (kid, kernel_interval(x.view(), y.view(), kid, stream(), 60).unwrap())
        })
        .collect();
    let mean = found.iter().map(|(kid, _)| kid).sum::<f64>() / 200.0;
    let spread = (found.iter().map(|(kid, _)| (kid - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
    let std = found.iter().map(|(_, interval)| interval.std).sum::<f64>() / 200.0;
    assert!((0.8..1.3).contains(&(std / spread)), "{std} against {spread}");
    let covered = found.iter().filter(|(_, interval)| (interval.low..interval.high).contains(&mean)).count();
    // 95 % of 200 is 190.
    assert!((174..=199).contains(&covered), "{covered} of 200");
    let few = array![[1.0], [2.0], [3.0]];
    assert!(kernel_interval(few.view(), few.view(), 0.0, stream(), 5).is_err());
    let same = Array2::from_elem((6, 2), 1.0);
    let found = kernel_interval(same.view(), same.view(), 0.0, stream(), 5).unwrap();
    assert_eq!((found.low, found.high), (0.0, 0.0));
}

#[test]
fn the_inception_score_lies_between_1_and_the_number_of_classes() {
    let vague = Array2::from_elem((20, 4), 0.25);
    assert_eq!(inception_score(vague.view(), 10).unwrap().mean, 1.0);
    let sure = Array2::from_shape_fn((40, 4), |(i, j)| f64::from(u8::from(i % 4 == j)));
    let found = inception_score(sure.view(), 10).unwrap();
    close(found.mean, 4.0, 1e-12);
    close(found.std, 0.0, 1e-12);
    // Each part sees one class alone.
    let sorted = concatenate![Axis(0), sure.select(Axis(0), &[0, 4, 8]), sure.select(Axis(0), &[1, 5, 9])];
    assert_eq!(inception_score(sorted.view(), 2).unwrap().mean, 1.0);
}
