//! Files and folders of images: every odd kind is read or refused by name, sizes and channels are those of definitions.

use crate::common::{message, run, spec, succeeded, text};
use gdiff::data::images::{
    Crop, DamagedImages, FoundImages, ImageOptions, ImageSet, NamedImages, Resize, read, read_named,
};
use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb};
use ndarray::{Array3, Array4};
use ndarray_npy::write_npy;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/images").join(name)
}

fn json(name: &str) -> Value {
    serde_json::from_str(&text(case(name))).unwrap()
}

fn bytes_of(value: &Value) -> Vec<u8> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u8).collect()
}

fn plain(path: &Path) -> FoundImages {
    read(path, &ImageOptions::default()).unwrap()
}

fn refusal(path: &Path, options: &ImageOptions) -> String {
    read(path, options).unwrap_err().to_string()
}

/// An image that has its number in its values.
fn save(path: &Path, (height, width): (u32, u32), number: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let pixel = |x: u32, y: u32| Luma([number.wrapping_mul(17).wrapping_add((16 * y + x) as u8)]);
    ImageBuffer::from_fn(width, height, pixel).save_with_format(path, ImageFormat::Png).unwrap();
}

/// The check value of a chunk of a PNG.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, bit: u32| (crc >> 1) ^ (0xedb8_8320 * ((crc ^ bit) & 1));
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc, |crc, i| step(crc, u32::from(*byte) >> i)))
}

/// A PNG that says in its header to be so large, and holds nothing.
fn header_of_png(width: u32, height: u32) -> Vec<u8> {
    let chunk = |name: &[u8], data: &[u8]| {
        let body = [name, data].concat();
        [&(data.len() as u32).to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
    };
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [&size[..], &[8, 0, 0, 0, 0]].concat();
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &[]), chunk(b"IEND", &[])]
        .concat()
}

