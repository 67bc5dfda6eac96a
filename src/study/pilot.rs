//! A pilot: the finished runs of a study, by which one sees how much paired differences to the baseline vary, and hence
//! how many replicates a difference needs.

use super::error::StudyError;
use super::found_runs::{FoundRun, found_runs};
use super::paired::{Replicates, paired, value_of};
use super::run_values::{FIRST, Named};
use crate::numeric::intervals::standard_deviation;
use crate::numeric::power::{deviation_interval, replicates_for};
use crate::spec::{Study, compared_with};
use std::collections::HashMap;
use std::path::Path;

/// The metrics of which the first that the pilot has is taken where none is named.
const USUAL: [&str; 2] = ["log_likelihood", "sliced_w2"];

/// What a pilot found of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Pilot {
    /// The metric.
    pub metric: String,
    /// The sweep's keys.
    pub keys: Vec<String>,
    /// The pipeline that the others are compared with.
    pub baseline: String,
    /// Each other pipeline at each point.
    pub lines: Vec<PilotLine>,
}

/// The paired differences of a pipeline at a point.
#[derive(Debug, Clone, PartialEq)]
pub struct PilotLine {
    /// The pipeline.
    pub pipeline: String,
    /// Values of the sweep keys.
    pub values: Vec<String>,
    /// Its value minus that of the baseline, replicate by replicate.
    pub differences: Vec<f64>,
}

/// How many replicates a line needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needed {
    /// The standard deviation of the differences.
    pub deviation: f64,
    /// Its 95 % interval.
    pub interval: (f64, f64),
    /// Replicates for that deviation and for the interval's ends; none where it is more than
    /// [`crate::numeric::power::MOST_REPLICATES`].
    pub replicates: [Option<usize>; 3],
}

impl PilotLine {
    /// How many replicates tell a difference of this size; none with fewer than two differences, or where they are all the
    /// same and show no deviation.
    pub fn needed(&self, size: f64) -> Option<Needed> {
        let n = self.differences.len();
        let deviation = standard_deviation(&self.differences)?;
        if deviation.is_nan() || self.differences.iter().all(|d| *d == self.differences[0]) {
            return None;
        }
        let interval = deviation_interval(deviation, n)?;
        let replicates = [deviation, interval.0, interval.1].map(|deviation| replicates_for(size, deviation));
        Some(Needed { deviation, interval, replicates })
    }
}

/// The finished replicates of each pipeline at each point, as many as the folder has: the pilot may have more or fewer
/// than the spec asks for.
pub struct PilotRuns {
    keys: Vec<String>,
    points: Vec<PointRuns>,
}

/// The runs at a point, by pipeline, in the order of the spec.
struct PointRuns {
    values: Vec<String>,
    pipelines: Vec<(String, Replicates)>,
}

impl PilotRuns {
    /// Reads back the runs of a study that are finished in a folder.
    ///
    /// # Errors
    /// If a table of a run is not what the run wrote.
    pub fn read(study: &Study, out: &Path) -> Result<Self, StudyError> {
        let found = found_runs(out);
        let mut by_key: HashMap<(&str, &str), Vec<&FoundRun>> = HashMap::new();
        for run in &found {
            if let Some(keys) = &run.keys {
                by_key.entry((&run.status.label.pipeline, &keys.run)).or_default().push(run);
            }
        }
        let mut points = Vec::new();
        for point in &study.points {
            let mut pipelines = Vec::new();
            for (pipeline, identity) in point.plan.pipelines.iter().zip(&point.runs) {
                let runs = by_key.get(&(pipeline.name.as_str(), identity.keys.run.as_str()));
                let mut replicates = Replicates::new();
                for run in runs.into_iter().flatten() {
                    replicates.push((run.status.label.replicate, run.result()?.values));
                }
                replicates.sort_by_key(|(replicate, _)| *replicate);
                pipelines.push((pipeline.name.clone(), replicates));
            }
            points.push(PointRuns { values: point.values.clone(), pipelines });
        }
        Ok(Self { keys: study.keys.clone(), points })
    }

