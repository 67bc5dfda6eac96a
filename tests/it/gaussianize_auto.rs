//! `coupling = "auto"`: what it chooses, that it is never much worse than one normal distribution, and its parts against
//! exact identities.

use gdiff::gaussianize::joint::mixture::MixtureMap;
use gdiff::gaussianize::kde::splice;
use gdiff::gaussianize::{Coupling, FitReport, GaussianizeOptions, Gaussianizer, StopReason};
use gdiff::numeric::orthogonal::haar;
use gdiff::numeric::random::Stream;
use ndarray::{Array1, Array2, Axis, array};

fn stream() -> Stream {
    Stream::new(18, 0, "auto tests")
}

fn options() -> GaussianizeOptions {
    GaussianizeOptions { coupling: Coupling::Auto, ..Default::default() }
}

fn fit(x: &Array2<f64>) -> (Gaussianizer, FitReport) {
    Gaussianizer::fit(x.view(), &options(), &stream(), &mut |_, _| ()).unwrap()
}

fn normal(n: usize, d: usize, at: u64) -> Array2<f64> {
    stream().standard_normal(at, n, d)
}

/// Standard Cauchy numbers, by quotients.
fn cauchy(n: usize, at: u64) -> Array2<f64> {
    normal(n, 2, at) / normal(n, 2, at + 1000)
}

/// A shell of radius 2 and width 0.1.
fn shell(n: usize, d: usize, at: u64) -> Array2<f64> {
    let (mut x, width) = (normal(n, d, at), normal(n, 1, at + 1000));
    for (mut row, w) in x.rows_mut().into_iter().zip(&width) {
        let r = row.dot(&row).sqrt();
        row.mapv_inplace(|v| v / r * (2.0 + 0.1 * w));
    }
    x
}

fn mean(map: &Gaussianizer, x: &Array2<f64>) -> f64 {
    map.log_density(x.view()).mean().unwrap()
}

fn log_cauchy(x: &Array2<f64>) -> f64 {
    let one = |v: &f64| -(std::f64::consts::PI * (1.0 + v * v)).ln();
    x.iter().map(one).sum::<f64>() / x.nrows() as f64
}

#[test]
fn heavy_tails_reach_the_true_density_and_stay_within_normal_numbers() {
    let (map, report) = fit(&cauchy(10_000, 1));
    let fresh = cauchy(10_000, 2);
    let (own, truth) = (mean(&map, &fresh), log_cauchy(&fresh));
    assert!((own - truth).abs() < 0.03, "{own:.4}, true {truth:.4}");
    let largest = map.forward(fresh.view()).iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    assert!(largest < 6.0, "|z| up to {largest}");
    assert!(matches!(&report.stopped, StopReason::Selected { chosen, .. } if chosen.contains("marginals")));
    assert!(report.candidates.iter().filter(|c| c.chosen).count() == 1 && report.candidates.len() > 4);
}

#[test]
fn a_shell_is_mapped_by_its_radius() {
    let d = 5;
    let (map, report) = fit(&shell(4000, d, 3));
    let fresh = shell(4000, d, 4);
    // log of the area of the unit sphere in 5 dimensions, 8 pi^2 / 3.
    let area = (8.0 * std::f64::consts::PI.powi(2) / 3.0).ln();
    let truth = fresh.map_axis(Axis(1), |x| {
        let r = x.dot(&x).sqrt();
        -0.5 * ((r - 2.0) / 0.1).powi(2)
            - (0.1 * (2.0 * std::f64::consts::PI).sqrt()).ln()
            - area
            - 4.0 * r.ln()
    });
    let (own, truth) = (mean(&map, &fresh), truth.mean().unwrap());
    assert!((own - truth).abs() < 0.06, "{own:.4}, true {truth:.4}; {}", report.stopped);
    assert!(matches!(&report.stopped, StopReason::Selected { chosen, .. } if chosen.starts_with("radial")));
}

/// Pairs `(u, sin 2 u + 0.3 e)` in axes that a rotation turns, and the true log-density.
fn hidden_pairs(n: usize, pairs: usize, at: u64) -> (Array2<f64>, Array1<f64>) {
    let log_normal = |v: f64| -0.5 * v * v - 0.918_938_533_204_672_7;
    let mut x = normal(n, 2 * pairs, at);
    let truth = x.map_axis(Axis(1), |row| row.mapv(log_normal).sum() - pairs as f64 * 0.3_f64.ln());
    for mut row in x.rows_mut() {
        for pair in row.as_slice_mut().unwrap().as_chunks_mut::<2>().0 {
            pair[1] = (2.0 * pair[0]).sin() + 0.3 * pair[1];
        }
    }
    let rotation = haar(&normal(2 * pairs, 2 * pairs, 500)).unwrap();
    (x.dot(&rotation.t()), truth)
}

