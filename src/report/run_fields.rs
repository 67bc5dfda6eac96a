//! What the runs of a list are sorted and chosen by: state, sweep keys, metrics.

use super::key_values::typed;
use crate::metrics::scored::columns;
use crate::report::point_names::short_keys;
use crate::spec::nearest;
use crate::store::sweep_values::flat_name;
use crate::study::{RunLine, RunList};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// What a run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunField {
    /// Its name.
    Run,
    /// Its state.
    State,
    /// Its pipeline.
    Pipeline,
    /// Its replicate.
    Replicate,
    /// The part of its work that is done.
    Progress,
    /// The value of a sweep key, by its index.
    Key(usize),
    /// A metric at its last step.
    Metric(&'static str),
}

const FIXED: [(&str, RunField); 5] = [
    ("run", RunField::Run),
    ("state", RunField::State),
    ("pipeline", RunField::Pipeline),
    ("replicate", RunField::Replicate),
    ("progress", RunField::Progress),
];

impl RunField {
    /// The field of a name: a sweep key, whole, with underscores or in short; a metric; or `run`, `state`, `pipeline`,
    /// `replicate`, `progress`.
    ///
    /// # Errors
    /// A sentence with the nearest name.
    pub fn named(list: &RunList, name: &str) -> Result<Self, String> {
        let short = short_keys(&list.keys);
        let key = list
            .keys
            .iter()
            .position(|key| key == name)
            .or_else(|| list.keys.iter().position(|key| flat_name(key) == name))
            .or_else(|| short.iter().position(|key| key == name));
        let metric = || columns().find(|column| column.name == name).map(|c| Self::Metric(c.name));
        let fixed = || FIXED.iter().find(|(known, _)| *known == name).map(|(_, field)| *field);
        if let Some(field) = key.map(Self::Key).or_else(metric).or_else(fixed) {
            return Ok(field);
        }
        let keys = || list.keys.iter().chain(&short).map(String::as_str);
        let known = || keys().chain(columns().map(|c| c.name)).chain(FIXED.iter().map(|(name, _)| *name));
        Err(match nearest(name, known()) {
            Some(near) => format!("the runs have no `{name}`; did you mean `{near}`?"),
            None if list.keys.is_empty() => {
                format!(
                    "the runs have no `{name}`: there is no sweep; besides metrics there are run, state, pipeline, replicate and progress"
                )
            }
            None => format!(
                "the runs have no `{name}`; the sweep's keys are {}, and besides metrics there are run, state, pipeline, replicate and progress",
                list.keys.join(", ")
            ),
        })
    }

    /// The value of a run.
    pub fn of(self, line: &RunLine) -> Value {
        let label = &line.label;
        match self {
            Self::Run => json!(label.run),
            Self::State => json!(line.state.to_string()),
            Self::Pipeline => json!(label.pipeline),
            Self::Replicate => json!(label.replicate),
            Self::Progress => json!(line.part()),
            Self::Key(key) => label.values.get(key).map_or(Value::Null, |value| typed(value)),
            Self::Metric(name) => {
                line.last.as_ref().and_then(|row| row.get(name)).map_or(Value::Null, Value::from)
            }
        }
    }
}

/// Puts runs into the order of a field: numbers by size, then texts; runs that have no value are last in any order.
pub fn sort_runs(list: &mut RunList, field: RunField, reverse: bool) {
    list.lines.sort_by(|a, b| {
        let (a, b) = (field.of(a), field.of(b));
        match (a.is_null(), b.is_null()) {
            (false, false) if reverse => compare(&b, &a),
            (false, false) => compare(&a, &b),
            (a, b) => a.cmp(&b),
        }
    });
}

/// Keeps the runs whose field has this value: numbers are compared as numbers, an empty value is that of a key which the
/// point leaves alone, and spaces in lists do not count.
pub fn keep_runs(list: &mut RunList, field: RunField, value: &str) {
    let unspaced = |value: Value| match value {
        Value::String(text) => Value::String(text.replace(' ', "")),
        other => other,
    };
    let wanted = unspaced(typed(value));
    list.lines.retain(|line| {
        let there = unspaced(field.of(line));
        compare(&there, &wanted) == Ordering::Equal && there.is_null() == wanted.is_null()
    });
}

fn compare(a: &Value, b: &Value) -> Ordering {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => text(a).cmp(&text(b)),
    }
}
