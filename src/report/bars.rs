//! A line of progress with a bar, as wide as the terminal is and never wider.

use super::advance::{RunAdvance, roughly};
use console::measure_text_width;

/// A bar has so many columns, its brackets among them, or none.
const SHORTEST: usize = 8;

/// A bar has no more columns.
const LONGEST: usize = 42;

/// The line of a whole study: runs that are over, how many were before, the part of the work that is done, time left.
pub fn study_line(
    width: usize,
    (over, before, all): (usize, usize, usize),
    part: f64,
    left: Option<f64>,
) -> String {
    let runs = if all == 1 { "1 run".to_string() } else { format!("{over} of {all} runs") };
    let done_before = if before > 0 { format!(", {before} done before") } else { String::new() };
    let percent = format!("{:>3.0} %", 100.0 * part.clamp(0.0, 1.0));
    let left = left.map_or(String::new(), |left| format!(", {} left", roughly(left)));
    let end = format!("{percent}{left}");
    for begin in [format!("{runs}{done_before}"), runs.clone()] {
        if let Some(line) = with_bar(width, &begin, part, &end) {
            return line;
        }
    }
    let both = format!("{runs} {end}");
    if measure_text_width(&both) <= width { both } else { cut(&end, width) }
}

/// The line of a run: its name, its stage, the part of it that is done, and the latest value; on narrow terminals as much
/// of these as there is room for, the name first.
pub fn run_line(width: usize, run: &RunAdvance) -> String {
    let stage = run.stage.map_or("", |stage| stage.name());
    let part = run.part();
    let percent = part.map_or(String::new(), |part| format!(" {:>3.0} %", 100.0 * part));
    let value = run.value.map_or(String::new(), |(name, value)| format!(", {name} {value:.4}"));
    let bars = part.into_iter().flat_map(|part| {
        [value.as_str(), ""]
            .map(|value| with_bar(width, &run.name, part, &format!("{stage}{percent}{value}")))
    });
    if let Some(line) = bars.flatten().next() {
        return line;
    }
    let lines = [
        format!("{} {stage}{percent}", run.name),
        format!("{} {stage}{percent}", run.short_name),
        format!("{}{percent}", run.short_name),
    ];
    if let Some(line) = lines.into_iter().find(|line| measure_text_width(line) <= width) {
        return line;
    }
    match width.checked_sub(measure_text_width(&percent)) {
        Some(rest) => cut_middle(&run.short_name, rest) + &percent,
        None => cut(&run.short_name, width),
    }
}

/// Begin, bar and end; none where there is no room for a bar.
fn with_bar(width: usize, begin: &str, part: f64, end: &str) -> Option<String> {
    let rest = width.checked_sub(measure_text_width(begin) + measure_text_width(end) + 2)?;
    (rest >= SHORTEST).then(|| format!("{begin} {} {end}", bar(rest.min(LONGEST), part)))
}

/// A bar of so many columns.
fn bar(columns: usize, part: f64) -> String {
    let inner = columns - 2;
    let filled = ((part.clamp(0.0, 1.0) * inner as f64) as usize).min(inner);
    let tip = if filled > 0 && filled < inner { ">" } else { "" };
    format!("[{:<inner$}]", "=".repeat(filled - tip.len()) + tip)
}

/// The beginning of a text, at most so many columns wide.
fn cut(text: &str, width: usize) -> String {
    let mut kept = text.to_string();
    while measure_text_width(&kept) > width {
        kept.pop();
    }
    kept
}

/// A text without its middle, at most so many columns wide. Names of runs differ most in their second half.
fn cut_middle(text: &str, width: usize) -> String {
    const MARK: &str = "..";
    if measure_text_width(text) <= width {
        return text.to_string();
    }
    let Some(room) = width.checked_sub(MARK.len()) else { return cut(text, width) };
    let begin = cut(text, room / 3);
    let mut end = text[begin.len()..].to_string();
    while measure_text_width(&begin) + measure_text_width(&end) > room {
        end.remove(0);
    }
    begin + MARK + &end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Stage;

    fn run(name: &str) -> RunAdvance {
        let mut run = RunAdvance::default();
        (run.name, run.short_name) = (name.to_string(), name.replace(", replicate ", "-r"));
        run.stage = Some(Stage::Train);
        (run.total, run.units, run.value) = (200, 80, Some(("loss", 0.123_456)));
        run
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = "gaussianized, width 32, lambda 0.1, replicate 2";
        for width in 0..200 {
            for name in ["a", "baseline-r0", long, "\u{6587}\u{5b57}, data \u{8868}.csv, replicate 10"] {
                let line = run_line(width, &run(name));
                assert!(measure_text_width(&line) <= width, "{width}: {line}");
            }
            for left in [None, Some(3.0), Some(1e6)] {
                let line = study_line(width, (1234, 700, 10_000), 0.35, left);
                assert!(measure_text_width(&line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn what_matters_most_is_shown_on_narrow_terminals() {
        let mut long = run("gaussianized, width 32, lambda 0.1, replicate 2");
        long.short_name = "gaussianized-r2, width 32, lambda 0.1".into();
        assert_eq!(run_line(30, &long), "gaussia.. 32, lambda 0.1  40 %");
        assert_eq!(run_line(44, &long), "gaussianized-r2, width 32, lambda 0.1  40 %");
        assert_eq!(run_line(50, &long), "gaussianized-r2, width 32, lambda 0.1 train  40 %");
        assert_eq!(run_line(60, &long), "gaussianized, width 32, lambda 0.1, replicate 2 train  40 %");
        assert_eq!(
            run_line(100, &long),
            "gaussianized, width 32, lambda 0.1, replicate 2 [=========>               ] train  40 %, loss 0.1235"
        );
        long.short_name = "baseline-r2, width 32, lambda 0.1".into();
        assert_eq!(run_line(40, &long), "baseline-r2, width 32, lambda 0.1  40 %");
        let left = Some(750.0);
        assert_eq!(study_line(40, (7, 2, 20), 0.35, left), "7 of 20 runs [=>    ]  35 %, 12 min left");
        assert_eq!(
            study_line(60, (7, 2, 20), 0.35, left),
            "7 of 20 runs, 2 done before [==>        ]  35 %, 12 min left"
        );
        assert_eq!(
            study_line(100, (7, 2, 20), 0.35, left),
            "7 of 20 runs, 2 done before [=============>                          ]  35 %, 12 min left"
        );
        assert_eq!(study_line(40, (0, 0, 1), 0.0, None), "1 run [                          ]   0 %");
    }
}
