//! Inception-v3 and ResNet-50: every layer against PyTorch, the three ways of resizing, and `gdiff metrics` with weights.

use crate::common::{message, run, succeeded};
use candle_core::{Device, Tensor};
use gdiff::data::images::ImageSet;
use gdiff::metrics::MetricsError;
use gdiff::metrics::features::{FeatureExtractor, InceptionNetwork, NetworkWeights, ResNet50, Resizing};
use ndarray::{Array3, Array4, s};
use ndarray_npy::write_npy;
use safetensors::{Dtype, serialize, tensor::TensorView};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::tempdir;

fn oracle(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/oracles/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Number `i` from 0 to 1 of tensor number `tensor`: SplitMix64, as in scripts/networks.py.
fn uniform(tensor: u64, i: u64) -> f64 {
    let mut z = ((tensor << 32) + i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / 2f64.powi(53)
}

/// The weights of the rule of scripts/networks.py.
fn weight(name: &str, shape: &[usize], u: f64) -> f32 {
    let inputs = shape[1..].iter().product::<usize>() as f64;
    (match shape.len() {
        4 => (2.0 * u - 1.0) * (6.0 / inputs).sqrt(),
        2 => (2.0 * u - 1.0) * (3.0 / inputs).sqrt(),
        _ if name.ends_with("running_var") => 0.5 + u,
        _ if name.ends_with("weight") => 0.8 + 0.4 * u,
        _ => 0.2 * u - 0.1,
    }) as f32
}

/// A safetensors file of tensors by name.
fn file(tensors: &BTreeMap<String, Vec<usize>>) -> Vec<u8> {
    let values: Vec<(Vec<u8>, &String, &Vec<usize>)> = tensors
        .iter()
        .enumerate()
        .map(|(place, (name, shape))| {
            let count = shape.iter().product::<usize>() as u64;
            let bytes = (0..count).flat_map(|i| weight(name, shape, uniform(place as u64, i)).to_le_bytes());
            (bytes.collect(), name, shape)
        })
        .collect();
    let views = values.iter().map(|(bytes, name, shape)| {
        (name.as_str(), TensorView::new(Dtype::F32, (*shape).clone(), bytes).unwrap())
    });
    serialize(views, None).unwrap()
}

/// The names and shapes of the weights of a network, which the oracle lists.
fn shapes(network: &str) -> BTreeMap<String, Vec<usize>> {
    serde_json::from_value(oracle("networks")[network]["weights"].clone()).unwrap()
}

/// The files of weights of both networks.
fn files() -> &'static [(&'static str, Vec<u8>); 2] {
    static FILES: OnceLock<[(&str, Vec<u8>); 2]> = OnceLock::new();
    FILES.get_or_init(|| ["inception", "resnet50"].map(|name| (name, file(&shapes(name)))))
}

/// The input of the oracle.
fn picture(side: usize) -> Tensor {
    let values = Array3::from_shape_fn((3, side, side), |(c, y, x)| {
        let (c, y, x) = (c as f64, y as f64, x as f64);
        ((0.11 * y + 0.07 * x + 0.9 * c).sin() * (0.003 * y * x).cos()) as f32
    });
    Tensor::from_vec(values.into_raw_vec_and_offset().0, (1, 3, side, side), &Device::Cpu).unwrap()
}

#[test]
fn every_layer_is_that_of_pytorch() {
    let oracle = oracle("networks");
    for ((name, file), side) in files().iter().zip([InceptionNetwork::SIDE, ResNet50::SIDE]) {
        let expected = oracle[name]["layers"].as_array().unwrap();
        let mut seen = Vec::new();
        let mut compare = |layer: &str, output: &Tensor| {
            let entry = expected.iter().find(|entry| entry["name"] == layer).unwrap_or_else(|| {
                panic!("{name} has no {layer} in PyTorch");
            });
            assert_eq!(serde_json::json!(output.dims()), entry["shape"], "{name} {layer}");
            let values: Vec<f64> =
                output.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect();
            let n = values.len();
            let mean = values.iter().sum::<f64>() / n as f64;
            let std = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n as f64).sqrt();
            let largest = values.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
            let number = |value: &Value| value.as_f64().unwrap();
            let found = [mean, std, values[0], values[n / 2], values[n - 1]];
            let numbers = entry["numbers"].as_array().unwrap();
            let wanted = [&entry["mean"], &entry["std"], &numbers[0], &numbers[1], &numbers[2]];
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - number(wanted)).abs() < 1e-5 * largest, "{name} {layer}: {found} {wanted}");
            }
            seen.push(layer.to_string());
            Ok(())
        };
        let (weights, cpu) = (NetworkWeights::read(file).unwrap(), Device::Cpu);
        match *name {
            "inception" => {
                InceptionNetwork::new(&weights, &cpu).unwrap().forward(&picture(side), &mut compare)
            }
            _ => ResNet50::new(&weights, &cpu).unwrap().forward(&picture(side), &mut compare),
        }
        .unwrap();
        assert_eq!(seen.len(), expected.len(), "{name}");
    }
}

