//! PRDC against the Python package's numbers and against brute force: equal to the last bit.

use candle_core::Device;
use gdiff::metrics::{MetricsError, Prdc, PrdcIntervals, RealManifold, ResampledInterval, prdc_intervals};
use gdiff::numeric::random::Stream;
use ndarray::{Array2, ArrayView2, Axis, s};
use proptest::prelude::*;

/// Squared distances from every row of `a` to every row of `b`, summed in the order of the columns.
fn squared(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Array2<f64> {
    Array2::from_shape_fn((a.nrows(), b.nrows()), |(i, j)| {
        a.row(i).iter().zip(b.row(j)).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
    })
}

fn squared_radii(points: ArrayView2<f64>, k: usize) -> Vec<f64> {
    let mut distances = squared(points, points);
    distances.diag_mut().fill(f64::INFINITY);
    distances
        .axis_iter(Axis(0))
        .map(|row| {
            let mut row = row.to_vec();
            row.sort_by(f64::total_cmp);
            row[k - 1]
        })
        .collect()
}

struct BruteForce {
    prdc: Prdc,
    radii: Vec<f64>,
    holding: Vec<u32>,
}

fn brute_force(real: ArrayView2<f64>, fake: ArrayView2<f64>, k: usize) -> BruteForce {
    let (n, m) = (real.nrows(), fake.nrows());
    let (r, f) = (squared_radii(real, k), squared_radii(fake, k));
    let d = squared(real, fake);
    let fraction = |hits: usize, of: usize| hits as f64 / of as f64;
    let holding: Vec<u32> = (0..m).map(|j| (0..n).filter(|&i| d[[i, j]] < r[i]).count() as u32).collect();
    let prdc = Prdc {
        precision: fraction(holding.iter().filter(|&&count| count > 0).count(), m),
        recall: fraction((0..n).filter(|&i| (0..m).any(|j| d[[i, j]] < f[j])).count(), n),
        density: fraction(holding.iter().sum::<u32>() as usize, m) / k as f64,
        coverage: fraction((0..n).filter(|&i| (0..m).any(|j| d[[i, j]] < r[i])).count(), n),
    };
    BruteForce { prdc, radii: r.iter().map(|r| r.sqrt()).collect(), holding }
}

fn assert_is_brute_force(real: &Array2<f64>, fake: &Array2<f64>, k: usize) {
    let expected = brute_force(real.view(), fake.view(), k);
    let trees = RealManifold::in_trees(real.view(), k).unwrap();
    let products = RealManifold::by_products(real.view(), k).unwrap();
    let blocks = RealManifold::in_tiles(&Device::Cpu, real.view(), k).unwrap();
    for manifold in [trees, products, blocks] {
        assert_eq!(manifold.radii(), expected.radii);
        assert_eq!(manifold.spheres_holding(fake.view()).unwrap(), expected.holding);
        assert_eq!(manifold.prdc(fake.view()).unwrap(), expected.prdc);
    }
}

fn gaussian(n: usize, d: usize, seed: u64) -> Array2<f64> {
    Stream::new(seed, 0, "metrics test").standard_normal(0, n, d)
}

fn matrix(rows: &serde_json::Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(rows.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

#[test]
fn equals_the_package_on_every_oracle_case() {
    // prdc 0.2, and its formulas on directly computed distances; see the provenance in the file.
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/prdc.json"));
    let oracle: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let (real, fake) = (matrix(&case["real"]), matrix(&case["fake"]));
        let k = case["k"].as_u64().unwrap() as usize;
        let manifold = RealManifold::new(real.view(), k).unwrap();
        let prdc = manifold.prdc(fake.view()).unwrap();
        let expected = &case["exact_strict"];
        for (name, value) in [
            ("precision", prdc.precision),
            ("recall", prdc.recall),
            ("density", prdc.density),
            ("coverage", prdc.coverage),
        ] {
            assert_eq!(value, expected[name].as_f64().unwrap(), "{name} of {}", case["name"]);
            // The package multiplies by 1/k where the formula divides by k: half a unit more of rounding.
            let package = case["prdc_package"][name].as_f64().unwrap();
            assert!((value - package).abs() <= f64::EPSILON * package, "{name} of {}", case["name"]);
        }
        assert_is_brute_force(&real, &fake, k);
    }
}

#[test]
fn equals_brute_force_on_every_kind_of_cloud() {
    for d in [1, 2, 3, 4, 5, 8, 15, 16, 17, 33, 64] {
        let real = gaussian(300, d, 1);
        let same = gaussian(211, d, 2);
        let clusters =
            Array2::from_shape_fn((257, d), |(i, j)| (i % 5) as f64 * 3.0 + 0.2 * same[[i % 211, j]]);
        let piled = Array2::from_shape_fn((200, d), |(i, j)| real[[i % 3, j]] + 1e-3 * same[[i, j]]);
        for fake in [&same, &clusters, &piled, &(&same * 30.0), &(&same * 0.01), &(&same + 100.0)] {
            assert_is_brute_force(&real, fake, 5);
            assert_is_brute_force(fake, &real, 3);
        }
    }
}

#[test]
fn one_manifold_equals_brute_force_along_a_reverse_process_and_far_from_it() {
    // Points that draw nearer step by step, a step in which they coincide, and one in which they are elsewhere.
    for (d, n, m) in [(1, 700, 900), (2, 1100, 1000), (5, 600, 800), (7, 500, 700)] {
        let real = Array2::from_shape_fn((n, d), |(i, _)| (i % 4) as f64 * 3.0) + gaussian(n, d, 1) * 0.3;
        let (start, drift) = (gaussian(m, d, 2), gaussian(m, d, 3));
        let target = Array2::from_shape_fn((m, d), |(i, c)| real[[i % n, c]] + 0.3 * drift[[i, c]]);
        let mut clouds: Vec<Array2<f64>> = (0..=4_i32)
            .map(|step| {
                let share = f64::from(step) / 4.0;
                &target * share + &start * (1.0 - share)
            })
            .collect();
        clouds.push(Array2::from_shape_fn((m, d), |(i, c)| target[[i / 9, c]]));
        clouds.push(&start + 1e6);
        // Wide spheres, each of which holds many real points, and all of them together every one.
        clouds.push(&start * 1e3);
        clouds.push(Array2::zeros((m, d)));
        let manifold = RealManifold::in_trees(real.view(), 5).unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        for cloud in clouds {
            let expected = brute_force(real.view(), cloud.view(), 5);
            let on = |pool: &rayon::ThreadPool| pool.install(|| manifold.prdc(cloud.view()).unwrap());
            assert_eq!(on(&pool), expected.prdc, "{m} points in {d} dimensions");
            assert_eq!(manifold.prdc(cloud.view()).unwrap(), expected.prdc, "{m} points in {d} dimensions");
            assert_eq!(manifold.spheres_holding(cloud.view()).unwrap(), expected.holding);
        }
    }
}

#[test]
fn products_of_several_tiles_equal_brute_force() {
    let (real, same) = (gaussian(1100, 40, 1), gaussian(700, 40, 2));
    // Repeated points: nothing but exact distances tells them apart, and many have radius 0.
    let repeated = Array2::from_shape_fn((1060, 40), |(i, j)| real[[i % 7, j]]);
    let close = Array2::from_shape_fn((600, 40), |(i, j)| real[[i % 3, j]] + 1e-6 * same[[i, j]]);
    for fake in [&same, &repeated, &close, &(&same * 0.2), &(&same * 1e60)] {
        assert_is_brute_force(&real, fake, 5);
    }
    assert_is_brute_force(&repeated, &same, 5);
    assert_is_brute_force(&close, &real, 600 / 3);
}

#[test]
fn clusters_of_which_most_pairs_are_left_out_together_equal_brute_force() {
    for (d, clusters, k) in [(2, 3, 5), (40, 4, 1), (40, 30, 5), (33, 2, 20), (5, 9, 17)] {
        let centres = gaussian(clusters, d, 1) * 30.0;
        let around = |n: usize, seed: u64| {
            let noise = gaussian(n, d, seed);
            Array2::from_shape_fn((n, d), |(i, c)| {
                // Clusters of different sizes and widths; some points are repeated.
                let cluster = (i * i) % clusters;
                let i = if i % 7 == 0 { i / 14 * 7 } else { i };
                let width = 0.1 * (1 + cluster) as f64;
                centres[[cluster, c]] + if i % 7 == 0 { 0.0 } else { width * noise[[i, c]] }
            })
        };
        let (mut real, fake) = (around(610, 2), around(450, 3));
        assert_is_brute_force(&real, &fake, k);
        // Points that no ball of a useful size holds.
        real.row_mut(17).fill(1e7);
        real.row_mut(400).fill(-1e14);
        assert_is_brute_force(&real, &fake, k);
    }
}

#[test]
fn nothing_depends_on_the_number_of_threads_or_on_the_backend() {
    let (real, fake) = (gaussian(1300, 33, 3), gaussian(900, 33, 4));
    let found = |threads: usize, trees: bool| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let manifold = match trees {
                true => RealManifold::in_trees(real.view(), 5).unwrap(),
                false => RealManifold::new(real.view(), 5).unwrap(),
            };
            (manifold.radii().to_vec(), manifold.prdc(fake.view()).unwrap())
        })
    };
    let one = found(1, false);
    assert_eq!(one, found(3, false));
    assert_eq!(one, found(2, true));
}

