//! Whether the first line of a table is its header, decided by all rows.
//!
//! A line of words above columns of numbers is a header. So is a line of numbers that do not fit the rows beneath:
//! whole numbers in a run (`0, 1, 2`, or years) above numbers that are not whole, or whole numbers far outside the
//! range of their columns.

/// What the rows beneath the first line hold in one column.
#[derive(Debug, Clone)]
pub(super) struct ColumnSummary {
    /// Cells that are finite numbers.
    pub numbers: usize,
    /// Of those, the ones that are written as whole numbers.
    pub whole: usize,
    /// Cells without a value.
    pub missing: usize,
    /// Smallest number.
    pub low: f64,
    /// Largest number.
    pub high: f64,
}

impl Default for ColumnSummary {
    fn default() -> Self {
        Self { numbers: 0, whole: 0, missing: 0, low: f64::INFINITY, high: f64::NEG_INFINITY }
    }
}

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    /// A number, and whether it is written as a whole one.
    Number(f64, bool),
    /// No value: empty, `NA`, `nan` and the like.
    Missing,
    /// Anything else.
    Word,
}

/// Words that stand for a missing value, in small letters.
const MISSING: [&str; 11] = ["", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nil", "missing", "?"];

impl Cell {
    /// What a trimmed text is.
    pub fn of(text: &str) -> Self {
        match text.parse::<f64>() {
            Ok(value) if !value.is_nan() => {
                let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
                Self::Number(value, !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
            }
            _ if MISSING.contains(&text.to_ascii_lowercase().as_str()) => Self::Missing,
            _ => Self::Word,
        }
    }
}

/// What the first line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstLine {
    /// A header, as anybody would say.
    Header,
    /// A header, though it holds numbers.
    HeaderOfNumbers,
    /// A row of the table.
    Row,
    /// A row of the table, though its numbers could be names.
    RowOfNames,
}

/// Fewest rows from which a run of whole numbers above other numbers is a header.
const FEW: usize = 3;
/// Fewest rows from which the range of a column says what does not fit.
const SOME: usize = 8;
/// How many times the width of its range a number must lie outside a column.
const FAR: f64 = 3.0;

/// Decides what the first line is.
pub(super) fn first_line(cells: &[Cell], columns: &[ColumnSummary], rows: usize) -> FirstLine {
    let is_numeric = |c: &ColumnSummary| 2 * c.numbers > rows - c.missing.min(rows);
    let pairs = || cells.iter().zip(columns);
    let names = pairs().filter(|(cell, c)| **cell == Cell::Word && is_numeric(c)).count();
    let words = cells.iter().filter(|cell| **cell == Cell::Word).count();
    let numbers: Vec<(f64, bool, &ColumnSummary)> = pairs()
        .filter_map(|(cell, c)| match cell {
            Cell::Number(value, whole) => Some((*value, *whole, c)),
            _ => None,
        })
        .collect();
    if numbers.is_empty() {
        return if words > 0 { FirstLine::Header } else { FirstLine::Row };
    }
    if numbers.iter().any(|(_, whole, c)| !whole || !is_numeric(c)) {
        return FirstLine::Row;
    }
    let is_run = numbers.windows(2).all(|two| two[1].0 == two[0].0 + 1.0)
        && (numbers.len() > 1 || numbers[0].0 == 0.0 || names > 0);
    let above_fractions = |c: &ColumnSummary| rows >= FEW && 2 * c.whole < c.numbers;
    let is_far = |value: f64, c: &ColumnSummary| {
        let room = FAR * (c.high - c.low);
        rows >= SOME && (value < c.low - room || value > c.high + room)
    };
    if numbers.iter().all(|(value, _, c)| (is_run && above_fractions(c)) || is_far(*value, c)) {
        return FirstLine::HeaderOfNumbers;
    }
    let first = numbers[0].0;
    let could_be_names = is_run && numbers.len() > 1 && (first == 0.0 || (1000.0..3000.0).contains(&first));
    if could_be_names { FirstLine::RowOfNames } else { FirstLine::Row }
}

#[cfg(test)]
mod tests {
    use super::{Cell, ColumnSummary, FirstLine, first_line};

    fn decide(first: &[&str], low: f64, high: f64, share_of_whole: f64, rows: usize) -> FirstLine {
        let cells: Vec<Cell> = first.iter().map(|text| Cell::of(text)).collect();
        let whole = (share_of_whole * rows as f64) as usize;
        let column = ColumnSummary { numbers: rows, whole, missing: 0, low, high };
        first_line(&cells, &vec![column; first.len()], rows)
    }

    #[test]
    fn words_are_a_header_and_missing_values_are_not() {
        assert_eq!(decide(&["x", "y"], -1.0, 1.0, 0.0, 9), FirstLine::Header);
        assert_eq!(decide(&["", "x"], -1.0, 1.0, 0.0, 9), FirstLine::Header);
        assert_eq!(decide(&["NA", "nan"], -1.0, 1.0, 0.0, 9), FirstLine::Row);
        assert_eq!(decide(&["1.5", "2.o"], -1.0, 1.0, 0.0, 9), FirstLine::Row);
    }

    #[test]
    fn numbers_are_a_header_where_they_do_not_fit() {
        assert_eq!(decide(&["2020", "2021"], -3.0, 3.0, 0.0, 9), FirstLine::HeaderOfNumbers);
        assert_eq!(decide(&["0", "1"], -3.0, 3.0, 0.0, 9), FirstLine::HeaderOfNumbers);
        assert_eq!(decide(&["id", "2020", "2021"], 0.0, 50.0, 1.0, 9), FirstLine::HeaderOfNumbers);
        // Counts of 0 to 50 in years, and numbers that may be points.
        assert_eq!(decide(&["2020", "2022"], 0.0, 50.0, 1.0, 9), FirstLine::HeaderOfNumbers);
        assert_eq!(decide(&["0", "1"], 0.0, 50.0, 1.0, 9), FirstLine::RowOfNames);
        assert_eq!(decide(&["5", "7"], 0.0, 50.0, 1.0, 9), FirstLine::Row);
        assert_eq!(decide(&["1", "3"], -3.0, 3.0, 0.0, 9), FirstLine::Row);
        // A far number that is not whole is a point.
        assert_eq!(decide(&["2020.5", "2021.5"], -3.0, 3.0, 0.0, 9), FirstLine::Row);
        assert_eq!(decide(&["2020", "2021"], -3.0, 3.0, 0.0, 2), FirstLine::RowOfNames);
    }
}
