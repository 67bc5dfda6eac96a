//! The data sets of the second paper and the field's usual ones: moments, characteristic functions and
//! outlines against their formulas, and statistics of scikit-learn; tables of points; scaled references.

use crate::common::{csv, gdiff, spec};
use gdiff::data::shapes::{Shape, ShapeSource};
use gdiff::data::source::{Part, Source, Table, eight_gaussians};
use gdiff::data::table::axis_names;
use gdiff::numeric::random::Stream;
use gdiff::space::{ScaleKind, Scaling, Transform};
use ndarray::{Array1, Array2, Array3, Axis, ShapeBuilder, array, s};
use ndarray_npy::WriteNpyExt;
use statrs::distribution::{ContinuousCDF, Normal};
use std::f64::consts::{FRAC_PI_3, PI};
use std::fs::File;
use std::path::Path;
use tempfile::tempdir;

const N: usize = 200_000;

/// A number made of a point's coordinates.
type Of = fn(f64, f64) -> f64;

/// How many standard errors a mean may be off.
const ERRORS: f64 = 4.5;

/// Kolmogorov's statistic times sqrt(n) exceeds this once in 8,000 tries.
const KOLMOGOROV: f64 = 2.2;

fn draw(source: ShapeSource) -> Array2<f64> {
    source.sample(N, &Stream::new(17, 0, source.shape.name()))
}

fn usual(shape: Shape) -> ShapeSource {
    ShapeSource::usual(shape)
}

fn clean(shape: Shape) -> ShapeSource {
    ShapeSource { noise: 0.0, ..usual(shape) }
}

fn pairs(points: &Array2<f64>) -> impl Iterator<Item = (f64, f64)> {
    points.rows().into_iter().map(|p| (p[0], p[1]))
}

fn assert_mean(what: &str, values: &[f64], expected: f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    assert!((mean - expected).abs() <= ERRORS * error, "{what}: {mean} +- {error}, but {expected} is right");
}

fn assert_share(what: &str, count: usize, of: usize, share: f64) {
    let error = (share * (1.0 - share) / of as f64).sqrt();
    let seen = count as f64 / of as f64;
    assert!((seen - share).abs() <= ERRORS * error, "{what}: {seen} +- {error}, but {share} is right");
}

/// Kolmogorov's test that the values are uniform on [0, 1].
fn assert_uniform(what: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let gap = |(i, v): (usize, &f64)| (v - i as f64 / n).abs().max((v - (i + 1) as f64 / n).abs());
    let statistic = values.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt();
    assert!(statistic < KOLMOGOROV, "{what}: Kolmogorov's statistic is {statistic}");
}

/// A quadrature rule for the law of points without noise: weights that sum to 1, and points.
type Law = Vec<(f64, f64, f64)>;

/// `count` midpoints of [0, 1].
fn midpoints(count: usize) -> impl Iterator<Item = f64> + Clone {
    (0..count).map(move |i| (i as f64 + 0.5) / count as f64)
}

/// The standard normal law as weights and values: the trapezoidal rule, which is exact to `exp(-(4 pi - k)^2
/// / 2)` for waves `exp(i k z)`.
fn normal_law() -> Vec<(f64, f64)> {
    let values = (-14..=14).map(|i| 0.5 * f64::from(i));
    values.map(|z: f64| (0.5 * (-0.5 * z * z).exp() / (2.0 * PI).sqrt(), z)).collect()
}

fn curve(count: usize, point: impl Fn(f64) -> (f64, f64)) -> Law {
    let weight = 1.0 / count as f64;
    midpoints(count).map(point).map(|(x, y)| (weight, x, y)).collect()
}

fn crescent_law() -> Law {
    curve(500, |u| ((PI * u).cos(), (PI * u).sin()))
}

fn mixed(parts: &[(f64, &Law)]) -> Law {
    parts.iter().flat_map(|(share, law)| law.iter().map(move |&(w, x, y)| (share * w, x, y))).collect()
}

/// The law of a sum: `law` plus `sd N` on both axes.
fn blurred(law: &Law, sd: f64) -> Law {
    let normal = normal_law();
    let both: Vec<_> =
        normal.iter().flat_map(|&(v, x)| normal.iter().map(move |&(w, y)| (v * w, x, y))).collect();
    let near: Vec<_> = both.into_iter().filter(|&(w, ..)| w > 1e-9).collect();
    law.iter()
        .flat_map(|&(w, x, y)| near.iter().map(move |&(v, dx, dy)| (w * v, x + sd * dx, y + sd * dy)))
        .collect()
}