/// The mean of an interval's standard deviation is that of the value over many pairs of sets, and the interval covers their
/// mean.
#[test]
fn intervals_by_halves_have_the_spread_of_other_sets() {
    // Values that are near neither 0 nor 1.
    let draws: Vec<_> =
        (0..120).map(|i| (gaussian(160, 3, 2 * i), gaussian(140, 3, 2 * i + 1) * 1.1 + 1.0)).collect();
    let values: Vec<Prdc> = draws
        .iter()
        .map(|(real, fake)| RealManifold::new(real.view(), 5).unwrap().prdc(fake.view()).unwrap())
        .collect();
    let intervals: Vec<_> = draws
        .iter()
        .zip(&values)
        .map(|((real, fake), prdc)| {
            let sets = (real.view(), fake.view());
            prdc_intervals(&Device::Cpu, sets, (5, prdc), Stream::new(1, 0, "halves"), 60).unwrap()
        })
        .collect();
    type Value = fn(&Prdc) -> f64;
    type Interval = fn(&PrdcIntervals) -> ResampledInterval;
    let metrics: [(Value, Interval); 4] = [
        (|p| p.precision, |i| i.precision),
        (|p| p.recall, |i| i.recall),
        (|p| p.density, |i| i.density),
        (|p| p.coverage, |i| i.coverage),
    ];
    for (value, interval) in metrics {
        let values: Vec<f64> = values.iter().map(value).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 119.0).sqrt();
        let found: Vec<ResampledInterval> = intervals.iter().map(interval).collect();
        let std = found.iter().map(|i| i.std).sum::<f64>() / found.len() as f64;
        assert!((0.75..1.35).contains(&(std / spread)), "{std} against {spread}");
        let covered = found.iter().filter(|i| (i.low..=i.high).contains(&mean)).count();
        assert!((102..=119).contains(&covered), "{covered} of 120");
    }
}

