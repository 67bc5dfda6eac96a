//! The small curves beside the clouds of the page: each quantity of the reverse process by step or by diffusion time, as
//! the tables have it. The row that belongs to each stop of the slider is looked up here.

use super::stops::Stop;
use crate::report::figures::draw::{axis_name, number_label, ticks};
use crate::report::figures::model::{Axis, Scale};
use crate::report::figures::results::RunRows;
use crate::report::figures::series::{Curve, MOST_POINTS};
use crate::report::figures::statistic::Statistic;
use crate::report::figures::{Results, bifurcation, error_over_t, likelihood};
use crate::store::{Label, Where};
use serde::Serialize;
use std::collections::BTreeSet;

/// Ticks of an axis, about: of reverse steps, of the diffusion time, and of values.
const STEP_TICKS: f64 = 4.0;
const TIME_TICKS: f64 = 3.0;
const VALUE_TICKS: f64 = 4.0;

/// Digits after the point of the mantissa with which a value is written into the page.
const DIGITS: usize = 6;

/// A run whose curves are shown.
pub struct Run<'a> {
    /// Its pipeline.
    pub pipeline: &'a str,
    /// Its sweep point.
    pub values: &'a [String],
    /// Its replicate.
    pub replicate: usize,
    /// Where it is at each stop of the slider.
    pub stops: &'a [Stop],
}

impl Run<'_> {
    fn is(&self, label: &Label) -> bool {
        label.pipeline == self.pipeline && label.values == self.values && label.replicate == self.replicate
    }

    fn rows<'r, R>(&self, table: &'r [RunRows<R>]) -> &'r [R] {
        table.iter().find(|run| self.is(&run.label)).map_or(&[], |run| &run.rows)
    }
}

/// An axis with its ticks.
#[derive(Debug, Serialize)]
pub struct DrawnAxis {
    #[serde(flatten)]
    axis: Axis,
    ticks: Vec<(f64, String)>,
}

impl DrawnAxis {
    /// With about `count` ticks.
    pub fn new(axis: Axis, count: f64) -> Self {
        let ticks = ticks(&axis, count);
        Self { axis: Axis { label: axis_name(&axis), ..axis }, ticks }
    }

    /// The same from its upper end to its lower one: the direction of sampling along the diffusion time.
    fn reversed(self) -> Self {
        let Axis { low, high, .. } = self.axis;
        Self { axis: Axis { low: high, high: low, ..self.axis }, ..self }
    }
}

/// What one row of curves shows, for all pipelines.
#[derive(Debug, Serialize)]
pub struct Panel {
    title: String,
    /// The column of the table, and which of its rows; the latter is empty where it is all of them.
    column: &'static str,
    place: &'static str,
    /// What the abscissa is: `step` or `t`.
    over: Over,
    y: DrawnAxis,
    /// A level to read the curves by, in words and as a number.
    level: Option<(String, f64)>,
}

/// What a curve is drawn against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Over {
    /// The reverse step.
    Step,
    /// The diffusion time, backwards.
    T,
}

/// The curve of one run.
#[derive(Debug, Serialize)]
pub struct Drawn {
    axis: DrawnAxis,
    x: Vec<usize>,
    y: Vec<f64>,
    /// For each stop of the slider the point that is nearest to it, by its number.
    at: Vec<usize>,
}

/// A quantity before its axes are known.
struct Quantity {
    panel: Panel,
    /// Points of each run, in the order of sampling.
    curves: Vec<Curve>,
}

/// The panels in which some run has a line, and the curves of each run in them: none where it has no point.
pub fn curves(results: &Results, runs: &[Run]) -> (Vec<Panel>, Vec<Vec<Option<Drawn>>>) {
    let mut quantities: Vec<Quantity> = Vec::new();
    quantities.extend(log_likelihood(results, runs));
    quantities.extend(choices(results, runs));
    quantities.extend(errors(results, runs));
    // One axis of the diffusion time for all.
    let by_time = quantities.iter().filter(|q| q.panel.over == Over::T).flat_map(|q| &q.curves);
    let highest = by_time.flat_map(|curve| curve.x.iter().copied()).fold(2.0, f64::max);
    let drawn = |run: usize| {
        let one = |q: &Quantity| draw(&q.curves[run], q.panel.over, runs[run].stops, highest);
        quantities.iter().map(one).collect()
    };
    let drawn = (0..runs.len()).map(drawn).collect();
    (quantities.into_iter().map(|quantity| quantity.panel).collect(), drawn)
}

