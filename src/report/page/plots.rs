//! The numbers behind the curves of the page, for tooltips, zoom and legends: of each figure its series, and of each panel
//! its place in the picture, its axes, and its marks in the order in which they are drawn.

use super::origins::Origins;
use crate::report::figures::captions::pipeline_name;
use crate::report::figures::draw::{Area, Theme, css_name};
use crate::report::figures::model::{Axis, Form, Ink, Mark, Origin, Panel, PanelRow, Role, Stroke};
use crate::report::figures::spread::EACH;
use crate::report::figures::{Figure, Results};
use crate::report::point_names::point_name;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use std::collections::HashMap;

/// Points of a mark that can each be pointed at; clouds have more.
const MOST_DOTS: usize = 64;

/// Numbers of a figure: where there are more, thin lines have none, and no tooltip.
const MOST_NUMBERS: usize = 20_000;

/// All figures of a page.
#[derive(Serialize, Default)]
pub struct Plots {
    /// Lists of numbers, little-endian with 32 bits each, base64.
    numbers: Vec<String>,
    /// Axes, each once.
    axes: Vec<Axis>,
    /// What marks are, where their series do not say it, each once.
    labels: Vec<String>,
    figures: Vec<Plot>,
    #[serde(skip)]
    known: HashMap<String, usize>,
}

#[derive(Serialize)]
struct Plot {
    name: String,
    series: Vec<Series>,
    panels: Vec<Plotted>,
}

/// What an entry of the legend shows and hides.
#[derive(Serialize)]
struct Series {
    name: String,
    colour: String,
    dashed: bool,
    #[serde(skip)]
    key: (String, &'static str),
    /// Whether its colour is that of a mark that is not thin.
    #[serde(skip)]
    settled: bool,
}

#[derive(Serialize)]
struct Plotted {
    /// Where and what it is, if it has curves or dots that can be pointed at.
    #[serde(skip_serializing_if = "Option::is_none")]
    curves: Option<Place>,
    marks: Vec<Marked>,
}

#[derive(Serialize)]
struct Place {
    title: String,
    /// Left, top, width and height of the plot.
    at: [f64; 4],
    /// The numbers of its axes.
    x: usize,
    y: usize,
    /// Whether abscissas run along the vertical axis.
    turned: bool,
}

#[derive(Serialize)]
struct Marked {
    /// The number of its series.
    #[serde(skip_serializing_if = "Option::is_none")]
    series: Option<usize>,
    /// The number of what it is, where the series does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<usize>,
    /// Whose results it shows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    of: Vec<usize>,
    /// Whether it may leave the axes when they are fitted to what is seen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    aside: bool,
    /// The lists of its abscissas, ordinates, and lower and upper ends of intervals.
    #[serde(skip_serializing_if = "Option::is_none")]
    lists: Option<[Option<usize>; 4]>,
}

impl Plots {
    /// Adds a figure whose panels have their plots at these places.
    pub fn add(&mut self, results: &Results, origins: &Origins, figure: &Figure, places: &[Area]) {
        let panels = || figure.rows.iter().flat_map(|row| row.panels.iter().map(move |panel| (row, panel)));
        let size =
            |mark: &Mark| lists(mark).map_or(0, |lists| lists.iter().map(|list| list.len()).sum::<usize>());
        let total: usize = panels()
            .filter(|(row, panel)| has_curves(row, panel))
            .flat_map(|(_, p)| &p.marks)
            .map(size)
            .sum();
        // Where the points of a mark are those of a sweep, a series is what has one label, else one sweep point.
        let along = panels().flat_map(|(_, panel)| &panel.marks).any(|mark| mark.origins().len() > 1);
        let mut plot = Plot { name: figure.name.clone(), series: Vec::new(), panels: Vec::new() };
        for ((row, panel), place) in panels().zip(places) {
            let curves = has_curves(row, panel);
            let marked = |mark: &Mark| {
                let series = curves.then(|| plot.series_of(results, mark, along)).flatten();
                let label = series.and_then(|series| {
                    let label = label(mark).filter(|label| !plot.series[series].name.contains(label))?;
                    Some(number(&mut self.labels, &label.to_string()))
                });
                let lists = lists(mark).filter(|_| curves && (total <= MOST_NUMBERS || !is_thin(mark)));
                let lists = lists.map(|lists| lists.map(|list| self.list(list)));
                Marked { series, label, of: origins.of_mark(mark), aside: is_aside(mark), lists }
            };
            let marks = panel.marks.iter().map(marked).collect();
            let title =
                [row.title.as_str(), panel.title.as_str()].into_iter().filter(|part| !part.is_empty());
            let place = curves.then(|| Place {
                title: title.collect::<Vec<_>>().join(", "),
                at: [place.x, place.y, place.width, place.height].map(hundredths),
                x: number(&mut self.axes, &panel.x),
                y: number(&mut self.axes, &panel.y),
                turned: panel.is_turned(),
            });
            plot.panels.push(Plotted { curves: place, marks });
        }
        self.figures.push(plot);
    }

