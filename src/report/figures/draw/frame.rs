//! What surrounds the marks of a panel: grid, ticks, names of axes.

use super::scale::{self, position, ticks};
use super::svg::{Anchor, Area, Font, Svg, path};
use super::text;
use crate::report::figures::model::{Axis, Figure, Form, Panel, Scale};

/// Size of numbers along axes.
const TICK: f64 = 11.5;

/// Size of the names of axes.
const NAME: f64 = 12.5;

/// Pixels between two ticks of the horizontal axis, and of the vertical one.
const APART: (f64, f64) = (76.0, 46.0);

/// Pixels between two ticks of the horizontal axis of a narrow panel.
const APART_NARROW: f64 = 46.0;

/// Panels that are less wide than this are narrow.
const NARROW: f64 = 300.0;

/// Pixels between two ticks of a square panel.
const SQUARE: f64 = 36.0;

/// Which axes of a panel have numbers: axes that several panels share have them once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The horizontal one.
    pub x: bool,
    /// The vertical one.
    pub y: bool,
}

/// Numbers are written left of the first of equal vertical axes in a row, and below a row unless every panel has one
/// with an equal horizontal axis below it.
pub fn shown(figure: &Figure, row: usize, column: usize) -> Shown {
    let Some(panel) = figure.rows[row].panels.get(column) else { return Shown { x: false, y: false } };
    let left = column.checked_sub(1).and_then(|c| figure.rows[row].panels.get(c));
    let below = |c: usize| figure.rows.get(row + 1).and_then(|next| next.panels.get(c));
    let alone = |(c, panel): (usize, &Panel)| below(c).is_none_or(|under| under.x != panel.x);
    let x = figure.rows[row].panels.iter().enumerate().any(alone);
    Shown { x, y: left.is_none_or(|p| p.y != panel.y) }
}

/// Space that the vertical axis takes.
pub fn left_gutter(panel: &Panel, shown: Shown) -> f64 {
    if !shown.y {
        return 0.0;
    }
    // How many ticks there will be depends on the height, which depends on the gutters.
    let counts = [3.0, 4.0, 6.0, 8.0];
    let labels = counts.into_iter().flat_map(|count| inside(&panel.y, count));
    let width = |label: &str| label.lines().map(|line| text::width(line, TICK, false)).fold(0.0, f64::max);
    let widths = labels.map(|(_, label)| width(&label));
    widths.fold(0.0, f64::max) + 8.0 + if scale::name(&panel.y).is_empty() { 0.0 } else { 20.0 }
}

/// Space that the horizontal axis takes.
pub fn below(panel: &Panel, shown: Shown) -> f64 {
    if !shown.x {
        return 0.0;
    }
    let lines = match &panel.x.scale {
        Scale::Named(names) => names.iter().map(|name| name.lines().count()).max().unwrap_or(1),
        _ => 1,
    };
    6.5 + 15.0 * lines as f64 + if scale::name(&panel.x).is_empty() { 0.0 } else { 18.0 }
}

/// The ticks between the ends of an axis.
fn inside(axis: &Axis, count: f64) -> Vec<(f64, String)> {
    let within = |(value, _): &(f64, String)| (-1e-9..=1.0 + 1e-9).contains(&position(axis, *value));
    ticks(axis, count).into_iter().filter(within).collect()
}

/// Grid, ticks and names of a panel; `gutter` is the space to its left.
pub fn draw(svg: &mut Svg, panel: &Panel, plot: Area, shown: Shown, gutter: f64, form: Form) {
    let grid = svg.theme.grid();
    let (across, up) = match form {
        // Both axes of a square have the same unit, and so the same ticks.
        Form::Square => ((plot.width / SQUARE).max(2.0), (plot.width / SQUARE).max(2.0)),
        Form::Ratio(_) if panel.is_turned() && plot.width < NARROW => {
            ((plot.width / APART_NARROW).max(2.0), 2.0)
        }
        Form::Ratio(_) => ((plot.width / APART.0).max(2.0), (plot.height / APART.1).max(2.0)),
    };
    let font = Font { size: TICK, colour: svg.theme.muted(), bold: false };
    svg.begin_group("ty", usize::from(shown.y));
    for (value, label) in inside(&panel.y, up) {
        let y = plot.bottom() - position(&panel.y, value) * plot.height;
        svg.stroke(&path([(plot.x, y), (plot.right(), y)]), &grid, 1.0, false);
        if shown.y {
            let above = 7.0 * (label.lines().count() as f64 - 1.0);
            for (i, line) in label.lines().enumerate() {
                let y = y + 0.36 * TICK - above + 14.0 * i as f64;
                svg.text(plot.x - 6.0, y, Anchor::End, &font, line);
            }
        }
    }
    svg.end_group();
    svg.begin_group("tx", usize::from(shown.x));
    for (value, label) in inside(&panel.x, across) {
        let x = plot.x + position(&panel.x, value) * plot.width;
        if !matches!(panel.x.scale, Scale::Named(_)) {
            svg.stroke(&path([(x, plot.y), (x, plot.bottom())]), &grid, 1.0, false);
        }
        if shown.x {
            for (i, line) in label.lines().enumerate() {
                svg.text(x, plot.bottom() + 18.5 + 14.0 * i as f64, Anchor::Middle, &font, line);
            }
        }
    }
    svg.end_group();
    svg.frame(plot, &grid);
    let name = Font { size: NAME, colour: svg.theme.ink(), bold: false };
    let (below_axis, beside_axis) = (scale::name(&panel.x), scale::name(&panel.y));
    if shown.x && !below_axis.is_empty() {
        let y = plot.bottom() + below(panel, shown);
        svg.text(plot.x + 0.5 * plot.width, y, Anchor::Middle, &name, &below_axis);
    }
    if shown.y && !beside_axis.is_empty() {
        let x = plot.x - gutter + 12.0;
        svg.rotated_text(x, plot.y + 0.5 * plot.height, Anchor::Middle, &name, &beside_axis, true);
    }
}
