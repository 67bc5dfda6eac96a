//! What figures show of replicates, maps, real points, losses and sweeps, on tables made by hand.

use crate::figures_data::{figures, is_readable};
use gdiff::report::figures::Figure;
use gdiff::report::figures::draw::Theme;
use gdiff::report::figures::model::{Mark, Panel, Scale, Stroke};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use tempfile::TempDir;

/// Reverse steps of the tables.
const STEPS: [usize; 3] = [0, 10, 20];

/// A summary: mean and interval by line and metric.
type Summary<'a> = [(&'a str, &'a str, f64, f64, f64)];

/// Tables of a folder. `value` gives log-likelihood and median of a pipeline's replicate at a step.
fn folder(replicates: usize, summary: &Summary, value: impl Fn(&str, usize, usize) -> (f64, f64)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut metrics = "run,pipeline,replicate,step,t,log_likelihood,log_likelihood_median\n".to_string();
    for pipeline in ["baseline", "gaussianized"] {
        for r in 0..replicates {
            for step in STEPS {
                let (mean, median) = value(pipeline, r, step);
                let t = 20 - step;
                writeln!(metrics, "{pipeline}-r{r},{pipeline},{r},{step},{t},{mean},{median}").unwrap();
            }
        }
    }
    let mut rows =
        "pipeline,metric,mean,interval_low,interval_high,replicates,difference,difference_low,difference_high\n"
            .to_string();
    for (pipeline, metric, mean, low, high) in summary {
        writeln!(rows, "{pipeline},{metric},{mean},{low},{high},{replicates},,,").unwrap();
    }
    std::fs::write(folder.path().join("metrics.csv"), metrics).unwrap();
    std::fs::write(folder.path().join("summary.csv"), rows).unwrap();
    folder
}

/// Baseline and a map, beside real points at -1.8 nats.
const SUMMARY: &Summary = &[
    ("data", "log_likelihood", -1.8, -1.85, -1.75),
    ("data", "log_likelihood_median", -1.5, -1.55, -1.45),
    ("data", "sliced_w2", 0.05, 0.04, 0.06),
    ("baseline", "log_likelihood", -2.5, -2.6, -2.4),
    ("baseline", "log_likelihood_median", -2.0, -2.1, -1.9),
    ("baseline", "off_support", 0.01, 0.0, 0.02),
    ("baseline", "sliced_w2", 0.18, 0.16, 0.2),
    ("baseline", "first_log_likelihood", -9.0, -9.1, -8.9),
    ("baseline", "first_sliced_w2", 0.6, 0.5, 0.7),
    ("gaussianized", "log_likelihood", -1.7, -1.72, -1.68),
    ("gaussianized", "log_likelihood_median", -1.4, -1.41, -1.39),
    ("gaussianized", "off_support", 0.01, 0.0, 0.02),
    ("gaussianized", "sliced_w2", 0.14, 0.12, 0.16),
    ("gaussianized", "first_log_likelihood", -1.9, -2.0, -1.8),
    ("gaussianized", "first_log_likelihood_median", -1.6, -1.7, -1.5),
    ("gaussianized", "first_sliced_w2", 0.06, 0.05, 0.07),
    ("gaussianized", "map_log_likelihood", -1.9, -2.0, -1.8),
];

