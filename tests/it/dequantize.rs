//! Tied values: found by stated thresholds, spread to a density, snapped back to the very values.

use crate::common::clouds::modes;
use crate::common::spaces::{fit_space, gaussianizer, named, table};
use crate::common::{csv, message, run, spec, succeeded, text};
use gdiff::gaussianize::GaussianizeOptions;
use gdiff::metrics::RealManifold;
use gdiff::numeric::random::Stream;
use gdiff::space::dequantize::{Cells, detect};
use gdiff::space::options::NamedTransform::{Dequantize as Spread, Gaussianize, Scale};
use gdiff::space::{Chain, Dequantize, Fitted, LogDet, Transform};
use ndarray::{Array2, ArrayView2, Axis};
use tempfile::tempdir;

fn normal(n: usize, d: usize, seed: u64) -> Array2<f64> {
    Stream::new(seed, 0, "dequantize tests").standard_normal(0, n, d)
}

/// Two normal columns, of which the first is 0 in three of ten points.
fn with_atom(n: usize, seed: u64) -> Array2<f64> {
    let mut x = normal(n, 2, seed);
    for (i, u) in Stream::new(seed, 1, "atom").uniform(0, n).into_iter().enumerate() {
        if u < 0.3 {
            x[[i, 0]] = 0.0;
        }
    }
    x
}

fn rounded(n: usize, seed: u64) -> Array2<f64> {
    let z = normal(n, 2, seed);
    let mix = ndarray::arr2(&[[1.0, 0.5], [0.0, 0.8]]);
    z.dot(&mix).mapv(|v| (v * 100.0).round() / 100.0)
}

fn grid(n: usize, seed: u64) -> Array2<f64> {
    let stream = Stream::new(seed, 0, "grid");
    let columns = [stream.uniform(0, n), stream.uniform(1, n)];
    Array2::from_shape_fn((n, 2), |(i, j)| (columns[j][i] * 5.0).floor())
}

#[test]
fn continuous_columns_are_left_alone_bit_by_bit() {
    let single = |v: f64| f64::from(v as f32);
    let mut few = normal(1000, 1, 3);
    for i in 0..15 {
        few[[2 * i, 0]] = few[[2 * i + 1, 0]];
    }
    for (name, x) in [
        ("normal", normal(10_000, 2, 1)),
        ("modes", modes(3000, 3)),
        ("single precision", normal(10_000, 1, 2).mapv(single)),
        ("six decimals", normal(10_000, 1, 2).mapv(|v| (v * 1e6).round() / 1e6)),
        ("fifteen ties of a thousand", few),
        ("few", modes(5, 2)),
    ] {
        assert_eq!(Dequantize::find(x.view(), 1), None, "{name}");
    }
    let x = modes(400, 3);
    let with = fit_space(&named(&[Scale, Gaussianize]), x.view()).unwrap();
    let off = GaussianizeOptions { layers: 2, dequantize: false, ..GaussianizeOptions::default() };
    let without = fit_space(&[named(&[Scale]), gaussianizer(off)].concat(), x.view()).unwrap();
    assert_eq!(with.chain, without.chain);
    assert!(with.notices.is_empty() && with.points == without.points);
}

