//! What must hold of every Gaussianizer, whatever the data, rotation, bandwidth and tails.

use crate::common::clouds::{RULES, fit, modes, stream, worst};
use gdiff::gaussianize::kde::exact::Kde;
use gdiff::gaussianize::kde::marginal::Marginal;
use gdiff::gaussianize::{
    Components, Coupling, GaussianizeOptions, Gaussianizer, Rotation, StopReason, Tails,
};
use gdiff::numeric::random::Stream;
use ndarray::{Array2, s};
use proptest::prelude::*;

const ROTATIONS: [Rotation; 5] =
    [Rotation::Ica, Rotation::Pca, Rotation::Random, Rotation::IcaRandom, Rotation::Sliced];

fn unwatched(layers: usize) -> GaussianizeOptions {
    GaussianizeOptions { layers, held_out: 0.0, ..Default::default() }
}

#[test]
fn every_rotation_and_bandwidth_comes_back_and_counts_its_volume() {
    for (tails, d, n) in [(Tails::Gentle, 2, 600), (Tails::Kernel, 2, 600), (Tails::Gentle, 3, 400)] {
        let x = modes(n, d);
        for rotation in ROTATIONS {
            for bandwidth in RULES {
                let options =
                    GaussianizeOptions { rotation, bandwidth, bandwidth_factor: 0.7, tails, ..unwatched(3) };
                let (map, _) = fit(&x, &options).unwrap();
                let (z, log_det) = map.forward_with_log_det(x.view());
                assert!(z.iter().chain(&log_det).all(|v| v.is_finite()));
                assert_eq!(z, map.forward(x.view()));
                let error = worst(&map.inverse(z.view()), &x);
                assert!(error < 1e-8, "{rotation:?} {bandwidth:?} {tails:?}: {error:e}");
                let fresh = 1.3 * &modes(n + 20, d).slice(s![n.., ..]);
                check_log_det(&map, &fresh);
            }
        }
    }
}

/// log |det J| against central differences of step e; their error is of order (e / h)^2, and points
/// where halving the step changes the answer (a kink of the tails lies between) are left out.
fn check_log_det(map: &Gaussianizer, x: &Array2<f64>) {
    let d = x.ncols();
    let difference = |row: usize, e: f64| {
        let mut jacobian = Array2::zeros((d, d));
        for j in 0..d {
            let mut pair = x.select(ndarray::Axis(0), &[row, row]);
            pair[[0, j]] += e;
            pair[[1, j]] -= e;
            let z = map.forward(pair.view());
            jacobian.column_mut(j).assign(&((&z.row(0) - &z.row(1)) / (2.0 * e)));
        }
        use ndarray_linalg::Determinant;
        jacobian.det().unwrap().abs().ln()
    };
    let ours = map.forward_with_log_det(x.view()).1;
    let mut compared = 0;
    for row in 0..x.nrows() {
        let (coarse, fine) = (difference(row, 2e-5), difference(row, 1e-5));
        if (coarse - fine).abs() < 1e-5 {
            compared += 1;
            assert!(
                (fine - ours[row]).abs() < 1e-4,
                "row {row}: {fine} by differences, {} by formula",
                ours[row]
            );
        }
    }
    assert!(compared * 2 > x.nrows(), "only {compared} of {} points compared", x.nrows());
}

