//! How far a study is, and the time that is left: a pure function of what runs report and of when they do.
//!
//! Each stage of each run weighs by its guessed work ([`crate::run::work`]). While runs report, the seconds that a stage
//! takes for a second of guessed work are measured, stage by stage, so that a guess that is wrong on this machine counts
//! little once a stage has been seen.

mod run;

use super::slots::of_slots;
use crate::run::{Before, Event, ExpectedRun, Stage};
pub use run::RunAdvance;
use std::collections::HashMap;

const STAGES: usize = Stage::ALL.len();

/// A stage about which less than this part of all work is known is taken to be as fast as the others are.
const PRIOR: f64 = 0.01;

/// Below this part of the work nothing is said of the time that is left.
const FIRST_GUESS: f64 = 0.02;

/// How far the runs of a study are.
#[derive(Debug, Default)]
pub struct Advance {
    runs: HashMap<String, RunAdvance>,
    /// Names of the runs in the order in which they are begun.
    order: Vec<String>,
    before: Before,
    side_by_side: usize,
    over: usize,
    begun: f64,
}

/// How much of all work is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fractions {
    /// Before this process began: finished runs and checkpoints.
    pub start: f64,
    /// Now.
    pub now: f64,
}

impl Advance {
    /// Takes note of an event at a time, in seconds from any origin.
    pub fn on(&mut self, event: &Event, now: f64) {
        match *event {
            Event::Begin { keys, runs, before, side_by_side } => {
                let order = runs.iter().map(|run| run.label.run.clone()).collect();
                let of = |run: &ExpectedRun| (run.label.run.clone(), RunAdvance::new(run, keys));
                let runs = runs.iter().map(of).collect();
                *self = Self { runs, order, before, side_by_side, over: 0, begun: now };
            }
            Event::Stage { run, stage, total, done } => {
                let run = self.runs.entry(run.to_string()).or_insert_with(|| RunAdvance::unexpected(run));
                run.enter(stage, total, done, now);
            }
            Event::Progress { run, stage, done, value } => {
                if let Some(run) = self.runs.get_mut(run) {
                    run.go_on(stage, done, value, now);
                }
            }
            Event::Finished { run } => self.end(run, false, now),
            Event::Failed { run, .. } => self.end(run, true, now),
            Event::Loss { .. } | Event::TrainingMetrics { .. } | Event::Metrics { .. } | Event::Notice(_) => {
            }
        }
    }

    fn end(&mut self, run: &str, failed: bool, now: f64) {
        self.over += 1;
        if let Some(run) = self.runs.get_mut(run) {
            run.end(failed, now);
        }
    }

    /// Runs that are over, those that were before among them.
    pub fn over(&self) -> usize {
        self.before.runs + self.over
    }

    /// Runs that were finished before.
    pub fn before(&self) -> usize {
        self.before.runs
    }

    /// All runs.
    pub fn all(&self) -> usize {
        self.before.runs + self.order.len()
    }

    /// A run.
    pub fn run(&self, run: &str) -> Option<&RunAdvance> {
        self.runs.get(run)
    }

    /// The name of a run for people.
    pub fn name<'a>(&'a self, run: &'a str) -> &'a str {
        self.runs.get(run).map_or(run, |run| &run.name)
    }

    /// Runs that are under way, in the order in which runs are begun.
    pub fn under_way(&self) -> impl Iterator<Item = &RunAdvance> {
        let runs = self.order.iter().filter_map(|run| self.runs.get(run));
        runs.filter(|run| run.stage.is_some() && !run.over)
    }

