//! The part of `report.html` that looks inside the reverse process: what it holds beside the tables it is made of.

use crate::common::{TINY, csv, run, spec, succeeded, text};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// Everything that the part can show.
const DIAGNOSTICS: &str = "\n[diagnostics]\ncloning = true\nerror_over_t = true\n";

/// A finished run of a spec with its page.
fn finished(spec_text: &str) -> TempDir {
    let folder = tempdir().unwrap();
    spec(folder.path(), spec_text);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--plot", "--quiet"]));
    folder
}

fn page(folder: &TempDir) -> String {
    text(folder.path().join("out/report.html"))
}

/// The part as a reader sees it, without the scripts.
fn section(page: &str) -> &str {
    let begin = page.find("<section id=\"inside\">").expect("the page has the part");
    &page[begin..begin + page[begin..].find("</section>").unwrap()]
}

/// The sweep points that the page's script reads.
fn shown(page: &str) -> Vec<Value> {
    list(&data(page, "runs")).to_vec()
}

/// One of the parts of the data for the page's script.
fn data(page: &str, id: &str) -> Value {
    let begin = format!("<script type=\"application/json\" id=\"{id}\">");
    let data = &page[page.find(&begin).unwrap() + begin.len()..];
    serde_json::from_str(&data[..data.find("</script>").unwrap()]).unwrap()
}

/// Everywhere that the page leads to, but for its own parts.
fn addresses(page: &str) -> Vec<String> {
    let all = page.split("href=\"").skip(1).map(|rest| rest[..rest.find('"').unwrap()].to_string());
    all.filter(|address| !address.starts_with('#')).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// Abscissa and value of the rows of a table that have one, of a pipeline's first replicate.
fn rows(folder: &Path, file: &str, pipeline: &str, column: &str, place: &str) -> Vec<(usize, f64)> {
    let (header, rows) = csv(folder.join(file));
    let at = |name: &str| header.iter().position(|h| h == name).unwrap();
    let abscissa = if file == "error_over_t.csv" { at("t") } else { at("step") };
    let of = |row: &&Vec<String>| {
        row[at("pipeline")] == pipeline
            && row[at("replicate")] == "0"
            && (place.is_empty() || row[at("where")] == place)
            // The error is drawn where its optimum is not known, the excess over it where it is.
            && (column != "mse" || row[at("optimal")].is_empty())
    };
    let value = |row: &Vec<String>| Some((row[abscissa].parse().unwrap(), row[at(column)].parse().ok()?));
    rows.iter().filter(of).filter_map(value).collect()
}

/// Every curve at every stop of the slider has the value of the nearest row of its table. Gives the columns that were
/// looked at.
fn agrees_with_the_tables(folder: &Path, point: &Value) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for side in list(&point["sides"]) {
        let pipeline = side["pipeline"].as_str().unwrap();
        assert_eq!(list(&side["stops"]).len(), list(&point["stops"]).len(), "{pipeline}");
        assert_eq!(list(&side["curves"]).len(), list(&point["panels"]).len(), "{pipeline}");
        for (panel, curve) in list(&point["panels"]).iter().zip(list(&side["curves"])) {
            let (column, place) = (panel["column"].as_str().unwrap(), panel["place"].as_str().unwrap());
            let (file, over) = match column {
                "log_likelihood" | "log_likelihood_median" => ("metrics.csv", "step"),
                "excess" | "kl_share" | "mse" => ("error_over_t.csv", "t"),
                _ => ("bifurcation.csv", "step"),
            };
            assert_eq!(panel["over"], over);
            let known = rows(folder, file, pipeline, column, place);
            if curve.is_null() {
                // What is 0 has no place on a logarithmic axis.
                assert!(known.iter().all(|(_, value)| *value == 0.0), "{pipeline} {column}: {known:?}");
                continue;
            }
            assert!(list(&curve["x"]).len() <= 400);
            for (stop, at) in list(&side["stops"]).iter().zip(list(&curve["at"])) {
                let (x, y) = (number(&curve["x"][number(at)]), curve["y"][number(at)].as_f64().unwrap());
                let wanted = number(&stop[over]);
                let least = known.iter().map(|(x, _)| x.abs_diff(wanted)).min().unwrap();
                assert_eq!(x.abs_diff(wanted), least, "{pipeline} {column} {place} at {wanted}");
                let (_, value) = known.iter().find(|(row, _)| *row == x).unwrap();
                assert!((y - value).abs() <= 1e-6 * value.abs(), "{pipeline} {column} at {x}: {y}, {value}");
            }
            seen.insert(format!("{column} {place}").trim().to_string());
        }
    }
    seen
}

