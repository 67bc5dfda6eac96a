//! Curves laid out by pipeline and sweep point, alike in every figure of lines: one point of a sweep
//! makes one panel with a line for each pipeline; several make a panel for each pipeline with a line for
//! each point. The exact denoiser is a dashed line beside the baseline.

use super::captions::pipeline_name;
use super::model::{Form, Ink, Mark, Role, Stroke};
use super::results::{Results, RunRows};
use super::series::{Curve, Emphasis, Group, MOST_POINTS, NAMED_POINTS, groups};
use super::spread::{DOT, EACH};
use crate::report::point_names::point_name;

/// What is drawn for one group of replicates.
pub struct Lines {
    /// The result.
    pub main: Curve,
    /// Behind it, for panels with few lines.
    pub raw: Option<Curve>,
    /// To compare with, once for a panel.
    pub reference: Option<(String, Curve)>,
}

impl From<Curve> for Lines {
    fn from(main: Curve) -> Self {
        Self { main, raw: None, reference: None }
    }
}

/// The lines of one panel.
pub struct Facet {
    /// Title of the panel; empty where there is only one.
    pub title: String,
    /// Whose panel it is.
    pub role: Role,
    /// Its lines.
    pub marks: Vec<Mark>,
    /// The lines' results, for the choice of the axes.
    pub curves: Vec<Curve>,
    /// Whether only the lines that differ from the first in one key are named.
    pub one_key: bool,
}

/// The form of the panels of a row, a panel for each pipeline: narrow ones are higher, so that the label of the axis has
/// room.
pub fn form(panels: usize) -> Form {
    Form::Ratio(match panels {
        1 => 0.34,
        2 => 0.55,
        _ => 0.85,
    })
}

/// Lays out the runs of a table. `lines` makes curves of the replicates of one pipeline at one point.
pub fn facets<R>(results: &Results, runs: &[RunRows<R>], lines: impl Fn(&Group<R>) -> Lines) -> Vec<Facet> {
    let groups = groups(runs);
    let mut points: Vec<&[String]> = Vec::new();
    let mut pipelines: Vec<&str> = Vec::new();
    for group in &groups {
        if !points.contains(&group.values) {
            points.push(group.values);
        }
        if !pipelines.contains(&group.pipeline) {
            pipelines.push(group.pipeline);
        }
    }
    if points.len() < 2 {
        return one_panel(results, &groups, &lines).into_iter().collect();
    }
    let exact: Vec<Curve> = groups.iter().filter(|g| g.pipeline == "exact").map(|g| lines(g).main).collect();
    // The exact denoiser needs no panel where no swept key changes it.
    let common = exact.first().filter(|first| exact.iter().all(|c| c == *first)).cloned();
    pipelines.retain(|p| *p != "exact" || common.is_none() || pipelines_alone(&groups));
    let mut facets: Vec<Facet> =
        pipelines.iter().map(|pipeline| panel_of(results, pipeline, &groups, &lines)).collect();
    let beside = facets.iter().position(|facet| facet.role == Role::Baseline).unwrap_or(0);
    if let (Some(curve), Some(facet)) = (common, facets.get_mut(beside).filter(|f| f.role != Role::Exact)) {
        facet.marks.push(reference_line(pipeline_name("exact"), &curve));
    }
    facets.retain(|facet| !facet.curves.is_empty());
    facets
}

/// Whether the exact denoiser is the only pipeline.
fn pipelines_alone<R>(groups: &[Group<R>]) -> bool {
    groups.iter().all(|g| g.pipeline == "exact")
}

/// A dashed line to compare with.
pub fn reference_line(label: &str, curve: &Curve) -> Mark {
    let thin = curve.thinned(MOST_POINTS);
    Mark::Line {
        origins: Vec::new(),
        label: label.to_string(),
        named: true,
        ink: Role::Exact.into(),
        stroke: Stroke::Dashed,
        x: thin.x,
        y: thin.y,
        low: Vec::new(),
        high: Vec::new(),
    }
}

fn line(label: String, named: bool, ink: Ink, stroke: Stroke, curve: &Curve) -> Mark {
    let thin = curve.thinned(MOST_POINTS);
    Mark::Line {
        origins: Vec::new(),
        label,
        named,
        ink,
        stroke,
        x: thin.x,
        y: thin.y,
        low: thin.low,
        high: thin.high,
    }
}

/// A mark as one of the results of a group.
fn of<R>(group: &Group<R>, mark: Mark) -> Mark {
    mark.of(group.pipeline, group.values)
}

/// The ends of the replicates' own curves, where they are few.
fn end_dots(name: &str, ink: Ink, curve: &Curve) -> Option<Mark> {
    let x = vec![*curve.x.last()?; curve.ends.len()];
    (!x.is_empty()).then(|| Mark::Points {
        origins: Vec::new(),
        label: format!("{name}{EACH}"),
        ink,
        size: DOT,
        x,
        y: curve.ends.clone(),
        value: Vec::new(),
    })
}

