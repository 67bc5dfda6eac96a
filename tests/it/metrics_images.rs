//! Features of images: the network with random weights, and `gdiff metrics` on arrays of images.

use crate::common::{message, run, succeeded};
use candle_core::Device;
use gdiff::data::images::ImageSet;
use gdiff::metrics::RealManifold;
use gdiff::metrics::features::{FeatureExtractor, RandomNetwork, frechet_distance};
use gdiff::numeric::random::Stream;
use ndarray::{Array2, Array3, Array4, s};
use ndarray_npy::write_npy;
use serde_json::Value;
use std::path::Path;
use tempfile::tempdir;

/// Images of noise under a bright disc that is elsewhere in each, blurred `blur` times.
fn discs(index: u64, n: usize, side: usize, blur: usize) -> Array3<u8> {
    let stream = Stream::new(30, 0, "discs");
    let (noise, places) = (stream.standard_normal(index, n, side * side), stream.uniform(index, 2 * n));
    Array3::from_shape_fn((n, side, side), |(i, y, x)| {
        let at = |place: f64| side as f64 * (0.3 + 0.4 * place);
        let (dy, dx) = (y as f64 - at(places[2 * i]), x as f64 - at(places[2 * i + 1]));
        let reach = blur as i64;
        let mut sum = 0.0;
        for (a, b) in (-reach..=reach).flat_map(|a| (-reach..=reach).map(move |b| (a, b))) {
            let wrapped = |v: usize, o: i64| (v as i64 + o).rem_euclid(side as i64) as usize;
            sum += noise[[i, wrapped(y, a) * side + wrapped(x, b)]];
        }
        let disc = 200.0 / (1.0 + ((dy.hypot(dx) - side as f64 / 5.0) / (0.3 + blur as f64)).exp());
        (30.0 + disc + 12.0 * sum / (2 * reach + 1).pow(2) as f64).clamp(0.0, 255.0) as u8
    })
}

fn set(images: &Array3<u8>) -> ImageSet {
    let (n, height, width) = images.dim();
    let names = (0..n).map(|i| i.to_string()).collect();
    ImageSet::new((height, width, 1), images.iter().copied().collect(), names).unwrap()
}

/// The images of the oracle, of any number of them.
fn formula(n: usize, (height, width, channels): (usize, usize, usize)) -> ImageSet {
    let pixels = (0..n * height * width * channels).map(|i| ((37 * i + i * i % 101) % 256) as u8).collect();
    ImageSet::new((height, width, channels), pixels, vec![String::new(); n]).unwrap()
}

/// The weights of the oracle.
fn formula_weights(channels: usize) -> Vec<Array2<f64>> {
    let layers = [(32, channels), (64, 32), (128, 64)];
    let layers = layers.map(|(outputs, inputs)| {
        let (incoming, scale) = (9 * inputs, (4.0 / (9 * inputs) as f64).sqrt());
        Array2::from_shape_fn((outputs, incoming), |(o, i)| {
            (1.0 + 0.37 * (o * incoming + i) as f64).sin() * scale
        })
    });
    layers.to_vec()
}

/// The definition of the network, loop by loop, in double precision.
fn plain(images: &ImageSet, weights: &[Array2<f64>]) -> Vec<f64> {
    let mut all = Vec::new();
    for index in 0..images.len() {
        let (h, w, c) = images.shape();
        let mut x = Array3::from_shape_fn((c, h, w), |(c, y, x)| {
            f64::from(images.image(index)[(y * images.width + x) * images.channels + c]) / 127.5 - 1.0
        });
        for (weights, stride) in weights.iter().zip([1, 2, 2]) {
            let (inputs, h, w) = x.dim();
            x = Array3::from_shape_fn(
                (weights.nrows(), h.div_ceil(stride), w.div_ceil(stride)),
                |(o, y, column)| {
                    let mut sum = 0.0;
                    for (i, a, b) in (0..inputs).flat_map(|i| (0..9).map(move |ab| (i, ab / 3, ab % 3))) {
                        let (y, column) =
                            ((y * stride + a).wrapping_sub(1), (column * stride + b).wrapping_sub(1));
                        sum += x.get((i, y, column)).map_or(0.0, |v| v * weights[[o, i * 9 + a * 3 + b]]);
                    }
                    sum.max(0.0)
                },
            );
        }
        all.extend(x.outer_iter().map(|map| map.sum() / map.len() as f64));
        all.extend(x.outer_iter().map(|map| map.iter().fold(0.0, |a: f64, b| a.max(*b))));
    }
    all
}

/// Random features of a seed.
fn random(seed: u64, images: &ImageSet) -> Array2<f64> {
    FeatureExtractor::random(seed, &Device::Cpu).extract(images, &|_| ()).unwrap().values
}