#[test]
fn far_flung_points_are_nothing_special() {
    for d in [2, 7, 40] {
        let real = gaussian(200, d, 1);
        for far in [1e4, 1e6, 1e12, 1e150, 1e300, f64::MAX] {
            for rows in [1, 7, 199] {
                let mut fake = gaussian(200, d, 2);
                fake.slice_mut(s![..rows, 0]).mapv_inplace(|v| far * v.signum());
                assert_is_brute_force(&real, &fake, 5);
                assert_is_brute_force(&fake, &real, 5);
            }
        }
    }
}

#[test]
fn neither_scale_nor_offset_nor_rounding_to_single_precision_matters() {
    for d in [3, 6, 30] {
        let (real, fake) = (gaussian(150, d, 1), gaussian(170, d, 2));
        for scale in [1e-100, 1e-40, 1e40, 1e101] {
            assert_is_brute_force(&(&real * scale), &(&fake * scale), 5);
        }
        for offset in [1e3, 1e8, 1e15] {
            assert_is_brute_force(&(&real + offset), &(&fake + offset), 5);
            assert_is_brute_force(&(&real * 1e-7 + offset), &(&fake * 1e-7 + offset), 5);
        }
        // Most points within single precision of each other, the frame set by one far point.
        let (mut real, mut fake) = (real * 1e-9, fake * 1e-9);
        real[[0, 0]] = 1.0;
        fake[[1, 1]] = -1.0;
        assert_is_brute_force(&real, &fake, 5);
    }
}