#[test]
fn pairs_that_a_rotation_hides_are_mapped_within_a_tenth_of_a_nat_for_ten_columns() {
    let pairs = 3;
    let (map, report) = fit(&hidden_pairs(6000, pairs, 31).0);
    let (fresh, truth) = hidden_pairs(6000, pairs, 32);
    let (own, truth) = (mean(&map, &fresh), truth.mean().unwrap());
    assert!((own - truth).abs() < 0.1, "{own:.4}, true {truth:.4}; {}", report.stopped);
    assert!(
        matches!(&report.stopped, StopReason::Selected { chosen, .. } if chosen.starts_with("independent"))
    );
    // One normal distribution is far off.
    let normal = report.candidates.iter().find(|c| c.name == "one normal distribution").unwrap();
    assert!(normal.below > 1.0 && normal.below > 5.0 * normal.error, "{normal:?}");
    let point = fresh.select(Axis(0), &[0]);
    let (numeric, own) = (numeric_log_det(&map, &point), map.forward_with_log_det(point.view()).1[0]);
    assert!((numeric - own).abs() < 0.01 * (1.0 + own.abs()), "{numeric} {own}");
    let back = map.inverse(map.forward(fresh.view()).view());
    assert!(back.iter().zip(&fresh).all(|(a, b)| (a - b).abs() < 1e-7 * (1.0 + b.abs())));
}

/// `log |det J|` by central differences.
fn numeric_log_det(map: &Gaussianizer, x: &Array2<f64>) -> f64 {
    let d = x.ncols();
    let h = 1e-6;
    let mut jacobian = Array2::<f64>::zeros((d, d));
    for j in 0..d {
        let (mut above, mut below) = (x.clone(), x.clone());
        above[[0, j]] += h;
        below[[0, j]] -= h;
        let slope = (map.forward(above.view()) - map.forward(below.view())) / (2.0 * h);
        jacobian.column_mut(j).assign(&slope.row(0));
    }
    use ndarray_linalg::Determinant;
    jacobian.det().unwrap().abs().ln()
}

#[test]
fn every_kind_of_map_comes_back_and_counts_its_volume() {
    let skewed = normal(400, 3, 5).mapv(f64::exp);
    for (name, x) in [
        ("cauchy", cauchy(2500, 6)),
        ("shell", shell(2500, 4, 7)),
        ("skewed", skewed),
        ("few", normal(30, 3, 8)),
        ("very few", normal(7, 3, 9)),
    ] {
        let (map, report) = fit(&x);
        let (z, log_det) = map.forward_with_log_det(x.view());
        let back = map.inverse(z.view());
        for (a, b) in back.iter().zip(&x) {
            assert!((a - b).abs() <= 1e-7 * (1.0 + b.abs()), "{name}: {a} not {b}; {}", report.stopped);
        }
        for i in (0..x.nrows()).step_by(x.nrows() / 5) {
            let point = x.select(Axis(0), &[i]);
            if point.iter().any(|v| v.abs() > 20.0) {
                continue;
            }
            let numeric = numeric_log_det(&map, &point);
            assert!(
                (numeric - log_det[i]).abs() < 1e-4 * (1.0 + numeric.abs()),
                "{name} {i}: {numeric} not {}",
                log_det[i]
            );
        }
        let bytes = map.to_safetensors().unwrap();
        assert_eq!(Gaussianizer::from_safetensors(&bytes).unwrap(), map, "{name}");
        for far in [1e3, 1e9, 1e150] {
            let (z, log_det) = map.forward_with_log_det((&x * far).view());
            assert!(z.iter().all(|v| v.is_finite()), "{name} at {far:e}");
            assert!(far > 1e10 || log_det.iter().all(|v| v.is_finite()), "{name} at {far:e}");
        }
    }
}

#[test]
fn it_is_no_worse_than_one_normal_distribution_on_few_rows() {
    for (d, n) in [(2, 12), (3, 25), (4, 60), (6, 15)] {
        let (mut own, mut plain) = (0.0, 0.0);
        let fresh = normal(2000, d, 99);
        for draw in 0..6 {
            let (map, _) = fit(&normal(n, d, 20 + draw));
            own += mean(&map, &fresh) / 6.0;
            let x = normal(n, d, 20 + draw);
            let (centre, spread) = (x.mean_axis(Axis(0)).unwrap(), x.std_axis(Axis(0), 1.0));
            let z = (&fresh - &centre) / &spread;
            let log = z.mapv(|v| -0.5 * v * v - 0.918_938_533_204_672_7).sum() / 2000.0;
            plain += (log - spread.mapv(f64::ln).sum()) / 6.0;
        }
        // The plain one knows that there are no correlations.
        assert!(own > plain - 0.15 * d as f64, "{n} x {d}: {own:.3}, plain {plain:.3}");
    }
}

