//! Precision, recall, density and coverage against reverse step.

use super::captions::setting;
use super::facets::{Facet, facets, lines_note};
use super::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Role};
use super::results::Results;
use super::series::Curve;
use super::speciation::{SPECIATION_NOTE, speciation_lines};
use super::spread::Spread;
use std::ops::Range;

/// Up to this value all metrics share one axis.
const SHARED: f64 = 1.5;

/// Letters of the longest name of a line with which four panels have room beside each other.
const LETTERS: usize = 16;

/// The columns that are drawn.
pub const METRICS: [&str; 4] = ["precision", "recall", "density", "coverage"];

/// The figure; none where there are fewer than three steps to show.
pub fn prdc_steps(results: &Results) -> Option<Figure> {
    let by_metric: Vec<Vec<Facet>> = METRICS
        .iter()
        .map(|column| {
            facets(results, &results.metrics, |group| Curve::of_metric(&group.replicates, column).into())
        })
        .collect();
    let longest = by_metric.iter().flatten().flat_map(|f| &f.curves).map(|c| c.x.len()).max();
    if longest.unwrap_or(0) < 3 {
        return None;
    }
    let pipelines = by_metric.iter().map(Vec::len).max().unwrap_or(0);
    let panel = |metric: usize, pipeline: usize| {
        let facet = by_metric[metric].get(pipeline)?;
        // One axis for all four, but where density goes far above 1.
        let (all, one) = (0..METRICS.len(), metric..metric + 1);
        let top = |metrics| highest(results, &by_metric, metrics);
        let high = if top(all.clone()) < SHARED { top(all) } else { top(one) };
        Some(panel(results, METRICS[metric], facet, &by_metric, high))
    };
    let long = by_metric.iter().flatten().any(|facet| longest_name(facet) > LETTERS);
    let beside = if pipelines > 1 && !long { METRICS.len() } else { 2 };
    let row = |title: &str, role, panels: Vec<Panel>| PanelRow {
        title: title.to_string(),
        role,
        form: Form::Ratio(if beside > 2 { 1.0 } else { 0.55 }),
        panels,
    };
    let of_pipeline = |p: usize| {
        let facet = by_metric.iter().find_map(|facets| facets.get(p));
        let metrics: Vec<usize> = (0..METRICS.len()).collect();
        let rows = metrics.chunks(beside).map(|metrics| {
            let panels = metrics.iter().filter_map(|m| panel(*m, p)).collect();
            match facet.filter(|_| pipelines > 1) {
                Some(facet) => row(&facet.title, facet.role, panels),
                None => row("", Role::Data, panels),
            }
        });
        rows.collect::<Vec<_>>()
    };
    let rows = (0..pipelines).flat_map(of_pipeline).filter(|row| !row.panels.is_empty()).collect();
    let theory = by_metric.iter().flatten().any(|f| !speciation_lines(results, f, (0.0, 1.0)).is_empty());
    let spread = by_metric.iter().map(|facets| lines_note(facets)).find(|note| !note.is_empty());
    Some(Figure {
        name: "prdc_steps".to_string(),
        title: "Precision, recall, density and coverage at every reverse step".to_string(),
        setting: setting(results),
        note: format!(
            "{}{}Density has no upper end: read it against the line of real points.",
            spread.unwrap_or_default(),
            if theory { SPECIATION_NOTE } else { "" }
        ),
        rows,
    })
}

/// Letters of the longest name that stands beside a line.
fn longest_name(facet: &Facet) -> usize {
    let name = |mark: &Mark| match mark {
        Mark::Line { label, named: true, .. } => label.chars().count(),
        _ => 0,
    };
    facet.marks.iter().map(name).max().unwrap_or(0)
}

/// The highest value of some metrics and of real points in them, at least 1.
fn highest(results: &Results, by_metric: &[Vec<Facet>], metrics: Range<usize>) -> f64 {
    let curves = by_metric[metrics.clone()].iter().flatten().flat_map(|f| &f.curves);
    let real = METRICS[metrics].iter().filter_map(|metric| Spread::of_real_points(results, metric));
    let real = real.flat_map(|spread| spread.points().collect::<Vec<_>>());
    curves.flat_map(|c| c.y.iter().copied()).chain(real).fold(1.0, f64::max)
}

fn panel(results: &Results, metric: &str, facet: &Facet, all: &[Vec<Facet>], high: f64) -> Panel {
    let last = all.iter().flatten().flat_map(|f| &f.curves).filter_map(|c| c.x.last());
    let last = last.fold(0.0, |a: f64, b| a.max(*b));
    let mut marks = speciation_lines(results, facet, (0.0, 1.04 * high));
    let guides = marks.len();
    marks.extend(facet.marks.clone());
    if let Some(real) = Spread::of_real_points(results, metric) {
        marks.splice(guides..guides, real.level(last));
    }
    Panel {
        title: metric.to_string(),
        x: Axis::linear("reverse step", 0.0, last),
        y: Axis::linear("", 0.0, 1.04 * high),
        colour: None,
        marks,
    }
}