    /// Seconds that a guessed second of each stage takes, and of all of them in the mean.
    fn rates(&self) -> ([f64; STAGES], f64) {
        let (mut spent, mut made, mut all) = ([0.0; STAGES], [0.0; STAGES], 0.0);
        for run in self.runs.values() {
            for stage in 0..STAGES {
                all += run.own(stage);
                // Of a run that waits for data or a space of another one, the stage of the data takes as long.
                if stage != Stage::Data as usize && run.done[stage] > run.credited[stage] {
                    spent[stage] += run.spent[stage];
                    made[stage] += run.done[stage] - run.credited[stage];
                }
            }
        }
        // The guess of a fit is the worst one, as nobody knows its layers before: it tells of the others only while
        // nothing else does.
        let fit = Stage::Gaussianize as usize;
        let sum = |from: &[f64; STAGES]| from.iter().sum::<f64>();
        let (mut spent_in_all, mut made_in_all) = (sum(&spent) - spent[fit], sum(&made) - made[fit]);
        if made_in_all <= PRIOR * PRIOR * all {
            (spent_in_all, made_in_all) = (sum(&spent), sum(&made));
        }
        let known = spent_in_all > 0.0 && made_in_all > 0.0;
        let mean = if known { spent_in_all / made_in_all } else { 1.0 };
        let prior = PRIOR * all + f64::MIN_POSITIVE;
        let rate = |stage: usize| (spent[stage] + mean * prior) / (made[stage] + prior);
        (std::array::from_fn(rate), mean)
    }

    /// How much of all work is done.
    pub fn fractions(&self) -> Fractions {
        let (rates, mean) = self.rates();
        let before = mean * self.before.work;
        let (mut all, mut start, mut now) = (before, before, before);
        for run in self.runs.values() {
            for (stage, rate) in rates.iter().enumerate() {
                all += rate * run.own(stage);
                start += rate * run.credited[stage];
                now += rate * run.done[stage];
            }
        }
        if self.order.iter().all(|run| self.runs[run].over) {
            return Fractions { start: 0.0, now: 1.0 };
        }
        let part = |work: f64| if all > 0.0 { (work / all).min(1.0) } else { 0.0 };
        Fractions { start: part(start), now: part(now) }
    }

    /// Seconds that are left, where enough is done to say so: of runs side by side the time until they are done, else a
    /// proportion.
    pub fn left(&self, now: f64) -> Option<f64> {
        let left = time_left(now - self.begun, self.fractions())?;
        Some(if self.side_by_side < 2 { left } else { self.side_by_side_left() })
    }

    /// Seconds until the runs that are left are done side by side, each stage at the speed that was seen: the last of
    /// them leave some threads without a run.
    fn side_by_side_left(&self) -> f64 {
        let (rates, _) = self.rates();
        let seconds = |run: &RunAdvance, stages: &[Stage]| -> f64 {
            let left = |stage: usize| rates[stage] * (run.own(stage) - run.done[stage]);
            stages.iter().map(|stage| left(*stage as usize)).sum()
        };
        // Runs that are under way have a slot already, so they come first.
        let mut runs: Vec<&RunAdvance> = self.order.iter().map(|run| &self.runs[run]).collect();
        runs.retain(|run| !run.over);
        runs.sort_by_key(|run| run.stage.is_none());
        let alone = [Stage::Data, Stage::Gaussianize, Stage::Train];
        let shared = [Stage::Sample, Stage::Diagnose];
        let runs = runs.into_iter().map(|run| [seconds(run, &alone), seconds(run, &shared)]);
        of_slots(self.side_by_side, runs)
    }
}

/// Seconds that are left after `elapsed` ones, from the parts of the work that were done when they began and are done
/// now: `elapsed (1 - now) / (now - start)`. None where too little is done to say so.
pub fn time_left(elapsed: f64, Fractions { start, now }: Fractions) -> Option<f64> {
    let enough = now - start >= FIRST_GUESS * (1.0 - start).max(0.0) && now > start;
    enough.then(|| elapsed * (1.0 - now).max(0.0) / (now - start))
}

