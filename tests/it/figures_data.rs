//! What figures show: the numbers behind them, on committed tables. Pictures are not compared, but no text
//! in one may touch another or leave the picture.

use gdiff::data::mixture::GaussianMixture;
use gdiff::report::figures::contours::contours;
use gdiff::report::figures::draw::{FONT_REGULAR, FONT_SEMI_BOLD, Theme, png, svg};
use gdiff::report::figures::model::Mark;
use gdiff::report::figures::{self, Figure, Results};
use ndarray::{Array1, Array2};
use resvg::usvg;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

/// Two hidden layouts, two replicates, three pipelines: made by `gdiff run` on `tests/figures/study/spec.toml`.
const STUDY: &str = "tests/figures/study";

/// The committed summary of a sweep over lambda, alone.
const LAMBDA: &str = "tests/figures/central_banana";

pub fn figures(folder: &str) -> Vec<Figure> {
    figures::all(&mut Results::read(Path::new(folder)).unwrap())
}

fn figure(folder: &str, name: &str) -> Figure {
    let all = figures(folder);
    all.into_iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{folder} has no figure {name}"))
}

/// Four digits are what a reader can see.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(n) => n.as_f64().map_or(Value::Number(n), |v| {
            let text = format!("{v:.3e}");
            serde_json::json!(text.parse::<f64>().unwrap())
        }),
        Value::Array(list) => Value::Array(list.into_iter().map(rounded).collect()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, rounded(v))).collect()),
        other => other,
    }
}

/// Compares a figure's data with `tests/figures/NAME.json`; `UPDATE_FIGURES=1 cargo test` writes it anew.
fn snapshot(folder: &str, name: &str) {
    let value = rounded(serde_json::to_value(figure(folder, name)).unwrap());
    // One mark a line, so that a change is seen where it is.
    let found = serde_json::to_string(&value).unwrap();
    let found = found.replace("\"marks\"", "\n\"marks\"").replace("{\"high\"", "\n{\"high\"") + "\n";
    let path = format!("tests/figures/{name}.json");
    if std::env::var_os("UPDATE_FIGURES").is_some() {
        std::fs::write(&path, found).unwrap();
        return;
    }
    let expected = crate::common::text(&path);
    for (line, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{path}, line {}", line + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{path}");
}

#[test]
fn log_likelihood_at_every_step() {
    snapshot(STUDY, "log_likelihood");
}

#[test]
fn training_loss() {
    snapshot(STUDY, "loss");
}

#[test]
fn prdc_at_every_step() {
    snapshot(STUDY, "prdc_steps");
}

#[test]
fn metrics_of_the_last_step_beside_the_papers() {
    snapshot(LAMBDA, "last_step");
}

#[test]
fn isotropy_along_the_forward_process() {
    snapshot(STUDY, "isotropy");
}

#[test]
fn a_folder_with_tables_alone_has_figures_of_tables_alone() {
    let names: Vec<String> = figures(STUDY).into_iter().map(|f| f.name).collect();
    assert_eq!(names, ["log_likelihood", "ends", "loss", "prdc_steps", "last_step", "isotropy"]);
}

#[test]
fn contours_hold_the_fraction_of_the_mixture_that_they_say() {
    let standard = GaussianMixture::new(&[1.0], &[Array1::zeros(2)], &[Array2::eye(2)]).unwrap();
    let Some(Mark::Contours { lines, .. }) = contours(&standard, (-4.0, 4.0), (-4.0, 4.0)) else {
        panic!("a mixture in two dimensions has contours")
    };
    // P(|z| < r) = 1 - exp(-r^2 / 2) in two dimensions.
    let mut radii: Vec<f64> = lines.iter().map(|line| line[0][0].hypot(line[0][1])).collect();
    radii.sort_by(f64::total_cmp);
    let expected = [0.5, 0.9, 0.99].map(|fraction: f64| (-2.0 * (1.0 - fraction).ln()).sqrt());
    assert_eq!(radii.len(), 3);
    for (radius, expected) in radii.iter().zip(expected) {
        assert!((radius / expected - 1.0).abs() < 0.05, "{radius} for {expected}");
    }
    let three = GaussianMixture::new(&[1.0], &[Array1::zeros(3)], &[Array2::eye(3)]).unwrap();
    assert!(contours(&three, (-4.0, 4.0), (-4.0, 4.0)).is_none());
}

/// Every text of a picture with its box.
fn texts(group: &usvg::Group, found: &mut Vec<(String, usvg::Rect)>) {
    for node in group.children() {
        match node {
            usvg::Node::Group(group) => texts(group, found),
            usvg::Node::Text(text) => {
                let words = text.chunks().iter().map(usvg::TextChunk::text).collect::<String>();
                found.push((words, text.abs_bounding_box()));
            }
            _ => {}
        }
    }
}