#[test]
fn images_of_other_programs_are_read_as_pillow_reads_them() {
    let expected = json("expected.json");
    let mut compared = 0;
    for (name, about) in expected.as_object().unwrap() {
        let found = plain(&case(name)).set;
        let pixels = bytes_of(&about["pixels"]);
        let shape: Vec<u64> =
            about["shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
        let (height, width) = (shape[0] as usize, shape[1] as usize);
        assert_eq!(found.shape(), (height, width, shape.get(2).map_or(1, |c| *c as usize)), "{name}");
        let most = found.pixels.iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        // Decoders of JPEG and of lossy WebP may round their transforms differently.
        let exact = name.ends_with(".png") || name == "animated.webp";
        assert!(most <= if exact { 0 } else { 3 }, "{name}: {most}");
        compared += 1;
    }
    assert_eq!(compared, 11);
    // Turned by 90 degrees: the camera's picture has 16 rows of 24.
    assert_eq!(plain(&case("turned.jpg")).set.shape(), (24, 16, 3));
    assert_eq!(plain(&case("turned.png")).set.shape(), (24, 16, 3));
}

#[test]
fn every_odd_file_of_a_folder_is_read_or_refused_by_name() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Those that are read; one file says another format in its name than its bytes have.
    let copied =
        ["rgb.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg", "lossy.webp", "turned.jpg", "turned.png"];
    let more = ["animated.webp", "animated.png", "palette.png", "palette_transparent.png"];
    for name in copied.iter().chain(&more) {
        fs::copy(case(name), at(name)).unwrap();
    }
    fs::copy(case("rgb.jpg"), at("a_jpeg.PNG")).unwrap();
    let wide = ImageBuffer::from_fn(5, 4, |x, y| Rgb([65535, 257 * x as u16, 256 * y as u16 + 140]));
    DynamicImage::ImageRgb16(wide).save(at("sixteen.png")).unwrap();
    let clear = ImageBuffer::from_fn(5, 4, |x, _| LumaA([100_u8, [0, 255, 128, 64, 255][x as usize]]));
    DynamicImage::ImageLumaA8(clear).save(at("clear.png")).unwrap();
    save(&at("one.png"), (1, 1), 3);
    // And those that are not.
    let cut = |from: &str, to: &str, keep: f64| {
        let bytes = fs::read(at(from)).unwrap();
        fs::write(at(to), &bytes[..(bytes.len() as f64 * keep) as usize]).unwrap();
    };
    cut("palette.png", "cut.png", 0.7);
    cut("rgb.jpg", "cut.jpg", 0.8);
    cut("lossy.webp", "cut.webp", 0.6);
    fs::write(at("empty.png"), b"").unwrap();
    fs::write(at("text.jpg"), b"<html>404 Not Found</html>").unwrap();
    fs::copy(case("a_gif.png"), at("gif.jpg")).unwrap();
    fs::write(at("huge.png"), header_of_png(20_000, 20_000)).unwrap();
    fs::write(at("none.png"), header_of_png(0, 7)).unwrap();
    let mut damaged = fs::read(at("palette.png")).unwrap();
    let middle = damaged.len() / 2 + 20;
    damaged[middle] ^= 0x55;
    fs::write(at("damaged.png"), damaged).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(at("nowhere"), at("link.png")).unwrap();
    #[cfg(not(unix))]
    fs::write(at("link.png"), b"").unwrap();

    let options = |damaged| ImageOptions { size: Some(8), crop: Crop::Center, damaged, ..Default::default() };
    let refused = refusal(folder.path(), &options(DamagedImages::Refuse));
    assert!(refused.starts_with("10 of 25 images cannot be read: "), "{refused}");
    for (name, reason) in [
        ("cut.jpg", "the JPEG breaks off before its end"),
        ("cut.png", ""),
        ("cut.webp", ""),
        ("damaged.png", ""),
        ("empty.png", "the file is empty"),
        ("gif.jpg", "its bytes are GIF, which is not read; convert it to PNG"),
        ("huge.png", "its 20000 x 20000 pixels take 381.5 MiB of memory, but at most 256.0 MiB are read"),
        ("link.png", ""),
        ("none.png", ""),
        ("text.jpg", "its bytes are no PNG, JPEG or WebP"),
    ] {
        assert!(refused.contains(&format!("{name}: {reason}")), "{name} in {refused}");
    }
    let found = read(folder.path(), &options(DamagedImages::LeaveOut)).unwrap();
    assert_eq!((found.set.len(), found.set.shape()), (15, (8, 8, 3)));
    assert!(found.set.names.is_sorted() && found.set.names[0] == "a_jpeg.PNG", "{:?}", found.set.names);
    let notices = found.notices.join("\n");
    for expected in [
        "left out: 10 of 25 images cannot be read: cut.jpg: ",
        "2 of 15 images are animated; the first frame of each is taken (animated.png, animated.webp)",
        "2 of 15 images have transparent pixels, which are blended onto white (clear.png, palette_transparent.png)",
        "3 of 15 images are grey and become colour images",
        "the files have heights of 1 to 24 and widths of 1 to 24 pixels and are resized to 8 x 8 (area)",
    ] {
        assert!(notices.contains(expected), "{expected} in\n{notices}");
    }
    assert!(!notices.contains("stretched"), "{notices}");
    // 16 bits: v / 257; opacity a: a v + (1 - a) 255; each rounded once.
    let sixteen = plain(&at("sixteen.png")).set;
    let expected = |y: u32, x: u32| [255, x as u8, ((256 * y + 140) as f64 / 257.0).round() as u8];
    assert!((0..20).all(|i| sixteen.pixels[3 * i..3 * i + 3] == expected(i as u32 / 5, i as u32 % 5)));
    assert_eq!(plain(&at("clear.png")).set.pixels[..5], [255, 100, 177, 216, 100]);
    // Where nothing gives them one size, two of different size are named.
    let sizes = refusal(folder.path(), &ImageOptions { size: None, ..options(DamagedImages::LeaveOut) });
    assert!(sizes.starts_with("the images have different sizes: a_jpeg.PNG has 16 x 16"), "{sizes}");
}

#[test]
fn a_jpeg_cut_anywhere_is_refused() {
    let folder = tempdir().unwrap();
    let whole = fs::read(case("progressive.jpg")).unwrap();
    let path = folder.path().join("x.jpg");
    for length in 0..whole.len() - 1 {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(read(&path, &ImageOptions::default()).is_err(), "{length} of {} bytes", whole.len());
    }
    // Bytes behind the end, which cameras write, do no harm.
    fs::write(&path, [whole, vec![0; 100]].concat()).unwrap();
    plain(&path);
}

