//! Spaces and pipelines: transforms against closed forms, chains read back, built-in pipelines and one's own.

use crate::common::{TINY, csv, message, run, said, spec, succeeded, text};
use gdiff::data::mixture::GaussianMixture;
use gdiff::gaussianize::GaussianizeOptions;
use gdiff::numeric::random::Stream;
use gdiff::run::FinishedRun;
use gdiff::space::options::NamedTransform;
use gdiff::space::{
    Chain, FitContext, Fitted, LogDet, MapFile, ScaleKind, Scaling, Transform, TransformOptions, Whitening,
};
use ndarray::{Array1, Array2, ArrayView2, Axis, arr1, arr2};
use ndarray_linalg::{Determinant, Inverse};
use tempfile::tempdir;

/// Correlated points of very different units, `(n, 3)`.
fn points(n: usize) -> Array2<f64> {
    let z = Stream::new(3, 0, "spaces").standard_normal(0, n, 3);
    let mix = arr2(&[[1.0, 0.9, 0.0], [0.0, 1e3, 2.0], [0.5, 0.0, 1e-3]]);
    z.mapv(|v| v + 0.2 * v * v).dot(&mix) + arr1(&[5.0, -1e4, 0.3])
}

fn covariance(x: &Array2<f64>) -> Array2<f64> {
    let centred = x - &x.mean_axis(Axis(0)).unwrap();
    centred.t().dot(&centred) / x.nrows() as f64
}

fn fit(options: &[TransformOptions], x: ArrayView2<f64>) -> Chain {
    let mut context = FitContext {
        scale: ScaleKind::MinMax,
        gaussianize: &GaussianizeOptions { layers: 2, ..GaussianizeOptions::default() },
        axes: &[],
        stream: &Stream::new(3, 0, "fit"),
        fill: false,
        progress: &mut |_| {},
    };
    Chain::fit(options, x, &mut context).unwrap().chain
}

fn named(words: &[NamedTransform]) -> Vec<TransformOptions> {
    words.iter().map(|word| TransformOptions::Named(*word)).collect()
}

#[test]
fn whitened_points_have_mean_0_and_unit_covariance() {
    let x = points(4000);
    let whitening = Whitening::fit(x.view()).unwrap();
    let z = whitening.forward(x.view());
    assert!(z.mean_axis(Axis(0)).unwrap().iter().all(|m| m.abs() < 1e-9));
    let error = (&covariance(&z) - &Array2::<f64>::eye(3)).iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    assert!(error < 1e-7, "{error}");
    let back = whitening.inverse(z.view());
    assert!((&back - &x).iter().zip(&x).all(|(e, v)| e.abs() <= 1e-9 * v.abs().max(1.0)));
    // log |det W| = -1/2 log det S.
    let (_, LogDet::Constant(log_det)) = whitening.forward_with_log_det(x.view()) else {
        panic!("it is affine")
    };
    let (_, expected) = covariance(&x).sln_det().unwrap();
    assert!((log_det + 0.5 * expected).abs() < 1e-6, "{log_det} {expected}");
    // In one dimension it is standardizing.
    let one = x.slice(ndarray::s![.., 1..2]).to_owned();
    let standard = Scaling::fit(ScaleKind::Standardize, one.view()).unwrap().forward(one.view());
    let white = Whitening::fit(one.view()).unwrap().forward(one.view());
    assert!((&standard - &white).iter().all(|e| e.abs() < 1e-9));
    // A constant column and dependent columns are refused in a sentence.
    let mut constant = x.clone();
    constant.column_mut(1).fill(2.0);
    assert!(Whitening::fit(constant.view()).unwrap_err().to_string().contains("column"));
    let mut dependent = x.clone();
    let sum = &x.column(0) + &x.column(1);
    dependent.column_mut(2).assign(&sum);
    assert!(Whitening::fit(dependent.view()).is_err());
}

#[test]
fn the_density_of_a_whitened_space_is_the_fitted_gaussian() {
    let x = points(2000);
    let chain = fit(&named(&[NamedTransform::Scale, NamedTransform::Whiten]), x.view());
    let density = chain.mean_log_density(x.view()).unwrap();
    // log N(x; m, S), averaged over the points it was fitted to: -1/2 (d log 2 pi + log det S + d).
    let (_, log_det) = covariance(&x).sln_det().unwrap();
    let expected = -0.5 * (3.0 * (2.0 * std::f64::consts::PI).ln() + log_det + 3.0);
    assert!((density - expected).abs() < 1e-8, "{density} {expected}");
    assert_eq!(Chain::default().mean_log_density(Array2::zeros((0, 3)).view()), None);
}

