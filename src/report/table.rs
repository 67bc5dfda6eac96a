//! The short tables at the end of a run: means over replicates, and what each pipeline is better or worse by.

use super::comparison::{Comparison, Estimate, Line, SummaryColumn, worth};
use super::narrow_table::is_too_wide;
use super::visible::visible_cell;
use crate::numeric::power::detectable;
use crate::report::point_names::short_keys;
use crate::spec::DATA;
use crate::store::{Status, SummaryRow};
use crate::study::Finished;
use comfy_table::{CellAlignment, Table, presets};

/// More lines than this are for `summary.csv`.
pub(super) const MOST_LINES: usize = 60;

/// More pipelines and points than this are for `summary.csv`.
const MOST_CHOICES: usize = 8;

/// Columns in the order in which they are left out where the tables are too wide: those that say least beside a
/// log-likelihood first.
const LEFT_OUT_FIRST: [&str; 7] =
    ["off_support", "recall", "density", "precision", "coverage", "steps_to_real", "mode_error"];

/// The same where the data have no known density: what remains is precision, recall, density and coverage.
const LEFT_OUT_FIRST_WITHOUT_DENSITY: [&str; 5] =
    ["steps_to_real", "sliced_w2", "density", "recall", "precision"];

/// What the terms of the tables mean.
pub const GLOSSARY: &str = "\
log-likelihood  mean log-density of samples under the data's; above real points, too concentrated
sliced W2       distance of samples to real points, in units of the data; real points show its floor
mode error      sum over the modes of the difference between share of the samples and weight
precision, coverage  share of samples near real points, and of real points near samples
steps to real   first reverse step from which samples stay as good as real points; map alone: step 0
";

/// A table of the terminal.
struct Rows {
    keys: Vec<String>,
    first: &'static str,
    lines: Vec<(Vec<String>, Vec<Option<String>>)>,
}

impl Rows {
    /// The table with these columns; one without a cell in any line is left out.
    fn table(&self, columns: &[SummaryColumn], with: &[bool]) -> String {
        let has = |k: usize| with[k] && self.lines.iter().any(|(_, cells)| cells[k].is_some());
        let kept: Vec<usize> = (0..columns.len()).filter(|&k| has(k)).collect();
        let mut table = Table::new();
        table.load_preset(presets::ASCII_MARKDOWN);
        let keys = self.keys.iter().cloned();
        let headings = kept.iter().map(|&k| columns[k].heading.to_string());
        table.set_header(std::iter::once(self.first.to_string()).chain(keys).chain(headings));
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for (labels, cells) in &self.lines {
            let cells = kept.iter().map(|&k| cells[k].clone().unwrap_or_default());
            table.add_row(labels.iter().cloned().chain(cells));
        }
        table.to_string()
    }
}

/// One line for each pipeline, map and point, and one for fresh real points; then the paired differences to the
/// baseline, and what was too small to be told.
pub fn end_table(finished: &Finished) -> String {
    let comparison = Comparison::new(&finished.summary);
    let lines = comparison.lines();
    let end = end(finished);
    if lines.iter().filter(|line| line.pipeline() != DATA).count() > MOST_LINES {
        return end;
    }
    let columns: Vec<SummaryColumn> =
        comparison.columns().into_iter().filter(|column| column.in_terminal).collect();
    let keys = short_keys(&finished.keys);
    let rows = |first, lines: &[Line], cell: &dyn Fn(Line, &SummaryColumn) -> Option<String>| Rows {
        keys: keys.clone(),
        first,
        lines: lines.iter().map(|&l| (labels(l), columns.iter().map(|c| cell(l, c)).collect())).collect(),
    };
    let values = rows("pipeline", &lines, &|line, column| {
        Some(comparison.value(line, column.metric)?.text(column.digits))
    });
    let differing = |line: &Line| columns.iter().any(|c| comparison.difference(*line, c.metric).is_some());
    let compared: Vec<Line> = lines.iter().copied().filter(differing).collect();
    let differences = rows("difference", &compared, &|line, column| {
        let difference = comparison.difference(line, column.metric)?;
        let mark = if difference.leaves_out_zero() { " *" } else { "" };
        Some(format!("{}{mark}", difference.text(column.digits)))
    });
    let tables = |with: &[bool]| [values.table(&columns, with), differences.table(&columns, with)];
    let mut with = vec![true; columns.len()];
    let known = columns.iter().any(|column| column.metric == "log_likelihood");
    let left_out: &[&str] = if known { &LEFT_OUT_FIRST } else { &LEFT_OUT_FIRST_WITHOUT_DENSITY };
    for name in left_out {
        if !tables(&with).iter().any(|table| is_too_wide(table)) {
            break;
        }
        columns.iter().zip(&mut with).filter(|(c, _)| c.metric == *name).for_each(|(_, with)| *with = false);
    }
    let [values, differences] = tables(&with);
    let mut text = format!("{values}\n\n");
    let replicates = finished.summary.iter().map(|row| row.numbers.replicates).max().unwrap_or_default();
    if let Some(baseline) = comparison.baseline().filter(|_| !compared.is_empty()) {
        text += &format!("Minus `{baseline}`, replicate by replicate:\n\n{differences}\n\n");
        text += &undecided(&comparison, &compared, &columns, &with);
    }
    if replicates > 1 {
        text += &format!(
            "+- is half of a 95 % interval over {replicates} replicates (Student's t); * leaves out 0.\n"
        );
    } else if !compared.is_empty() {
        text += "One replicate has no interval: with --set replicates=3 or more there is one.\n";
    }
    text + &choices(finished) + &end
}