#[test]
fn what_ties_are_is_found() {
    let kind = |values: &[f64]| detect(values.iter().copied()).map(|column| column.kind());
    let of = |x: Array2<f64>| kind(&x.column(0).to_vec());
    assert_eq!(of(with_atom(2000, 1)).unwrap(), "continuous with 29 % of the points at 0");
    assert_eq!(of(rounded(2000, 2)).unwrap(), "rounded to multiples of 0.01");
    assert_eq!(of(grid(2000, 3)).unwrap(), "whole numbers");
    assert_eq!(
        of(normal(2000, 1, 4).mapv(|v| (4.0 * v).round() / 4.0)).unwrap(),
        "rounded to multiples of 0.25"
    );
    // Amounts, of which half are 0.
    let paid = normal(4000, 1, 5).mapv(|v| if v < 0.0 { 0.0 } else { (1000.0 * v.exp()).round() });
    let found = of(paid).unwrap();
    assert!(found.starts_with("whole numbers with") && found.ends_with("at 0"), "{found}");
    // A measurement that ends at 1.5.
    let cut = normal(4000, 1, 6).mapv(|v| v.min(1.5));
    assert_eq!(of(cut).unwrap(), "continuous with 7 % of the points at 1.5");
    // Logarithms of counts lie on no lattice, and all are shared.
    let logs = normal(4000, 1, 7).mapv(|v| (1.0 + (3.0 * v.exp()).floor()).ln());
    assert!(of(logs).unwrap().starts_with("one of "));
    // Counts end at 0, and not at their largest value.
    let counts = normal(4000, 1, 8).mapv(|v| (2.0 * v.exp()).floor());
    match detect(counts.iter().copied()).unwrap().cells {
        Cells::Lattice { low: Some(0.0), high: None, .. } => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(kind(&[1.0; 50]), None, "a constant is no such column");
}

#[test]
fn values_come_back_bit_by_bit_and_the_spread_is_even() {
    let logs = normal(1500, 2, 7).mapv(|v| (1.0 + (3.0 * v.exp()).floor()).ln());
    let thirds = grid(1500, 4).mapv(|v| v / 3.0);
    for (name, x) in
        [("rounded", rounded(1500, 2)), ("grid", grid(1500, 3)), ("logs", logs), ("thirds", thirds)]
    {
        let fitted = fit_space(&named(&[Scale, Gaussianize]), x.view()).unwrap();
        let chain = &fitted.chain;
        assert!(matches!(chain.transforms()[0], Fitted::Dequantize(_)), "{name}");
        assert_eq!(chain.inverse(chain.forward(x.view()).view()), x, "{name}");
        assert!(fitted.notices.join(" ").contains("the points tie in `x0`"), "{name}: {:?}", fitted.notices);
        // Samples have the values of the data, or lie on their lattice.
        let z = normal(500, 2, 9);
        let samples = chain.inverse(z.view());
        assert_eq!(chain.inverse(chain.forward(samples.view()).view()), samples, "{name}");
    }
    // Atoms come back to the very value, the others to rounding.
    let x = with_atom(1500, 1);
    let chain = fit_space(&named(&[Gaussianize]), x.view()).unwrap().chain;
    let back = chain.inverse(chain.forward(x.view()).view());
    for (a, b) in x.iter().zip(&back) {
        assert!(if *a == 0.0 { *b == 0.0 } else { (a - b).abs() < 1e-9 }, "{a} {b}");
    }
    // Within a cell the spread is uniform: mean 0 and variance w^2 / 12.
    let x = grid(20_000, 5);
    let spread = Dequantize::find(x.view(), 11).unwrap();
    let error = spread.forward(x.view()) - &x;
    assert!(error.iter().all(|e| e.abs() < 0.5));
    assert!(error.mean().unwrap().abs() < 0.006);
    assert!((error.mapv(|e| e * e).mean().unwrap() - 1.0 / 12.0).abs() < 0.002);
    // The first rows do not depend on how many follow, and the seed counts.
    let few = spread.forward(x.slice(ndarray::s![..7, ..]));
    assert_eq!(few, spread.forward(x.view()).slice(ndarray::s![..7, ..]));
    assert_ne!(few, Dequantize::find(x.view(), 12).unwrap().forward(x.slice(ndarray::s![..7, ..])));
}

#[test]
fn log_densities_are_those_of_probabilities() {
    let x = with_atom(8000, 1);
    let Some(spread) = Dequantize::find(x.view(), 3) else { panic!("there is an atom") };
    // Of an atom log |det| is that of an interval of probability: its width.
    let (y, LogDet::Each(log_det)) = spread.forward_with_log_det(x.view()) else { panic!("by points") };
    let width = spread.columns()[0].as_ref().unwrap().atoms[0].width;
    for ((x, y), log_det) in x.column(0).iter().zip(y.column(0)).zip(&log_det) {
        match *x {
            0.0 => assert!((0.0..=width).contains(y) && (log_det - width.ln()).abs() < 1e-12),
            x if x < 0.0 => assert!(*y == x && *log_det == 0.0),
            x => assert!((y - x - width).abs() < 1e-12 && *log_det == 0.0),
        }
    }
    // 0.3 log 0.3 + 0.7 (log 0.7 - h), h = 1/2 log 2 pi e, and another -h for the second column.
    let h = 0.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E).ln();
    let truth = 0.3 * 0.3_f64.ln() + 0.7 * (0.7_f64.ln() - h) - h;
    let chain = fit_space(&gaussianizer(GaussianizeOptions::default()), x.view()).unwrap().chain;
    let found = chain.mean_log_density(with_atom(8000, 2).view()).unwrap();
    assert!((found - truth).abs() < 0.05, "{found} {truth}");
    // Rounded to 0.01, the probability of a cell over its area is the density.
    let x = rounded(8000, 3);
    let truth = -2.0 * h - 0.8_f64.ln();
    let chain = fit_space(&gaussianizer(GaussianizeOptions::default()), x.view()).unwrap().chain;
    let found = chain.mean_log_density(rounded(8000, 4).view()).unwrap();
    assert!((found - truth).abs() < 0.05, "{found} {truth}");
    // Of 25 equal cells the log-probability is -log 25, which the spread reaches from below.
    let x = grid(8000, 5);
    let chain = fit_space(&gaussianizer(GaussianizeOptions::default()), x.view()).unwrap().chain;
    let found = chain.mean_log_density(grid(8000, 6).view()).unwrap();
    assert!(found <= -25.0_f64.ln() + 0.01 && found > -25.0_f64.ln() - 0.1, "{found}");
}

