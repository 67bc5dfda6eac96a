//! The figures of a map: histograms of the columns and of the mapped axes, their quantiles beside normal ones, and the
//! pairs that still depend on each other.

use super::left::{AxisSummary, Left};
use crate::numeric::normal;
use crate::report::figures::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Role, Stroke};
use ndarray::{ArrayView1, ArrayView2};
use statrs::distribution::{Beta, ContinuousCDF};

/// Panels of a figure at most: of more axes the least normal ones are shown.
const MOST: usize = 12;
/// Panels side by side.
const ACROSS: usize = 4;
/// Quantiles in a panel at most.
const QUANTILES: usize = 200;
/// Points of a cloud at most.
const POINTS: usize = 2000;
/// Bins of a histogram at most.
const BINS: usize = 60;

/// What a figure shows of its axes.
pub struct Axes<'a> {
    /// Points `(n, d)`.
    pub points: ArrayView2<'a, f64>,
    /// Their names.
    pub names: &'a [String],
    /// Each in numbers.
    pub summaries: &'a [AxisSummary],
    /// Colour.
    pub role: Role,
    /// Whether the values are to be N(0, 1) as they are, not once they are standardized.
    pub mapped: bool,
}

impl Axes<'_> {
    /// The places of those that are shown, the others left out, and a sentence about it.
    fn shown(&self) -> (Vec<usize>, String) {
        let d = self.names.len();
        let mut places: Vec<usize> = (0..d).collect();
        if d <= MOST {
            return (places, String::new());
        }
        let far = |j: usize| {
            let axis = &self.summaries[j];
            if self.mapped { axis.distance } else { axis.negentropy }
        };
        places.sort_by(|a, b| far(*b).total_cmp(&far(*a)));
        places.truncate(MOST);
        places.sort_unstable();
        (places, format!(" Of {d} axes the {MOST} that are farthest from normal."))
    }

    /// A figure with a panel for each axis shown.
    fn figure(&self, name: &str, title: &str, note: &str, panel: impl Fn(usize) -> Panel) -> Figure {
        let (places, left_out) = self.shown();
        let panels: Vec<Panel> = places.into_iter().map(panel).collect();
        let row = |panels: &[Panel]| PanelRow {
            title: String::new(),
            role: self.role,
            form: Form::Ratio(0.72),
            panels: panels.to_vec(),
        };
        Figure {
            name: name.to_string(),
            title: title.to_string(),
            setting: format!("{} points", self.points.nrows()),
            note: format!("{note}{left_out}"),
            rows: panels.chunks(ACROSS).map(row).collect(),
        }
    }

    /// Histograms, with the density of the normal distribution of the same mean and standard deviation, or N(0, 1).
    pub fn histograms(&self, name: &str, title: &str) -> Figure {
        let note = match self.mapped {
            true => "Line: N(0, 1).",
            false => "Line: the normal distribution with the mean and the standard deviation of the column.",
        };
        self.figure(name, title, note, |j| {
            let values = self.points.column(j);
            let summary = &self.summaries[j];
            let (mean, std) = if self.mapped { (0.0, 1.0) } else { (summary.mean, summary.std) };
            let (edges, heights) = histogram(values);
            let (low, high) = (edges[0], edges[edges.len() - 1]);
            let mut top = heights.iter().copied().fold(0.0, f64::max);
            let mut marks =
                vec![Mark::Histogram { label: self.names[j].clone(), ink: self.role.into(), edges, heights }];
            if std > 0.0 {
                let x: Vec<f64> = (0..=100).map(|k| low + (high - low) * f64::from(k) / 100.0).collect();
                let y: Vec<f64> = x.iter().map(|x| normal::pdf((x - mean) / std) / std).collect();
                top = top.min(4.0 * normal::pdf(0.0) / std).max(y.iter().copied().fold(0.0, f64::max));
                marks.push(line("normal", Role::Data, Stroke::Normal, x, y));
            }
            Panel {
                title: self.names[j].clone(),
                x: Axis::linear("", low, high),
                y: Axis::linear("density", 0.0, 1.05 * top),
                colour: None,
                marks,
            }
        })
    }

    /// Quantiles of the values beside those of N(0, 1), with the band in which 95 of 100 quantiles of true normal points
    /// lie: the i-th of n is `Phi^-1(Beta(i, n + 1 - i))`.
    pub fn quantiles(&self, name: &str, title: &str) -> Figure {
        let note =
            "Band: where a quantile of as many true normal points is in 95 of 100 cases, each by itself.";
        self.figure(name, title, note, |j| {
            let summary = &self.summaries[j];
            let (mean, std) =
                if self.mapped || summary.std == 0.0 { (0.0, 1.0) } else { (summary.mean, summary.std) };
            let mut values: Vec<f64> = self.points.column(j).iter().map(|v| (v - mean) / std).collect();
            values.sort_unstable_by(f64::total_cmp);
            let places = quantile_places(values.len());
            let n = values.len() as f64;
            let at = |p: f64| normal::quantile(p, 1.0 - p);
            let x: Vec<f64> = places.iter().map(|i| at((*i as f64 + 0.5) / n)).collect();
            let band = |p: f64| -> Vec<f64> {
                let one = |i: &usize| {
                    Beta::new(*i as f64 + 1.0, n - *i as f64).map_or(f64::NAN, |beta| at(beta.inverse_cdf(p)))
                };
                places.iter().map(one).collect()
            };
            let y: Vec<f64> = places.iter().map(|i| values[*i]).collect();
            let (low_band, high_band) = (band(0.025), band(0.975));
            let finite =
                |values: &[f64]| values.iter().copied().filter(|v| v.is_finite()).collect::<Vec<_>>();
            let all: Vec<f64> = [finite(&y), finite(&low_band), finite(&high_band)].concat();
            let low = all.iter().copied().fold(f64::INFINITY, f64::min);
            let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let pad = 0.03 * (high - low).max(1e-9);
            let mut diagonal = line("normal", Role::Data, Stroke::Guide, x.clone(), x.clone());
            if let Mark::Line { low, high, .. } = &mut diagonal {
                (*low, *high) = (low_band, high_band);
            }
            let ends = (x.first().copied().unwrap_or(-1.0), x.last().copied().unwrap_or(1.0));
            let wide = 0.03 * (ends.1 - ends.0).max(1e-9);
            let dots = Mark::Points {
                origins: Vec::new(),
                label: self.names[j].clone(),
                ink: self.role.into(),
                size: 2.6,
                x,
                y,
                value: Vec::new(),
            };
            Panel {
                title: self.names[j].clone(),
                x: Axis::linear("quantile of N(0, 1)", ends.0 - wide, ends.1 + wide),
                y: Axis::linear(if self.mapped { "value" } else { "standardized" }, low - pad, high + pad),
                colour: None,
                marks: vec![diagonal, dots],
            }
        })
    }
}

