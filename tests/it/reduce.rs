//! Principal components before a Gaussianizer, the others whitened or dropped; and the way back to the data's axes.

use crate::common::spaces::{fit_space, gaussianizer, table};
use crate::common::{csv, message, run, said, spec, succeeded, text};
use gdiff::gaussianize::{GaussianizeOptions, Rest};
use gdiff::numeric::random::Stream;
use gdiff::run::FinishedRun;
use gdiff::space::{Chain, Fitted, LogDet, MapFile, Principal, RotateBack, Transform};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use ndarray_linalg::Determinant;
use tempfile::tempdir;

/// Points along three bent directions in `d` dimensions, with a little noise in all of them.
fn points(n: usize, d: usize, seed: u64) -> Array2<f64> {
    let stream = Stream::new(seed, 0, "reduce tests");
    let latent = stream.standard_normal(0, n, 3).mapv(|v| v + 0.3 * v * v);
    let mix = Stream::new(1, 0, "mix").standard_normal(0, 3, d);
    latent.dot(&mix) + stream.standard_normal(1, n, d) * 0.1 + 2.0
}

fn covariance(x: &Array2<f64>) -> Array2<f64> {
    let centred = x - &x.mean_axis(Axis(0)).unwrap();
    centred.t().dot(&centred) / x.nrows() as f64
}

fn worst(a: ArrayView2<f64>, b: ArrayView2<f64>) -> f64 {
    (&a - &b).iter().fold(0.0, |worst: f64, e| worst.max(e.abs()))
}

fn options(reduce: usize, rest: Rest, rotate_back: bool) -> GaussianizeOptions {
    GaussianizeOptions { layers: 2, reduce: Some(reduce), rest, rotate_back, ..GaussianizeOptions::default() }
}

fn reduced(x: &Array2<f64>, reduce: usize, rest: Rest, rotate_back: bool) -> Chain {
    fit_space(&gaussianizer(options(reduce, rest, rotate_back)), x.view()).unwrap().chain
}

#[test]
fn components_are_those_of_the_covariance() {
    let x = points(800, 6, 1);
    let whole = Principal::fit(x.view(), 3, Rest::Whiten).unwrap();
    let z = whole.forward(x.view());
    assert!(worst(covariance(&z).view(), Array2::eye(6).view()) < 1e-8);
    assert!(worst(whole.inverse(z.view()).view(), x.view()) < 1e-9);
    let (_, LogDet::Constant(log_det)) = whole.forward_with_log_det(x.view()) else { panic!("it is affine") };
    let (_, expected) = covariance(&x).sln_det().unwrap();
    assert!((log_det + 0.5 * expected).abs() < 1e-8);
    assert!(whole.variances().windows(2).into_iter().all(|pair| pair[0] >= pair[1]));
    // Dropped: the points are projected, the mean stays, and the share that is lost is that of the variances.
    let few = Principal::fit(x.view(), 3, Rest::Drop).unwrap();
    assert_eq!(few.dims(), (6, 3));
    assert!(worst(few.forward(x.view()).view(), z.slice(s![.., ..3])) < 1e-12);
    let back = few.inverse(few.forward(x.view()).view());
    let lost = (&back - &x).mapv(|e| e * e).sum() / x.nrows() as f64;
    let total = covariance(&x).diag().sum();
    assert!((few.lost_variance().unwrap() - lost / total).abs() < 1e-10);
    let means = |x: &Array2<f64>| x.mean_axis(Axis(0)).unwrap();
    assert!((means(&back) - means(&x)).iter().all(|e: &f64| e.abs() < 1e-10));
    // Fewer points than dimensions: the same axes by the smaller matrix.
    let thin = points(20, 30, 2);
    let by_products = Principal::fit(thin.view(), 5, Rest::Drop).unwrap();
    let padded = ndarray::concatenate(Axis(0), &[thin.view(), thin.view()]).unwrap();
    let by_covariance = Principal::fit(padded.view(), 5, Rest::Drop).unwrap();
    assert!(worst(by_products.forward(thin.view()).view(), by_covariance.forward(thin.view()).view()) < 1e-8);
    let refused = |fit: Result<Principal, gdiff::space::SpaceError>| fit.unwrap_err().to_string();
    let said = refused(Principal::fit(thin.view(), 5, Rest::Whiten));
    assert!(
        said.contains("20 training points have variance along 19 of 30 axes only; take rest = \"drop\""),
        "{said}"
    );
    let said = refused(Principal::fit(thin.view(), 20, Rest::Drop));
    assert!(said.contains("`reduce` is 20") && said.contains("along 19 axes only"), "{said}");
}

