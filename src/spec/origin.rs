//! Where each key of the spec came from, so that any later refusal can name its line and column.

use super::error::{Fault, Place, SpecError};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// The places of all keys by dotted path (`data.components[1].covariance`). A clone is cheap: every point of a
/// sweep has one with its own few changes.
#[derive(Debug, Clone)]
pub struct Origins {
    file: Arc<str>,
    text: Arc<str>,
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
        let source: Arc<str> = text.into();
        let whole = |place: Place, message: String| {
            SpecError::new(file, &source, Fault { key: String::new(), place, message })
        };
        let syntax = |e: toml::de::Error| {
            let place = e.span().map_or(Place::Whole, |span| lines.place(text, span.clone(), span.end));
            whole(place, format!("not valid TOML: {}", e.message().trim().replace('\n', "; ")))
        };
        let document = DeTable::parse(text).map_err(syntax)?;
        let mut places = HashMap::new();
        // Refused before anything walks the values level by level: the stack has an end.
        let place = |span: Range<usize>, key| lines.place(text, span, key);
        if let Some(offset) = collect(&mut places, document.get_ref(), ("", 0), &place) {
            let message = format!(
                "tables and lists lie deeper in each other than {MOST_LEVELS} levels; no spec needs so many"
            );
            return Err(whole(lines.place(text, offset..offset, offset), message));
        }
        let table = toml::from_str(text).map_err(syntax)?;
        Ok((table, Self { file: file.into(), text: source, written: Arc::new(places), changes: Vec::new() }))
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

    /// Where a key was written, or an item of it that is all there is of it, or the nearest enclosing key that was.
    pub fn place(&self, path: &str) -> Place {
        if let Some(place) = self.find_made(path) {
            return place.clone();
        }
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

    /// Where a key was written, or the last argument of the command line that made it by a value within it.
    fn find_made(&self, path: &str) -> Option<&Place> {
        let within =
            || self.changes.iter().rev().find(|(key, place)| place.is_some() && is_within(key, path));
        self.find(path).or_else(|| within().and_then(|(_, place)| place.as_ref()))
    }

    /// Whether the user wrote this key.
    pub fn has(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    /// Whether the user wrote a key within this one.
    pub fn has_within(&self, path: &str) -> bool {
        let written = self.written.keys().map(String::as_str);
        let changed = self.changes.iter().filter(|(_, place)| place.is_some()).map(|(key, _)| key.as_str());
        written.chain(changed).any(|key| is_within(key, path))
    }

    /// An error about the value at `path`: placed there; where it is not written, at another key that the message names,
    /// or at the nearest enclosing key that was written.
    pub fn error(&self, path: &str, message: impl Into<String>) -> SpecError {
        let message = message.into();
        let named = || message.split('`').skip(1).step_by(2).find_map(|word| self.find(word));
        let place = self.find_made(path).or_else(named).cloned();
        self.error_at(path, place.unwrap_or_else(|| self.place(path)), message)
    }

    /// As [`error`](Self::error), about the key itself and not its value.
    pub fn key_error(&self, path: &str, message: impl Into<String>) -> SpecError {
        let place = match self.place(path) {
            Place::At { line, column, span, key } => {
                Place::At { line, column, span: span.start..key.max(span.start), key }
            }
            other => other,
        };
        self.error_at(path, place, message)
    }

    /// An error about `path` at a place of its own.
    pub fn error_at(&self, path: &str, place: Place, message: impl Into<String>) -> SpecError {
        let fault = Fault { key: path.to_string(), place, message: message.into() };
        SpecError::new(&self.file, &self.text, fault)
    }
}

/// Whether a key lies within the one at `path`.
fn is_within(key: &str, path: &str) -> bool {
    key.strip_prefix(path).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// Levels of tables and lists within each other at most.
const MOST_LEVELS: usize = 128;

/// Collects the places of the keys below a path, which is so many levels deep. Gives the offset of a key that lies too
/// deep, if there is one.
fn collect(
    places: &mut HashMap<String, Place>,
    table: &DeTable<'_>,
    (prefix, level): (&str, usize),
    place: &dyn Fn(Range<usize>, usize) -> Place,
) -> Option<usize> {
    table.iter().find_map(|(key, value)| {
        let (path, begin) = (join(prefix, key.get_ref()), key.span().start);
        // A table's value is all that stands beneath its heading.
        let is_table = matches!(value.get_ref(), DeValue::Table(_));
        let is_tables = matches!(value.get_ref(), DeValue::Array(items)
            if items.iter().any(|item| matches!(item.get_ref(), DeValue::Table(_))));
        let end = if is_table || is_tables { key.span().end } else { value.span().end.max(key.span().end) };
        places.insert(path.clone(), place(begin..end, key.span().end));
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
    place: &dyn Fn(Range<usize>, usize) -> Place,
) -> Option<usize> {
    match value {
        DeValue::Table(table) => collect(places, table, (path, level), place),
        DeValue::Array(items) => items.iter().enumerate().find_map(|(i, item)| {
            let (path, begin) = (format!("{path}[{i}]"), item.span().start);
            places.insert(path.clone(), place(item.span(), item.span().end));
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

    fn place(&self, text: &str, span: Range<usize>, key: usize) -> Place {
        let offset = span.start.min(text.len());
        let line = self.starts.partition_point(|&start| start <= offset);
        let start = self.starts[line - 1];
        let column = self.before(text, offset) - self.before(text, start) + 1;
        Place::At { line, column, span: offset..span.end.clamp(offset, text.len()), key }
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
            let column = text[start..offset].chars().count() + 1;
            let expected = Place::At { line, column, span: offset..offset, key: offset };
            assert_eq!(lines.place(&text, offset..offset, offset), expected, "byte {offset}");
        }
        let end = text.len();
        let expected = Place::At { line: 3, column: 8, span: end..end, key: end };
        assert_eq!(lines.place(&text, usize::MAX..usize::MAX, end), expected);
    }
}
