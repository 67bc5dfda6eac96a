//! Names at the ends of lines: each as near to its line as it can be without touching another.

use super::svg::{Anchor, Area, Font, Svg, path};
use super::text;
use crate::report::figures::draw::scale::position;
use crate::report::figures::model::{Ink, Mark, Panel};

/// Size of the names, in pixels.
pub const SIZE: f64 = 12.0;

/// From one line of text to the next.
const LINE: f64 = 15.0;

/// Between a line's end and its name.
const LEADER: f64 = 16.0;

/// How far names may reach beyond the panel, above and below.
const BEYOND: f64 = 4.0;

/// Names wider than this are broken into lines.
const WIDEST: f64 = 150.0;

/// Space to the right of a panel that its names take; a turned panel has none.
pub fn gutter(panel: &Panel) -> f64 {
    if panel.is_turned() {
        return 0.0;
    }
    let widths = panel.marks.iter().filter_map(Mark::end_label).flat_map(|label| {
        text::wrap(label, SIZE, WIDEST).into_iter().map(|line| text::width(&line, SIZE, false))
    });
    widths.fold(0.0, f64::max)
        + if panel.marks.iter().any(|m| m.end_label().is_some()) { LEADER + 6.0 } else { 0.0 }
}

/// Height of a panel beside which all of its names have room.
pub fn height(panel: &Panel) -> f64 {
    if panel.is_turned() {
        return 0.0;
    }
    let lines =
        panel.marks.iter().filter_map(Mark::end_label).map(|label| text::wrap(label, SIZE, WIDEST).len());
    LINE * lines.sum::<usize>() as f64 - 2.0 * BEYOND
}

/// A name with the position that it would have best.
struct Label {
    /// The number of its mark in the panel.
    mark: usize,
    lines: Vec<String>,
    ink: Ink,
    /// Where the line ends.
    from: (f64, f64),
    /// Middle of the name.
    y: f64,
}

impl Label {
    fn height(&self) -> f64 {
        LINE * self.lines.len() as f64
    }
}

/// Writes the names of a panel's lines to its right.
pub fn draw(svg: &mut Svg, panel: &Panel, plot: Area) {
    if panel.is_turned() {
        return;
    }
    let spot = |x: f64, y: f64| {
        let y = plot.bottom() - position(&panel.y, y) * plot.height;
        (plot.x + position(&panel.x, x).min(1.0) * plot.width, y.clamp(plot.y, plot.bottom()))
    };
    let mut labels: Vec<Label> = panel
        .marks
        .iter()
        .enumerate()
        .filter_map(|(number, mark)| {
            let lines = text::wrap(mark.end_label()?, SIZE, WIDEST);
            let (ink, from) = match mark {
                Mark::Line { ink, x, y, .. } => {
                    let end = x.iter().zip(y).rev().find(|(x, y)| x.is_finite() && y.is_finite())?;
                    (*ink, spot(*end.0, *end.1))
                }
                Mark::Level { ink, y, .. } => {
                    let inside = (0.0..=1.0).contains(&position(&panel.y, *y));
                    (*ink, inside.then(|| spot(panel.x.high, *y))?)
                }
                _ => return None,
            };
            Some(Label { mark: number, lines, ink, from, y: from.1 })
        })
        .collect();
    labels.sort_by(|a, b| a.from.1.total_cmp(&b.from.1));
    spread(&mut labels, plot.y - BEYOND, plot.bottom() + BEYOND);
    for label in &labels {
        svg.begin_group("n", label.mark);
        let colour = svg.theme.colour(label.ink);
        let right = plot.right();
        let leader = [label.from, (label.from.0.max(right), label.from.1), (right + LEADER - 4.0, label.y)];
        svg.stroke(&path(leader.into_iter().skip(usize::from(label.from.0 >= right))), &colour, 1.5, false);
        let font = Font { size: SIZE, colour: svg.theme.ink(), bold: false };
        for (i, line) in label.lines.iter().enumerate() {
            let y = label.y - 0.5 * label.height() + LINE * i as f64 + 0.5 * LINE + 0.36 * SIZE;
            svg.text(right + LEADER, y, Anchor::Start, &font, line);
        }
        svg.end_group();
    }
}

/// Moves names, sorted by height, as little as it takes for none to touch another or leave the panel.
fn spread(labels: &mut [Label], top: f64, bottom: f64) {
    // Downwards so that each is below the one before, then upwards where the last ones ran out.
    let mut edge = top;
    for label in labels.iter_mut() {
        label.y = label.y.max(edge + 0.5 * label.height());
        edge = label.y + 0.5 * label.height();
    }
    let mut edge = bottom.max(top + labels.iter().map(Label::height).sum::<f64>());
    for label in labels.iter_mut().rev() {
        label.y = label.y.min(edge - 0.5 * label.height());
        edge = label.y - 0.5 * label.height();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::model::Role;

    #[test]
    fn names_never_touch_and_stay_in_the_panel() {
        for wanted in [vec![10.0, 10.5, 11.0], vec![95.0, 96.0, 99.0, 99.0], vec![5.0, 50.0, 51.0, 99.0]] {
            let mut labels: Vec<Label> = wanted
                .iter()
                .map(|&y| Label {
                    mark: 0,
                    lines: vec!["name".into()],
                    ink: Role::Data.into(),
                    from: (0.0, y),
                    y,
                })
                .collect();
            spread(&mut labels, 0.0, 100.0);
            assert!(labels.windows(2).all(|w| w[1].y - w[0].y >= LINE - 1e-9), "{wanted:?}");
            assert!(labels.iter().all(|l| l.y >= 0.5 * LINE && l.y <= 100.0 - 0.5 * LINE), "{wanted:?}");
        }
    }
}