/// First and second moments, and the characteristic function `E exp(i k p)` at frequencies `k` of several
/// lengths, against the law plus `noise N` on both axes: the noise adds `noise^2` to the squares and
/// multiplies the characteristic function by `exp(-noise^2 |k|^2 / 2)`.
fn assert_law(what: &str, points: &Array2<f64>, law: &Law, noise: f64, longest: f64) {
    assert!((law.iter().map(|p| p.0).sum::<f64>() - 1.0).abs() < 1e-4, "the weights of {what}");
    let compare = |name: &str, f: &dyn Fn(f64, f64) -> f64, factor: f64, more: f64| {
        let expected = law.iter().map(|&(w, x, y)| w * f(x, y)).sum::<f64>() * factor + more;
        let values: Vec<f64> = pairs(points).map(|(x, y)| f(x, y)).collect();
        assert_mean(&format!("{what}, {name}"), &values, expected);
    };
    compare("E x", &|x, _| x, 1.0, 0.0);
    compare("E y", &|_, y| y, 1.0, 0.0);
    compare("E x^2", &|x, _| x * x, 1.0, noise * noise);
    compare("E y^2", &|_, y| y * y, 1.0, noise * noise);
    compare("E x y", &|x, y| x * y, 1.0, 0.0);
    for i in 1..=6 {
        let (length, angle) = (longest * f64::from(i) / 6.0, 2.4 * f64::from(i));
        let (kx, ky) = (length * angle.cos(), length * angle.sin());
        let damping = (-0.5 * (noise * length).powi(2)).exp();
        compare(&format!("cosine {i}"), &|x, y| (kx * x + ky * y).cos(), damping, 0.0);
        compare(&format!("sine {i}"), &|x, y| (kx * x + ky * y).sin(), damping, 0.0);
    }
}

/// The noise of a set is `noise N` on each axis, whatever the point: the same stream without noise gives the
/// clean points.
fn assert_noise(shape: Shape) {
    let (noisy, clean) = (draw(usual(shape)), draw(clean(shape)));
    let rest = (&noisy - &clean) / usual(shape).noise;
    let normal = Normal::standard();
    for (j, column) in rest.axis_iter(Axis(1)).enumerate() {
        let moved: Vec<f64> = column.iter().filter(|v| **v != 0.0).map(|v| normal.cdf(*v)).collect();
        assert!(moved.len() > N / 2, "{shape:?}");
        assert_uniform(&format!("{shape:?}, noise on axis {j}"), moved);
    }
    let product: Vec<f64> = rest.rows().into_iter().map(|r| r[0] * r[1]).collect();
    assert_mean(&format!("{shape:?}, noise on both axes"), &product, 0.0);
}

#[test]
fn swiss_roll() {
    let points = draw(usual(Shape::SwissRoll));
    let angle = |u: f64| 1.5 * PI * (1.0 + 2.0 * u);
    let law = curve(4000, |u| (angle(u) * angle(u).cos(), angle(u) * angle(u).sin()));
    assert_law("swiss roll", &points, &law, 0.1, 2.0);
    // Integrals of a cos a, a sin a, a^2 cos^2 a, a^2 sin^2 a and a^2 sin a cos a over [1.5 pi, 4.5 pi],
    // by parts: 6 pi, 2, 14.625 pi^3 -+ 0.75 pi and 4.5 pi^2, over the length 3 pi.
    let square = 4.875 * PI * PI;
    for (name, f, expected) in [
        ("x", (|x, _| x) as Of, 2.0),
        ("y", |_, y| y, 2.0 / (3.0 * PI)),
        ("x^2", |x, _| x * x, square - 0.25 + 0.01),
        ("y^2", |_, y| y * y, square + 0.25 + 0.01),
        ("x y", |x, y| x * y, 1.5 * PI),
    ] {
        let values: Vec<f64> = pairs(&points).map(|(x, y)| f(x, y)).collect();
        assert_mean(&format!("closed form of E {name}"), &values, expected);
    }
    // Without noise the radius is the angle, and the angle is uniform.
    let clean = draw(clean(Shape::SwissRoll));
    let radii: Vec<f64> = pairs(&clean).map(|(x, y)| x.hypot(y)).collect();
    for ((x, y), r) in pairs(&clean).zip(&radii) {
        assert!((x - r * r.cos()).abs() < 1e-11 && (y - r * r.sin()).abs() < 1e-11);
    }
    assert_uniform("angle", radii.iter().map(|r| (r / (1.5 * PI) - 1.0) / 2.0).collect());
    assert_noise(Shape::SwissRoll);
}

