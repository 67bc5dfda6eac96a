//! Values put into the spec from outside its sections: `--set KEY=VALUE` and the points of a sweep.

use super::either_or::EITHER_OR;
use super::error::{Place, SpecError};
use super::keys::is_required;
use super::origin::{Origins, join};
use std::str::FromStr;
use toml::{Table, Value};

/// Keys that say something of the value of another one, and do not hold for a new value.
const SAY_OF_ANOTHER: &[(&str, &str)] = &[("data.path", "data.sha256"), ("data.name", "data.sha256")];

/// A dotted key (array items by number, `data.components.0.weight`) and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    place: Place,
    path: Vec<String>,
    /// None takes the key out.
    value: Option<Value>,
}

/// The word that takes a key out; the text `"unset"` is written in quotes.
const UNSET: &str = "unset";

impl FromStr for Override {
    type Err = String;

    /// Splits at the first `=`. VALUE is TOML; what is no TOML is a string.
    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            format!("`{text}` is not KEY=VALUE; write for example train.learning_rate=3e-4")
        })?;
        let path = parts(key);
        check_depth(&path)?;
        if path.iter().any(String::is_empty) {
            return Err(format!("`{key}` is not a dotted key such as train.learning_rate"));
        }
        let value = (value.trim() != UNSET).then(|| toml_or_word(value));
        Ok(Self { place: Place::Argument(format!("--set {text}")), path, value })
    }
}

/// A TOML value, or what is none as a string.
fn toml_or_word(text: &str) -> Value {
    let text = text.trim();
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .filter(|table| table.len() == 1)
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_string()))
}

/// The parts of a dotted key, read as TOML reads it (`sweep."network.width"` has two), else split at the dots.
fn parts(key: &str) -> Vec<String> {
    let read = || {
        let mut table: Table = toml::from_str(&format!("{key} = 0")).ok()?;
        let mut parts = Vec::new();
        loop {
            let (part, value) = table.into_iter().next()?;
            parts.push(part);
            match value {
                Value::Table(inner) => table = inner,
                _ => return Some(parts),
            }
        }
    };
    let split = || key.trim().split('.').map(|part| part.trim().to_string()).collect();
    read().unwrap_or_else(split)
}

/// More parts than this no key has; every one of them is a table within a table.
const MOST_PARTS: usize = 32;

/// Refuses a key of too many parts.
fn check_depth(path: &[String]) -> Result<(), String> {
    if path.len() <= MOST_PARTS {
        return Ok(());
    }
    let begin: String = path.iter().take(4).map(|part| format!("{part}.")).collect();
    let begin: String = begin.chars().take(100).collect();
    Err(format!("the key `{begin}...` has {} parts, but no key has more than {MOST_PARTS}", path.len()))
}

impl Override {
    /// A word of the command line of the form `KEY=VALUE`, read as in `--set`; messages name it as it was typed.
    ///
    /// # Errors
    /// As of `--set`.
    pub fn from_word(text: &str) -> Result<Self, String> {
        Ok(Self { place: Place::Argument(text.to_string()), ..text.parse()? })
    }

    /// The value of a flag of its own, `--layers 5` for `gaussianize.layers`, read as in `--set`.
    pub fn from_flag(key: &str, value: &str) -> Self {
        let flag = key.rsplit('.').next().unwrap_or(key).replace('_', "-");
        Self::of_flag(&format!("--{flag}"), key, value)
    }

    /// The value of a flag whose name is not that of its key.
    pub fn of_flag(flag: &str, key: &str, value: &str) -> Self {
        Self {
            place: Place::Argument(format!("{flag} {value}")),
            path: parts(key),
            value: Some(toml_or_word(value)),
        }
    }

    /// The dotted key.
    pub fn key(&self) -> String {
        self.path.join(".")
    }

    /// The argument of the command line that it was, as typed.
    pub fn argument(&self) -> Option<&str> {
        match &self.place {
            Place::Argument(text) => Some(text),
            _ => None,
        }
    }

    /// A value for a dotted key, written at `place`.
    pub(super) fn new(key: &str, value: Value, place: Place) -> Self {
        Self { place, path: parts(key), value: Some(value) }
    }

