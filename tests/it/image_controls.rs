//! Images in figures.

use crate::common::{csv, run, spec, succeeded, text};
use gdiff::data::images::ImageSet;
use gdiff::data::source::Part;
use gdiff::report::figures::raster::sheet;
use tempfile::tempdir;

fn set((n, height, width, channels): (usize, usize, usize, usize), value: impl Fn(usize) -> u8) -> ImageSet {
    let pixels = (0..n * height * width * channels).map(value).collect();
    ImageSet::new((height, width, channels), pixels, (0..n).map(|i| i.to_string()).collect()).unwrap()
}

#[test]
fn a_sheet_has_every_image_at_its_place() {
    for channels in [1, 3] {
        let images = set((5, 3, 2, channels), |i| (i * 11) as u8);
        let picture = image::load_from_memory(&sheet(&images, 3).unwrap()).unwrap().into_rgba8();
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