/// Whether one of the curves has an extent.
fn some_line(curves: &[Curve]) -> bool {
    curves.iter().any(|curve| curve.x.len() > 1)
}

fn log_likelihood(results: &Results, runs: &[Run]) -> Option<Quantity> {
    let statistic = Statistic::of(results);
    let of = |run: &Run| {
        let rows = run.rows(&results.metrics).iter();
        curve(rows.filter_map(|row| Some((row.step, row.get(statistic.column)?))))
    };
    let curves: Vec<Curve> = runs.iter().map(of).collect();
    let data = results.data_level(statistic.column);
    some_line(&curves).then(|| {
        let (low, high) = likelihood::whole_range(curves.iter(), data);
        Quantity {
            panel: Panel {
                title: statistic.label(),
                column: statistic.column,
                place: "",
                over: Over::Step,
                y: DrawnAxis::new(Axis::linear("", low, high), VALUE_TICKS),
                level: data.map(|data| (format!("real points {}", number_label(data, 3)), data)),
            },
            curves,
        }
    })
}

/// Commitment, cloning and entropy.
fn choices(results: &Results, runs: &[Run]) -> Vec<Quantity> {
    let quantity = |quantity: &bifurcation::Quantity| {
        let of = |run: &Run| {
            let rows = run.rows(&results.bifurcation).iter();
            curve(rows.filter_map(|row| Some((row.step, (quantity.value)(row)?))))
        };
        let curves: Vec<Curve> = runs.iter().map(of).collect();
        let (low, high) = bifurcation::range(curves.iter());
        let words = |(name, level): (String, f64)| match name.parse::<f64>() {
            Ok(_) => (format!("chosen above {name}"), level),
            Err(_) => (format!("{name} {}", number_label(level, 3)), level),
        };
        some_line(&curves).then(|| Quantity {
            panel: Panel {
                title: quantity.label.to_string(),
                column: quantity.column,
                place: "",
                over: Over::Step,
                y: DrawnAxis::new(Axis::linear("", low, high), VALUE_TICKS),
                level: (quantity.level)(results).map(words),
            },
            curves,
        })
    };
    bifurcation::QUANTITIES.iter().filter_map(quantity).collect()
}

/// The errors of the predicted noise by diffusion time.
fn errors(results: &Results, runs: &[Run]) -> Vec<Quantity> {
    let quantity = |quantity: &error_over_t::Quantity| {
        let shown = |value: &f64| quantity.scale == Scale::Linear || *value > 0.0;
        let of = |run: &Run| {
            let rows = run.rows(&results.errors).iter();
            let mut points: Vec<(usize, f64)> =
                rows.filter_map(|row| Some((row.t, (quantity.value)(row).filter(shown)?))).collect();
            points.sort_by_key(|(t, _)| std::cmp::Reverse(*t));
            curve(points.into_iter())
        };
        let curves: Vec<Curve> = runs.iter().map(of).collect();
        let (low, high) = error_over_t::range(quantity, curves.iter());
        let axis = Axis { label: String::new(), scale: quantity.scale.clone(), low, high };
        let place = |place| match place {
            Where::Noised => "noised",
            Where::Path => "path",
        };
        some_line(&curves).then(|| Quantity {
            panel: Panel {
                title: quantity.name.to_string(),
                column: quantity.column,
                place: place(quantity.place),
                over: Over::T,
                y: DrawnAxis::new(axis, VALUE_TICKS),
                level: None,
            },
            curves,
        })
    };
    error_over_t::QUANTITIES.iter().filter_map(quantity).collect()
}

