//! Whether the log-likelihood of samples is drawn as its mean or as its median over samples.

use super::captions::pipeline_name;
use super::draw::number_label;
use super::results::Results;
use crate::report::comparison::{Comparison, Line};
use crate::spec::DATA;

/// A few samples decide the mean where it lies so many nats further below the median than it does for real
/// points ...
const NATS: f64 = 1.0;

/// ... while no more than this fraction of the samples is less likely than every real point. Where more are, the mean
/// says so of many samples, and the median would hide it.
const FEW: f64 = 0.05;

/// What is drawn of a log-likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistic {
    /// The metric's column.
    pub column: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Why it is not the mean, for the caption; empty where it is.
    pub why: String,
}

impl Statistic {
    /// The statistic of every figure of a folder: the median where the last step of any line of its summary has a mean
    /// that a few samples decide, else the mean.
    pub fn of(results: &Results) -> Self {
        let comparison = Comparison::new(&results.summary);
        let gap = |line| -> Option<f64> {
            let value = |metric| Some(comparison.value(line, metric)?.mean);
            Some(value("log_likelihood_median")? - value("log_likelihood")?)
        };
        let lines = comparison.lines();
        let real = lines.iter().filter(|line| line.pipeline() == DATA).find_map(|line| gap(*line));
        let real = real.unwrap_or(0.0);
        let mut worst: Option<(Line, f64, f64)> = None;
        for line in lines.iter().copied().filter(|line| line.pipeline() != DATA) {
            let (Some(gap), Some(far)) = (gap(line), comparison.value(line, "off_support")) else { continue };
            let more = worst.is_none_or(|(_, known, _)| gap > known);
            if gap > real + NATS && far.mean <= FEW && more {
                worst = Some((line, gap, far.mean));
            }
        }
        match worst {
            None => Self { column: "log_likelihood", name: "mean", why: String::new() },
            Some((line, gap, far)) => Self {
                column: "log_likelihood_median",
                name: "median",
                why: format!(
                    "The median over samples is drawn, not the mean, which a few samples decide: of {} it \
                     lies {} nats below the median ({} for real points), while {} % of the samples are less likely \
                     than every real point. ",
                    pipeline_name(line.pipeline()),
                    number_label(gap, 1),
                    number_label(real, 1),
                    number_label(100.0 * far, 1)
                ),
            },
        }
    }

    /// The label of an axis.
    pub fn label(&self) -> String {
        format!("{} log-likelihood (nats)", self.name)
    }
}