    /// The number of a list; none of an empty one. Equal lists are one.
    fn list(&mut self, values: &[f64]) -> Option<usize> {
        if values.is_empty() {
            return None;
        }
        let bytes: Vec<u8> = values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect();
        let text = STANDARD.encode(bytes);
        if let Some(number) = self.known.get(&text) {
            return Some(*number);
        }
        self.numbers.push(text.clone());
        self.known.insert(text, self.numbers.len() - 1);
        Some(self.numbers.len() - 1)
    }
}

impl Plot {
    /// The series of a mark, which is added where it is a new one.
    fn series_of(&mut self, results: &Results, mark: &Mark, along: bool) -> Option<usize> {
        let (label, ink) = (label(mark)?, ink(mark)?);
        let name = match mark.origins() {
            [Origin { pipeline, point }] if !along => {
                let parts = [pipeline_name(pipeline).to_string(), point_name(&results.keys, point)];
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
            }
            _ => label.strip_suffix(EACH).unwrap_or(label).to_string(),
        };
        // Values on a scale of colours have no colour of their own.
        let role = if matches!(ink.role, Role::Value(_)) { Role::Data } else { ink.role };
        let key = (name.clone(), css_name(role));
        let (colour, settled) = (Theme::Page.colour(ink), !is_thin(mark));
        let dashed =
            matches!(mark, Mark::Level { .. } | Mark::Line { stroke: Stroke::Dashed | Stroke::Guide, .. });
        let number = self.series.iter().position(|series| series.key == key).unwrap_or(self.series.len());
        if number == self.series.len() {
            self.series.push(Series { name, colour, dashed, key, settled });
        } else if settled && !self.series[number].settled {
            let series = &mut self.series[number];
            (series.colour, series.dashed, series.settled) = (colour, dashed, true);
        }
        Some(number)
    }
}

/// The number of a thing among those that are known, to which it is added where it is a new one.
fn number<T: Clone + PartialEq>(known: &mut Vec<T>, thing: &T) -> usize {
    known.iter().position(|other| other == thing).unwrap_or_else(|| {
        known.push(thing.clone());
        known.len() - 1
    })
}

/// A place in a picture, as fine as its paths.
fn hundredths(pixels: f64) -> f64 {
    (100.0 * pixels).round() / 100.0
}

/// Whether a panel shows curves or single dots, and neither clouds nor histograms.
fn has_curves(row: &PanelRow, panel: &Panel) -> bool {
    let fits = |mark: &Mark| match mark {
        Mark::Line { .. } | Mark::Level { .. } | Mark::Intervals { .. } => true,
        Mark::Points { x, value, .. } => value.is_empty() && x.len() <= MOST_DOTS,
        Mark::Contours { .. } | Mark::Histogram { .. } | Mark::Sheet { .. } => false,
    };
    row.form != Form::Square && panel.marks.iter().all(fits)
}

fn label(mark: &Mark) -> Option<&str> {
    match mark {
        Mark::Line { label, .. }
        | Mark::Level { label, .. }
        | Mark::Points { label, .. }
        | Mark::Intervals { label, .. } => Some(label),
        Mark::Contours { .. } | Mark::Histogram { .. } | Mark::Sheet { .. } => None,
    }
}

fn ink(mark: &Mark) -> Option<Ink> {
    match mark {
        Mark::Line { ink, .. }
        | Mark::Level { ink, .. }
        | Mark::Points { ink, .. }
        | Mark::Intervals { ink, .. } => Some(*ink),
        Mark::Contours { .. } | Mark::Histogram { .. } | Mark::Sheet { .. } => None,
    }
}

fn is_thin(mark: &Mark) -> bool {
    matches!(mark, Mark::Line { stroke: Stroke::Thin, .. } | Mark::Points { .. })
}

/// What is drawn behind the results.
fn is_aside(mark: &Mark) -> bool {
    matches!(mark, Mark::Line { stroke: Stroke::Thin | Stroke::Guide, .. } | Mark::Level { .. })
}

/// Abscissas, ordinates, lower and upper ends; guides are places on an axis and have none.
fn lists(mark: &Mark) -> Option<[&[f64]; 4]> {
    match mark {
        Mark::Line { stroke: Stroke::Guide, .. } => None,
        Mark::Line { x, y, low, high, .. } | Mark::Intervals { x, y, low, high, .. } => {
            Some([x, y, low, high])
        }
        Mark::Points { x, y, .. } => Some([x, y, &[], &[]]),
        Mark::Level { .. } | Mark::Contours { .. } | Mark::Histogram { .. } | Mark::Sheet { .. } => None,
    }
}