#[test]
fn the_inverse_is_exact_and_the_density_that_of_the_jacobian() {
    let x = points(700, 5, 3);
    for rotate_back in [false, true] {
        let chain = reduced(&x, 2, Rest::Whiten, rotate_back);
        assert_eq!((chain.dim(), chain.output_dim()), (Some(5), Some(5)));
        assert!(chain.lost_variance().is_none());
        let z = chain.forward(x.view());
        assert!(worst(chain.inverse(z.view()).view(), x.view()) < 1e-9);
        // log |det dz/dx| by central differences.
        for i in [0, 17, 300] {
            let point = x.slice(s![i..=i, ..]);
            let step = 1e-5;
            let mut jacobian = Array2::zeros((5, 5));
            for j in 0..5 {
                let moved = |by: f64| {
                    let mut moved = point.to_owned();
                    moved[[0, j]] += by;
                    chain.forward(moved.view()).row(0).to_owned()
                };
                jacobian.column_mut(j).assign(&((moved(step) - moved(-step)) / (2.0 * step)));
            }
            let (_, numeric) = jacobian.sln_det().unwrap();
            let (_, each, constant) = chain.forward_with_log_det(point);
            assert!((each[0] + constant - numeric).abs() < 1e-4, "{i}: {} {numeric}", each[0] + constant);
        }
    }
    // A rotation changes no density; the components that are whitened are those of a whitening.
    let plain = reduced(&x, 2, Rest::Whiten, false);
    let back = reduced(&x, 2, Rest::Whiten, true);
    let (a, b) = (plain.mean_log_density(x.view()).unwrap(), back.mean_log_density(x.view()).unwrap());
    assert!((a - b).abs() < 1e-9, "{a} {b}");
    let white = Principal::fit(x.view(), 2, Rest::Whiten).unwrap().forward(x.view());
    assert_eq!(plain.forward(x.view()).slice(s![.., 2..]), white.slice(s![.., 2..]));
    // All components lead: the Gaussianizer takes them all.
    assert!(matches!(
        reduced(&x, 5, Rest::Drop, false).transforms(),
        [Fitted::Principal(_), Fitted::Gaussianize(_)]
    ));
}

#[test]
fn the_way_back_is_to_the_axes_of_the_data() {
    let x = points(900, 6, 4);
    let z = Principal::fit(x.view(), 6, Rest::Whiten).unwrap().forward(x.view());
    let rotation = RotateBack::fit(x.view(), z.view()).unwrap();
    let back = rotation.forward(z.view());
    assert!(worst(rotation.inverse(back.view()).view(), z.view()) < 1e-12);
    // Lengths stay, and the covariance with the standardized data is symmetric and positive (ZCA).
    for (a, b) in z.rows().into_iter().zip(back.rows()) {
        assert!((a.dot(&a) - b.dot(&b)).abs() < 1e-9);
    }
    let std = x.std_axis(Axis(0), 0.0);
    let standard = (&x - &x.mean_axis(Axis(0)).unwrap()) / &std;
    let cross = standard.t().dot(&back) / 900.0;
    assert!(worst(cross.view(), cross.t()) < 1e-9);
    let nearness = |z: &Array2<f64>| (&standard - z).mapv(|e| e * e).sum();
    assert!(nearness(&back) < nearness(&z));
    for angle in [0.1, -0.1] {
        let (sin, cos) = f64::sin_cos(angle);
        let mut turned = back.clone();
        let (a, b) = (back.column(0), back.column(1));
        turned.column_mut(0).assign(&(&a * cos - &b * sin));
        turned.column_mut(1).assign(&(&a * sin + &b * cos));
        assert!(nearness(&turned) > nearness(&back), "no rotation is nearer");
    }
    // After a Gaussianizer each axis goes with its own column most.
    let chain = reduced(&x, 3, Rest::Whiten, true);
    let z = chain.forward(x.view());
    let cross = standard.t().dot(&z) / 900.0;
    let trace = |m: &Array2<f64>| m.diag().sum();
    let before = Chain::new(chain.transforms()[..2].to_vec()).forward(x.view());
    assert!(trace(&cross) > trace(&(standard.t().dot(&before) / 900.0)) + 0.1);
}