/// Two normal clusters in four dimensions, one a tenth as wide as the other, and the true log-density.
fn narrow_and_wide(n: usize, at: u64) -> (Array2<f64>, Array1<f64>) {
    let (d, widths, centres) = (4, [0.05, 0.5], [-1.0, 1.0]);
    let mut x = normal(n, d, at);
    for (i, mut row) in x.rows_mut().into_iter().enumerate() {
        let k = usize::from(i % 3 > 0);
        row.mapv_inplace(|v| centres[k] + widths[k] * v);
    }
    let density = |row: ndarray::ArrayView1<f64>| -> f64 {
        let of = |k: usize, weight: f64| {
            let squared = row.mapv(|v| ((v - centres[k]) / widths[k]).powi(2)).sum();
            weight * (-0.5 * squared).exp() / (widths[k] * (2.0 * std::f64::consts::PI).sqrt()).powi(4)
        };
        (of(0, 1.0 / 3.0) + of(1, 2.0 / 3.0)).ln()
    };
    let truth = x.map_axis(Axis(1), density);
    (x, truth)
}

#[test]
fn a_cluster_of_few_points_keeps_its_width_beside_a_wide_one() {
    let (fresh, truth) = narrow_and_wide(3000, 41);
    for draw in 0..3 {
        let (map, report) = fit(&narrow_and_wide(120, 42 + draw).0);
        let own = mean(&map, &fresh) - truth.mean().unwrap();
        // 29 parameters of 120 points cost 0.12 nat.
        assert!(own > -0.4, "{own:.3} nat from the truth; {}", report.stopped);
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let x = shell(2100, 3, 12);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let (alone, _) = one.install(|| fit(&x));
    let (together, _) = fit(&x);
    assert!(alone == together);
}

#[test]
fn a_spliced_map_is_a_distribution() {
    // Its density integrates to 1: z runs from one end to the other, and its derivative is that of z.
    for (name, draw) in [
        ("cauchy", cauchy(3000, 13).column(0).to_vec()),
        ("normal", normal(3000, 1, 14).column(0).to_vec()),
        ("lognormal", normal(3000, 1, 15).mapv(f64::exp).column(0).to_vec()),
    ] {
        let mut sorted = draw;
        sorted.sort_unstable_by(f64::total_cmp);
        let (map, [_, upper]) = splice::fit(&sorted).unwrap();
        if name == "cauchy" {
            assert!((upper.shape - 1.0).abs() < 3.0 * upper.error, "{name}: {upper:?}");
        }
        let levels = (-470..=470).map(|k| f64::from(k) / 100.0);
        let mut last = f64::NEG_INFINITY;
        for z in levels {
            let s = map.inverse(z);
            assert!(s > last && s.is_finite(), "{name} at {z}");
            last = s;
            let (back, derivative) = map.forward_with_derivative(s);
            assert!((back - z).abs() < 1e-7, "{name}: {back} not {z}");
            let h = 1e-5 * (1.0 + s.abs());
            let slope = (map.forward(s + h) - map.forward(s - h)) / (2.0 * h);
            assert!((slope / derivative - 1.0).abs() < 0.1, "{name} at {z}: {slope} not {derivative}");
        }
        for far in [1e10, 1e100, f64::MAX, -1e10, -1e100, f64::MIN] {
            assert!(map.forward(far).is_finite(), "{name} at {far:e}");
        }
    }
}

#[test]
fn components_with_one_factor_are_those_with_their_own() {
    let factor = [1.0, 0.0, 0.4, 0.8];
    let (logs, means) = (vec![0.3_f64.ln(), 0.7_f64.ln()], vec![0.0, 1.0, -1.0, 2.0]);
    let own = MixtureMap::new(2, logs.clone(), means.clone(), [factor, factor].concat()).unwrap();
    let shared = MixtureMap::shared(2, logs, means, factor.to_vec(), vec![0, 0]).unwrap();
    let layer = |map| {
        let plain = gdiff::gaussianize::Layer::new(
            array![0.0, 0.0],
            Array2::eye(2),
            Array2::eye(2),
            0.0,
            vec![None, None],
        );
        Gaussianizer::from_layers(vec![plain.unwrap().with_joint(map).unwrap()]).unwrap()
    };
    let (own, shared) = (layer(own), layer(shared));
    let x = normal(100, 2, 16);
    let ((a, log_a), (b, log_b)) =
        (own.forward_with_log_det(x.view()), shared.forward_with_log_det(x.view()));
    assert!((&a - &b).iter().chain(&(log_a - log_b)).all(|e| e.abs() < 1e-12));
    assert!((shared.inverse(b.view()) - &x).iter().all(|e| e.abs() < 1e-12));
}

/// Rows of a table of the repository: two parts of three to fit, the third to judge.
fn table(name: &str) -> (Array2<f64>, Array2<f64>) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name);
    let points = gdiff::data::table::read(&path, &Default::default()).unwrap().points;
    let rows = |judge: bool| (0..points.nrows()).filter(|i| (i % 3 == 0) == judge).collect::<Vec<_>>();
    (points.select(Axis(0), &rows(false)), points.select(Axis(0), &rows(true)))
}

