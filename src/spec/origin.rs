//! Where each key of the spec came from, so that any later refusal can name its line and column.

use super::error::{Place, SpecError};
use std::collections::HashMap;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// The places of all keys by dotted path (`data.components[1].covariance`). A clone is cheap: every point of a
/// sweep has one with its own few changes.
#[derive(Debug, Clone)]
pub struct Origins {
    file: Arc<str>,
    /// As the file has them.
    written: Arc<HashMap<String, Place>>,
    /// What came from elsewhere or was taken out since; the last word holds, for the path and all beneath it.
    changes: Vec<(String, Option<Place>)>,
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
        let mut places = HashMap::new();
        collect(&mut places, document.get_ref(), "", &|offset| lines.place(text, offset));
        let table = toml::from_str(text).map_err(syntax)?;
        Ok((table, Self { file: file.into(), written: Arc::new(places), changes: Vec::new() }))
    }

    /// Records that `path` and all beneath it now come from elsewhere.
    pub fn moved(&mut self, path: &str, place: Place) {
        self.changes.push((path.to_string(), Some(place)));
    }

    /// Forgets `path` and all beneath it.
    pub fn forget(&mut self, path: &str) {
        self.changes.push((path.to_string(), None));
    }

    /// The name of the spec file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Where a key was written, if it was.
    pub fn place(&self, path: &str) -> Option<Place> {
        self.find(path).cloned()
    }

    fn find(&self, path: &str) -> Option<&Place> {
        for (changed, place) in self.changes.iter().rev() {
            match path.strip_prefix(changed.as_str()) {
                Some("") => return place.as_ref(),
                Some(rest) if rest.starts_with(['.', '[']) => return None,
                _ => {}
            }
        }
        self.written.get(path)
    }

    /// Whether the user wrote this key.
    pub fn has(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// An error about the value at `path`: placed there, or at the nearest enclosing key that was written.
    pub fn error(&self, path: &str, message: impl Into<String>) -> SpecError {
        let mut path = path;
        loop {
            if let Some(place) = self.find(path) {
                return SpecError::new(&self.file, place.clone(), message);
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return SpecError::new(&self.file, Place::Whole, message),
            }
        }
    }
}

fn collect(
    places: &mut HashMap<String, Place>,
    table: &DeTable<'_>,
    prefix: &str,
    place: &dyn Fn(usize) -> Place,
) {
    for (key, value) in table {
        let path = join(prefix, key.get_ref());
        places.insert(path.clone(), place(key.span().start));
        collect_value(places, value.get_ref(), &path, place);
    }
}

fn collect_value(
    places: &mut HashMap<String, Place>,
    value: &DeValue<'_>,
    path: &str,
    place: &dyn Fn(usize) -> Place,
) {
    match value {
        DeValue::Table(table) => collect(places, table, path, place),
        DeValue::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                let path = format!("{path}[{i}]");
                places.insert(path.clone(), place(item.span().start));
                collect_value(places, item.get_ref(), &path, place);
            }
        }
        _ => {}
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
