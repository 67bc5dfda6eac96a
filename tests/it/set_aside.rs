//! Columns that hold nothing of their own: set aside before a fit, restored exactly, said by name.

use crate::common::clouds::modes;
use crate::common::spaces::{fit_space, gaussianizer, named, table};
use crate::common::{Waiting, csv, message, run, said, same_tables, spec, succeeded, text};
use gdiff::gaussianize::{GaussianizeError, GaussianizeOptions};
use gdiff::numeric::random::Stream;
use gdiff::run::FinishedRun;
use gdiff::space::options::NamedTransform::{Gaussianize, Scale, Whiten};
use gdiff::space::{Chain, Fitted, SetAside, SpaceError};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use tempfile::tempdir;

/// Two columns of their own; a constant, an affine function of both, three classes of which each row has one, a copy.
fn mixed(n: usize, seed: u64) -> Array2<f64> {
    let z = Stream::new(seed, 0, "mixed").standard_normal(0, n, 2);
    Array2::from_shape_fn((n, 8), |(i, j)| match j {
        0 => z[[i, 0]],
        1 => (0.5 * z[[i, 1]]).exp(),
        2 => 4.25,
        3 => 2.0 * z[[i, 0]] - (0.5 * z[[i, 1]]).exp() + 3.0,
        7 => z[[i, 0]],
        class => f64::from(u8::from((i * 7 + i / 3) % 3 == class - 4)),
    })
}

