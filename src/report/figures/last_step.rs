//! The metrics of the last step against a swept key, with intervals over replicates: precision, recall,
//! density and coverage against lambda (I 28) with the control (the plain network with its output scaled) and
//! the second paper's own values beside; or against whatever else a sweep varies first.

use super::captions::{pipeline_name, setting};
use super::model::{Axis, Figure, Form, Ink, Mark, Panel, PanelRow, Role, Scale};
use super::names::{point_name, short_keys, short_value};
use super::results::Results;
use crate::store::SummaryRow;

/// Table 1 of the second paper: data set, metric, DDPM, Iso-Diffusion.
const PAPER: &str = include_str!("../../../configs/iso/paper_table1.csv");

/// The key that goes before all others.
const LAMBDA: &str = "train.isotropy.lambda";

/// The key that makes a run a control.
const CONTROL: &str = "train.isotropy.control";

/// What is drawn, by its column.
const METRICS: [(&str, &str); 5] = [
    ("precision", "precision"),
    ("recall", "recall"),
    ("density", "density"),
    ("coverage", "coverage"),
    ("log_likelihood", "log-likelihood (nats)"),
];

/// Fraction of the distance between two positions over which the series at one of them are spread.
const SPREAD: f64 = 0.45;

/// More series than this cannot be distinguished.
const MOST_SERIES: usize = 6;

/// A key with more values than this is left to the curves of the other figures.
const MOST_PLACES: usize = 16;

/// Letters that there is room for along the axis of a panel, all values together; and letters that a line of a value has
/// at least.
const AXIS_LETTERS: usize = 64;
const FEWEST_LETTERS: usize = 6;

/// The abscissa: a swept key and its values.
struct Abscissa {
    /// Index of the key among the sweep's.
    key: usize,
    /// Index of the control's key.
    control: Option<usize>,
    /// The short form of the key.
    name: String,
    /// Its values, rising where they are numbers.
    values: Vec<String>,
}

/// One colour and sign: a pipeline with or without control at one point of the other keys.
struct Series<'a> {
    pipeline: &'a str,
    point: String,
    control: bool,
    rows: Vec<(usize, &'a SummaryRow)>,
}

/// The figure; none where nothing is swept.
pub fn last_step(results: &Results) -> Option<Figure> {
    let abscissa = abscissa(results)?;
    let paper = (results.keys[abscissa.key] == LAMBDA).then(|| paper_name(results)).flatten();
    let mut left_out = 0;
    let mut panels = Vec::new();
    for (metric, title) in METRICS {
        let mut series = series(results, metric, &abscissa);
        left_out = left_out.max(series.len().saturating_sub(MOST_SERIES));
        series.truncate(MOST_SERIES);
        panels.extend(panel(results, (metric, title), &series, &abscissa, paper.as_deref()));
    }
    if panels.is_empty() {
        return None;
    }
    let rows = panels.chunks(2).map(|pair| PanelRow {
        title: String::new(),
        role: Role::Data,
        form: Form::Ratio(0.6),
        panels: pair.to_vec(),
    });
    let mut note = "Dots: means over replicates; bars: their 95 % intervals.".to_string();
    if paper.is_some() {
        note += " Paper: Table 1 of Iso-Diffusion, at the lambda that served best, which it does not name.";
    }
    if left_out > 0 {
        note += &format!(" {left_out} more lines of the sweep are in summary.csv.");
    }
    let what = if results.keys[abscissa.key] == LAMBDA {
        "lambda, the weight of the isotropy term"
    } else {
        &abscissa.name
    };
    Some(Figure {
        name: "last_step".to_string(),
        title: format!("Metrics of the last step against {what}"),
        setting: setting(results),
        note,
        rows: rows.collect(),
    })
}

