//! The page of a map: a table before and after it, and what is left. It opens from disk and asks nothing of a network.

mod figures;
mod left;

use super::figures::draw::{Theme, escape, svg};
use super::figures::model::{Figure, Role};
use super::page::style;
use crate::numeric::random::Stream;
use figures::Axes;
use left::{AxisSummary, Left};
use ndarray::Array2;
use std::fmt::Write;

/// What the page is about.
#[derive(Debug)]
pub struct MapResults {
    /// Name of the map, for the title.
    pub name: String,
    /// Where the points come from.
    pub data: String,
    /// Names of the columns, and the points `(n, d)` in the data's units.
    pub columns: Vec<String>,
    /// The points.
    pub points: Array2<f64>,
    /// The mapped points, `(n, k)`.
    pub mapped: Array2<f64>,
    /// Mean log-density of the points under the map with its standard error, nats; none where it is no number.
    pub log_density: Option<(f64, f64)>,
    /// The same under one normal distribution fitted to these very points; none where there is none.
    pub one_normal: Option<f64>,
    /// Largest difference of a point and what comes back of it, in standard deviations of its column.
    pub round_trip: f64,
}

/// The page, and a short text of the same numbers for the terminal.
///
/// # Errors
/// If a random direction cannot be drawn.
pub fn map_page(results: &MapResults) -> Result<(String, String), String> {
    let (x, z) = (results.points.view(), results.mapped.view());
    let stream = Stream::new(0, 0, "map page");
    let left = Left::of(z, &stream)?;
    let before = AxisSummary::of_axes(x);
    let names: Vec<String> = (0..z.ncols()).map(|j| format!("z{j}")).collect();
    let (old, new) = (
        Axes { points: x, names: &results.columns, summaries: &before, role: Role::Baseline, mapped: false },
        Axes { points: z, names: &names, summaries: &left.axes, role: Role::Gaussianized, mapped: true },
    );
    let sections = [
        ("numbers", "In numbers", numbers(results, &left)),
        (
            "before",
            "Before",
            picture(&old.histograms("columns", "The columns of the table"))
                + &picture(&old.quantiles("columns-qq", "Their quantiles beside normal ones"))
                + &table(&results.columns, &before, None),
        ),
        (
            "after",
            "After",
            picture(&new.histograms("axes", "The axes after the map"))
                + &picture(&new.quantiles("axes-qq", "Their quantiles beside normal ones"))
                + &table(&names, &left.axes, Some(left.axis_floor)),
        ),
        ("left", "What is left", pairs(results, &names, &left)),
    ];
    let name = escape(&results.name);
    let mut body = format!(
        r#"<header><div><h1>{name}</h1><p class="muted">{}: {} points, {} columns</p></div></header><nav>"#,
        escape(&results.data),
        x.nrows(),
        x.ncols()
    );
    for (id, title, _) in &sections {
        let _ = write!(body, r##"<a href="#{id}">{title}</a>"##);
    }
    body += "</nav>";
    for (id, title, text) in &sections {
        let _ = write!(body, r#"<section id="{id}"><h2>{title}</h2>{text}</section>"#);
    }
    let page = format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:">
<meta name="generator" content="gdiff map {version}"><title>{name}</title><style>
{style}</style></head><body>
{body}
</body></html>
"#,
        version = env!("CARGO_PKG_VERSION"),
        style = style(),
    );
    Ok((page, text(results, &left)))
}

/// The lines of the first section: what, its value, and what to compare it with.
fn lines(results: &MapResults, left: &Left) -> Vec<(String, String, String)> {
    let mut lines = Vec::new();
    let mut line = |what: &str, value: String, beside: String| lines.push((what.to_string(), value, beside));
    let beside = results.one_normal.map_or(String::new(), |v| {
        format!("{v:.4} under one normal distribution fitted to these very points")
    });
    match results.log_density {
        Some((mean, _)) if results.points.nrows() < 2 => {
            line("mean log-density, nats", format!("{mean:.4} (one point has no interval)"), beside);
        }
        Some((mean, error)) => line("mean log-density, nats", format!("{mean:.4} +- {error:.4}"), beside),
        None => line("mean log-density, nats", "none: below the range of numbers".to_string(), beside),
    }
    line(
        "sliced W2 distance to N(0, I)",
        format!("{:.4}", left.sliced),
        format!("true normal points: {:.4}, 95 of 100 below {:.4}", left.sliced_floor.0, left.sliced_floor.1),
    );
    let worst = left.axes.iter().enumerate().max_by(|a, b| a.1.distance.total_cmp(&b.1.distance));
    if let Some((j, axis)) = worst {
        line(
            "largest W2 distance of an axis to N(0, 1)",
            format!("{:.4} (z{j})", axis.distance),
            format!("of as many true normal axes: 95 of 100 below {:.4}", left.axis_floor),
        );
    }
    let z = results.mapped.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
    let (n, d) = results.mapped.dim();
    // Half of all samples of true normal numbers have a larger maximum.
    let tail = 0.5 * (1.0 - 0.5_f64.powf(1.0 / (n * d) as f64));
    let usual = -crate::numeric::normal::quantile(tail, 1.0 - tail);
    line("largest |z|", format!("{z:.2}"), format!("true normal numbers: {usual:.2} in the median"));
    if let Some(pair) = left.pairs.first() {
        line(
            "largest correlation of a pair, of values or sizes",
            format!("{:.3} (z{}, z{})", pair.largest(), pair.axes.0, pair.axes.1),
            format!("of independent axes: 95 of 100 below {:.3}", left.pair_floor),
        );
    }
    line(
        "round trip, standard deviations",
        format!("{:.1e}", results.round_trip),
        "largest difference of a point and what comes back of it".to_string(),
    );
    lines
}

fn text(results: &MapResults, left: &Left) -> String {
    let lines = lines(results, left);
    let width = lines.iter().map(|(what, _, _)| what.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (what, value, beside) in lines {
        let _ = writeln!(text, "{what:width$}  {value}");
        if !beside.is_empty() {
            let _ = writeln!(text, "{:width$}    {beside}", "");
        }
    }
    text
}

fn numbers(results: &MapResults, left: &Left) -> String {
    let mut text = "<table><tbody>".to_string();
    for (what, value, beside) in lines(results, left) {
        let _ = write!(
            text,
            r#"<tr><td class="words">{}</td><td>{}</td><td class="words muted">{}</td></tr>"#,
            escape(&what),
            escape(&value.replace("+-", "\u{b1}")),
            escape(&beside)
        );
    }
    text + "</tbody></table><p class=\"muted\">Of the points that the map was fitted to, all of this is too favourable: give fresh ones.</p>"
}

fn picture(figure: &Figure) -> String {
    format!(r#"<figure id="{}">{}</figure>"#, escape(&figure.name), svg(figure, Theme::Page))
}

/// The axes in numbers; those beyond the floor are bold.
fn table(names: &[String], axes: &[AxisSummary], floor: Option<f64>) -> String {
    let mut headings =
        vec!["axis", "mean", "std", "skewness", "excess kurtosis", "negentropy", "largest |y|"];
    if floor.is_some() {
        headings.push("W2 to N(0, 1)");
    }
    let mut text = "<table><thead><tr>".to_string();
    for (k, heading) in headings.iter().enumerate() {
        let _ = write!(text, "<th{}>{heading}</th>", if k == 0 { r#" class="words""# } else { "" });
    }
    text += "</tr></thead><tbody>";
    for (name, axis) in names.iter().zip(axes) {
        let _ = write!(text, r#"<tr><td class="words">{}</td>"#, escape(name));
        let numbers =
            [axis.mean, axis.std, axis.skewness, axis.excess_kurtosis, axis.negentropy, axis.largest];
        for value in numbers {
            let _ = write!(text, "<td>{}</td>", short(value));
        }
        if let Some(floor) = floor {
            let bold = axis.distance > floor;
            let value = short(axis.distance);
            let _ = write!(text, "<td>{}</td>", if bold { format!("<b>{value}</b>") } else { value });
        }
        text += "</tr>";
    }
    let note = floor.map_or(String::new(), |floor| {
        format!(
            r#"<p class="muted">Bold: beyond {floor:.4}, below which the largest distance of as many true normal axes is in 95 of 100 cases.</p>"#
        )
    });
    super::page::scrolling(&(text + "</tbody></table>")) + &note
}

fn short(value: f64) -> String {
    match value {
        v if !v.is_finite() => String::new(),
        v if v == 0.0 || (1e-3..1e5).contains(&v.abs()) => format!("{v:.4}"),
        v => format!("{v:.2e}"),
    }
}

fn pairs(results: &MapResults, names: &[String], left: &Left) -> String {
    let Some(figure) = figures::pairs(results.mapped.view(), names, left) else {
        return "<p>One axis has no pairs.</p>".to_string();
    };
    let mut text = picture(&figure);
    text += r#"<table><thead><tr><th class="words">pair</th><th>correlation</th><th>of sizes |z|</th></tr></thead><tbody>"#;
    for pair in &left.pairs {
        let cell = |value: f64| match value.abs() > left.pair_floor {
            true => format!("<td><b>{value:+.4}</b></td>"),
            false => format!("<td>{value:+.4}</td>"),
        };
        let _ = write!(
            text,
            r#"<tr><td class="words">{}, {}</td>{}{}</tr>"#,
            names[pair.axes.0],
            names[pair.axes.1],
            cell(pair.correlation),
            cell(pair.of_sizes)
        );
    }
    text + "</tbody></table>"
}
