//! Tables as text: CSV, or cells between tabs, semicolons or spaces.

use super::data_table::{DataTable, axis_name, row_numbers, select, without_missing};
use super::error::TableError;
use super::header::{Cell, ColumnSummary, FirstLine, first_line};
use super::options::{Delimiter, MissingRows, TableOptions};
use super::survey::{Survey, SurveyColumn};
use super::text_rows::{each_row, sniff};
use ndarray::{Array2, Axis};

/// A cell that cannot be part of a point.
#[derive(Clone)]
struct BadCell {
    line: u64,
    text: String,
}

/// What was read so far of the rows beneath the first line.
#[derive(Default)]
struct Body {
    /// All cells, row by row; NaN where a value is missing, infinity where there is something else than a finite number.
    values: Vec<f64>,
    rows: usize,
    columns: Vec<ColumnSummary>,
    /// The line of each row.
    lines: Vec<u64>,
    /// The first cell of each column that is no finite number.
    bad: Vec<Option<BadCell>>,
    /// The first of them that holds something.
    wrong: Vec<Option<BadCell>>,
}

impl Body {
    fn of_width(columns: usize) -> Self {
        Self {
            columns: vec![ColumnSummary::default(); columns],
            bad: vec![None; columns],
            wrong: vec![None; columns],
            ..Self::default()
        }
    }

    fn push(&mut self, line: u64, cells: &[&str]) {
        for (j, text) in cells.iter().enumerate() {
            let column = &mut self.columns[j];
            match Cell::of(text) {
                Cell::Number(value, whole) if value.is_finite() => {
                    column.numbers += 1;
                    column.whole += usize::from(whole);
                    (column.low, column.high) = (column.low.min(value), column.high.max(value));
                    self.values.push(value);
                    continue;
                }
                Cell::Missing => {
                    column.missing += 1;
                    self.values.push(f64::NAN);
                }
                // Infinity, so that the row is not taken for one with a value missing.
                Cell::Number(..) | Cell::Word => {
                    self.values.push(f64::INFINITY);
                    self.wrong[j].get_or_insert_with(|| BadCell { line, text: (*text).to_string() });
                }
            }
            self.bad[j].get_or_insert_with(|| BadCell { line, text: (*text).to_string() });
        }
        self.lines.push(line);
        self.rows += 1;
    }
}

/// All that a text holds, its columns of whatever.
struct Scan {
    delimiter: Delimiter,
    is_header: bool,
    found_header_of_numbers: bool,
    /// Line of the first row, or of the header.
    first_at: u64,
    /// Names of all columns, and whether each was made up beneath a header.
    names: Vec<String>,
    unnamed: Vec<bool>,
    rows: usize,
    /// All cells, row by row; NaN where a value is missing, infinity where there is something else than a finite number.
    values: Vec<f64>,
    /// The line of each row.
    lines: Vec<u64>,
    /// The first cell of each column that is no finite number.
    bad: Vec<Option<BadCell>>,
    /// The first of them that holds something.
    wrong: Vec<Option<BadCell>>,
    notices: Vec<String>,
}