fn samples(chain: &Chain, n: usize) -> Array2<f64> {
    chain.inverse(normal(n, chain.output_dim().unwrap(), 77).view())
}

#[test]
fn samples_of_tied_data_are_as_good_as_real_points() {
    let n = 4000;
    let coverage = |real: ArrayView2<f64>, fake: ArrayView2<f64>| {
        let found = RealManifold::new(real, 5).unwrap().prdc(fake).unwrap();
        (found.coverage, found.precision)
    };
    for (name, draw) in [("atom", with_atom as fn(usize, u64) -> Array2<f64>), ("rounded", rounded)] {
        let chain = fit_space(&gaussianizer(GaussianizeOptions::default()), draw(n, 1).view()).unwrap().chain;
        let (fresh, more) = (draw(n, 2), draw(n, 3));
        let (real, ours) =
            (coverage(fresh.view(), more.view()), coverage(fresh.view(), samples(&chain, n).view()));
        assert!(ours.0 > real.0 - 0.03 && ours.1 > real.1 - 0.03, "{name}: {ours:?}, real points {real:?}");
        assert!(chain.gaussianizer().unwrap().layers() <= 12, "{name}");
    }
    // Three of ten points are exactly 0.
    let chain =
        fit_space(&gaussianizer(GaussianizeOptions::default()), with_atom(n, 1).view()).unwrap().chain;
    let zero = samples(&chain, n).column(0).iter().filter(|v| **v == 0.0).count() as f64 / n as f64;
    assert!((zero - 0.3).abs() < 0.03, "{zero}");
    // Each of the 25 cells has its share, and nothing lies elsewhere.
    let chain = fit_space(&gaussianizer(GaussianizeOptions::default()), grid(n, 1).view()).unwrap().chain;
    let points = samples(&chain, n);
    assert!(points.iter().all(|v| [0.0, 1.0, 2.0, 3.0, 4.0].contains(v)));
    for cell in 0..25 {
        let (a, b) = (f64::from(cell / 5), f64::from(cell % 5));
        let share =
            points.rows().into_iter().filter(|row| row[0] == a && row[1] == b).count() as f64 / n as f64;
        assert!((share - 0.04).abs() < 0.015, "{a} {b}: {share}");
    }
}

#[test]
fn a_transform_of_its_own_stands_where_it_is_named() {
    let x = grid(500, 1);
    let chain = fit_space(&named(&[Scale, Spread, Gaussianize]), x.view()).unwrap().chain;
    assert!(matches!(
        chain.transforms(),
        [Fitted::Scaling(_), Fitted::Dequantize(_), Fitted::Gaussianize(_)]
    ));
    let x = rounded(500, 1);
    let spread = fit_space(&named(&[Spread]), x.view()).unwrap();
    assert_eq!(spread.chain.inverse(spread.points.view()), x);
    // A value that is none of the lattice is counted.
    let mut off = rounded(100, 2);
    off[[3, 1]] += 0.004;
    let said = spread.chain.misfits(off.view(), &["a".to_string(), "b".to_string()]).join("\n");
    assert!(
        said.contains("`b` was rounded to multiples of 0.01 in the training points, but 1 of 100"),
        "{said}"
    );
}