#[test]
fn scattered_moon() {
    let law = crescent_law();
    for extra in [0.0, 0.1, 1.0] {
        let source = ShapeSource { extra, ..usual(Shape::ScatteredMoon) };
        // A scattered point has the crescent's noise and another of 0.3.
        let law = mixed(&[(1.0 - extra, &law), (extra, &blurred(&law, 0.3))]);
        assert_law(&format!("scattered moon, {extra}"), &draw(source), &law, 0.1, 4.0);
    }
    let clean = draw(clean(Shape::ScatteredMoon));
    let on = |(x, y): &(f64, f64)| (x.hypot(*y) - 1.0).abs() < 1e-12 && *y >= 0.0;
    let crescent: Vec<_> = pairs(&clean).filter(on).collect();
    assert_share("crescent", crescent.len(), N, 0.9);
    assert_uniform("angle", crescent.iter().map(|(x, y)| y.atan2(*x) / PI).collect());
    assert_noise(Shape::ScatteredMoon);
}

#[test]
fn moon_with_two_circles() {
    let shape = Shape::MoonTwoCircles;
    let normal = normal_law();
    // Radius 0.2 sqrt(U) + 0.05 N in a uniform direction; U = v^2 has the smooth density 2 v.
    let disc: Law = midpoints(48)
        .flat_map(|v| midpoints(48).map(move |turn| (2.0 * v / 2304.0, 0.2 * v, 2.0 * PI * turn)))
        .flat_map(|(w, r, a)| normal.iter().map(move |&(n, z)| (w * n, r + 0.05 * z, a)))
        .map(|(w, r, a)| (w, r * a.cos(), r * a.sin() - 0.75))
        .collect();
    let beside = |by: f64| disc.iter().map(|&(w, x, y)| (w, x + by, y)).collect::<Law>();
    let discs = mixed(&[(0.5, &beside(-1.0)), (0.5, &beside(1.0))]);
    let crescent = crescent_law();
    let only = |extra| ShapeSource { extra, ..usual(shape) };
    assert_law("discs", &draw(only(1.0)), &discs, 0.0, 12.0);
    assert_law("crescent", &draw(only(0.0)), &crescent, 0.1, 4.0);
    // In the mixture the noise is the crescent's alone, so it goes into the law.
    let all = mixed(&[(0.8, &blurred(&crescent, 0.1)), (0.2, &discs)]);
    assert_law("moon with two circles", &draw(usual(shape)), &all, 0.0, 4.0);
    // The discs are as wide at noise 0 as at any other.
    let clean = draw(clean(shape));
    let rest: Vec<_> = pairs(&clean).filter(|(x, y)| (x.hypot(*y) - 1.0).abs() > 1e-12 || *y < 0.0).collect();
    assert_share("discs", rest.len(), N, 0.2);
    assert_share("left disc", rest.iter().filter(|p| p.0 < 0.0).count(), rest.len(), 0.5);
    let from_centre: Vec<f64> = rest.iter().map(|(x, y)| (x.abs() - 1.0).hypot(y + 0.75)).collect();
    let squares: Vec<f64> = from_centre.iter().map(|r| r * r).collect();
    assert_mean("squared radius: 0.04 E U + 0.0025", &squares, 0.0225);
    let fourth: Vec<f64> = squares.iter().map(|r| r * r).collect();
    // 0.0016 E U^2 + 6 (0.04 E U) 0.05^2 + 3 (0.05)^4
    assert_mean("fourth power of the radius", &fourth, 0.0016 / 3.0 + 0.0003 + 3.0 * 0.05_f64.powi(4));
}

#[test]
fn central_banana() {
    let shape = Shape::CentralBanana;
    // Offsets uniform over the width: Gauss's rule of three points.
    let gauss = [(5.0 / 18.0, -0.6_f64.sqrt() / 2.0), (8.0 / 18.0, 0.0), (5.0 / 18.0, 0.6_f64.sqrt() / 2.0)];
    let main: Law = midpoints(20_000)
        .flat_map(|u: f64| {
            let a = -(1.0 - u).ln() / 4.0;
            let r = (-0.6 * a).exp() * (1.0 + 2.0 * a.sin());
            let width = 0.3 * (1.0 - r / 2.0);
            gauss.into_iter().flat_map(move |(v, dx)| {
                gauss.into_iter().map(move |(w, dy)| {
                    (v * w / 20_000.0, r * a.cos() + width * dx, r * a.sin() + width * dy)
                })
            })
        })
        .collect();
    let normal = normal_law();
    let blob: Law = midpoints(200)
        .flat_map(|u| normal.iter().map(move |&(w, z)| (w / 200.0, 0.5 + 0.2 * u, FRAC_PI_3 + 0.1 * z)))
        .map(|(w, r, a)| (w, r * a.cos() - 0.5, r * a.sin() - 0.25))
        .collect();
    let only = |extra| draw(ShapeSource { extra, ..usual(shape) });
    assert_law("curve", &only(0.0), &main, 0.0, 8.0);
    assert_law("blob", &only(1.0), &blob, 0.06, 20.0);
    let points = draw(usual(shape));
    let all = mixed(&[(0.9, &main), (0.1, &blurred(&blob, 0.06))]);
    assert_law("central banana", &points, &all, 0.0, 8.0);
    // E exp((-s + i w) a) = 4 / (4 + s - i w) for a with mean 1/4, so with r cos a = exp(-0.6 a) (cos a +
    // sin 2a) and r sin a = exp(-0.6 a) (sin a + 1 - cos 2a) the means have closed forms.
    let cosine = |w: f64| 4.0 * 4.6 / (4.6 * 4.6 + w * w);
    let sine = |w: f64| 4.0 * w / (4.6 * 4.6 + w * w);
    let curve = only(0.0);
    assert_mean("closed form of E x", &curve.column(0).to_vec(), cosine(1.0) + sine(2.0));
    assert_mean("closed form of E y", &curve.column(1).to_vec(), sine(1.0) + cosine(0.0) - cosine(2.0));
    // The blob's centre: E r E cos a - 1/2 and E r E sin a - 1/4, E exp(i 0.1 N) = exp(-0.005).
    let mean = 0.6 * (-0.005_f64).exp();
    assert_mean("blob, E x", &only(1.0).column(0).to_vec(), mean * FRAC_PI_3.cos() - 0.5);
    assert_mean("blob, E y", &only(1.0).column(1).to_vec(), mean * FRAC_PI_3.sin() - 0.25);
}

