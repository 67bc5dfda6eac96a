//! The rows of the tables that hold a value for each metric: `metrics.csv` and `training_metrics.csv`.

use super::rows::Row;
use crate::metrics::scored::{self, Column};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// The state of a run after one reverse step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricsRow {
    /// Reverse step: 0 is x_T.
    pub step: usize,
    /// Diffusion time: T at step 0, 0 at the end.
    pub t: usize,
    /// A value for each of [`scored::columns`]; none where a metric does not apply or was not asked for.
    pub values: Vec<Option<f64>>,
}

/// The samples of a network at one iteration of its training.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TrainingMetricsRow {
    /// Optimizer steps done.
    pub iteration: usize,
    /// A value for each of [`scored::training_columns`]; none where a metric does not apply, was not asked for, or is not
    /// finite.
    pub values: Vec<Option<f64>>,
}

impl MetricsRow {
    /// The value of a metric by the name of its column.
    pub fn get(&self, column: &str) -> Option<f64> {
        value_of(self.metrics(), column)
    }

    /// Sets the value of a metric by the name of its column.
    pub fn set(&mut self, column: &str, value: f64) {
        let index = scored::columns().position(|c| c.name == column);
        if let Some(place) = index.and_then(|index| self.values.get_mut(index)) {
            *place = Some(value);
        }
    }

    /// The names and values of all metrics, in the order of the columns.
    pub fn metrics(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> + '_ {
        named(scored::columns(), &self.values)
    }
}

impl TrainingMetricsRow {
    /// The row of an iteration: a value for each of [`scored::columns`], or nothing where the samples were not finite, and the
    /// bits/dim. Values that are not finite are left out.
    pub fn new(iteration: usize, scores: Vec<Option<f64>>, bits_per_dim: Option<f64>) -> Self {
        let mut values = scores;
        values.resize(scored::columns().count(), None);
        values.push(bits_per_dim);
        let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
        Self { iteration, values: values.into_iter().map(finite).collect() }
    }

    /// The value of a metric by the name of its column.
    pub fn get(&self, column: &str) -> Option<f64> {
        value_of(self.metrics(), column)
    }

    /// The names and values of all metrics, in the order of the columns.
    pub fn metrics(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> + '_ {
        named(scored::training_columns(), &self.values)
    }
}

fn value_of<'a>(metrics: impl Iterator<Item = (&'a str, Option<f64>)>, column: &str) -> Option<f64> {
    metrics.into_iter().find(|(name, _)| *name == column)?.1
}

fn named(
    columns: impl Iterator<Item = &'static Column>,
    values: &[Option<f64>],
) -> impl Iterator<Item = (&'static str, Option<f64>)> {
    columns.enumerate().map(|(i, column)| (column.name, values.get(i).copied().flatten()))
}

/// The names of the numbers that a row begins with, and of its metrics.
fn names<const N: usize>(
    numbers: [&'static str; N],
    columns: impl Iterator<Item = &'static Column>,
) -> Vec<&'static str> {
    numbers.into_iter().chain(columns.map(|column| column.name)).collect()
}

const METRICS: [&str; 2] = ["step", "t"];
const TRAINING_METRICS: [&str; 1] = ["iteration"];

impl Row for MetricsRow {
    fn columns() -> Vec<&'static str> {
        names(METRICS, scored::columns())
    }
}

impl Row for TrainingMetricsRow {
    fn columns() -> Vec<&'static str> {
        names(TRAINING_METRICS, scored::training_columns())
    }
}

impl Serialize for MetricsRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(serializer, METRICS, [self.step, self.t], self.metrics())
    }
}

impl Serialize for TrainingMetricsRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(serializer, TRAINING_METRICS, [self.iteration], self.metrics())
    }
}

impl<'de> Deserialize<'de> for MetricsRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = deserializer.deserialize_map(ByName(METRICS, scored::columns));
        row.map(|([step, t], values)| Self { step, t, values })
    }
}

impl<'de> Deserialize<'de> for TrainingMetricsRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = deserializer.deserialize_map(ByName(TRAINING_METRICS, scored::training_columns));
        row.map(|([iteration], values)| Self { iteration, values })
    }
}

/// As a structure with a field for each column.
fn serialize<const N: usize, S: Serializer>(
    serializer: S,
    names: [&'static str; N],
    numbers: [usize; N],
    metrics: impl Iterator<Item = (&'static str, Option<f64>)>,
) -> Result<S::Ok, S::Error> {
    let metrics: Vec<_> = metrics.collect();
    let mut row = serializer.serialize_struct("Row", N + metrics.len())?;
    for (name, number) in names.into_iter().zip(&numbers) {
        row.serialize_field(name, number)?;
    }
    for (name, value) in metrics {
        row.serialize_field(name, &value)?;
    }
    row.end()
}

/// Reads a structure by the names of its fields: the numbers that must be there, and the metrics, of which one that is
/// missing is none.
struct ByName<const N: usize, C>([&'static str; N], fn() -> C);

impl<'de, const N: usize, C: Iterator<Item = &'static Column>> Visitor<'de> for ByName<N, C> {
    type Value = ([usize; N], Vec<Option<f64>>);

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a row of metrics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let names: Vec<&str> = (self.1)().map(|column| column.name).collect();
        let (mut numbers, mut values) = ([None; N], vec![None; names.len()]);
        while let Some(key) = map.next_key::<String>()? {
            if let Some(index) = self.0.iter().position(|name| *name == key) {
                numbers[index] = Some(map.next_value()?);
            } else if let Some(index) = names.iter().position(|name| *name == key) {
                values[index] = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let mut found = [0; N];
        for ((name, number), found) in self.0.into_iter().zip(numbers).zip(&mut found) {
            *found = number.ok_or_else(|| serde::de::Error::missing_field(name))?;
        }
        Ok((found, values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_without_samples_reads_back_as_it_was_written() {
        let scores = vec![Some(f64::NAN); scored::columns().count()];
        for row in [
            TrainingMetricsRow::new(3, Vec::new(), None),
            TrainingMetricsRow::new(4, Vec::new(), Some(2.5)),
            TrainingMetricsRow::new(5, scores, Some(f64::INFINITY)),
        ] {
            let text = serde_json::to_string(&row).unwrap();
            assert_eq!(serde_json::from_str::<TrainingMetricsRow>(&text).unwrap(), row, "{text}");
            assert_eq!(row.get("bits_per_dim"), (row.iteration == 4).then_some(2.5));
            assert_eq!(row.get("coverage"), None);
        }
    }
}