#[test]
fn tied_columns_beside_rare_values_can_be_fitted() {
    // 8 x 8 digits: a column that is 0 in all points but a few, one that is constant, whole numbers.
    let n = 600;
    let z = normal(n, 6, 12);
    let x = Array2::from_shape_fn((n, 6), |(i, j)| match j {
        0 => 0.0,
        1 => f64::from(u8::from(i % 200 == 7)) * 5.0,
        _ => (4.0 * z[[i, j]] + 8.0).round().clamp(0.0, 16.0),
    });
    let chain = fit_space(&named(&[Scale, Gaussianize]), x.view()).unwrap().chain;
    assert_eq!(chain.inverse(chain.forward(x.view()).view()), x);
    // One-hot classes of a table as people have them.
    let cells = csv(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/onehot.csv")).1;
    let onehot = Array2::from_shape_fn((cells.len(), 4), |(i, j)| cells[i][j].parse::<f64>().unwrap());
    let fitted = fit_space(&named(&[Scale, Gaussianize]), onehot.view()).unwrap();
    assert_eq!(fitted.chain.output_dim(), Some(3));
    assert_eq!(fitted.chain.inverse(fitted.points.view()), onehot);
    let shares = onehot.mean_axis(Axis(0)).unwrap();
    for (share, real) in samples(&fitted.chain, 2000).mean_axis(Axis(0)).unwrap().iter().zip(&shares) {
        assert!((share - real).abs() < 0.08, "{share} {real}");
    }
}

const SPEC: &str = r#"name = "tied"
pipelines = ["gaussianized", "baseline"]
[data]
kind = "table"
path = "x.csv"
[gaussianize]
layers = 2
[diffusion]
steps = 6
[network]
hidden = [8]
time_dim = 4
[train]
iterations = 20
[metrics]
prdc = false
distances = "none"
"#;

#[test]
fn it_is_said_and_can_be_switched_off_and_identifies_runs_on_tied_tables_alone() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("x.csv"), table(&["a", "b"], &rounded(400, 1))).unwrap();
    spec(path, SPEC);
    let on = run(path, &["run", "spec.toml", "--out", "on"]);
    succeeded(&on);
    assert!(
        message(&on).contains("the points tie in `a` and `b` (rounded to multiples of 0.01)"),
        "{}",
        message(&on)
    );
    let cells = csv(path.join("on/runs/gaussianized-r0/samples.csv")).1;
    for cell in cells.iter().flatten() {
        let v: f64 = cell.parse().unwrap();
        assert_eq!((v * 100.0).round() / 100.0, v, "{cell}");
    }
    let off = ["run", "spec.toml", "--out", "off", "gaussianize.dequantize=false"];
    let off = run(path, &off);
    succeeded(&off);
    assert!(!message(&off).contains("tie in"), "{}", message(&off));
    let keys = |out: &str, pipeline: &str| -> serde_json::Value {
        let status = text(path.join(format!("{out}/runs/{pipeline}-r0/status.json")));
        serde_json::from_str::<serde_json::Value>(&status).unwrap()["keys"].clone()
    };
    assert_ne!(keys("on", "gaussianized")["space"], keys("off", "gaussianized")["space"]);
    assert_eq!(keys("on", "baseline"), keys("off", "baseline"), "no Gaussianizer, no difference");
    // The lines of a run of a table without ties are what they were.
    let lines = |file: &str| {
        let study = gdiff::spec::read_text(
            "spec.toml",
            &SPEC.replace("x.csv", &path.join(file).display().to_string()),
            &[],
        );
        let plan = study.unwrap().base;
        let identity = gdiff::spec::Identity::of(&plan);
        identity
            .run_lines(&plan.pipelines[0])
            .into_keys()
            .filter(|key| key.starts_with("space"))
            .collect::<Vec<_>>()
    };
    std::fs::write(path.join("y.csv"), table(&["a", "b"], &normal(400, 2, 1))).unwrap();
    assert_eq!(lines("y.csv"), ["space[0]", "space[1]", "space[1].layers"]);
    assert_eq!(lines("x.csv"), ["space[0]", "space[1]", "space[1].layers", "space[1].ties"]);
}