/// Reads a text, and decides about its delimiter and header.
///
/// # Errors
/// If the rows have different lengths, or nothing is beneath the header.
fn scan(text: &str, options: &TableOptions) -> Result<Scan, TableError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let delimiter = options.delimiter.unwrap_or_else(|| sniff(text));
    let mut first: Option<(u64, Vec<String>)> = None;
    let mut body = Body::default();
    each_row(text, delimiter, &mut |line, cells| match &first {
        None => {
            body = Body::of_width(cells.len());
            first = Some((line, cells.iter().map(ToString::to_string).collect()));
        }
        Some(_) => body.push(line, cells),
    })?;
    let Some((first_at, first)) = first else { return Err(TableError::Empty) };
    let cells: Vec<Cell> = first.iter().map(|text| Cell::of(text)).collect();
    let shown = first.join(&format!("{} ", char::from(delimiter.byte())));
    let mut notices = Vec::new();
    let mut found_header_of_numbers = false;
    let is_header = options.header.unwrap_or_else(|| match first_line(&cells, &body.columns, body.rows) {
        FirstLine::Header => true,
        FirstLine::HeaderOfNumbers => {
            found_header_of_numbers = true;
            notices.push(format!(
                "line {first_at} (`{shown}`) is taken as the header, because its numbers do not fit the rows beneath; `header = false` takes it as a point"
            ));
            true
        }
        FirstLine::RowOfNames => {
            notices.push(format!(
                "line {first_at} (`{shown}`) is taken as a point, though its numbers could be names of columns; `header = true` takes it as the header"
            ));
            false
        }
        FirstLine::Row => false,
    });
    let unnamed: Vec<bool> =
        first.iter().map(|name| is_header && (name.is_empty() || name.starts_with("Unnamed: "))).collect();
    let name =
        |(j, name): (usize, &String)| if is_header && !name.is_empty() { name.clone() } else { axis_name(j) };
    let names: Vec<String> = first.iter().enumerate().map(name).collect();
    let mut all = Body::of_width(names.len());
    if !is_header {
        all.push(first_at, &first.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let earlier = |first: Vec<Option<BadCell>>, later: Vec<Option<BadCell>>| {
        first.into_iter().zip(later).map(|(first, later)| first.or(later)).collect()
    };
    let (bad, wrong) = (earlier(all.bad, body.bad), earlier(all.wrong, body.wrong));
    let rows = all.rows + body.rows;
    if rows == 0 {
        return Err(TableError::Empty);
    }
    let mut values = all.values;
    values.append(&mut body.values);
    let mut lines = all.lines;
    lines.append(&mut body.lines);
    Ok(Scan {
        delimiter,
        is_header,
        found_header_of_numbers,
        first_at,
        names,
        unnamed,
        rows,
        values,
        lines,
        bad,
        wrong,
        notices,
    })
}

/// Reads a table of finite numbers.
///
/// # Errors
/// As [`scan`], or if a cell of a chosen column is not a finite number; the message names line and column.
pub(super) fn read(text: &str, options: &TableOptions) -> Result<DataTable, TableError> {
    let scan = scan(text, options)?;
    let (names, mut notices) = (scan.names, scan.notices);
    let places = select(&names, options.columns.as_deref())?;
    let bad = match options.missing {
        MissingRows::Refuse => scan.bad,
        MissingRows::LeaveOut => scan.wrong,
    };
    let worst =
        places.iter().filter_map(|&j| Some((j, bad[j].as_ref()?))).min_by_key(|(j, cell)| (cell.line, *j));
    if let Some((column, cell)) = worst {
        return Err(refused(column, cell, scan.first_at, options, names.len() > 1));
    }
    let points = Array2::from_shape_vec((scan.rows, names.len()), scan.values)
        .expect("every row has a cell for each column");
    let whole = places.len() == names.len() && places.is_sorted();
    let points = if whole { points } else { points.select(Axis(1), &places) };
    let points = without_missing(points, "line", &|row| scan.lines[row], &mut notices)?;
    let names: Vec<String> = places.iter().map(|&j| names[j].clone()).collect();
    if options.columns.is_none() {
        notices.extend(row_numbers(&points, &names, &scan.unnamed));
    }
    Ok(DataTable { points, names, found_header_of_numbers: scan.found_header_of_numbers, notices })
}

/// Looks at a text, whatever its columns hold.
///
/// # Errors
/// As [`scan`].
pub(super) fn survey(text: &str, options: &TableOptions) -> Result<Survey, TableError> {
    let scan = scan(text, options)?;
    let d = scan.names.len();
    let leaves_out = options.missing == MissingRows::LeaveOut;
    let is_empty = |j: usize| scan.values.iter().skip(j).step_by(d).all(|v| v.is_nan());
    let bad: Vec<Option<&BadCell>> = (0..d)
        .map(|j| if leaves_out && !is_empty(j) { scan.wrong[j].as_ref() } else { scan.bad[j].as_ref() })
        .collect();
    let places = select(&scan.names, options.columns.as_deref())?;
    let is_kept = |row: &&[f64]| places.iter().all(|&j| bad[j].is_some() || !row[j].is_nan());
    let kept: Vec<&[f64]> = scan.values.chunks_exact(d).filter(is_kept).collect();
    if kept.is_empty() {
        return Err(TableError::NoneComplete { rows: scan.rows });
    }
    let column = |(j, name): (usize, &String)| SurveyColumn {
        name: name.clone(),
        values: match bad[j] {
            None => Ok(kept.iter().map(|row| row[j]).collect()),
            Some(cell) => Err(why_no_number(cell, leaves_out)),
        },
    };
    let columns = scan.names.iter().enumerate().map(column).collect();
    let text = Some((scan.delimiter, scan.is_header));
    Ok(Survey { text, rows: kept.len(), left_out: scan.rows - kept.len(), columns })
}

/// Why a column with such a cell is none of finite numbers.
fn why_no_number(cell: &BadCell, leaves_out: bool) -> String {
    let BadCell { line, text } = cell;
    match Cell::of(text) {
        Cell::Missing if leaves_out => "it has no value in any row".to_string(),
        Cell::Missing => {
            format!("line {line} has no value there; --missing leave_out leaves such rows out instead")
        }
        Cell::Number(..) => format!("line {line} has `{text}` there, which is not finite"),
        _ if has_decimal_comma(text) => {
            format!("line {line} has `{text}` there; write a point in place of the decimal comma")
        }
        _ => format!("line {line} has `{text}` there"),
    }
}

fn has_decimal_comma(text: &str) -> bool {
    text.contains(',') && text.replacen(',', ".", 1).parse::<f64>().is_ok()
}

/// The error of a cell that cannot be part of a point.
fn refused(
    column: usize,
    cell: &BadCell,
    first_at: u64,
    options: &TableOptions,
    several: bool,
) -> TableError {
    let (line, text, column) = (cell.line, cell.text.clone(), column + 1);
    match Cell::of(&text) {
        Cell::Missing => TableError::Missing { line, column, text },
        Cell::Number(..) => TableError::NotFinite { line, column, text },
        Cell::Word => {
            let hint = match () {
                () if has_decimal_comma(&text) => "; write a point in place of the decimal comma",
                () if line == first_at && options.header.is_none() => {
                    "; if this line is the header, say `header = true`"
                }
                () if several && options.columns.is_none() => {
                    "; mend it, or choose the columns of numbers with `columns`"
                }
                () => "",
            };
            TableError::NotANumber { line, column, text, hint }
        }
    }
}
