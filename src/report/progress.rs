//! Progress on standard error: bars with the time that is left where it is a terminal, else lines.

use super::advance::Advance;
use super::bars::{run_line, study_line};
use super::lines::{ProgressLines, failure_line, note_line};
use crate::run::{Event, Reporter};
use crate::store::console as output;
use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the lines are drawn anew while nothing is reported.
const TICK: Duration = Duration::from_millis(250);

/// Progress for people: bars on a terminal, else a line for each run that is over and a heartbeat.
#[derive(Debug)]
pub enum Progress {
    /// On a terminal.
    Bars(ProgressBars),
    /// In a file, a pipe, or a terminal that draws nothing anew (`TERM=dumb`).
    Lines(ProgressLines),
}

impl Progress {
    /// What suits standard error.
    pub fn on_standard_error() -> Self {
        let target = draw_target();
        if target.is_hidden() {
            return Self::Lines(ProgressLines::default());
        }
        Self::Bars(ProgressBars::on(target, || Term::stderr().size().1.into()))
    }

    /// Takes all bars away.
    pub fn clear(&self) {
        if let Self::Bars(bars) = self {
            bars.clear();
        }
    }
}

impl Reporter for Progress {
    fn on(&self, event: Event) {
        match self {
            Self::Bars(bars) => bars.on(event),
            Self::Lines(lines) => lines.on(event),
        }
    }
}

/// A line for the whole study, and one for each run that is being done.
pub struct ProgressBars {
    all: MultiProgress,
    state: Arc<Mutex<State>>,
    bars: Mutex<Bars>,
    /// Columns of the terminal.
    width: fn() -> usize,
}

#[derive(Default)]
struct Bars {
    study: Option<ProgressBar>,
    runs: HashMap<String, ProgressBar>,
}

struct State {
    clock: Instant,
    advance: Advance,
    /// The largest part that was shown: the bar never goes back.
    shown: f64,
}

impl fmt::Debug for ProgressBars {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("ProgressBars").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ProgressBars {
    /// Bars on a terminal, which has `width()` columns.
    pub fn on(target: ProgressDrawTarget, width: fn() -> usize) -> Self {
        let state = State { clock: Instant::now(), advance: Advance::default(), shown: 0.0 };
        Self {
            all: MultiProgress::with_draw_target(target),
            state: Arc::new(Mutex::new(state)),
            bars: Mutex::default(),
            width,
        }
    }

    /// A line that is made anew whenever it is drawn.
    fn bar(&self, line: impl Fn(&mut State, usize) -> String + Clone + Send + Sync + 'static) -> ProgressBar {
        let (state, width) = (Arc::clone(&self.state), self.width);
        let line = move |_: &ProgressState, out: &mut dyn Write| {
            // The last column stays free: some terminals go to the next line after it.
            let _ = out.write_str(&line(&mut lock(&state), width().saturating_sub(1)));
        };
        let style = ProgressStyle::with_template("{line}").expect("a template of one key");
        self.all.add(ProgressBar::no_length().with_style(style.with_key("line", line)))
    }

    fn study_bar(&self) -> ProgressBar {
        let bar = self.bar(|state, width| {
            let (advance, now) = (&state.advance, state.clock.elapsed().as_secs_f64());
            state.shown = state.shown.max(advance.fractions().now);
            let runs = (advance.over(), advance.before(), advance.all());
            study_line(width, runs, state.shown, advance.left(now))
        });
        bar.enable_steady_tick(TICK);
        bar
    }

    fn run_bar(&self, run: &str) -> ProgressBar {
        let run = run.to_string();
        self.bar(move |state, width| {
            state.advance.run(&run).map_or(String::new(), |advance| run_line(width, advance))
        })
    }

    /// Removes the bar of a run.
    fn over(&self, run: &str) {
        if let Some(bar) = lock(&self.bars).runs.remove(run) {
            bar.finish_and_clear();
        }
    }

    /// Takes all bars away.
    pub fn clear(&self) {
        let bars = std::mem::take(&mut *lock(&self.bars));
        bars.runs.into_values().chain(bars.study).for_each(|bar| bar.finish_and_clear());
        let _ = self.all.clear();
    }

