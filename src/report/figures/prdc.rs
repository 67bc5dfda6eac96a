//! Precision, recall, density and coverage against reverse step.

use super::captions::setting;
use super::facets::{Facet, facets, lines_note};
use super::model::{Axis, Figure, Form, Panel, PanelRow, Role};
use super::results::Results;
use super::series::Curve;
use super::speciation::{SPECIATION_NOTE, speciation_lines};
use super::spread::Spread;

/// Up to this value all metrics share one axis.
const SHARED: f64 = 1.5;

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
        let all = &by_metric[..];
        let one = &by_metric[metric..=metric];
        Some(panel(results, METRICS[metric], facet, if highest(all) < SHARED { all } else { one }))
    };
    let row = |title: &str, role, panels: Vec<Panel>| PanelRow {
        title: title.to_string(),
        role,
        form: Form::Ratio(if pipelines > 1 { 1.0 } else { 0.55 }),
        panels,
    };
    let rows = if pipelines > 1 {
        (0..pipelines)
            .filter_map(|p| {
                let facet = by_metric.iter().find_map(|facets| facets.get(p))?;
                Some(row(&facet.title, facet.role, (0..4).filter_map(|m| panel(m, p)).collect()))
            })
            .collect()
    } else {
        [[0, 1], [2, 3]]
            .iter()
            .map(|pair| row("", Role::Data, pair.iter().filter_map(|m| panel(*m, 0)).collect()))
            .collect()
    };
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

/// The highest value of some metrics, at least 1.
fn highest(all: &[Vec<Facet>]) -> f64 {
    all.iter().flatten().flat_map(|f| &f.curves).flat_map(|c| c.y.iter().copied()).fold(1.0, f64::max)
}

fn panel(results: &Results, metric: &str, facet: &Facet, all: &[Vec<Facet>]) -> Panel {
    let curves = || all.iter().flatten().flat_map(|f| &f.curves);
    let last = curves().filter_map(|c| c.x.last()).fold(0.0, |a: f64, b| a.max(*b));
    let mut marks = speciation_lines(results, facet, (0.0, 1.04 * highest(all)));
    let guides = marks.len();
    marks.extend(facet.marks.clone());
    if let Some(real) = Spread::of_real_points(results, metric) {
        marks.splice(guides..guides, real.level(last));
    }
    Panel {
        title: metric.to_string(),
        x: Axis::linear("reverse step", 0.0, last),
        y: Axis::linear("", 0.0, 1.04 * highest(all)),
        colour: None,
        marks,
    }
}
