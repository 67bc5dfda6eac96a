//! When the samples choose their modes: commitment, cloning and entropy against reverse step, with the step that theory
//! names.

use super::captions::setting;
use super::facets::{Facet, facets, form, lines_note};
use super::model::{Axis, Figure, Mark, Panel, PanelRow, Role};
use super::results::{Results, RunRows};
use super::series::Curve;
use super::speciation::{SPECIATION_NOTE, speciation_lines};
use crate::diffusion::diagnostics::cloning::LEVEL;
use crate::store::BifurcationRow;
use std::collections::BTreeSet;

/// What is drawn of a row.
pub struct Quantity {
    /// The column of the table.
    pub column: &'static str,
    /// What it is.
    pub label: &'static str,
    /// Its value in a row.
    pub value: fn(&BifurcationRow) -> Option<f64>,
    /// A level to read it by: its name, and its value in the results.
    pub level: fn(&Results) -> Option<(String, f64)>,
}

/// Everything that is drawn of `bifurcation.csv`.
pub const QUANTITIES: [Quantity; 3] = [
    Quantity {
        column: "committed",
        label: "share in its final mode",
        value: |row| row.committed,
        level: |results| Some(("chance".to_string(), chance(results)?)),
    },
    Quantity {
        column: "clones_agree_normalized",
        label: "agreement of clones",
        value: |row| row.clones_agree_normalized,
        level: |_| Some((LEVEL.to_string(), LEVEL)),
    },
    Quantity {
        column: "entropy",
        label: "entropy of modes (nats)",
        value: |row| row.entropy,
        level: |_| None,
    },
];

/// The share that agrees by chance.
fn chance(results: &Results) -> Option<f64> {
    let mixture = results.study.as_ref()?.base.data.source.mixture()?;
    let swept = results.keys.iter().any(|key| key.starts_with("data."));
    (!swept).then(|| mixture.weights().map(|w| w * w).sum())
}

/// The figure; none where no run wrote `bifurcation.csv`.
pub fn bifurcation(results: &Results) -> Option<Figure> {
    let drawn: Vec<(&Quantity, Vec<Facet>)> = QUANTITIES
        .iter()
        .map(|quantity| {
            let curve = |replicates: &[&RunRows<BifurcationRow>]| common(replicates, quantity.value);
            (quantity, facets(results, &results.bifurcation, |group| curve(&group.replicates).into()))
        })
        .filter(|(_, facets)| facets.iter().flat_map(|f| &f.curves).any(|c| c.x.len() > 1))
        .collect();
    let row = |(quantity, facets): &(&Quantity, Vec<Facet>)| PanelRow {
        title: String::new(),
        role: Role::Data,
        form: form(facets.len()),
        panels: facets.iter().map(|facet| panel(results, quantity, facet, facets)).collect(),
    };
    if drawn.is_empty() {
        return None;
    }
    let spread = drawn.iter().map(|(_, facets)| lines_note(facets)).find(|note| !note.is_empty());
    Some(Figure {
        name: "bifurcation".to_string(),
        title: "When the samples choose their modes".to_string(),
        setting: setting(results),
        note: format!(
            "{}{SPECIATION_NOTE}Clones: a sample and a second continuation from the same point of that step; the mode counts as chosen where their agreement crosses {LEVEL}.",
            spread.unwrap_or_default()
        ),
        rows: drawn.iter().map(row).collect(),
    })
}

/// The mean over replicates at the steps that all of them have.
fn common(replicates: &[&RunRows<BifurcationRow>], value: impl Fn(&BifurcationRow) -> Option<f64>) -> Curve {
    let steps = |run: &&RunRows<BifurcationRow>| {
        run.rows.iter().filter(|row| value(row).is_some()).map(|row| row.step).collect::<BTreeSet<usize>>()
    };
    let all = replicates.iter().map(steps).reduce(|a, b| &a & &b).unwrap_or_default();
    Curve::over(replicates, true, |row| row.step, |row| value(row).filter(|_| all.contains(&row.step)))
}

/// An axis for all values of curves and their bands, from 0 on where none is less.
pub fn range<'a>(curves: impl Iterator<Item = &'a Curve> + Clone) -> (f64, f64) {
    let values = || curves.clone().flat_map(|c| c.y.iter().chain(&c.low).chain(&c.high).copied());
    let low = values().fold(0.0, f64::min);
    let high = values().fold(1e-6, f64::max);
    (low - 0.04 * (high - low), high + 0.04 * (high - low))
}

fn panel(results: &Results, quantity: &Quantity, facet: &Facet, all: &[Facet]) -> Panel {
    let curves = || all.iter().flat_map(|facet| &facet.curves);
    let last = curves().filter_map(|c| c.x.last()).fold(1.0, |a: f64, b| a.max(*b));
    let range = range(curves());
    let mut marks = speciation_lines(results, facet, range);
    if let Some((label, y)) = (quantity.level)(results) {
        marks.push(Mark::Level { label, ink: Role::Quiet.into(), y, band: None });
    }
    marks.extend(facet.marks.clone());
    Panel {
        title: facet.title.clone(),
        x: Axis::linear("reverse step", 0.0, last),
        y: Axis::linear(quantity.label, range.0, range.1),
        colour: None,
        marks,
    }
}
