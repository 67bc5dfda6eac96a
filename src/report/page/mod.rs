//! `report.html`: one page with everything, that opens from disk and asks nothing of a network.

mod clouds;
mod curves;
mod inside;
mod links;
mod origins;
mod plots;
mod stops;
mod tables;

use crate::report::figures::draw::{FONT_REGULAR, FONT_SEMI_BOLD, Theme, css_variables, escape, placed};
use crate::report::figures::{Figure, Results, captions};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(crate) use tables::scrolling;

use origins::Origins;
use plots::Plots;

const CSS: &str = include_str!("page.css");
const JS: &str = concat!(
    include_str!("page.js"),
    include_str!("base.js"),
    include_str!("inside.js"),
    include_str!("plots.js"),
    include_str!("tips.js"),
    include_str!("pair.js"),
    include_str!("filter.js")
);

/// How the head of a page names what wrote it, up to the version.
const GENERATOR: &str = r#"<meta name="generator" content="gdiff "#;

/// Bytes of a file in which the head of a page ends.
const HEAD: u64 = 1024;

/// Whether a file is such a page, of whichever version.
pub fn is_page(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
    read.is_ok() && String::from_utf8_lossy(&head).contains(GENERATOR)
}

/// The page of results and their figures; `beside` says whether it will lie in the folder of the tables and runs.
/// The results' notices say which runs could not be sampled again.
pub fn page(results: &mut Results, figures: &[Figure], beside: bool) -> String {
    let (shown, failed) = inside::inside(results, &Origins::of(results));
    if let Some(error) = failed {
        results.notices.push(format!("the page lacks clouds: {error}"));
    }
    let results = &*results;
    let origins = Origins::of(results);
    let mut plots = Plots::default();
    let pictures = pictures(results, &origins, figures, &mut plots);
    let name = escape(&results.name());
    let mut body = String::new();
    let _ = write!(
        body,
        r#"<header><div><h1>{name}</h1><p class="muted">{}</p></div><button id="theme" type="button">Light / dark</button></header>"#,
        escape(&captions::details(results))
    );
    let sections = [
        ("summary", "Summary", tables::summary(results, &origins)),
        ("inside", "Inside the reverse process", inside::section(results, &shown)),
        ("figures", "Figures", pictures),
        ("files", "Files", links::section(results, &origins, beside)),
        ("notes", "Left out", notes(results)),
        ("spec", "Spec", tables::spec(results)),
        ("provenance", "Provenance", tables::provenance(results)),
    ];
    let there = || sections.iter().filter(|(_, _, text)| !text.is_empty());
    body += "<nav>";
    for (id, title, _) in there() {
        let _ = write!(body, r##"<a href="#{id}">{title}</a>"##);
    }
    body += r#"</nav><div id="filters"></div><noscript><p class="muted">Clouds, tooltips and filters need JavaScript; pictures and tables do not.</p></noscript>"#;
    for (id, title, text) in there() {
        let _ = write!(body, r#"<section id="{id}"><h2>{title}</h2>{text}</section>"#);
    }
    let data = [
        script("runs", &serde_json::to_string(&shown).unwrap_or_else(|_| "[]".to_string())),
        script("study", &serde_json::to_string(&origins.study()).unwrap_or_default()),
        script("plots", &serde_json::to_string(&plots).unwrap_or_default()),
    ]
    .concat();
    format!(
        r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:; img-src data:">
{GENERATOR}{version}"><title>{name}</title><style>
{style}</style><noscript><style>.controls, #theme {{ display: none; }}</style></noscript></head><body>
{body}
{data}
<script>
{js}</script></body></html>
"#,
        js = lean(JS),
        version = env!("CARGO_PKG_VERSION"),
        style = style(),
    )
}

/// Fonts, both sets of colours, and the layout.
pub(crate) fn style() -> String {
    let (light, dark) = (css_variables(false), css_variables(true));
    let mut css = String::new();
    for (bytes, weight) in [(FONT_REGULAR, 400), (FONT_SEMI_BOLD, 600)] {
        let data = STANDARD.encode(bytes);
        let _ = writeln!(
            css,
            "@font-face{{font-family:Inter;font-weight:{weight};src:url(data:font/otf;base64,{data})}}"
        );
    }
    let _ = writeln!(css, ":root{{color-scheme:light;{light}}}");
    let _ = writeln!(
        css,
        "@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}"
    );
    let _ = writeln!(css, ":root[data-theme=dark]{{color-scheme:dark;{dark}}}");
    css + &lean(CSS)
}

/// A script or style sheet without indentation and lines of comment.
/// No text in them goes on over several lines.
fn lean(source: &str) -> String {
    let lines = source.lines().map(str::trim);
    let kept = lines.filter(|line| !(line.is_empty() || line.starts_with("//") || line.starts_with("/*")));
    kept.flat_map(|line| [line, "\n"]).collect()
}

/// Data for the page's script.
fn script(id: &str, json: &str) -> String {
    // Within a script element a browser interprets `</` and `<!--`, whatever is around them. In JSON `<`
    // occurs in strings alone, where it may be written as an escape.
    let json = json.replace('<', "\\u003c");
    format!(r#"<script type="application/json" id="{id}">{json}</script>"#)
}

/// The figures, each in a box of its own with links to its files; their numbers are added to the `plots`.
fn pictures(results: &Results, origins: &Origins, figures: &[Figure], plots: &mut Plots) -> String {
    let one = |figure: &Figure| {
        let (svg, places) = placed(figure, Theme::Page);
        plots.add(results, origins, figure, &places);
        format!(
            r#"<figure id="{}">{}{}</figure>"#,
            escape(&figure.name),
            tables::scrolling(&svg),
            links::of_figure(figure)
        )
    };
    figures.iter().map(one).collect()
}

fn notes(results: &Results) -> String {
    if results.notices.is_empty() {
        return String::new();
    }
    let items: String = results.notices.iter().map(|text| format!("<li>{}</li>", escape(text))).collect();
    format!("<ul>{items}</ul>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lean_script_has_lost_nothing_but_comments_and_indentation() {
        assert_eq!(lean("a\n  // why\n\n    b = '//';\n"), "a\nb = '//';\n");
        // A comment of a style sheet, and a text of a script, ends on its own line.
        assert!(
            CSS.lines().filter(|line| line.trim().starts_with("/*")).all(|line| line.trim().ends_with("*/"))
        );
        assert!(JS.lines().all(|line| line.matches('`').count() % 2 == 0));
    }
}