/// To 1e-5 of the largest feature.
#[track_caller]
fn alike(found: impl Iterator<Item = f64>, expected: &[f64]) {
    let largest = expected.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    assert!(largest > 0.0);
    let found: Vec<f64> = found.collect();
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-5 * largest, "feature {i}: {found} against {expected}");
    }
}

#[test]
fn random_features_are_those_of_numpy_and_of_plain_loops() {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/random_features.json"));
    let oracle: Value = serde_json::from_str(text).unwrap();
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let shape: (usize, usize, usize) = serde_json::from_value(case["shape"].clone()).unwrap();
        let expected: Vec<f64> = serde_json::from_value(case["features"].clone()).unwrap();
        let network = RandomNetwork::with_weights(&formula_weights(shape.2), &Device::Cpu).unwrap();
        alike(network.features(&formula(1, shape)).unwrap().into_iter(), &expected);
        let images = formula(3, shape);
        let found = random(4, &images);
        assert_eq!(found.dim(), (3, 256));
        alike(found.into_iter(), &plain(&images, &RandomNetwork::weights(4, shape.2)));
    }
}

#[test]
fn random_features_of_an_image_depend_on_nothing_but_it_and_the_seed() {
    let images = formula(9, (12, 10, 3));
    let features = |images: &ImageSet, seed| random(seed, images);
    let all = features(&images, 0);
    let threads = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    assert_eq!(threads(1).install(|| features(&images, 0)), threads(3).install(|| features(&images, 0)));
    let last = ImageSet::new((12, 10, 3), images.image(8).to_vec(), vec!["last".into()]).unwrap();
    assert_eq!(features(&last, 0).row(0), all.row(8));
    assert_ne!(features(&images, 1), all);
    // He's variance: 2 over the incoming weights.
    let weights = &RandomNetwork::weights(0, 3)[2];
    assert_eq!(weights.dim(), (128, 576));
    let variance = weights.mapv(|w| w * w).sum() / weights.len() as f64;
    assert!((variance * 288.0 - 1.0).abs() < 0.03, "{variance}");
}

#[test]
fn random_features_rank_degraded_images_by_their_degradation() {
    let features = |images: &Array3<u8>| random(0, &set(images));
    let real = features(&discs(0, 300, 16, 0));
    let distance = |blur| frechet_distance(real.view(), features(&discs(1, 300, 16, blur)).view()).unwrap();
    let (fresh, blurred, more) = (distance(0), distance(1), distance(3));
    assert!(3.0 * fresh < blurred && 1.5 * blurred < more, "{fresh} {blurred} {more}");
}

#[test]
fn images_that_do_not_fit_their_shape_are_refused() {
    for (shape, values, images) in
        [((2, 3, 1), 11, 2), ((2, 0, 1), 0, 2), ((2, 3, 0), 0, 0), ((usize::MAX, 3, 1), 6, 1)]
    {
        let refused = ImageSet::new(shape, vec![0; values], vec![String::new(); images]).unwrap_err();
        assert!(refused.to_string().contains("every extent must be at least 1"));
    }
    let images = formula(2, (2, 3, 1));
    assert_eq!((images.len(), images.rows().dim(), images.image(1)), (2, (2, 6), &images.pixels[6..]));
    let other = ImageSet { height: 3, width: 2, ..images.clone() };
    assert!(images.sha256() != other.sha256() && images.sha256().len() == 64);
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, &[&["metrics"], arguments, &["--json"]].concat());
    serde_json::from_str(&succeeded(&output)).unwrap()
}