#[test]
fn a_folder_is_read_in_the_order_of_its_paths_and_known_by_names_and_bytes() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join("data").join(name);
    let names = ["B/1.png", "B/10.png", "B/2.PNG", "a-b.png", "a/0.png", "a/z/0.png"];
    names.iter().rev().for_each(|name| {
        let number = names.iter().position(|other| other == name).unwrap();
        save(&at(name), (3, 2), number as u8);
    });
    let found = plain(&at(""));
    assert_eq!(found.set.names, names);
    assert_eq!(found.set.image(3), [51, 52, 67, 68, 83, 84]);
    assert!(found.notices.is_empty(), "{:?}", found.notices);
    let lines: String = names
        .iter()
        .map(|name| {
            let digest = Sha256::digest(fs::read(at(name)).unwrap());
            format!("{}  {name}\n", digest.iter().map(|b| format!("{b:02x}")).collect::<String>())
        })
        .collect();
    let digest: String = Sha256::digest(lines).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(found.sha256, digest);
    // Hidden files and other files change nothing; a notice counts these.
    fs::write(at(".hidden.png"), b"no image").unwrap();
    save(&at(".thumbnails/0.png"), (9, 9), 1);
    fs::write(at("labels.txt"), b"").unwrap();
    fs::write(at("a/README"), b"").unwrap();
    let again = plain(&at(""));
    assert_eq!((&again.set, &again.sha256), (&found.set, &found.sha256));
    assert_eq!(again.notices, ["other files are left alone: 1 without an extension, 1 .txt"]);
    // Another name, or another byte, is another set.
    fs::rename(at("a/0.png"), at("a/1.png")).unwrap();
    assert_ne!(plain(&at("")).sha256, found.sha256);
    fs::rename(at("a/1.png"), at("a/0.png")).unwrap();
    assert_eq!(plain(&at("")).sha256, found.sha256);
    save(&at("a/0.png"), (3, 2), 99);
    assert_ne!(plain(&at("")).sha256, found.sha256);
    // A folder that leads back to itself is read once.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at(""), at("z")).unwrap();
        assert_eq!(plain(&at("")).set.len(), 6);
    }
    let empty = tempdir().unwrap();
    assert!(refusal(empty.path(), &ImageOptions::default()).contains("no PNG, JPEG or WebP"));
}

