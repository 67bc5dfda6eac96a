//! A spec with its sweep laid out: every point of the grid as a checked plan of its own.

use super::check;
use super::error::SpecError;
use super::grid::{Setting, lay_out};
use super::identity::{Identity, StageKeys};
use super::keys::form;
use super::mending::Mending;
use super::no_effect;
use super::origin::Origins;
use super::overrides::Override;
use super::pipelines::Pipeline;
use super::plan::Plan;
use super::presets::PRESET;
use super::reader::from_table;
use super::reuse::{DecodedImages, Reuse};
use super::sweep_paths;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use toml::{Table, Value};

/// At most so many sentences of a kind are reported.
const MOST_SENTENCES: usize = 10;

/// More runs than this are a typing error.
const MOST_RUNS: usize = 1_000_000;

/// Points that are wrong after which no more of them are looked at.
const MOST_WRONG_POINTS: usize = 200;

/// One point of a sweep.
#[derive(Debug, Clone)]
pub struct Point {
    /// The values of the sweep keys, as tables show them; empty where the point leaves a key alone.
    pub values: Vec<String>,
    /// The checked plan with those values.
    pub plan: Plan,
    /// The spec of a run of each of the plan's pipelines, and the keys of its stages.
    pub runs: Vec<RunIdentity>,
}

/// What a run of a pipeline is, whichever its replicate.
#[derive(Debug, Clone)]
pub struct RunIdentity {
    /// Its own spec (TOML).
    pub spec: Arc<str>,
    /// The keys of its stages.
    pub keys: Arc<StageKeys>,
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
    /// The sweep, its paths absolute.
    sweep: Option<Table>,
    /// A sentence for each setting that has no effect at any point.
    idle: Vec<String>,
    /// Images that were decoded and are to be kept in the cache that the spec names.
    pub decoded: Vec<DecodedImages>,
}