/// Images by a formula.
fn images(n: usize, (height, width, channels): (usize, usize, usize)) -> ImageSet {
    let pixels = (0..n * height * width * channels).map(|i| ((37 * i + i * i % 101) % 256) as u8).collect();
    ImageSet::new((height, width, channels), pixels, vec![String::new(); n]).unwrap()
}

#[test]
fn images_are_resized_as_by_pytorch_torch_fidelity_and_pillow() {
    let oracle = oracle("resize");
    let cases = oracle["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let from: (usize, usize, usize) = serde_json::from_value(case["from"].clone()).unwrap();
        let to: (usize, usize) = serde_json::from_value(case["to"].clone()).unwrap();
        let way: Resizing = case["way"].as_str().unwrap().parse().unwrap();
        let expected: Vec<f32> = serde_json::from_value(case["values"].clone()).unwrap();
        let found = way.resized(&images(1, from), 0, to);
        assert_eq!(found.len(), 3 * to.0 * to.1);
        assert_eq!(found.len(), expected.len());
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!((found - expected).abs() < 2e-4, "{way} {from:?} to {to:?}, {i}: {found} {expected}");
        }
    }
    // Nothing changes at the same size, and a constant image stays constant.
    for way in [Resizing::PytorchFid, Resizing::TorchFidelity, Resizing::CleanFid] {
        let same = images(1, (9, 7, 1));
        let plane: Vec<f32> = same.pixels.iter().map(|v| f32::from(*v)).collect();
        assert_eq!(way.resized(&same, 0, (9, 7)), plane.repeat(3));
        let flat = ImageSet::new((5, 6, 3), vec![200; 90], vec![String::new()]).unwrap();
        assert!(way.resized(&flat, 0, (13, 4)).iter().all(|v| (v - 200.0).abs() < 1e-4));
    }
}

#[test]
fn features_of_an_image_do_not_depend_on_the_others_or_on_threads() {
    let weights = NetworkWeights::read(&files()[1].1).unwrap();
    let extractor = FeatureExtractor::resnet50(&weights, Resizing::CleanFid, &Device::Cpu).unwrap();
    let all = images(3, (10, 12, 3));
    let one = ImageSet::new((10, 12, 3), all.image(1).to_vec(), vec![String::new()]).unwrap();
    let with_threads = |threads: usize, images: &ImageSet| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| extractor.extract(images, &|_| ()).unwrap())
    };
    let (a, b, alone) = (with_threads(1, &all), with_threads(3, &all), with_threads(2, &one));
    assert_eq!(a, b);
    assert_eq!((a.values.dim(), &a.logits), ((3, 2048), &None));
    assert_eq!(a.values.slice(s![1..2, ..]), alone.values);
    assert!(a.values.iter().all(|v| v.is_finite()) && a.values.row(0) != a.values.row(1));
}