#[test]
fn scores_are_the_same_at_every_scale_that_doubles_have() {
    for d in [1, 2, 7, 40] {
        let (real, fake) = (gaussian(150, d, 1), gaussian(170, d, 2) * 1.1);
        let usual = RealManifold::new(real.view(), 5).unwrap();
        let expected = usual.prdc(fake.view()).unwrap();
        assert!(expected.density > 0.0 && expected.recall > 0.0);
        for power in [-960, -664, -564, -300, 299, 301, 511, 664, 1010] {
            let scale = |x: &Array2<f64>| x * 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
            let (real, fake) = (scale(&real), scale(&fake));
            let trees = RealManifold::new(real.view(), 5).unwrap();
            let tiles = RealManifold::in_tiles(&Device::Cpu, real.view(), 5).unwrap();
            for manifold in [trees, tiles] {
                assert_eq!(manifold.prdc(fake.view()).unwrap(), expected, "2^{power}, d = {d}");
                let holding = usual
                    .spheres_holding((&fake / 2f64.powi(power / 2) / 2f64.powi(power - power / 2)).view());
                assert_eq!(manifold.spheres_holding(fake.view()).unwrap(), holding.unwrap());
                let radii =
                    usual.radii().iter().map(|r| r * 2f64.powi(power / 2) * 2f64.powi(power - power / 2));
                assert_eq!(manifold.radii(), radii.collect::<Vec<f64>>());
            }
        }
    }
}

#[test]
fn a_far_point_does_not_make_the_others_vanish_and_clouds_of_no_common_scale_are_refused() {
    let (mut real, fake) = (gaussian(150, 2, 1), gaussian(170, 2, 2));
    let without = RealManifold::new(real.slice(s![1.., ..]), 5).unwrap().prdc(fake.view()).unwrap();
    real.row_mut(0).fill(1e200);
    let with = RealManifold::new(real.view(), 5).unwrap().prdc(fake.view()).unwrap();
    assert_eq!((with.precision, with.density), (without.precision, without.density));
    for (r, f) in [(1e200, 1e-170), (1e-170, 1e200), (1.0, 1e250), (1e250, 1.0)] {
        let (real, fake) = (gaussian(150, 2, 1) * r, gaussian(170, 2, 2) * f);
        let error = RealManifold::new(real.view(), 5).unwrap().prdc(fake.view()).unwrap_err();
        assert!(matches!(error, MetricsError::Scale { .. }), "{error}");
    }
}

#[test]
fn a_point_at_exactly_the_radius_is_outside() {
    let real = Array2::from_shape_fn((5, 1), |(i, _)| i as f64);
    let manifold = RealManifold::new(real.view(), 1).unwrap();
    assert_eq!(manifold.radii(), [1.0; 5]);
    let fake = ndarray::array![[-1.0], [5.0], [-0.5], [2.5]];
    assert_eq!(manifold.spheres_holding(fake.view()).unwrap(), [0, 0, 1, 2]);
    assert_eq!(manifold.spheres_holding(Array2::zeros((0, 1)).view()).unwrap(), [0; 0]);
}

#[test]
fn duplicates_have_radius_zero_and_hold_nothing() {
    let real = Array2::from_elem((40, 3), 0.7);
    let manifold = RealManifold::new(real.view(), 5).unwrap();
    assert_eq!(manifold.radii(), [0.0; 40]);
    let none = Prdc { precision: 0.0, recall: 0.0, density: 0.0, coverage: 0.0 };
    assert_eq!(manifold.prdc(real.view()).unwrap(), none);
}

#[test]
fn the_real_points_against_themselves_score_as_the_definitions_say() {
    let real = gaussian(1000, 2, 4);
    let prdc = RealManifold::new(real.view(), 5).unwrap().prdc(real.view()).unwrap();
    // Every point lies in its own sphere and in those of the others that count it among their four nearest.
    assert_eq!(prdc, Prdc { precision: 1.0, recall: 1.0, density: 1.0, coverage: 1.0 });
}

#[test]
fn the_result_does_not_depend_on_threads_or_on_the_order_of_the_points() {
    for d in [2, 20] {
        let (real, fake) = (gaussian(3000, d, 5), gaussian(2500, d, 6) * 1.1);
        let run = |threads, real: &Array2<f64>, fake: &Array2<f64>| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let manifold = RealManifold::new(real.view(), 5).unwrap();
                let holding = manifold.spheres_holding(fake.view()).unwrap();
                (manifold.prdc(fake.view()).unwrap(), manifold.radii().to_vec(), holding)
            })
        };
        let one = run(1, &real, &fake);
        assert_eq!(one, run(2, &real, &fake));
        assert_eq!(one, run(7, &real, &fake));
        let reversed = run(2, &real.slice(s![..;-1, ..]).to_owned(), &fake.slice(s![..;-1, ..]).to_owned());
        assert_eq!(one.0, reversed.0);
    }
}