#[test]
fn a_mixture_is_carried_through_affine_transforms_and_no_others() {
    let x = points(500).slice(ndarray::s![.., ..2]).to_owned();
    let mixture = GaussianMixture::new(
        &[0.3, 0.7],
        &[arr1(&[5.0, -1e4]), arr1(&[4.0, -1.1e4])],
        &[arr2(&[[1.0, 0.2], [0.2, 9e5]]), arr2(&[[0.5, 0.0], [0.0, 1e6]])],
    )
    .unwrap();
    for words in [
        &[NamedTransform::Standardize, NamedTransform::Whiten][..],
        &[NamedTransform::Whiten, NamedTransform::RotateBack],
    ] {
        let chain = fit(&named(words), x.view());
        let there = chain.push_forward(&mixture).unwrap().unwrap();
        // log p(x) = log q(z) + log |det dz/dx|, whatever the point.
        let z = chain.forward(x.view());
        let mut log_det = 0.0;
        for transform in chain.transforms() {
            let LogDet::Constant(value) = transform.transform().forward_with_log_det(x.view()).1 else {
                panic!()
            };
            log_det += value;
        }
        let error = mixture.log_density(x.view()) - there.log_density(z.view()) - log_det;
        assert!(error.iter().all(|e| e.abs() < 1e-7), "{words:?}: {error}");
    }
    // Where a column is set aside, the mixture is that of the others.
    let mut dependent = x.clone();
    let twice = x.column(1).mapv(|v| 2.0 * v);
    dependent.column_mut(0).assign(&twice);
    let aside = fit(&named(&[NamedTransform::Whiten]), dependent.view());
    let there = aside.push_forward(&mixture).unwrap().unwrap();
    assert_eq!(aside.output_dim(), Some(there.dim()));
    let gaussianized = fit(&named(&[NamedTransform::Scale, NamedTransform::Gaussianize]), x.view());
    assert!(gaussianized.push_forward(&mixture).unwrap().is_none());
    // Against the matrices themselves.
    let matrix = arr2(&[[2.0, 1.0], [0.0, 0.5]]);
    let moved = mixture.affine(&arr1(&[1.0, -1e4]), &matrix).unwrap();
    let y = x.map_axis(Axis(1), |row| matrix.dot(&(&row - &arr1(&[1.0, -1e4]))));
    let y = Array2::from_shape_fn(x.dim(), |(i, j)| y[i][j]);
    let error =
        mixture.log_density(x.view()) - moved.log_density(y.view()) - matrix.det().unwrap().abs().ln();
    assert!(error.iter().all(|e| e.abs() < 1e-7));
    assert!(matrix.inv().is_ok() && mixture.affine(&Array1::zeros(2), &Array2::zeros((2, 2))).is_err());
}

#[test]
fn a_chain_is_read_back_to_the_same_bits_and_damage_is_refused() {
    let x = points(600);
    let all = [
        NamedTransform::MinMax,
        NamedTransform::Whiten,
        NamedTransform::Gaussianize,
        NamedTransform::Gaussianize,
    ];
    let chain = fit(&named(&all), x.view());
    let json = chain.to_json();
    let names = ["a", "b", "c"].map(String::from);
    let files = MapFile::write(&chain, &names).unwrap();
    // Each of the files alone gives the whole chain back.
    for (_, bytes) in &files {
        let read = MapFile::read(bytes).unwrap();
        assert!(read.has_chain && read.chain == chain && read.axes.as_deref() == Some(&names[..]));
    }
    assert_eq!(
        files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["gaussianizer.safetensors", "gaussianizer-2.safetensors"]
    );
    let text = serde_json::to_string(&json).unwrap();
    let mut read = |name: &str| {
        files
            .iter()
            .find(|(file, _)| file == name)
            .map(|(_, bytes)| bytes.clone())
            .ok_or("not there".to_string())
    };
    let again = Chain::from_files(&serde_json::from_str(&text).unwrap(), &mut read).unwrap();
    assert_eq!(again, chain);
    assert_eq!(again.forward(x.view()), chain.forward(x.view()));
    for (from, to) in [
        ("\"scaling\"", "\"skaling\""),
        ("gaussianizer-2", "gaussianizer-3"),
        ("\"scale\":[", "\"scale\":[0.0,"),
        ("\"matrix\":[[", "\"matrix\":[[9.5,"),
        ("\"mean\":[", "\"mean\":[1.0,"),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text, "{from}");
        let value = serde_json::from_str(&damaged).unwrap();
        assert!(Chain::from_files(&value, &mut read).is_err(), "{from} became {to}");
    }
    assert!(matches!(chain.before_gaussianizer().transforms(), [Fitted::Scaling(_), Fitted::Whitening(_)]));
}