#[test]
fn cifar_and_mnist_are_read_as_files_and_as_folders() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let record = |labels: &[u8], seed: usize| -> Vec<u8> {
        let planes = (0..3072).map(|i| (i * i + 31 * seed + i / 7) as u8);
        labels.iter().copied().chain(planes).collect()
    };
    let is = |image: &[u8], seed: usize| {
        let planes = &record(&[0], seed)[1..];
        (0..1024).all(|pixel| (0..3).all(|c| image[3 * pixel + c] == planes[1024 * c + pixel]))
    };
    fs::create_dir(at("c")).unwrap();
    fs::write(at("c/data_batch_1.bin"), [record(&[9], 0), record(&[0], 1)].concat()).unwrap();
    fs::write(at("c/data_batch_2.bin"), record(&[3], 2)).unwrap();
    fs::write(at("c/test_batch.bin"), record(&[3], 3)).unwrap();
    fs::write(at("c/batches.meta.txt"), b"cat\n").unwrap();
    let found = plain(&at("c"));
    assert_eq!((found.set.len(), found.set.shape()), (3, (32, 32, 3)));
    assert!((0..3).all(|i| is(found.set.image(i), i)));
    assert_eq!(found.set.names[1..], ["data_batch_1.bin:1", "data_batch_2.bin:0"]);
    assert!(found.notices[0].contains("test_batch.bin holds CIFAR's test images"), "{:?}", found.notices);
    assert!(is(plain(&at("c/test_batch.bin")).set.image(0), 3));
    // CIFAR-100, whose records have two labels.
    fs::write(at("c100.bin"), [record(&[19, 99], 5), record(&[0, 0], 6)].concat()).unwrap();
    let found = plain(&at("c100.bin"));
    assert!(found.set.len() == 2 && is(found.set.image(0), 5) && is(found.set.image(1), 6));
    fs::write(at("bad.bin"), record(&[10], 0)).unwrap();
    assert!(refusal(&at("bad.bin"), &ImageOptions::default()).contains("no file of CIFAR"));
    fs::write(at("bad.bin"), &record(&[1], 0)[1..]).unwrap();
    assert!(refusal(&at("bad.bin"), &ImageOptions::default()).contains("3072 bytes are no whole number"));
    // MNIST's files, of which the labels are left alone.
    let idx = |n: u32, first: u8| {
        let header =
            [&[0, 0, 8, 3][..], &n.to_be_bytes(), &2_u32.to_be_bytes(), &2_u32.to_be_bytes()].concat();
        [header, (0..4 * n as usize).map(|i| first + i as u8).collect()].concat()
    };
    fs::create_dir(at("m")).unwrap();
    fs::write(at("m/train-images-idx3-ubyte"), idx(3, 50)).unwrap();
    fs::write(at("m/t10k-images-idx3-ubyte"), idx(1, 10)).unwrap();
    fs::write(at("m/train-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 1, 7]).unwrap();
    let found = plain(&at("m"));
    assert_eq!((found.set.len(), &found.set.pixels[..5]), (4, &[10, 11, 12, 13, 50][..]));
    fs::write(at("m/train-images-idx3-ubyte"), &idx(3, 50)[..20]).unwrap();
    let refused = refusal(&at("m"), &ImageOptions::default());
    assert!(
        refused.starts_with("train-images-idx3-ubyte: an idx file whose header says 3 x 2 x 2"),
        "{refused}"
    );
    // Files of several kinds say nothing about which are meant.
    save(&at("c/x.png"), (32, 32), 0);
    let refused = refusal(&at("c"), &ImageOptions::default());
    assert!(refused.contains("several kinds: 1 PNG, JPEG or WebP, 2 of CIFAR"), "{refused}");
    // An archive is to be unpacked.
    let mut tar = vec![0; 512];
    tar[..7].copy_from_slice(b"cifar-1");
    tar[257..262].copy_from_slice(b"ustar");
    fs::write(at("cifar.tar"), tar).unwrap();
    assert!(refusal(&at("cifar.tar"), &ImageOptions::default()).contains("tar archive; unpack it"));
    // Axes in the order of networks.
    write_npy(at("nchw.npy"), &Array4::<u8>::zeros((9, 3, 32, 32))).unwrap();
    assert!(refusal(&at("nchw.npy"), &ImageOptions::default()).contains("have 32 channels"));
}

/// Images of noise in a file, and the same read with options.
fn resized(pixels: &[u8], shape: (usize, usize), options: &ImageOptions) -> Vec<u8> {
    let folder = tempdir().unwrap();
    let path = folder.path().join("x.npy");
    write_npy(&path, &Array3::from_shape_vec((1, shape.0, shape.1), pixels.to_vec()).unwrap()).unwrap();
    read(&path, options).unwrap().set.pixels
}

fn noise(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * i * 7 + i * 13 + (i * i * i) / 11) as u8).collect()
}

#[test]
fn area_is_the_mean_over_the_area_of_each_new_pixel() {
    for (height, width) in [(20, 27), (8, 8), (1, 5), (7, 64)] {
        let pixels = noise(height * width);
        for size in [1, 2, 5, 8, 9, 20, 31] {
            let options = ImageOptions { size: Some(size), ..Default::default() };
            let found = resized(&pixels, (height, width), &options);
            // Each old pixel as `size` x `size` small ones, of which a new one has `height` x `width`: whole numbers alone.
            for (i, byte) in found.iter().enumerate() {
                let (y, x) = (i / size, i % size);
                let mut sum = 0_u64;
                for (v, u) in (y * height..(y + 1) * height)
                    .flat_map(|v| (x * width..(x + 1) * width).map(move |u| (v, u)))
                {
                    sum += u64::from(pixels[v / size * width + u / size]);
                }
                let exact = sum as f64 / (height * width) as f64;
                let tie = (exact.fract() - 0.5).abs() < 1e-9;
                let near = (f64::from(*byte) - exact).abs() <= 0.5 + 1e-9;
                assert!(
                    near && (tie || f64::from(*byte) == exact.round()),
                    "{height} x {width} to {size}: {byte}, {exact}"
                );
            }
        }
    }
}

