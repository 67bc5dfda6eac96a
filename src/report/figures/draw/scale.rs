//! From numbers to positions on an axis, and the ticks along it.

use crate::report::figures::captions;
use crate::report::figures::model::{Axis, Scale};

/// Where a number lies between the ends of an axis, 0 to 1; beyond it outside.
pub fn position(axis: &Axis, value: f64) -> f64 {
    match axis.scale {
        Scale::Log | Scale::LogFromZero => {
            let (low, high) = (axis.low.log10(), axis.high.log10());
            let value = if axis.scale == Scale::LogFromZero { value.max(axis.low) } else { value };
            (value.max(f64::MIN_POSITIVE).log10() - low) / (high - low)
        }
        _ => (value - axis.low) / (axis.high - axis.low),
    }
}

/// Ticks with their labels, about `count` of them. Where the axis has an `offset`, the labels are differences to it.
pub fn ticks(axis: &Axis, count: f64) -> Vec<(f64, String)> {
    match &axis.scale {
        Scale::Linear => linear(axis, count),
        Scale::Log => logarithmic(axis.low, axis.high, count),
        Scale::LogFromZero => {
            let from_one = logarithmic(1.0, axis.high, count.max(4.0));
            std::iter::once((0.0, "0".to_string())).chain(from_one).collect()
        }
        Scale::Named(names) => names.iter().enumerate().map(|(i, name)| (i as f64, name.clone())).collect(),
    }
}

/// Spans of an axis between zero and its ends, beyond which its labels are differences to an offset: more digits than
/// this are the same in all labels.
const OFFSET_AT: f64 = 1e4;

/// The number to which the labels of a linear axis are differences: a round one within the axis, or just below it. None
/// where the labels are the values themselves.
pub fn offset(axis: &Axis) -> Option<f64> {
    let (low, high, span) = (axis.low, axis.high, axis.high - axis.low);
    let far = low.abs().min(high.abs()) >= OFFSET_AT * span;
    if axis.scale != Scale::Linear || !(span.is_finite() && span > 0.0 && far) {
        return None;
    }
    let unit = 10_f64.powf(span.log10().ceil());
    let inside = (low / unit).ceil() * unit;
    Some(if inside <= high { inside } else { (low / unit).floor() * unit })
}

/// What is written along an axis: its label, that it is logarithmic, and the offset that its ticks leave out.
pub fn name(axis: &Axis) -> String {
    if matches!(axis.scale, Scale::Log | Scale::LogFromZero) {
        return format!("{} (log scale)", axis.label).trim_start().to_string();
    }
    let Some(offset) = offset(axis) else { return axis.label.clone() };
    let sign = if offset < 0.0 { '\u{2212}' } else { '+' };
    let short = format!("{:e}", offset.abs());
    let size = if short.len() <= 7 { short } else { format!("{}", offset.abs()) };
    format!("{} {sign} {size}", axis.label).trim_start().to_string()
}

fn linear(axis: &Axis, count: f64) -> Vec<(f64, String)> {
    let (low, high) = (axis.low, axis.high);
    let raw = (high - low) / count.max(1.0);
    if !(raw.is_finite() && raw > 0.0) {
        return Vec::new();
    }
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * 0.999);
    let step = step.unwrap_or(10.0 * power);
    let slack = 1e-9 * (high - low);
    let from = offset(axis).unwrap_or(0.0);
    let first = ((low - from - slack) / step).ceil() as i64;
    let last = ((high - from + slack) / step).floor() as i64;
    let differences: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();
    let labels = labels(&differences, step);
    differences.into_iter().map(|v| from + v).zip(labels).collect()
}

/// The labels of values that are multiples of `step`, with as many digits as it takes to write each one out.
fn labels(values: &[f64], step: f64) -> Vec<String> {
    let largest = values.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
    let whole = |scaled: f64| (scaled - scaled.round()).abs() < 1e-6 * scaled.abs().max(1e-300);
    if largest < 1e7 && step >= 1e-4 {
        // 2.5 needs a digit more than its power of ten.
        let digits = (0..12).find(|d| whole(step * 10_f64.powi(*d))).unwrap_or(0) as usize;
        return values.iter().map(|v| label(*v, digits)).collect();
    }
    let power = |v: f64| 10_f64.powf(v.abs().log10().floor());
    let digits = |v: &f64| {
        let exact = |digits: &i32| {
            let unit = power(*v) / 10_f64.powi(*digits);
            ((v / unit).round() * unit - v).abs() < 1e-6 * step
        };
        (0..15).find(exact).unwrap_or(15) as usize
    };
    let digits = values.iter().filter(|v| **v != 0.0).map(digits).max().unwrap_or(0);
    values.iter().map(|v| if *v == 0.0 { "0".to_string() } else { scientific(*v, digits) }).collect()
}

/// A power of ten with so many digits after the point of its factor, and a true minus sign.
fn scientific(value: f64, digits: usize) -> String {
    let sign = if value < 0.0 { "\u{2212}" } else { "" };
    format!("{sign}{}", format!("{:.digits$e}", value.abs()).replace("e-", "e\u{2212}"))
}

