//! The sliced Wasserstein-2 distance: against another library, against identities that hold exactly, and at its edges.

use crate::common::clouds::stream;
use gdiff::data::mixture::GaussianMixture;
use gdiff::metrics::sliced::directions;
use gdiff::metrics::{MetricsError, SlicedW2, sliced_w2};
use ndarray::{Array1, Array2, Axis, array, s};

fn normal(index: u64, n: usize, d: usize) -> Array2<f64> {
    stream().child("sliced").standard_normal(index, n, d)
}

fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs())
}

fn matrix(value: &serde_json::Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

#[test]
fn equals_pot_on_every_oracle_case() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/sliced.json"));
    let oracle: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let (real, fake) = (matrix(&case["real"]), matrix(&case["fake"]));
        let sliced = SlicedW2::along(matrix(&case["directions"]), real.view()).unwrap();
        let (ours, theirs) = (sliced.distance(fake.view()).unwrap(), case["distance"].as_f64().unwrap());
        assert!(close(ours, theirs, 1e-12), "{}: {ours} is not {theirs}", case["name"]);
    }
}

#[test]
fn directions_are_unit_vectors_and_average_the_square_of_any_vector_to_a_dth() {
    for d in [1, 2, 3, 10, 64, 128, 200] {
        let theta = directions(d);
        assert!(theta.nrows() >= [1, 64, 128][d.min(3) - 1] && theta.nrows() < 256, "d = {d}");
        for row in theta.rows() {
            assert!((row.dot(&row) - 1.0).abs() < 1e-13, "d = {d}");
        }
        if d <= 128 {
            let second_moments = theta.t().dot(&theta) / theta.nrows() as f64;
            let error = second_moments - Array2::<f64>::eye(d) / d as f64;
            assert!(error.iter().all(|v| v.abs() < 1e-14), "d = {d}");
        }
        assert_eq!(theta, directions(d));
    }
}

#[test]
fn a_translation_is_its_length_over_the_root_of_the_dimension() {
    for d in [1, 2, 3, 7, 64] {
        let real = normal(d as u64, 300, d);
        let sliced = SlicedW2::new(real.view()).unwrap();
        let v = normal(100 + d as u64, 1, d);
        let distance = sliced.distance((&real + &v).view()).unwrap();
        let length = v.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!(close(distance, length / (d as f64).sqrt(), 1e-12), "d = {d}");
        // The mean of a set is all that a single point can differ from itself by.
        let (one, other) = (real.slice(s![..1, ..]), normal(200, 1, d));
        let gap = (&other - &one).iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!(close(sliced_w2(one, other.view()).unwrap(), gap / (d as f64).sqrt(), 1e-12), "d = {d}");
    }
}

#[test]
fn scaling_and_symmetry_and_permutations_hold() {
    for (n, m, d) in [(700, 700, 2), (700, 431, 2), (90, 1000, 5), (1, 3, 1)] {
        let (a, b) = (normal(1, n, d), normal(2, m, d).mapv(|v| v.powi(3)));
        let distance = sliced_w2(a.view(), b.view()).unwrap();
        assert!(close(distance, sliced_w2(b.view(), a.view()).unwrap(), 1e-13));
        let scaled = sliced_w2((&a * 3.0).view(), (&b * 3.0).view()).unwrap();
        assert!(close(scaled, 3.0 * distance, 1e-13));
        let backwards = b.slice(s![..;-1, ..]);
        assert_eq!(distance, sliced_w2(a.view(), backwards).unwrap());
        assert_eq!(sliced_w2(a.slice(s![..;-1, ..]), a.view()).unwrap(), 0.0);
        // Each point three times is the same distribution.
        let thrice = ndarray::concatenate(Axis(0), &[a.view(), a.view(), a.view()]).unwrap();
        assert!(sliced_w2(a.view(), thrice.view()).unwrap() < 1e-15);
        assert!(close(distance, sliced_w2(thrice.view(), b.view()).unwrap(), 1e-12));
    }
}

#[test]
fn sets_of_different_sizes_are_coupled_by_their_quantiles() {
    for (n, m) in [(1, 1), (1, 5), (2, 3), (6, 4), (7, 7), (13, 29), (600, 1000)] {
        let (a, b) = (normal(3, n, 1), normal(4, m, 1));
        let ascending = |x: &Array2<f64>| {
            let mut x = x.iter().copied().collect::<Vec<_>>();
            x.sort_by(f64::total_cmp);
            x
        };
        let (x, y) = (ascending(&a), ascending(&b));
        // On each of the n m equal intervals both quantile functions are constant.
        let squares = (0..n * m).map(|i| (x[i / m] - y[i / n]).powi(2));
        let brute = (squares.sum::<f64>() / (n * m) as f64).sqrt();
        assert!(close(sliced_w2(a.view(), b.view()).unwrap(), brute, 1e-12), "{n} and {m}");
    }
}

