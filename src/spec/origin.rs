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
        // Refused before anything walks the values level by level: the stack has an end.
        if let Some(offset) =
            collect(&mut places, document.get_ref(), ("", 0), &|offset| lines.place(text, offset))
        {
            let message = format!(
                "tables and lists lie deeper in each other than {MOST_LEVELS} levels; no spec needs so many"
            );
            return Err(SpecError::new(file, lines.place(text, offset), message));
        }
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

    /// Where a key was written, or the nearest enclosing key that was.
    pub fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.find(path) {
                return place.clone();
            }
            match path.rfind(['.', '[']) {
                Some(cut) => path = &path[..cut],
                None => return Place::Whole,
            }
        }
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
        SpecError::new(&self.file, self.place(path), message)
    }
}

/// Levels of tables and lists within each other at most.
const MOST_LEVELS: usize = 128;

/// Collects the places of the keys below a path, which is so many levels deep. Gives the offset of a key that lies too
/// deep, if there is one.
fn collect(
    places: &mut HashMap<String, Place>,
    table: &DeTable<'_>,
    (prefix, level): (&str, usize),
    place: &dyn Fn(usize) -> Place,
) -> Option<usize> {
    table.iter().find_map(|(key, value)| {
        let (path, begin) = (join(prefix, key.get_ref()), key.span().start);
        places.insert(path.clone(), place(begin));
        if level == MOST_LEVELS {
            Some(begin)
        } else {
            collect_value(places, value.get_ref(), (&path, level + 1), place)
        }
    })
}

fn collect_value(
    places: &mut HashMap<String, Place>,
    value: &DeValue<'_>,
    (path, level): (&str, usize),
    place: &dyn Fn(usize) -> Place,
) -> Option<usize> {
    match value {
        DeValue::Table(table) => collect(places, table, (path, level), place),
        DeValue::Array(items) => items.iter().enumerate().find_map(|(i, item)| {
            let (path, begin) = (format!("{path}[{i}]"), item.span().start);
            places.insert(path.clone(), place(begin));
            if level == MOST_LEVELS {
                return Some(begin);
            }
            collect_value(places, item.get_ref(), (&path, level + 1), place)
        }),
        _ => None,
    }
}

/// `a.b`, or `b` at the top.
pub fn join(prefix: &str, key: &str) -> String {
    if prefix.is_empty() { key.to_string() } else { format!("{prefix}.{key}") }
}

/// Bytes between two counts of characters.
const BLOCK: usize = 1024;

/// Where lines begin, and how many characters come before each block of bytes: a list of many values on one line has
/// as many places, and none of them may take a walk over the line.
struct LineIndex {
    /// Byte offsets at which lines begin.
    starts: Vec<usize>,
    /// Characters before every [`BLOCK`]-th byte.
    characters: Vec<usize>,
}

impl LineIndex {
    fn new(text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(i, _)| i + 1)).collect();
        let mut characters = vec![0];
        let mut before = 0;
        for block in text.as_bytes().chunks(BLOCK) {
            before += characters_in(block);
            characters.push(before);
        }
        Self { starts, characters }
    }

    fn place(&self, text: &str, offset: usize) -> Place {
        let offset = offset.min(text.len());
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts[line - 1];
        Place::At { line, column: self.before(text, offset) - self.before(text, start) + 1 }
    }

    /// Characters that begin before a byte.
    fn before(&self, text: &str, offset: usize) -> usize {
        let block = offset / BLOCK;
        self.characters[block] + characters_in(&text.as_bytes()[block * BLOCK..offset])
    }
}

/// Characters that begin in these bytes of a text.
fn characters_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_also_far_into_a_line() {
        let text = format!("a = 1\nb = [{}]\nc = \"\u{e4}\"", "\"\u{e4}\u{6f22}\", ".repeat(5000));
        let lines = LineIndex::new(&text);
        for (offset, _) in text.char_indices().step_by(7) {
            let start = text[..offset].rfind('\n').map_or(0, |i| i + 1);
            let line = text[..offset].matches('\n').count() + 1;
            let expected = Place::At { line, column: text[start..offset].chars().count() + 1 };
            assert_eq!(lines.place(&text, offset), expected, "byte {offset}");
        }
        assert_eq!(lines.place(&text, usize::MAX), Place::At { line: 3, column: 8 });
    }
}