/// The key on the abscissa: lambda, or the first that takes several values.
fn abscissa(results: &Results) -> Option<Abscissa> {
    let control = results.keys.iter().position(|key| key == CONTROL);
    let mut order: Vec<usize> = (0..results.keys.len()).filter(|&k| Some(k) != control).collect();
    order.sort_by_key(|&k| results.keys[k] != LAMBDA);
    order.into_iter().find_map(|key| {
        let mut values: Vec<String> = Vec::new();
        for value in results.summary.iter().filter_map(|row| row.values.get(key)) {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        if values.iter().all(|v| v.is_empty() || v.parse::<f64>().is_ok()) {
            values.sort_by(|a, b| number(a).total_cmp(&number(b)));
        }
        let name = short_keys(&results.keys)[key].clone();
        (2..=MOST_PLACES).contains(&values.len()).then_some(Abscissa { key, control, name, values })
    })
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::INFINITY)
}

/// The name of the data set in the paper's table, where it is one of them.
fn paper_name(results: &Results) -> Option<String> {
    let kind = || {
        let table: toml::Table = results.spec.as_deref()?.parse().ok()?;
        Some(table.get("data")?.get("kind")?.as_str()?.to_string())
    };
    Some(kind().unwrap_or_else(|| results.name())).filter(|name| paper_value(name, "precision").is_some())
}

/// DDPM and Iso-Diffusion in the paper's table.
fn paper_value(data: &str, metric: &str) -> Option<(f64, f64)> {
    PAPER.lines().find_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        match cells.as_slice() {
            [name, measure, ddpm, iso] if *name == data && *measure == metric => {
                Some((ddpm.parse().ok()?, iso.parse().ok()?))
            }
            _ => None,
        }
    })
}

/// The rows of a metric by pipeline, control and the values of all other keys.
fn series<'a>(results: &'a Results, metric: &str, abscissa: &Abscissa) -> Vec<Series<'a>> {
    let others: Vec<usize> =
        (0..results.keys.len()).filter(|&k| k != abscissa.key && Some(k) != abscissa.control).collect();
    let keys: Vec<String> = others.iter().map(|&k| results.keys[k].clone()).collect();
    let mut list: Vec<Series> = Vec::new();
    for row in results.summary.iter().filter(|row| row.metric == metric && row.pipeline != "data") {
        let at = abscissa.values.iter().position(|name| Some(name) == row.values.get(abscissa.key));
        let Some(at) = at else { continue };
        let control = abscissa.control.and_then(|k| row.values.get(k)).is_some_and(|v| v == "true");
        let values: Vec<String> = others.iter().filter_map(|&k| row.values.get(k).cloned()).collect();
        let (pipeline, point) = (row.pipeline.as_str(), point_name(&keys, &values));
        let same = |s: &&mut Series| s.pipeline == pipeline && s.point == point && s.control == control;
        match list.iter_mut().find(same) {
            Some(series) => series.rows.push((at, row)),
            None => list.push(Series { pipeline, point, control, rows: vec![(at, row)] }),
        }
    }
    list
}

impl Series<'_> {
    /// What it is, for the figure's key.
    fn label(&self, abscissa: &Abscissa) -> String {
        let what = match (abscissa.control, self.control) {
            (None, _) => "",
            (_, true) => "control: output scaled",
            (_, false) => "lambda in the loss",
        };
        let parts = [pipeline_name(self.pipeline), &self.point, what];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }

    fn mark(&self, abscissa: &Abscissa, role: Role, shift: f64, strength: f64) -> Mark {
        let column = |value: fn(&SummaryRow) -> f64| -> Vec<f64> {
            self.rows.iter().map(|(_, row)| value(row)).collect()
        };
        Mark::Intervals {
            label: self.label(abscissa),
            ink: Ink { role, strength },
            open: self.control,
            x: self.rows.iter().map(|(at, _)| *at as f64 + shift).collect(),
            y: column(|row| row.numbers.mean),
            low: column(|row| row.numbers.interval_low.unwrap_or(row.numbers.mean)),
            high: column(|row| row.numbers.interval_high.unwrap_or(row.numbers.mean)),
        }
    }
}

