//! The energy distance: against another library, against brute force and closed forms, and at its edges.

use crate::common::clouds::stream;
use gdiff::metrics::{EnergyDistance, MetricsError, energy_distance};
use ndarray::{Array2, ArrayView2, Axis, array, s};

fn normal(index: u64, n: usize, d: usize) -> Array2<f64> {
    stream().child("energy").standard_normal(index, n, d)
}

fn distance(real: ArrayView2<f64>, fake: ArrayView2<f64>) -> f64 {
    energy_distance(real, fake).unwrap().unwrap()
}

/// The distance between two points.
fn apart(a: ArrayView2<f64>, i: usize, b: ArrayView2<f64>, j: usize) -> f64 {
    a.row(i).iter().zip(b.row(j)).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
}

/// The definition, pair by pair: the distance, and the mean between the sets, by which rounding is measured.
fn brute(real: ArrayView2<f64>, fake: ArrayView2<f64>) -> (f64, f64) {
    let mean = |a: ArrayView2<f64>, b: ArrayView2<f64>, pairs: usize| {
        let sum: f64 = (0..a.nrows()).map(|i| (0..b.nrows()).map(|j| apart(a, i, b, j)).sum::<f64>()).sum();
        sum / pairs as f64
    };
    let within = |a: ArrayView2<f64>| mean(a, a, a.nrows() * (a.nrows() - 1));
    let between = mean(real, fake, real.nrows() * fake.nrows());
    (2.0 * between - within(real) - within(fake), between)
}

fn matrix(value: &serde_json::Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

#[test]
fn equals_dcor_and_scipy_on_every_oracle_case() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/energy.json"));
    let oracle: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 13);
    for case in cases {
        let (real, fake) = (matrix(&case["real"]), matrix(&case["fake"]));
        let (ours, theirs) = (distance(real.view(), fake.view()), case["distance"].as_f64().unwrap());
        let room = 1e-14 * case["between"].as_f64().unwrap();
        assert!((ours - theirs).abs() <= room, "{}: {ours} is not {theirs}", case["name"]);
    }
}

#[test]
fn equals_brute_force_at_all_counts_around_packets_and_blocks() {
    for d in [1, 2, 3, 4, 7] {
        let all = normal(d as u64, 200, d);
        for (n, m) in [(2, 2), (3, 9), (8, 8), (7, 64), (63, 65), (64, 5), (66, 129), (130, 12), (200, 200)] {
            let (real, fake) = (all.slice(s![..n, ..]), normal(50, m, d) * 1.3 + 0.4);
            let (expected, between) = brute(real, fake.view());
            let found = distance(real, fake.view());
            assert!((found - expected).abs() <= 3e-14 * between, "d = {d}, {n} and {m}: {found}, {expected}");
        }
    }
}

/// A line in the plane is compared pair by pair, the same line alone by sorting.
#[test]
fn a_line_gives_the_same_sorted_and_pair_by_pair() {
    let ties = normal(3, 500, 1).mapv(|v| (2.0 * v).round());
    for line in [normal(1, 500, 1), normal(2, 500, 1) * 1e5 + 7e5, ties] {
        let (real, fake) = (line.slice(s![..300, ..]), line.slice(s![300.., ..]));
        let zeros = |n| Array2::<f64>::zeros((n, 1));
        let plane = |x: ArrayView2<f64>| ndarray::concatenate![Axis(1), x, zeros(x.nrows())];
        let (sorted, pairs) = (distance(real, fake), distance(plane(real).view(), plane(fake).view()));
        let (_, between) = brute(real, fake);
        assert!((sorted - pairs).abs() <= 1e-13 * between, "{sorted} and {pairs}");
    }
}

#[test]
fn keeps_what_holds_exactly_of_any_two_sets() {
    for d in [1, 2, 5] {
        let (a, b) = (normal(d as u64, 150, d), normal(20 + d as u64, 90, d) + 0.2);
        let found = distance(a.view(), b.view());
        let near = |other: f64, what: &str| {
            assert!((found - other).abs() <= 1e-13, "d = {d}, {what}: {found} and {other}");
        };
        near(distance(b.view(), a.view()), "turned about");
        near(distance((&a + 3.0).view(), (&b + 3.0).view()), "moved");
        near(distance(a.slice(s![..;-1, ..]), b.slice(s![..;-1, ..])), "in another order");
        near(distance((&a * 2.0).view(), (&b * 2.0).view()) / 2.0, "scaled");
        // Of a set to itself pairs i = i are in the first mean alone.
        let (own, _) = brute(a.view(), a.view());
        assert!((distance(a.view(), a.view()) - own).abs() < 1e-13 && own < 0.0);
    }
    // Two points each, by hand; and sets without any extent.
    assert_eq!(distance(array![[0.0], [1.0]].view(), array![[5.0], [7.0]].view()), 11.0 - 1.0 - 2.0);
    let (zeros, threes) = (Array2::zeros((9, 2)), Array2::from_elem((4, 2), 3.0));
    assert!((distance(zeros.view(), threes.view()) - 2.0 * 18f64.sqrt()).abs() < 1e-14);
    assert_eq!(distance(zeros.view(), zeros.view()), 0.0);
    assert_eq!(distance(zeros.slice(s![.., ..1]), zeros.slice(s![.., ..1])), 0.0);
}

