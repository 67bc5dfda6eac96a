//! Images in figures, and real images that were made worse.

use crate::common::{csv, message, run, spec, succeeded, text};
use gdiff::data::images::{Degradation, ImageSet};
use gdiff::data::source::Part;
use gdiff::numeric::intervals::mean_interval;
use gdiff::numeric::random::Stream;
use gdiff::report::figures::controls::{ControlPoint, controls};
use tempfile::tempdir;

fn set((n, height, width, channels): (usize, usize, usize, usize), value: impl Fn(usize) -> u8) -> ImageSet {
    let pixels = (0..n * height * width * channels).map(value).collect();
    ImageSet::new((height, width, channels), pixels, (0..n).map(|i| i.to_string()).collect()).unwrap()
}

#[test]
fn a_sheet_has_every_image_at_its_place() {
    for channels in [1, 3] {
        let images = set((5, 3, 2, channels), |i| (i * 11) as u8);
        let picture = image::load_from_memory(&images.sheet(3).unwrap()).unwrap().into_rgba8();
        assert_eq!(picture.dimensions(), (3 * 3 + 1, 2 * 4 + 1));
        for (i, y, x) in (0..5).flat_map(|i| (0..3).flat_map(move |y| (0..2).map(move |x| (i, y, x)))) {
            let pixel = picture.get_pixel((1 + i % 3 * 3 + x) as u32, (1 + i / 3 * 4 + y) as u32).0;
            let own = &images.image(i)[(y * 2 + x) * channels..][..channels];
            assert_eq!(
                pixel,
                if channels == 1 { [own[0], own[0], own[0], 255] } else { [own[0], own[1], own[2], 255] }
            );
        }
        // Between images and where there is none the sheet is transparent.
        assert!(
            (0..9).all(|y| picture.get_pixel(0, y).0[3] == 0 && picture.get_pixel(8, y.max(5)).0[3] == 0)
        );
    }
}

const STUDY: &str = r#"name = "digits"
pipelines = ["baseline", "whitened"]
[data]
kind = "images"
name = "digits"
samples = 300
[diffusion]
steps = 5
[network]
hidden = [8]
time_dim = 4
[train]
iterations = 20
[sample]
count = 40
[metrics]
reference = 40
"#;