#[test]
fn constants_copies_and_affine_functions_come_back_exactly() {
    let x = mixed(900, 1);
    let fitted = fit_space(&named(&[Scale, Gaussianize]), x.view()).unwrap();
    let chain = &fitted.chain;
    assert_eq!((chain.dim(), chain.output_dim(), fitted.points.ncols()), (Some(8), Some(4), 4));
    let Fitted::SetAside(aside) = &chain.transforms()[0] else { panic!("the columns are set aside first") };
    assert_eq!(aside.kept(), [0, 1, 4, 5]);
    let fresh = mixed(500, 2);
    for points in [&x, &fresh] {
        let back = chain.inverse(chain.forward(points.view()).view());
        for (j, (a, b)) in points.columns().into_iter().zip(back.columns()).enumerate() {
            let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            // The constant and the classes bit by bit.
            let bound = if [2, 4, 5, 6].contains(&j) { 0.0 } else { 1e-9 };
            assert!(worst <= bound, "column {j}: {worst:e}");
        }
        assert!(chain.misfits(points.view(), &[]).is_empty());
    }
    // The samples keep the relations.
    let z = Stream::new(5, 0, "z").standard_normal(0, 400, 4);
    for row in chain.inverse(z.view()).rows() {
        assert_eq!((row[2], row[7]), (4.25, row[0]));
        assert!((row[3] - 2.0 * row[0] + row[1] - 3.0).abs() < 1e-9);
        assert_eq!(row[4] + row[5] + row[6], 1.0);
    }
    let said = fitted.notices.join("\n");
    for words in [
        "`x2` is 4.25 in every training point",
        "`x3` is 3 + 2 x `x0` - `x1` at every training point",
        "`x7` is a copy of `x0` at every training point",
        "4 of the data's 8 dimensions",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let of_class = fitted.notices.iter().find(|notice| notice.starts_with("`x6` is 1 - `x")).unwrap();
    let both = of_class.contains(" - `x4`") && of_class.contains(" - `x5`");
    assert!(both && of_class.contains("at every training point, exactly"), "{of_class}");
}

#[test]
fn the_density_is_that_of_the_columns_that_are_left() {
    let x = mixed(600, 3);
    let few = x.select(Axis(1), &[0, 1]);
    let more = concatenate(Axis(1), &[few.view(), x.slice(s![.., 2..4]), x.slice(s![.., 7..])]).unwrap();
    for space in [named(&[Scale, Whiten]), named(&[Gaussianize])] {
        let of = |x: &Array2<f64>| fit_space(&space, x.view()).unwrap().chain.mean_log_density(x.view());
        assert_eq!(of(&few), of(&more));
        assert!(of(&few).unwrap().is_finite());
    }
}

#[test]
fn a_space_leaves_alone_what_it_can_be_fitted_with() {
    let x = mixed(300, 4);
    // A scaling needs columns that vary, and no more; without one nothing is set aside.
    let scaled = fit_space(&named(&[Scale]), x.view()).unwrap();
    let Fitted::SetAside(aside) = &scaled.chain.transforms()[0] else { panic!("a constant has no scale") };
    assert_eq!(aside.set_aside().collect::<Vec<_>>(), [2]);
    assert!(scaled.chain.is_only_scaling());
    let plain = fit_space(&[], x.view()).unwrap();
    assert!(plain.chain.transforms().is_empty() && plain.points == x && plain.notices.is_empty());
    // Columns that differ by little are their own.
    let mut near = modes(500, 3);
    let noise = Stream::new(9, 0, "noise").standard_normal(0, 500, 1);
    let sum = &near.column(0) + &near.column(1) + &noise.column(0) * 1e-4;
    near.column_mut(2).assign(&sum);
    assert_eq!(SetAside::find(near.view(), true), None);
    assert_eq!(SetAside::find(modes(500, 3).view(), true), None);
    // So do points that are too few to tell.
    assert_eq!(SetAside::find(modes(3, 3).view(), true), None);
}

#[test]
fn what_cannot_be_fitted_is_refused_with_the_columns_of_the_data() {
    let fit = |x: ArrayView2<f64>| fit_space(&named(&[Gaussianize]), x).err().map(|e| e.to_string());
    let constant = Array2::from_elem((40, 3), 2.5);
    let said = fit(constant.view()).unwrap();
    assert!(said.contains("all 3 columns are constant over the training points (2.5 the first)"), "{said}");
    assert!(matches!(
        fit_space(&named(&[Scale]), constant.view()),
        Err(SpaceError::AllConstant { columns: 3, .. })
    ));
    // One column is enough.
    let mut one = constant.clone();
    one.column_mut(1).assign(&modes(40, 1).column(0));
    let fitted = fit_space(&named(&[Scale, Gaussianize]), one.view()).unwrap();
    assert_eq!(fitted.chain.output_dim(), Some(1));
    // A column after one that is set aside keeps its number.
    let mut x = concatenate(Axis(1), &[constant.slice(s![.., ..1]), modes(40, 2).view()]).unwrap();
    x.column_mut(2).mapv_inplace(|v| 1.0 + 1e-15 * v);
    let said = fit(x.view()).unwrap();
    assert!(said.contains("column 2") && said.contains("nearly constant"), "{said}");
    let mut x = modes(40, 3);
    x[[17, 2]] = f64::NAN;
    assert!(matches!(
        fit_space(&named(&[Gaussianize]), x.view()),
        Err(SpaceError::Gaussianize(GaussianizeError::NotFinite { row: 17, column: 2, .. }))
    ));
    // One row far out makes columns look dependent, which they are not.
    let mut x = Stream::new(2, 0, "row").standard_normal(0, 300, 3);
    x.row_mut(17).fill(1e15);
    assert_eq!(SetAside::find(x.view(), true), None);
    assert!(fit(x.view()).unwrap().contains("dominates"));
    assert!(fit(modes(1, 2).view()).unwrap().contains("too few"));
}

#[test]
fn new_points_that_are_otherwise_are_counted() {
    let x = mixed(600, 5);
    let chain = fit_space(&named(&[Scale, Gaussianize]), x.view()).unwrap().chain;
    let mut fresh = mixed(200, 6);
    fresh[[3, 2]] = 4.0;
    fresh[[8, 3]] += 0.5;
    fresh[[9, 3]] -= 0.125;
    let names: Vec<String> = ["a", "b", "year", "sum", "r", "g", "b", "copy"].map(String::from).to_vec();
    let said = chain.misfits(fresh.view(), &names).join("\n");
    assert!(
        said.contains("`year` was 4.25 in every training point, but 1 of 200 points are off, by 2.500e-1"),
        "{said}"
    );
    assert!(
        said.contains(
            "`sum` was 3 + 2 x `a` - `b` at every training point, but 2 of 200 points are off, by 5.000e-1"
        ),
        "{said}"
    );
    assert_eq!(said.lines().count(), 2, "{said}");
    let back = chain.inverse(chain.forward(fresh.view()).view());
    assert_eq!(back[[3, 2]], 4.25);
}

#[test]
fn a_chain_that_sets_aside_is_read_back_and_damage_is_refused() {
    let x = mixed(300, 7);
    let options = GaussianizeOptions { layers: 1, ..GaussianizeOptions::default() };
    let chain = fit_space(&gaussianizer(options), x.view()).unwrap().chain;
    let files =
        gdiff::space::MapFile::write(&chain, &["a", "b", "c", "d", "e", "f", "g", "h"].map(String::from))
            .unwrap();
    let read = gdiff::space::MapFile::read(&files[0].1).unwrap();
    assert_eq!(read.chain, chain);
    assert_eq!(read.axes.unwrap().len(), 8);
    let json = serde_json::to_string(&chain.to_json()).unwrap();
    let mut file = |_: &str| Ok(files[0].1.clone());
    for (from, to) in [
        ("\"kept\":[0,1,4,5]", "\"kept\":[0,1,4,9]"),
        ("\"kept\":[0,1,4,5]", "\"kept\":[]"),
        ("\"offset\":4.25", "\"offset\":null"),
        ("\"transform\":\"dequantize\"", "\"transform\":\"scaling\""),
        ("\"step\":1.0", "\"step\":0.0"),
    ] {
        let damaged = json.replacen(from, to, 1);
        assert_ne!(damaged, json, "{from}: {json}");
        assert!(Chain::from_files(&serde_json::from_str(&damaged).unwrap(), &mut file).is_err(), "{to}");
    }
    assert_eq!(Chain::from_files(&serde_json::from_str(&json).unwrap(), &mut file).unwrap(), chain);
}

const SPEC: &str = r#"name = "mixed"
pipelines = ["baseline", "whitened", "gaussianized"]
[data]
kind = "table"
path = "mixed.csv"
scale = "standardize"
[gaussianize]
layers = 2
[diffusion]
steps = 12
[network]
hidden = [8]
time_dim = 4
[train]
iterations = 60
[sample]
count = 60
[diagnostics]
likelihood = 40
error_over_t = true
"#;

#[test]
fn a_study_diffuses_in_what_is_left_and_survives_being_killed() {
    let folder = tempdir().unwrap();
    let names = ["a", "b", "year", "sum", "r", "g", "bl", "copy"];
    std::fs::write(folder.path().join("mixed.csv"), table(&names, &mixed(600, 8))).unwrap();
    spec(folder.path(), SPEC);
    let checked = run(folder.path(), &["check", "spec.toml", "--fit"]);
    let said_by_check = succeeded(&checked);
    for words in [
        "baseline diffuses in 7 of 8 dimensions",
        "whitened diffuses in 4 of 8 dimensions",
        "gaussianized diffuses in 4 of 8 dimensions",
        "`year` is 4.25 in every training point",
    ] {
        assert!(said_by_check.contains(words), "{words}: {said_by_check}");
    }
    let whole = run(folder.path(), &["run", "spec.toml", "--out", "whole"]);
    succeeded(&whole);
    assert!(message(&whole).contains("`copy` is a copy of `a`"), "{}", message(&whole));
    assert!(message(&whole).contains("densities with respect to the 4 that are left"), "{}", message(&whole));
    for pipeline in ["baseline", "whitened", "gaussianized"] {
        let place = folder.path().join(format!("whole/runs/{pipeline}-r0"));
        let (header, samples) = csv(place.join("samples.csv"));
        assert_eq!(header.len(), 8, "{header:?}");
        assert!(samples.iter().all(|row| row[2].parse::<f64>().unwrap() == 4.25), "{pipeline}");
        // Read back, it gives its own samples again.
        let again = FinishedRun::open(&place).unwrap();
        let dim = again.chain().output_dim().unwrap();
        assert_eq!(dim, if pipeline == "baseline" { 7 } else { 4 });
        let drawn = again.draw(60, None).unwrap();
        for (row, cells) in drawn.rows().into_iter().zip(&samples) {
            for (value, cell) in row.iter().zip(cells) {
                let written: f64 = cell.parse().unwrap();
                assert!((value - written).abs() <= 1e-9 * written.abs().max(1.0), "{value} {written}");
            }
        }
        let config: serde_json::Value = serde_json::from_str(&text(place.join("config.json"))).unwrap();
        assert_eq!(config["dim"].as_u64(), Some(dim as u64));
        let likelihoods = csv(place.join("likelihood.csv")).1;
        assert!(likelihoods.iter().all(|row| row.iter().all(|cell| !cell.contains("inf") && cell != "NaN")));
    }
    // Killed within the training and the sampling, the study ends in the same bytes; so it does in lockstep.
    let command = ["run", "spec.toml", "--out", "killed", "--quiet", "--checkpoint-seconds", "0"];
    for place in ["train:30@whitened", "sample:6@gaussianized"] {
        Waiting::begin(folder.path(), &command, &[place]).kill();
    }
    succeeded(&run(folder.path(), &command));
    same_tables(&folder.path().join("whole"), &folder.path().join("killed"));
    let together = ["run", "spec.toml", "--out", "together", "--quiet", "--batch-runs", "3"];
    succeeded(&run(folder.path(), &together));
    assert_eq!(
        csv(folder.path().join("together/metrics.csv")).1.len(),
        csv(folder.path().join("whole/metrics.csv")).1.len()
    );
    // Commands on a finished run.
    let place = "whole/runs/gaussianized-r0";
    let likelihood = run(folder.path(), &["likelihood", place, "--count", "30"]);
    assert!(succeeded(&likelihood).contains("30 held-out points"), "{}", said(&likelihood));
    assert!(message(&likelihood).contains("4 of 8 columns are set aside"), "{}", message(&likelihood));
    succeeded(&run(folder.path(), &["sample", place, "--count", "20", "--out", "new.csv"]));
    assert_eq!(csv(folder.path().join("new.csv")).0, names);
    let again = run(folder.path(), &["run", "spec.toml", "--out", "whole"]);
    assert!(said(&again).contains("finished already"), "{}", message(&again));
}

#[test]
fn the_tool_names_what_is_left_and_takes_it_back() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    let names = ["a", "b", "year", "sum", "r", "g", "bl", "copy"];
    std::fs::write(path.join("x.csv"), table(&names, &mixed(500, 9))).unwrap();
    let mut off = mixed(50, 10);
    off[[4, 2]] = 7.0;
    std::fs::write(path.join("off.csv"), table(&names, &off)).unwrap();
    let fitted = run(path, &["gaussianize", "fit", "x.csv", "--out", "map", "--layers", "2"]);
    succeeded(&fitted);
    assert!(message(&fitted).contains("gdiff: note: x.csv: `year` is 4.25"), "{}", message(&fitted));
    let applied = run(path, &["gaussianize", "apply", "map", "x.csv", "--out", "z.csv"]);
    assert!(succeeded(&applied).contains("of the 4 columns that are left of 8"), "{}", said(&applied));
    assert_eq!(csv(path.join("z.csv")).0, ["a", "b", "r", "g"]);
    succeeded(&run(path, &["gaussianize", "invert", "map", "z.csv", "--out", "back.csv"]));
    let (header, back) = csv(path.join("back.csv"));
    assert_eq!(header, names);
    for (row, cells) in mixed(500, 9).rows().into_iter().zip(&back) {
        for (value, cell) in row.iter().zip(cells) {
            assert!((value - cell.parse::<f64>().unwrap()).abs() < 1e-8);
        }
    }
    let applied = run(path, &["gaussianize", "apply", "map", "off.csv", "--out", "z.csv"]);
    let words = "`year` was 4.25 in every training point, but 1 of 50 points are off";
    assert!(message(&applied).contains(words), "{}", message(&applied));
    succeeded(&run(path, &["gaussianize", "sample", "map", "--count", "30", "--out", "new.csv"]));
    assert!(csv(path.join("new.csv")).1.iter().all(|row| row[2].parse::<f64>().unwrap() == 4.25));
}