#[test]
fn bicubic_nearest_and_grey_are_those_of_pillow() {
    let oracle = json("resized.json");
    let pixels = bytes_of(&oracle["pixels"]);
    let mut compared = 0;
    for one in oracle["resized"].as_array().unwrap() {
        let (resize, most) = match one["resize"].as_str().unwrap() {
            // Pillow rounds to bytes between the two directions.
            "bicubic" => (Resize::Bicubic, 1),
            _ => (Resize::Nearest, 0),
        };
        let size = one["side"].as_u64().unwrap() as usize;
        let options = ImageOptions { size: Some(size), resize, ..Default::default() };
        let (found, expected) = (resized(&pixels, (20, 27), &options), bytes_of(&one["pixels"]));
        let far = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(found.len() == expected.len() && far <= most, "{resize:?} to {size}: {far}");
        compared += 1;
    }
    assert_eq!(compared, 8);
    let folder = tempdir().unwrap();
    let path = folder.path().join("x.npy");
    let colour = bytes_of(&oracle["colour"]);
    write_npy(&path, &Array4::from_shape_vec((1, 4, 5, 3), colour.clone()).unwrap()).unwrap();
    let grey = read(&path, &ImageOptions { channels: Some(1), ..Default::default() }).unwrap().set;
    assert_eq!((grey.shape(), grey.pixels.clone()), ((4, 5, 1), bytes_of(&oracle["grey"])));
    // Grey with three channels is the same three times; one that becomes grey again is itself.
    let pixels = noise(20);
    let three = resized(&pixels, (4, 5), &ImageOptions { channels: Some(3), ..Default::default() });
    assert_eq!(three, pixels.iter().flat_map(|v| [*v; 3]).collect::<Vec<_>>());
    write_npy(&path, &Array4::from_shape_vec((1, 4, 5, 3), three).unwrap()).unwrap();
    assert_eq!(
        read(&path, &ImageOptions { channels: Some(1), ..Default::default() }).unwrap().set.pixels,
        pixels
    );
}

#[test]
fn every_resizing_keeps_what_is_constant_and_what_has_the_size() {
    for resize in [Resize::Area, Resize::Bicubic, Resize::Nearest] {
        for size in [1, 3, 8, 50] {
            let options = ImageOptions { size: Some(size), resize, ..Default::default() };
            assert_eq!(resized(&[77; 6 * 11], (6, 11), &options), vec![77; size * size], "{resize:?}");
            let own = noise(size * size);
            assert_eq!(resized(&own, (size, size), &options), own, "{resize:?}");
        }
    }
    // The middle: of 7 columns and 4 rows the columns 1 to 4.
    let crop = ImageOptions { crop: Crop::Center, ..Default::default() };
    let pixels: Vec<u8> = (0..28).collect();
    let expected: Vec<u8> = (0..4).flat_map(|y| (1..5).map(move |x| 7 * y + x)).collect();
    assert_eq!(resized(&pixels, (4, 7), &crop), expected);
    assert_eq!(resized(&pixels, (7, 4), &crop), (4..20).collect::<Vec<u8>>());
    // Values of a cubic that overshoots are cut to bytes.
    let steep = [0, 0, 0, 255, 255, 255];
    let wide = ImageOptions { size: Some(24), resize: Resize::Bicubic, ..Default::default() };
    let found = resized(&steep, (1, 6), &wide);
    assert!(found.contains(&0) && found.contains(&255));
}

/// A study of a folder.
pub const FOLDER: &str = r#"name = "folder"
pipelines = ["baseline"]
[data]
kind = "images"
path = "real"
size = 6
[diffusion]
steps = 4
[network]
hidden = [8]
time_dim = 4
[train]
iterations = 10
[sample]
count = 20
[metrics]
reference = 10
"#;