#[test]
fn two_moons() {
    let upper = crescent_law();
    let lower: Law = upper.iter().map(|&(w, x, y)| (w, 1.0 - x, 0.5 - y)).collect();
    let law = mixed(&[(0.5, &upper), (0.5, &lower)]);
    assert_law("two moons", &draw(usual(Shape::TwoMoons)), &law, 0.05, 4.0);
    let clean = draw(clean(Shape::TwoMoons));
    let circle = |x: f64, y: f64| (x.hypot(y) - 1.0).abs() < 1e-12 && y >= 0.0;
    let (upper, lower): (Vec<_>, Vec<_>) = pairs(&clean).partition(|&(x, y)| circle(x, y));
    assert!(lower.iter().all(|&(x, y)| circle(1.0 - x, 0.5 - y)));
    assert_share("upper moon", upper.len(), N, 0.5);
    assert_uniform("upper angle", upper.iter().map(|(x, y)| y.atan2(*x) / PI).collect());
    assert_uniform("lower angle", lower.iter().map(|(x, y)| (0.5 - y).atan2(1.0 - x) / PI).collect());
    assert_noise(Shape::TwoMoons);
}

#[test]
fn pinwheel() {
    let normal = normal_law();
    let arm: Law = normal
        .iter()
        .flat_map(|&(v, x)| normal.iter().map(move |&(w, y)| (v * w, 1.0 + 0.3 * x, 0.1 * y)))
        .collect();
    let turned = |&(w, x, y): &(f64, f64, f64), by: f64| {
        let a = by + x.exp() / 4.0;
        (w / 5.0, 2.0 * (x * a.cos() - y * a.sin()), 2.0 * (x * a.sin() + y * a.cos()))
    };
    let law: Law = (0..5).flat_map(|k| arm.iter().map(move |p| turned(p, 0.4 * PI * f64::from(k)))).collect();
    let points = draw(usual(Shape::Pinwheel));
    assert_law("pinwheel", &points, &law, 0.0, 5.0);
    // A fifth of a turn leaves the law as it is: the mean is 0 and the covariance E|p|^2 / 2 times the
    // identity, with E|p|^2 = 4 (1 + 0.3^2 + 0.1^2).
    let squares: Vec<f64> = pairs(&points).map(|(x, y)| x * x + y * y).collect();
    assert_mean("E|p|^2", &squares, 4.4);
    assert_mean("covariance", &pairs(&points).map(|(x, y)| x * y).collect::<Vec<_>>(), 0.0);
    assert_mean(
        "difference of variances",
        &pairs(&points).map(|(x, y)| x * x - y * y).collect::<Vec<_>>(),
        0.0,
    );
}

#[test]
fn checkerboard() {
    let points = draw(usual(Shape::Checkerboard));
    let (mut inside, mut counts) = ([Vec::new(), Vec::new()], [[0; 4]; 4]);
    for (x, y) in pairs(&points) {
        let (column, row) = (((x + 4.0) / 2.0).floor() as usize, ((y + 4.0) / 2.0).floor() as usize);
        counts[column][row] += 1;
        inside[0].push((x + 4.0) / 2.0 - column as f64);
        inside[1].push((y + 4.0) / 2.0 - row as f64);
    }
    for (column, rows) in counts.iter().enumerate() {
        for (row, &count) in rows.iter().enumerate() {
            let black = (column + row) % 2 == 0;
            let what = format!("square {column}, {row}");
            if black { assert_share(&what, count, N, 0.125) } else { assert_eq!(count, 0, "{what}") }
        }
    }
    let correlation: Vec<f64> =
        inside[0].iter().zip(&inside[1]).map(|(a, b)| (a - 0.5) * (b - 0.5)).collect();
    assert_mean("within a square", &correlation, 0.0);
    inside.into_iter().for_each(|values| assert_uniform("within a square", values));
}

