//! The Gaussianizer's parts against numbers computed elsewhere (`tests/oracles/*.json`, each of which
//! names the library and call in `provenance`).

use gdiff::gaussianize::BandwidthRule;
use gdiff::gaussianize::kde::exact::Kde;
use gdiff::gaussianize::kde::marginal::Marginal;
use gdiff::gaussianize::rotation::whitening::{Whitening, affine};
use gdiff::gaussianize::{Contrast, Gaussianizer, Layer, Tails, rotation::ica};
use gdiff::numeric::normal;
use ndarray::{Array1, Array2};
use serde_json::Value;

fn oracle(name: &str) -> Value {
    let path = format!("{}/tests/oracles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn cases(name: &str) -> Vec<Value> {
    oracle(name)["cases"].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

/// Relative difference, where the oracle holds the number at all: 1 - Phi computed with 50 digits is 0
/// once it is below 1e-48.
fn relative(ours: f64, theirs: f64) -> f64 {
    if (ours - theirs).abs() < 1e-48 { 0.0 } else { (ours - theirs).abs() / theirs.abs() }
}

fn largest_difference(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    (a - b).iter().fold(0.0, |worst: f64, d| worst.max(d.abs()))
}

#[test]
fn normal_functions_are_exact_to_a_few_units_in_the_last_place() {
    let o = oracle("normal_functions");
    type Function = fn(f64) -> f64;
    let functions: [(&str, Function); 5] = [
        ("log_pdf", normal::log_pdf),
        ("cdf", normal::cdf),
        ("log_cdf", normal::log_cdf),
        ("log_sf", normal::log_sf),
        ("erfc", normal::erfc),
    ];
    for (key, function) in functions {
        for (x, theirs) in numbers(&o["x"]).iter().zip(numbers(&o[key])) {
            // Numbers below 1e-307 have fewer digits themselves.
            let tolerance = if theirs.abs() < 1e-307 { 1e-8 } else { 2e-15 };
            assert!(relative(function(*x), theirs) < tolerance, "{key}({x}) = {} not {theirs}", function(*x));
        }
    }
    for (p, theirs) in numbers(&o["p"]).iter().zip(numbers(&o["ndtri"])) {
        // 1 - p is a double for every p here, so both tails are known exactly enough.
        assert!(relative(normal::quantile(*p, 1.0 - p), theirs) < 5e-15 || theirs.abs() < 1e-15, "p = {p}");
        assert!(
            relative(normal::quantile_from_logs(p.ln(), (-p).ln_1p()), theirs) < 5e-15
                || theirs.abs() < 1e-15
        );
    }
    for (log_p, theirs) in numbers(&o["log_p"]).iter().zip(numbers(&o["ndtri_exp"])) {
        let ours = normal::quantile_from_logs(*log_p, (-log_p.exp_m1()).ln());
        // scipy's own ndtri_exp is good to 1e-12 only in the far tail; ours inverts log Phi to 1e-14.
        assert!(relative(ours, theirs) < 1e-12, "log p = {log_p}: {ours} not {theirs}");
        assert!(relative(normal::log_cdf(ours), *log_p) < 1e-14 || ours > 0.0, "log p = {log_p}");
    }
}

#[test]
fn quantile_is_finite_and_increasing_out_to_z_of_a_hundred_thousand() {
    let z: Vec<f64> = (0..400).map(|i| 1e-3 * 1.0475_f64.powi(i)).take_while(|z| *z < 1e5).collect();
    let mut previous = 0.0;
    for z in z {
        let upper = normal::quantile_from_logs(normal::log_cdf(z), normal::log_sf(z));
        assert!(
            upper.is_finite() && upper > previous && relative(upper, z) < 1e-12,
            "{z} came back as {upper}"
        );
        assert_eq!(normal::quantile_from_logs(normal::log_sf(z), normal::log_cdf(z)), -upper);
        previous = upper;
    }
}

#[test]
fn kernel_sums_agree_on_both_logarithmic_scales() {
    for case in cases("kde1d") {
        let kde = Kde::new(numbers(&case["data"]), case["h"].as_f64().unwrap());
        let (log_pdf, log_cdf, log_sf) =
            (numbers(&case["log_pdf"]), numbers(&case["log_cdf"]), numbers(&case["log_sf"]));
        for (i, x) in numbers(&case["x"]).into_iter().enumerate() {
            let name = &case["name"];
            assert!(relative(kde.log_pdf(x), log_pdf[i]) < 1e-13, "{name} log pdf at {x}");
            assert!(relative(kde.log_cdf(x), log_cdf[i]) < 1e-13, "{name} log F at {x}");
            assert!(relative(kde.log_sf(x), log_sf[i]) < 1e-13, "{name} log (1 - F) at {x}");
        }
    }
}

#[test]
fn fast_marginals_are_the_exact_sums_within_1e_12_and_invert_within_1e_10() {
    for case in cases("kde1d") {
        let name = &case["name"];
        let h = case["h"].as_f64().unwrap();
        let kde = Kde::new(numbers(&case["data"]), h);
        let (map, _) = Marginal::fit(kde.points(), h, Tails::Kernel).unwrap();
        let (log_cdf, log_sf, z) = (numbers(&case["log_cdf"]), numbers(&case["log_sf"]), numbers(&case["z"]));
        for (i, x) in numbers(&case["x"]).into_iter().enumerate() {
            let ours = map.forward(x);
            assert!(ours.is_finite());
            assert!(
                (ours - z[i]).abs() < 1e-13 * z[i].abs().max(1.0),
                "{name}: z({x}) = {ours} not {}",
                z[i]
            );
            if ours.abs() <= 37.0 {
                assert!(relative(normal::log_cdf(ours), log_cdf[i]) < 1e-12, "{name}: log F at {x}");
                assert!(relative(normal::log_sf(ours), log_sf[i]) < 1e-12, "{name}: log (1 - F) at {x}");
            }
        }
        for (z, theirs) in numbers(&case["inverse_z"]).into_iter().zip(numbers(&case["inverse_x"])) {
            assert!(relative(map.inverse(z), theirs) < 1e-10, "{name}: inverse of {z}");
        }
    }
}

#[test]
fn kernel_tails_far_outside_are_the_exact_sums_and_come_back() {
    for case in cases("kde1d") {
        let (name, h) = (&case["name"], case["h"].as_f64().unwrap());
        let kde = Kde::new(numbers(&case["data"]), h);
        let (map, _) = Marginal::fit(kde.points(), h, Tails::Kernel).unwrap();
        let (low, high) = (kde.points()[0], *kde.points().last().unwrap());
        for distance in [3.5, 4.0, 6.25, 11.0, 35.0, 120.0, 1e4] {
            for x in [low - distance * h, high + distance * h] {
                let (z, exact) = (map.forward(x), kde.z(x));
                assert!((z - exact).abs() < 1e-13 * exact.abs(), "{name}: z({x}) = {z} not {exact}");
                let back = map.inverse(z);
                assert!(
                    (back - x).abs() < 1e-12 * (x.abs() + distance * h),
                    "{name}: {x} comes back as {back}"
                );
                let step = 1e-4 * h;
                let slope = (map.forward(x + step) - map.forward(x - step)) / (2.0 * step);
                let derivative = map.forward_with_derivative(x).1;
                assert!((derivative - slope).abs() < 1e-5 * slope, "{name}: {derivative} not {slope} at {x}");
            }
        }
    }
}

#[test]
fn bandwidth_rules_equal_their_oracles() {
    for case in cases("bandwidth") {
        let mut sorted = numbers(&case["data"]);
        sorted.sort_by(f64::total_cmp);
        // The oracles of the two last ones were found by minimizers and root finders of 1e-8 or so; a
        // minimum is known to the square root of its cost's accuracy, and beyond 300 points ours is binned.
        let shimazaki = if sorted.len() > 300 { 2e-5 } else { 2e-6 };
        for (rule, key, tolerance) in [
            (BandwidthRule::Silverman, "silverman_scipy", 1e-14),
            (BandwidthRule::Scott, "scott_scipy", 1e-14),
            (BandwidthRule::Isj, "isj_botev", 1e-7),
            (BandwidthRule::Shimazaki, "ss2010_argmin", shimazaki),
        ] {
            let ours = rule.choose(&sorted);
            match case[key].as_f64() {
                Some(theirs) => {
                    assert!(!ours.fell_back);
                    let error = relative(ours.value, theirs);
                    assert!(
                        error < tolerance,
                        "{} {key}: {} not {theirs} ({error:e})",
                        case["name"],
                        ours.value
                    );
                }
                None => {
                    assert!(ours.fell_back, "{} {key} has no answer", case["name"]);
                    assert_eq!(ours.value, BandwidthRule::Silverman.choose(&sorted).value);
                }
            }
        }
    }
}

#[test]
fn binned_shimazaki_continues_the_exact_one() {
    // 300 points are paired one by one, 301 by mesh: one more point cannot move the minimum far.
    let data: Vec<f64> = (0..301)
        .map(|i| normal::quantile((f64::from(i) + 0.5) / 301.0, (300.5 - f64::from(i)) / 301.0))
        .collect();
    let (exact, binned) =
        (BandwidthRule::Shimazaki.choose(&data[..300]), BandwidthRule::Shimazaki.choose(&data));
    assert!(relative(binned.value, exact.value) < 5e-3, "{binned:?} after {exact:?}");
}

/// Rows of `ours` matched to rows of `theirs` up to sign and order: the largest entry that differs.
fn unmatched(ours: &Array2<f64>, theirs: &Array2<f64>) -> f64 {
    let closest = |row: ndarray::ArrayView1<f64>| {
        let distance = |other: ndarray::ArrayView1<f64>, sign: f64| {
            row.iter().zip(other).fold(0.0, |worst: f64, (a, b)| worst.max((a - sign * b).abs()))
        };
        ours.outer_iter().map(|o| distance(o, 1.0).min(distance(o, -1.0))).fold(f64::INFINITY, f64::min)
    };
    theirs.outer_iter().map(closest).fold(0.0, f64::max)
}

#[test]
fn fastica_finds_the_directions_of_scikit_learn() {
    for case in cases("fastica") {
        let x = matrix(&case["X"]).reversed_axes().as_standard_layout().into_owned();
        let whitening = Whitening::fit(x.view(), 0).unwrap();
        let white = affine(&whitening.matrix, &whitening.mean, x.view());
        for fit in case["fits"].as_array().unwrap().iter().filter(|fit| fit["algorithm"] == "parallel") {
            let contrast: Contrast = serde_json::from_value(fit["fun"].clone()).unwrap();
            let theirs = matrix(&fit["components"]);
            let start = matrix(&fit["w_init"]);
            // Both stop when 1 - |cosine| < 1e-12, which leaves angles of 1e-6.
            let same_start = ica::fastica(white.view(), contrast, &start, 5000, 1e-12).unwrap();
            let own = ica::fit(white.view(), contrast, 5000, 1e-12).unwrap();
            for ours in [same_start, own] {
                assert!(ours.converged);
                let error = unmatched(&ours.rotation.dot(&whitening.matrix), &theirs);
                assert!(error < 1e-5, "{} {contrast:?}: {error:e}", case["name"]);
            }
        }
    }
}

#[test]
fn two_layer_chain_agrees_forward_and_backward() {
    for case in cases("gaussianize_chain") {
        let train = matrix(&case["x"]);
        let mut x = train.clone();
        let mut layers = Vec::new();
        for layer in case["layers"].as_array().unwrap() {
            let (w, mean) = (matrix(&layer["W"]), Array1::from(numbers(&layer["mean"])));
            let sources = (&x - &mean).dot(&w.t());
            let marginals = numbers(&layer["h"])
                .into_iter()
                .zip(sources.columns())
                .map(|(h, column)| {
                    let kde = Kde::new(column.to_vec(), h);
                    Marginal::fit(kde.points(), h, Tails::Kernel).map(|(map, _)| map)
                })
                .collect();
            use ndarray_linalg::Inverse;
            let inverse = w.inv().unwrap();
            let built = Layer::new(mean, w, inverse, 0.0, marginals).unwrap();
            x = Gaussianizer::from_layers(vec![built.clone()]).unwrap().forward(x.view());
            layers.push(built);
        }
        let map = Gaussianizer::from_layers(layers).unwrap();
        // The oracle's own root finder and kernels are good to 1e-12 or so.
        assert!(largest_difference(&map.forward(train.view()), &matrix(&case["z_train"])) < 1e-12);
        assert!(
            largest_difference(&map.forward(matrix(&case["x_new"]).view()), &matrix(&case["z_new"])) < 1e-11
        );
        assert!(
            largest_difference(&map.inverse(matrix(&case["z_query"]).view()), &matrix(&case["x_of_z_query"]))
                < 1e-11
        );
    }
}