/// How the lines are chosen and the spread over replicates is drawn, for the caption.
pub fn lines_note(facets: &[Facet]) -> String {
    let chosen = if facets.iter().any(|facet| facet.one_key) {
        "Named lines differ from the first in one key; thin ones in several. "
    } else {
        ""
    };
    format!("{chosen}{}", spread_note(facets))
}

fn spread_note(facets: &[Facet]) -> &'static str {
    let curves = || facets.iter().flat_map(|facet| &facet.curves);
    if curves().any(|curve| !curve.low.is_empty()) {
        "Bands: 95 % intervals of the mean over replicates. "
    } else if curves().any(|curve| !curve.ends.is_empty()) {
        "Dots at the end: each replicate; fewer than 5 are too few for an interval. "
    } else {
        ""
    }
}

fn one_panel<R>(
    results: &Results,
    groups: &[Group<R>],
    lines: &impl Fn(&Group<R>) -> Lines,
) -> Option<Facet> {
    let (mut behind, mut marks, mut curves) = (Vec::new(), Vec::new(), Vec::new());
    for group in groups {
        let Lines { main, raw, reference } = lines(group);
        if main.x.is_empty() {
            continue;
        }
        let name = pipeline_name(group.pipeline).to_string();
        let role = results.role(group.pipeline);
        if let Some(raw) = raw {
            let ink = Ink { role, strength: 0.3 };
            behind.push(of(group, line(format!("{name}, raw"), false, ink, Stroke::Thin, &raw)));
        }
        if let Some((label, curve)) = reference.filter(|(_, curve)| !curve.x.is_empty()) {
            marks.push(reference_line(&label, &curve));
        }
        let stroke = if group.pipeline == "exact" { Stroke::Dashed } else { Stroke::Normal };
        let dots = end_dots(&name, role.into(), &main).map(|dots| of(group, dots));
        marks.push(of(group, line(name, true, role.into(), stroke, &main)));
        marks.extend(dots);
        curves.push(main);
    }
    behind.append(&mut marks);
    (!curves.is_empty()).then(|| Facet {
        title: String::new(),
        role: Role::Data,
        marks: behind,
        curves,
        one_key: false,
    })
}

/// What all lines of a panel are compared with, where it is the same for all of them.
fn common_reference(lines: &[Lines]) -> Option<Mark> {
    let mut references = lines.iter().map(|l| l.reference.as_ref().filter(|(_, c)| !c.x.is_empty()));
    let first = references.next()??;
    references.all(|other| other == Some(first)).then(|| reference_line(&first.0, &first.1))
}

fn panel_of<R>(
    results: &Results,
    pipeline: &str,
    groups: &[Group<R>],
    lines: &impl Fn(&Group<R>) -> Lines,
) -> Facet {
    let (keys, role) = (&results.keys, results.role(pipeline));
    let mine: Vec<&Group<R>> = groups.iter().filter(|g| g.pipeline == pipeline).collect();
    let drawn: Vec<Lines> = mine.iter().map(|g| lines(g)).collect();
    let points: Vec<&[String]> = mine.iter().map(|g| g.values).collect();
    let ends: Vec<Option<f64>> = drawn.iter().map(|l| l.main.last()).collect();
    let emphasis = Emphasis::new(keys, &points, &ends);
    let many = mine.len() > NAMED_POINTS;
    let one_key = emphasis.one_key;
    let reference = common_reference(&drawn);
    let (mut raw_marks, mut quiet, mut named, mut curves) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((group, lines), (label, strength)) in mine.iter().zip(drawn).zip(emphasis.lines) {
        if lines.main.x.is_empty() {
            continue;
        }
        let point = point_name(keys, group.values);
        if let Some(raw) = lines.raw.filter(|_| !many) {
            let label = format!("{point}, raw");
            let ink = Ink { role, strength: 0.3 * strength };
            raw_marks.push(of(group, line(label, false, ink, Stroke::Thin, &raw)));
        }
        match label {
            Some(label) => {
                let ink = Ink { role, strength };
                named.extend(end_dots(&point, ink, &lines.main).map(|dots| of(group, dots)));
                named.push(of(group, line(label, true, ink, Stroke::Normal, &lines.main)));
            }
            None => {
                let plain = Curve { low: Vec::new(), high: Vec::new(), ..lines.main.clone() };
                quiet.push(of(group, line(point, false, Ink { role, strength }, Stroke::Thin, &plain)));
            }
        }
        curves.push(lines.main);
    }
    raw_marks.append(&mut quiet);
    raw_marks.append(&mut named);
    raw_marks.extend(reference);
    let title = pipeline_name(pipeline).to_string();
    Facet { title, role, marks: raw_marks, curves, one_key }
}