#[test]
fn circles() {
    let ring = |r: f64| curve(400, move |u| (r * (2.0 * PI * u).cos(), r * (2.0 * PI * u).sin()));
    let law = mixed(&[(0.5, &ring(1.0)), (0.5, &ring(0.5))]);
    assert_law("circles", &draw(usual(Shape::Circles)), &law, 0.05, 6.0);
    let clean = draw(clean(Shape::Circles));
    let (outer, inner): (Vec<_>, Vec<_>) = pairs(&clean).partition(|(x, y)| x.hypot(*y) > 0.75);
    assert_share("outer circle", outer.len(), N, 0.5);
    for (points, radius) in [(outer, 1.0), (inner, 0.5)] {
        assert!(points.iter().all(|(x, y)| (x.hypot(*y) - radius).abs() < 1e-12));
        assert_uniform("angle", points.iter().map(|(x, y)| 0.5 + y.atan2(*x) / (2.0 * PI)).collect());
    }
    assert_noise(Shape::Circles);
}

#[test]
fn s_curve() {
    let point = |a: f64| (a.sin(), a.signum() * (a.cos() - 1.0));
    let law = curve(4000, |u| point(3.0 * PI * (u - 0.5)));
    let points = draw(usual(Shape::SCurve));
    assert_law("S curve", &points, &law, 0.1, 4.0);
    // y^2 = (1 - cos a)^2, whose mean over [0, 1.5 pi] is 3/2 - 2 sin(1.5 pi) / (1.5 pi).
    let squares: Vec<f64> = points.column(1).iter().map(|y| y * y).collect();
    assert_mean("closed form of E y^2", &squares, 1.5 + 4.0 / (3.0 * PI) + 0.01);
    // a is positive where y is negative, and then y = cos a - 1; the other half is its mirror image.
    let angle = |(x, y): (f64, f64)| {
        let sign = -y.signum();
        let a = (sign * x).atan2(1.0 - y.abs());
        sign * if a < 0.0 { a + 2.0 * PI } else { a }
    };
    let clean = draw(clean(Shape::SCurve));
    let angles: Vec<f64> = pairs(&clean).map(angle).collect();
    for ((x, y), &a) in pairs(&clean).zip(&angles) {
        assert!((x - point(a).0).abs() < 1e-12 && (y - point(a).1).abs() < 1e-12, "{x} {y} {a}");
    }
    assert_uniform("angle", angles.iter().map(|a| a / (3.0 * PI) + 0.5).collect());
    assert_noise(Shape::SCurve);
}

#[test]
fn eight_modes_are_equally_likely_on_a_circle_of_radius_two() {
    let points = eight_gaussians(0.2).unwrap().sample(N, &Stream::new(17, 0, "eight"));
    let mode = |(x, y): (f64, f64)| (y.atan2(x) / (0.25 * PI)).round().rem_euclid(8.0) as usize;
    for k in 0..8 {
        let own: Vec<_> = pairs(&points).filter(|&p| mode(p) == k).collect();
        assert_share("a mode", own.len(), N, 0.125);
        let a = 0.25 * PI * k as f64;
        // Across the radius a neighbour begins only at 0.77 = 3.8 standard deviations.
        let along: Vec<f64> = own.iter().map(|(x, y)| x * a.cos() + y * a.sin()).collect();
        assert_mean("radius of a mode", &along, 2.0);
        let square: Vec<f64> = along.iter().map(|r| (r - 2.0).powi(2)).collect();
        assert_mean("variance of a mode", &square, 0.04);
    }
    assert!(eight_gaussians(0.0).is_err());
}