/// `SUMMARY` with other numbers of the baseline.
fn with(changes: &[(&'static str, f64)]) -> Vec<(&'static str, &'static str, f64, f64, f64)> {
    let changed = |row: &(&'static str, &'static str, f64, f64, f64)| {
        let new = changes.iter().find(|(metric, _)| row.0 == "baseline" && row.1 == *metric);
        new.map_or(*row, |(_, value)| (row.0, row.1, *value, value - 0.1, value + 0.1))
    };
    SUMMARY.iter().map(changed).collect()
}

/// Replicates that differ by 1 at the last step, and by nothing before.
fn spread_out(pipeline: &str, replicate: usize, step: usize) -> (f64, f64) {
    let level = if pipeline == "baseline" { -5.0 } else { -2.0 };
    let value = if step == 20 { level + replicate as f64 } else { level };
    (value, value + 0.5)
}

fn named(folder: &Path, name: &str) -> Figure {
    let all = figures(folder.to_str().unwrap());
    all.into_iter().find(|figure| figure.name == name).unwrap_or_else(|| panic!("no figure {name}"))
}

/// The abscissas, ordinates, and lower and upper ends of the line of that name.
fn line(panel: &Panel, name: &str) -> [Vec<f64>; 4] {
    let found = panel.marks.iter().find_map(|mark| match mark {
        Mark::Line { label, x, y, low, high, .. } if label == name => {
            Some([x.clone(), y.clone(), low.clone(), high.clone()])
        }
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no line {name}"))
}

/// The ordinates of the dots of single replicates, by their name.
fn replicates(panel: &Panel) -> BTreeMap<String, Vec<f64>> {
    let dots = panel.marks.iter().filter_map(|mark| match mark {
        Mark::Points { label, y, .. } => {
            Some((label.strip_suffix(", each replicate")?.to_string(), y.clone()))
        }
        _ => None,
    });
    dots.collect()
}

fn level(panel: &Panel) -> (f64, Option<(f64, f64)>) {
    let found = panel.marks.iter().find_map(|mark| match mark {
        Mark::Level { label, y, band, .. } if label == "real points" => Some((*y, *band)),
        _ => None,
    });
    found.expect("real points have a level")
}

#[test]
fn few_replicates_whose_values_are_not_known_have_no_interval_either() {
    // The summary alone of three replicates, and without any run.
    let all = figures("tests/figures/central_banana");
    let figure = all.into_iter().find(|figure| figure.name == "last_step").unwrap();
    let (mut means, mut levels) = (0, 0);
    for mark in figure.rows.iter().flat_map(|row| &row.panels).flat_map(|panel| &panel.marks) {
        match mark {
            Mark::Intervals { y, low, high, .. } => {
                assert_eq!((y, y), (low, high));
                means += 1;
            }
            Mark::Level { band, .. } => {
                assert_eq!(*band, None);
                levels += 1;
            }
            _ => {}
        }
    }
    assert!(means >= 8 && levels >= 4, "{means} {levels}");
    assert!(!figure.note.contains("95 %"), "{}", figure.note);
}

#[test]
fn five_replicates_have_an_interval_and_four_are_drawn_one_by_one() {
    let five = folder(5, SUMMARY, spread_out);
    let figure = named(five.path(), "log_likelihood");
    let panel = &figure.rows[0].panels[0];
    let [x, y, low, high] = line(panel, "baseline");
    assert_eq!((x, y), (vec![0.0, 10.0, 20.0], vec![-5.0, -5.0, -3.0]));
    // Five values a unit apart: standard error sqrt(2.5 / 5), t(0.975, 4) = 2.776445.
    let half = 2.776_445 * 0.5_f64.sqrt();
    assert!((low[2] + 3.0 + half).abs() < 1e-5 && (high[2] + 3.0 - half).abs() < 1e-5, "{low:?} {high:?}");
    assert!(replicates(panel).is_empty());
    assert_eq!(level(panel), (-1.8, Some((-1.85, -1.75))));
    assert!(figure.note.contains("Bands: 95 % intervals"), "{}", figure.note);

    let four = folder(4, SUMMARY, spread_out);
    let figure = named(four.path(), "log_likelihood");
    let panel = &figure.rows[0].panels[0];
    assert_eq!(line(panel, "baseline")[1..], [vec![-5.0, -5.0, -3.5], vec![], vec![]]);
    let dots = replicates(panel);
    assert_eq!(dots["baseline"], [-5.0, -4.0, -3.0, -2.0]);
    assert_eq!(dots["Gaussianized"], [-2.0, -1.0, 0.0, 1.0]);
    assert!(figure.note.contains("each replicate; fewer than 5"), "{}", figure.note);

    let one = folder(1, SUMMARY, spread_out);
    let panel = &named(one.path(), "log_likelihood").rows[0].panels[0];
    assert!(replicates(panel).is_empty() && line(panel, "baseline")[2].is_empty());
}

#[test]
fn the_map_alone_is_an_open_dot_at_step_0() {
    let tables = folder(5, SUMMARY, spread_out);
    let figure = named(tables.path(), "log_likelihood");
    for row in &figure.rows {
        let open: Vec<_> = row.panels[0]
            .marks
            .iter()
            .filter_map(|mark| match mark {
                Mark::Intervals { label, open: true, x, y, .. } => {
                    Some((label.as_str(), x.clone(), y.clone()))
                }
                _ => None,
            })
            .collect();
        // x_T of the baseline is noise, which is no map.
        assert_eq!(open, [("Gaussianized, the map alone (step 0)", vec![0.0], vec![-1.9])]);
        assert_eq!(line(&row.panels[0], "Gaussianized, the map alone (step 0)")[1], [-1.9, -1.9]);
    }
}

#[test]
fn the_median_is_drawn_where_a_few_samples_decide_the_mean() {
    let drawn = |changes: &[(&'static str, f64)]| {
        let tables = folder(5, &with(changes), spread_out);
        let figure = named(tables.path(), "log_likelihood");
        let panel = figure.rows[0].panels[0].clone();
        (panel.y.label.clone(), line(&panel, "baseline")[1].clone(), level(&panel).0, figure.note)
    };
    // Real points have a mean 0.3 nats below their median: 1.3 are the limit.
    let (label, y, real, note) = drawn(&[("log_likelihood", -3.5)]);
    assert_eq!((label.as_str(), y, real), ("median log-likelihood (nats)", vec![-4.5, -4.5, -2.5], -1.5));
    for word in [
        "median over samples is drawn, not the mean",
        "of baseline",
        "1.5 nats",
        "0.3 for real points",
        "1.0 %",
    ] {
        assert!(note.contains(word), "{word}: {note}");
    }
    let mean = ("mean log-likelihood (nats)", vec![-5.0, -5.0, -3.0], -1.8);
    // Not far enough, and not a few samples alone.
    for changes in [&[("log_likelihood", -3.2)][..], &[("log_likelihood", -3.5), ("off_support", 0.2)]] {
        let (label, y, real, note) = drawn(changes);
        assert_eq!((label.as_str(), y, real), mean);
        assert!(!note.contains("median"), "{note}");
    }
}

/// The dots with intervals of a panel: name, whether open, place, mean, ends.
fn dots(panel: &Panel) -> Vec<(String, bool, usize, f64, f64, f64)> {
    let dots = panel.marks.iter().filter_map(|mark| match mark {
        Mark::Intervals { label, open, x, y, low, high, .. } => {
            Some((label.clone(), *open, x[0].round() as usize, y[0], low[0], high[0]))
        }
        _ => None,
    });
    dots.collect()
}

#[test]
fn both_ends_show_what_diffusion_did_to_the_samples_of_each_map() {
    let tables = folder(5, SUMMARY, spread_out);
    let figure = named(tables.path(), "ends");
    let panels = &figure.rows[0].panels;
    assert_eq!((figure.rows.len(), panels.len()), (1, 2));
    assert_eq!([&*panels[0].title, &*panels[1].title], ["sliced W2", "mean log-likelihood"]);
    let (map, samples) = ("the map alone (step 0)", "the samples, after diffusion (last step)");
    let expected = |numbers: [[f64; 3]; 4]| {
        let labels = [(samples, false, 0), (map, true, 1), (samples, false, 1), ("real points", false, 2)];
        let rows = labels.into_iter().zip(numbers);
        rows.map(|((l, open, at), [y, low, high])| (l.to_string(), open, at, y, low, high))
            .collect::<Vec<_>>()
    };
    let distances = [[0.18, 0.16, 0.2], [0.06, 0.05, 0.07], [0.14, 0.12, 0.16], [0.05, 0.04, 0.06]];
    assert_eq!(dots(&panels[0]), expected(distances));
    let nats = [[-2.5, -2.6, -2.4], [-1.9, -2.0, -1.8], [-1.7, -1.72, -1.68], [-1.8, -1.85, -1.75]];
    assert_eq!(dots(&panels[1]), expected(nats));
    assert_eq!(level(&panels[0]), (0.05, Some((0.04, 0.06))));
    assert_eq!(panels[0].places().unwrap(), ["baseline", "Gaussianized", "real points"]);
    assert!(panels.iter().all(Panel::is_turned));
    let mut table = Vec::new();
    figure.to_csv(&mut table).unwrap();
    let table = String::from_utf8(table).unwrap();
    assert!(table.starts_with("panel,mark,series,x,y,low,high,value,place\n"), "{table}");
    assert!(
        table.contains("sliced W2,interval,the map alone (step 0),0.86,0.06,0.05,0.07,,Gaussianized\n"),
        "{table}"
    );
    is_readable(&figure, Theme::Light);
    is_readable(&figure, Theme::Dark);

    // Few replicates stand one by one, where the tables have them.
    let few = folder(3, SUMMARY, spread_out);
    let figure = named(few.path(), "ends");
    let panels = &figure.rows[0].panels;
    let each = replicates(&panels[1]);
    assert_eq!(each[&format!("baseline, {samples}")], [-5.0, -4.0, -3.0]);
    assert_eq!(each[&format!("Gaussianized, {map}")], [-2.0, -2.0, -2.0]);
    assert_eq!(dots(&panels[1])[0].4, -2.5, "an interval beside its replicates");
    assert_eq!(dots(&panels[0])[0].4, 0.18, "an interval of three replicates");

    // Without a map there is nothing to compare.
    let plain: Vec<_> = SUMMARY.iter().filter(|row| row.1 != "map_log_likelihood").copied().collect();
    let tables = folder(3, &plain, spread_out);
    assert!(figures(tables.path().to_str().unwrap()).iter().all(|figure| figure.name != "ends"));
}

/// A folder with the losses of one pipeline: `mse` and `optimal` by row.
fn losses(rows: usize, value: impl Fn(usize) -> (f64, Option<f64>)) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "run,pipeline,replicate,iteration,loss,mse,isotropy,optimal\n".to_string();
    for i in 1..=rows {
        let (mse, optimal) = value(i);
        let optimal = optimal.map_or(String::new(), |v| v.to_string());
        writeln!(table, "baseline-r0,baseline,0,{i},{},{mse},1.0,{optimal}", mse + 7.0).unwrap();
    }
    std::fs::write(folder.path().join("loss.csv"), table).unwrap();
    folder
}

#[test]
fn the_loss_is_the_excess_over_the_optimum_where_that_is_known() {
    // The optimum changes from batch to batch; the excess is 1 / iteration.
    let optimal = |i: usize| 0.2 + 0.1 * (i % 3) as f64;
    let short = losses(49, |i| (optimal(i) + 1.0 / i as f64, Some(optimal(i))));
    let figure = named(short.path(), "loss");
    let panel = &figure.rows[0].panels[0];
    assert_eq!((panel.y.label.as_str(), &panel.y.scale), ("mse \u{2212} optimal", &Scale::Log));
    let [x, y, ..] = line(panel, "baseline");
    assert_eq!(x.len(), 49);
    assert!(x.iter().zip(&y).all(|(x, y)| (x * y - 1.0).abs() < 1e-9), "smoothed: {y:?}");
    assert!(figure.note.starts_with("Mean over replicates, not smoothed."), "{}", figure.note);
    let drawn = gdiff::report::figures::draw::svg(&figure, Theme::Light);
    assert!(drawn.contains("mse \u{2212} optimal (log scale)"));

    // 50 rows are smoothed over two on each side; a value at 0 or below has no place on the axis, but counts.
    let long = losses(50, |i| (optimal(i) + if i == 25 { -0.1 } else { 0.1 }, Some(optimal(i))));
    let figure = named(long.path(), "loss");
    let panel = &figure.rows[0].panels[0];
    let [x, y, ..] = line(panel, "baseline");
    let at = |x: &[f64], iteration: f64| x.iter().position(|x| *x == iteration);
    assert!((y[at(&x, 25.0).unwrap()] - 0.06).abs() < 1e-9 && (y[at(&x, 10.0).unwrap()] - 0.1).abs() < 1e-9);
    let thin = panel.marks.iter().find_map(|mark| match mark {
        Mark::Line { stroke: Stroke::Thin, x, .. } => Some(x.clone()),
        _ => None,
    });
    let thin = thin.expect("the raw values are drawn");
    assert_eq!((thin.len(), at(&thin, 25.0)), (49, None));

    // Where no optimum is known the loss itself is drawn.
    let unknown = losses(10, |i| (i as f64, None));
    let panel = &named(unknown.path(), "loss").rows[0].panels[0];
    assert_eq!((panel.y.label.as_str(), line(panel, "baseline")[1][2]), ("training loss", 10.0));
}

#[test]
fn sweeps_are_compared_one_key_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut metrics =
        "run,pipeline,replicate,network.width,train.learning_rate,step,t,log_likelihood\n".to_string();
    let mut summary = "pipeline,network.width,train.learning_rate,metric,mean,interval_low,interval_high,replicates,difference,difference_low,difference_high\n".to_string();
    for pipeline in ["baseline", "gaussianized"] {
        for (w, width) in ["8", "16", "32", "64"].into_iter().enumerate() {
            for (l, rate) in ["0.001", "0.004", "0.016"].into_iter().enumerate() {
                let end = -3.0 + 0.01 * (10 * w + l) as f64;
                for step in STEPS {
                    let run = format!("{pipeline}-{w}{l}");
                    let value = if step == 20 { end } else { -9.0 };
                    writeln!(metrics, "{run},{pipeline},0,{width},{rate},{step},{},{value}", 20 - step)
                        .unwrap();
                }
                writeln!(summary, "{pipeline},{width},{rate},log_likelihood,{end},,,1,,,").unwrap();
            }
        }
    }
    std::fs::write(folder.path().join("metrics.csv"), metrics).unwrap();
    std::fs::write(folder.path().join("summary.csv"), summary).unwrap();
    let all = figures(folder.path().to_str().unwrap());
    let names: Vec<&str> = all.iter().map(|figure| figure.name.as_str()).collect();
    assert_eq!(names, ["log_likelihood", "last_step", "last_step_learning_rate"]);
    // Each figure is along one key.
    let along = |figure: &Figure| -> (Vec<String>, Vec<f64>) {
        let panel = &figure.rows[0].panels[0];
        let y = panel.marks.iter().find_map(|mark| match mark {
            Mark::Intervals { label, y, .. } if label.starts_with("baseline") => Some(y.clone()),
            _ => None,
        });
        (panel.places().unwrap().to_vec(), y.unwrap())
    };
    let (widths, rates) =
        (named(folder.path(), "last_step"), named(folder.path(), "last_step_learning_rate"));
    let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(along(&widths), (owned(&["8", "16", "32", "64"]), vec![-3.0, -2.9, -2.8, -2.7]));
    assert_eq!(along(&rates), (owned(&["0.001", "0.004", "0.016"]), vec![-3.0, -2.99, -2.98]));
    // Six series can be distinguished, eight not.
    assert!(!widths.note.contains("held") && rates.note.contains("held: width 8;"), "{}", rates.note);
    // The lines that are named differ from the first in one key.
    let panel = &named(folder.path(), "log_likelihood").rows[0].panels[0];
    let named: Vec<&str> = panel.marks.iter().filter_map(Mark::end_label).collect();
    let expected = ["8, learning_rate 0.001", "8, learning_rate 0.004", "8, learning_rate 0.016"];
    let expected = expected.into_iter().chain(["16", "32", "64"].map(|w| match w {
        "16" => "16, learning_rate 0.001",
        "32" => "32, learning_rate 0.001",
        _ => "64, learning_rate 0.001",
    }));
    assert_eq!(named, expected.map(|point| format!("width {point}")).collect::<Vec<_>>());
    for figure in &all {
        is_readable(figure, Theme::Light);
        is_readable(figure, Theme::Dark);
    }
}

#[test]
fn points_in_three_dimensions_are_shown_by_pairs_of_axes() {
    let folder = tempfile::tempdir().unwrap();
    let text = crate::common::TINY
        .replace("mean = [-1.0, 0.0]", "mean = [-1.0, 0.0, 2.0]")
        .replace("mean = [1.0, 0.5]", "mean = [1.0, 0.5, -2.0]");
    crate::common::spec(folder.path(), &text);
    crate::common::succeeded(&crate::common::run(folder.path(), &["run", "spec.toml", "--plot"]));
    let out = folder.path().join("results/tiny");
    assert!(out.join("figures/clouds_axes.svg").is_file() && out.join("figures/clouds.svg").is_file());
    let names = ["x0 and x1", "x0 and x2", "x1 and x2"];
    let clouds = named(&out, "clouds_axes");
    let titles: Vec<&str> = clouds.rows.iter().map(|row| row.title.as_str()).collect();
    assert_eq!(titles, ["baseline", "Gaussianized", "exact denoiser"]);
    let spheres = named(&out, "spheres");
    assert_eq!(spheres.rows.len(), 4, "real points and three pipelines");
    for row in clouds.rows.iter().chain(&spheres.rows) {
        assert_eq!(row.panels.iter().map(|panel| panel.title.as_str()).collect::<Vec<_>>(), names);
        for panel in &row.panels {
            assert_eq!(panel.title, format!("{} and {}", panel.x.label, panel.y.label));
        }
    }
    // The third coordinate of the samples is the ordinate of the second panel, and of the third.
    let ordinates = |panel: &Panel| match panel.marks.last() {
        Some(Mark::Points { y, .. }) => y.clone(),
        _ => panic!("no points"),
    };
    let panels = &clouds.rows[0].panels;
    assert!(ordinates(&panels[1]).iter().any(|y| *y > 1.0), "no point near the mode at 2");
    assert!(
        ordinates(&panels[0]).iter().all(|y| *y < ordinates(&panels[1]).iter().copied().fold(0.0, f64::max))
    );
    for figure in [&clouds, &spheres] {
        is_readable(figure, Theme::Light);
        is_readable(figure, Theme::Dark);
    }
}

#[test]
fn spheres_compare_the_ends_of_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let text = crate::common::TINY.replace("[\"baseline\", \"gaussianized\", \"exact\"]", "[\"baseline\"]");
    let sweep = "[sweep]\nseed = [7, 8]\n\"network.width\" = [4, 6, 8]\n";
    let text = text.replace("hidden = [8, 8]\n", "");
    crate::common::spec(folder.path(), &format!("{text}\n{sweep}"));
    crate::common::succeeded(&crate::common::run(
        folder.path(),
        &["run", "spec.toml", "--set", "train.iterations=5"],
    ));
    let out = folder.path().join("results/tiny");
    let spheres = named(&out, "spheres");
    let titles: Vec<&str> = spheres.rows[0].panels.iter().map(|panel| panel.title.as_str()).collect();
    // Other seeds have other real points.
    assert_eq!(titles, ["real points", "seed 7, width 4", "seed 7, width 8"]);
}

/// A table of precision, recall, density and coverage in a sweep of one key, with real points of density 1.3.
fn prdc_folder(key: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut metrics = format!("run,pipeline,replicate,{key},step,t,precision,recall,density,coverage\n");
    for pipeline in ["baseline", "gaussianized"] {
        for value in [1, 2, 3] {
            for step in STEPS {
                let (t, y) = (20 - step, 0.2 + 0.01 * (value * step) as f64);
                writeln!(metrics, "{pipeline}-{value}-r0,{pipeline},0,{value},{step},{t},{y},{y},{y},{y}")
                    .unwrap();
            }
        }
    }
    std::fs::write(folder.path().join("metrics.csv"), metrics).unwrap();
    let mut summary = format!("pipeline,{key},metric,mean,interval_low,interval_high,replicates\n");
    for value in [1, 2, 3] {
        for (metric, mean) in [("precision", 0.99), ("recall", 0.98), ("density", 1.3), ("coverage", 0.97)] {
            writeln!(summary, "data,{value},{metric},{mean},,,1").unwrap();
        }
    }
    std::fs::write(folder.path().join("summary.csv"), summary).unwrap();
    folder
}

#[test]
fn real_points_are_within_the_axes_of_precision_recall_density_and_coverage() {
    // Names of 10 letters leave room for four panels in a row, those of 30 for two.
    for (key, panels) in [("train.rate", 4), ("train.a_key_with_a_very_long_name", 2)] {
        let folder = prdc_folder(key);
        let all = figures(folder.path().to_str().unwrap());
        let figure = all.iter().find(|figure| figure.name == "prdc_steps").unwrap();
        assert!(figure.rows.iter().all(|row| row.panels.len() == panels), "{key}");
        assert_eq!(figure.rows.iter().map(|row| row.panels.len()).sum::<usize>(), 8);
        let mut levels = 0;
        for panel in figure.rows.iter().flat_map(|row| &row.panels) {
            for mark in &panel.marks {
                if let Mark::Level { y, .. } = mark {
                    assert!(
                        (panel.y.low..=panel.y.high).contains(y),
                        "{}: {y} of {:?}",
                        panel.title,
                        panel.y
                    );
                    levels += 1;
                }
            }
        }
        assert_eq!(levels, 8);
        is_readable(figure, Theme::Light);
    }
}