    /// Puts the value into the table, making the tables on the way.
    ///
    /// # Errors
    /// If the key leads through something that is no table, or past the end of an array.
    pub fn apply(&self, table: &mut Table, origins: &mut Origins) -> Result<(), SpecError> {
        check_depth(&self.path).map_err(|message| origins.error_at("", self.place.clone(), message))?;
        let key = self.path.join(".");
        // A key of a sweep may be written with dots or within quotes, and is the same one.
        let was_swept = match (swept_key(&self.path), table.get_mut("sweep")) {
            // Written the same way, it keeps its place among the others.
            (Some(_), Some(sweep)) if self.value.is_some() && at(sweep, &self.path[1..]).is_some() => true,
            (Some(swept), Some(Value::Table(sweep))) => take_swept(sweep, &swept),
            _ => false,
        };
        let Some(value) = &self.value else {
            if was_swept {
                origins.forget(&key);
                return Ok(());
            }
            let written = take(table, &self.path)
                .map_err(|message| origins.error_at(&key, self.place.clone(), message))?;
            origins.forget(&written);
            return Ok(());
        };
        for rivals in EITHER_OR.iter().filter(|group| group.contains(&key.as_str())) {
            for rival in rivals.iter().filter(|rival| **rival != key) {
                remove(table, rival);
                origins.forget(rival);
            }
        }
        for (_, dependent) in SAY_OF_ANOTHER.iter().filter(|(of, _)| *of == key) {
            remove(table, dependent);
            origins.forget(dependent);
        }
        let path = insert(table, &self.path, value.clone())
            .map_err(|message| origins.error_at(&key, self.place.clone(), message))?;
        origins.moved(&path, self.place.clone());
        Ok(())
    }
}

/// The value at a path through tables.
fn at<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |here, part| here.as_table()?.get(part))
}

/// The key that a path into the sweep varies; none of a group of keys, `sweep.zip`.
fn swept_key(path: &[String]) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let is_key =
        first == "sweep" && rest.first().is_some_and(|next| !["zip", "points"].contains(&next.as_str()));
    is_key.then(|| rest.join("."))
}

/// Takes a key out of a sweep, however it is written there, and the tables that are empty then; whether it was there.
fn take_swept(sweep: &mut Table, key: &str) -> bool {
    let mut found = sweep.remove(key).is_some();
    let parents: Vec<String> =
        sweep.keys().filter(|name| key.starts_with(&format!("{name}."))).cloned().collect();
    for name in parents {
        let Some(Value::Table(inner)) = sweep.get_mut(&name) else { continue };
        found |= take_swept(inner, &key[name.len() + 1..]);
        if inner.is_empty() {
            sweep.remove(&name);
        }
    }
    found
}

/// Inserts a value at a path; returns the path as [`Origins`] writes it.
fn insert(table: &mut Table, path: &[String], value: Value) -> Result<String, String> {
    let Some((first, rest)) = path.split_first() else { return Err("the key is empty".into()) };
    if rest.is_empty() {
        table.insert(first.clone(), value);
        return Ok(first.clone());
    }
    let mut written = first.clone();
    let mut here = table.entry(first.clone()).or_insert_with(|| Value::Table(Table::new()));
    for (i, part) in rest.iter().enumerate() {
        let last = i + 1 == rest.len();
        match here {
            Value::Table(inner) => {
                written = join(&written, part);
                if last {
                    inner.insert(part.clone(), value);
                    return Ok(written);
                }
                here = inner.entry(part.clone()).or_insert_with(|| Value::Table(Table::new()));
            }
            Value::Array(items) => {
                let count = items.len();
                let index: usize = part
                    .parse()
                    .map_err(|_| format!("`{written}` is a list, so `{part}` must be a number"))?;
                let item = items
                    .get_mut(index)
                    .ok_or_else(|| format!("`{written}` has {count} items, counted from 0"))?;
                written = format!("{written}[{index}]");
                if last {
                    *item = value;
                    return Ok(written);
                }
                here = item;
            }
            other => {
                return Err(format!("`{written}` is a {}, not a table with keys", other.type_str()));
            }
        }
    }
    Err("the key is empty".into())
}

/// Takes the value at a path out; returns the path as [`Origins`] writes it.
fn take(table: &mut Table, path: &[String]) -> Result<String, String> {
    let key = path.join(".");
    let absent =
        || format!("`{key}` is not written in the spec, so it cannot be taken out; it has its default");
    let (last, parents) = path.split_last().ok_or("the key is empty")?;
    let mut written = String::new();
    let mut here = &mut *table;
    let mut rest = parents.iter();
    while let Some(part) = rest.next() {
        written = join(&written, part);
        here = match here.get_mut(part) {
            Some(Value::Table(inner)) => inner,
            Some(Value::Array(items)) => {
                let index = rest.next().ok_or_else(|| {
                    format!(
                        "`{written}` is a list, of which no item can be taken out; give the whole list anew"
                    )
                })?;
                written = format!("{written}[{index}]");
                let item = index.parse().ok().and_then(|index: usize| items.get_mut(index));
                item.and_then(Value::as_table_mut).ok_or_else(absent)?
            }
            _ => return Err(absent()),
        };
    }
    written = join(&written, last);
    if is_required(&written) {
        return Err(format!("`{key}` cannot be taken out: a spec needs it, and it has no default"));
    }
    here.remove(last).map(|_| written).ok_or_else(absent)
}

fn remove(table: &mut Table, dotted: &str) {
    if let Some((section, key)) = dotted.split_once('.')
        && let Some(Value::Table(inner)) = table.get_mut(section)
    {
        inner.remove(key);
    }
}