#[test]
fn the_part_inside_shows_the_rows_of_the_tables() {
    let folder = finished(&format!("{}{DIAGNOSTICS}", TINY.replace("steps = 12", "steps = 50")));
    let (out, page) = (folder.path().join("out"), page(&folder));
    let points = shown(&page);
    let [point] = points.as_slice() else { panic!("one sweep point") };
    let seen = agrees_with_the_tables(&out, point);
    let expected = [
        "clones_agree_normalized",
        "committed",
        "entropy",
        "excess noised",
        "excess path",
        "kl_share noised",
        "log_likelihood",
        "mse noised",
    ];
    assert_eq!(Vec::from_iter(&seen), expected);
    // A stop for each step, and a cloud of 200 points of 4 bytes for each stop.
    assert_eq!(list(&point["stops"]).len(), 51);
    for side in list(&point["sides"]) {
        assert_eq!(side["positions"].as_str().unwrap().len(), (51 * 200 * 4_usize).div_ceil(3) * 4);
        // Fixed lines at the steps of the summary, at the time that belongs to them.
        for guide in list(&side["guides"]) {
            let metric = if guide["name"] == "cloning" { "cloning_step" } else { "speciation_step" };
            let (header, rows) = csv(out.join("summary.csv"));
            let at = |name: &str| header.iter().position(|h| h == name).unwrap();
            let same = |row: &&Vec<String>| {
                row[at("pipeline")] == side["pipeline"].as_str().unwrap() && row[at("metric")] == metric
            };
            let mean: f64 = rows.iter().find(same).unwrap()[at("mean")].parse().unwrap();
            let (step, t) = (guide["step"].as_f64().unwrap(), guide["t"].as_f64().unwrap());
            assert!(
                (step - mean).abs() < 1e-9 && (step + t - 50.0).abs() < 1e-9,
                "{metric}: {step}, {t}, {mean}"
            );
        }
    }
    let guides: usize = list(&point["sides"]).iter().map(|side| list(&side["guides"]).len()).sum();
    assert!(guides > 0, "no fixed line was looked at");
    let words = section(&page);
    for part in ["<h2>Inside the reverse process</h2>", "id=\"step\" type=\"range\"", "id=\"sides\""] {
        assert!(words.contains(part), "the part has no {part}");
    }
    assert!(!words.contains("[diagnostics]"), "{words}");
}

#[test]
fn a_value_of_the_page_that_differs_from_the_tables_is_seen() {
    let folder = finished(TINY);
    let mut points = shown(&page(&folder));
    points[0]["sides"][0]["curves"][0]["y"][3] = Value::from(-1.0);
    let out = folder.path().join("out");
    assert!(std::panic::catch_unwind(|| agrees_with_the_tables(&out, &points[0])).is_err());
}

#[test]
fn without_diagnostics_the_part_says_which_keys_add_them() {
    let folder = finished(TINY);
    let page = page(&folder);
    let points = shown(&page);
    let seen = agrees_with_the_tables(&folder.path().join("out"), &points[0]);
    assert_eq!(Vec::from_iter(&seen), ["log_likelihood"]);
    let words = section(&page);
    for key in ["cloning", "error_over_t"] {
        let sentence =
            format!("are not measured here; <code>[diagnostics] {key} = true</code> in the spec adds them.");
        assert!(words.contains(&sentence), "{words}");
    }
}