#[test]
fn metrics_of_images_name_what_was_compared_and_give_the_floor() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (real, fake) = (discs(0, 120, 8, 0), discs(1, 90, 8, 1));
    write_npy(at("real.npy"), &real).unwrap();
    write_npy(at("fake.npy"), &fake).unwrap();
    for features in ["pixels", "random"] {
        let arguments = ["real.npy", "fake.npy", "--features", features, "--frechet", "--kid", "--seed", "3"];
        let found = json(folder.path(), &arguments);
        let extractor = match features {
            "pixels" => FeatureExtractor::pixels(),
            _ => FeatureExtractor::random(3, &Device::Cpu),
        };
        let extract = |images: &Array3<u8>| extractor.extract(&set(images), &|_| ()).unwrap().values;
        let (a, b) = (extract(&real), extract(&fake));
        let close = |value: &Value, expected: f64| {
            assert!(
                (value.as_f64().unwrap() - expected).abs() <= 1e-6 * expected.abs(),
                "{value} {expected}"
            );
        };
        close(&found["frechet"], frechet_distance(a.view(), b.view()).unwrap());
        let prdc = RealManifold::new(a.view(), 5).unwrap().prdc(b.view()).unwrap();
        close(&found["precision"], prdc.precision);
        close(&found["density"], prdc.density);
        assert_eq!((&found["real_count"], &found["generated_count"]), (&120.into(), &90.into()));
        assert_eq!((&found["features"], &found["seed"]), (&features.into(), &3.into()));
        assert_eq!(found["dimensions"], if features == "pixels" { 64 } else { 256 });
        assert_eq!(found["reference_sha256"], set(&real).sha256());
        let (floor, generated) = (&found["floor"], &found["at_floor_counts"]);
        assert_eq!((&floor["count"], &generated["count"]), (&60.into(), &60.into()));
        let number = |of: &Value, key: &str| of[key].as_f64().unwrap();
        for key in ["frechet", "kid"] {
            assert!(number(floor, key) < number(generated, key), "{features} {key}: {found}");
        }
        assert_eq!(found["generated_sha256"], set(&fake).sha256());
        let mut intervals = vec![(&found["kid_interval"], &found["kid"]["mean"])];
        for metric in ["precision", "recall", "density", "coverage"] {
            intervals.push((&found["prdc_intervals"][metric], &found[metric]));
        }
        for (interval, value) in intervals {
            let (low, high) = (number(interval, "low"), number(interval, "high"));
            assert!(
                (low..=high).contains(&value.as_f64().unwrap()) && (high > 0.0) == (high > low),
                "{found}"
            );
            assert_eq!(interval["resamples"], 50);
        }
        let interval = &found["frechet_interval"];
        assert!(number(interval, "low") < number(&found, "frechet"));
        assert!(number(interval, "high") > number(&found, "frechet"));
        assert_eq!(found["kid"]["size"], 90);
        assert_eq!(json(folder.path(), &arguments), found);
    }
    let text = succeeded(&run(folder.path(), &["metrics", "real.npy", "fake.npy", "--frechet", "--kid"]));
    for expected in
        ["90 generated against 120 real, features: pixels (64 dimensions)", "The floor: 60 real", "(95 % "]
    {
        assert!(text.contains(expected), "{text}");
    }
    // Colour, and the same seed: other channels, other weights.
    let colour = Array4::from_shape_fn((20, 6, 5, 3), |(i, y, x, c)| (i * 31 + y * 7 + x * 3 + c * 90) as u8);
    write_npy(at("colour.npy"), &colour).unwrap();
    let found = json(folder.path(), &["colour.npy", "colour.npy", "--features", "random", "--frechet"]);
    assert_eq!(found["frechet"], 0.0);
}

#[test]
fn metrics_of_tables_are_as_before_unless_feature_distances_are_asked_for() {
    let folder = tempdir().unwrap();
    for (index, name) in [(0, "real.npy"), (1, "fake.npy")] {
        write_npy(folder.path().join(name), &Stream::new(1, 0, "tables").standard_normal(index, 60, 3))
            .unwrap();
    }
    let plain = json(folder.path(), &["real.npy", "fake.npy"]);
    let keys: Vec<&String> = plain.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["coverage", "density", "energy_distance", "precision", "recall", "sliced_w2"]);
    let found = json(folder.path(), &["real.npy", "fake.npy", "--frechet", "--resamples", "10"]);
    assert_eq!(
        (&found["features"], &found["frechet_interval"]["resamples"]),
        (&"columns".into(), &10.into())
    );
    assert!(found["floor"]["frechet"].is_number() && found.get("kid").is_none());
    for key in keys {
        assert_eq!(found[key], plain[key]);
    }
    assert!(
        json(folder.path(), &["real.npy", "fake.npy", "--frechet", "--resamples", "0"])
            .get("frechet_interval")
            .is_none()
    );
}

#[test]
fn images_and_tables_that_cannot_be_compared_are_refused_by_name() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let images = discs(0, 12, 8, 0);
    write_npy(at("a.npy"), &images).unwrap();
    write_npy(at("b.npy"), &images.slice(s![.., ..6, ..]).to_owned()).unwrap();
    write_npy(at("none.npy"), &Array3::<u8>::zeros((0, 8, 8))).unwrap();
    write_npy(at("table.npy"), &Array2::<u8>::zeros((12, 64))).unwrap();
    let refused = |arguments: &[&str], expected: &str| {
        let output = run(folder.path(), &[&["metrics"], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains(expected), "{}", message(&output));
    };
    refused(&["a.npy", "b.npy"], "a.npy has images of 8 x 8 pixels with 1 channel(s), but b.npy of 6 x 8");
    refused(&["a.npy", "table.npy"], "a.npy holds images, but table.npy is a table");
    refused(&["table.npy", "a.npy"], "a.npy holds images, but table.npy is a table");
    refused(&["none.npy", "a.npy"], "none.npy: the array holds no image");
    refused(&["table.npy", "table.npy", "--features", "random"], "tables, whose features are their columns");
    refused(&["a.npy", "a.npy", "--features", "vgg"], "vgg");
    // Too few for two halves, but enough for the rest.
    let output = run(folder.path(), &["metrics", "a.npy", "a.npy", "--k", "7"]);
    succeeded(&output);
    assert!(message(&output).contains("too few points for the floor"));
}
