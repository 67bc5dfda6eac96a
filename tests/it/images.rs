//! `kind = "images"`: the points of images, how they are dealt, and studies of them.

use crate::common::{csv, message, run, same_tables, spec, succeeded, text};
use gdiff::data::images::{ImageOptions, ImageSet, ImageShape, NamedImages, images_of, read, read_named};
use gdiff::data::source::{Images, Part, Source};
use ndarray::{Array2, Array3, Array4, s};
use ndarray_npy::{read_npy, write_npy};
use std::sync::Arc;
use tempfile::tempdir;

/// A study of digits that runs in a second.
const DIGITS: &str = r#"name = "digits"
pipelines = ["baseline", "whitened"]
[data]
kind = "images"
name = "digits"
samples = 200
[diffusion]
steps = 4
[network]
hidden = [8]
time_dim = 4
[train]
iterations = 10
[sample]
count = 40
[metrics]
reference = 50
"#;

fn set((n, height, width, channels): (usize, usize, usize, usize)) -> ImageSet {
    let pixels = (0..n * height * width * channels).map(|i| (i * i + 7 * i) as u8).collect();
    ImageSet::new((height, width, channels), pixels, (0..n).map(|i| i.to_string()).collect()).unwrap()
}

#[test]
fn the_digits_are_those_of_scikit_learn() {
    let found = read_named(NamedImages::Digits, &Default::default()).unwrap();
    let set = &found.set;
    assert_eq!((set.len(), set.shape()), (1797, (8, 8, 1)));
    assert_eq!(found.sha256, "9df22933281243aaa16ff227129e0c3eb1b23d92ad28400291cb3ddc47c3b55e");
    // The first image of `sklearn.datasets.load_digits()`, and the sum of all values there.
    let value = |byte: &u8| (f64::from(*byte) * 16.0 / 255.0).round() as u32;
    let first: Vec<u32> = set.image(0).iter().map(value).collect();
    assert_eq!(&first[..16], [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0]);
    assert_eq!(set.pixels.iter().map(value).sum::<u32>(), 561_718);
    assert!(set.pixels.iter().all(|byte| (f64::from(value(byte)) * 255.0 / 16.0).round() as u8 == *byte));
}

#[test]
fn a_point_is_channels_first_from_minus_one_to_one() {
    let set = set((9, 3, 2, 3));
    let images = Images::new(Arc::new(set.clone()), 0.5, (2, 2), false);
    let source = Source::Images(images.clone());
    assert_eq!(source.image_shape(), Some(ImageShape { channels: 3, height: 3, width: 2 }));
    assert_eq!((source.dim(), source.axis_names().len()), (18, 18));
    let names = source.axis_names();
    assert_eq!([&names[0], &names[1], &names[2], &names[6]], ["p_0_0_0", "p_0_1_0", "p_1_0_0", "p_0_0_1"]);
    let grey = ImageShape { channels: 1, height: 2, width: 2 };
    assert_eq!(grey.axis_names(), ["p_0_0", "p_0_1", "p_1_0", "p_1_1"]);
    let points = source.draw(Part::Train, 100, 3, 0);
    assert_eq!(points.dim(), (5, 18));
    // Each point is an image, value by value.
    let of = |image: &[u8], y: usize, x: usize, c: usize| f64::from(image[(y * 2 + x) * 3 + c]) / 127.5 - 1.0;
    for point in points.rows() {
        let is = |i: &usize| {
            let image = set.image(*i);
            (0..3).all(|c| (0..3).all(|y| (0..2).all(|x| point[c * 6 + y * 2 + x] == of(image, y, x, c))))
        };
        assert_eq!((0..9).filter(is).count(), 1, "{point}");
    }
    // And back to the very bytes.
    let back = images_of(points.view(), source.image_shape().unwrap());
    let known: Vec<&[u8]> = (0..9).map(|i| set.image(i)).collect();
    assert!((0..5).all(|i| known.contains(&back.image(i))));
    assert_eq!(images_of(Array2::from_elem((1, 4), 7.0).view(), grey).pixels, [255; 4], "cut to bytes");
    assert_eq!(images_of(Array2::from_elem((1, 4), -1.1).view(), grey).pixels, [0; 4]);
}

