//! `metrics.json`: the summary as nested JSON with numbers as leaves, which `dvc metrics show` and `dvc metrics diff` take.

use super::atomic;
use super::error::StoreError;
use super::summary::SummaryRow;
use serde_json::{Map, Value};
use std::path::Path;

/// Pipeline, sweep point (none without a sweep), metric: its mean, and as `METRIC_low` and `METRIC_high` the ends of its
/// interval. A number that JSON does not have is left out.
pub fn metrics_json(columns: &[String], rows: &[SummaryRow]) -> Value {
    let mut all = Map::new();
    for row in rows {
        let mut place = within(&mut all, &row.pipeline);
        if !columns.is_empty() {
            place = within(place, &point(columns, &row.values));
        }
        let numbers = [
            (row.metric.clone(), Some(row.numbers.mean)),
            (format!("{}_low", row.metric), row.numbers.interval_low),
            (format!("{}_high", row.metric), row.numbers.interval_high),
        ];
        for (name, number) in numbers {
            if let Some(number) = number.filter(|number| number.is_finite()) {
                place.insert(name, Value::from(number));
            }
        }
    }
    Value::Object(all)
}

fn within<'a>(place: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let there = place.entry(name).or_insert_with(|| Value::Object(Map::new()));
    there.as_object_mut().expect("only objects are put there")
}

/// A point by its keys: `network.width=32,train.isotropy.lambda=0.1`. A key that it leaves alone does not appear.
fn point(columns: &[String], values: &[String]) -> String {
    let set = columns.iter().zip(values).filter(|(_, value)| !value.is_empty());
    let set: Vec<String> = set.map(|(key, value)| format!("{key}={value}")).collect();
    if set.is_empty() { "as in the spec".to_string() } else { set.join(",") }
}

/// Writes `metrics.json`, whole or not at all; returns its SHA-256 in hexadecimal.
///
/// # Errors
/// If the file cannot be written.
pub fn write_metrics_json(
    path: &Path,
    columns: &[String],
    rows: &[SummaryRow],
) -> Result<String, StoreError> {
    atomic::write(path, |out| {
        serde_json::to_writer_pretty(&mut *out, &metrics_json(columns, rows))
            .map_err(std::io::Error::from)?;
        out.write_all(b"\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SummaryValues;
    use serde_json::json;

    fn row(values: &[&str], metric: &str, mean: f64, low: Option<f64>) -> SummaryRow {
        SummaryRow {
            pipeline: "baseline".into(),
            values: values.iter().map(ToString::to_string).collect(),
            metric: metric.into(),
            numbers: SummaryValues {
                mean,
                interval_low: low,
                interval_high: low.map(|low| 2.0 * mean - low),
                replicates: 2,
                difference: Some(3.0),
                difference_low: None,
                difference_high: None,
                baseline_difference: None,
                baseline_difference_low: None,
                baseline_difference_high: None,
            },
        }
    }

    #[test]
    fn numbers_are_the_leaves_and_what_is_no_number_is_left_out() {
        let rows = [row(&[], "recall", 0.5, None), row(&[], "density", f64::NEG_INFINITY, Some(f64::NAN))];
        assert_eq!(metrics_json(&[], &rows), json!({"baseline": {"recall": 0.5}}));
        let keys = ["network.width", "seed"].map(String::from);
        let rows = [
            row(&["8", "1"], "recall", 0.5, Some(0.25)),
            row(&["8", ""], "recall", 0.75, None),
            row(&["", ""], "recall", 1.0, None),
        ];
        let expected = json!({"baseline": {
            "network.width=8,seed=1": {"recall": 0.5, "recall_low": 0.25, "recall_high": 0.75},
            "network.width=8": {"recall": 0.75},
            "as in the spec": {"recall": 1.0},
        }});
        assert_eq!(metrics_json(&keys, &rows), expected);
    }
}