#[test]
fn a_reduced_map_is_read_back_to_the_same_bits_and_damage_is_refused() {
    let x = points(400, 5, 5);
    let axes: Vec<String> = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
    for (rest, rotate_back) in [(Rest::Drop, false), (Rest::Whiten, true)] {
        let chain = reduced(&x, 2, rest, rotate_back);
        let files = MapFile::write(&chain, &axes).unwrap();
        assert_eq!(files.len(), 1);
        let read = MapFile::read(&files[0].1).unwrap();
        assert_eq!(read.chain, chain);
        assert_eq!(read.axes.as_deref(), Some(&axes[..]));
        let json = chain.to_json();
        // In a folder the matrices lie in the Gaussianizer's file.
        let mut of_folder = |name: &str| match name == files[0].0 {
            true => Ok(files[0].1.clone()),
            false => Err(format!("there is no {name}")),
        };
        assert_eq!(Chain::from_files(&json, &mut of_folder).unwrap(), chain);
        let matrices = chain.matrices();
        assert_eq!(matrices.len(), 1 + usize::from(rotate_back));
        for damage in 0..3 {
            let mut damaged = |name: &str| {
                let Some((_, bytes)) = matrices.iter().find(|(own, _)| own == name) else {
                    return Ok(files[0].1.clone());
                };
                let mut bytes = bytes.clone();
                match damage {
                    0 => bytes.truncate(bytes.len() - 8),
                    1 => bytes.extend([0; 8]),
                    _ => {
                        let at = bytes.len() - 8;
                        bytes[at..].copy_from_slice(&3.0_f64.to_le_bytes());
                    }
                }
                Ok(bytes)
            };
            let refused = Chain::from_files(&json, &mut damaged).unwrap_err().to_string();
            assert!(refused.contains("matrix-1 is damaged"), "{refused}");
        }
        let flip = |at: usize| {
            let mut bytes = files[0].1.clone();
            bytes[at] ^= 1;
            MapFile::read(&bytes).is_err()
        };
        assert!((0..files[0].1.len()).step_by(997).all(flip));
    }
}

const SPEC: &str = r#"name = "reduced"
pipelines = ["baseline", "dropped", "back"]
[data]
kind = "table"
path = "x.csv"
scale = "standardize"
[pipeline.dropped]
space = ["scale", { gaussianize = { reduce = 2, rest = "drop", layers = 2 } }]
[pipeline.back]
space = ["scale", { gaussianize = { reduce = 2, rotate_back = true, layers = 2 } }]
[diffusion]
steps = 8
[network]
hidden = [8]
time_dim = 4
[train]
iterations = 20
[metrics]
prdc = false
[diagnostics]
likelihood = 20
"#;

