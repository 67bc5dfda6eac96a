//! Whitened and Gaussianized spaces of images for a U-Net: rotated back into pixels, with all pixels there.

use crate::common::{csv, message, run, said, spec, succeeded, text};
use gdiff::data::source::Part;
use gdiff::run::FinishedRun;
use gdiff::space::{Chain, Fitted};
use ndarray::{Array2, ArrayView2, Axis};
use std::path::{Path, PathBuf};
use tempfile::tempdir;

const UNET: &str = r#"kind = "unet"
channels = 4
multipliers = [1, 2]
blocks = 1
groups = 2
"#;

const MLP: &str = "hidden = [8]\ntime_dim = 4\n";

fn study(pipelines: &str, network: &str, more: &str) -> String {
    format!(
        r#"name = "digits"
seed = 4
pipelines = [{pipelines}]
[data]
kind = "images"
name = "digits"
scale = "none"
[gaussianize]
coupling = "marginal"
layers = 2
reduce = 20
rest = "whiten"
rotate_back = true
[diffusion]
steps = 10
clip = "data"
[network]
{network}
[train]
iterations = 30
batch_size = 32
[sample]
count = 200
[metrics]
reference = 200
{more}
[pipeline.zca]
space = ["scale", "whiten", "rotate_back"]
"#
    )
}

fn run_folder(out: &Path, pipeline: &str) -> PathBuf {
    let folders = std::fs::read_dir(out.join("runs")).unwrap().map(|entry| entry.unwrap().path());
    let starts = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with(pipeline);
    folders.into_iter().find(starts).unwrap()
}

fn chain(folder: &Path) -> Chain {
    let status: serde_json::Value = serde_json::from_str(&text(folder.join("status.json"))).unwrap();
    let mut read = |name: &str| std::fs::read(folder.join(name)).map_err(|e| e.to_string());
    Chain::from_files(&status["space"], &mut read).unwrap()
}

fn train(folder: &Path) -> Array2<f64> {
    let run = FinishedRun::open(folder).unwrap();
    let plan = run.plan();
    plan.data.source.draw(Part::Train, plan.data.samples, plan.seed, 0)
}

fn covariance(x: ArrayView2<f64>, y: ArrayView2<f64>) -> Array2<f64> {
    let centred = |x: ArrayView2<f64>| &x - &x.mean_axis(Axis(0)).unwrap();
    centred(x).t().dot(&centred(y)) / x.nrows() as f64
}

#[test]
fn a_unet_diffuses_in_whitened_and_gaussianized_pixels_of_digits() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study(r#""zca", "gaussianized""#, UNET, ""));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]));
    let out = folder.path().join("out");
    let zca = run_folder(&out, "zca");
    let (of_zca, points) = (chain(&zca), train(&zca));
    // Pixels that are constant over the digits are set aside, and pixels of value 0 in the space.
    let constant: Vec<usize> =
        (0..64).filter(|j| points.column(*j).iter().all(|v| *v == points[[0, *j]])).collect();
    assert!(!constant.is_empty() && of_zca.zeros() >= constant.len());
    assert!(matches!(
        of_zca.transforms(),
        [
            Fitted::SetAside(_),
            Fitted::Scaling(_),
            Fitted::Whitening(_),
            Fitted::RotateBack(_),
            Fitted::Fill(_)
        ]
    ));
    let z = of_zca.forward(points.view());
    assert_eq!((of_zca.dim(), of_zca.output_dim(), z.ncols()), (Some(64), Some(64), 64));
    assert!(constant.iter().all(|j| z.column(*j).iter().all(|v| *v == 0.0)));
    let axes: Vec<String> = (0..64).map(|j| format!("p_{}_{}", j / 8, j % 8)).collect();
    let names = of_zca.axes(&axes);
    assert!((0..64).all(|j| (names[j] == axes[j]) != names[j].starts_with("zero")));
    // The covariance is the identity there, each pixel goes with its own most, and the points come back.
    let filled: Vec<usize> = (0..64).filter(|j| names[*j] == axes[*j]).collect();
    let white = covariance(z.view(), z.view());
    for (i, j) in filled.iter().flat_map(|i| filled.iter().map(move |j| (*i, *j))) {
        assert!((white[[i, j]] - f64::from(u8::from(i == j))).abs() < 1e-6, "{i} {j}: {}", white[[i, j]]);
    }
    let with_data = covariance(points.view(), z.view());
    let std = points.std_axis(Axis(0), 0.0);
    let symmetric = |i: usize, j: usize| with_data[[i, j]] / std[i];
    for (i, j) in filled.iter().flat_map(|i| filled.iter().map(move |j| (*i, *j))) {
        assert!((symmetric(i, j) - symmetric(j, i)).abs() < 1e-6, "ZCA of standardized pixels is symmetric");
    }
    assert!(filled.iter().all(|i| symmetric(*i, *i) > 0.0));
    let own =
        filled.iter().filter(|i| filled.iter().all(|j| symmetric(**i, **i) >= symmetric(**i, *j).abs()));
    assert!(own.count() * 10 > filled.len() * 9);
    assert!((&of_zca.inverse(z.view()) - &points).iter().all(|e| e.abs() < 1e-9));
    // The last predicted x0 is clipped to the box of the training points in that space.
    let numbers = |folder: &Path| -> Array2<f64> {
        let (_, rows) = csv(folder.join("samples.csv"));
        let values: Vec<f64> = rows.iter().flatten().map(|cell| cell.parse().unwrap()).collect();
        Array2::from_shape_vec((200, 64), values).unwrap()
    };
    let within = |samples: &Array2<f64>| {
        let samples = of_zca.forward(samples.view());
        let inside = |j: usize| {
            let fold = |start: f64, best: fn(f64, f64) -> f64| z.column(j).iter().copied().fold(start, best);
            let (low, high) = (fold(f64::INFINITY, f64::min), fold(f64::NEG_INFINITY, f64::max));
            samples.column(j).iter().filter(|v| **v < low - 1e-6 || **v > high + 1e-6).count()
        };
        (0..64).map(inside).sum::<usize>()
    };
    assert_eq!(within(&numbers(&zca)), 0, "coordinates outside of the box");
    let args = ["sample", zca.to_str().unwrap(), "--set", "diffusion.clip=none", "--out", "free.npy"];
    succeeded(&run(folder.path(), &args));
    let free: Array2<f64> = ndarray_npy::read_npy(folder.path().join("free.npy")).unwrap();
    assert!(within(&free) > 0, "without clipping some are");
    // Gaussianized: 20 components, the others white, in pixels; samples have the constants and the greys of the digits.
    let gaussianized = run_folder(&out, "gaussianized");
    let chain = chain(&gaussianized);
    assert!(matches!(chain.transforms().last(), Some(Fitted::Fill(_))));
    assert_eq!(chain.gaussianizer().unwrap().dim(), 20);
    let samples = numbers(&gaussianized);
    assert!(samples.iter().all(|v| v.is_finite()));
    for samples in [&samples, &numbers(&zca)] {
        for j in &constant {
            assert!(samples.column(*j).iter().all(|v| *v == points[[0, *j]]), "{j}");
        }
    }
    // More samples from the stored run are its own again.
    let args = ["sample", gaussianized.to_str().unwrap(), "--out", "again.csv"];
    succeeded(&run(folder.path(), &args));
    assert_eq!(text(folder.path().join("again.csv")), text(gaussianized.join("samples.csv")));
}

