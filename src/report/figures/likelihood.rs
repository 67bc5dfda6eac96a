//! Fig. 5 of the first paper: log-likelihood against reverse step (G 25), with the line of real points, that of the
//! exact denoiser, and each map alone.

use super::captions::{count, setting};
use super::draw;
use super::facets::{Facet, Lines, facets, form, lines_note, reference_line};
use super::maps::add_maps;
use super::model::{Axis, Figure, Panel, PanelRow, Role};
use super::results::Results;
use super::series::{Curve, groups};
use super::speciation::{SPECIATION_NOTE, speciation_lines};
use super::spread::Spread;
use super::statistic::Statistic;
use crate::metrics::log_likelihood_stats;
use crate::run::{FinishedRun, RunError};

/// Nats around the data's own value that the close view shows at least and at most.
const CLOSE: (f64, f64) = (0.4, 3.0);

/// Points of the exact denoiser where no run had it: as many as make so many moves in all.
const EXACT_MOVES: usize = 1_000_000;

/// The figure; none where no density is known.
///
/// # Errors
/// If the exact denoiser fails.
pub fn likelihood(results: &Results) -> Result<Option<Figure>, RunError> {
    let statistic = Statistic::of(results);
    let curve =
        |group: &super::series::Group<_>| Lines::from(Curve::of_metric(&group.replicates, statistic.column));
    let mut facets = facets(results, &results.metrics, curve);
    if facets.iter().all(|f| f.curves.iter().all(|c| c.x.len() < 2)) {
        return Ok(None);
    }
    let mut note = statistic.why.clone();
    if let Some((exact, points)) = exact_curve(results, &statistic)?
        && let Some(facet) = facets.iter_mut().find(|f| matches!(f.role, Role::Baseline | Role::Data))
    {
        facet.marks.push(reference_line("exact denoiser", &exact));
        facet.curves.push(exact);
        note += &format!("Exact denoiser: {} points, not part of the study. ", count(points));
    }
    note += &lines_note(&facets);
    let maps = add_maps(results, statistic.column, &mut facets);
    if !maps.is_empty() {
        note += "Open dots and thin lines: the map alone, x_T mapped back without diffusion. ";
    }
    let real = Spread::of_real_points(results, statistic.column);
    if let Some(real) = &real {
        facets.iter_mut().for_each(|facet| {
            let last = last_step(facet);
            facet.marks.splice(0..0, real.level(last));
        });
        if real.interval.is_some() {
            note += "Band of the real points: the 95 % interval of their mean. ";
        }
    }
    let data = real.as_ref().map(|real| real.mean);
    let whole = whole_range(facets.iter().flat_map(|f| &f.curves), data);
    let close = data.map(|data| close_range(&facets, &maps, data));
    note += &cut_off(&facets, whole.0);
    if facets.iter().any(|facet| !speciation_lines(results, facet, whole).is_empty()) {
        note += SPECIATION_NOTE;
    }
    let row = |what: &str, range: (f64, f64)| PanelRow {
        title: String::new(),
        role: Role::Data,
        form: form(facets.len()),
        panels: facets.iter().map(|facet| panel(results, facet, what, &statistic, range)).collect(),
    };
    let mut rows = vec![row("", whole)];
    if let Some(range) = close {
        rows.push(row("close to the data", range));
    }
    Ok(Some(Figure {
        name: "log_likelihood".to_string(),
        title: "Log-likelihood of the samples at every reverse step".to_string(),
        setting: setting(results),
        note,
        rows,
    }))
}

/// The last reverse step of a panel.
fn last_step(facet: &Facet) -> f64 {
    facet.curves.iter().filter_map(|c| c.x.last()).fold(0.0, |a: f64, b| a.max(*b))
}

fn panel(
    results: &Results,
    facet: &Facet,
    what: &str,
    statistic: &Statistic,
    (low, high): (f64, f64),
) -> Panel {
    let title: Vec<&str> = [facet.title.as_str(), what].into_iter().filter(|t| !t.is_empty()).collect();
    let mut marks = speciation_lines(results, facet, (low, high));
    marks.extend(facet.marks.clone());
    Panel {
        title: title.join(", "),
        x: Axis::linear("reverse step", 0.0, last_step(facet)),
        y: Axis::linear(&statistic.label(), low, high),
        colour: None,
        marks,
    }
}

/// An axis for all values of curves that are not all empty, but those of single steps far below all others.
pub fn whole_range<'a>(curves: impl Iterator<Item = &'a Curve>, data: Option<f64>) -> (f64, f64) {
    let mut values: Vec<f64> = curves.flat_map(|c| c.y.iter().copied()).collect();
    values.extend(data);
    values.sort_by(f64::total_cmp);
    let (lowest, highest) = (values[0], values[values.len() - 1]);
    let low = lowest.max(values[values.len() / 50] - 0.25 * (highest - values[values.len() / 50]));
    let pad = 0.04 * (highest - low).max(1e-9);
    (low - pad, highest + pad)
}

/// The ends of all curves, the maps alone and the highest values, around the data's own.
fn close_range(facets: &[Facet], maps: &[f64], data: f64) -> (f64, f64) {
    let curves = || facets.iter().flat_map(|f| &f.curves);
    let highest = curves().flat_map(|c| c.y.iter().chain(&c.high).chain(&c.ends).copied());
    let highest = highest.chain(maps.iter().copied()).fold(data, f64::max);
    let lowest_end = curves().filter_map(Curve::last).chain(maps.iter().copied()).fold(data, f64::min);
    let below = (1.4 * (data - lowest_end)).clamp(CLOSE.0, CLOSE.1);
    let above = (1.15 * (highest - data)).clamp(0.25 * CLOSE.0, CLOSE.1);
    (data - below, data + above)
}

fn cut_off(facets: &[Facet], low: f64) -> String {
    let values = facets.iter().flat_map(|f| &f.curves).flat_map(|c| c.y.iter().copied());
    let lowest = values.fold(f64::INFINITY, f64::min);
    if lowest >= low {
        return String::new();
    }
    format!("Values down to {} are cut off. ", draw::number_label(lowest, 1))
}

/// The exact denoiser's curve where no run of the study is one, but one is known that holds for all points.
fn exact_curve(results: &Results, statistic: &Statistic) -> Result<Option<(Curve, usize)>, RunError> {
    let Some(study) = &results.study else { return Ok(None) };
    let there = groups(&results.metrics).iter().any(|g| g.pipeline == "exact");
    let changes = |key: &String| ["network.", "train."].iter().all(|section| !key.starts_with(section));
    let Some(mixture) = study.base.data.source.mixture() else { return Ok(None) };
    if there || results.keys.iter().any(changes) || !results.pipelines.iter().any(|p| p == "baseline") {
        return Ok(None);
    }
    let (every, count) = (study.base.metrics.every, study.base.sample.count);
    let count = count.min((EXACT_MOVES / study.base.sample.steps.max(1)).max(1000));
    let clouds = FinishedRun::exact(study.base.clone(), 0)?.clouds(count, &|step| step % every == 0)?;
    let mut curve = Curve::default();
    for cloud in clouds {
        curve.x.push(cloud.step as f64);
        let stats =
            log_likelihood_stats(&mixture.log_density(cloud.points.view()).to_vec(), f64::NEG_INFINITY);
        curve.y.push(if statistic.name == "median" { stats.median } else { stats.mean });
    }
    Ok(Some((curve, count)))
}
