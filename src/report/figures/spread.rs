//! A mean over replicates and how far they spread: as an interval, or one by one where they are few.

use super::model::{Ink, Mark, Role};
use super::results::Results;
use super::series::are_few;
use crate::metrics::scored;
use crate::report::comparison::{Comparison, Line};
use crate::spec::DATA;
use crate::store::Label;

/// Diameter of the dot of one replicate, in pixels.
pub const DOT: f64 = 4.5;

/// How the label of the dots of replicates ends.
pub const EACH: &str = ", each replicate";

/// A mean with its interval, or with the values that it is the mean of.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// The mean over replicates.
    pub mean: f64,
    /// The 95 % interval of the mean; none of few replicates.
    pub interval: Option<(f64, f64)>,
    /// The value of each replicate, where they are few and known.
    pub each: Vec<f64>,
}

impl Spread {
    /// A line of the summary in a metric.
    pub fn of<'a>(
        results: &Results,
        comparison: &Comparison<'a>,
        line: Line<'a>,
        metric: &str,
    ) -> Option<Self> {
        let estimate = comparison.value(line, metric)?;
        let mut each = Vec::new();
        let few = are_few(estimate.replicates);
        if few {
            each = values(results, line, metric);
            each.retain(|value| value.is_finite());
        }
        // The values of other runs than those of the summary would say something else.
        let known = each.len() == estimate.replicates;
        // Tables of earlier versions have intervals that go beyond what a metric can be.
        let (lowest, highest) =
            scored::column(metric).map_or((f64::NEG_INFINITY, f64::INFINITY), |c| c.range);
        let possible = |(low, high): (f64, f64)| (low.max(lowest), high.min(highest));
        let interval = estimate.interval.filter(|_| !few).map(possible);
        Some(Self { mean: estimate.mean, interval, each: if known { each } else { Vec::new() } })
    }

    /// Fresh real points in a metric. Where the points of a sweep have different ones, their mean alone.
    pub fn of_real_points(results: &Results, metric: &str) -> Option<Self> {
        let mut rows = results.summary.iter().filter(|row| row.pipeline == DATA && row.metric == metric);
        let mean = results.data_level(metric)?;
        let first = rows.next()?;
        if rows.any(|row| row.numbers != first.numbers) {
            return Some(Self { mean, interval: None, each: Vec::new() });
        }
        Self::of(results, &Comparison::new(&results.summary), Line::Real(&first.values), metric)
    }

    /// All numbers that an axis has to show.
    pub fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let ends = self.interval.iter().flat_map(|(low, high)| [*low, *high]);
        self.points().chain(ends)
    }

    /// The mean and the values of the replicates that are drawn.
    pub fn points(&self) -> impl Iterator<Item = f64> + '_ {
        std::iter::once(self.mean).chain(self.each.iter().copied())
    }

    /// The level of real points with its band; the replicates, where they are few, are dots at `at`.
    pub fn level(&self, at: f64) -> Vec<Mark> {
        let label = "real points".to_string();
        let ink = Role::Data.into();
        let dots = self.dots("real points", ink, at);
        std::iter::once(Mark::Level { label, ink, y: self.mean, band: self.interval }).chain(dots).collect()
    }

    /// The mean with its interval, or with the dots of the replicates behind, at one abscissa; `label` is what the figure's
    /// key says of it, and `name` whose replicates they are.
    pub fn marks(&self, label: &str, name: &str, role: Role, open: bool, at: f64) -> Vec<Mark> {
        let (low, high) = self.interval.unwrap_or((self.mean, self.mean));
        let mean = Mark::Intervals {
            origins: Vec::new(),
            label: label.to_string(),
            ink: role.into(),
            open,
            x: vec![at],
            y: vec![self.mean],
            low: vec![low],
            high: vec![high],
        };
        self.dots(name, Ink { role, strength: 0.6 }, at).into_iter().chain([mean]).collect()
    }

    /// The replicates as small dots at one abscissa; none where they are many or unknown.
    pub fn dots(&self, name: &str, ink: Ink, at: f64) -> Option<Mark> {
        (!self.each.is_empty()).then(|| Mark::Points {
            origins: Vec::new(),
            label: format!("{name}{EACH}"),
            ink,
            size: DOT,
            x: vec![at; self.each.len()],
            y: self.each.clone(),
            value: Vec::new(),
        })
    }
}

/// The value of each replicate of a line.
fn values(results: &Results, line: Line, metric: &str) -> Vec<f64> {
    let mine = |label: &Label| label.pipeline == line.pipeline() && label.values == line.values();
    let runs = results.metrics.iter().filter(|run| mine(&run.label));
    match line {
        Line::Pipeline(..) => runs.filter_map(|run| run.rows.last()?.get(metric)).collect(),
        Line::MapAlone(..) => {
            runs.filter_map(|run| run.rows.first().filter(|row| row.step == 0)?.get(metric)).collect()
        }
        Line::Real(values) => {
            // Every pipeline of a replicate has the same fresh points.
            let mut seen = Vec::new();
            let statuses =
                results.runs.iter().map(|(_, status)| status).filter(|s| s.label.values == *values);
            let fresh = statuses.filter(|status| {
                let new = !seen.contains(&status.label.replicate);
                seen.push(status.label.replicate);
                new
            });
            fresh.filter_map(|status| status.fresh.as_ref()?.get(metric)).collect()
        }
    }
}