#[test]
fn scikit_learn_draws_from_the_same_distributions() {
    let oracle: serde_json::Value = serde_json::from_str(include_str!("../oracles/shapes.json")).unwrap();
    let numbers = |v: &serde_json::Value| -> Vec<f64> {
        v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let both = |share: f64| {
        let count = oracle["count"].as_f64().unwrap();
        share * (1.0 / N as f64 + 1.0 / count)
    };
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let shape = Shape::ALL.into_iter().find(|s| s.name() == name).unwrap();
        let points = draw(ShapeSource { noise: case["noise"].as_f64().unwrap(), ..usual(shape) });
        let centre = points.mean_axis(Axis(0)).unwrap();
        let centred = &points - &centre;
        let means = numbers(&case["mean"]);
        for i in 0..2 {
            let row = numbers(&case["covariance"][i]);
            let variance = centred.column(i).mapv(|v| v * v).mean().unwrap();
            assert!(
                (centre[i] - means[i]).abs() < ERRORS * both(variance).sqrt(),
                "{name}: {centre} {means:?}"
            );
            for j in 0..2 {
                let products = &centred.column(i) * &centred.column(j);
                let (mean, spread) = (products.mean().unwrap(), products.var(1.0));
                assert!(
                    (mean - row[j]).abs() < ERRORS * both(spread).sqrt(),
                    "{name}, covariance: {mean} {row:?}"
                );
            }
        }
        let projections: [(&str, Of); 5] = [
            ("x", |x, _| x),
            ("y", |_, y| y),
            ("x+y", |x, y| x + y),
            ("x-y", |x, y| x - y),
            ("radius", f64::hypot),
        ];
        for (key, f) in projections {
            let quantiles = numbers(&case["quantiles"][key]);
            for (level, quantile) in numbers(&oracle["levels"]).iter().zip(&quantiles) {
                let below = pairs(&points).filter(|&(x, y)| f(x, y) < *quantile).count() as f64 / N as f64;
                let error = both(level * (1.0 - level)).sqrt();
                assert!((below - level).abs() < ERRORS * error, "{name}, {key}: {below} below the {level}");
            }
        }
    }
}

#[test]
fn the_first_points_depend_neither_on_how_many_follow_nor_on_threads() {
    let sources = Shape::ALL.map(|shape| Source::Shape(usual(shape)));
    let eight = Source::Mixture(eight_gaussians(0.2).unwrap());
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let three = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for source in sources.iter().chain([&eight]) {
        let long = three.install(|| source.draw(Part::Train, 5000, 3, 0));
        let short = one.install(|| source.draw(Part::Train, 1500, 3, 0));
        assert_eq!(long.slice(s![..1500, ..]), short);
        assert_eq!(long, one.install(|| source.draw(Part::Train, 5000, 3, 0)));
        for (part, seed, replicate) in [(Part::Reference, 3, 0), (Part::Train, 4, 0), (Part::Train, 3, 1)] {
            let other = source.draw(part, 5000, seed, replicate);
            let agree = pairs(&other).zip(pairs(&long)).filter(|(a, b)| a == b).count();
            assert_eq!(agree, 0, "{part:?}, seed {seed}, replicate {replicate}");
        }
    }
}

#[test]
fn a_table_is_split_anew_for_each_replicate_into_parts_that_share_no_row() {
    let rows = Array2::from_shape_fn((103, 2), |(i, j)| (i * 2 + j) as f64);
    for (reference, fresh, expected) in [(20, 10, [73, 20, 10]), (1000, 1000, [53, 25, 25])] {
        let table = Table::new(rows.clone(), axis_names(2), Table::TEST_FRACTION, (reference, fresh));
        let parts = [Part::Train, Part::Reference, Part::Fresh];
        assert_eq!(parts.map(|p| table.count(p)), expected);
        let source = Source::Table(table);
        let ids = |part, n, replicate| -> Vec<usize> {
            let points = source.draw(part, n, 7, replicate);
            assert!(pairs(&points).all(|(a, b)| a + 1.0 == b), "a row was torn");
            points.column(0).iter().map(|v| *v as usize / 2).collect()
        };
        for replicate in 0..3 {
            let drawn = parts.map(|part| ids(part, 1000, replicate));
            assert_eq!(drawn.each_ref().map(Vec::len), expected);
            let mut all = drawn.concat();
            all.sort_unstable();
            assert_eq!(all, (0..103).collect::<Vec<_>>(), "each row once");
            for (part, whole) in parts.into_iter().zip(&drawn) {
                assert_eq!(ids(part, 5, replicate), whole[..5], "the first do not depend on how many follow");
            }
        }
        assert_ne!(ids(Part::Train, 1000, 0), ids(Part::Train, 1000, 1));
    }
}

fn table_spec(path: &str) -> String {
    format!(
        "name = \"table\"\npipelines = [\"baseline\"]\n[data]\nkind = \"table\"\npath = \"{path}\"\n\
         [diffusion]\nsteps = 12\n[network]\nhidden = [8]\n[train]\niterations = 20\n"
    )
}

