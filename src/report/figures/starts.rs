//! How good the samples are, against the step at which a late start began; and how many steps it saves at no loss.

use super::along::{self, Draft, Series, spread_note};
use super::captions::{pipeline_name, setting};
use super::model::{Axis, Figure, Form};
use super::results::Results;
use super::spread::Spread;
use crate::numeric::intervals::paired_difference;
use crate::study::paired::paired;
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
    let draft = Draft::new(results);
    let fixed = along::series(results, START_STEP, KEY, &|value| value != AUTO);
    let found = along::series(results, START_STEP, KEY, &|value| value == AUTO);
    let groups = along::groups(&fixed);
    if groups.is_empty() {
        return None;
    }
    let last = fixed.iter().flat_map(|s| &s.points).fold(0.0, |most: f64, (t, _)| most.max(*t));
    let x = Axis::linear("start step t", -0.02 * last, 1.02 * last);
    let rows = draft.rows(&groups, &x, Form::Ratio(0.8), |group, metric| {
        let of_group = |series: &&Series| series.group == group;
        let curves = fixed.iter().filter(of_group).flat_map(|series| draft.curve(series, metric));
        let automatic = found.iter().filter(of_group).flat_map(|series| {
            let label = format!("{}, automatic", pipeline_name(series.pipeline));
            draft.dots(series, metric, &label, true)
        });
        curves.chain(automatic).collect()
    });
    let note = format!(
        "{}Level: fresh real points, the floor. Open: the automatic start. {} {}",
        draft.statistic.why,
        spread_note(&rows),
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
            let value = |(_, value): &(usize, f64)| Some(*value);
            let (own, whole) = paired(&own, value, &whole, value);
            let most = paired_difference(&own, &whole).and_then(|i| Some(i.mean + i.half_width?));
            if !most.is_some_and(|most| most <= width) {
                break;
            }
            earliest = *t;
        }
        let group = if series.group.is_empty() { String::new() } else { format!(" ({})", series.group) };
        parts.push(format!("{}{group} {}", pipeline_name(series.pipeline), last - earliest));
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