/// No text touches another or leaves the picture.
pub fn is_readable(figure: &Figure, theme: Theme) {
    let drawn = svg(figure, theme);
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(FONT_REGULAR.to_vec());
    fonts.load_font_data(FONT_SEMI_BOLD.to_vec());
    let options = usvg::Options { fontdb: Arc::new(fonts), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(&drawn, &options).unwrap();
    let mut found = Vec::new();
    texts(tree.root(), &mut found);
    assert!(found.len() > 5, "{}: {} texts", figure.name, found.len());
    let (width, height) = (tree.size().width(), tree.size().height());
    for (i, (words, area)) in found.iter().enumerate() {
        let inside =
            area.left() >= 0.0 && area.top() >= 0.0 && area.right() <= width && area.bottom() <= height;
        assert!(inside, "{}: `{words}` leaves the picture: {area:?}", figure.name);
        for (other, place) in &found[..i] {
            let apart = area.left() >= place.right()
                || place.left() >= area.right()
                || area.top() >= place.bottom()
                || place.top() >= area.bottom();
            assert!(apart, "{}: `{words}` touches `{other}`: {area:?}, {place:?}", figure.name);
        }
    }
}

#[test]
fn no_text_touches_another_or_leaves_the_picture() {
    for folder in [STUDY, LAMBDA, "results/iso/swiss_roll", "results/claims/ring8", "results/claims/sixteen"]
    {
        for figure in figures(folder) {
            is_readable(&figure, Theme::Light);
            is_readable(&figure, Theme::Dark);
        }
    }
}

/// The colours and names of a figure's lines and clouds.
fn colours(figure: &Figure) -> Vec<(String, String)> {
    let marks = figure.rows.iter().flat_map(|row| &row.panels).flat_map(|panel| &panel.marks);
    let mut found: Vec<(String, String)> = Vec::new();
    for mark in marks {
        if let Mark::Line { label, ink, .. } | Mark::Points { label, ink, .. } = mark {
            let entry = (label.clone(), Theme::Light.colour(ink.role.into()));
            if !label.contains(", ") && !found.contains(&entry) {
                found.push(entry);
            }
        }
    }
    found
}

#[test]
fn every_pipeline_has_one_colour_and_its_name_in_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    let text = crate::common::TINY.replace(
        "pipelines = [\"baseline\", \"gaussianized\", \"exact\"]",
        "pipelines = [\"exact\", \"mine\", \"whitened\", \"narrow\", \"gaussianized\", \"baseline\"]",
    );
    let own = "[pipeline.mine]\nspace = [\"standardize\"]\n[pipeline.narrow]\nspace = [\"scale\", { gaussianize = { layers = 2 } }]\n";
    crate::common::spec(folder.path(), &format!("{text}\n{own}"));
    crate::common::succeeded(&crate::common::run(folder.path(), &["run", "spec.toml", "--plot"]));
    let out = folder.path().join("results/tiny");
    let all = figures(out.to_str().unwrap());
    let named = |name: &str| all.iter().find(|figure| figure.name == name).unwrap();
    let names = ["exact denoiser", "mine", "whitened", "narrow", "Gaussianized", "baseline"];
    let clouds = named("clouds");
    assert_eq!(clouds.rows.iter().map(|row| row.title.as_str()).collect::<Vec<_>>(), names);
    let known = colours(clouds);
    let different: std::collections::HashSet<&String> = known.iter().map(|(_, colour)| colour).collect();
    assert_eq!((known.len(), different.len()), (names.len(), names.len()), "{known:?}");
    for figure in ["log_likelihood", "loss", "prdc_steps", "isotropy"] {
        for (name, colour) in colours(named(figure)) {
            let same =
                known.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{figure}: {name}"));
            assert_eq!(same.1, colour, "{figure}: {name}");
        }
    }
    let page = crate::common::text(out.join("report.html"));
    for colour in ["own0", "own1", "whitened"] {
        assert!(page.contains(&format!("\"colour\":\"{colour}\"")), "the animation has no {colour}");
    }
    for figure in &all {
        is_readable(figure, Theme::Light);
        is_readable(figure, Theme::Dark);
    }
}

#[test]
fn ticks_of_timestamps_differ() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..800)
        .map(|i| {
            format!(
                "{},{}\n",
                1_700_000_000.0 + f64::from((i * 37) % 801 - 400) * 25.3,
                f64::from((i * 53) % 797) * 1e-7
            )
        })
        .collect();
    let table = folder.path().join("t.csv");
    std::fs::write(&table, format!("unix_s,metres\n{rows}")).unwrap();
    let data = format!("[data]\nkind = \"table\"\npath = {table:?}\nscale = \"standardize\"\n");
    let rest = "[diffusion]\nsteps = 10\n[train]\niterations = 20\n[sample]\ncount = 150\n[metrics]\nreference = 150\n";
    let spec = format!("name = \"times\"\npipelines = [\"baseline\"]\n{data}{rest}");
    crate::common::spec(folder.path(), &spec);
    crate::common::succeeded(&crate::common::run(folder.path(), &["run", "spec.toml"]));
    let all = figures(folder.path().join("results/times").to_str().unwrap());
    for figure in &all {
        is_readable(figure, Theme::Light);
    }
    let clouds = svg(all.iter().find(|figure| figure.name == "clouds").unwrap(), Theme::Light);
    assert!(clouds.contains("+ 1.7e9</text>"), "the offset is not written");
    assert!(!clouds.contains(">2e9</text>"));
}

#[test]
fn a_text_that_touches_another_is_seen() {
    let mut crowded = figure(STUDY, "loss");
    crowded.rows[0].panels[0].x.label =
        "a name of an axis that is far too long for the picture it stands in ".repeat(4);
    let seen = std::panic::catch_unwind(|| is_readable(&crowded, Theme::Light));
    assert!(seen.is_err());
}

#[test]
fn names_with_signs_of_xml_are_drawn_as_they_are() {
    let mut figure = figure(STUDY, "loss");
    figure.title = "a < b & \"c\" > 'd' \u{1} \u{3b1}".to_string();
    let drawn = svg(&figure, Theme::Page);
    assert!(drawn.contains("a &lt; b &amp; &quot;c&quot; &gt; &#39;d&#39; \u{fffd} \u{3b1}"));
    assert!(png(&svg(&figure, Theme::Light)).unwrap().starts_with(b"\x89PNG"));
}
