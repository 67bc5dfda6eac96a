//! `[sweep]`: the settings of each of its points.

use super::either_or::EITHER_OR;
use super::error::SpecError;
use super::origin::{Origins, join};
use toml::{Table, Value};

/// More points than this are a typing error.
const MOST_POINTS: usize = 100_000;

/// One set of values: dotted key, value, and where it is written.
pub type Setting = (String, Value, String);

/// The settings of every point: the grid over plain keys and `[[sweep.zip]]` groups, then the explicit
/// `[[sweep.points]]`.
pub fn lay_out(sweep: &Table, origins: &Origins) -> Result<Vec<Vec<Setting>>, SpecError> {
    let mut axes: Vec<Vec<Vec<Setting>>> = Vec::new();
    let mut explicit: Vec<Vec<Setting>> = Vec::new();
    for (key, value) in sweep {
        let at = format!("sweep.{key}");
        match (key.as_str(), value) {
            ("zip", Value::Array(groups)) => {
                for (g, group) in groups.iter().enumerate() {
                    axes.push(zip_axis(group, &format!("{at}[{g}]"), origins)?);
                }
            }
            ("points", Value::Array(points)) => {
                for (p, point) in points.iter().enumerate() {
                    let at = format!("{at}[{p}]");
                    let Value::Table(point) = point else {
                        return Err(
                            origins.error(&at, "each of `sweep.points` must be a table of keys and values")
                        );
                    };
                    let point = leaves("", point, &at);
                    each_once(point.iter(), origins)?;
                    explicit.push(point);
                }
            }
            ("zip" | "points", _) => {
                return Err(origins.error(&at, format!("`{at}` must be written as [[{at}]] tables")));
            }
            _ => {
                for (key, value, at) in leaves_of(key.clone(), value, at) {
                    let values = list(&value, &at, origins)?;
                    let one = |(i, v): (usize, &Value)| vec![(key.clone(), v.clone(), format!("{at}[{i}]"))];
                    axes.push(values.iter().enumerate().map(one).collect());
                }
            }
        }
    }
    each_once(axes.iter().filter_map(|axis| axis.first()).flatten(), origins)?;
    let total = axes.iter().try_fold(1_usize, |n, axis| n.checked_mul(axis.len()));
    if total.is_none_or(|n| n > MOST_POINTS) {
        return Err(origins.error("sweep", format!("the sweep has more than {MOST_POINTS} points")));
    }
    let mut points = if axes.is_empty() && !explicit.is_empty() { Vec::new() } else { vec![Vec::new()] };
    for axis in axes {
        points = points
            .into_iter()
            .flat_map(|point: Vec<Setting>| {
                axis.iter().map(move |more| [point.as_slice(), more.as_slice()].concat())
            })
            .collect();
    }
    points.extend(explicit);
    Ok(points)
}

/// The steps of a group of keys that move together.
fn zip_axis(group: &Value, at: &str, origins: &Origins) -> Result<Vec<Vec<Setting>>, SpecError> {
    let Value::Table(group) = group else {
        return Err(origins.error(at, "each of `sweep.zip` must be a table of keys with lists of values"));
    };
    if group.is_empty() {
        return Err(
            origins.error(at, format!("`{at}` is empty; give keys with lists of values, or take it out"))
        );
    }
    let mut axis: Vec<Vec<Setting>> = Vec::new();
    for (i, (key, values, here)) in leaves("", group, at).into_iter().enumerate() {
        let values = list(&values, &here, origins)?;
        if i == 0 {
            axis = vec![Vec::new(); values.len()];
        }
        if axis.len() != values.len() {
            let message = format!("`{here}` has {} values, but its group has {}", values.len(), axis.len());
            return Err(origins.error(&here, message));
        }
        for (j, (step, value)) in axis.iter_mut().zip(values).enumerate() {
            step.push((key.clone(), value.clone(), format!("{here}[{j}]")));
        }
    }
    Ok(axis)
}

/// Refuses a key that is given twice, or two keys of which only one can be given: one would undo the other.
fn each_once<'a>(settings: impl Iterator<Item = &'a Setting>, origins: &Origins) -> Result<(), SpecError> {
    let mut known: Vec<&str> = Vec::new();
    for (key, _, at) in settings {
        let rival = |other: &&&str| {
            **other == key
                || EITHER_OR.iter().any(|group| group.contains(*other) && group.contains(&key.as_str()))
        };
        if let Some(other) = known.iter().find(rival) {
            let message = format!("`{key}` undoes `{other}`, which the sweep sets too; take one of them out");
            return Err(origins.error(at, message));
        }
        known.push(key);
    }
    Ok(())
}

/// A list of at least one value.
fn list<'a>(value: &'a Value, at: &str, origins: &Origins) -> Result<&'a [Value], SpecError> {
    match value {
        Value::Array(values) if !values.is_empty() => Ok(values),
        _ => {
            let message =
                format!("`{at}` must be a list of at least one value, such as network.width = [16, 32]");
            Err(origins.error(at, message))
        }
    }
}

/// The keys of a table with their values. `network.width` is one key, whether it is written in quotes, with a dot
/// or as a table in a table.
fn leaves(prefix: &str, table: &Table, at: &str) -> Vec<Setting> {
    table.iter().flat_map(|(key, value)| leaves_of(join(prefix, key), value, format!("{at}.{key}"))).collect()
}

fn leaves_of(key: String, value: &Value, at: String) -> Vec<Setting> {
    match value {
        Value::Table(inner) if !inner.is_empty() => leaves(&key, inner, &at),
        _ => vec![(key, value.clone(), at)],
    }
}