/// A tiny study of these pipelines, with what follows at its end.
fn study(pipelines: &str, more: &str) -> String {
    let text = TINY.replace("[\"baseline\", \"gaussianized\", \"exact\"]", pipelines);
    assert_ne!(text, TINY);
    format!("{text}\n{more}\n")
}

const OWN: &str = r#"[pipeline.narrow]
space = ["standardize", { gaussianize = { coupling = "marginal", layers = 2, bandwidth_factor = 0.5 } }]
[pipeline.map_alone]
space = ["scale", "gaussianize"]
denoiser = "none"
[pipeline.exact_white]
space = ["standardize", "whiten"]
denoiser = "exact"
"#;

#[test]
fn whitened_and_own_pipelines_run_are_kept_and_drawn_again() {
    let folder = tempdir().unwrap();
    let names = "[\"baseline\", \"whitened\", \"narrow\", \"map_alone\", \"exact_white\"]";
    spec(folder.path(), &study(names, OWN));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet"]));
    let (_, rows) = csv(folder.path().join("d/metrics.csv"));
    let steps = |pipeline: &str| rows.iter().filter(|row| row[1] == pipeline).count();
    assert_eq!(
        ["baseline", "whitened", "narrow", "map_alone", "exact_white"].map(steps),
        [13, 13, 13, 1, 13]
    );
    // The noise is the same in every space, and the map alone is x_T mapped back.
    let losses = csv(folder.path().join("d/loss.csv")).1;
    let optimal = |pipeline: &str| losses.iter().find(|row| row[1] == pipeline).map(|row| row[7].is_empty());
    assert_eq!(optimal("whitened"), Some(false), "the exact denoiser of a whitened mixture is known");
    assert_eq!(optimal("narrow"), Some(true));
    let summary = csv(folder.path().join("d/summary.csv")).1;
    let density = |pipeline: &str| {
        let of = |row: &&Vec<String>| row[0] == pipeline && row[1] == "map_log_likelihood";
        summary.iter().find(of).map(|row| row[2].parse::<f64>().unwrap())
    };
    assert_eq!(density("baseline"), None);
    assert!(density("whitened").unwrap() < density("narrow").unwrap(), "the data are no single Gaussian");
    assert!(!folder.path().join("d/runs/whitened-r0/gaussianizer.safetensors").exists());
    // Each run is read back: its last points are the samples that it wrote.
    for pipeline in ["whitened", "narrow", "map_alone", "exact_white"] {
        let place = folder.path().join("d/runs").join(format!("{pipeline}-r0"));
        let last = if pipeline == "map_alone" { 0 } else { 12 };
        let clouds = FinishedRun::open(&place).unwrap().clouds(200, &|step| step == last).unwrap();
        let samples = csv(place.join("samples.csv")).1;
        assert_eq!(clouds[0].points.nrows(), samples.len());
        for (row, cells) in clouds[0].points.rows().into_iter().zip(&samples) {
            for (value, cell) in row.iter().zip(cells) {
                let written: f64 = cell.parse().unwrap();
                assert!(
                    (value - written).abs() <= 1e-9 * written.abs().max(1.0),
                    "{pipeline}: {value} {written}"
                );
            }
        }
        // Its spec is the run's own, and asks for nothing else.
        let own = text(place.join("spec.toml"));
        assert_eq!(own.contains("[pipeline."), pipeline != "whitened", "{own}");
    }
    let again = run(folder.path(), &["run", "spec.toml", "--out", "d"]);
    assert!(said(&again).contains("finished already"), "{}", message(&again));
    succeeded(&run(folder.path(), &["plot", "d"]));
    // One more pipeline of one's own leaves the others as they are.
    let more = OWN.to_string() + "[pipeline.plain]\nspace = []\n";
    spec(folder.path(), &study("[\"baseline\", \"plain\"]", &more));
    let more = run(folder.path(), &["run", "spec.toml", "--out", "d", "--json"]);
    succeeded(&more);
    assert!(said(&more).contains(r#""event":"begin","runs":1"#), "{}", said(&more));
}

#[test]
fn pipelines_that_cannot_be_meant_are_refused_with_their_place() {
    let folder = tempdir().unwrap();
    for (pipelines, more, words) in [
        ("[\"whitend\"]", "", "did you mean `whitened`?"),
        ("[\"narow\"]", OWN, "did you mean `narrow`?"),
        ("[\"narrow\", \"narrow\"]", OWN, "is given twice"),
        ("[]", "", "`pipelines` is empty"),
        ("[\"baseline\"]", "[pipeline.baseline]\nspace = []", "is there already"),
        ("[\"baseline\"]", "[pipeline.data]\nspace = []", "is there already"),
        ("[\"baseline\"]", "[pipeline.\"a/b\"]\nspace = []", "names a folder"),
        ("[\"x\"]", "[pipeline.x]\nspace = [\"whitten\"]", "space"),
        ("[\"x\"]", "[pipeline.x]\nspace = []\ndenoiser = \"exakt\"", "did you mean `exact`?"),
        (
            "[\"x\"]",
            "[pipeline.x]\nspace = [\"gaussianize\"]\ndenoiser = \"exact\"",
            "no exact denoiser is known",
        ),
        ("[\"x\"]", "[pipeline.x]\nspace = [{ gaussianize = { layers = 0 } }]", "layers"),
        ("[\"x\"]", "[pipeline.x]\nspace = [{ gaussianize = { components = 7 } }]", "components"),
    ] {
        spec(folder.path(), &study(pipelines, more));
        let output = run(folder.path(), &["check", "spec.toml"]);
        assert_eq!(output.status.code(), Some(2), "{pipelines} {more}: {}", said(&output));
        let message = message(&output);
        assert!(message.contains(words), "{pipelines} {more}: {message}");
        assert!(message.starts_with("gdiff: spec.toml:"), "{message}");
    }
}

/// The rows of a table of one pipeline, without the names of run and pipeline.
fn rows_of(path: std::path::PathBuf, pipeline: &str) -> Vec<Vec<String>> {
    let rows = csv(path).1.into_iter().filter(|row| row[1] == pipeline);
    rows.map(|row| row[2..].to_vec()).collect()
}

#[test]
fn the_papers_recipe_is_a_preset_whose_keys_can_be_given_otherwise() {
    let folder = tempdir().unwrap();
    let own = r#"
[pipeline.preset]
space = ["scale", { gaussianize = { preset = "paper" } }]
[pipeline.by_key]
space = ["scale", { gaussianize = { layers = 5, coupling = "marginal", rotation = "ica", bandwidth = "silverman", bandwidth_factor = 1.0, tails = "kernel", held_out = 0.0 } }]
[pipeline.sharper]
space = ["scale", { gaussianize = { bandwidth_factor = 0.3, preset = "paper" } }]
"#;
    let names = "[\"ica_kde\", \"preset\", \"by_key\", \"sharper\", \"gaussianized\"]";
    spec(folder.path(), &study(names, own).replace("[gaussianize]", "[gaussianize]\npreset = \"paper\""));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet"]));
    let metrics = |pipeline: &str| rows_of(folder.path().join("d/metrics.csv"), pipeline);
    let paper = metrics("ica_kde");
    assert_eq!(paper.len(), 13);
    for same in ["preset", "by_key"] {
        assert_eq!(metrics(same), paper, "{same}");
    }
    assert_ne!(metrics("sharper"), paper);
    let fit = csv(folder.path().join("d/runs/ica_kde-r0/gaussianizer.csv")).1;
    assert_eq!(fit.iter().map(|row| row[3].as_str()).max(), Some("5"), "five layers: {fit:?}");
    // The spec as understood holds values alone, and means the same.
    let understood = text(folder.path().join("d/spec.toml"));
    assert!(!understood.contains("preset ="), "{understood}");
    let again = run(folder.path(), &["run", "d/spec.toml", "--out", "d"]);
    assert!(said(&again).contains("finished already"), "{}{}", said(&again), message(&again));
    for (set, words) in [
        ("gaussianize.preset=papr", "papr"),
        ("sweep={\"gaussianize.preset\"=[\"paper\"]}", "cannot be swept"),
        ("sweep={\"pipeline.sharper.space\"=[[{gaussianize={preset=\"x\"}}]]}", "space"),
    ] {
        let refused = run(folder.path(), &["check", "spec.toml", "--set", set]);
        assert_eq!(refused.status.code(), Some(2), "{set}: {}", said(&refused));
        assert!(message(&refused).contains(words), "{set}: {}", message(&refused));
    }
}