#[test]
fn density_integrates_to_one_in_one_dimension() {
    let x = modes(300, 1);
    for tails in [Tails::Gentle, Tails::Kernel] {
        let (map, _) = fit(&x, &GaussianizeOptions { tails, ..unwatched(3) }).unwrap();
        let step = 1e-3;
        let grid = Array2::from_shape_fn((60_001, 1), |(i, _)| (i as f64 - 30_000.0) * step);
        let mass = map.log_density(grid.view()).mapv(f64::exp).sum() * step;
        // The midpoint rule on a density with a jump at each tail's start: an error of step times jump.
        assert!((mass - 1.0).abs() < 1e-4, "{tails:?}: {mass}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn marginals_increase_strictly_and_come_back(
        mut points in prop::collection::vec(-50.0..50.0_f64, 2..60),
        gap in prop_oneof![Just(0.0), 1.0..1e4_f64],
        log_h in -4.0..1.5_f64,
        gentle in any::<bool>(),
    ) {
        let half = points.len() / 2;
        points[half..].iter_mut().for_each(|p| *p += gap);
        points.sort_by(f64::total_cmp);
        let tails = if gentle { Tails::Gentle } else { Tails::Kernel };
        let (map, _) = Marginal::fit(&points, 10.0_f64.powf(log_h), tails).unwrap();
        let (low, high) = (points[0] - 100.0, points[points.len() - 1] + 100.0);
        let mut previous = f64::NEG_INFINITY;
        for i in 0..=2000 {
            let s = low + (high - low) * f64::from(i) / 2000.0;
            let (z, slope) = map.forward_with_derivative(s);
            prop_assert!(z.is_finite() && slope > 0.0 && slope.is_finite());
            // The plain estimate is flat to the last bit between far modes; the gentle one never is.
            prop_assert!(if gentle { z > previous } else { z >= previous }, "z({s}) = {z} after {previous}");
            previous = z;
            // A point itself is only known to its last bit, which the slope carries over to z.
            let back = map.forward(map.inverse(z));
            let tolerance = 1e-12 * z.abs().max(1.0) + 4.0 * f64::EPSILON * s.abs() * slope;
            prop_assert!((back - z).abs() <= tolerance, "{z} came back as {back}");
        }
        prop_assert!(map.forward(f64::NAN).is_nan() && map.inverse(f64::NAN).is_nan());
        for s in [1e6, 1e30, 1e300, f64::MAX] {
            prop_assert!(map.forward(s).is_finite() && map.forward(-s).is_finite());
            prop_assert!(map.inverse(s).is_finite() && map.inverse(-s).is_finite());
        }
    }

    #[test]
    fn fast_sums_are_the_exact_ones(
        points in prop::collection::vec(-3.0..3.0_f64, 2..400),
        h in 0.01..1.0_f64,
        at in -4.0..4.0_f64,
    ) {
        let kde = Kde::new(points, h);
        let (map, _) = Marginal::fit(kde.points(), h, Tails::Kernel).unwrap();
        let (ours, exact) = (map.forward(at), kde.z(at));
        prop_assert!((ours - exact).abs() < 3e-13 * exact.abs().max(1.0), "{ours} not {exact}");
    }

    #[test]
    fn maps_come_back_at_any_scale(scale in -6.0..6.0_f64, shift in -1e3..1e3_f64, seed in 0..1000_u64) {
        let scale = 10.0_f64.powf(scale);
        let x = (Stream::new(seed, 0, "scale").standard_normal(0, 150, 2).mapv(f64::sinh) + shift) * scale;
        let (map, _) = fit(&x, &unwatched(4)).unwrap();
        let error = worst(&map.inverse(map.forward(x.view()).view()), &x);
        prop_assert!(error < 1e-9 * scale * (1.0 + shift.abs()), "{error:e} at scale {scale:e}");
    }
}

#[test]
fn gentle_tails_keep_fresh_points_in_place_where_kernel_tails_throw_them_out() {
    let x = modes(2000, 2);
    let fresh = modes(12_000, 2).slice(s![2000.., ..]).to_owned();
    let largest = |tails| {
        let options = GaussianizeOptions {
            tails,
            coupling: Coupling::Marginal,
            rotation: Rotation::Random,
            ..unwatched(25)
        };
        let z = fit(&x, &options).unwrap().0.forward(fresh.view());
        z.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
    };
    let (gentle, kernel) = (largest(Tails::Gentle), largest(Tails::Kernel));
    assert!(gentle < 30.0, "gentle tails reach {gentle}");
    assert!(kernel > 2.0 * gentle, "kernel tails reach only {kernel}, gentle ones {gentle}");
}

#[test]
fn fit_stops_when_held_out_points_stop_gaining_and_says_where() {
    let x = modes(1500, 2);
    let (map, report) = fit(
        &x,
        &GaussianizeOptions { layers: 60, patience: 3, coupling: Coupling::Marginal, ..Default::default() },
    )
    .unwrap();
    assert!(map.layers() < 60);
    assert!(
        matches!(report.stopped, StopReason::HeldOut { kept, .. } if kept == map.layers()),
        "{}",
        report.stopped
    );
    let best = report.layers.iter().map(|l| l.log_likelihood).fold(f64::NEG_INFINITY, f64::max);
    assert!(report.held_out_log_likelihood >= best - 3e-3);
    assert_eq!(report.layers.iter().filter(|l| l.kept).count(), map.layers());
    assert!(report.round_trip < 1e-8 && report.layers.iter().all(|l| l.round_trip < 1e-9));
}

#[test]
fn leading_components_leave_the_gaussian_ones_alone() {
    let x = stream().standard_normal(2, 3000, 4);
    let x = Array2::from_shape_fn(x.dim(), |(i, j)| if j == 2 { x[[i, j]].exp() } else { x[[i, j]] });
    let options =
        GaussianizeOptions { components: Components::Leading(1), rotation: Rotation::Ica, ..unwatched(1) };
    let (map, report) = fit(&x, &options).unwrap();
    assert_eq!(report.layers[0].bandwidths.iter().filter(|h| h.is_finite()).count(), 1);
    let mapped = report.layers[0].bandwidths.iter().position(|h| h.is_finite()).unwrap();
    let before = &report.layers[0].negentropy_before;
    assert!(before.iter().all(|v| *v <= before[mapped]));
    assert!(report.layers[0].negentropy_after[mapped] < 0.01 * before[mapped]);
    assert!(worst(&map.inverse(map.forward(x.view()).view()), &x) < 1e-10);
}

#[test]
fn same_bits_for_any_number_of_threads() {
    for d in [1, 2, 3] {
        let x = modes(5000, d);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let (map, report) = fit(&x, &GaussianizeOptions { layers: 3, ..Default::default() }).unwrap();
                (map.to_safetensors().unwrap(), map.inverse(x.view()), format!("{report:?}"))
            })
        };
        let one = run(1);
        for threads in [2, 5] {
            assert!(one == run(threads), "d = {d}, {threads} threads");
        }
    }
}