#[test]
fn a_study_of_images_shows_samples_beside_their_nearest_training_images() {
    let folder = tempdir().unwrap();
    spec(folder.path(), STUDY);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet", "--plot"]));
    let at = |name: &str| folder.path().join("out").join(name);
    let svg = text(at("figures/grids.svg"));
    assert_eq!(svg.matches("<image ").count(), 6, "three sheets for each pipeline");
    assert!(at("figures/grids.png").is_file());
    let page = text(at("report.html"));
    assert!(page.contains("data:image/png;base64,") && page.contains(r#"id="grids""#));
    assert!(!page.contains(r#"id="inside""#), "no cloud of two pixels");
    assert!(!at("figures/clouds.svg").exists());
    // A picture of the sheets differs from an empty one: pixels of the PNG have the greys of the digits.
    let picture = image::open(at("figures/grids.png")).unwrap().into_rgb8();
    let dark = picture.pixels().filter(|pixel| pixel.0 == [0, 0, 0]).count();
    assert!(dark > 10_000, "{dark} black pixels");
    // The nearest images, by the definition.
    let plan = gdiff::spec::read(&at("spec.toml"), &[]).unwrap().base;
    let train = plan.data.source.draw(Part::Train, plan.data.samples, plan.seed, 0);
    let (_, numbers) = csv(at("figures/grids.csv"));
    let numbers: Vec<&Vec<String>> = numbers.iter().filter(|row| row[1] == "image").collect();
    assert_eq!(numbers.len(), 2 * 36);
    let run_folder = |pipeline: &str| {
        let folders = std::fs::read_dir(at("runs")).unwrap().map(|entry| entry.unwrap().path());
        folders
            .into_iter()
            .find(|path| path.file_name().unwrap().to_string_lossy().starts_with(pipeline))
            .unwrap()
    };
    for (k, pipeline) in ["baseline", "whitened"].into_iter().enumerate() {
        let (_, samples) = csv(run_folder(pipeline).join("samples.csv"));
        for (i, row) in numbers[36 * k..36 * (k + 1)].iter().enumerate() {
            let sample: Vec<f64> = samples[i].iter().map(|v| v.parse().unwrap()).collect();
            let distance = |j: usize| -> f64 {
                train.row(j).iter().zip(&sample).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
            };
            let least = (0..train.nrows()).map(distance).fold(f64::INFINITY, f64::min);
            let (index, found): (f64, f64) = (row[3].parse().unwrap(), row[4].parse().unwrap());
            assert!((found - least).abs() < 1e-9 * (1.0 + least), "{pipeline} {i}: {found}, {least}");
            assert!((distance(index as usize) - least).abs() < 1e-9 * (1.0 + least));
        }
    }
}

#[test]
fn degradations_are_those_of_their_definitions() {
    let stream = Stream::new(3, 0, "controls");
    let images = set((6, 7, 5, 3), |i| (i * i * 5 + i / 3) as u8);
    let apply = |degradation: Degradation| degradation.apply(&images, &stream);
    assert_eq!(apply(Degradation::None), images);
    let faded = apply(Degradation::Fade(0.9));
    assert!(
        faded.pixels.iter().zip(&images.pixels).all(|(a, b)| f64::from(*a) == (0.9 * f64::from(*b)).round())
    );
    let repeated = apply(Degradation::Repeat(2));
    assert!((0..6).all(|i| repeated.image(i) == images.image(i % 3)) && repeated.len() == 6);
    // A blurred image is the sum over both directions at once, the image mirrored at its borders.
    for sigma in [0.5, 1.0, 3.0] {
        let blurred = apply(Degradation::Blur(sigma));
        let reach = (4.0 * sigma + 0.5) as i64;
        let weight = |a: i64| (-0.5 * (a as f64 / sigma).powi(2)).exp();
        let total: f64 = (-reach..=reach).map(weight).sum();
        let mirror = |mut at: i64, n: i64| {
            while !(0..n).contains(&at) {
                at = if at < 0 { -1 - at } else { 2 * n - 1 - at };
            }
            at
        };
        for (y, x, c) in (0..7).flat_map(|y| (0..5).flat_map(move |x| (0..3).map(move |c| (y, x, c)))) {
            let mut sum = 0.0;
            for (a, b) in (-reach..=reach).flat_map(|a| (-reach..=reach).map(move |b| (a, b))) {
                let at = (mirror(y + a, 7) * 5 + mirror(x + b, 5)) * 3 + c;
                sum += weight(a) * weight(b) * f64::from(images.image(2)[at as usize]);
            }
            let found = f64::from(blurred.image(2)[((y * 5 + x) * 3 + c) as usize]);
            assert!((found - sum / (total * total)).abs() <= 0.5 + 1e-9, "{sigma}: {found}, {sum}");
        }
    }
    let flat = set((2, 6, 6, 1), |_| 90);
    assert_eq!(Degradation::Blur(1.0).apply(&flat, &stream), flat);
    // Noise: mean 0 and the deviation that is asked for, other noise in each image, the same again.
    let grey = set((40, 16, 16, 1), |_| 128);
    let noised = Degradation::Noise(0.05).apply(&grey, &stream);
    let differences: Vec<f64> = noised.pixels.iter().map(|v| f64::from(*v) - 128.0).collect();
    let n: f64 = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let deviation: f64 = (differences.iter().map(|d| d * d).sum::<f64>() / n).sqrt();
    assert!(mean.abs() < 5.0 * 12.75 / n.sqrt(), "{mean}");
    // Rounding adds a variance of 1/12.
    let expected = (12.75_f64.powi(2) + 1.0 / 12.0).sqrt();
    assert!((deviation / expected - 1.0_f64).abs() < 5.0 / (2.0 * n).sqrt(), "{deviation}");
    assert_ne!(noised.image(0), noised.image(1));
    assert_eq!(noised, Degradation::Noise(0.05).apply(&grey, &stream));
}

#[test]
fn the_figure_of_controls_has_their_paths_beside_the_papers_rows() {
    let folder = tempdir().unwrap();
    let controls = STUDY.replace("count = 40", "count = 100").replace("reference = 40", "reference = 100");
    spec(folder.path(), &format!("replicates = 2\n{controls}"));
    let args = [
        "controls",
        "spec.toml",
        "--features",
        "pixels,random",
        "--out",
        "c.csv",
        "--plot",
        "c.svg",
        "--dark",
    ];
    succeeded(&run(folder.path(), &args));
    let light = text(folder.path().join("c.svg"));
    assert_ne!(light, text(folder.path().join("c-dark.svg")));
    for words in [
        "in features: pixels",
        "in features: random",
        "blurred by 0.25, 0.5, 0.75, 1",
        "faded to 0.95, 0.9, 0.8",
        "noise of 0.02, 0.05, 0.1",
        "repeated, times 2, 4",
        "paper: Oxford Flower",
        "paper: CIFAR-100",
        "digits, 8 x 8 pixels",
        "100 images",
    ] {
        assert!(light.contains(words), "{words}");
    }
    succeeded(&run(folder.path(), &["controls", "spec.toml", "--count", "50", "--plot", "c.png"]));
    assert!(image::open(folder.path().join("c.png")).unwrap().width() > 1000);
    for (file, said) in [("c.pdf", "NAME.svg or NAME.png"), ("spec.toml", "NAME.svg or NAME.png")] {
        let refused = run(folder.path(), &["controls", "spec.toml", "--plot", file]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(message(&refused).contains(said), "{}", message(&refused));
    }
}

#[test]
fn the_figures_marks_are_the_numbers_of_the_controls() {
    let point = |control, precision: f64, density: f64| ControlPoint {
        control,
        features: "pixels".to_string(),
        count: 9,
        precision: mean_interval(&[precision, precision + 0.02]).unwrap(),
        density: mean_interval(&[density]).unwrap(),
    };
    let points = [
        point(Degradation::None, 0.9, 1.0),
        point(Degradation::Blur(0.5), 0.95, 2.0),
        point(Degradation::Blur(1.0), 0.2, 0.0),
        point(Degradation::Noise(0.1), 0.8, 0.6),
    ];
    let figure = controls(&points, "");
    let mut table = Vec::new();
    figure.to_csv(&mut table).unwrap();
    let table = String::from_utf8(table).unwrap();
    let rows = |mark: &str, series: &str| -> Vec<Vec<f64>> {
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let rows = reader.records().map(Result::unwrap);
        let own = rows.filter(|row| &row[1] == mark && row[2] == *series);
        own.map(|row| (3..7).filter_map(|cell| row[cell].parse().ok()).collect()).collect()
    };
    let near = |found: Vec<Vec<f64>>, expected: &[&[f64]]| {
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (a, b) in found.iter().zip(expected) {
            assert!(a.iter().zip(*b).all(|(a, b)| (a - b).abs() < 1e-12), "{a:?} {b:?}");
        }
    };
    // A path begins at fresh images; what has no logarithm is far below the panel.
    near(rows("line", "blurred by 0.5, 1"), &[&[0.91, 1.0], &[0.96, 2.0], &[0.21, 1e-6]]);
    near(rows("line", "noise of 0.1"), &[&[0.91, 1.0], &[0.81, 0.6]]);
    near(rows("interval", "fresh real images"), &[&[0.91, 1.0, 1.0, 1.0]]);
    // Table 4, not the two rows of Table 2.
    let pets = rows("line", "paper: Oxford-IIIT-Pet");
    near(
        pets,
        &[&[0.8189, 6.704], &[0.8805, 7.9743], &[0.8628, 8.0348], &[0.9103, 10.6351], &[0.9542, 15.778]],
    );
    near(rows("line", "paper: CIFAR-10"), &[&[0.607, 1.401], &[0.689, 2.104]]);
}

#[test]
fn controls_of_digits_move_the_metrics_as_known() {
    let folder = tempdir().unwrap();
    let controls = STUDY.replace("count = 40", "count = 300").replace("reference = 40", "reference = 300");
    spec(folder.path(), &format!("replicates = 3\n{controls}"));
    let args = ["controls", "spec.toml", "--count", "150,300", "--frechet", "--out", "c.csv"];
    succeeded(&run(folder.path(), &args));
    let (columns, rows) = csv(folder.path().join("c.csv"));
    assert_eq!(rows.len(), 26);
    let column = |name: &str| columns.iter().position(|column| column == name).unwrap();
    let value = |count: &str, control: &str, metric: &str| -> f64 {
        let row = rows.iter().find(|row| row[0] == control && row[column("count")] == count).unwrap();
        row[column(metric)].parse().unwrap()
    };
    for count in ["150", "300"] {
        let of = |control: &str, metric: &str| value(count, control, metric);
        // Blurred images lie in the middle of the others: denser, and with less recall; noise does the opposite.
        assert!(of("blur_0.5", "density") > of("fresh", "density"));
        assert!(of("blur_0.5", "recall") < of("fresh", "recall"));
        assert!(of("noise_0.05", "density") < of("fresh", "density"));
        assert!(of("blur_1", "recall") < of("blur_0.5", "recall"));
        // Stronger is further off, each way.
        for pair in [
            ("blur_0.5", "blur_0.75"),
            ("blur_0.75", "blur_1"),
            ("noise_0.05", "noise_0.1"),
            ("fade_0.9", "fade_0.8"),
        ] {
            assert!(of(pair.1, "frechet") > of(pair.0, "frechet"), "{pair:?}");
        }
        assert!(of("repeat_4", "coverage") < of("repeat_2", "coverage"));
        // Changes are those of the means, and their intervals are paired: narrower where both move together.
        for control in ["blur_0.5", "fade_0.95", "noise_0.1", "repeat_4"] {
            for metric in ["precision", "recall", "density", "coverage", "frechet"] {
                let change = of(control, &format!("{metric}_change"));
                assert!(
                    (change - (of(control, metric) - of("fresh", metric))).abs() < 1e-12,
                    "{control} {metric}"
                );
            }
        }
        assert!(of("noise_0.02", "density_change_half_width") < of("noise_0.02", "density_half_width"));
        // Repeating leaves precision as it is, in the mean, and lowers coverage.
        assert!((of("repeat_2", "precision") - of("fresh", "precision")).abs() < 0.08);
        assert!(of("repeat_2", "coverage") < of("fresh", "coverage"));
        for control in ["blur_0.5", "blur_1", "fade_0.9", "noise_0.05", "repeat_2"] {
            assert!(of(control, "frechet") > of("fresh", "frechet"), "{control}");
        }
    }
    // One thread or two: the same bytes. And in features.
    for threads in ["1", "2"] {
        let out = format!("t{threads}.csv");
        let command = format!(
            "RAYON_NUM_THREADS={threads} {} controls spec.toml --count 150,300 --frechet --out {out}",
            assert_cmd::cargo::cargo_bin("gdiff").display()
        );
        succeeded(&crate::common::shell(folder.path(), &command));
        assert_eq!(text(folder.path().join(&out)), text(folder.path().join("c.csv")));
    }
    let args = ["controls", "spec.toml", "--count", "60", "--features", "random,pixels"];
    let both = succeeded(&run(folder.path(), &args));
    let places = ["fresh,random,60,5,3,", "repeat_4,random,60,5,3,", "fresh,pixels,60,5,3,"];
    let places = places.map(|row| both.find(row).unwrap_or_else(|| panic!("{row}: {both}")));
    assert!(places.is_sorted());
    let args = ["controls", "spec.toml", "--weights", "w.safetensors"];
    let refused = run(folder.path(), &args);
    assert_eq!(refused.status.code(), Some(2));
    assert!(message(&refused).contains("but the features are pixels"), "{}", message(&refused));
    let refused = run(folder.path(), &["controls", "spec.toml", "--count", "301"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(message(&refused).contains("keeps only 300"), "{}", message(&refused));
    spec(folder.path(), crate::common::TINY);
    let refused = run(folder.path(), &["controls", "spec.toml"]);
    assert!(refused.status.code() == Some(2) && message(&refused).contains("no images"));
}
