//! A spec with its sweep laid out: every point of the grid as a checked plan of its own.

use super::check;
use super::error::{Place, SpecError};
use super::file;
use super::grid::{Setting, lay_out};
use super::origin::Origins;
use super::overrides::Override;
use super::plan::{Pipeline, Plan};
use super::reuse::Reuse;
use std::collections::HashMap;
use std::sync::Arc;
use toml::{Table, Value};

/// More runs than this are a typing error.
const MOST_RUNS: usize = 1_000_000;

/// One point of a sweep.
#[derive(Debug, Clone)]
pub struct Point {
    /// The values of the sweep keys, as tables show them; empty where the point leaves a key alone.
    pub values: Vec<String>,
    /// The checked plan with those values.
    pub plan: Plan,
    /// The spec of a run of each of the plan's pipelines.
    pub specs: Vec<Arc<str>>,
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

impl Study {
    /// Lays out the sweep of a parsed spec and checks every point.
    pub(super) fn new(mut table: Table, origins: &Origins, reuse: &mut Reuse) -> Result<Self, SpecError> {
        let sweep = match table.remove("sweep") {
            None => None,
            Some(Value::Table(sweep)) => Some(sweep),
            Some(_) => {
                return Err(origins.error("sweep", "`sweep` must be a table of keys with lists of values"));
            }
        };
        let base = check::plan(file::from_table(table.clone(), origins)?, origins, reuse)?;
        let settings = sweep.as_ref().map_or_else(|| Ok(vec![Vec::new()]), |s| lay_out(s, origins))?;
        let mut keys: Vec<String> = Vec::new();
        for (key, ..) in settings.iter().flatten() {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        let mut points = Vec::new();
        let mut runs = 0_usize;
        // Where each run's spec was seen first.
        let mut seen: HashMap<Arc<str>, usize> = HashMap::new();
        for settings in &settings {
            let at = settings.first().map_or("replicates", |(_, _, place)| place.as_str());
            let point = point(&table, origins, reuse, &keys, settings)?;
            runs = runs.saturating_add(point.plan.replicates.saturating_mul(point.specs.len()));
            if runs > MOST_RUNS {
                let message = format!(
                    "the spec asks for more than {MOST_RUNS} runs; lower `replicates` or the number of points"
                );
                return Err(origins.error(at, message));
            }
            for spec in &point.specs {
                if let Some(first) = seen.insert(Arc::clone(spec), points.len()) {
                    let number = points.len();
                    let message = format!(
                        "points {first} and {number} of the sweep ({}) ask for the very same runs; take one of them out",
                        point.values.join(", ")
                    );
                    return Err(origins.error(at, message));
                }
            }
            points.push(point);
        }
        Ok(Self { base, keys, points, sweep })
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
    pub fn identity(&self) -> Result<String, SpecError> {
        let unwritable = |e| SpecError::new("spec", Place::Whole, format!("a value has no TOML form: {e}"));
        self.base.run_toml(Pipeline::Baseline).map_err(unwritable)
    }
}

fn point(
    table: &Table,
    origins: &Origins,
    reuse: &mut Reuse,
    keys: &[String],
    settings: &[Setting],
) -> Result<Point, SpecError> {
    let (mut table, mut origins) = (table.clone(), origins.clone());
    for (key, value, place) in settings {
        let place = origins.place(place).unwrap_or(Place::Whole);
        Override::new(key, value.clone(), place).apply(&mut table, &mut origins)?;
    }
    let plan = check::plan(file::from_table(table, &origins)?, &origins, reuse)?;
    let unwritable = |e| origins.error("", format!("a value has no TOML form: {e}"));
    let specs = plan.pipelines.iter().map(|&p| plan.run_toml(p).map(Arc::from).map_err(unwritable));
    let specs = specs.collect::<Result<Vec<_>, _>>()?;
    let shown = |key: &String| {
        settings.iter().find(|(k, ..)| k == key).map_or(String::new(), |(_, value, _)| match value {
            Value::String(word) => word.clone(),
            other => other.to_string(),
        })
    };
    Ok(Point { values: keys.iter().map(shown).collect(), plan, specs })
}