impl Point {
    /// The lines of its spec, as [`Study::canonical`].
    pub fn canonical(&self) -> BTreeMap<String, String> {
        Identity::of(&self.plan).canonical()
    }
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
        let mut mending = Mending::default();
        let settings = sweep.as_ref().map_or_else(|| Ok(vec![Vec::new()]), |s| lay_out(s, origins));
        let settings = settings.unwrap_or_else(|error| {
            mending.add(error);
            vec![Vec::new()]
        });
        give_base_a_table(&mut table, &settings);
        let base = loop {
            let read = from_table(table.clone(), form(), origins);
            match read.and_then(|file| check::plan(file, origins, reuse)) {
                Ok(base) => break Some(base),
                Err(error) => {
                    if !mending.mend(error, &mut table) {
                        break None;
                    }
                }
            }
        };
        let Some(base) = base.filter(|_| !mending.other_data) else {
            return Err(mending.result().expect_err("without a plan something is wrong"));
        };
        let laid_out = Self::lay_out(base, (&table, sweep), &settings, origins, (reuse, &mut mending));
        laid_out.and_then(|study| mending.result().map(|()| study))
    }

    /// Checks the points of a sweep; what is wrong at one of them is noted, and the others are looked at too.
    fn lay_out(
        base: Plan,
        (table, sweep): (&Table, Option<Table>),
        settings: &[Vec<Setting>],
        origins: &Origins,
        (reuse, mending): (&mut Reuse, &mut Mending),
    ) -> Result<Self, SpecError> {
        let mut keys: Vec<String> = Vec::new();
        for (key, _, place) in settings.iter().flatten() {
            if key.rsplit('.').next() == Some(PRESET) {
                let message = format!(
                    "`{key}` names values for other keys, so it cannot be swept; give each preset a pipeline of its own, as \"gaussianized\" and \"ica_kde\" are"
                );
                return Err(origins.error(place, message));
            }
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        let paths = paths_shown(settings);
        let mut points = Vec::new();
        let mut runs = 0_usize;
        let mut asking: HashMap<(String, String), Alike> = HashMap::new();
        let mut wrong = 0_usize;
        for settings in settings {
            let at = settings.first().map_or("replicates", |(_, _, place)| place.as_str());
            let point = match point(table, origins, reuse, (&keys, &paths), settings) {
                Ok(point) => point,
                Err(error) => {
                    mending.add(error);
                    wrong += 1;
                    if mending.is_full() || wrong > MOST_WRONG_POINTS {
                        break;
                    }
                    continue;
                }
            };
            runs = runs.saturating_add(point.plan.replicates.saturating_mul(point.runs.len()));
            if runs > MOST_RUNS {
                let message = format!(
                    "the spec asks for more than {MOST_RUNS} runs; lower `replicates` or the number of points"
                );
                return Err(origins.error(at, message));
            }
            for (pipeline, run) in point.plan.pipelines.iter().zip(&point.runs) {
                let number = points.len();
                let key = (pipeline.name.clone(), run.keys.run.clone());
                let alike = asking.entry(key).or_insert_with(|| Alike::new(number));
                let plan_of = |number: usize| points.get(number).map_or(&point.plan, |p: &Point| &p.plan);
                if let Some(first) = alike.first_of_same_values(number, plan_of) {
                    let message = format!(
                        "points {first} and {number} of the sweep ({}) ask for the very same runs; take one of them out",
                        point.values.join(", ")
                    );
                    return Err(origins.error(at, message));
                }
            }
            points.push(point);
        }
        if wrong > 0 {
            return Ok(Self { base, keys, points, sweep, idle: Vec::new(), decoded: Vec::new() });
        }
        let set: Vec<(&Plan, &[Setting])> =
            points.iter().map(|point| &point.plan).zip(settings.iter().map(Vec::as_slice)).collect();
        no_effect::refuse_idle_keys(&keys, &set, origins)?;
        let idle = no_effect::warnings(&base, &set, origins);
        let sweep = sweep.map(|sweep| sweep_paths::absolute(&sweep, &set));
        Ok(Self { base, keys, points, sweep, idle, decoded: reuse.decoded() })
    }

    /// The files and folders that the spec and its sweep name.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let plans = std::iter::once(&self.base).chain(self.points.iter().map(|point| &point.plan));
        let all: BTreeSet<PathBuf> = plans.flat_map(Plan::inputs).collect();
        all.into_iter().collect()
    }

    /// What is allowed but likely not meant at one of the points, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let mut all = self.once_each(|plan| plan.warnings.clone());
        all.extend(self.idle.iter().cloned());
        all
    }

    /// Why values of these keys have no effect, one sentence for each that has none.
    pub fn without_effect(&self, keys: &[String]) -> Vec<String> {
        let of_key = |sentence: &String| keys.iter().any(|key| sentence.starts_with(&format!("`{key}` ")));
        self.idle.iter().filter(|sentence| of_key(sentence)).cloned().collect()
    }

    /// How the rows of the points' tables are split, one sentence each.
    pub fn splits(&self) -> Vec<String> {
        self.once_each(|plan| plan.split().into_iter().collect())
    }

    fn once_each(&self, sentences: impl Fn(&Plan) -> Vec<String>) -> Vec<String> {
        let mut seen = HashSet::new();
        let mut all: Vec<String> = self.points.iter().flat_map(|point| sentences(&point.plan)).collect();
        all.retain(|sentence| seen.insert(sentence.clone()));
        if all.len() > MOST_SENTENCES {
            let more = all.len() - MOST_SENTENCES;
            all.truncate(MOST_SENTENCES);
            all.push(format!("and {more} more of the kind at other points of the sweep"));
        }
        all
    }

    /// The spec as understood, its sweep included, as TOML; reading it again gives the same study.
    ///
    /// # Errors
    /// If a value has no TOML form.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        let Some(sweep) = &self.sweep else { return self.base.to_toml() };
        let mut text = self.base.to_toml_as_asked()?;
        {
            let wrapped = Table::from_iter([("sweep".to_string(), Value::Table(sweep.clone()))]);
            text.push('\n');
            text += &toml::to_string(&wrapped)?;
        }
        Ok(text)
    }

    /// Refuses a study of which a run cannot fit into the memory of this machine.
    ///
    /// # Errors
    /// As [`Plan::check_memory`], of the first such point.
    pub fn check_memory(&self) -> Result<(), SpecError> {
        self.points.iter().try_for_each(|point| point.plan.check_memory())
    }

    /// What another spec must share to live in the same folder, line by line: all but the name, the sweep, the
    /// replicates and the pipelines, which only add or leave out runs.
    pub fn canonical(&self) -> BTreeMap<String, String> {
        Identity::of(&self.base).canonical()
    }

    /// Whether the other study has the same runs, under the same values of the same keys, in the same order.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |(a, b): (&Point, &Point)| {
            let keys = |point: &Point| point.runs.iter().map(|run| Arc::clone(&run.keys)).collect::<Vec<_>>();
            (&a.values, a.plan.replicates, &a.plan.pipelines, keys(a))
                == (&b.values, b.plan.replicates, &b.plan.pipelines, keys(b))
        };
        let points =
            || self.points.len() == other.points.len() && self.points.iter().zip(&other.points).all(same);
        (&self.base.name, &self.keys) == (&other.base.name, &other.keys) && points()
    }
}

