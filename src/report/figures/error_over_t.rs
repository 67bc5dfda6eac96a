//! Where a network errs: the distance of its predictions to the exact denoiser's by diffusion time, on noised points and
//! along the sampler's own path, and what share of the path's divergence each time has.

use super::captions::setting;
use super::facets::{Facet, facets, lines_note};
use super::model::{Axis, Figure, Form, Panel, PanelRow, Role, Scale};
use super::results::Results;
use super::series::{Curve, Group};
use crate::store::{ErrorRow, Where};

/// A logarithmic axis reaches so far down from its upper end at most.
const DEPTH: f64 = 1e-4;

/// What is drawn of a row.
pub struct Quantity {
    /// The column of the table.
    pub column: &'static str,
    /// Which rows of it.
    pub place: Where,
    /// Which points, or what it is a share of.
    pub title: &'static str,
    /// What it is.
    pub label: &'static str,
    /// Both in few words.
    pub name: &'static str,
    /// Its value in a row.
    pub value: fn(&ErrorRow) -> Option<f64>,
    /// Of its axis.
    pub scale: Scale,
}

/// Everything that is drawn of `error_over_t.csv`.
pub const QUANTITIES: [Quantity; 4] = [
    Quantity {
        column: "excess",
        place: Where::Noised,
        title: "noised points",
        label: "excess error",
        name: "excess error, noised points",
        value: |row| row.excess.filter(|_| row.place == Where::Noised),
        scale: Scale::Log,
    },
    Quantity {
        column: "excess",
        place: Where::Path,
        title: "the sampler's own points",
        label: "excess error",
        name: "excess error, the sampler's own points",
        value: |row| row.excess.filter(|_| row.place == Where::Path),
        scale: Scale::Log,
    },
    Quantity {
        column: "kl_share",
        place: Where::Noised,
        title: "share of the path's divergence",
        label: "share of the divergence",
        name: "share of the path's divergence",
        value: |row| row.kl_share.filter(|_| row.place == Where::Noised),
        scale: Scale::Linear,
    },
    Quantity {
        column: "mse",
        place: Where::Noised,
        title: "optimum not known",
        label: "error of the noise",
        name: "error of the noise, optimum not known",
        value: |row| row.mse.filter(|_| row.optimal.is_none()),
        scale: Scale::Log,
    },
];

/// The figure; none where no run wrote `error_over_t.csv`.
pub fn error_over_t(results: &Results) -> Option<Figure> {
    let curve = |quantity: &Quantity| {
        facets(results, &results.errors, |group: &Group<ErrorRow>| {
            positive(&group.replicates, quantity).into()
        })
    };
    let all = QUANTITIES.iter().map(|quantity| (quantity, curve(quantity)));
    let drawn: Vec<(&Quantity, Vec<Facet>)> =
        all.filter(|(_, facets)| facets.iter().flat_map(|f| &f.curves).any(|c| c.x.len() > 1)).collect();
    let spread = drawn.iter().map(|(_, facets)| lines_note(facets)).find(|note| !note.is_empty());
    let spread = spread.unwrap_or_default();
    let mut rows: Vec<Vec<Panel>> = Vec::new();
    for (quantity, facets) in &drawn {
        // Errors of one kind share an axis.
        let alike = drawn.iter().filter(|(other, _)| other.label == quantity.label);
        let curves: Vec<&Curve> = alike.flat_map(|(_, facets)| facets).flat_map(|f| &f.curves).collect();
        rows.push(facets.iter().map(|facet| panel(quantity, facet, &curves)).collect());
    }
    // Panels of single facets stand side by side.
    if rows.iter().all(|panels| panels.len() == 1) {
        rows = rows.concat().chunks(2).map(<[Panel]>::to_vec).collect();
    }
    let row = |panels| PanelRow { title: String::new(), role: Role::Data, form: Form::Ratio(0.62), panels };
    (!rows.is_empty()).then(|| Figure {
        name: "error_over_t".to_string(),
        title: "Error of the predicted noise by diffusion time".to_string(),
        setting: setting(results),
        note: format!(
            "{spread}Excess: mean squared distance to the exact denoiser's prediction, for each dimension; 0 is the best that a network can reach. Share of the divergence: of the sum over all t of the Kullback-Leibler divergence between the model's reverse step and the exact one. t = 1 is nearly clean; sampling goes from right to left. Where the optimum is not known the error has a floor of its own, and a few fresh points that a map sends far out can dominate it."
        ),
        rows: rows.into_iter().map(row).collect(),
    })
}

/// The mean over replicates; without what a logarithmic axis cannot show.
fn positive(replicates: &[&super::results::RunRows<ErrorRow>], quantity: &Quantity) -> Curve {
    let curve = Curve::over(replicates, true, |row| row.t, quantity.value);
    if quantity.scale == Scale::Linear {
        return curve;
    }
    let kept: Vec<usize> = (0..curve.x.len()).filter(|&i| curve.y[i] > 0.0).collect();
    let least = curve.y.iter().copied().filter(|y| *y > 0.0).fold(f64::INFINITY, f64::min);
    let pick = |values: &[f64]| -> Vec<f64> {
        kept.iter().filter_map(|&i| values.get(i).map(|v| v.max(0.1 * least))).collect()
    };
    Curve {
        x: kept.iter().map(|&i| curve.x[i]).collect(),
        y: pick(&curve.y),
        low: pick(&curve.low),
        high: pick(&curve.high),
        ends: Vec::new(),
    }
}

/// An axis for all values of curves.
pub fn range<'a>(quantity: &Quantity, curves: impl Iterator<Item = &'a Curve> + Clone) -> (f64, f64) {
    let high = curves.clone().flat_map(|c| c.y.iter().chain(&c.high)).copied().fold(1e-300, f64::max);
    let low = curves.flat_map(|c| &c.y).copied().fold(f64::INFINITY, f64::min);
    match quantity.scale {
        Scale::Log => (0.8 * low.max(DEPTH * high), 1.25 * high),
        _ => (0.0, 1.05 * high),
    }
}

fn panel(quantity: &Quantity, facet: &Facet, all: &[&Curve]) -> Panel {
    let last = all.iter().filter_map(|c| c.x.last()).fold(2.0, |a: f64, b| a.max(*b));
    let (low, high) = range(quantity, all.iter().copied());
    let title = [facet.title.as_str(), quantity.title];
    Panel {
        title: title.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
        x: Axis { label: "diffusion time t".to_string(), scale: Scale::Log, low: 1.0, high: last },
        y: Axis { label: quantity.label.to_string(), scale: quantity.scale.clone(), low, high },
        colour: None,
        marks: facet.marks.clone(),
    }
}