#[test]
fn pipelines_of_leading_components_run_and_are_read_back() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("x.csv"), table(&["a", "b", "c", "d"], &points(500, 4, 6))).unwrap();
    spec(path, SPEC);
    let checked = run(path, &["check", "spec.toml"]);
    let text_of_check = succeeded(&checked);
    assert!(text_of_check.contains("dropped diffuses in 2 of 4 dimensions"), "{text_of_check}");
    assert!(!text_of_check.contains("back diffuses"), "{text_of_check}");
    let output = run(path, &["run", "spec.toml", "--out", "d"]);
    succeeded(&output);
    let said_by_run = message(&output);
    assert!(
        said_by_run.contains("2 principal components of 4 are kept and the others dropped"),
        "{said_by_run}"
    );
    assert!(said_by_run.contains("2 principal components of 4 are gaussianized"), "{said_by_run}");
    assert!(said_by_run.contains("a point of the data has no density under the model"), "{said_by_run}");
    for (pipeline, dim) in [("dropped", 2), ("back", 4)] {
        let place = path.join(format!("d/runs/{pipeline}-r0"));
        let again = FinishedRun::open(&place).unwrap();
        assert_eq!(again.chain().output_dim(), Some(dim));
        let samples = csv(place.join("samples.csv")).1;
        let drawn = again.draw(samples.len(), None).unwrap();
        for (row, cells) in drawn.rows().into_iter().zip(&samples) {
            for (value, cell) in row.iter().zip(cells) {
                assert!((value - cell.parse::<f64>().unwrap()).abs() < 1e-8);
            }
        }
        let status: serde_json::Value = serde_json::from_str(&text(place.join("status.json"))).unwrap();
        assert_eq!(status["map_log_likelihood"].is_null(), pipeline == "dropped");
        assert!(text(place.join("status.json")).len() < 20_000, "matrices lie beside the map");
        let empty = csv(place.join("likelihood.csv")).1.iter().all(|row| row[row.len() - 4].is_empty());
        assert_eq!(empty, pipeline == "dropped");
        let place = format!("d/runs/{pipeline}-r0");
        succeeded(&run(path, &["likelihood", &place, "--count", "10"]));
        succeeded(&run(path, &["sample", &place, "--count", "10", "--out", "new.csv"]));
        succeeded(&run(
            path,
            &[
                "gaussianize",
                "sample",
                &format!("{place}/gaussianizer.safetensors"),
                "--count",
                "10",
                "--out",
                "map.csv",
            ],
        ));
        assert_eq!(csv(path.join("map.csv")).0, ["a", "b", "c", "d"]);
    }
    let again = run(path, &["run", "spec.toml", "--out", "d"]);
    assert!(said(&again).contains("finished already"), "{}", message(&again));
    succeeded(&run(path, &["plot", "d"]));
    succeeded(&run(path, &["verify", "d"]));
}

#[test]
fn what_cannot_be_meant_is_refused_at_its_key() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("x.csv"), table(&["a", "b", "c", "d"], &points(100, 4, 7))).unwrap();
    std::fs::write(
        path.join("thin.csv"),
        table(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"], &points(9, 10, 8)),
    )
    .unwrap();
    for (file, flags, code, words) in [
        ("x.csv", vec!["--reduce", "5"], 2, "the data have 4 dimensions: give 1 to 4"),
        ("x.csv", vec!["--reduce", "0"], 2, "from 1"),
        ("x.csv", vec!["--reduce", "2", "--rest", "drp"], 2, "did you mean `drop`?"),
        ("x.csv", vec!["--reduce", "2", "--rest", "drop", "--rotate-back", "true"], 2, "no way back"),
        ("x.csv", vec!["--reduce", "2", "--components", "3"], 2, "`reduce` leaves 2 dimensions"),
        ("thin.csv", vec!["--reduce", "2"], 2, "take rest = \"drop\""),
        ("thin.csv", vec!["--reduce", "2", "--rest", "drop"], 0, "dropped"),
        ("x.csv", vec!["--reduce", "2", "--rest", "drop"], 0, "dropped"),
        ("x.csv", vec!["--rotate-back", "true"], 0, ""),
    ] {
        let command = [vec!["gaussianize", "fit", file, "--out", "map"], flags.clone()].concat();
        let output = run(path, &command);
        assert_eq!(output.status.code(), Some(code), "{flags:?}: {}", message(&output));
        assert!(message(&output).contains(words), "{flags:?}: {}", message(&output));
    }
    let dropped = ["gaussianize", "fit", "x.csv", "--out", "map", "--reduce", "2", "--rest", "drop"];
    succeeded(&run(path, &dropped));
    let applied = run(path, &["gaussianize", "apply", "map", "x.csv", "--out", "z.csv"]);
    assert!(succeeded(&applied).contains("keeps but 2 components of 4 columns"), "{}", said(&applied));
    assert_eq!(csv(path.join("z.csv")).0, ["x0", "x1"]);
    succeeded(&run(path, &["gaussianize", "invert", "map", "z.csv", "--out", "back.csv"]));
    let of = |cells: &[Vec<String>]| {
        Array1::from_iter(cells.iter().flatten().map(|cell| cell.parse::<f64>().unwrap()))
    };
    let (x, back) = (of(&csv(path.join("x.csv")).1), of(&csv(path.join("back.csv")).1));
    let lost = (&x - &back).mapv(|e| e * e).mean().unwrap() / x.var(0.0);
    assert!(lost < 0.5, "{lost}");
}