/// Clouds of the pairs of mapped axes that depend most on each other.
pub fn pairs(z: ArrayView2<f64>, names: &[String], left: &Left) -> Option<Figure> {
    let step = z.nrows().div_ceil(POINTS).max(1);
    let thin = |j: usize| -> Vec<f64> { z.column(j).iter().step_by(step).copied().collect() };
    let panel = |pair: &super::left::Pair| {
        let (i, j) = pair.axes;
        Panel {
            title: format!("{:+.3}, sizes {:+.3}", pair.correlation, pair.of_sizes),
            x: Axis::linear(&names[i], -4.5, 4.5),
            y: Axis::linear(&names[j], -4.5, 4.5),
            colour: None,
            marks: vec![Mark::Points {
                origins: Vec::new(),
                label: format!("{} and {}", names[i], names[j]),
                ink: Role::Gaussianized.into(),
                size: 2.0,
                x: thin(i),
                y: thin(j),
                value: Vec::new(),
            }],
        }
    };
    let panels: Vec<Panel> = left.pairs.iter().take(ACROSS).map(panel).collect();
    (!panels.is_empty()).then(|| Figure {
        name: "pairs".to_string(),
        title: "The pairs that depend most on each other".to_string(),
        setting: format!("{} points", z.nrows()),
        note: format!(
            "Above each: the correlation of the values and of their sizes |z|. The largest of all pairs of independent axes is below {:.3} in 95 of 100 cases.",
            left.pair_floor
        ),
        rows: vec![PanelRow { title: String::new(), role: Role::Gaussianized, form: Form::Square, panels }],
    })
}

fn line(label: &str, role: Role, stroke: Stroke, x: Vec<f64>, y: Vec<f64>) -> Mark {
    Mark::Line {
        origins: Vec::new(),
        label: label.to_string(),
        named: false,
        ink: role.into(),
        stroke,
        x,
        y,
        low: Vec::new(),
        high: Vec::new(),
    }
}

/// Ends and heights of the bins, of Freedman and Diaconis' width where that makes sense; far outliers are in the outer bins.
fn histogram(values: ArrayView1<f64>) -> (Vec<f64>, Vec<f64>) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let at = |p: f64| sorted[((p * n as f64) as usize).min(n - 1)];
    let spread = at(0.75) - at(0.25);
    let (mut low, mut high) = (sorted[0], sorted[n - 1]);
    if spread > 0.0 {
        low = low.max(at(0.5) - 8.0 * spread);
        high = high.min(at(0.5) + 8.0 * spread);
    }
    if high <= low {
        let half = 0.5 * low.abs().max(1.0);
        (low, high) = (low - half, high + half);
    }
    let width = 2.0 * spread / (n as f64).cbrt();
    let bins = if width > 0.0 { ((high - low) / width).ceil() as usize } else { 1 };
    let bins = bins.clamp(8, BINS);
    let mut heights = vec![0.0; bins];
    let area = (high - low) / bins as f64 * n as f64;
    for v in &sorted {
        let bin = ((v - low) / (high - low) * bins as f64).floor().clamp(0.0, bins as f64 - 1.0);
        heights[bin as usize] += 1.0 / area;
    }
    let edges = (0..=bins).map(|k| low + (high - low) * k as f64 / bins as f64).collect();
    (edges, heights)
}

/// The places among `n` sorted values of the quantiles shown: all outer ones, fewer in the middle.
fn quantile_places(n: usize) -> Vec<usize> {
    if n <= QUANTILES {
        return (0..n).collect();
    }
    let ends = QUANTILES / 8;
    let inner = QUANTILES - 2 * ends;
    let between = (0..inner).map(|k| ends + k * (n - 2 * ends) / inner);
    (0..ends).chain(between).chain(n - ends..n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    #[test]
    fn histograms_hold_every_point_and_quantiles_ascend() {
        for values in [vec![1.0], vec![2.0; 7], (0..1000).map(|i| f64::from(i).powi(3)).collect()] {
            let (edges, heights) = histogram(Array1::from(values).view());
            let area: f64 = heights.iter().zip(edges.windows(2)).map(|(h, e)| h * (e[1] - e[0])).sum();
            assert!((area - 1.0).abs() < 1e-9, "{area}");
        }
        for n in [1, 2, 200, 201, 5000] {
            let places = quantile_places(n);
            assert!(places.is_sorted() && places.windows(2).all(|w| w[0] < w[1]));
            assert_eq!((places[0], places[places.len() - 1]), (0, n - 1));
        }
    }
}