/// The points that are numbers.
fn curve(points: impl Iterator<Item = (usize, f64)>) -> Curve {
    let (x, y) = points.filter(|(_, y)| y.is_finite()).map(|(x, y)| (x as f64, y)).unzip();
    Curve { x, y, ..Curve::default() }
}

fn draw(curve: &Curve, over: Over, stops: &[Stop], highest: f64) -> Option<Drawn> {
    if curve.x.is_empty() {
        return None;
    }
    let x: Vec<usize> = curve.x.iter().map(|x| *x as usize).collect();
    let (x, kept, at) = thinned(&x, over, stops);
    let last = |stops: &[Stop]| stops.last().map_or(0, |stop| stop.step);
    let axis = match over {
        Over::Step => {
            let last = x.last().copied().unwrap_or(0).max(last(stops)).max(1);
            DrawnAxis::new(Axis::linear("reverse step", 0.0, last as f64), STEP_TICKS)
        }
        Over::T => {
            let label = "diffusion time t".to_string();
            DrawnAxis::new(Axis { label, scale: Scale::Log, low: 1.0, high: highest }, TIME_TICKS).reversed()
        }
    };
    Some(Drawn { axis, x, y: kept.iter().map(|&i| short(curve.y[i])).collect(), at })
}

/// The points that are drawn, by abscissa and number, and which of them is nearest to each stop; of two that are as
/// near, the earlier. The nearest ones are kept, and of the others as many as there is room for, evenly.
fn thinned(x: &[usize], over: Over, stops: &[Stop]) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
    let place = |stop: &Stop| if over == Over::Step { stop.step } else { stop.t };
    let nearest =
        |stop: &Stop| (0..x.len()).min_by_key(|&i| x[i].abs_diff(place(stop))).expect("there are points");
    let at: Vec<usize> = stops.iter().map(nearest).collect();
    let mut kept: BTreeSet<usize> = at.iter().copied().collect();
    if x.len() <= MOST_POINTS {
        kept = (0..x.len()).collect();
    } else {
        let room = MOST_POINTS.saturating_sub(kept.len()).max(2);
        kept.extend((0..room).map(|i| i * (x.len() - 1) / (room - 1)));
    }
    let kept: Vec<usize> = kept.into_iter().collect();
    let at = at.iter().map(|i| kept.binary_search(i).expect("it was kept")).collect();
    (kept.iter().map(|&i| x[i]).collect(), kept, at)
}

/// A value with as many digits as can be read.
fn short(value: f64) -> f64 {
    format!("{value:.DIGITS$e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_the_rows_of_every_stop() {
        let x: Vec<usize> = (0..=1000).collect();
        let stops: Vec<Stop> = (0..=100).map(|i| Stop { step: 10 * i, t: 1000 - 10 * i }).collect();
        let (steps, kept, at) = thinned(&x, Over::Step, &stops);
        assert!(steps.len() <= MOST_POINTS && steps.len() > 300, "{}", steps.len());
        assert_eq!(steps, kept);
        assert_eq!((steps[0], steps[steps.len() - 1]), (0, 1000));
        assert!(stops.iter().zip(&at).all(|(stop, &i)| steps[i] == stop.step));
        // By time the order is that of sampling.
        let falling: Vec<usize> = (1..=1000).rev().collect();
        let (times, _, at) = thinned(&falling, Over::T, &stops);
        assert!(times.len() <= MOST_POINTS);
        assert!(stops.iter().zip(&at).all(|(stop, &i)| times[i] == stop.t.max(1)));
    }

    #[test]
    fn between_two_rows_the_nearer_one_is_read_and_the_earlier_of_two_as_near() {
        let stops: Vec<Stop> = [0, 2, 5, 6, 12].map(|step| Stop { step, t: 0 }).to_vec();
        let (_, _, at) = thinned(&[0, 4, 6, 10], Over::Step, &stops);
        assert_eq!(at, [0, 0, 1, 2, 3]);
    }

    #[test]
    fn values_keep_seven_digits() {
        assert_eq!(short(-1.954_321_987), -1.954_322);
        assert_eq!(short(1.234_567_89e-9), 1.234_568e-9);
        assert_eq!(short(0.0), 0.0);
    }
}
