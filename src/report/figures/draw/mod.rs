//! From [`Figure`]s to pictures: one layout and one style for all.

mod frame;
mod labels;
mod marks;
mod png;
mod scale;
mod svg;
mod text;
mod theme;

pub use png::png;
pub use scale::{label as number_label, name as axis_name, ticks};
pub use svg::Area;
pub use text::{REGULAR as FONT_REGULAR, SEMI_BOLD as FONT_SEMI_BOLD, escape};
pub use theme::{Theme, css_name, css_variables};

use super::model::{Figure, Form, Mark, Panel, PanelRow, Role};
use frame::Shown;
use svg::{Anchor, Font, Svg};

/// Width of every figure, in pixels.
const WIDTH: f64 = 960.0;

/// Around the figure.
const PAD: f64 = 22.0;

/// Between panels.
const GAP: f64 = 24.0;

/// Above a panel with a title.
const TITLE: f64 = 22.0;

/// Above a panel with a colour scale.
const BAR: f64 = 40.0;

/// Highest panel.
const HIGHEST: f64 = 380.0;

/// Widest square panel.
const WIDEST_SQUARE: f64 = 300.0;

/// Where everything goes.
struct Layout {
    /// Left gutter of each column.
    left: Vec<f64>,
    /// Right gutter of each column.
    right: Vec<f64>,
    /// Width of each plot.
    plot: f64,
    /// Space for the titles of rows.
    row_titles: f64,
}

/// The figure as SVG.
pub fn svg(figure: &Figure, theme: Theme) -> String {
    placed(figure, theme).0
}

/// The figure as SVG, and where the plot of each of its panels is, row by row. In the theme of a page the panels, their
/// marks, the names at the ends of lines and the ticks are groups with the classes `p`, `m`, `n`, `tx` and `ty`. Their
/// `data-n` is the number of the panel among all, of the mark in its panel, or whether the ticks have labels.
pub fn placed(figure: &Figure, theme: Theme) -> (String, Vec<Area>) {
    let mut svg = Svg::new(theme, &figure.name);
    let layout = layout(figure);
    let mut places = Vec::new();
    let mut y = header(&mut svg, figure);
    y = key(&mut svg, figure, y);
    for index in 0..figure.rows.len() {
        y = panel_row(&mut svg, figure, index, &layout, y, &mut places);
    }
    let small = Font { size: 11.5, colour: theme.muted(), bold: false };
    for line in text::wrap(&figure.note, small.size, WIDTH - 2.0 * PAD) {
        y += 16.0;
        svg.text(PAD, y, Anchor::Start, &small, &line);
    }
    (svg.finish(WIDTH, y + PAD - 4.0, &format!("{}. {}", figure.title, figure.setting)), places)
}

/// Title and setting; returns where they end.
fn header(svg: &mut Svg, figure: &Figure) -> f64 {
    let mut y = PAD + 14.0;
    let title = Font { size: 18.0, colour: svg.theme.ink(), bold: true };
    svg.text(PAD, y, Anchor::Start, &title, &figure.title);
    let setting = Font { size: 12.5, colour: svg.theme.muted(), bold: false };
    for line in text::wrap(&figure.setting, setting.size, WIDTH - 2.0 * PAD) {
        y += 19.0;
        svg.text(PAD, y, Anchor::Start, &setting, &line);
    }
    y + 14.0
}

/// What dots with intervals are, once for the figure; returns where it ends. What several colours share has the colour
/// of text; what is named along an axis has no entry.
fn key(svg: &mut Svg, figure: &Figure, y: f64) -> f64 {
    let mut entries: Vec<(&str, super::model::Ink, bool)> = Vec::new();
    let panels = || figure.rows.iter().flat_map(|row| &row.panels);
    let named = |label: &String| panels().filter_map(Panel::places).any(|places| places.contains(label));
    for mark in panels().flat_map(|panel| &panel.marks) {
        if let Mark::Intervals { label, ink, open, .. } = mark {
            match entries.iter_mut().find(|(known, ..)| known == label) {
                Some((_, known, _)) if *known != *ink => *known = Role::Data.into(),
                Some(_) => {}
                None if named(label) => {}
                None => entries.push((label, *ink, *open)),
            }
        }
    }
    if entries.is_empty() {
        return y;
    }
    let font = Font { size: labels::SIZE, colour: svg.theme.ink(), bold: false };
    let (mut x, mut y) = (PAD + 5.0, y + 12.0);
    for (label, ink, open) in entries {
        let width = 14.0 + text::width(label, font.size, false) + 22.0;
        if x + width > WIDTH - PAD {
            (x, y) = (PAD + 5.0, y + 18.0);
        }
        let colour = svg.theme.colour(ink);
        marks::dot_signs(svg, vec![(x, y - 4.0)], &colour, open);
        svg.text(x + 10.0, y, Anchor::Start, &font, label);
        x += width;
    }
    y + 12.0
}

/// Whether the names at line ends are written at this panel, or once at the row's last.
fn names_here(row: &PanelRow, column: usize) -> bool {
    let names = |panel: &Panel| panel.marks.iter().filter_map(Mark::end_label).map(str::to_string).collect();
    let first: Vec<String> = row.panels.first().map(names).unwrap_or_default();
    let alike = row.panels.len() > 2 && row.panels.iter().all(|panel| names(panel) == first);
    !alike || column + 1 == row.panels.len()
}