/// A value below its position, in lines of at most `most` letters, which end at commas and slashes where they can.
fn tick_name(value: &str, most: usize) -> String {
    if value.is_empty() {
        return "as in\nthe spec".to_string();
    }
    let mut lines = vec![String::new()];
    for piece in short_value(value).split_inclusive([',', '/', ' ']) {
        for letter in piece.chars() {
            let line = lines.last().map_or(0, |line| line.chars().count());
            if line == most {
                lines.push(String::new());
            }
            lines.last_mut().expect("there is a first line").push(letter);
        }
        if lines.last().is_some_and(|line| 2 * line.chars().count() > most) {
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
}

fn panel(
    results: &Results,
    (metric, title): (&str, &str),
    series: &[Series],
    abscissa: &Abscissa,
    paper: Option<&str>,
) -> Option<Panel> {
    let mut marks = Vec::new();
    let mut points: Vec<&str> = Vec::new();
    for series in series {
        if !points.contains(&series.point.as_str()) {
            points.push(&series.point);
        }
    }
    let count = series.len() as f64;
    for (i, series) in series.iter().enumerate() {
        let shift = SPREAD * ((i as f64 + 0.5) / count - 0.5);
        let at = points.iter().position(|p| *p == series.point).unwrap_or(0);
        let strength = 1.0 - 0.6 * at as f64 / points.len() as f64;
        marks.push(series.mark(abscissa, results.role(series.pipeline), shift, strength));
    }
    if marks.is_empty() {
        return None;
    }
    let most = (AXIS_LETTERS / abscissa.values.len()).max(FEWEST_LETTERS);
    let mut names: Vec<String> = abscissa.values.iter().map(|value| tick_name(value, most)).collect();
    if let Some((ddpm, iso)) = paper.and_then(|data| paper_value(data, metric)) {
        let at = names.len() as f64;
        let y = vec![ddpm, iso];
        let (low, high) = (y.clone(), y.clone());
        let (label, ink) = ("the paper".to_string(), Role::Paper.into());
        marks.push(Mark::Intervals { label, ink, open: false, x: vec![at, at + 1.0], y, low, high });
        names.extend(["paper,\nDDPM".to_string(), "paper,\nIso".to_string()]);
    }
    let mut values: Vec<f64> = marks
        .iter()
        .flat_map(|mark| match mark {
            Mark::Intervals { low, high, .. } => low.iter().chain(high).copied().collect(),
            _ => Vec::new(),
        })
        .collect();
    if let Some(y) = results.data_level(metric) {
        values.push(y);
        marks.insert(0, Mark::Level { label: "real points".to_string(), ink: Role::Data.into(), y });
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let pad = 0.08 * (high - low).max(1e-3);
    let end = names.len() as f64 - 0.5;
    let x = Axis { label: abscissa.name.clone(), scale: Scale::Named(names), low: -0.5, high: end };
    Some(Panel {
        title: title.to_string(),
        x,
        y: Axis::linear("", low - pad, high + pad),
        colour: None,
        marks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_broken_into_lines() {
        assert_eq!(tick_name("0.0001", 6), "0.0001");
        assert_eq!(tick_name("[16, 16]", 32), "[16, 16]");
        assert_eq!(tick_name("[128, 128, 128]", 6), "[128,\n128,\n128]");
        assert_eq!(tick_name("", 6), "as in\nthe spec");
    }

    #[test]
    fn the_papers_table_is_read_whole() {
        for data in ["swiss_roll", "scattered_moon", "moon_two_circles", "central_banana"] {
            for metric in ["precision", "recall", "density", "coverage"] {
                assert!(paper_value(data, metric).is_some(), "{data} {metric}");
            }
        }
        assert_eq!(paper_value("swiss_roll", "density"), Some((0.8946, 0.9908)));
        assert_eq!(paper_value("gmm", "density"), None);
    }
}
