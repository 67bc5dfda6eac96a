//! The tables of the page: summary, spec, provenance.

use super::origins::Origins;
use crate::report::comparison::{Comparison, Estimate, Line, SummaryColumn};
use crate::report::figures::Results;
use crate::report::figures::captions::pipeline_name;
use crate::report::figures::draw::escape;
use crate::report::point_names::short_keys;
use crate::spec::DATA;
use serde_json::Value;
use std::fmt::Write;

/// The last step over replicates: a line for each pipeline, map and sweep point; then the paired differences to the
/// baseline.
pub fn summary(results: &Results, origins: &Origins) -> String {
    if results.summary.is_empty() {
        return String::new();
    }
    let comparison = Comparison::new(&results.summary);
    let (lines, columns) = (comparison.lines(), comparison.columns());
    let values = table((results, origins), &lines, &columns, false, &|line, column| {
        comparison.value(line, column.metric)
    });
    let note = "The last reverse step; means over replicates with the half-width of their 95 % intervals (Student's t), or \
                the interval where it ends at what the metric can be. Real points are fresh ones scored as if they were \
                samples: the line to read the others by. A map alone is x_T mapped to data space, without diffusion.";
    let text = format!("{values}<p class=\"muted\">{note}</p>");
    let differs = |line: &Line| columns.iter().any(|c| comparison.difference(*line, c.metric).is_some());
    let compared: Vec<Line> = lines.iter().copied().filter(differs).collect();
    let Some(baseline) = comparison.baseline().filter(|_| !compared.is_empty()) else { return text };
    let columns: Vec<SummaryColumn> = columns
        .into_iter()
        .filter(|c| compared.iter().any(|line| comparison.difference(*line, c.metric).is_some()))
        .collect();
    let differences = table((results, origins), &compared, &columns, true, &|line, column| {
        comparison.difference(line, column.metric)
    });
    let name = escape(pipeline_name(baseline));
    format!(
        "{text}<h3>Minus {name}, replicate by replicate</h3>{differences}<p class=\"muted\">Means of the paired differences \
         with the half-width of their 95 % intervals; bold where the interval leaves out 0. Of twenty such intervals one \
         leaves out 0 by chance.</p>"
    )
}

/// A table that can be sorted, with a line for each of the summary's.
fn table<'a>(
    (results, origins): (&Results, &Origins),
    lines: &[Line<'a>],
    columns: &[SummaryColumn],
    is_difference: bool,
    estimate: &dyn Fn(Line<'a>, &SummaryColumn) -> Option<Estimate>,
) -> String {
    let mut text = r#"<table class="sortable"><thead><tr>"#.to_string();
    let keys = short_keys(&results.keys);
    for heading in std::iter::once("pipeline").chain(keys.iter().map(String::as_str)) {
        let _ = write!(text, r#"<th class="words"><button type="button">{}</button></th>"#, escape(heading));
    }
    for SummaryColumn { heading, .. } in columns {
        let _ = write!(text, r#"<th><button type="button">{heading}</button></th>"#);
    }
    text += "</tr></thead><tbody>";
    let is_real = |line: &Line| matches!(line, Line::Real(_));
    let shared = lines.iter().filter(|line| is_real(line)).count() == 1;
    for line in lines {
        let class = if line.pipeline() == DATA { r#" class="data""# } else { "" };
        // Real points that all sweep points share stay whatever is chosen.
        let number = origins.number(line.pipeline(), line.values()).filter(|_| !(is_real(line) && shared));
        let of = number.map_or(String::new(), |number| format!(r#" data-of="{number}""#));
        // Two of these lines can be shown side by side.
        let kind = if matches!(line, Line::Pipeline(..)) { " data-point" } else { "" };
        let name = pipeline_name(line.pipeline());
        let name = match line {
            Line::MapAlone(..) => format!("{name}, map alone"),
            _ => name.to_string(),
        };
        let _ = write!(text, r#"<tr{class}{of}{kind}><td class="words">{}</td>"#, escape(&name));
        for value in line.values() {
            let _ = write!(text, r#"<td class="words">{}</td>"#, escape(value));
        }
        for column in columns {
            text += &cell(estimate(*line, column), column.digits, is_difference);
        }
        text += "</tr>";
    }
    scrolling(&(text + "</tbody></table>"))
}

/// Something wide or high in a box of its own, which the page's script tells what lies beyond its edges.
pub fn scrolling(content: &str) -> String {
    let inner = format!(r#"<div class="edge"><div class="scroll" tabindex="0">{content}</div></div>"#);
    format!(r#"<div class="box">{inner}<p class="more muted" hidden></p></div>"#)
}

fn cell(estimate: Option<Estimate>, digits: usize, is_difference: bool) -> String {
    let Some(estimate) = estimate else { return "<td data-value=\"\"></td>".to_string() };
    let bold = is_difference && estimate.leaves_out_zero();
    let text = estimate.text(digits);
    let (mean, rest) = text.split_once(' ').unwrap_or((&text, ""));
    let rest = rest.replacen("+-", "&plusmn;", 1);
    let rest = if rest.is_empty() { rest } else { format!(r#" <span class="interval">{rest}</span>"#) };
    let mean = if bold { format!("<strong>{mean}</strong>") } else { mean.to_string() };
    format!(r#"<td data-value="{}">{mean}{rest}</td>"#, estimate.mean)
}

/// The spec as understood.
pub fn spec(results: &Results) -> String {
    results.spec.as_ref().map_or(String::new(), |spec| format!("<pre tabindex=\"0\">{}</pre>", escape(spec)))
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
            Value::Number(seconds) if key == "seconds" => {
                seconds.as_f64().map_or(seconds.to_string(), |seconds| format!("{seconds:.1}"))
            }
            other => other.to_string(),
        };
        let _ = write!(text, "<dt>{}</dt><dd>{}</dd>", escape(&key.replace('_', " ")), escape(&shown));
    }
    text + "</dl>"
}

fn stage_seconds(runs: &serde_json::Map<String, Value>) -> String {
    let total = |stage: &str| -> f64 { runs.values().filter_map(|run| run.get(stage)?.as_f64()).sum() };
    let diagnostics = total("diagnose");
    let diagnostics =
        if diagnostics > 0.0 { format!(", diagnostics {diagnostics:.1} s") } else { String::new() };
    format!(
        "{} runs: Gaussianizing {:.1} s, training {:.1} s, sampling {:.1} s{diagnostics}",
        runs.len(),
        total("gaussianize"),
        total("train"),
        total("sample")
    )
}
