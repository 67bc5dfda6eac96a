//! Whether the values of a spec are of the kinds that their keys have: unknown and missing keys, words that are none, a
//! number where a table must stand. The messages speak of the keys and values of a spec.

use super::error::{SpecError, nearest};
use super::form::{Field, Form, TableForm};
use super::origin::{Origins, join};
use super::words::suggestion;
use toml::{Table, Value};

/// Longest text of a value in a message.
const MOST_CHARACTERS: usize = 40;

/// Compares a table with what it may be.
///
/// # Errors
/// All that is wrong, each with its place.
pub fn check(table: &Table, form: &Form, origins: &Origins) -> Result<(), SpecError> {
    let mut found = None;
    if let Some(section) = form.section() {
        Shape { origins, found: &mut found }.table(table, section, "");
    }
    found.map_or(Ok(()), Err)
}

struct Shape<'a> {
    origins: &'a Origins,
    found: &'a mut Option<SpecError>,
}

impl Shape<'_> {
    fn add(&mut self, error: SpecError) {
        match self.found {
            Some(found) => found.extend(error),
            None => *self.found = Some(error),
        }
    }

    fn table(&mut self, table: &Table, form: &TableForm, path: &str) {
        for (name, value) in table {
            let inner = join(path, name);
            match (form.field(name), &form.others) {
                (Some(Field { form, .. }), _) => self.value(value, form, &inner),
                (None, Some(form)) => self.value(value, form, &inner),
                (None, None) => {
                    let mut known: Vec<&str> = form.fields.iter().map(|field| field.name.as_str()).collect();
                    if path.is_empty() {
                        // Taken out and read before everything else.
                        known.push("sweep");
                    }
                    let message = format!("unknown key `{name}`{}", suggestion(name, path, &known));
                    self.add(self.origins.key_error(&inner, message));
                }
            }
        }
        for field in form.fields.iter().filter(|field| field.required && !table.contains_key(&field.name)) {
            let key = join(path, &field.name);
            let message = format!("the key `{key}` is missing; it has no default");
            self.add(self.origins.error(&key, message));
        }
    }

    fn value(&mut self, value: &Value, form: &Form, path: &str) {
        let fits = match value {
            Value::String(text) => {
                let known = || form.words.iter().map(|word| word.word.as_str());
                if form.text || known().any(|word| word == text) {
                    return;
                }
                if !form.words.is_empty() {
                    let mend = match nearest(text, known()) {
                        Some(word) => format!(", did you mean `{word}`?"),
                        None => format!("; it must be {}", form.expected()),
                    };
                    self.add(self.origins.error(path, format!("`{path}` cannot be `{text}`{mend}")));
                    return;
                }
                false
            }
            Value::Integer(number) => form.number || form.whole.is_some_and(|least| *number >= least),
            Value::Float(_) => form.number,
            Value::Boolean(_) => form.boolean,
            Value::Datetime(_) => false,
            Value::Array(items) => match &form.list {
                Some(item) => {
                    for (i, value) in items.iter().enumerate() {
                        self.value(value, item, &format!("{path}[{i}]"));
                    }
                    true
                }
                None => false,
            },
            Value::Table(table) => match &form.table {
                Some(section) => {
                    self.table(table, section, path);
                    true
                }
                None => false,
            },
        };
        if !fits {
            let message = format!("`{path}` {}", wrong(value, form, path));
            self.add(self.origins.error(path, message));
        }
    }
}

/// "is 3, but it must be a table ([train])".
fn wrong(value: &Value, form: &Form, path: &str) -> String {
    let is_section =
        form.section().is_some_and(|section| section.others.is_some() || section.fields.len() > 1);
    let tables = form.list.as_ref().is_some_and(|item| item.section().is_some());
    let expected = match (is_section && !path.contains('['), tables) {
        (true, _) if form.section().is_some_and(|section| section.others.is_some()) => {
            format!("tables with names ([{path}.NAME])")
        }
        (true, _) => format!("a table ([{path}])"),
        (_, true) => format!("tables ([[{path}]])"),
        _ => form.expected(),
    };
    format!("is {}, but it must be {expected}", shown(value))
}

/// A value in a message.
fn shown(value: &Value) -> String {
    match value {
        Value::Table(_) => "a table".to_string(),
        Value::Array(items) if items.is_empty() => "an empty list".to_string(),
        Value::Array(_) => "a list".to_string(),
        Value::Datetime(date) => format!("the date or time {date}"),
        Value::String(text) if text.chars().count() > MOST_CHARACTERS => {
            format!("a text, {:?}..", text.chars().take(MOST_CHARACTERS).collect::<String>())
        }
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}