/// The points that ask for the same run of a pipeline. Points of other values may do so, as for the run of the exact
/// denoiser at every width of the network; it is done once then, and is listed at each of them.
struct Alike {
    first: usize,
    /// The points by their canonical text, which is made from the second of them on.
    by_text: HashMap<BTreeMap<String, String>, usize>,
}

impl Alike {
    fn new(first: usize) -> Self {
        Self { first, by_text: HashMap::new() }
    }

    /// The point before this one that has all its values, if there is one.
    fn first_of_same_values<'p>(
        &mut self,
        number: usize,
        plan_of: impl Fn(usize) -> &'p Plan,
    ) -> Option<usize> {
        if number == self.first {
            return None;
        }
        if self.by_text.is_empty() {
            self.by_text.insert(Identity::of(plan_of(self.first)).canonical(), self.first);
        }
        self.by_text.insert(Identity::of(plan_of(number)).canonical(), number)
    }
}

/// Refuses a swept text that does harm as a cell of a table: spreadsheets compute cells that begin with such a sign. As
/// numbers and lists are no texts, this concerns names of files alone, for which another way of writing is easily found.
fn check_cell(value: &Value, at: &str, origins: &Origins) -> Result<(), SpecError> {
    let Value::String(text) = value else { return Ok(()) };
    if text.starts_with(['=', '+', '-', '@']) {
        let message = format!(
            "the value {text:?} begins with a sign that spreadsheets compute; write it otherwise, a path as {:?}",
            format!("./{text}")
        );
        return Err(origins.error(at, message));
    }
    if text.chars().any(char::is_control) {
        return Err(origins.error(at, format!("the value {text:?} holds a control character; take it out")));
    }
    Ok(())
}

/// Where only the sweep says which files of points are read, the base has the first of them.
fn give_base_a_table(table: &mut Table, settings: &[Vec<Setting>]) {
    let first = settings.iter().find_map(|settings| sweep_paths::of(settings));
    if let (Some(first), Some(Value::Table(data))) = (first, table.get_mut("data"))
        && matches!(data.get("kind").and_then(Value::as_str), Some("table" | "images"))
    {
        data.entry("path").or_insert_with(|| Value::String(first.to_string()));
    }
}

/// What tables show of each path of a sweep.
fn paths_shown(settings: &[Vec<Setting>]) -> HashMap<String, String> {
    let mut paths: Vec<&str> = settings.iter().filter_map(|settings| sweep_paths::of(settings)).collect();
    paths.sort_unstable();
    paths.dedup();
    sweep_paths::shown(&paths)
}

fn point(
    table: &Table,
    origins: &Origins,
    reuse: &mut Reuse,
    (keys, paths): (&[String], &HashMap<String, String>),
    settings: &[Setting],
) -> Result<Point, SpecError> {
    let (mut table, mut origins) = (table.clone(), origins.clone());
    for (key, value, place) in settings {
        check_cell(value, place, &origins)?;
        let place = origins.place(place);
        Override::new(key, value.clone(), place).apply(&mut table, &mut origins)?;
    }
    let plan = check::plan(from_table(table, form(), &origins)?, &origins, reuse)?;
    let unwritable = |e| origins.error("", format!("a value has no TOML form: {e}"));
    let identity = Identity::of(&plan);
    let run = |pipeline: &Pipeline| {
        let spec = plan.run_toml(pipeline).map(Arc::from).map_err(&unwritable)?;
        Ok(RunIdentity { spec, keys: Arc::new(identity.stage_keys(pipeline)) })
    };
    let runs = plan.pipelines.iter().map(run).collect::<Result<Vec<_>, SpecError>>()?;
    let shown = |key: &String| {
        settings.iter().find(|(k, ..)| k == key).map_or(String::new(), |(_, value, _)| match value {
            Value::String(path) if key == sweep_paths::PATH => paths.get(path).unwrap_or(path).clone(),
            Value::String(word) => word.clone(),
            other => other.to_string(),
        })
    };
    Ok(Point { values: keys.iter().map(shown).collect(), plan, runs })
}
