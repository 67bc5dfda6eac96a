//! Where each key of the spec came from, so that any later refusal can name its line and column.

use super::error::{Place, SpecError};
use std::collections::HashMap;
use toml::de::{DeTable, DeValue};

/// The places of all keys by dotted path (`data.components[1].covariance`).
#[derive(Debug, Clone)]
pub struct Origins {
    file: String,
    places: HashMap<String, Place>,
}

impl Origins {
    /// Parses a TOML text into its table and the places of its keys.
    ///
    /// # Errors
    /// If the text is no TOML.
    pub fn parse(file: &str, text: &str) -> Result<(toml::Table, Self), SpecError> {
        let lines = LineIndex::new(text);
        let syntax = |e: toml::de::Error| {
            let place = e.span().map_or(Place::Whole, |span| lines.place(text, span.start));
            SpecError::new(file, place, format!("not valid TOML: {}", e.message().trim().replace('\n', "; ")))
        };
        let document = DeTable::parse(text).map_err(syntax)?;
        let mut origins = Self { file: file.to_string(), places: HashMap::new() };
        origins.collect(document.get_ref(), "", &|offset| lines.place(text, offset));
        let table = toml::from_str(text).map_err(syntax)?;
        Ok((table, origins))
    }

    fn collect(&mut self, table: &DeTable<'_>, prefix: &str, place: &dyn Fn(usize) -> Place) {
        for (key, value) in table {
            let path = join(prefix, key.get_ref());
            self.places.insert(path.clone(), place(key.span().start));
            self.collect_value(value.get_ref(), &path, place);
        }
    }

    fn collect_value(&mut self, value: &DeValue<'_>, path: &str, place: &dyn Fn(usize) -> Place) {
        match value {
            DeValue::Table(table) => self.collect(table, path, place),
            DeValue::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    let path = format!("{path}[{i}]");
                    self.places.insert(path.clone(), place(item.span().start));
                    self.collect_value(item.get_ref(), &path, place);
                }
            }
            _ => {}
        }
    }

    /// Records that `path` and all beneath it now come from elsewhere.
    pub fn moved(&mut self, path: &str, place: Place) {
        self.forget(path);
        self.places.insert(path.to_string(), place);
    }

    /// Forgets `path` and all beneath it.
    pub fn forget(&mut self, path: &str) {
        self.places.retain(|p, _| {
            !(p == path
                || p.strip_prefix(path).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('[')))
        });
    }

    /// The name of the spec file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where a key was written, if it was.
    pub fn place(&self, path: &str) -> Option<Place> {
        self.places.get(path).cloned()
    }

    /// Whether the user wrote this key.
    pub fn has(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// An error about the value at `path`: placed there, or at the nearest enclosing key that was written.
    pub fn error(&self, path: &str, message: impl Into<String>) -> SpecError {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return SpecError::new(&self.file, place.clone(), message);
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return SpecError::new(&self.file, Place::Whole, message),
            }
        }
    }
}

/// `a.b`, or `b` at the top.
pub fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_string() } else { format!("{prefix}.{key}") }
}

/// Byte offsets at which lines begin.
struct LineIndex(Vec<usize>);

impl LineIndex {
    fn new(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect())
    }

    fn place(&self, text: &str, offset: usize) -> Place {
        let offset = offset.min(text.len());
        let line = self.0.partition_point(|&start| start <= offset);
        let start = self.0[line - 1];
        let column = text.get(start..offset).map_or(1, |s| s.chars().count() + 1);
        Place::At { line, column }
    }
}
