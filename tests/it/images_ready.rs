//! The studies of images that are not part of the repository (`configs/images`): each runs on tiny data of the same format.

use crate::common::{message, run, stand_in, succeeded, text};
use gdiff::spec::Override;
use image::{ImageBuffer, ImageFormat, Rgb};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// Images of a stand-in.
const IMAGES: usize = 48;

/// Writes the data of a spec at a path.
type Write = fn(&Path);

/// The specs, and what writes their data.
const READY: [(&str, Write); 5] = [
    ("cifar10", |path| cifar(&path.join("data_batch_1.bin"), 1)),
    ("cifar100", |path| cifar(&path.join("train.bin"), 2)),
    ("flowers", photos),
    ("pets", photos),
    ("fashion14", idx),
];

/// A pixel of image `i`, no two of which are alike.
fn byte(i: usize, at: usize) -> u8 {
    (i * i * 37 + at * (i + 3) + at / 7) as u8
}

/// A binary file of CIFAR, whose records have so many labels.
fn cifar(path: &Path, labels: usize) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let record =
        |i: usize| std::iter::repeat_n((i % 10) as u8, labels).chain((0..3072).map(move |at| byte(i, at)));
    fs::write(path, (0..IMAGES).flat_map(record).collect::<Vec<u8>>()).unwrap();
}

/// A folder of images of different sizes, and one file that is none.
fn photos(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for i in 0..IMAGES {
        let (width, height) = (70 + i as u32 % 9, 80 - i as u32 % 5);
        let pixel = |x: u32, y: u32| Rgb([0, 1, 2].map(|c| byte(i, (3 * (y * width + x) + c) as usize)));
        let path = folder.join(format!("image_{i:05}.png"));
        ImageBuffer::from_fn(width, height, pixel).save_with_format(path, ImageFormat::Png).unwrap();
    }
    fs::write(folder.join("odd.jpg"), b"no image").unwrap();
}

/// A file of MNIST's format.
fn idx(path: &Path) {
    let side = 28_u32.to_be_bytes();
    let header = [&[0, 0, 8, 3][..], &(IMAGES as u32).to_be_bytes(), &side, &side].concat();
    let pixels = (0..IMAGES).flat_map(|i| (0..784).map(move |at| byte(i, at)));
    fs::write(path, header.into_iter().chain(pixels).collect::<Vec<u8>>()).unwrap();
}

fn config(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("configs/images/{name}.toml"))
}

/// The path that a spec has for its data, in `folder` if it is not relative.
fn own_path(folder: &Path, name: &str) -> (PathBuf, Vec<String>) {
    let table: toml::Table = text(config(name)).parse().unwrap();
    let path = table["data"]["path"].as_str().unwrap();
    if Path::new(path).is_relative() {
        return (folder.join(path), Vec::new());
    }
    (folder.join("images-idx3-ubyte"), vec!["data.path=images-idx3-ubyte".to_string()])
}

/// Counts that so few images fill.
const FEW: [&str; 5] = [
    "data.samples=12",
    "data.test_fraction=0.5",
    "sample.count=10",
    "metrics.reference=10",
    "train.batch_size=4",
];

/// Images, a network and a training that take no time. (The largest eigenvalue of the covariance of 3,072 pixels alone takes
/// minutes.)
const TINY: [&str; 12] = [
    "data.size=8",
    "network.channels=8",
    "network.multipliers=[1, 2]",
    "network.blocks=1",
    "network.attention=[]",
    "network.groups=4",
    "diffusion.steps=3",
    "train.iterations=2",
    "train.warmup=1",
    "train.accumulate=2",
    "train.log_every=1",
    "replicates=2",
];

#[test]
fn studies_of_images_that_are_elsewhere_run_on_tiny_data_of_their_format() {
    for (name, write) in READY {
        let folder = tempdir().unwrap();
        fs::copy(config(name), folder.path().join("spec.toml")).unwrap();
        let (path, moved) = own_path(folder.path(), name);
        write(&path);
        let few: Vec<String> = FEW.map(String::from).into_iter().chain(moved).collect();
        // As it stands, but for counts.
        let sets: Vec<Override> = few.iter().map(|set| set.parse().unwrap()).collect();
        let study = gdiff::spec::read(&folder.path().join("spec.toml"), &sets).unwrap();
        let warnings = study.warnings();
        let photos = ["1 of 49 images cannot be read: odd.jpg", "are resized to 64 x 64 (area)"];
        let expected = |warning: &&String| photos.iter().any(|words| warning.contains(words));
        assert!(warnings.iter().all(|warning| expected(&warning)), "{name}: {warnings:?}");
        let of_photos = path.is_dir() && !name.starts_with("cifar");
        assert_eq!(warnings.len(), if of_photos { photos.len() } else { 0 }, "{name}: {warnings:?}");
        let plan = &study.points[0].plan;
        assert_eq!(study.points.len(), 9, "{name}");
        if name.starts_with("cifar") {
            assert_eq!((plan.parameter_count(), plan.data.source.dim()), (35_746_307, 3072), "{name}");
        }
        // And through the program, small.
        let mut arguments = vec!["run", "spec.toml", "--out", "out", "--quiet"];
        arguments.extend(few.iter().map(String::as_str).chain(TINY));
        succeeded(&run(folder.path(), &arguments));
        let summary = text(folder.path().join("out/summary.csv"));
        for metric in ["precision", "recall", "density", "coverage"] {
            let rows = summary.lines().filter(|line| line.contains(&format!(",{metric},"))).count();
            assert!(rows >= 9, "{name}: {rows} rows of {metric} in {summary}");
        }
        // Five lambdas and two replicates are ten trainings; the controls take over those of lambda = 0.
        let losses = text(folder.path().join("out/loss.csv"));
        assert!(losses.lines().count() > 2 * 10, "{name}: {losses}");
        let all = losses.lines().skip(1).all(|line| !line.contains("NaN") && !line.contains("inf"));
        assert!(all, "{name}: {losses}");
    }
}

#[test]
fn without_their_data_they_say_which_file_is_not_there() {
    for (name, _) in READY {
        let folder = tempdir().unwrap();
        fs::copy(config(name), folder.path().join("spec.toml")).unwrap();
        let (path, moved) = own_path(folder.path(), name);
        let mut arguments = vec!["check", "spec.toml"];
        arguments.extend(moved.iter().map(String::as_str));
        let refused = run(folder.path(), &arguments);
        assert_eq!(refused.status.code(), Some(2), "{name}");
        let told = message(&refused);
        let file = path.file_name().unwrap().to_str().unwrap();
        assert!(told.contains(&format!("{file}: cannot be read")), "{name}: {told}");
        assert!(
            !told.contains("network") && !told.contains("errors in"),
            "{name}: one thing is wrong: {told}"
        );
        assert!(!stand_in(&config(name)).is_empty());
    }
}