    /// Something that the user should know, beside the results; on a terminal it would wait under the bars for the end
    /// of everything.
    fn say(&self, line: &str) {
        self.all.suspend(|| output::print_error(line));
    }
}

/// Where a bar of a command is drawn: standard error, if it is a terminal.
pub(super) fn draw_target() -> ProgressDrawTarget {
    ProgressDrawTarget::stderr()
}

/// Something that the user should know, beside the results.
pub fn note(text: &str) {
    output::print_error(&note_line(text));
}

impl Reporter for ProgressBars {
    fn on(&self, event: Event) {
        // The lock is free again when a line is drawn.
        let name = {
            let mut state = lock(&self.state);
            let now = state.clock.elapsed().as_secs_f64();
            state.advance.on(&event, now);
            match event {
                Event::Begin { .. } => {
                    state.shown = 0.0;
                    String::new()
                }
                Event::Failed { run, .. } => state.advance.name(run).to_string(),
                _ => String::new(),
            }
        };
        match event {
            Event::Begin { runs, .. } if !runs.is_empty() => {
                lock(&self.bars).study.get_or_insert_with(|| self.study_bar());
            }
            Event::Stage { run, .. } => {
                lock(&self.bars).runs.entry(run.to_string()).or_insert_with(|| self.run_bar(run)).tick();
            }
            Event::Progress { run, .. } => {
                let bars = lock(&self.bars);
                bars.runs.get(run).into_iter().chain(&bars.study).for_each(ProgressBar::tick);
            }
            Event::Finished { run } => self.over(run),
            Event::Failed { run, why } => {
                self.over(run);
                self.say(&failure_line(&name, why));
            }
            Event::Notice(text) => self.say(&note_line(text)),
            Event::Begin { .. }
            | Event::Loss { .. }
            | Event::TrainingMetrics { .. }
            | Event::Metrics { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Before, ExpectedRun, Stage, StageWork};
    use crate::store::Label;
    use console::{measure_text_width, strip_ansi_codes};
    use indicatif::TermLike;
    use std::io;

    /// A terminal of 40 columns that keeps what is written to it.
    #[derive(Debug, Clone, Default)]
    struct Narrow(Arc<Mutex<Vec<String>>>);

    impl TermLike for Narrow {
        fn width(&self) -> u16 {
            40
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            lock(&self.0).push(strip_ansi_codes(text).trim_end().to_string());
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bars_fit_a_narrow_terminal_and_name_runs_by_their_keys() {
        let terminal = Narrow::default();
        let bars = ProgressBars::on(ProgressDrawTarget::term_like(Box::new(terminal.clone())), || 40);
        let keys = ["network.width", "train.isotropy.lambda"].map(String::from);
        let label = Label {
            run: "baseline-r2-0a1b2c3d4e5f6071".into(),
            pipeline: "baseline".into(),
            replicate: 2,
            values: vec!["32".into(), "0.1".into()],
        };
        let work = StageWork::of_seconds([0.0, 0.0, 10.0, 10.0, 0.0]);
        let runs = [ExpectedRun { label: &label, work, taken_over: [false; 5] }];
        let run = label.run.as_str();
        let before = Before { runs: 7, work: 140.0 };
        bars.on(Event::Begin { keys: &keys, runs: &runs, before, side_by_side: 1 });
        bars.on(Event::Stage { run, stage: Stage::Train, total: 10, done: 0 });
        for done in 1..=10 {
            // What is drawn is limited in time, and a bar that was not drawn is when it is forced to.
            bars.on(Event::Progress { run, stage: Stage::Train, done, value: Some(("loss", 0.5)) });
        }
        lock(&bars.bars).runs[run].force_draw();
        lock(&bars.bars).study.as_ref().expect("a line of the study").force_draw();
        let drawn = lock(&terminal.0).clone();
        assert!(drawn.iter().all(|line| measure_text_width(line) <= 40), "{drawn:?}");
        assert!(drawn.iter().any(|line| line.starts_with("7 of 8 runs [")), "{drawn:?}");
        assert!(drawn.iter().any(|line| *line == "baseline-r2, width 32, lambda 0.1 100 %"), "{drawn:?}");
        assert!(!drawn.iter().any(|line| line.contains("0a1b2c")), "{drawn:?}");
        bars.on(Event::Finished { run });
        bars.clear();
    }
}
