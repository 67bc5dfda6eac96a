//! The swept keys that metrics are drawn against, one at a time.

use super::results::Results;
use crate::report::point_names::{short_keys, short_value};

/// The key that goes before all others.
pub const LAMBDA: &str = "train.isotropy.lambda";

/// The key that makes a run a control.
const CONTROL: &str = "train.isotropy.control";

/// A key with more values than this is left to the curves of the other figures.
const MOST_PLACES: usize = 16;

/// Keys that get a figure of their own.
const MOST_KEYS: usize = 4;

/// Letters that there is room for along the axis of a panel, all values together; and letters that a line of a value has
/// at least.
const AXIS_LETTERS: usize = 64;
const FEWEST_LETTERS: usize = 6;

/// The abscissa: a swept key and its values.
pub struct Abscissa {
    /// Index of the key among the sweep's.
    pub key: usize,
    /// Index of the control's key.
    pub control: Option<usize>,
    /// The short form of the key.
    pub name: String,
    /// Its values, rising where they are numbers.
    pub values: Vec<String>,
}

impl Abscissa {
    /// The indices of the other keys.
    pub fn others(&self, results: &Results) -> Vec<usize> {
        (0..results.keys.len()).filter(|&k| k != self.key && Some(k) != self.control).collect()
    }

    /// Some keys and their values at a point.
    pub fn at(&self, results: &Results, keys: &[usize], point: &[String]) -> (Vec<String>, Vec<String>) {
        let names = keys.iter().map(|&k| results.keys[k].clone()).collect();
        (names, keys.iter().filter_map(|&k| point.get(k).cloned()).collect())
    }

    /// The names of its values, as broad as there is room for along the axis of a panel.
    pub fn tick_names(&self) -> Vec<String> {
        let most = (AXIS_LETTERS / self.values.len()).max(FEWEST_LETTERS);
        self.values.iter().map(|value| tick_name(value, most)).collect()
    }
}

/// The keys on the abscissa: lambda, then the others that take several values.
pub fn abscissas(results: &Results) -> Vec<Abscissa> {
    let control = results.keys.iter().position(|key| key == CONTROL);
    let mut order: Vec<usize> = (0..results.keys.len()).filter(|&k| Some(k) != control).collect();
    order.sort_by_key(|&k| results.keys[k] != LAMBDA);
    let found = order.into_iter().filter_map(|key| {
        let mut values: Vec<String> = Vec::new();
        for value in results.summary.iter().filter_map(|row| row.values.get(key)) {
            if !values.contains(value) {
                values.push(value.clone());
            }
        }
        if values.iter().all(|v| v.is_empty() || v.parse::<f64>().is_ok()) {
            values.sort_by(|a, b| number(a).total_cmp(&number(b)));
        }
        let name = short_keys(&results.keys)[key].clone();
        (2..=MOST_PLACES).contains(&values.len()).then_some(Abscissa { key, control, name, values })
    });
    found.take(MOST_KEYS).collect()
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::INFINITY)
}

/// A value below its position, in lines of at most `most` letters, which end at commas and slashes where they can.
fn tick_name(value: &str, most: usize) -> String {
    if value.is_empty() {
        return "as in\nthe spec".to_string();
    }
    let mut lines = vec![String::new()];
    for piece in short_value(value).split_inclusive([',', '/', ' ']) {
        for letter in piece.chars() {
            let line = lines.last().map_or(0, |line| line.chars().count());
            if line == most {
                lines.push(String::new());
            }
            lines.last_mut().expect("there is a first line").push(letter);
        }
        if lines.last().is_some_and(|line| 2 * line.chars().count() > most) {
            lines.push(String::new());
        }
    }
    lines.retain(|line| !line.trim().is_empty());
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_broken_into_lines() {
        assert_eq!(tick_name("0.0001", 6), "0.0001");
        assert_eq!(tick_name("[16, 16]", 32), "[16, 16]");
        assert_eq!(tick_name("[128, 128, 128]", 6), "[128,\n128,\n128]");
        assert_eq!(tick_name("", 6), "as in\nthe spec");
    }
}
