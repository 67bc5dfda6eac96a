//! The rows of the tables that hold a value for each metric: `metrics.csv` and `training_metrics.csv`.

use super::rows::Row;
use crate::metrics::scored;
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
    /// A value for each of [`scored::columns`]; none where a metric does not apply, was not asked for, or is not finite.
    pub values: Vec<Option<f64>>,
}

impl MetricsRow {
    /// The value of a metric by the name of its column.
    pub fn get(&self, column: &str) -> Option<f64> {
        get(&self.values, column)
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
        named(&self.values)
    }
}

impl TrainingMetricsRow {
    /// The value of a metric by the name of its column.
    pub fn get(&self, column: &str) -> Option<f64> {
        get(&self.values, column)
    }

    /// The names and values of all metrics, in the order of the columns.
    pub fn metrics(&self) -> impl Iterator<Item = (&'static str, Option<f64>)> + '_ {
        named(&self.values)
    }
}

fn get(values: &[Option<f64>], column: &str) -> Option<f64> {
    let index = scored::columns().position(|c| c.name == column)?;
    values.get(index).copied().flatten()
}

fn named(values: &[Option<f64>]) -> impl Iterator<Item = (&'static str, Option<f64>)> + '_ {
    scored::columns().enumerate().map(|(i, column)| (column.name, values.get(i).copied().flatten()))
}

/// The columns of the numbers that a row begins with, and of its metrics.
fn columns<const N: usize>(numbers: [&'static str; N]) -> Vec<&'static str> {
    numbers.into_iter().chain(scored::columns().map(|column| column.name)).collect()
}

const METRICS: [&str; 2] = ["step", "t"];
const TRAINING_METRICS: [&str; 1] = ["iteration"];

impl Row for MetricsRow {
    fn columns() -> Vec<&'static str> {
        columns(METRICS)
    }
}

impl Row for TrainingMetricsRow {
    fn columns() -> Vec<&'static str> {
        columns(TRAINING_METRICS)
    }
}

impl Serialize for MetricsRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(serializer, METRICS, [self.step, self.t], &self.values)
    }
}

impl Serialize for TrainingMetricsRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(serializer, TRAINING_METRICS, [self.iteration], &self.values)
    }
}

impl<'de> Deserialize<'de> for MetricsRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByName(METRICS)).map(|([step, t], values)| Self { step, t, values })
    }
}

impl<'de> Deserialize<'de> for TrainingMetricsRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let row = deserializer.deserialize_map(ByName(TRAINING_METRICS));
        row.map(|([iteration], values)| Self { iteration, values })
    }
}

/// As a structure with a field for each column.
fn serialize<const N: usize, S: Serializer>(
    serializer: S,
    names: [&'static str; N],
    numbers: [usize; N],
    values: &[Option<f64>],
) -> Result<S::Ok, S::Error> {
    let mut row = serializer.serialize_struct("Row", N + scored::columns().count())?;
    for (name, number) in names.into_iter().zip(&numbers) {
        row.serialize_field(name, number)?;
    }
    for (name, value) in named(values) {
        row.serialize_field(name, &value)?;
    }
    row.end()
}

/// Reads a structure by the names of its fields: the numbers that must be there, and the metrics, of which one that is
/// missing is none.
struct ByName<const N: usize>([&'static str; N]);

impl<'de, const N: usize> Visitor<'de> for ByName<N> {
    type Value = ([usize; N], Vec<Option<f64>>);

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a row of metrics")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let names: Vec<&str> = scored::columns().map(|column| column.name).collect();
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