/// For X ~ N(m, s^2), Y ~ N(0, 1): E|X - Y| is the mean of a folded normal of standard deviation sqrt(1 + s^2).
#[test]
fn two_normal_distributions_on_a_line_have_the_distance_of_the_closed_form() {
    let pi = std::f64::consts::PI;
    let folded = |m: f64, s: f64| {
        let below = gdiff::numeric::normal::cdf(-m / s);
        s * (2.0 / pi).sqrt() * (-m * m / (2.0 * s * s)).exp() + m * (1.0 - 2.0 * below)
    };
    for (m, s) in [(0.0, 1.0), (1.0, 1.0), (0.5, 2.0), (-3.0, 0.3)] {
        let n = 200_000;
        let (x, y) = (normal(30, n, 1) * s + m, normal(31, n, 1));
        let within = |s: f64| folded(0.0, s * 2f64.sqrt());
        let expected = 2.0 * folded(m, (1.0 + s * s).sqrt()) - within(s) - within(1.0);
        let found = distance(y.view(), x.view());
        // Its standard deviation is about 2 sqrt(E / n), and 1 / n where the expectation is 0.
        let room = 8.0 * (expected.max(0.0) / n as f64).sqrt() * s.max(1.0) + 10.0 / n as f64;
        assert!((found - expected).abs() < room, "N({m}, {s}^2): {found}, not {expected}");
    }
}

#[test]
fn two_sets_of_one_distribution_have_no_distance_on_average() {
    let distances: Vec<f64> =
        (0..40).map(|i| distance(normal(100 + i, 200, 2).view(), normal(200 + i, 200, 2).view())).collect();
    let mean = distances.iter().sum::<f64>() / 40.0;
    let spread = (distances.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 39.0).sqrt();
    assert!(mean.abs() < 4.0 * spread / 40f64.sqrt(), "{mean} +- {spread}");
    assert!(distances.iter().any(|v| *v < 0.0) && distances.iter().any(|v| *v > 0.0));
}

#[test]
fn scales_of_any_size_are_measured_in_their_unit() {
    for d in [1, 3] {
        let (a, b) = (normal(40, 60, d), normal(41, 70, d) + 0.5);
        let expected = distance(a.view(), b.view());
        for power in [-1000, -600, 600, 1000] {
            let unit = 2f64.powi(power / 2);
            let scaled = |x: &Array2<f64>| x * unit * unit;
            let found = distance(scaled(&a).view(), scaled(&b).view()) / unit / unit;
            assert!((found - expected).abs() < 1e-13, "d = {d}, 2^{power}: {found}, not {expected}");
        }
        // Sets of very different sizes: the smaller one is a point beside the larger, whichever is the real one.
        let origin = Array2::zeros((70, d));
        let expected = distance(a.view(), origin.view());
        for unit in [1.0, 1e200, 1e300] {
            let (large, small) = (&a * unit, &b * (unit * 1e-200));
            for (real, fake) in [(&large, &small), (&small, &large)] {
                let found = distance(real.view(), fake.view()) / unit;
                assert!((found - expected).abs() < 1e-12, "d = {d}, {unit:e}: {found}");
            }
        }
        assert!(distance((&a * 1e307).view(), (&b * -1e307).view()).is_finite());
    }
    // A single point far out is finite, and leaves rounding of its own size.
    let mut far = normal(42, 50, 2);
    far[[7, 1]] = 1e200;
    let found = distance(normal(43, 50, 2).view(), far.view());
    assert!(found.abs() < 1e186, "{found:e}");
}

#[test]
fn threads_change_no_bit() {
    for d in [1, 2, 6] {
        let (real, fake) = (normal(60, 1111, d), normal(61, 777, d));
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| distance(real.view(), fake.view()).to_bits())
        };
        let one = with(1);
        assert!([2, 3, 7].into_iter().all(|threads| with(threads) == one), "d = {d}");
    }
}

#[test]
fn a_single_point_makes_no_pair() {
    for d in [1, 2] {
        let (one, many) = (normal(70, 1, d), normal(71, 9, d));
        assert_eq!(energy_distance(one.view(), many.view()), Ok(None));
        assert_eq!(energy_distance(many.view(), one.view()), Ok(None));
        assert_eq!(energy_distance(one.view(), one.view()), Ok(None));
    }
}

#[test]
fn refuses_what_it_cannot_measure() {
    let good = normal(80, 9, 2);
    let energy = EnergyDistance::new(good.view()).unwrap();
    let (real, generated) = (2, 3);
    let wide = energy.distance(Array2::zeros((4, 3)).view());
    assert_eq!(wide, Err(MetricsError::DifferentColumns { real, generated }));
    let none = energy.distance(Array2::zeros((0, 2)).view());
    assert_eq!(none, Err(MetricsError::NoPoints { which: "generated" }));
    let flat = EnergyDistance::new(Array2::zeros((3, 0)).view()).unwrap_err();
    assert_eq!(flat, MetricsError::NoColumns { which: "real" });
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut bad = good.clone();
        bad[[3, 1]] = value;
        let found = energy.distance(bad.view()).unwrap_err();
        assert!(matches!(found, MetricsError::NotFinite { which: "generated", row: 3, column: 1, .. }));
        let found = EnergyDistance::new(bad.view()).unwrap_err();
        assert!(matches!(found, MetricsError::NotFinite { which: "real", row: 3, column: 1, .. }));
    }
}
