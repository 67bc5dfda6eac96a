//! The marks of a panel, from data units to paths.

use super::scale::position;
use super::svg::{Area, Svg, dots, fine_path, path};
use super::theme::{STEPS, Theme, step_of};
use crate::report::figures::model::{ColourBar, Mark, Panel, Stroke};

/// Pixels beyond the left and right side of a panel in which marks are still drawn.
const SIDE: f64 = 3.0;

/// Draws all marks of a panel, cut off at its sides.
pub fn draw(svg: &mut Svg, panel: &Panel, plot: Area) {
    // Dots on the sides stay whole.
    svg.begin_clip(Area { x: plot.x - SIDE, width: plot.width + 2.0 * SIDE, ..plot });
    for (number, mark) in panel.marks.iter().enumerate() {
        svg.begin_group("m", number);
        one(svg, panel, plot, mark);
        svg.end_group();
    }
    svg.end_clip();
}

fn one(svg: &mut Svg, panel: &Panel, plot: Area, mark: &Mark) {
    let spot = |x: f64, y: f64| {
        let (x, y) = if panel.is_turned() { (y, x) } else { (x, y) };
        (plot.x + position(&panel.x, x) * plot.width, plot.bottom() - position(&panel.y, y) * plot.height)
    };
    let along = if panel.is_turned() { &panel.y } else { &panel.x };
    let through = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| spot(*x, *y)).collect::<Vec<_>>();
    match mark {
        Mark::Line { ink, stroke, x, y, low, high, .. } => {
            let colour = svg.theme.colour(*ink);
            if !low.is_empty() {
                let band = through(x, high).into_iter().chain(through(x, low).into_iter().rev());
                svg.fill(&(fine(svg, band) + "Z"), &colour, 0.16);
            }
            let width = if matches!(stroke, Stroke::Thin | Stroke::Guide) { 1.0 } else { 2.0 };
            let line = fine(svg, through(x, y));
            svg.stroke(&line, &colour, width, matches!(stroke, Stroke::Dashed | Stroke::Guide));
        }
        Mark::Level { ink, y, band, .. } => {
            let colour = svg.theme.colour(*ink);
            let across = |y: f64| [spot(along.low, y), spot(along.high, y)];
            if let Some((low, high)) = band {
                let corners = across(*high).into_iter().chain(across(*low).into_iter().rev());
                svg.fill(&(path(corners) + "Z"), &colour, 0.1);
            }
            svg.stroke(&path(across(*y)), &colour, 1.2, true);
        }
        Mark::Points { ink, size, x, y, value, .. } => {
            let positions = through(x, y);
            match &panel.colour {
                Some(bar) if !value.is_empty() => shaded(svg, bar, &positions, value, *size),
                _ => svg.stroke(&dots(positions), &svg.theme.colour(*ink), *size, false),
            }
        }
        Mark::Intervals { ink, open, x, y, low, high, .. } => {
            let colour = svg.theme.colour(*ink);
            let bars: String =
                (0..x.len()).map(|i| path([spot(x[i], low[i]), spot(x[i], high[i])])).collect();
            svg.stroke(&bars, &colour, 1.5, false);
            dot_signs(svg, through(x, y), &colour, *open);
        }
        Mark::Sheet { label, png, .. } => svg.picture(plot, png, label),
        Mark::Contours { lines, .. } => {
            let all: String =
                lines.iter().map(|line| path(line.iter().map(|point| spot(point[0], point[1])))).collect();
            svg.stroke(&all, &svg.theme.quiet(), 1.0, false);
        }
        Mark::Histogram { ink, edges, heights, .. } => {
            let colour = svg.theme.colour(*ink);
            let steps = heights.iter().enumerate().flat_map(|(i, h)| [(edges[i], *h), (edges[i + 1], *h)]);
            let ends = [(edges[0], 0.0)].into_iter().chain(steps).chain([(edges[edges.len() - 1], 0.0)]);
            svg.fill(&(path(ends.map(|(x, y)| spot(x, y))) + "Z"), &colour, 0.5);
        }
    }
}

/// A path that the reader of a page may enlarge.
fn fine(svg: &Svg, points: impl IntoIterator<Item = (f64, f64)>) -> String {
    if svg.theme == Theme::Page { fine_path(points) } else { path(points) }
}

/// Filled or open dots.
pub fn dot_signs(svg: &mut Svg, positions: Vec<(f64, f64)>, colour: &str, open: bool) {
    svg.stroke(&dots(positions.clone()), colour, 8.0, false);
    if open {
        svg.stroke(&dots(positions), &svg.theme.paper(), 5.0, false);
    }
}

/// Points by the colour of their value. A run of equal colours is one path, in the order of the points.
fn shaded(svg: &mut Svg, bar: &ColourBar, positions: &[(f64, f64)], values: &[f64], size: f64) {
    let step = |value: f64| step_of(((value - bar.low) / (bar.high - bar.low)).clamp(0.0, 1.0));
    let mut begin = 0;
    while begin < positions.len() {
        let colour = step(values[begin]);
        let length = values[begin..].iter().take_while(|v| step(**v) == colour).count();
        let run = positions[begin..begin + length].iter().copied();
        svg.stroke(&dots(run), &svg.theme.value(colour), size, false);
        begin += length;
    }
}

/// The scale of values as a row of areas.
pub fn colour_bar(svg: &mut Svg, area: Area) {
    let width = area.width / STEPS as f64;
    for step in 0..STEPS {
        let x = area.x + width * step as f64;
        let colour = svg.theme.value(step);
        svg.rectangle(Area { x, width: width + 0.5, ..area }, &colour);
    }
}