#[test]
fn images_are_dealt_as_rows_of_a_table_are() {
    let images = Images::new(Arc::new(set((20, 2, 2, 1))), 0.5, (4, 100), false);
    assert_eq!(Part::ALL.map(|part| images.count(part)), [11, 4, 5]);
    let source = Source::Images(images);
    let draw = |part, replicate| source.draw(part, 100, 1, replicate);
    let mut all: Vec<Vec<u64>> = Part::ALL
        .iter()
        .flat_map(|part| {
            draw(*part, 0).rows().into_iter().map(|row| row.map(|v| v.to_bits()).to_vec()).collect::<Vec<_>>()
        })
        .collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 20, "every image is in one part");
    assert_eq!(draw(Part::Train, 0), draw(Part::Train, 0));
    assert_ne!(draw(Part::Train, 0), draw(Part::Train, 1));
    let table = gdiff::data::source::Table::new(
        Array2::from_shape_fn((20, 1), |(i, _)| i as f64),
        ["x".to_string()],
        0.5,
        (4, 100),
    );
    let rows = Source::Table(table).draw(Part::Fresh, 5, 1, 0);
    let set = set((20, 2, 2, 1));
    for (row, point) in rows.iter().zip(draw(Part::Fresh, 0).rows()) {
        assert_eq!(f64::from(set.image(*row as usize)[0]) / 127.5 - 1.0, point[0], "the same rows");
    }
}

#[test]
fn a_flipped_training_image_is_followed_by_its_mirror_image() {
    let plain = Source::Images(Images::new(Arc::new(set((12, 2, 3, 3))), 0.5, (2, 2), false));
    let flipped = Source::Images(Images::new(Arc::new(set((12, 2, 3, 3))), 0.5, (2, 2), true));
    let (a, b) = (plain.draw(Part::Train, 8, 0, 0), flipped.draw(Part::Train, 16, 0, 0));
    assert_eq!((a.nrows(), b.nrows()), (8, 16));
    assert_eq!(a, b.slice(s![..;2, ..]));
    let cube = |points: &Array2<f64>| points.to_shape((points.nrows(), 3, 2, 3)).unwrap().to_owned();
    let (a, b): (Array4<f64>, Array4<f64>) = (cube(&a), cube(&b.slice(s![1..;2, ..]).to_owned()));
    assert_eq!(a.slice(s![.., .., .., ..;-1]), b);
    // An odd number ends with an image whose mirror image is left out; other parts are never mirrored.
    assert_eq!(flipped.draw(Part::Train, 5, 0, 0).nrows(), 5);
    for part in [Part::Reference, Part::Fresh] {
        assert_eq!(plain.draw(part, 9, 0, 0), flipped.draw(part, 9, 0, 0));
    }
}

#[test]
fn npy_and_idx_are_read() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let set = set((3, 4, 5, 3));
    write_npy(at("c.npy"), &Array4::from_shape_vec((3, 4, 5, 3), set.pixels.clone()).unwrap()).unwrap();
    assert_eq!(read(&at("c.npy"), &ImageOptions::default()).unwrap().set, set);
    // The bytes of a transposed array are not in the order of its axes.
    let transposed = Array3::from_shape_vec((5, 4, 9), set.pixels.clone()).unwrap().reversed_axes();
    write_npy(at("t.npy"), &transposed).unwrap();
    assert_eq!(
        read(&at("t.npy"), &ImageOptions::default()).unwrap().set.pixels,
        transposed.iter().copied().collect::<Vec<_>>()
    );
    let idx = |axes: &[u32], bytes: &[u8]| {
        let mut file = vec![0, 0, 8, axes.len() as u8];
        axes.iter().for_each(|n| file.extend(n.to_be_bytes()));
        file.extend(bytes);
        file
    };
    let refused = |bytes: &[u8]| {
        std::fs::write(at("x"), bytes).unwrap();
        read(&at("x"), &ImageOptions::default()).unwrap_err().to_string()
    };
    std::fs::write(at("i"), idx(&[9, 4, 5], &set.pixels)).unwrap();
    let found = read(&at("i"), &ImageOptions::default()).unwrap();
    assert_eq!((found.set.shape(), &found.set.pixels), ((4, 5, 1), &set.pixels));
    assert_eq!(found.set.names[8], "8");
    std::fs::write(at("i4"), idx(&[3, 4, 5, 3], &set.pixels)).unwrap();
    assert_eq!(read(&at("i4"), &ImageOptions::default()).unwrap().set, set);
    assert_eq!(
        refused(&idx(&[9, 4, 5], &set.pixels[1..])),
        "an idx file whose header says 9 x 4 x 5 values, but 179 follow"
    );
    assert!(refused(&idx(&[u32::MAX, u32::MAX, u32::MAX], &[1])).contains("but 1 follow"));
    assert!(refused(&idx(&[180], &set.pixels)).contains("labels"));
    assert!(refused(&idx(&[9, 4, 5], &set.pixels)[..9]).contains("breaks off"));
    assert!(refused(&[0, 0, 0x0d, 3, 0, 0]).contains("32 bits"));
    assert!(refused(&idx(&[0, 4, 5], &[])).contains("no image"));
    assert!(refused(&idx(&[4, 0, 5], &[])).contains("at least 1"));
    assert!(refused(b"not images").contains("no array of NumPy"));
    assert!(refused(b"").contains("no array of NumPy"));
}

