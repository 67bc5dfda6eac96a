//! Links of the page to what lies beside it: the files of each figure, the tables, and the folders of the runs.

use super::origins::Origins;
use super::tables::scrolling;
use crate::report::figures::captions::pipeline_name;
use crate::report::figures::draw::escape;
use crate::report::figures::{Figure, Results};
use crate::report::point_names::short_keys;
use crate::store::names;
use std::fmt::Write;
use std::path::Path;

/// The tables of a study in the order in which they are listed, and what each has.
const TABLES: [(&str, &str); 11] = [
    (names::SUMMARY, "the last step over replicates"),
    (names::METRICS, "metrics by reverse step"),
    (names::LOSS, "losses by iteration"),
    (names::TRAINING_METRICS, "metrics by iteration of the training"),
    (names::ISOTROPY, "isotropy of the forward process"),
    (names::FIT, "fits of the Gaussianizers"),
    (names::BIFURCATION, "when samples choose their modes"),
    (names::ERROR_OVER_T, "errors by diffusion time"),
    (names::LIKELIHOOD, "likelihood of fresh points"),
    (names::SPEC, "the spec as understood"),
    (names::PROVENANCE, "what made the numbers"),
];

/// The files of a figure, which lie in the folder of the figures beside the page.
pub fn of_figure(figure: &Figure) -> String {
    let link = |(end, title): (&str, &str)| {
        let address = address(&[names::FIGURES, &format!("{}.{end}", figure.name)]);
        format!(r#"<a href="{address}">{title}</a>"#)
    };
    let links = [("svg", "SVG"), ("png", "PNG"), ("csv", "numbers as CSV")].map(link).join(" ");
    format!(r#"<figcaption class="links">{links}</figcaption>"#)
}

/// The tables and runs of the results. A page that lies elsewhere has their names alone.
pub fn section(results: &Results, origins: &Origins, beside: bool) -> String {
    let linked = |address: String, text: &str| match beside {
        true => format!(r#"<a href="{address}">{}</a>"#, escape(text)),
        false => format!(r#"<span class="muted">{}</span>"#, escape(text)),
    };
    let mut text = String::new();
    if !beside {
        text += "<p class=\"muted\">This page does not lie in the folder of its tables and runs, so they are named here \
                 without links.</p>";
    }
    let there = TABLES.iter().filter(|(name, _)| results.folder.join(name).is_file());
    let items: String =
        there.map(|(name, what)| format!("<li>{}: {what}</li>", linked(address(&[name]), name))).collect();
    if !items.is_empty() {
        let _ = write!(text, r#"<ul class="files">{items}</ul>"#);
    }
    if results.runs.is_empty() {
        return text;
    }
    let mut table = r#"<table class="sortable"><thead><tr>"#.to_string();
    let keys = short_keys(&results.keys);
    let headings = ["run", "pipeline", "replicate"].into_iter().chain(keys.iter().map(String::as_str));
    for heading in headings {
        let _ = write!(table, r#"<th class="words"><button type="button">{}</button></th>"#, escape(heading));
    }
    table += "</tr></thead><tbody>";
    for (folder, status) in &results.runs {
        let label = &status.label;
        let of = origins
            .number(&label.pipeline, &label.values)
            .map_or(String::new(), |n| format!(r#" data-of="{n}""#));
        let below = folder.strip_prefix(&results.folder).unwrap_or(Path::new(""));
        let parts: Vec<&str> = below.iter().filter_map(|part| part.to_str()).collect();
        let name = parts.last().copied().unwrap_or(".");
        let link = linked(format!("{}/", address(if parts.is_empty() { &["."] } else { &parts })), name);
        let _ = write!(
            table,
            r#"<tr{of}><td class="words">{link}</td><td class="words">{}</td><td class="words">{}</td>"#,
            escape(pipeline_name(&label.pipeline)),
            label.replicate
        );
        for value in &label.values {
            let _ = write!(table, r#"<td class="words">{}</td>"#, escape(value));
        }
        table += "</tr>";
    }
    table += "</tbody></table>";
    let count = results.runs.len();
    let runs = if count == 1 { "1 run".to_string() } else { format!("{count} runs") };
    let _ = write!(text, "<details><summary>{runs}</summary>{}</details>", scrolling(&table));
    text
}

/// A relative address: letters, digits and `.-_~` as they are, all other bytes by their number.
fn address(parts: &[&str]) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_~".contains(&b);
    let part = |part: &&str| -> String {
        part.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    parts.iter().map(part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_no_sign_that_a_page_or_a_browser_interprets() {
        assert_eq!(address(&["runs", "width16-r0"]), "runs/width16-r0");
        assert_eq!(address(&["runs", "a b#c?\"<\u{e9}:%"]), "runs/a%20b%23c%3F%22%3C%C3%A9%3A%25");
    }
}
