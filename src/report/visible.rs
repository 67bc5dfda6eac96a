//! Text for a terminal: control characters, which would move the cursor, recolour or hide what follows, are written as
//! `\u{1b}`. Line ends and tabs of a message stay; those within a cell of a table do not.

use std::borrow::Cow;

/// A message with its lines and tabs as they are.
pub fn visible(text: &str) -> Cow<'_, str> {
    shown(text, |c| c != '\n' && c != '\t')
}

/// A cell of a table, on one line.
pub fn visible_cell(text: &str) -> Cow<'_, str> {
    shown(text, |_| true)
}

fn shown(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    let hidden = |c: char| is_control(c) && hidden(c);
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let one = |c: char| if hidden(c) { c.escape_unicode().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(one).collect())
}

/// Control characters, and those that change the direction of the text after them.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out() {
        assert_eq!(visible("a\u{1b}[31mb\r\n\tc\u{202e}"), "a\\u{1b}[31mb\\u{d}\n\tc\\u{202e}");
        assert_eq!(visible_cell("a\nb"), "a\\u{a}b");
        assert!(matches!(visible("plain \u{3b1}\n"), Cow::Borrowed(_)));
    }
}
