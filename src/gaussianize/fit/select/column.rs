//! The one-dimensional map of a column, its kind chosen by the density of points left out.

use ndarray::ArrayView1;

use crate::gaussianize::fit::prepare;
use crate::gaussianize::kde::bandwidth::BandwidthRule;
use crate::gaussianize::kde::marginal::{Marginal, Tails};
use crate::gaussianize::kde::splice;
use crate::gaussianize::options::FOLDS;
use crate::numeric::intervals::mean_and_error;
use crate::numeric::normal;
use crate::numeric::random::Stream;

/// Most points by which kinds are judged.
const JUDGED: usize = 4000;
/// With fewer points each part of them is left out once, else one.
const FEW: usize = 1000;
/// Kernel widths tried, in units of Silverman's: of the column itself, and of numbers that are nearly normal.
const OWN_WIDTHS: [f64; 4] = [0.15, 0.3, 0.55, 1.0];
const NORMAL_WIDTHS: [f64; 2] = [0.6, 1.1];

/// How a column is mapped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Kind {
    /// First by the smooth map between quantiles, whose tails the data choose.
    spliced: bool,
    /// Then by a kernel density of this width, in units of Silverman's.
    kernels: Option<f64>,
}

/// A column's map: two maps with a standardization between them.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub first: Option<Marginal>,
    pub mean: f64,
    pub std: f64,
    pub second: Option<Marginal>,
}

impl Kind {
    const PLAIN: Self = Self { spliced: false, kernels: None };

    fn all() -> Vec<Self> {
        let own = OWN_WIDTHS.map(|w| Self { spliced: false, kernels: Some(w) });
        let normal = NORMAL_WIDTHS.map(|w| Self { spliced: true, kernels: Some(w) });
        let mut all = vec![Self::PLAIN, Self { spliced: true, kernels: None }];
        all.extend(own);
        all.extend(normal);
        all
    }

    /// Fits to ascending values.
    fn fit(self, sorted: &[f64]) -> Option<Column> {
        let first = if self.spliced { Some(splice::fit(sorted)?.0) } else { None };
        let mut own: Vec<f64> = match &first {
            Some(first) => sorted.iter().map(|s| first.forward(*s)).collect(),
            None => sorted.to_vec(),
        };
        let n = own.len() as f64;
        let mean = own.iter().sum::<f64>() / n;
        let std = (own.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        if !(std > 0.0 && std.is_finite()) {
            return None;
        }
        own.iter_mut().for_each(|v| *v = (*v - mean) / std);
        let second = match self.kernels {
            None => None,
            Some(factor) => {
                let h = BandwidthRule::Silverman.choose(&own).value * factor;
                Some(Marginal::fit(&own, h, Tails::Gentle)?.0)
            }
        };
        // With few points a fresh one varies more around their mean than they do.
        let fresh = if second.is_none() { ((n + 1.0) / (n - 1.0)).sqrt() } else { 1.0 };
        Some(Column { first, mean, std: std * fresh, second })
    }
}

impl Column {
    /// Chooses the kind for a column of values and fits it; the plain one unless another gains more than the standard error.
    pub fn choose(values: ArrayView1<f64>, stream: &Stream) -> Option<Self> {
        let sorted = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        };
        let n = values.len();
        let mut order = prepare::shuffled(n, &stream.child("column"));
        order.truncate(JUDGED);
        let folds = if n < FEW { FOLDS } else { 1 };
        let parts: Vec<(Vec<f64>, Vec<f64>)> = (0..folds)
            .map(|fold| {
                let (rest, out) = prepare::dealt(&order, fold);
                let own = |rows: Vec<usize>| rows.into_iter().map(|row| values[row]).collect::<Vec<f64>>();
                (sorted(&own(rest)), own(out))
            })
            .collect();
        let scores = |kind: Kind| -> Option<Vec<f64>> {
            let mut scores = Vec::new();
            for (learn, out) in &parts {
                let column = kind.fit(learn)?;
                scores.extend(out.iter().map(|s| column.log_density(*s)));
            }
            scores.iter().all(|v| v.is_finite()).then_some(scores)
        };
        let plain = scores(Kind::PLAIN)?;
        let total = |scores: &[f64]| scores.iter().sum::<f64>();
        let others = Kind::all().into_iter().skip(1).filter_map(|kind| Some((kind, scores(kind)?)));
        let best = others.max_by(|a, b| total(&a.1).total_cmp(&total(&b.1)));
        let gained = best.filter(|(_, own)| {
            let gains: Vec<f64> = own.iter().zip(&plain).map(|(a, b)| a - b).collect();
            let (mean, error) = mean_and_error(&gains);
            mean > error
        });
        gained.map_or(Kind::PLAIN, |(kind, _)| kind).fit(&sorted(&values.to_vec()))
    }

    /// Whether it does more than shift and scale.
    pub fn bends(&self) -> bool {
        self.first.is_some() || self.second.is_some()
    }

    pub fn forward(&self, s: f64) -> f64 {
        let v = self.first.as_ref().map_or(s, |map| map.forward(s));
        let v = (v - self.mean) / self.std;
        self.second.as_ref().map_or(v, |map| map.forward(v))
    }

    pub fn inverse(&self, z: f64) -> f64 {
        let v = self.second.as_ref().map_or(z, |map| map.inverse(z));
        let v = v * self.std + self.mean;
        self.first.as_ref().map_or(v, |map| map.inverse(v))
    }

    /// `log N(z; 0, 1) + log dz/ds`.
    fn log_density(&self, s: f64) -> f64 {
        let of = |map: &Option<Marginal>, s: f64| match map {
            Some(map) => {
                let (z, derivative) = map.forward_with_derivative(s);
                (z, derivative.ln())
            }
            None => (s, 0.0),
        };
        let (v, first) = of(&self.first, s);
        let (z, second) = of(&self.second, (v - self.mean) / self.std);
        normal::log_pdf(z) + first + second - self.std.ln()
    }
}