#[test]
fn real_tables_are_no_worse_than_one_normal_distribution_on_rows_that_nobody_saw() {
    for name in ["wine.csv", "iris.csv"] {
        let (train, fresh) = table(name);
        let (map, report) = fit(&train);
        let normal = gdiff::space::Chain::new(vec![gdiff::space::Fitted::Whitening(
            gdiff::space::Whitening::fit(train.view()).unwrap(),
        )]);
        let gains = map.log_density(fresh.view()) - normal.log_density(fresh.view());
        let error = gains.std(1.0) / (gains.len() as f64).sqrt();
        let gain = gains.mean().unwrap();
        assert!(gain > -2.0 * error, "{name}: {gain} +- {error}, {}", report.stopped);
        let z = map.forward(fresh.view());
        assert!(z.iter().all(|v| v.abs() < 8.0), "{name}");
        let back = map.inverse(z.view());
        let spread = train.std_axis(Axis(0), 0.0);
        assert!(((&back - &fresh) / &spread).iter().all(|e| e.abs() < 1e-7), "{name} does not come back");
    }
}

/// Quantiles 1e-6 .. 1 - 1e-6 of each axis come back, in order and finite, whatever the table.
#[test]
fn extreme_quantiles_come_back_in_order_over_random_tables() {
    for draw in 0..6 {
        let (n, d) = ([30, 200, 2500][draw % 3], [1, 3][draw / 3]);
        let mut x = normal(n, d, 300 + draw as u64);
        x.mapv_inplace(|v| if draw % 2 == 0 { v.exp() } else { v + 3.0 * v.signum() });
        let (map, report) = fit(&x);
        let quantiles = [1e-6, 1e-4, 0.01, 0.5, 0.99, 1.0 - 1e-4, 1.0 - 1e-6];
        let z: Vec<f64> = quantiles.map(|p| gdiff::numeric::normal::quantile(p, 1.0 - p)).to_vec();
        for axis in 0..d {
            let mut points = Array2::zeros((z.len(), d));
            points.column_mut(axis).assign(&ndarray::Array1::from(z.clone()));
            let back = map.inverse(points.view());
            assert!(back.iter().all(|v| v.is_finite()), "{draw}: {back}");
            let again = map.forward(back.view());
            let apart = (&again - &points).iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            assert!(apart < 1e-6, "{draw}, axis {axis}: {apart:e}; {}", report.stopped);
            if d == 1 {
                assert!(back.column(0).windows(2).into_iter().all(|w| w[0] < w[1]), "{draw}: {back}");
            }
        }
    }
}

#[test]
fn samples_do_not_come_from_where_no_data_are() {
    // A banana, whose map has marginals before a mixture, and a column of two modes.
    let mut banana = normal(400, 2, 60);
    let noise = normal(400, 1, 61);
    for (mut row, noise) in banana.rows_mut().into_iter().zip(&noise) {
        row[1] = row[0] * row[0] + 0.3 * noise;
    }
    let mut modes = normal(400, 1, 62) * 0.4;
    (0..400).for_each(|i| modes[[i, 0]] += if i % 2 == 0 { 1.5 } else { -1.5 });
    for x in [banana, modes] {
        let (map, _) = fit(&x);
        let samples = map.inverse(normal(100_000, x.ncols(), 63).view());
        for (own, drawn) in x.columns().into_iter().zip(samples.columns()) {
            let (std, of_samples) = (own.std(0.0), drawn.std(0.0));
            assert!((0.8..1.25).contains(&(of_samples / std)), "{of_samples} and {std}");
        }
    }
}
