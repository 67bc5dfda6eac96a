//! From numbers to places on an axis, and the ticks along it.

use crate::report::figures::captions;
use crate::report::figures::model::{Axis, Scale};

/// Where a number lies between the ends of an axis, 0 to 1; beyond it outside.
pub fn place(axis: &Axis, value: f64) -> f64 {
    match axis.scale {
        Scale::Log => {
            let (low, high) = (axis.low.log10(), axis.high.log10());
            (value.max(f64::MIN_POSITIVE).log10() - low) / (high - low)
        }
        _ => (value - axis.low) / (axis.high - axis.low),
    }
}

/// Ticks with their labels, about `count` of them.
pub fn ticks(axis: &Axis, count: f64) -> Vec<(f64, String)> {
    match &axis.scale {
        Scale::Linear => linear(axis.low, axis.high, count),
        Scale::Log => logarithmic(axis.low, axis.high, count),
        Scale::Named(names) => names.iter().enumerate().map(|(i, name)| (i as f64, name.clone())).collect(),
    }
}

fn linear(low: f64, high: f64, count: f64) -> Vec<(f64, String)> {
    let raw = (high - low) / count.max(1.0);
    if !(raw.is_finite() && raw > 0.0) {
        return Vec::new();
    }
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let slack = 1e-9 * (high - low);
    let (first, last) = (((low - slack) / step).ceil() as i64, ((high + slack) / step).floor() as i64);
    // 2.5 needs a digit more than its power of ten.
    let digits = (0..12).find(|d| {
        let scaled = step * 10_f64.powi(*d);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    let digits = digits.unwrap_or(0) as usize;
    (first..=last).map(|i| i as f64 * step).map(|v| (v, label(v, digits))).collect()
}

fn logarithmic(low: f64, high: f64, count: f64) -> Vec<(f64, String)> {
    let decades = (high / low).log10();
    let digits: &[f64] = match decades / count.max(1.0) {
        r if r > 0.7 => &[1.0],
        r if r > 0.3 => &[1.0, 3.0],
        _ => &[1.0, 2.0, 5.0],
    };
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let every = ((decades / count.max(1.0)).ceil() as usize).max(1);
    let values = (first..=last)
        .step_by(every)
        .flat_map(|power| digits.iter().map(move |digit| (digit * 10_f64.powi(power), power)))
        .filter(|(value, _)| (low * 0.9999..=high * 1.0001).contains(value));
    let found: Vec<(f64, String)> =
        values.map(|(value, power)| (value, label(value, (-power).max(0) as usize))).collect();
    // Less than an octave has hardly a round number in it.
    if found.len() < 2 { linear(low, high, count) } else { found }
}

/// A number for a tick: a true minus sign, commas between thousands, powers of ten where it is very large.
pub fn label(value: f64, digits: usize) -> String {
    let sign = if value < 0.0 { "\u{2212}" } else { "" };
    let size = value.abs();
    if size >= 1e7 || (size > 0.0 && size < 1e-4) {
        let text = format!("{size:.0e}");
        return format!("{sign}{}", text.replace("e-", "e\u{2212}"));
    }
    if digits == 0 {
        return format!(
            "{}{}",
            if size.round() > 0.0 { sign } else { "" },
            captions::count(size.round() as usize)
        );
    }
    let text = format!("{size:.digits$}");
    if text.chars().all(|c| c == '0' || c == '.') { "0".to_string() } else { format!("{sign}{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, low: f64, high: f64, count: f64) -> Vec<String> {
        ticks(&Axis { label: String::new(), scale, low, high }, count).into_iter().map(|t| t.1).collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_axis() {
        assert_eq!(labels(Scale::Linear, 0.0, 100.0, 5.0), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(
            labels(Scale::Linear, -10.2, -1.7, 4.0),
            ["\u{2212}10.0", "\u{2212}7.5", "\u{2212}5.0", "\u{2212}2.5"]
        );
        assert_eq!(labels(Scale::Linear, 0.0, 79_000.0, 4.0), ["0", "20,000", "40,000", "60,000"]);
        assert_eq!(labels(Scale::Linear, 0.93, 1.0, 4.0), ["0.94", "0.96", "0.98", "1.00"]);
        assert!(labels(Scale::Linear, 1.0, 1.0, 4.0).is_empty());
    }

    #[test]
    fn logarithmic_ticks_are_decades_or_parts_of_one() {
        assert_eq!(labels(Scale::Log, 0.1, 100.0, 4.0), ["0.1", "1", "10", "100"]);
        assert_eq!(labels(Scale::Log, 0.15, 1.2, 5.0), ["0.2", "0.5", "1"]);
        assert_eq!(labels(Scale::Log, 1e-8, 1e4, 4.0).len(), 5);
        let axis = Axis { label: String::new(), scale: Scale::Log, low: 0.1, high: 10.0 };
        assert!((place(&axis, 1.0) - 0.5).abs() < 1e-12);
    }
}