#[test]
fn weights_of_another_network_are_refused_by_name() {
    let [(_, inception), (_, resnet)] = files();
    let refused = |bytes: &[u8]| {
        let weights = NetworkWeights::read(bytes)?;
        InceptionNetwork::new(&weights, &Device::Cpu).map(drop)
    };
    refused(inception).unwrap();
    let says = |bytes: &[u8], words: &str| {
        let error = refused(bytes).unwrap_err();
        assert!(matches!(error, MetricsError::Weights(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    };
    says(resnet, "they have no `Conv2d_1a_3x3.conv.weight`");
    says(&inception[..inception.len() - 1], "damaged or no safetensors file");
    says(b"nothing", "damaged or no safetensors file");
    // torchvision's Inception-v3 has 1000 classes.
    let mut shapes = shapes("inception");
    shapes.insert("fc.weight".to_string(), vec![1000, 2048]);
    says(&file(&shapes), "`fc.weight` has shape [1000, 2048], but [1008, 2048] is needed");
    // A number that is not finite, behind the header.
    let mut broken = inception.clone();
    let header = u64::from_le_bytes(broken[..8].try_into().unwrap()) as usize;
    broken[8 + header..12 + header].copy_from_slice(&f32::NAN.to_le_bytes());
    says(&broken, "holds NaN; every weight must be finite");
    let two = images(1, (4, 4, 2));
    let weights = NetworkWeights::read(resnet).unwrap();
    let extractor = FeatureExtractor::resnet50(&weights, Resizing::default(), &Device::Cpu).unwrap();
    let error = extractor.extract(&two, &|_| ()).unwrap_err();
    assert_eq!(error, MetricsError::Channels { features: "resnet50", channels: 2 });
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, &[&["metrics"], arguments, &["--json"]].concat());
    serde_json::from_str(&succeeded(&output)).unwrap()
}

#[test]
fn metrics_in_inception_features_say_weights_and_resizing_and_keep_features() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let bytes = &files()[0].1;
    std::fs::write(at("inception.safetensors"), bytes).unwrap();
    let pixels = |n: usize, seed: usize| {
        Array4::from_shape_fn((n, 8, 8, 3), |(i, y, x, c)| {
            (uniform(seed as u64, (((i * 8 + y) * 8 + x) * 3 + c) as u64) * 256.0) as u8
        })
    };
    write_npy(at("real.npy"), &pixels(14, 0)).unwrap();
    write_npy(at("fake.npy"), &pixels(12, 1)).unwrap();
    let arguments = |cache: &'static str| {
        let mut all = vec!["real.npy", "fake.npy", "--features", "inception", "--frechet", "--kid"];
        all.extend(["--weights", "inception.safetensors", "--resize", "clean-fid", "--inception-score"]);
        all.extend(["--cache", cache, "--resamples", "4", "--k", "2"]);
        all
    };
    let found = json(folder.path(), &arguments("kept"));
    let weights = NetworkWeights::read(bytes).unwrap();
    assert_eq!(found["weights_sha256"], weights.sha256());
    assert_eq!((&found["features"], &found["resize"]), (&"inception".into(), &"clean-fid".into()));
    assert_eq!((&found["dimensions"], &found["generated_count"]), (&2048.into(), &12.into()));
    let score = &found["inception_score"];
    assert!(
        score["mean"].as_f64().unwrap() >= 1.0 && score["parts"] == 10 && score["real"]["mean"].is_number()
    );
    // The floor is of 7 real images beside as many generated ones, in as many parts.
    for at in ["floor", "at_floor_counts"] {
        let score = found[at]["inception_score"].as_f64().unwrap();
        assert!(score >= 1.0 && found[at]["count"] == 7, "{at}: {}", found[at]);
    }
    assert_ne!(found["floor"]["inception_score"], found["at_floor_counts"]["inception_score"]);
    // The same features as those of the library.
    let extractor = FeatureExtractor::inception(&weights, Resizing::CleanFid, &Device::Cpu).unwrap();
    let set = |images: &Array4<u8>| {
        let names = vec![String::new(); images.dim().0];
        ImageSet::new((8, 8, 3), images.iter().copied().collect(), names).unwrap()
    };
    let features = |images: &Array4<u8>| extractor.extract(&set(images), &|_| ()).unwrap().values;
    let (a, b) = (features(&pixels(14, 0)), features(&pixels(12, 1)));
    let expected = gdiff::metrics::features::frechet_distance(a.view(), b.view()).unwrap();
    assert!((found["frechet"].as_f64().unwrap() - expected).abs() < 1e-9 * expected);
    // Two files are kept. Reading them gives the same, and what is damaged is seen and computed again.
    let kept: Vec<_> = std::fs::read_dir(at("kept")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(kept.len(), 2);
    let before: Vec<Vec<u8>> = kept.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(json(folder.path(), &arguments("kept")), found);
    let mut damaged = before[0].clone();
    let end = damaged.len() - 1;
    damaged[end] ^= 1;
    std::fs::write(&kept[0], &damaged).unwrap();
    let output = run(folder.path(), &[&["metrics"], &arguments("kept")[..], &["--json"]].concat());
    assert_eq!(serde_json::from_str::<Value>(&succeeded(&output)).unwrap(), found);
    assert!(message(&output).contains("the features are computed again"), "{}", message(&output));
    assert!(message(&output).contains("checksum"), "{}", message(&output));
    assert_eq!(std::fs::read(&kept[0]).unwrap(), before[0]);
    // Kept features are read, and not computed: those of other images under this name would be taken for damaged.
    std::fs::copy(&kept[0], &kept[1]).unwrap();
    let output = run(folder.path(), &[&["metrics"], &arguments("kept")[..], &["--json"]].concat());
    assert_eq!(serde_json::from_str::<Value>(&succeeded(&output)).unwrap(), found);
    assert!(message(&output).contains("features of other images"), "{}", message(&output));
}

#[test]
fn what_cannot_be_compared_in_features_is_refused_by_a_sentence() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_npy(at("a.npy"), &Array3::<u8>::zeros((12, 4, 4))).unwrap();
    write_npy(at("table.npy"), &ndarray::Array2::<f64>::zeros((12, 4))).unwrap();
    std::fs::write(at("weights"), b"none").unwrap();
    let refused = |arguments: &[&str], expected: &str| {
        let output = run(folder.path(), &[&["metrics", "a.npy", "a.npy"], arguments].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains(expected), "{}", message(&output));
    };
    refused(&["--features", "inception"], "--features inception needs --weights FILE.safetensors");
    refused(&["--features", "resnet50"], "scripts/convert_inception.py");
    refused(&["--features", "inception", "--weights", "weights"], "weights: the weights cannot be used");
    refused(&["--features", "inception", "--weights", "absent"], "absent: ");
    refused(&["--weights", "weights"], "--weights is for --features inception and resnet50");
    refused(&["--resize", "clean-fid", "--features", "random"], "--resize is for --features inception");
    refused(&["--inception-score"], "which the features pixels do not have");
    refused(&["--resize", "nearest"], "write pytorch-fid, torch-fidelity or clean-fid");
    let output = run(folder.path(), &["metrics", "table.npy", "table.npy", "--inception-score"]);
    assert_eq!(output.status.code(), Some(2));
}