/// A space alone has no reverse step, a late start fewer than the others: each stands where it is at the slider's time.
#[test]
fn pipelines_of_unequal_length_share_a_slider() {
    let own = "\n[pipeline.alone]\nspace = [\"scale\", \"gaussianize\"]\ndenoiser = \"none\"\n";
    let late = TINY
        .replace("\"exact\"", "\"exact\", \"whitened\", \"alone\"")
        .replace("steps = 12", "steps = 50")
        .replace("count = 200", "count = 200\nstart = \"late\"");
    let folder = finished(&format!("{late}{own}{DIAGNOSTICS}"));
    let page = page(&folder);
    let points = shown(&page);
    agrees_with_the_tables(&folder.path().join("out"), &points[0]);
    let mut lengths = BTreeSet::new();
    for side in list(&points[0]["sides"]) {
        let stops = list(&side["stops"]);
        let positions = side["positions"].as_str().unwrap().len();
        let clouds = 1 + number(list(&side["clouds"]).last().unwrap());
        assert_eq!(positions, (clouds * 200 * 4).div_ceil(3) * 4, "{}", side["name"]);
        for (own, slider) in stops.iter().zip(list(&points[0]["stops"])) {
            let (own_t, t) = (number(&own["t"]), number(&slider["t"]));
            let waits = own["step"] == 0 && own_t <= t;
            assert!(own_t == t || waits || side["pipeline"] == "alone", "{}: {own_t} at {t}", side["name"]);
        }
        lengths.insert(number(&stops.last().unwrap()["step"]));
    }
    assert!(lengths.len() > 2 && lengths.contains(&0), "{lengths:?}");
    assert!(section(&page).contains("A pipeline with a later start stands at its first step until"));
}

#[test]
fn points_on_a_line_have_curves_and_no_cloud() {
    let line = TINY.replace("[-1.0, 0.0]", "[-1.0]").replace("[1.0, 0.5]", "[1.0]");
    let folder = finished(&format!("{line}{DIAGNOSTICS}"));
    let page = page(&folder);
    let points = shown(&page);
    assert!(agrees_with_the_tables(&folder.path().join("out"), &points[0]).contains("committed"));
    assert!(list(&points[0]["sides"]).iter().all(|side| side["positions"] == ""));
    assert!(section(&page).contains("Points in one dimension have no cloud."));
}

#[test]
fn data_without_modes_are_not_promised_any() {
    let data = &TINY[TINY.find("[data]").unwrap()..TINY.find("[diffusion]").unwrap()];
    let moons = "[data]\nkind = \"two_moons\"\nsamples = 300\n";
    let without_exact = TINY.replace(", \"exact\"", "").replace(data, moons);
    let folder = finished(&without_exact);
    let page = page(&folder);
    let words = section(&page);
    assert!(words.contains("of the modes of a mixture of Gaussians, which these data are not."), "{words}");
    assert!(!words.contains("cloning = true") && words.contains("error_over_t = true"), "{words}");
}

/// Tables alone make curves; more rows than a curve may have are thinned, those of the stops kept.
#[test]
fn tables_without_runs_have_curves_of_at_most_400_points() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let mut metrics = "run,pipeline,replicate,step,t,log_likelihood\n".to_string();
    for step in 0..=2000 {
        let value = -10.0 * (-f64::from(step) / 700.0).exp() - 2.0 + 0.1 * f64::from(step % 7);
        writeln!(metrics, "baseline-r0,baseline,0,{step},{},{value}", 2000 - step).unwrap();
    }
    std::fs::write(out.join("metrics.csv"), metrics).unwrap();
    succeeded(&run(folder.path(), &["plot", "out"]));
    let page = page(&folder);
    let points = shown(&page);
    agrees_with_the_tables(&out, &points[0]);
    let side = &points[0]["sides"][0];
    let curve = &side["curves"][0];
    assert_eq!((list(&side["stops"]).len(), list(&curve["x"]).len() > 300), (101, true));
    for (stop, at) in list(&side["stops"]).iter().zip(list(&curve["at"])) {
        assert_eq!(stop["step"], curve["x"][number(at)]);
    }
    assert!(section(&page).contains("A cloud is missing where its run is not here to be sampled again."));
}