/// Standard output of `gdiff data`, which must succeed.
fn data(folder: &Path, arguments: &[&str]) -> String {
    let output = gdiff(folder).args(["data", "spec.toml"]).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn csv_and_every_kind_of_numpy_array_give_the_same_points() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Numbers that single precision holds, so that no format may lose anything.
    let points = Array2::from_shape_fn((40, 2), |(i, j)| i as f64 - 3.25 * j as f64);
    let file = |name: &str| File::create(at(name)).unwrap();
    points.write_npy(file("wide.npy")).unwrap();
    points.mapv(|v| v as f32).write_npy(file("narrow.npy")).unwrap();
    let mut by_columns = Array2::<f64>::zeros((40, 2).f());
    by_columns.assign(&points);
    by_columns.write_npy(file("columns.NPY")).unwrap();
    let lines: Vec<String> = pairs(&points).map(|(x, y)| format!("{x},{y}")).collect();
    std::fs::write(at("bare.csv"), lines.join("\n")).unwrap();
    std::fs::write(at("header.csv"), format!("# made by hand\na, b\n{}\n", lines.join("\n"))).unwrap();
    spec(folder.path(), &table_spec("wide.npy"));
    for part in ["train", "reference", "fresh"] {
        let expected = data(folder.path(), &["--stream", part]);
        let count = if part == "train" { 20 } else { 10 };
        assert_eq!(expected.lines().count(), 1 + count, "{part}");
        for name in ["narrow.npy", "columns.NPY", "bare.csv", "header.csv"] {
            let path = format!("data.path={name}");
            let found = data(folder.path(), &["--stream", part, "--set", &path]);
            // The columns of a table keep their names.
            let names = if name == "header.csv" { "a,b" } else { "x0,x1" };
            let same = format!("{names}\n{}", expected.split_once('\n').unwrap().1);
            assert_eq!(found, same, "{name}, {part}");
        }
    }
    let axis: Array1<f64> = points.column(0).to_owned();
    axis.write_npy(file("axis.npy")).unwrap();
    axis.mapv(|v| v as f32).write_npy(file("narrow_axis.npy")).unwrap();
    let one = data(folder.path(), &["--set", "data.path=axis.npy"]);
    assert!(one.starts_with("x0\n") && one.lines().count() == 21, "{one}");
    assert_eq!(data(folder.path(), &["--set", "data.path=narrow_axis.npy"]), one);
}

#[test]
fn a_run_on_a_table_is_scored_with_its_own_rows() {
    let folder = tempdir().unwrap();
    let points = draw(usual(Shape::TwoMoons));
    points.slice(s![..400, ..]).write_npy(File::create(folder.path().join("moons.npy")).unwrap()).unwrap();
    spec(folder.path(), &table_spec("moons.npy"));
    let output = gdiff(folder.path())
        .args(["run", "spec.toml", "--set", "sample.count=100", "--set", "metrics.points=true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let reference = data(folder.path(), &["--stream", "reference", "--set", "sample.count=100"]);
    let (_, rows) = csv(folder.path().join("results/table/runs/baseline-r0/points.csv"));
    let real: Vec<String> = rows.iter().filter(|r| r[0] == "real").map(|r| r[3..].join(",")).collect();
    assert_eq!(real, reference.lines().skip(1).collect::<Vec<_>>());
    assert_eq!(real.len(), 100);
    let (_, rows) = csv(folder.path().join("results/table/summary.csv"));
    let fresh = rows.iter().find(|r| r[0] == "data" && r[1] == "precision").unwrap();
    assert!(fresh[2].parse::<f64>().unwrap() > 0.8, "fresh rows of the same table: {fresh:?}");
}

#[test]
fn tables_that_cannot_be_used_are_refused_with_the_file_and_the_place() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let file = |name: &str| File::create(at(name)).unwrap();
    let good = Array2::from_shape_fn((20, 2), |(i, j)| (i + j) as f64);
    let mut broken = good.clone();
    broken[[3, 1]] = f64::NAN;
    broken.write_npy(file("nan.npy")).unwrap();
    Array3::<f64>::zeros((4, 3, 2)).write_npy(file("cube.npy")).unwrap();
    Array2::<f64>::zeros((0, 2)).write_npy(file("empty.npy")).unwrap();
    good.slice(s![..7, ..]).write_npy(file("short.npy")).unwrap();
    std::fs::write(at("torn.npy"), &std::fs::read(at("short.npy")).unwrap()[..150]).unwrap();
    std::fs::write(at("text.npy"), "x0,x1\n1,2\n").unwrap();
    std::fs::write(at("ragged.csv"), "1,2\n3,4,5\n").unwrap();
    std::fs::write(at("word.csv"), "x0,x1\n1,2\n3,four\n").unwrap();
    std::fs::write(at("infinite.csv"), "1,2\n3,inf\n").unwrap();
    for (name, words) in [
        ("nan.npy", ["row 3, column 1", "NaN"]),
        ("cube.npy", ["not a NumPy array of real numbers with one or two axes", "it has 3 axes"]),
        ("empty.npy", ["no points", ""]),
        ("short.npy", ["7 points", "at least 8"]),
        ("torn.npy", ["not a NumPy array", ""]),
        ("text.npy", ["not a NumPy array", ""]),
        ("ragged.csv", ["2", "3"]),
        ("word.csv", ["line 3, column 2", "`four` is not a number"]),
        ("infinite.csv", ["line 2, column 2", "not finite"]),
        ("nowhere.csv", ["cannot be read", ""]),
        ("nowhere.npy", ["cannot be read", ""]),
    ] {
        spec(folder.path(), &table_spec(name));
        let output = gdiff(folder.path()).args(["check", "spec.toml"]).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).to_string();
        assert_eq!(output.status.code(), Some(2), "{name}: {message}");
        assert!(message.contains(name) && message.contains("spec.toml:5"), "{name}: {message}");
        assert!(words.iter().all(|word| message.contains(word)), "{name}: {message}");
    }
}