#[test]
fn constant_columns_and_duplicates_and_extreme_units_do_no_harm() {
    let (mut a, mut b) = (normal(5, 800, 2), normal(6, 900, 2));
    let distance = sliced_w2(a.view(), b.view()).unwrap();
    for unit in [1e-300, 1e-200, 1e-150, 1e150, 1e200, 1e300] {
        let (far, near) = (&a * unit, &b * unit);
        assert!(close(sliced_w2(far.view(), near.view()).unwrap() / unit, distance, 1e-12), "{unit:e}");
        // Against a point at the origin only the second moment counts: E |x|^2 / d.
        let moment = a.iter().map(|v| v * v).sum::<f64>() / a.nrows() as f64;
        let expected = unit * (moment / 2.0).sqrt();
        let origin = Array2::zeros((1, 2));
        assert!(close(sliced_w2(far.view(), origin.view()).unwrap(), expected, 1e-12), "{unit:e}");
        assert!(close(sliced_w2(origin.view(), far.view()).unwrap(), expected, 1e-12), "{unit:e}");
        let tiny = &b * 1e-300;
        assert!(close(
            sliced_w2(tiny.view(), (&a * 1e300).view()).unwrap(),
            1e300 * (moment / 2.0).sqrt(),
            1e-12
        ));
    }
    assert_eq!(sliced_w2(Array2::zeros((5, 3)).view(), Array2::zeros((8, 3)).view()).unwrap(), 0.0);
    a.column_mut(1).fill(2.0);
    b.column_mut(1).fill(2.0);
    // What is left is the distance along the first axis, seen at every angle: cos^2 averages to 1/2.
    let line = sliced_w2(a.slice(s![.., ..1]), b.slice(s![.., ..1])).unwrap();
    assert!(close(sliced_w2(a.view(), b.view()).unwrap(), line / 2f64.sqrt(), 1e-12));
    let heavy = a.mapv(|v| (3.0 * v).round());
    assert!(sliced_w2(heavy.view(), heavy.slice(s![..;-1, ..])).unwrap() == 0.0);
}

#[test]
fn results_do_not_depend_on_threads() {
    let (a, b) = (normal(7, 3000, 6), normal(8, 2500, 6));
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| sliced_w2(a.view(), b.view()).unwrap())
    };
    assert!(with(1) == with(2) && with(1) == with(5));
}

#[test]
fn unusable_points_are_refused_with_their_place() {
    let good = array![[1.0, 2.0], [3.0, 4.0]];
    let sliced = SlicedW2::new(good.view()).unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let bad = array![[0.0, 1.0], [2.0, value]];
        let found = sliced.distance(bad.view()).unwrap_err();
        assert!(
            matches!(found, MetricsError::NotFinite { which: "generated", row: 1, column: 1, .. }),
            "{found}"
        );
        let found = SlicedW2::new(bad.view()).unwrap_err();
        assert!(matches!(found, MetricsError::NotFinite { which: "real", row: 1, column: 1, .. }), "{found}");
    }
    let (empty, flat) = (Array2::<f64>::zeros((0, 2)), Array2::<f64>::zeros((3, 0)));
    assert_eq!(sliced.distance(empty.view()), Err(MetricsError::NoPoints { which: "generated" }));
    assert_eq!(SlicedW2::new(empty.view()).unwrap_err(), MetricsError::NoPoints { which: "real" });
    assert_eq!(SlicedW2::new(flat.view()).unwrap_err(), MetricsError::NoColumns { which: "real" });
    let three = Array2::<f64>::zeros((4, 3));
    assert_eq!(sliced.distance(three.view()), Err(MetricsError::DifferentColumns { real: 2, generated: 3 }));
}

#[test]
fn fresh_points_are_near_and_a_lost_mode_is_far() {
    let means = [[-2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, -2.0]].map(|m| Array1::from(m.to_vec()));
    let covariances = vec![Array2::<f64>::eye(2) * 0.09; 4];
    let mixture = GaussianMixture::new(&[0.3, 0.3, 0.2, 0.2], &means, &covariances).unwrap();
    let draw = |index: usize| mixture.sample(10_000, &stream().child(&format!("sliced {index}")));
    let sliced = SlicedW2::new(draw(0).view()).unwrap();
    let floor: Vec<f64> = (1..=10).map(|i| sliced.distance(draw(i).view()).unwrap()).collect();
    let mean = floor.iter().sum::<f64>() / 10.0;
    assert!((0.02..0.09).contains(&mean), "{floor:?}");
    let fresh = draw(1);
    let rows: Vec<usize> = (0..10_000).filter(|i| fresh[[*i, 1]] > -1.0).collect();
    let lost = fresh.select(Axis(0), &rows);
    assert!(sliced.distance(lost.view()).unwrap() > 5.0 * mean);
}