/// A sweep with replicates, the numbers of whose figures the page has.
fn swept() -> String {
    format!("replicates = 2\n{}\n[sweep]\n\"network.time_dim\" = [2, 4]\n", TINY)
}

/// Every number that a tooltip can show stands in the CSV of its figure. Gives how many there are of each figure.
fn numbers_agree_with_the_figures(out: &Path, plots: &Value) -> Vec<(String, usize)> {
    let floats = |number: &Value| -> Vec<f32> {
        let Some(number) = number.as_u64() else { return Vec::new() };
        let bytes = STANDARD.decode(plots["numbers"][number as usize].as_str().unwrap()).unwrap();
        bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
    };
    let mut counts = Vec::new();
    for figure in list(&plots["figures"]) {
        let name = figure["name"].as_str().unwrap();
        let (header, rows) = csv(out.join(format!("figures/{name}.csv")));
        let at = |column: &str| header.iter().position(|h| h == column).unwrap();
        let columns = ["x", "y", "low", "high"].map(at);
        let single = |text: &String| text.parse::<f64>().ok().map(|v| (v as f32).to_bits());
        let known: BTreeSet<[Option<u32>; 4]> =
            rows.iter().map(|row| columns.map(|column| single(&row[column]))).collect();
        let mut count = 0;
        for mark in list(&figure["panels"]).iter().flat_map(|panel| list(&panel["marks"])) {
            let lists = list(&mark["lists"]).iter().map(floats).collect::<Vec<_>>();
            let [x, y, low, high] = lists.as_slice() else { continue };
            for i in 0..x.len() {
                let mut numbers = [x, y, low, high].map(|list| list.get(i).map(|v| v.to_bits()));
                // A mean without an interval has no ends in the table.
                if numbers[2] == numbers[3] && !known.contains(&numbers) {
                    (numbers[2], numbers[3]) = (None, None);
                }
                assert!(known.contains(&numbers), "{name}: {} {}", x[i], y[i]);
                count += 1;
            }
            let origins = list(&mark["of"]).len();
            assert!(origins <= 1 || origins == x.len(), "{name}: {origins} origins of {} points", x.len());
            assert!(mark["series"].as_u64().unwrap() < list(&figure["series"]).len() as u64, "{name}");
        }
        counts.push((name.to_string(), count));
    }
    counts
}

#[test]
fn tooltips_have_the_numbers_of_the_figures() {
    let folder = finished(&swept());
    let (out, page) = (folder.path().join("out"), page(&folder));
    let plots = data(&page, "plots");
    let counts = numbers_agree_with_the_figures(&out, &plots);
    for name in ["log_likelihood", "ends", "loss", "prdc_steps", "last_step", "isotropy"] {
        assert!(counts.iter().any(|(figure, count)| figure == name && *count > 10), "{name}: {counts:?}");
    }
    // Clouds are pictures; single points of them cannot be pointed at.
    assert!(counts.iter().any(|(figure, count)| figure.starts_with("clouds") && *count == 0), "{counts:?}");
    // A number that differs is seen.
    let mut wrong = plots.clone();
    wrong["numbers"][1] = Value::from(STANDARD.encode([7_u8; 400]));
    assert!(std::panic::catch_unwind(|| numbers_agree_with_the_figures(&out, &wrong)).is_err());
}