/// Some of the digits as files of a folder.
pub fn save_digits(folder: &Path, range: std::ops::Range<usize>) {
    let ImageSet { pixels, .. } = read_named(NamedImages::Digits, &ImageOptions::default()).unwrap().set;
    fs::create_dir_all(folder).unwrap();
    for i in range {
        let pixels = pixels[64 * i..64 * (i + 1)].to_vec();
        let image = ImageBuffer::<Luma<u8>, _>::from_raw(8, 8, pixels).unwrap();
        image.save(folder.join(format!("{i:04}.png"))).unwrap();
    }
}

#[test]
fn a_folder_is_studied_and_compared_with_another() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    save_digits(&at("real"), 0..60);
    save_digits(&at("fake"), 60..120);
    spec(folder.path(), FOLDER);
    let check = succeeded(&run(folder.path(), &["check", "spec.toml"]));
    for expected in [
        "35 points in 36 dimensions, images of 6 x 6 pixels with 1 channel(s)",
        "the files have heights of 8 and widths of 8 pixels and are resized to 6 x 6 (area)",
        "of the 60 images of real 35 train the network, 10 are kept aside",
    ] {
        assert!(check.contains(expected), "{expected} in {check}");
    }
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]));
    succeeded(&run(folder.path(), &["verify", "out"]));
    // Another resizing is another experiment; the default written out is the same.
    let canonical = |text: &str| {
        spec(folder.path(), text);
        gdiff::spec::read(&at("spec.toml"), &[]).unwrap().canonical()
    };
    let with = |keys: &str| canonical(&FOLDER.replace("size = 6\n", &format!("size = 6\n{keys}\n")));
    let usual = canonical(FOLDER);
    assert_eq!(with("resize = \"area\"\ncrop = \"none\"\nflip = false\ndamaged = \"refuse\""), usual);
    assert_ne!(with("resize = \"nearest\""), usual);
    assert_ne!(with("crop = \"center\""), usual);
    fs::rename(at("real"), at("moved")).unwrap();
    assert_eq!(canonical(&FOLDER.replace("\"real\"", "\"moved\"")), usual);
    fs::rename(at("moved"), at("real")).unwrap();
    // A damaged file is refused by name, at its key, and left out where that is asked for.
    fs::write(at("real/0007.png"), b"\x89PNG\r\n\x1a\nno more").unwrap();
    spec(folder.path(), FOLDER);
    let output = run(folder.path(), &["check", "spec.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("spec.toml:5:1: "), "{}", message(&output));
    assert!(message(&output).contains("1 of 60 images cannot be read: 0007.png: "), "{}", message(&output));
    let left_out = ["check", "spec.toml", "data.damaged=leave_out"];
    let check = succeeded(&run(folder.path(), &left_out));
    assert!(check.contains("of the 59 images of real"), "{check}");
    assert!(check.contains("left out: 1 of 60 images cannot be read: 0007.png"), "{check}");
    for (keys, expected) in [
        ("channels = 2", "`data.channels` is 2"),
        ("crop = \"middle\"", "center"),
        ("resize = \"linear\"", "bicubic"),
    ] {
        spec(folder.path(), &FOLDER.replace("size = 6\n", &format!("size = 6\n{keys}\n")));
        let output = run(folder.path(), &["check", "spec.toml"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains(expected), "{}", message(&output));
    }
    spec(folder.path(), &FOLDER.replace("size = 6", "size = 0"));
    assert!(message(&run(folder.path(), &["check", "spec.toml"])).contains("`data.size` is 0"));
    // Two folders, and what one cannot compare.
    fs::remove_file(at("real/0007.png")).unwrap();
    let args = ["metrics", "real", "fake", "--features", "random", "--frechet", "--kid", "--json"];
    let output = run(folder.path(), &args);
    let report: Value = serde_json::from_str(&succeeded(&output)).unwrap();
    assert_eq!((&report["real_count"], &report["generated_count"]), (&59.into(), &60.into()));
    assert!(report["frechet"].as_f64().unwrap() > 0.0 && !report["kid"].is_null());
    fs::write(at("fake/notes.txt"), b"").unwrap();
    let output = run(folder.path(), &args);
    assert!(message(&output).contains("fake: other files are left alone: 1 .txt"), "{}", message(&output));
    let output = run(folder.path(), &["metrics", "real", "spec.toml"]);
    assert_eq!(output.status.code(), Some(2));
}