#[test]
fn pixels_of_zeros_change_no_density() {
    let folder = tempdir().unwrap();
    let map = |pipelines: &str, network: &str| -> Vec<f64> {
        let tiny = study(pipelines, network, "").replace("iterations = 30", "iterations = 1");
        let tiny = tiny.replace("count = 200", "count = 30").replace("steps = 10", "steps = 2");
        spec(folder.path(), &tiny);
        let out = folder.path().join("density");
        let _ = std::fs::remove_dir_all(&out);
        succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "density", "--quiet"]));
        let (columns, rows) = csv(out.join("summary.csv"));
        let at = |name: &str| columns.iter().position(|c| c == name).unwrap();
        let of_map = rows.iter().filter(|row| row[at("metric")] == "map_log_likelihood");
        of_map.map(|row| row[at("mean")].parse().unwrap()).collect()
    };
    // A U-Net has 64 pixels, a dense network the columns that are left; a rotation changes no density either.
    let of_unet = map(r#""zca", "gaussianized""#, UNET);
    let of_mlp = map(r#""whitened", "gaussianized""#, MLP);
    assert_eq!((of_unet.len(), of_mlp.len()), (2, 2));
    for (a, b) in of_unet.iter().zip(&of_mlp) {
        assert!((a - b).abs() < 1e-6 * b.abs().max(1.0), "{of_unet:?} {of_mlp:?}");
    }
}

#[test]
fn spaces_that_are_no_pixels_are_named() {
    let folder = tempdir().unwrap();
    let check = |text: &str| {
        spec(folder.path(), text);
        run(folder.path(), &["check", "spec.toml"])
    };
    let warned = check(&study(r#""whitened", "zca""#, UNET, ""));
    succeeded(&warned);
    let all = said(&warned) + &message(&warned);
    assert!(all.contains("the axes of the space of whitened are no pixels"), "{all}");
    assert!(!all.contains("space of zca are no pixels") && !all.contains("diffuses in"), "{all}");
    // A dense network takes any axes.
    let dense = check(&study(r#""whitened""#, MLP, ""));
    assert!(!(succeeded(&dense) + &message(&dense)).contains("no pixels"));
    let dropped = study(r#""gaussianized""#, UNET, "").replace("\"whiten\"\nrotate_back = true", "\"drop\"");
    for (text, words) in [
        (dropped.clone(), "a U-Net takes a value for each pixel"),
        (
            dropped
                .replace(UNET, MLP)
                .replace("pipelines = [\"gaussianized\"]", "pipelines = [\"zca\"]")
                .replace("\"whiten\", \"rotate_back\"", "\"gaussianize\", \"rotate_back\""),
            "rest = \"drop\" leaves fewer axes than the data have",
        ),
    ] {
        let refused = check(&text);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(message(&refused).contains(words), "{}", message(&refused));
    }
}

#[test]
fn a_sweep_over_both_networks_shares_no_space() {
    let folder = tempdir().unwrap();
    let both = study(
        r#""zca""#,
        "time_dim = 4",
        "[[sweep.points]]\n\"network.kind\" = \"mlp\"\n\"network.hidden\" = [8]\n[[sweep.points]]\n\"network.kind\" = \"unet\"\n\"network.channels\" = 4\n\"network.multipliers\" = [1]\n\"network.groups\" = 2\n\"network.blocks\" = 1\n",
    );
    spec(folder.path(), &both.replace("time_dim = 4", ""));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]));
    let folders = std::fs::read_dir(folder.path().join("out/runs")).unwrap();
    let mut zeros: Vec<bool> = folders.map(|entry| chain(&entry.unwrap().path()).zeros() > 0).collect();
    zeros.sort_unstable();
    assert_eq!(zeros, [false, true]);
}