#[test]
fn parts_of_the_page_know_their_pipeline_and_sweep_point() {
    let folder = finished(&swept());
    let page = page(&folder);
    let study = data(&page, "study");
    assert_eq!(study["keys"], serde_json::json!([{ "name": "time_dim", "values": ["2", "4"] }]));
    assert_eq!(study["points"], serde_json::json!([[0], [1]]));
    let names: Vec<&str> = list(&study["pipelines"]).iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["baseline", "Gaussianized", "exact denoiser"]);
    // The rows of the summary: number, and the cells that say what it stands for.
    let mut kinds = BTreeSet::new();
    for row in page.split("<tr").filter(|row| row.contains("data-of=")) {
        let number: usize =
            row.split("data-of=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap();
        let cell =
            |i: usize| row.split("<td").nth(i).unwrap().split('>').nth(1).unwrap().split('<').next().unwrap();
        if row.contains("href=") {
            continue;
        }
        let name = names.get(number % 4).copied().unwrap_or("real points");
        assert!(cell(1).starts_with(name), "{row}");
        assert_eq!(cell(2), ["2", "4"][number / 4], "{row}");
        kinds.insert((name, row.contains("data-point")));
    }
    assert!(kinds.contains(&("Gaussianized", false)) && kinds.contains(&("Gaussianized", true)), "{kinds:?}");
    // Both points have the same real points, which stay whatever is chosen.
    assert!(page.contains("<tr class=\"data\"><td class=\"words\">real points"));
    assert!(kinds.iter().all(|(name, _)| *name != "real points"), "{kinds:?}");
    // The curves of a figure have each of the six results once; what all share has none.
    let plots = data(&page, "plots");
    let loss = list(&plots["figures"]).iter().find(|figure| figure["name"] == "loss").unwrap();
    let of: BTreeSet<usize> = list(&loss["panels"])
        .iter()
        .flat_map(|panel| list(&panel["marks"]))
        .flat_map(|mark| list(&mark["of"]))
        .map(number)
        .collect();
    assert_eq!(Vec::from_iter(of), [0, 1, 4, 5]);
    let last = list(&plots["figures"]).iter().find(|figure| figure["name"] == "last_step").unwrap();
    let means = list(&last["panels"][0]["marks"]).iter().filter(|mark| list(&mark["of"]).len() == 2);
    assert_eq!(means.count(), 3, "each pipeline has a mean at both points");
}

#[test]
fn every_link_of_the_page_leads_to_something_that_is_there() {
    let folder = finished(&swept());
    let out = folder.path().join("out");
    let found = addresses(&page(&folder));
    for address in &found {
        assert!(out.join(address).exists(), "{address} is not there");
    }
    for address in ["figures/loss.svg", "figures/loss.png", "figures/loss.csv", "summary.csv", "spec.toml"] {
        assert!(found.iter().any(|other| other == address), "{address}: {found:?}");
    }
    assert_eq!(found.iter().filter(|address| address.starts_with("runs/")).count(), 12);
}

#[test]
fn clouds_have_axes_with_names_and_ticks() {
    let folder = finished(TINY);
    let points = shown(&page(&folder));
    let axes = list(&points[0]["axes"]);
    assert_eq!(axes.len(), 2);
    for (axis, name) in axes.iter().zip(["x0", "x1"]) {
        assert_eq!(axis["label"], name);
        let ends = ["low", "high"].map(|end| axis[end].as_f64().unwrap());
        let ticks = list(&axis["ticks"]);
        assert!(ticks.len() >= 2, "{axis}");
        for tick in ticks {
            let (value, label) =
                (tick[0].as_f64().unwrap(), tick[1].as_str().unwrap().replace('\u{2212}', "-"));
            assert!((ends[0]..=ends[1]).contains(&value) && label.parse::<f64>().unwrap() == value, "{tick}");
        }
    }
}