    /// The most replicates that a pipeline has at a point.
    pub fn replicates(&self) -> usize {
        let pipelines = self.points.iter().flat_map(|point| &point.pipelines);
        pipelines.map(|(_, replicates)| replicates.len()).max().unwrap_or_default()
    }

    /// The differences in a metric of the summary, by default the log-likelihood, and where there is none the sliced W2.
    ///
    /// # Errors
    /// If no run has the metric.
    pub fn differences(&self, metric: Option<&str>) -> Result<Pilot, StudyError> {
        let known = self.metrics();
        let has = |name: &&str| known.iter().any(|known| known == name);
        let metric = match metric {
            Some(name) => Some(name).filter(has),
            None => USUAL.into_iter().find(has),
        }
        .ok_or_else(|| StudyError::NoMetric {
            name: metric.unwrap_or(USUAL[0]).to_string(),
            known: known.join(", "),
        })?;
        // The map alone is compared with what the baseline's network made of noise in the end, as in the summary.
        let of_end = metric.strip_prefix(FIRST).unwrap_or(metric);
        let own = |(_, values): &(usize, Vec<Named>)| value_of(values, metric);
        let end = |(_, values): &(usize, Vec<Named>)| value_of(values, of_end);
        let mut pilot = Pilot {
            metric: metric.to_string(),
            keys: self.keys.clone(),
            baseline: String::new(),
            lines: Vec::new(),
        };
        for point in &self.points {
            let first = compared_with(point.pipelines.iter(), |(name, _)| name);
            let Some((baseline, theirs)) = first else { continue };
            pilot.baseline.clone_from(baseline);
            for (pipeline, ours) in point.pipelines.iter().filter(|(name, _)| name != baseline) {
                let (ours, theirs) = paired(ours, own, theirs, end);
                pilot.lines.push(PilotLine {
                    pipeline: pipeline.clone(),
                    values: point.values.clone(),
                    differences: ours.iter().zip(&theirs).map(|(a, b)| a - b).collect(),
                });
            }
        }
        Ok(pilot)
    }

    /// The metrics of which any run has a value.
    fn metrics(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let runs = self.points.iter().flat_map(|point| &point.pipelines).flat_map(|(_, runs)| runs);
        for (name, _) in runs.flat_map(|(_, values)| values).filter(|(_, value)| value.is_some()) {
            if !names.contains(&name.as_ref()) {
                names.push(name.as_ref());
            }
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(differences: &[f64]) -> PilotLine {
        PilotLine { pipeline: "a".into(), values: Vec::new(), differences: differences.to_vec() }
    }

    #[test]
    fn the_replicates_follow_from_the_deviation_and_its_interval() {
        let needed = line(&[1.0, 4.0, 2.5, 3.5]).needed(1.0).unwrap();
        assert!((needed.deviation - 1.75f64.sqrt()).abs() < 1e-12);
        assert_eq!(needed.interval, deviation_interval(needed.deviation, 4).unwrap());
        let [n, low, high] = needed.replicates.map(Option::unwrap);
        assert_eq!(Some(n), replicates_for(1.0, needed.deviation));
        assert!(low < n && n < high, "{low} {n} {high}");
        // A difference four times as small needs about sixteen times as many.
        let finer = line(&[1.0, 4.0, 2.5, 3.5]).needed(0.25).unwrap().replicates[0].unwrap();
        assert!((12 * n..=18 * n).contains(&finer), "{n} {finer}");
    }

    #[test]
    fn differences_without_deviation_need_no_number() {
        for differences in [&[][..], &[1.0], &[0.0, 0.0, 0.0], &[0.1, 0.1, 0.1], &[f64::NAN, 1.0]] {
            assert_eq!(line(differences).needed(0.5), None, "{differences:?}");
        }
    }
}