/// The cells that say which line it is.
fn labels(line: Line) -> Vec<String> {
    let name = match line {
        Line::Pipeline(name, _) => name.to_string(),
        Line::MapAlone(..) => "  its map alone".to_string(),
        Line::Real(_) => "(real points)".to_string(),
    };
    let values = line.values().iter().map(|value| visible_cell(value).into_owned());
    std::iter::once(name).chain(values).collect()
}

/// The differences that so few replicates cannot tell from 0, and how large they would have to be.
fn undecided(comparison: &Comparison, lines: &[Line], columns: &[SummaryColumn], with: &[bool]) -> String {
    let mut parts = Vec::new();
    for (column, _) in columns.iter().zip(with).filter(|(_, with)| **with) {
        let beyond = |line: &Line| {
            let difference = comparison.difference(*line, column.metric)?;
            let undecided = !difference.leaves_out_zero() && difference.replicates > 1;
            detectable_from(&difference).filter(|_| undecided)
        };
        // The largest of all lines: what is beyond it would be told for each.
        if let Some(most) = lines.iter().filter_map(beyond).reduce(f64::max).filter(|most| *most > 0.0) {
            parts.push(format!("{} {:.*}", column.heading, worth(most), most));
        }
    }
    if parts.is_empty() {
        return String::new();
    }
    format!(
        "Without * a difference is not told from 0. Four times in five one of this size is:\n{}\n(for smaller ones: gdiff check SPEC --replicates-for SIZE).\n",
        parts.join(", ")
    )
}

/// The size of difference that as many replicates tell four times in five.
fn detectable_from(difference: &Estimate) -> Option<f64> {
    detectable(difference.half_width()?, difference.replicates)
}

/// When the modes are chosen, by cloning and by theory, where the runs were cloned.
fn choices(finished: &Finished) -> String {
    let rows = |metric: &'static str| finished.summary.iter().filter(move |row| row.metric == metric);
    let one = |row: &SummaryRow| {
        let same = |other: &&SummaryRow| (&other.pipeline, &other.values) == (&row.pipeline, &row.values);
        let theory = rows("speciation_step")
            .find(same)
            .map_or("none".to_string(), |theory| format!("{:.0}", theory.numbers.mean));
        let half = row
            .numbers
            .interval_high
            .map_or(String::new(), |high| format!(" +- {:.1}", high - row.numbers.mean));
        let point = row.values.iter().map(|value| format!(" {value}")).collect::<String>();
        format!("{}{point} {:.1}{half} ({theory})", row.pipeline, row.numbers.mean)
    };
    let all: Vec<String> = rows("cloning_step").map(one).collect();
    if all.is_empty() || all.len() > MOST_CHOICES {
        return String::new();
    }
    format!("Reverse step at which the mode is chosen, by cloning (by theory): {}.\n", all.join(", "))
}

/// How much was done, in which time, and where it is.
fn end(finished: &Finished) -> String {
    let wall = if finished.seconds > 0.0 { format!(" in {:.1} s", finished.seconds) } else { String::new() };
    let runs = match (finished.runs.len(), finished.all) {
        (done, all) if done == all => format!("{all} runs"),
        (done, all) => format!("{done} of {all} runs"),
    };
    let seconds = stage_seconds(&finished.runs);
    let seconds = if seconds.is_empty() { String::new() } else { format!(" ({seconds})") };
    format!("{runs}{wall}{seconds}; tables in {}\n", finished.out.display())
}

/// Seconds of each stage, added up over the runs.
fn stage_seconds(runs: &[Status]) -> String {
    let stages = [
        ("fits", runs.iter().map(|r| r.seconds.gaussianize).sum::<f64>()),
        ("trainings", runs.iter().map(|r| r.seconds.train).sum()),
        ("samplings", runs.iter().map(|r| r.seconds.sample).sum()),
        ("diagnostics", runs.iter().map(|r| r.seconds.diagnose).sum()),
    ];
    let shown = stages.iter().filter(|(_, total)| *total >= 0.005);
    shown.map(|(name, total)| format!("{name} {total:.2} s")).collect::<Vec<_>>().join(", ")
}
