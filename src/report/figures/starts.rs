//! How good the samples are, against the step at which a late start began; and how many steps it saves at no loss.

use super::along::{self, Series, dot, series_name, spread_note};
use super::captions::setting;
use super::model::{Axis, Figure, Form, Mark, PanelRow, Role};
use super::results::Results;
use super::spread::Spread;
use super::statistic::Statistic;
use crate::numeric::intervals::paired_difference;
use crate::report::comparison::{Comparison, Line};
use crate::study::run_values::START_STEP;

/// The key that the start depends on.
const KEY: &str = "sample.start_step";

/// The value that finds the step itself.
const AUTO: &str = "auto";

/// The metric in which nothing may be lost.
const LOSS_IN: &str = "sliced_w2";

/// The figure; none where `sample.start_step` is not swept over two steps.
pub fn starts(results: &Results) -> Option<Figure> {
    if !results.keys.iter().any(|key| key == KEY) {
        return None;
    }
    let statistic = Statistic::of(results);
    let comparison = Comparison::new(&results.summary);
    let fixed = along::series(results, START_STEP, KEY, &|value| value != AUTO);
    let found = along::series(results, START_STEP, KEY, &|value| value == AUTO);
    let mut groups: Vec<&str> = Vec::new();
    for series in fixed.iter().filter(|series| series.points.len() > 1) {
        if !groups.contains(&series.group.as_str()) {
            groups.push(&series.group);
        }
    }
    let last = fixed.iter().flat_map(|s| &s.points).fold(0.0, |most: f64, (t, _)| most.max(*t));
    if groups.is_empty() {
        return None;
    }
    let x = Axis::linear("start step t", -0.02 * last, 1.02 * last);
    let marks = |group: &str, metric: &str| -> Vec<Mark> {
        let mut marks = Vec::new();
        for series in fixed.iter().filter(|series| series.group == group) {
            marks.extend(along::marks(results, &comparison, series, metric, series_name(series.pipeline)));
        }
        for series in found.iter().filter(|series| series.group == group) {
            let label = format!("{}, automatic", series_name(series.pipeline));
            for (t, values) in &series.points {
                let row =
                    results.summary.iter().find(|r| r.pipeline == series.pipeline && r.values == **values);
                let Some(row) = row else { continue };
                let line = Line::Pipeline(&row.pipeline, &row.values);
                if let Some(spread) = Spread::of(results, &comparison, line, metric) {
                    marks.extend(dot(&spread, results.role(series.pipeline).into(), &label, true, *t));
                }
            }
        }
        marks
    };
    let metrics = along::metrics(&statistic);
    let mut columns: Vec<_> = metrics
        .iter()
        .map(|metric| {
            let lists = groups.iter().map(|group| (group.to_string(), marks(group, metric))).collect();
            along::panels(results, &statistic, metric, &x, lists).into_iter()
        })
        .collect();
    let rows: Vec<PanelRow> = groups
        .iter()
        .map(|_| PanelRow {
            title: String::new(),
            role: Role::Data,
            form: Form::Ratio(0.8),
            panels: columns.iter_mut().filter_map(Iterator::next).collect(),
        })
        .collect();
    let drawn: Vec<Mark> = rows.iter().flat_map(|row| &row.panels).flat_map(|p| p.marks.clone()).collect();
    let note = format!(
        "{}Level: fresh real points, the floor. Open: the automatic start. {} {}",
        statistic.why,
        spread_note(&drawn),
        saved_note(results, &fixed, last)
    );
    Some(Figure {
        name: "starts".to_string(),
        title: "Quality of the samples against the step of a late start".to_string(),
        setting: setting(results),
        note: note.trim_end().to_string(),
        rows,
    })
}

/// For each pipeline the earliest start step from which on the loss against the latest stays within the width of the floor.
fn saved_note(results: &Results, fixed: &[Series], last: f64) -> String {
    let Some((low, high)) = Spread::of_real_points(results, LOSS_IN).and_then(|real| real.interval) else {
        return String::new();
    };
    let width = high - low;
    let mut parts = Vec::new();
    for series in fixed.iter().filter(|series| series.points.last().is_some_and(|(t, _)| *t == last)) {
        let (_, whole) = series.points[series.points.len() - 1];
        let whole = replicates(results, series.pipeline, whole);
        let mut earliest = last;
        for (t, values) in series.points.iter().rev() {
            let own = replicates(results, series.pipeline, values);
            let pairs: Vec<(f64, f64)> = own
                .iter()
                .filter_map(|(r, v)| Some((*v, whole.iter().find(|(other, _)| other == r)?.1)))
                .collect();
            let (own, whole): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let most = paired_difference(&own, &whole).and_then(|i| Some(i.mean + i.half_width?));
            if !most.is_some_and(|most| most <= width) {
                break;
            }
            earliest = *t;
        }
        let group = if series.group.is_empty() { String::new() } else { format!(" ({})", series.group) };
        parts.push(format!("{}{group} {}", series_name(series.pipeline), last - earliest));
    }
    format!(
        "Steps saved at no loss of sliced W2, that is with the upper end of the paired 95 % interval of what is lost below the width of the floor's interval, {width:.4}: {}.",
        parts.join(", ")
    )
}

/// The last step's value of each replicate of a pipeline at a sweep point.
fn replicates(results: &Results, pipeline: &str, values: &[String]) -> Vec<(usize, f64)> {
    let runs =
        results.metrics.iter().filter(|run| run.label.pipeline == pipeline && run.label.values == values);
    runs.filter_map(|run| Some((run.label.replicate, run.rows.last()?.get(LOSS_IN)?))).collect()
}
