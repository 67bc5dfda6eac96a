//! Reading on after something is wrong: each faulty key is put to a value that is right, so that everything that is
//! wrong with a spec is found at once. Nothing of a mended spec is ever run.

use super::error::{Fault, SpecError};
use super::pipelines::built_in;
use toml::{Table, Value};

/// Faults after which nothing more is looked for.
const MOST_FAULTS: usize = 50;

/// What is wrong so far, and which keys were put to other values because of it.
#[derive(Default)]
pub struct Mending {
    found: Option<SpecError>,
    count: usize,
    mended: Vec<String>,
    /// Whether the data are others than those of the spec, so that what depends on them says nothing.
    pub other_data: bool,
}

impl Mending {
    /// Takes note of what is wrong.
    pub fn add(&mut self, error: SpecError) {
        match &mut self.found {
            Some(found) => found.extend(error),
            None => self.found = Some(error),
        }
        self.count = self.found.as_ref().map_or(0, |found| found.faults().len());
    }

    /// Whether so much is wrong that nothing more is looked for.
    pub fn is_full(&self) -> bool {
        self.count >= MOST_FAULTS
    }

    /// Takes note of what is wrong, and mends it in the table. False where that cannot be done, so that nothing more can
    /// be found.
    pub fn mend(&mut self, error: SpecError, table: &mut Table) -> bool {
        // By what was put to other values before.
        let follows = error.faults().iter().all(|fault| self.follows(fault));
        let mut all = true;
        for fault in error.faults() {
            all &= self.mend_one(fault, table);
        }
        let keys: Vec<String> = error.faults().iter().map(|fault| fault.key.clone()).collect();
        if !follows {
            self.add(error);
        }
        self.mended.extend(keys);
        all && !self.is_full()
    }

    /// Whether a fault may come from a value that another one was given here.
    fn follows(&self, fault: &Fault) -> bool {
        self.other_data && depends_on_data(&fault.key)
            || self.mended.iter().any(|key| !key.is_empty() && fault.message.contains(&format!("`{key}`")))
    }

    fn mend_one(&mut self, fault: &Fault, table: &mut Table) -> bool {
        let key = fault.key.as_str();
        if key.is_empty() || self.mended.iter().any(|mended| mended == key) {
            return false;
        }
        let parts = parts(key);
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["name"] => put(table, "name", "spec".into()),
            ["data"] | ["data", "kind" | "path" | "columns" | "components"] => self.replace_data(table),
            ["data", "components", index, ..] => mend_component(table, index) || self.replace_data(table),
            ["pipelines", index] => mend_name(table, index),
            ["pipeline", name, "space", ..] if parts.len() < 5 => mend_space(table, name),
            ["pipeline", name] => take_pipeline(table, name),
            _ => remove(table, &parts) || take_named(table, &fault.message),
        }
    }

    fn replace_data(&mut self, table: &mut Table) -> bool {
        self.other_data = true;
        let data = Table::from_iter([("kind".to_string(), Value::from("eight_gaussians"))]);
        put(table, "data", Value::Table(data))
    }

    /// What is wrong, in the order of the file; nothing if nothing is.
    ///
    /// # Errors
    /// If something is.
    pub fn result(self) -> Result<(), SpecError> {
        self.found.map_or(Ok(()), |mut found| {
            found.sort();
            Err(found)
        })
    }
}

fn depends_on_data(key: &str) -> bool {
    let of_images = ["network.image", "network.attention"].contains(&key);
    of_images || key.ends_with(".components") || key.starts_with("data") || key.starts_with("pipelines[")
}

/// `a.b[2].c` as `a`, `b`, `2`, `c`.
fn parts(key: &str) -> Vec<String> {
    key.split(['.', '[']).map(|part| part.trim_end_matches(']').to_string()).collect()
}

/// Takes out the first key that a message names and the table has: where a default does not go with it.
fn take_named(table: &mut Table, message: &str) -> bool {
    message.split('`').skip(1).step_by(2).any(|key| {
        let parts = parts(key);
        remove(table, &parts.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

fn put(table: &mut Table, key: &str, value: Value) -> bool {
    table.insert(key.to_string(), value);
    true
}

/// Takes a key out, which then has its default; within a list the whole list, so that no place of another item moves.
fn remove(table: &mut Table, parts: &[&str]) -> bool {
    let Some((first, rest)) = parts.split_first() else { return false };
    match (table.get_mut(*first), rest) {
        (Some(Value::Table(inner)), [_, ..]) => remove(inner, rest),
        (Some(Value::Array(items)), [index, rest @ ..]) if !rest.is_empty() => {
            match index.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                Some(Value::Table(inner)) => remove(inner, rest),
                _ => false,
            }
        }
        (Some(_), _) => table.remove(*first).is_some(),
        (None, _) => false,
    }
}

/// Puts a component at the place of a wrong one, in as many dimensions as the others.
fn mend_component(table: &mut Table, index: &str) -> bool {
    let items =
        table.get_mut("data").and_then(|data| data.get_mut("components")).and_then(Value::as_array_mut);
    let (Some(items), Ok(index)) = (items, index.parse::<usize>()) else { return false };
    let mean = |item: &Value| {
        let mean = item.get("mean").and_then(Value::as_array)?;
        let number = |v: &Value| v.as_float().is_some_and(f64::is_finite) || v.as_integer().is_some();
        (!mean.is_empty() && mean.iter().all(number)).then(|| mean.clone())
    };
    let others = (0..items.len()).filter(|other| *other != index);
    let mean = others.chain([index]).find_map(|place| items.get(place).and_then(mean));
    let (Some(item), Some(mean)) = (items.get_mut(index), mean) else { return false };
    let component = [("mean".to_string(), Value::Array(mean)), ("std".to_string(), Value::Float(1.0))];
    *item = Value::Table(Table::from_iter(component));
    true
}

/// Puts a pipeline that is there at the place of a wrong name.
fn mend_name(table: &mut Table, index: &str) -> bool {
    let Some(names) = table.get_mut("pipelines").and_then(Value::as_array_mut) else { return false };
    let free =
        built_in().find(|name| *name != "exact" && !names.iter().any(|other| other.as_str() == Some(name)));
    match (free, index.parse::<usize>().ok().and_then(|index| names.get_mut(index))) {
        (Some(name), Some(place)) => {
            *place = name.into();
            true
        }
        _ => table.remove("pipelines").is_some(),
    }
}

fn mend_space(table: &mut Table, name: &str) -> bool {
    let own = table.get_mut("pipeline").and_then(|all| all.get_mut(name)).and_then(Value::as_table_mut);
    own.is_some_and(|own| put(own, "space", Value::Array(vec!["scale".into()])))
}

/// Takes a pipeline of one's own out, and puts another one where it is named.
fn take_pipeline(table: &mut Table, name: &str) -> bool {
    if !remove(table, &["pipeline", name]) {
        return false;
    }
    let named = table.get("pipelines").and_then(Value::as_array).into_iter().flatten();
    let places: Vec<usize> =
        named.enumerate().filter(|(_, other)| other.as_str() == Some(name)).map(|(i, _)| i).collect();
    places.iter().all(|place| mend_name(table, &place.to_string()))
}
