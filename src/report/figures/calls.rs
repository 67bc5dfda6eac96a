//! How good the samples are, against how often the network was asked for each of them.

use super::along::{self, Draft, Series, spread_note};
use super::captions::{pipeline_name, setting};
use super::model::{Axis, Figure, Form, Mark, Scale};
use super::results::Results;
use crate::report::comparison::Line;
use crate::study::run_values::NETWORK_CALLS;

/// The key that the calls depend on.
const STEPS: &str = "sample.steps";

/// Rows at most.
const MOST_ROWS: usize = 8;

/// The lower end of the axis of calls, where 0 stands.
const ZERO: f64 = 0.5;

/// The figure; none where `sample.steps` is not swept, or no pipeline asks its network a different number of times.
pub fn calls(results: &Results) -> Option<Figure> {
    if !results.keys.iter().any(|key| key == STEPS) {
        return None;
    }
    let draft = Draft::new(results);
    let all = along::series(results, NETWORK_CALLS, STEPS, &|_| true);
    // A row for each group that has a curve; what asks one number of times only is a dot in all of them.
    let mut groups = along::groups(&all);
    let single: Vec<&Series> = all.iter().filter(|series| !groups.contains(&series.group.as_str())).collect();
    let left_out = groups.len().saturating_sub(MOST_ROWS);
    groups.truncate(MOST_ROWS);
    if groups.is_empty() {
        return None;
    }
    let most = all.iter().flat_map(|s| &s.points).fold(1.0, |most: f64, (calls, _)| most.max(*calls));
    let x = Axis {
        label: "network calls for each sample".to_string(),
        scale: Scale::LogFromZero,
        low: ZERO,
        high: 1.15 * most,
    };
    let rows = draft.rows(&groups, &x, Form::Ratio(0.72), |group, metric| {
        let own = || all.iter().filter(|series| series.group == group);
        let mut marks: Vec<Mark> = own().flat_map(|series| draft.curve(series, metric)).collect();
        let rest = own().next().map(|series| &series.rest);
        for series in single.iter().filter(|series| Some(&series.rest) == rest) {
            let sampler = series.sampler.as_deref().unwrap_or(&series.group);
            let label = format!("{}, {sampler}", pipeline_name(series.pipeline));
            marks.extend(draft.dots(series, metric, &label, true));
        }
        marks.extend(maps(&draft, metric));
        marks
    });
    let mut note = format!(
        "{}Level: fresh real points, the floor. At 0 calls: the map alone. Open: samplers that take one number of steps. {}",
        draft.statistic.why,
        spread_note(&rows)
    );
    if left_out > 0 {
        note += &format!(" {left_out} more samplers are in summary.csv.");
    }
    Some(Figure {
        name: "calls".to_string(),
        title: "Quality of the samples against network calls".to_string(),
        setting: setting(results),
        note,
        rows,
    })
}

/// The map alone of each pipeline that has one, at 0 calls.
fn maps(draft: &Draft, metric: &str) -> Vec<Mark> {
    let mut seen: Vec<&str> = Vec::new();
    let mut marks = Vec::new();
    for line in draft.comparison.lines() {
        let pipeline = line.pipeline();
        if !matches!(line, Line::MapAlone(..)) || seen.contains(&pipeline) {
            continue;
        }
        seen.push(pipeline);
        if let Some(spread) = draft.spread(line, metric) {
            let name = pipeline_name(pipeline);
            let own = spread.marks(name, name, draft.results.role(pipeline), false, 0.0);
            marks.extend(own.into_iter().map(|mark| mark.of(pipeline, line.values())));
        }
    }
    marks
}
