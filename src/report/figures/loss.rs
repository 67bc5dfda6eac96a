//! Fig. 6 of the first paper: training loss against iteration, raw and smoothed. Where the exact denoiser is known, its
//! loss on the same batch is taken off: what is left is 0 for the best network, and can be compared.

use super::captions::setting;
use super::facets::{Facet, Lines, facets, lines_note};
use super::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Role, Scale, Stroke};
use super::results::Results;
use super::series::{Curve, Group};
use crate::store::LossRow;

/// A smoothed value is averaged over one in this many of the logged iterations on each side.
const SMOOTHING: usize = 50;

/// Shorter tables are drawn as they are.
const FEWEST_TO_SMOOTH: usize = 50;

/// A logarithmic axis reaches so far down from its upper end at most: below lies what is nearly 0.
const DEPTH: f64 = 1e-4;

/// What is drawn of a loss.
struct Quantity {
    /// Whether it is drawn of runs whose optimum is known, or of the others.
    of_known: bool,
    /// Title of its panels beside those of the other one.
    title: &'static str,
    /// Label of its axis.
    label: &'static str,
    value: fn(&LossRow) -> Option<f64>,
}

const QUANTITIES: [Quantity; 2] = [
    Quantity {
        of_known: true,
        title: "excess over the optimum",
        label: "mse \u{2212} optimal",
        value: |row| Some(row.mse - row.optimal?),
    },
    Quantity {
        of_known: false,
        title: "loss, optimum not known",
        label: "training loss",
        value: |row| Some(row.loss),
    },
];

/// The figure; none where nothing was trained.
pub fn loss(results: &Results) -> Option<Figure> {
    let drawn: Vec<(&Quantity, Vec<Facet>)> = QUANTITIES
        .iter()
        .map(|quantity| (quantity, facets(results, &results.losses, |group| lines(group, quantity))))
        .filter(|(_, facets)| facets.iter().flat_map(|f| &f.curves).any(|c| c.x.len() > 1))
        .collect();
    let both = drawn.len() > 1;
    let mut rows: Vec<Vec<Panel>> = Vec::new();
    for (quantity, facets) in &drawn {
        rows.push(panels(quantity, facets, both));
    }
    // Two panels stand side by side.
    if rows.iter().map(Vec::len).sum::<usize>() == 2 {
        rows = vec![rows.into_iter().flatten().collect()];
    }
    let rows: Vec<PanelRow> = rows
        .into_iter()
        .map(|panels| PanelRow { title: String::new(), role: Role::Data, form: Form::Ratio(0.62), panels })
        .collect();
    (!rows.is_empty()).then(|| Figure {
        name: "loss".to_string(),
        title: "Training loss".to_string(),
        setting: setting(results),
        note: note(&drawn),
        rows,
    })
}

/// The curves of one group of replicates in a quantity; empty where it is not drawn of them.
fn lines(group: &Group<LossRow>, quantity: &Quantity) -> Lines {
    let known = group.replicates.iter().flat_map(|run| &run.rows).any(|row| row.optimal.is_some());
    if known != quantity.of_known {
        return Curve::default().into();
    }
    let raw = Curve::over(&group.replicates, false, |row| row.iteration, quantity.value);
    if raw.x.len() < FEWEST_TO_SMOOTH {
        return positive(raw).into();
    }
    let main = positive(raw.smoothed((raw.x.len() / SMOOTHING).max(2)));
    Lines { main, raw: Some(positive(raw)), reference: None }
}

fn panels(quantity: &Quantity, facets: &[Facet], titled: bool) -> Vec<Panel> {
    let curves = || facets.iter().flat_map(|f| &f.curves);
    // The lines that matter set the axis; raw values may leave it.
    let low = curves().flat_map(|c| &c.y).copied().fold(f64::INFINITY, f64::min);
    let high = curves().flat_map(|c| &c.y).copied().fold(0.0, f64::max);
    let last = curves().filter_map(|c| c.x.last()).fold(0.0, |a: f64, b| a.max(*b));
    let title = |facet: &Facet| {
        let parts = [facet.title.as_str(), if titled { quantity.title } else { "" }];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    };
    let y = Axis {
        label: quantity.label.to_string(),
        scale: Scale::Log,
        low: 0.8 * low.max(DEPTH * high),
        high: 1.15 * high,
    };
    let panel = |facet: &Facet| Panel {
        title: title(facet),
        x: Axis::linear("training iteration", 0.0, last),
        y: y.clone(),
        colour: None,
        marks: facet.marks.clone(),
    };
    facets.iter().map(panel).collect()
}

/// What the lines are, and what the excess is.
fn note(drawn: &[(&Quantity, Vec<Facet>)]) -> String {
    let marks = || drawn.iter().flat_map(|(_, facets)| facets).flat_map(|facet| &facet.marks);
    let smoothed = marks()
        .any(|mark| matches!(mark, Mark::Line { stroke: Stroke::Thin, label, .. } if label.ends_with("raw")));
    let chosen = drawn.iter().map(|(_, facets)| lines_note(facets)).find(|note| !note.is_empty());
    let mut parts = vec![if smoothed {
        "Thin: raw, mean over replicates. Thick: moving average over 4 % of the logged iterations."
    } else {
        "Mean over replicates, not smoothed."
    }];
    for (quantity, _) in drawn {
        parts.push(if quantity.of_known {
            "Excess: the mean squared error of the noise less that of the exact denoiser on the same batch; 0 is the best \
             that a network can reach, and values at or below it are not drawn."
        } else {
            "Where the optimum is not known, each pipeline's loss has its own floor, so their levels cannot be compared."
        });
    }
    chosen.unwrap_or_default() + &parts.join(" ")
}

/// What a logarithmic axis can show of a curve.
fn positive(curve: Curve) -> Curve {
    let kept = curve.x.into_iter().zip(curve.y).filter(|(_, y)| *y > 0.0);
    let (x, y) = kept.unzip();
    Curve { x, y, ..Curve::default() }
}
