//! A spec with its sweep laid out: every point of the grid as a checked plan of its own.

use super::check;
use super::error::{Place, SpecError};
use super::file;
use super::origin::Origins;
use super::overrides::Override;
use super::plan::{Pipeline, Plan};
use toml::{Table, Value};

/// More points than this are a typing error.
const MOST_POINTS: usize = 1_000_000;

/// One point of a sweep.
#[derive(Debug, Clone)]
pub struct Point {
    /// The values of the sweep keys, as tables show them; empty where the point leaves a key alone.
    pub values: Vec<String>,
    /// The checked plan with those values.
    pub plan: Plan,
}

/// A checked spec: one point, or the points of its `[sweep]`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Study {
    /// The spec without its sweep.
    pub base: Plan,
    /// Dotted keys that the sweep varies, in the order of the file.
    pub keys: Vec<String>,
    /// The points, the last key varying fastest; without a sweep the base alone.
    pub points: Vec<Point>,
    sweep: Option<Table>,
}

/// One set of values: dotted key, value, and where it stands.
type Setting = (String, Value, String);

impl Study {
    /// Lays out the sweep of a parsed spec and checks every point.
    pub(super) fn new(mut table: Table, origins: &Origins) -> Result<Self, SpecError> {
        let sweep = match table.remove("sweep") {
            None => None,
            Some(Value::Table(sweep)) => Some(sweep),
            Some(_) => {
                return Err(origins.error("sweep", "`sweep` must be a table of keys with lists of values"));
            }
        };
        let base = check::plan(file::from_table(table.clone(), origins)?, origins)?;
        let Some(sweep) = sweep else {
            let point = Point { values: Vec::new(), plan: base.clone() };
            return Ok(Self { base, keys: Vec::new(), points: vec![point], sweep: None });
        };
        let settings = lay_out(&sweep, origins)?;
        let mut keys: Vec<String> = Vec::new();
        for (key, ..) in settings.iter().flatten() {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        let points = settings
            .iter()
            .map(|settings| point(&table, origins, &keys, settings))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { base, keys, points, sweep: Some(sweep) })
    }

    /// The spec as understood, its sweep included, as TOML; reading it again gives the same study.
    ///
    /// # Errors
    /// If a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let mut text = self.base.to_toml()?;
        if let Some(sweep) = &self.sweep {
            let wrapped = Table::from_iter([("sweep".to_string(), Value::Table(sweep.clone()))]);
            text.push('\n');
            text += &toml::to_string(&wrapped)?;
        }
        Ok(text)
    }

    /// What two specs must share to live in one folder: all but the sweep, the replicates and the
    /// pipelines, which only add or leave out runs.
    ///
    /// # Errors
    /// If a value has no TOML form.
    pub fn identity(&self) -> Result<String, toml::ser::Error> {
        self.base.run_toml(Pipeline::Baseline)
    }
}

fn point(
    table: &Table,
    origins: &Origins,
    keys: &[String],
    settings: &[Setting],
) -> Result<Point, SpecError> {
    let (mut table, mut origins) = (table.clone(), origins.clone());
    for (key, value, place) in settings {
        let place = origins.place(place).unwrap_or(Place::Whole);
        Override::new(key, value.clone(), place).apply(&mut table, &mut origins)?;
    }
    let plan = check::plan(file::from_table(table, &origins)?, &origins)?;
    let shown = |key: &String| {
        settings.iter().find(|(k, ..)| k == key).map_or(String::new(), |(_, value, _)| match value {
            Value::String(word) => word.clone(),
            other => other.to_string(),
        })
    };
    Ok(Point { values: keys.iter().map(shown).collect(), plan })
}

/// The settings of every point: the grid over plain keys and `[[sweep.zip]]` groups, then the explicit
/// `[[sweep.points]]`.
fn lay_out(sweep: &Table, origins: &Origins) -> Result<Vec<Vec<Setting>>, SpecError> {
    let mut axes: Vec<Vec<Vec<Setting>>> = Vec::new();
    let mut explicit = Vec::new();
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
                    explicit.push(
                        point.iter().map(|(k, v)| (k.clone(), v.clone(), format!("{at}.{k}"))).collect(),
                    );
                }
            }
            ("zip" | "points", _) => {
                return Err(origins.error(&at, format!("`{at}` must be written as [[{at}]] tables")));
            }
            (_, Value::Array(values)) if !values.is_empty() => {
                let one = |(i, v): (usize, &Value)| vec![(key.clone(), v.clone(), format!("{at}[{i}]"))];
                axes.push(values.iter().enumerate().map(one).collect());
            }
            _ => {
                let message = format!(
                    "`{at}` must be a list of at least one value, such as \"network.width\" = [16, 32]"
                );
                return Err(origins.error(&at, message));
            }
        }
    }
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
    let mut axis: Vec<Vec<Setting>> = Vec::new();
    for (i, (key, values)) in group.iter().enumerate() {
        let here = format!("{at}.{key}");
        let values = match values {
            Value::Array(values) if !values.is_empty() => values,
            _ => return Err(origins.error(&here, format!("`{here}` must be a list of at least one value"))),
        };
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