fn layout(figure: &Figure) -> Layout {
    let columns = figure.rows.iter().map(|row| row.panels.len()).max().unwrap_or(1).max(1);
    let (mut left, mut right) = (vec![0.0_f64; columns], vec![0.0_f64; columns]);
    for (index, row) in figure.rows.iter().enumerate() {
        for (c, panel) in row.panels.iter().enumerate() {
            left[c] = left[c].max(frame::left_gutter(panel, frame::shown(figure, index, c)));
            if names_here(row, c) {
                right[c] = right[c].max(labels::gutter(panel));
            }
        }
    }
    let row_titles = if figure.rows.iter().any(|row| !row.title.is_empty()) { 24.0 } else { 0.0 };
    let taken: f64 = left.iter().chain(&right).sum();
    let free = WIDTH - 2.0 * PAD - row_titles - taken - GAP * (columns - 1) as f64;
    let mut plot = free / columns as f64;
    if figure.rows.iter().any(|row| row.form == Form::Square) {
        plot = plot.min(WIDEST_SQUARE);
    }
    Layout { left, right, plot: plot.max(60.0), row_titles }
}

/// The titles above the panels of a row; not again where they are those of the row before.
fn titles(figure: &Figure, index: usize) -> Vec<&str> {
    let of = |row: &PanelRow| row.panels.iter().map(|panel| panel.title.clone()).collect::<Vec<_>>();
    let row = &figure.rows[index];
    let again = index > 0 && of(&figure.rows[index - 1]) == of(row);
    row.panels.iter().map(|panel| if again { "" } else { panel.title.as_str() }).collect()
}

/// A row of panels, whose plots are added to the `places`; returns where it ends.
fn panel_row(
    svg: &mut Svg,
    figure: &Figure,
    index: usize,
    layout: &Layout,
    y: f64,
    places: &mut Vec<Area>,
) -> f64 {
    let row = &figure.rows[index];
    let height = match row.form {
        Form::Square => layout.plot,
        Form::Ratio(ratio) => {
            // The names at the ends of lines must have room beside the panel.
            let named = row.panels.iter().enumerate().filter(|(c, _)| names_here(row, *c));
            let names = named.map(|(_, panel)| labels::height(panel)).fold(0.0, f64::max);
            (ratio * layout.plot).min(HIGHEST).max(names)
        }
    };
    let titles = titles(figure, index);
    let above = if titles.iter().any(|title| !title.is_empty()) { TITLE } else { 8.0 }
        + if row.panels.iter().any(|panel| panel.colour.is_some()) { BAR } else { 0.0 };
    let mut x = PAD + layout.row_titles;
    let mut below: f64 = 0.0;
    for (c, panel) in row.panels.iter().enumerate() {
        x += layout.left[c];
        let plot = Area { x, y: y + above, width: layout.plot, height };
        let shown: Shown = frame::shown(figure, index, c);
        svg.begin_group("p", places.len());
        places.push(plot);
        panel_titles(svg, titles[c], panel, plot);
        frame::draw(svg, panel, plot, shown, layout.left[c], row.form);
        marks::draw(svg, panel, plot);
        if names_here(row, c) {
            labels::draw(svg, panel, plot);
        }
        svg.end_group();
        below = below.max(frame::below(panel, shown));
        x += layout.plot + layout.right[c] + GAP;
    }
    if !row.title.is_empty() {
        let colour = match row.role {
            Role::Data => svg.theme.ink(),
            role => svg.theme.colour(role.into()),
        };
        let font = Font { size: 13.0, colour, bold: true };
        let title = text::shorten(&row.title, font.size, height + 8.0);
        svg.rotated_text(PAD + 12.0, y + above + 0.5 * height, Anchor::Middle, &font, &title, true);
    }
    y + above + height + below + 12.0
}

/// The title above a panel, and its colour scale.
fn panel_titles(svg: &mut Svg, title: &str, panel: &Panel, plot: Area) {
    let bar = if panel.colour.is_some() { BAR } else { 0.0 };
    let font = Font { size: 13.0, colour: svg.theme.ink(), bold: true };
    let title = text::shorten(title, font.size, plot.width + GAP - 6.0);
    svg.text(plot.x, plot.y - bar - 7.0, Anchor::Start, &font, &title);
    if let Some(scale) = &panel.colour {
        let area = Area { x: plot.x, y: plot.y - 36.0, width: 0.42 * plot.width, height: 9.0 };
        marks::colour_bar(svg, area);
        let small = Font { size: 11.0, colour: svg.theme.muted(), bold: false };
        let axis = super::model::Axis::linear(&scale.label, scale.low, scale.high);
        for (value, label) in scale::ticks(&axis, 3.0) {
            let x = area.x + scale::position(&axis, value) * area.width;
            svg.text(x, area.bottom() + 14.5, Anchor::Middle, &small, &label);
        }
        svg.text(area.right() + 8.0, area.bottom() - 1.0, Anchor::Start, &small, &scale::name(&axis));
    }
}
