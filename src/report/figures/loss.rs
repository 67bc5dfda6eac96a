//! Fig. 6 of the first paper: training loss against iteration, raw and smoothed.

use super::captions::setting;
use super::facets::{Lines, facets};
use super::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Role, Scale, Stroke};
use super::results::Results;
use super::series::{Curve, Group};
use crate::store::LossRow;

/// A smoothed value is averaged over one in this many of the logged iterations on each side.
const SMOOTHING: usize = 50;

/// The figure; none where nothing was trained.
pub fn loss(results: &Results) -> Option<Figure> {
    let lines = |group: &Group<LossRow>| {
        let iteration = |row: &LossRow| row.iteration;
        let raw = Curve::over(&group.replicates, false, iteration, |row| positive(row.loss));
        let optimal = Curve::over(&group.replicates, false, iteration, |row| row.optimal.and_then(positive));
        let half = (raw.x.len() / SMOOTHING).max(2);
        Lines {
            main: raw.smoothed(half),
            reference: Some(("exact denoiser".to_string(), optimal.smoothed(half))),
            raw: Some(raw),
        }
    };
    let facets = facets(results, &results.losses, lines);
    let curves = || facets.iter().flat_map(|f| &f.curves);
    if curves().all(|c| c.x.len() < 2) {
        return None;
    }
    let marks = || facets.iter().flat_map(|f| &f.marks);
    // The lines that matter set the axis; raw values may leave it.
    let shown = || {
        let strong = marks().filter_map(|mark| match mark {
            Mark::Line { stroke: Stroke::Normal | Stroke::Dashed, y, .. } => Some(y),
            _ => None,
        });
        curves().map(|c| &c.y).chain(strong).flatten().copied()
    };
    let low = shown().fold(f64::INFINITY, f64::min);
    let high = shown().fold(0.0, f64::max);
    let raw = marks().any(|mark| matches!(mark, Mark::Line { label, .. } if label.ends_with("raw")));
    let thin = if raw { "Thin: raw, mean over replicates. Thick:" } else { "All lines:" };
    let last = curves().filter_map(|c| c.x.last()).fold(0.0, |a: f64, b| a.max(*b));
    let panels = facets.iter().map(|facet| Panel {
        title: facet.title.clone(),
        x: Axis::linear("training iteration", 0.0, last),
        y: Axis { label: "training loss".into(), scale: Scale::Log, low: 0.8 * low, high: 1.15 * high },
        colour: None,
        marks: facet.marks.clone(),
    });
    let row = PanelRow {
        title: String::new(),
        role: Role::Data,
        form: Form::Ratio(0.62),
        panels: panels.collect(),
    };
    Some(Figure {
        name: "loss".to_string(),
        title: "Training loss".to_string(),
        setting: setting(results),
        note: format!(
            "{thin} moving average over 4 % of the logged iterations. Each pipeline's loss has its own floor, \
             so their levels cannot be compared."
        ),
        rows: vec![row],
    })
}

/// What a logarithmic axis can show.
fn positive(value: f64) -> Option<f64> {
    (value.is_finite() && value > 0.0).then_some(value)
}
