//! Samples and data of images in files, which `gdiff metrics` takes.

use crate::common::{message, run, spec, succeeded};
use ndarray::{Array2, Array3};
use ndarray_npy::read_npy;
use serde_json::Value;
use std::path::Path;
use tempfile::tempdir;

const STUDY: &str = r#"name = "digits"
pipelines = ["baseline"]
[data]
kind = "images"
name = "digits"
scale = "none"
samples = 300
[diffusion]
steps = 5
[network]
hidden = [8]
time_dim = 4
[train]
iterations = 20
[sample]
count = 120
[metrics]
reference = 120
"#;

fn json(folder: &Path, real: &str, fake: &str) -> Value {
    let args = ["metrics", real, fake, "--features", "random", "--frechet", "--json"];
    serde_json::from_str(&succeeded(&run(folder, &args))).unwrap()
}

#[test]
fn samples_of_images_go_to_files_that_metrics_takes() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    spec(folder.path(), STUDY);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]));
    for args in [
        ["sample", "out", "--as-images", "samples"],
        ["sample", "out", "--as-images", "samples.npy"],
        ["sample", "out", "--out", "points.npy"],
        ["data", "spec.toml", "--as-images", "train"],
    ] {
        succeeded(&run(folder.path(), &args));
    }
    let real = ["data", "spec.toml", "--stream", "reference", "--count", "120", "--as-images", "real.npy"];
    succeeded(&run(folder.path(), &real));
    // Bytes of the points, by the definition; a file for each image in their order.
    let points: Array2<f64> = read_npy(at("points.npy")).unwrap();
    let array: Array3<u8> = read_npy(at("samples.npy")).unwrap();
    assert_eq!(array.dim(), (120, 8, 8));
    for ((i, y, x), byte) in array.indexed_iter() {
        let value = 127.5 * (points[[i, y * 8 + x]] + 1.0);
        assert_eq!(*byte, value.round().clamp(0.0, 255.0) as u8);
    }
    let files: Vec<_> =
        std::fs::read_dir(at("samples")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 120);
    for i in [0, 7, 119] {
        let picture = image::open(at("samples").join(format!("{i:03}.png"))).unwrap();
        assert_eq!(picture.color(), image::ColorType::L8);
        assert!(
            picture.to_luma8().pixels().zip(array.index_axis(ndarray::Axis(0), i)).all(|(a, b)| a.0[0] == *b)
        );
    }
    // Folder and array are the same set, by their digest and every metric; and they are no real images.
    let (of_folder, of_array) =
        (json(folder.path(), "real.npy", "samples"), json(folder.path(), "real.npy", "samples.npy"));
    assert_eq!(of_folder, of_array);
    let frechet = |value: &Value| value["frechet"].as_f64().unwrap();
    let fresh = ["data", "spec.toml", "--stream", "fresh", "--count", "120", "--as-images", "fresh"];
    succeeded(&run(folder.path(), &fresh));
    let real_by_real = frechet(&json(folder.path(), "real.npy", "fresh"));
    assert!(frechet(&of_folder) > 3.0 * real_by_real, "{of_folder} {real_by_real}");
    assert!(frechet(&json(folder.path(), "real.npy", "real.npy")).abs() < 1e-9);
    // What stands there is not mixed with, and nothing is left of what is refused.
    std::fs::create_dir(at("empty")).unwrap();
    succeeded(&run(folder.path(), &["sample", "out", "--count", "3", "--as-images", "empty"]));
    assert_eq!(std::fs::read_dir(at("empty")).unwrap().count(), 3);
    for (args, said) in [
        (&["sample", "out", "--as-images", "samples"][..], "the folder is not empty"),
        (&["sample", "out", "--as-images", "points.npy.d/x.npy"], "points.npy.d"),
        (&["data", "spec.toml", "--as-images", "spec.toml"], "a file has that name"),
        (&["data", "spec.toml", "--as-images", "a", "--out", "b"], "cannot be used with"),
    ] {
        let refused = run(folder.path(), args);
        assert!(refused.status.code().is_some_and(|code| code != 0), "{args:?}");
        assert!(message(&refused).contains(said), "{}", message(&refused));
    }
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("unfinished")));
    spec(folder.path(), crate::common::TINY);
    let refused = run(folder.path(), &["data", "spec.toml", "--as-images", "a"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(message(&refused).contains("the data are no images"), "{}", message(&refused));
}

#[test]
fn colour_stays_colour() {
    let folder = tempdir().unwrap();
    let pixels = Array3::from_shape_fn((40, 12, 3), |(i, place, c)| (i * 7 + place * 20 + c * 90) as u8);
    let pixels = pixels.into_shape_with_order((40, 3, 4, 3)).unwrap();
    ndarray_npy::write_npy(folder.path().join("x.npy"), &pixels).unwrap();
    let study = STUDY.replace("name = \"digits\"\nscale", "path = \"x.npy\"\nscale");
    let study = study.replace("120", "10").replace("300", "20");
    spec(folder.path(), &study);
    for place in ["a", "a.npy"] {
        succeeded(&run(folder.path(), &["data", "spec.toml", "--count", "20", "--as-images", place]));
    }
    let array: ndarray::Array4<u8> = read_npy(folder.path().join("a.npy")).unwrap();
    assert_eq!(array.dim(), (20, 3, 4, 3));
    for image in array.outer_iter() {
        assert!(pixels.outer_iter().any(|own| own == image), "an image of the data, as it was");
    }
    let first = image::open(folder.path().join("a/00.png")).unwrap();
    assert_eq!(first.color(), image::ColorType::Rgb8);
    let first = first.to_rgb8();
    for ((y, x, c), byte) in array.index_axis(ndarray::Axis(0), 0).indexed_iter() {
        assert_eq!(first.get_pixel(x as u32, y as u32).0[c], *byte);
    }
}