#[test]
fn asking_more_of_a_table_than_it_has_is_told() {
    let folder = tempdir().unwrap();
    let good = Array2::from_shape_fn((20, 2), |(i, j)| (2 * i + j) as f64);
    good.write_npy(File::create(folder.path().join("few.npy")).unwrap()).unwrap();
    spec(folder.path(), &table_spec("few.npy"));
    let check = |arguments: &[&str]| {
        let small = [
            "--set",
            "metrics.k=2",
            "--set",
            "train.batch_size=4",
            "--set",
            "sample.count=20",
            "--set",
            "diffusion.steps=100",
        ];
        let output = gdiff(folder.path()).args(["check", "spec.toml"]).args(small).args(arguments).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!check(&[]).contains("warning"), "nothing was asked for");
    let text = check(&["--set", "data.samples=15", "--set", "metrics.reference=6"]);
    assert!(text.contains("`data.samples` is 15") && text.contains("10 are left"), "{text}");
    assert!(text.contains("`metrics.reference` is 6") && text.contains("5 are left"), "{text}");
}

#[test]
fn a_reference_by_its_own_scale_is_stretched_to_the_training_sets_range() {
    let folder = tempdir().unwrap();
    let text = "name = \"own\"\nseed = 3\npipelines = [\"baseline\"]\n[data]\nkind = \"swiss_roll\"\nsamples = 300\n\
        scale = \"min_max\"\n[diffusion]\nsteps = 12\n[network]\nhidden = [8]\n[train]\niterations = 20\n\
        [sample]\ncount = 100\n[metrics]\nreference = 200\npoints = true\n";
    spec(folder.path(), text);
    let matrix = |rows: Vec<Vec<String>>, from: usize| {
        let numbers: Vec<f64> = rows.iter().flat_map(|r| &r[from..]).map(|c| c.parse().unwrap()).collect();
        Array2::from_shape_vec((rows.len(), 2), numbers).unwrap()
    };
    let stream = |name: &str, count: &str| {
        data(folder.path(), &["--stream", name, "--count", count, "--out", "points.csv"]);
        matrix(csv(folder.path().join("points.csv")).1, 0)
    };
    let (train, raw) = (stream("train", "300"), stream("reference", "200"));
    let reference = |scale: &str, kind: &str| {
        let (out, scale, kind) = (
            format!("{scale}-{kind}"),
            format!("data.reference_scale={scale}"),
            format!("data.scale={kind}"),
        );
        let output = gdiff(folder.path())
            .args(["run", "spec.toml", "--out", &out, "--set", &scale, "--set", &kind])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let (_, rows) = csv(folder.path().join(&out).join("runs/baseline-r0/points.csv"));
        matrix(rows.into_iter().filter(|r| r[0] == "real").collect(), 3)
    };
    assert_eq!(reference("training", "min_max"), raw);
    assert_eq!(reference("own", "none"), raw, "nothing is scaled");
    for (name, kind) in [("min_max", ScaleKind::MinMax), ("standardize", ScaleKind::Standardize)] {
        let own = reference("own", name);
        assert!((&own - &raw).iter().any(|v| v.abs() > 0.01), "{name} changes nothing");
        // In the network's space both sets fill the same range, or have the same moments, ...
        let training = Scaling::fit(kind, train.view()).unwrap();
        let expected = Scaling::fit(kind, raw.view()).unwrap().forward(raw.view());
        let seen = training.forward(own.view());
        assert!((&seen - &expected).iter().all(|v| v.abs() < 1e-12), "{name}");
        // ... so in data space the reference's are the training set's.
        let own_scaling = Scaling::fit(kind, own.view()).unwrap();
        let rest = array![&own_scaling.shift - &training.shift, &own_scaling.scale - &training.scale];
        assert!(rest.iter().flatten().all(|v| v.abs() < 1e-11), "{name}: {rest:?}");
    }
    let density = |out: &str| {
        let (_, rows) = csv(folder.path().join(out).join("summary.csv"));
        rows.into_iter().find(|r| r[0] == "data" && r[1] == "density").unwrap()
    };
    assert_ne!(density("training-min_max"), density("own-min_max"), "fresh points see no other reference");
}
