//! The samples of networks while they train: metrics against iteration.

use super::captions::setting;
use super::facets::{Facet, facets, lines_note};
use super::model::{Axis, Figure, Form, Panel, PanelRow, Role};
use super::results::Results;
use super::series::Curve;
use super::spread::Spread;
use crate::metrics::scored;

/// The columns that are drawn where they have values.
const METRICS: [&str; 10] = [
    "log_likelihood",
    "sliced_w2",
    "precision",
    "recall",
    "density",
    "coverage",
    "frechet",
    "kid",
    "inception_score",
    "bits_per_dim",
];

/// The figure; none where no network was evaluated twice.
pub fn training(results: &Results) -> Option<Figure> {
    let of = |name: &'static str| {
        let column = scored::training_columns().find(|column| column.name == name)?;
        let facets = facets(results, &results.evaluations, |group| {
            Curve::over(&group.replicates, true, |row| row.iteration, |row| row.get(name))
                .within(column.range)
                .into()
        });
        let drawn = facets.iter().flat_map(|facet| &facet.curves).any(|curve| curve.x.len() > 1);
        drawn.then_some((column, facets))
    };
    let drawn: Vec<(&scored::Column, Vec<Facet>)> = METRICS.into_iter().filter_map(of).collect();
    // How many there are decides what coverage and recall can be: real points of another number are no yardstick.
    let alike = results.study.as_ref().is_some_and(|study| {
        let counts = study.points.iter().map(|point| (&point.plan.train, point.plan.sample.count));
        counts.clone().all(|(train, count)| train.evaluate.is_none_or(|own| own.count == count))
    });
    let mut panels: Vec<Vec<Panel>> = drawn
        .iter()
        .map(|(column, facets)| {
            facets.iter().map(|facet| panel(results, column, facet, facets, alike)).collect()
        })
        .collect();
    // Panels of single facets stand side by side.
    if panels.iter().all(|row| row.len() == 1) {
        panels = panels.concat().chunks(2).map(<[Panel]>::to_vec).collect();
    }
    let row = |panels| PanelRow { title: String::new(), role: Role::Data, form: Form::Ratio(0.55), panels };
    let spread = drawn.iter().map(|(_, facets)| lines_note(facets)).find(|note| !note.is_empty());
    let yardstick = match alike {
        true => "",
        false => {
            " Real points have no line here, as there are more or fewer of them in the end table than samples of an evaluation, and coverage, recall and the Fréchet distance depend on the number."
        }
    };
    (!panels.is_empty()).then(|| Figure {
        name: "training".to_string(),
        title: "Samples of the network while it trains".to_string(),
        setting: setting(results),
        note: format!(
            "{}At each iteration the same starting points and DDIM without noise, by the moving average of the parameters where there is one.{yardstick}",
            spread.unwrap_or_default()
        ),
        rows: panels.into_iter().map(row).collect(),
    })
}

fn panel(results: &Results, column: &scored::Column, facet: &Facet, all: &[Facet], alike: bool) -> Panel {
    let curves = || all.iter().flat_map(|facet| &facet.curves);
    let last = curves().filter_map(|curve| curve.x.last()).fold(0.0, |a: f64, b| a.max(*b));
    let real = Spread::of_real_points(results, column.name).filter(|_| alike);
    let values = curves().flat_map(|curve| curve.y.iter().chain(&curve.low).chain(&curve.high)).copied();
    let values = values.chain(real.iter().flat_map(|real| real.values().collect::<Vec<_>>()));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let room = 0.06 * (high - low).max(1e-3 * high.abs()).max(f64::MIN_POSITIVE);
    let mut marks = facet.marks.clone();
    if let Some(real) = real {
        marks.splice(0..0, real.level(last));
    }
    let title = [facet.title.as_str(), column.heading];
    Panel {
        title: title.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
        x: Axis::linear("training iteration", 0.0, last),
        y: Axis::linear(column.unit, low - room, high + room),
        colour: None,
        marks,
    }
}