#[test]
fn stored_maps_give_the_same_bits_and_damaged_ones_an_error() {
    for tails in [Tails::Gentle, Tails::Kernel] {
        let x = modes(300, 2);
        let options = GaussianizeOptions { tails, components: Components::Leading(1), ..unwatched(3) };
        let (map, _) = fit(&x, &options).unwrap();
        let bytes = map.to_safetensors().unwrap();
        assert_eq!(bytes, map.to_safetensors().unwrap());
        let read = Gaussianizer::from_safetensors(&bytes).unwrap();
        let wide = 3.0 * &x;
        assert_eq!(map.forward(wide.view()), read.forward(wide.view()));
        assert_eq!(map.inverse(wide.view()), read.inverse(wide.view()));
        assert_eq!(map.log_density(wide.view()), read.log_density(wide.view()));

        for cut in [0, 1, 7, 8, 9, 100, bytes.len() / 2, bytes.len() - 1] {
            assert!(Gaussianizer::from_safetensors(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        // Damage anywhere: an error, or a map that still gives numbers; never a panic.
        for i in 0..400 {
            let mut damaged = bytes.clone();
            let at = (i * 7919) % bytes.len();
            damaged[at] ^= 1 << (i % 8);
            if let Ok(map) = Gaussianizer::from_safetensors(&damaged)
                && map.dim() == 2
            {
                let _ = (map.forward(x.view()), map.inverse(x.view()));
            }
        }
    }
}
