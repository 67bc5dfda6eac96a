//! A table of the terminal that is never too wide: cells are broken into lines before.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// No line of a table in the terminal is longer.
const WIDTH: usize = 100;

/// The table as text: the first column at the left, the others at the right.
pub fn narrow_table(header: Vec<String>, rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN);
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.add_rows(rows);
    if is_too_wide(&table.to_string()) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH as u16);
    }
    table.to_string()
}

/// Whether a line of a text is too wide.
pub fn is_too_wide(text: &str) -> bool {
    text.lines().any(|line| line.chars().count() > WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_too_wide() {
        let words = |text: &str| vec![text.to_string(); 5];
        let narrow = narrow_table(words("a"), vec![words("0.123 +- 0.045")]);
        assert_eq!(narrow.lines().count(), 3, "{narrow}");
        let wide = narrow_table(words("a heading"), vec![words(&"0.123 +- 0.045 ".repeat(4))]);
        assert!(!is_too_wide(&wide) && wide.lines().count() > 3, "{wide}");
    }
}
