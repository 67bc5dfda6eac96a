//! How good the samples are, against how often the network was asked for each of them.

use super::along::{self, Series, dot, series_name, spread_note};
use super::captions::setting;
use super::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Role, Scale};
use super::results::Results;
use super::spread::Spread;
use super::statistic::Statistic;
use crate::report::comparison::{Comparison, Line};
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
    let statistic = Statistic::of(results);
    let comparison = Comparison::new(&results.summary);
    let all = along::series(results, NETWORK_CALLS, STEPS, &|_| true);
    // A row for each group that has a curve; what asks one number of times only is a dot in all of them.
    let mut groups: Vec<&str> = Vec::new();
    for series in all.iter().filter(|series| series.points.len() > 1) {
        if !groups.contains(&series.group.as_str()) {
            groups.push(&series.group);
        }
    }
    let left_out = groups.len().saturating_sub(MOST_ROWS);
    groups.truncate(MOST_ROWS);
    if groups.is_empty() {
        return None;
    }
    let single: Vec<&Series> = all
        .iter()
        .filter(|series| !all.iter().any(|other| other.group == series.group && other.points.len() > 1))
        .collect();
    let most = all.iter().flat_map(|s| &s.points).fold(1.0, |most: f64, (calls, _)| most.max(*calls));
    let x = Axis {
        label: "network calls for each sample".to_string(),
        scale: Scale::LogFromZero,
        low: ZERO,
        high: 1.15 * most,
    };
    let marks = |group: &str, metric: &str| -> Vec<Mark> {
        let mut marks = Vec::new();
        for series in all.iter().filter(|series| series.group == group) {
            marks.extend(along::marks(results, &comparison, series, metric, series_name(series.pipeline)));
        }
        let rest = all.iter().find(|series| series.group == group).map(|series| &series.rest);
        for series in single.iter().filter(|series| Some(&series.rest) == rest) {
            let sampler = series.sampler.as_deref().unwrap_or(&series.group);
            let label = format!("{}, {sampler}", series_name(series.pipeline));
            let mut own = along::marks(results, &comparison, series, metric, &label);
            own.retain(|mark| !matches!(mark, Mark::Line { .. }));
            own.iter_mut().for_each(|mark| {
                if let Mark::Intervals { open, .. } = mark {
                    *open = true;
                }
            });
            marks.extend(own);
        }
        marks.extend(maps(results, &comparison, metric));
        marks
    };
    let metrics = along::metrics(&statistic);
    let by_metric: Vec<Vec<Panel>> = metrics
        .iter()
        .map(|metric| {
            let lists = groups.iter().map(|group| (group.to_string(), marks(group, metric))).collect();
            along::panels(results, &statistic, metric, &x, lists)
        })
        .collect();
    let mut columns: Vec<_> = by_metric.into_iter().map(Vec::into_iter).collect();
    let rows: Vec<PanelRow> = groups
        .iter()
        .map(|_| PanelRow {
            title: String::new(),
            role: Role::Data,
            form: Form::Ratio(0.72),
            panels: columns.iter_mut().filter_map(Iterator::next).collect(),
        })
        .collect();
    let drawn: Vec<Mark> = rows.iter().flat_map(|row| &row.panels).flat_map(|p| p.marks.clone()).collect();
    let mut note = format!(
        "{}Level: fresh real points, the floor. At 0 calls: the map alone. Open: samplers that take one number of steps. {}",
        statistic.why,
        spread_note(&drawn)
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
fn maps(results: &Results, comparison: &Comparison, metric: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    let lines = comparison.lines();
    let mut seen: Vec<&str> = Vec::new();
    for line in lines.iter().filter(|line| matches!(line, Line::MapAlone(..))) {
        if seen.contains(&line.pipeline()) {
            continue;
        }
        seen.push(line.pipeline());
        if let Some(spread) = Spread::of(results, comparison, *line, metric) {
            let ink = results.role(line.pipeline()).into();
            marks.extend(dot(&spread, ink, series_name(line.pipeline()), false, 0.0));
        }
    }
    marks
}