fn logarithmic(low: f64, high: f64, count: f64) -> Vec<(f64, String)> {
    let decades = (high / low).log10();
    let digits: &[f64] = match decades / count.max(1.0) {
        r if r > 0.55 => &[1.0],
        r if r > 0.3 => &[1.0, 3.0],
        _ => &[1.0, 2.0, 5.0],
    };
    let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let every = ((decades / count.max(1.0)).ceil() as usize).max(1);
    let with = |every: usize| -> Vec<(f64, String)> {
        let values = (first..=last)
            .step_by(every)
            .flat_map(|power| digits.iter().map(move |digit| (digit * 10_f64.powi(power), power)))
            .filter(|(value, _)| (low * 0.9999..=high * 1.0001).contains(value));
        values.map(|(value, power)| (value, label(value, (-power).max(0) as usize))).collect()
    };
    // Where the decades that were chosen leave one tick or none, more of them are shown.
    let found = (1..=every).rev().map(with).find(|found| found.len() > 1).unwrap_or_default();
    // Less than an octave has hardly a round number in it.
    if found.len() < 2 {
        return linear(&Axis::linear("", low, high), count);
    }
    found
}

/// A number for a tick: a true minus sign, commas between thousands, powers of ten where it is very large.
pub fn label(value: f64, digits: usize) -> String {
    let sign = if value < 0.0 { "\u{2212}" } else { "" };
    let size = value.abs();
    if size >= 1e7 || (size > 0.0 && size < 1e-4) {
        return scientific(value, 0);
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
    fn labels_have_the_digits_to_differ() {
        assert_eq!(labels(Scale::Linear, 0.0, 1e8, 4.0), ["0", "2.5e7", "5.0e7", "7.5e7", "1.0e8"]);
        assert_eq!(
            labels(Scale::Linear, -1e-4, 1e-4, 4.0),
            ["\u{2212}1e\u{2212}4", "\u{2212}5e\u{2212}5", "0", "5e\u{2212}5", "1e\u{2212}4"]
        );
        for (low, high) in [
            (1e6, 1.2e6),
            (9e6, 1.3e7),
            (0.0, 1e-9),
            (1.7e9, 1.9e9),
            (-3.1e7, -3.0e7),
            (1e-5, 3e-4),
            (1e15, 2e15),
        ] {
            for count in [2.0, 3.0, 4.0, 6.0, 8.0] {
                let found = labels(Scale::Linear, low, high, count);
                let different: std::collections::HashSet<&String> = found.iter().collect();
                assert_eq!(different.len(), found.len(), "{low} to {high}: {found:?}");
            }
        }
    }

    #[test]
    fn ticks_of_a_narrow_axis_far_from_zero_are_differences_to_an_offset_that_its_name_gives() {
        let axis = Axis::linear("unix_s", 1_699_988_000.0, 1_700_011_000.0);
        assert_eq!(name(&axis), "unix_s + 1.7e9");
        let found = ticks(&axis, 3.0);
        assert_eq!(
            found,
            [
                (1_699_990_000.0, "\u{2212}10,000".to_string()),
                (1.7e9, "0".to_string()),
                (1_700_010_000.0, "10,000".to_string())
            ]
        );
        let axis = Axis::linear("", 1_234_567.1, 1_234_567.9);
        assert_eq!((name(&axis), offset(&axis)), ("+ 1234567".to_string(), Some(1_234_567.0)));
        let axis = Axis::linear("", -1_234_567.9, -1_234_567.1);
        assert_eq!(name(&axis), "\u{2212} 1234568");
        assert_eq!(name(&Axis::linear("", 4_000_000.0, 5_000_000.0)), "");
    }

    #[test]
    fn logarithmic_ticks_are_decades_or_parts_of_one() {
        assert_eq!(labels(Scale::Log, 0.1, 100.0, 4.0), ["0.1", "1", "10", "100"]);
        assert_eq!(labels(Scale::Log, 0.15, 1.2, 5.0), ["0.2", "0.5", "1"]);
        assert_eq!(labels(Scale::Log, 1e-8, 1e4, 4.0).len(), 5);
        assert_eq!(labels(Scale::Log, 0.03, 80.0, 1.5), ["0.1", "1", "10"]);
        assert_eq!(labels(Scale::LogFromZero, 0.5, 110.0, 4.0), ["0", "1", "3", "10", "30", "100"]);
        assert_eq!(labels(Scale::LogFromZero, 0.5, 1100.0, 2.0), ["0", "1", "10", "100", "1,000"]);
        let axis = Axis { label: String::new(), scale: Scale::LogFromZero, low: 0.5, high: 200.0 };
        assert_eq!((position(&axis, 0.0), position(&axis, 0.5)), (0.0, 0.0));
        let axis = Axis { label: String::new(), scale: Scale::Log, low: 0.1, high: 10.0 };
        assert!((position(&axis, 1.0) - 0.5).abs() < 1e-12);
    }
}