#[test]
fn views_that_are_not_contiguous_are_read_as_they_are_seen() {
    let (wide, fake) = (gaussian(400, 6, 7), gaussian(200, 2, 8));
    let (view, copy) = (wide.slice(s![..;2, 1..;3]), wide.slice(s![..;2, 1..;3]).to_owned());
    let columns = fake.t().as_standard_layout().to_owned();
    let expected = brute_force(copy.view(), fake.view(), 5).prdc;
    assert_eq!(RealManifold::new(view, 5).unwrap().prdc(columns.t()).unwrap(), expected);
}

#[test]
fn bad_points_are_refused_with_their_place() {
    let real = gaussian(50, 2, 9);
    let fake = gaussian(50, 2, 10);
    let manifold = RealManifold::new(real.view(), 5).unwrap();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut broken = fake.clone();
        broken[[31, 1]] = value;
        broken[[40, 0]] = value;
        let sentence =
            format!("the generated points hold {value} in row 31, column 1: every coordinate must be finite");
        assert_eq!(manifold.prdc(broken.view()).unwrap_err().to_string(), sentence);
        assert_eq!(manifold.spheres_holding(broken.view()).unwrap_err().to_string(), sentence);
        let error = RealManifold::new(broken.view(), 5).err().unwrap();
        assert!(matches!(error, MetricsError::NotFinite { which: "real", row: 31, column: 1, .. }));
    }
    let error = RealManifold::new(real.view(), 0).err().unwrap();
    assert_eq!(error, MetricsError::NoNeighbours);
    let error = RealManifold::new(real.slice(s![..5, ..]), 5).err().unwrap();
    assert_eq!(
        error.to_string(),
        "5 real points are too few for 5 nearest neighbours: at least 6 are needed"
    );
    let error = RealManifold::new(real.slice(s![..0, ..]), 5).err().unwrap();
    assert_eq!(error, MetricsError::TooFewPoints { which: "real", n: 0, k: 5 });
    let error = manifold.prdc(fake.slice(s![..5, ..])).unwrap_err();
    assert_eq!(error, MetricsError::TooFewPoints { which: "generated", n: 5, k: 5 });
    let error = RealManifold::new(real.slice(s![.., ..0]), 5).err().unwrap();
    assert_eq!(error, MetricsError::NoColumns { which: "real" });
    let error = manifold.prdc(fake.slice(s![.., ..1])).unwrap_err();
    assert_eq!(error, MetricsError::DifferentColumns { real: 2, generated: 1 });
}

#[test]
fn a_hundred_thousand_points_are_scored_without_a_table_of_distances() {
    let (real, fake) = (gaussian(100_000, 2, 11), gaussian(100_000, 2, 12));
    let prdc = RealManifold::new(real.view(), 5).unwrap().prdc(fake.view()).unwrap();
    // Points of one distribution: density 1 and coverage 1 - 2^-k in expectation (Naeem et al. 2020).
    assert!((prdc.density - 1.0).abs() < 0.01 && (prdc.coverage - (1.0 - 0.5f64.powi(5))).abs() < 0.003);
    assert!(prdc.precision > 0.99 && prdc.recall > 0.99);
}

/// Points of one of several kinds: smooth, on a coarse lattice (many ties and duplicates), all equal, and
/// near each other at a large offset.
fn cloud(n: usize, d: usize) -> impl Strategy<Value = Array2<f64>> {
    let shape = move |v: Vec<f64>| Array2::from_shape_fn((n, d), |(i, j)| v[i * d + j]);
    prop_oneof![
        prop::collection::vec(-3.0..3.0f64, n * d).prop_map(shape),
        prop::collection::vec((0..4i32).prop_map(f64::from), n * d).prop_map(shape),
        prop::collection::vec((0..40i32).prop_map(|v| f64::from(v) * 0.1), n * d).prop_map(shape),
        (-2..2i32).prop_map(move |v| Array2::from_elem((n, d), f64::from(v))),
        prop::collection::vec((0..9i32).prop_map(|v| 1e8 + f64::from(v) * 1e-7), n * d).prop_map(shape),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_brute_force(
        (real, fake, k) in (1..40usize, 2..90usize, 2..90usize, prop_oneof![1..6usize, 1..70usize])
            .prop_flat_map(|(d, n, m, k)| {
                let d = if d > 20 { d + 30 } else { d };
                (cloud(n, d), cloud(m, d), Just(k.min(n.min(m) - 1)))
            }),
    ) {
        assert_is_brute_force(&real, &fake, k);
    }
}