#[test]
fn a_study_of_digits_runs_resumes_and_verifies() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    spec(folder.path(), DIGITS);
    let check = succeeded(&run(folder.path(), &["check", "spec.toml"]));
    assert!(check.contains("images of 8 x 8 pixels with 1 channel(s)"), "{check}");
    assert!(
        check.contains("of the 1797 images of digits 200 train the network, 50 are kept aside"),
        "{check}"
    );
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "a", "--quiet", "--threads", "1"]));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "b", "--quiet", "--threads", "2"]));
    same_tables(&at("a"), &at("b"));
    succeeded(&run(folder.path(), &["verify", "a"]));
    let again = run(folder.path(), &["run", "spec.toml", "--out", "a", "--quiet"]);
    succeeded(&again);
    let (columns, rows) = csv(at("a").join("summary.csv"));
    assert!(rows.len() > 4 && columns.contains(&"mean".to_string()));
    // The resolved spec is the same study.
    let resolved = gdiff::spec::read(&at("a").join("spec.toml"), &[]).unwrap();
    assert_eq!(resolved.canonical(), gdiff::spec::read(&at("spec.toml"), &[]).unwrap().canonical());
    // Points for other programs.
    succeeded(&run(folder.path(), &["data", "spec.toml", "--out", "x.npy"]));
    let points: Array2<f64> = read_npy(at("x.npy")).unwrap();
    assert_eq!(points.dim(), (200, 64));
    assert!(points.iter().all(|v| (-1.0..=1.0).contains(v)));
    succeeded(&run(folder.path(), &["data", "spec.toml", "--count", "3", "--out", "x.csv"]));
    assert!(text(at("x.csv")).starts_with("p_0_0,p_0_1,"));
}

#[test]
fn what_identifies_images_are_their_bytes() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let study = |text: &str| {
        spec(folder.path(), text);
        gdiff::spec::read(&at("spec.toml"), &[]).unwrap()
    };
    let of = |data: &str| DIGITS.replace("name = \"digits\"\nsamples", &format!("{data}\nsamples"));
    let plain = study(DIGITS).canonical();
    assert_eq!(study(&of("name = \"digits\"\nflip = false")).canonical(), plain);
    assert_ne!(study(&of("name = \"digits\"\nflip = true")).canonical(), plain);
    let mut digits = read_named(NamedImages::Digits, &Default::default()).unwrap().set;
    let write = |name: &str, set: &ImageSet| {
        write_npy(at(name), &Array3::from_shape_vec((1797, 8, 8), set.pixels.clone()).unwrap()).unwrap();
    };
    write("a.npy", &digits);
    write("b.npy", &digits);
    digits.pixels[5] ^= 1;
    write("c.npy", &digits);
    let [a, b, c] = ["a", "b", "c"].map(|name| study(&of(&format!("path = \"{name}.npy\""))).canonical());
    assert_eq!(a, b);
    assert_ne!(a, c);
    // A table's keys, and neither or both of path and name, are refused.
    let refused = |text: &str, expected: &str| {
        spec(folder.path(), text);
        let output = run(folder.path(), &["check", "spec.toml"]);
        let said = message(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    refused(&of("header = true"), "has no `header`");
    refused(&of(""), "needs `path`");
    refused(&of("name = \"digits\"\npath = \"a.npy\""), "give one of them");
    refused(&of("path = \"none.npy\""), "none.npy");
    refused(&of("name = \"digitz\""), "digits");
    refused(&of("name = \"digits\"\nsha256 = \"00\""), "is not the file that this spec was made for");
}