/// A time of a person's measure.
pub fn roughly(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::StageWork;
    use crate::store::Label;

    fn labels(count: usize) -> Vec<Label> {
        let label = |i: usize| Label {
            run: format!("r{i}"),
            pipeline: "baseline".into(),
            replicate: i,
            values: vec![],
        };
        (0..count).map(label).collect()
    }

    /// A run of guessed seconds of fit, training and sampling.
    fn expected(label: &Label, [fit, train, sample]: [f64; 3]) -> ExpectedRun<'_> {
        let work = StageWork::of_seconds([0.0, fit, train, sample, 0.0]);
        ExpectedRun { label, work, taken_over: [false; STAGES] }
    }

    /// Goes through the runs one after the other, each stage in 50 reports; a guessed second of a stage takes as long as
    /// `speed` says, and `see` is asked after each report.
    fn go_through(
        advance: &mut Advance,
        runs: &[ExpectedRun],
        before: Before,
        speed: [f64; 3],
        mut see: impl FnMut(&Advance, f64),
    ) -> f64 {
        let mut now = 100.0;
        advance.on(&Event::Begin { keys: &[], runs, before, side_by_side: 1 }, now);
        for expected in runs {
            let run = expected.label.run.as_str();
            advance.on(&Event::Stage { run, stage: Stage::Data, total: 1, done: 0 }, now);
            for (stage, speed) in [Stage::Gaussianize, Stage::Train, Stage::Sample].into_iter().zip(speed) {
                let work = expected.work.get(stage);
                if work == 0.0 || expected.taken_over[stage as usize] {
                    continue;
                }
                advance.on(&Event::Stage { run, stage, total: 50, done: 0 }, now);
                for done in 1..=50 {
                    now += work * speed / 50.0;
                    advance.on(&Event::Progress { run, stage, done, value: None }, now);
                    see(advance, now);
                }
            }
            advance.on(&Event::Finished { run }, now);
        }
        now
    }

    /// The worst error of the time left, of those that were said after the first tenth and before the last one, and
    /// whether the part that is done ever went back.
    fn worst(runs: &[ExpectedRun], speed: [f64; 3]) -> f64 {
        let mut said = Vec::new();
        let mut advance = Advance::default();
        let end = go_through(&mut advance, runs, Before::default(), speed, |advance, now| {
            said.push((now, advance.left(now)));
        });
        let (tenth, last) = (100.0 + (end - 100.0) / 10.0, end - (end - 100.0) / 20.0);
        let after = said.into_iter().filter(|(now, _)| (tenth..last).contains(now));
        after.map(|(now, left)| (left.expect("enough is done") / (end - now) - 1.0).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn the_time_left_is_right_for_uneven_runs() {
        let labels = labels(12);
        // Short baselines first, then runs that take twenty times as long.
        let uneven =
            |i: usize, label| expected(label, if i < 6 { [0.0, 1.0, 0.5] } else { [10.0, 15.0, 5.0] });
        let runs: Vec<ExpectedRun> = labels.iter().enumerate().map(|(i, l)| uneven(i, l)).collect();
        assert!(worst(&runs, [1.0; 3]) < 1e-6);
        assert!(worst(&runs, [0.01; 3]) < 1e-6, "only what stages weigh against each other is used");
        // Stages that are slower than their guess by a half, or faster.
        for speed in [[1.0, 1.5, 1.0], [1.0, 0.7, 1.2], [1.4, 1.0, 1.0]] {
            let error = worst(&runs, speed);
            assert!(error < 0.3, "{speed:?}: {error}");
        }
        // Where every run has all stages, one run tells how fast they are, however wrong the guess is.
        let alike: Vec<ExpectedRun> = labels.iter().map(|l| expected(l, [1.0, 1.0, 1.0])).collect();
        for speed in [[1.0, 10.0, 1.0], [10.0, 0.1, 3.0]] {
            let error = worst(&alike, speed);
            assert!(error < 0.3, "{speed:?}: {error}");
        }
    }

    #[test]
    fn the_time_left_is_a_proportion() {
        assert_eq!(time_left(30.0, Fractions { start: 0.0, now: 0.25 }), Some(90.0));
        assert_eq!(time_left(30.0, Fractions { start: 0.5, now: 0.75 }), Some(30.0));
        assert_eq!(time_left(30.0, Fractions { start: 0.5, now: 0.5 }), None);
        assert_eq!(time_left(0.0, Fractions { start: 0.0, now: 0.0 }), None);
        assert_eq!(time_left(30.0, Fractions { start: 0.0, now: 1.0 }), Some(0.0));
    }

    #[test]
    fn what_was_done_before_counts_for_the_part_and_not_for_the_speed() {
        let labels = labels(10);
        let runs: Vec<ExpectedRun> = labels.iter().map(|label| expected(label, [0.0, 2.0, 0.0])).collect();
        let mut advance = Advance::default();
        let before = Before { runs: 10, work: 20.0 };
        let mut middle = None;
        go_through(&mut advance, &runs, before, [3.0; 3], |advance, now| {
            if (now - 130.0).abs() < 1e-9 {
                middle = Some((advance.over(), advance.all(), advance.fractions(), advance.left(now)));
            }
        });
        let (over, all, fractions, left) = middle.expect("half of the work");
        assert_eq!((over, all), (14, 20), "the fifth run is over with the next event");
        assert!((fractions.start - 0.5).abs() < 1e-9 && (fractions.now - 0.75).abs() < 1e-9, "{fractions:?}");
        assert!((left.unwrap() - 30.0).abs() < 1e-6, "{left:?}");
        assert_eq!((advance.over(), advance.fractions().now), (20, 1.0));
    }

    #[test]
    fn the_part_of_a_checkpoint_counts_as_done_before() {
        let labels = labels(1);
        let runs = [expected(&labels[0], [0.0, 100.0, 0.0])];
        let mut advance = Advance::default();
        let begin = Event::Begin { keys: &[], runs: &runs, before: Before::default(), side_by_side: 1 };
        advance.on(&begin, 0.0);
        advance.on(&Event::Stage { run: "r0", stage: Stage::Train, total: 100, done: 60 }, 0.0);
        advance.on(&Event::Progress { run: "r0", stage: Stage::Train, done: 80, value: None }, 5.0);
        let fractions = advance.fractions();
        assert!((fractions.start - 0.6).abs() < 1e-9 && (fractions.now - 0.8).abs() < 1e-9, "{fractions:?}");
        assert!((advance.left(5.0).unwrap() - 5.0).abs() < 1e-9);
    }

    #[test]
    fn stages_of_other_runs_weigh_nothing_until_they_are_done_after_all() {
        let labels = labels(2);
        let mut runs = [expected(&labels[0], [0.0, 10.0, 10.0]), expected(&labels[1], [0.0, 10.0, 10.0])];
        runs[1].taken_over[Stage::Train as usize] = true;
        let mut advance = Advance::default();
        let mut halves = 0;
        go_through(&mut advance, &runs, Before::default(), [1.0; 3], |advance, now| {
            if (now - 115.0).abs() < 1e-9 {
                halves += 1;
                assert!((advance.fractions().now - 0.5).abs() < 1e-9);
            }
        });
        assert_eq!(halves, 1);
        // The network could not be read back: it is trained again, and the run has that work too.
        let begin = Event::Begin { keys: &[], runs: &runs, before: Before::default(), side_by_side: 1 };
        advance.on(&begin, 0.0);
        advance.on(&Event::Stage { run: "r1", stage: Stage::Train, total: 10, done: 0 }, 0.0);
        advance.on(&Event::Progress { run: "r1", stage: Stage::Train, done: 10, value: None }, 10.0);
        assert!((advance.fractions().now - 0.25).abs() < 1e-9);
        // A run that failed leaves no work behind.
        advance.on(&Event::Failed { run: "r1", why: "" }, 10.0);
        assert!((advance.fractions().now - 10.0 / 30.0).abs() < 1e-9);
    }

    #[test]
    fn the_last_runs_leave_threads_without_one() {
        let labels = labels(5);
        let runs: Vec<ExpectedRun> = labels.iter().map(|label| expected(label, [0.0, 10.0, 0.0])).collect();
        let mut advance = Advance::default();
        advance.on(&Event::Begin { keys: &[], runs: &runs, before: Before::default(), side_by_side: 4 }, 0.0);
        for label in &labels[..4] {
            advance.on(&Event::Stage { run: &label.run, stage: Stage::Train, total: 10, done: 0 }, 0.0);
            advance.on(&Event::Progress { run: &label.run, stage: Stage::Train, done: 5, value: None }, 5.0);
        }
        // Four runs have five seconds left each, and then the fifth takes ten.
        assert!((advance.left(5.0).unwrap() - 15.0).abs() < 1e-9);
    }

    #[test]
    fn times_are_rounded_to_what_a_person_asks() {
        let rounded = [30.0, 600.0, 36_000.0, 400_000.0].map(roughly);
        assert_eq!(rounded, ["30 s", "10 min", "10.0 h", "4.6 days"]);
    }
}
