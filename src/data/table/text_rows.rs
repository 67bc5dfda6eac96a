//! The rows of a table as text: its delimiter, its records, and the lines on which they begin.

use super::error::TableError;
use super::options::Delimiter;

/// Lines by which the delimiter is found.
const SNIFFED: usize = 64;

/// Calls `row` with the number of each line and its trimmed cells; empty lines and comments (`#`) are passed over.
///
/// # Errors
/// If the rows have different lengths or the quoting is bad.
pub(super) fn each_row(
    text: &str,
    delimiter: Delimiter,
    row: &mut dyn FnMut(u64, &[&str]),
) -> Result<(), TableError> {
    // Runs of spaces become one tab, so that one reader does for all.
    let joined;
    let (text, byte) = if delimiter == Delimiter::SPACE {
        let line = |line: &str| match line.trim_start().starts_with('#') {
            true => "#".to_string(),
            false => line.split_whitespace().collect::<Vec<_>>().join("\t"),
        };
        joined = text.lines().map(line).collect::<Vec<_>>().join("\n");
        (joined.as_str(), b'\t')
    } else {
        (text, delimiter.byte())
    };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(byte)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
    let mut first = None;
    while reader.read_record(&mut record)? {
        let line = lines.of_record(record.position().map_or(0, csv::Position::byte));
        let (above, expected) = *first.get_or_insert((line, record.len()));
        if record.len() != expected {
            return Err(TableError::Ragged { line, cells: record.len(), above, expected });
        }
        row(line, &record.iter().collect::<Vec<_>>());
    }
    Ok(())
}

/// The lines of a text on which records begin, from the first to the last.
struct Lines<'a> {
    text: &'a [u8],
    /// A byte on the line `line`, from 1.
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the record that was read from this byte on: the reader passes over the end of the line before, empty
    /// lines and comments first, and counts none of them.
    fn of_record(&mut self, from: u64) -> u64 {
        let mut begin = (from as usize).min(self.text.len());
        loop {
            let rest = &self.text[begin..];
            begin += match rest.first() {
                Some(b'\r' | b'\n') => 1,
                Some(b'#') => rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
                _ => break,
            };
        }
        let ends = |i: usize| match self.text[i] {
            b'\n' => true,
            b'\r' => self.text.get(i + 1) != Some(&b'\n'),
            _ => false,
        };
        self.line += (self.at..begin).filter(|i| ends(*i)).count() as u64;
        self.at = begin;
        self.line
    }
}

/// The delimiter: the first of tab, semicolon, comma and spaces by which the first lines all have the same number of
/// cells, more than one; else the first that the first line has; else the comma.
pub(super) fn sniff(text: &str) -> Delimiter {
    let lines = || {
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.take(SNIFFED)
    };
    let count = |line: &str, delimiter: Delimiter| match delimiter {
        Delimiter::SPACE => line.split_whitespace().count(),
        // Between quotes nothing separates.
        delimiter => {
            let mut quoted = false;
            let separates = |b: &u8| {
                quoted ^= *b == b'"';
                !quoted && *b == delimiter.byte()
            };
            1 + line.as_bytes().iter().copied().filter(separates).count()
        }
    };
    let Some(first) = lines().next() else { return Delimiter::COMMA };
    let agree =
        |d: &Delimiter| count(first, *d) > 1 && lines().all(|line| count(line, *d) == count(first, *d));
    let known = [Delimiter::TAB, Delimiter::SEMICOLON, Delimiter::COMMA];
    let all = known.into_iter().chain([Delimiter::SPACE]);
    let fallback = || known.into_iter().find(|d| count(first, *d) > 1);
    all.into_iter().find(agree).or_else(fallback).unwrap_or(Delimiter::COMMA)
}
