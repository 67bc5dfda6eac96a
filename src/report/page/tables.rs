//! The tables of the page: summary, spec, provenance.

use crate::report::figures::Results;
use crate::report::figures::captions::pipeline_name;
use crate::report::figures::draw::escape;
use crate::report::figures::names::short_keys;
use crate::report::table::{SummaryColumn, columns, lines};
use crate::spec::DATA;
use crate::store::SummaryRow;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write;

/// The last step over replicates: a line for each pipeline and sweep point.
pub fn summary(results: &Results) -> String {
    if results.summary.is_empty() {
        return String::new();
    }
    let mut cells: HashMap<(&str, &[String], &str), &SummaryRow> = HashMap::new();
    for row in &results.summary {
        cells.insert((&row.pipeline, &row.values, &row.metric), row);
    }
    let columns = columns(&results.summary);
    let mut text = r#"<div class="scroll"><table class="sortable"><thead><tr>"#.to_string();
    let keys = short_keys(&results.keys);
    for heading in std::iter::once("pipeline").chain(keys.iter().map(String::as_str)) {
        let _ = write!(text, r#"<th class="words"><button type="button">{}</button></th>"#, escape(heading));
    }
    for SummaryColumn { heading, .. } in &columns {
        let _ = write!(text, r#"<th><button type="button">{heading}</button></th>"#);
    }
    text += "</tr></thead><tbody>";
    for (pipeline, values) in lines(&results.summary) {
        let class = if pipeline == DATA { r#" class="data""# } else { "" };
        let _ = write!(text, r#"<tr{class}><td class="words">{}</td>"#, escape(pipeline_name(pipeline)));
        for value in values {
            let _ = write!(text, r#"<td class="words">{}</td>"#, escape(value));
        }
        for SummaryColumn { metric, digits, .. } in &columns {
            text += &cell(cells.get(&(pipeline, values, *metric)).copied(), *digits);
        }
        text += "</tr>";
    }
    text + "</tbody></table></div><p class=\"muted\">The last reverse step; means over replicates with the \
            half-width of their 95 % intervals. Real points are fresh ones scored as if they were samples: \
            the line to read the others by.</p>"
}

fn cell(row: Option<&SummaryRow>, digits: usize) -> String {
    let Some(row) = row else { return "<td data-value=\"\"></td>".to_string() };
    let numbers = &row.numbers;
    let half = numbers.interval_high.map_or(String::new(), |high| {
        format!(r#" <span class="interval">&plusmn; {}</span>"#, shown(high - numbers.mean, digits))
    });
    format!(r#"<td data-value="{}">{}{half}</td>"#, numbers.mean, shown(numbers.mean, digits))
}

/// A number with so many digits; a huge one by its power of ten.
fn shown(value: f64, digits: usize) -> String {
    if value.abs() < 1e7 { format!("{value:.digits$}") } else { format!("{value:.2e}") }
}

/// The spec as understood.
pub fn spec(results: &Results) -> String {
    results.spec.as_ref().map_or(String::new(), |spec| format!("<pre>{}</pre>", escape(spec)))
}

/// What made the numbers; seconds by stage added up over the runs.
pub fn provenance(results: &Results) -> String {
    let Some(Value::Object(entries)) = &results.provenance else { return String::new() };
    let mut text = "<dl>".to_string();
    // Digests are for `gdiff verify`.
    let shown = |key: &String| !matches!(key.as_str(), "tables" | "sha256");
    for (key, value) in entries.iter().filter(|(key, _)| shown(key)) {
        let shown = match value {
            Value::String(words) => words.clone(),
            Value::Object(stages) => stage_seconds(stages),
            other => other.to_string(),
        };
        let _ = write!(text, "<dt>{}</dt><dd>{}</dd>", escape(&key.replace('_', " ")), escape(&shown));
    }
    text + "</dl>"
}

fn stage_seconds(runs: &serde_json::Map<String, Value>) -> String {
    let total = |stage: &str| -> f64 { runs.values().filter_map(|run| run.get(stage)?.as_f64()).sum() };
    format!(
        "{} runs: Gaussianizing {:.1} s, training {:.1} s, sampling {:.1} s",
        runs.len(),
        total("gaussianize"),
        total("train"),
        total("sample")
    )
}
