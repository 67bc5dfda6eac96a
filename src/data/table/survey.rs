//! What is in a table, column by column, before anybody has said which of them are the axes of the points.

use super::options::Delimiter;
use crate::numeric::power_of_two::{exponent, times_power_of_two};

/// Values of a column that are so few in number that it looks like a class or a count, not like a measurement.
const FEW: usize = 10;

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveyColumn {
    /// Its name, made up where the file has none.
    pub name: String,
    /// Its values in the rows that are kept, or why they are no finite numbers: "line 3 has `two` there".
    pub values: Result<Vec<f64>, String>,
}

/// What is in a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// What separates the cells of a text, and whether its first line is a header; none of a NumPy array.
    pub text: Option<(Delimiter, bool)>,
    /// Rows beneath the header that are kept.
    pub rows: usize,
    /// Rows that are left out, because a column of numbers has no value there.
    pub left_out: usize,
    /// All columns.
    pub columns: Vec<SurveyColumn>,
}

impl SurveyColumn {
    /// Whether all its values are the same number.
    pub fn is_constant(&self) -> bool {
        self.values.as_ref().is_ok_and(|values| values.iter().all(|v| *v == values[0]))
    }

    /// Whether it counts the rows from 0 or 1, as an index that was written along.
    pub fn counts_rows(&self) -> bool {
        self.values.as_ref().is_ok_and(|values| {
            let first = values[0];
            values.len() >= 3
                && (first == 0.0 || first == 1.0)
                && values.iter().enumerate().all(|(i, v)| *v == first + i as f64)
        })
    }

    /// How many different values it has, where these are at most 10 and fewer than a tenth of the rows.
    pub fn few_values(&self) -> Option<usize> {
        let values = self.values.as_ref().ok()?;
        let mut seen: Vec<f64> = Vec::new();
        for value in values {
            if !seen.contains(value) {
                if seen.len() == FEW {
                    return None;
                }
                seen.push(*value);
            }
        }
        (seen.len() * 10 < values.len()).then_some(seen.len())
    }

    /// Mean and standard deviation of its values, where they are numbers.
    pub fn moments(&self) -> Option<(f64, f64)> {
        let values = self.values.as_ref().ok()?;
        let n = values.len() as f64;
        // In units of a power of two near the largest, so that no square leaves the range of numbers.
        let largest = values.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
        let unit = exponent(largest);
        let scaled = |v: &f64| times_power_of_two(*v, -unit);
        let mean = values.iter().map(scaled).sum::<f64>() / n;
        let std = (values.iter().map(|v| (scaled(v) - mean).powi(2)).sum::<f64>() / n).sqrt();
        Some((times_power_of_two(mean, unit), times_power_of_two(std, unit)))
    }
}
