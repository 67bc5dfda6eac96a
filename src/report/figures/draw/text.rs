//! Texts in pictures: the bundled font, and how wide a text is in it.

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// Inter, for running text (SIL Open Font License, `fonts/LICENSE`).
pub const REGULAR: &[u8] = include_bytes!("fonts/Inter-Regular.otf");

/// Inter, for titles.
pub const SEMI_BOLD: &[u8] = include_bytes!("fonts/Inter-SemiBold.otf");

/// The font of every picture, and the fonts to use where it is missing.
pub const FAMILY: &str = "Inter, 'Helvetica Neue', Arial, sans-serif";

/// Width of a text in pixels, at a font size in pixels.
pub fn width(text: &str, size: f64, bold: bool) -> f64 {
    let missing = 0.6 * size;
    let Ok(font) = FontRef::new(if bold { SEMI_BOLD } else { REGULAR }) else {
        return missing * text.chars().count() as f64;
    };
    let (characters, metrics) =
        (font.charmap(), font.glyph_metrics(Size::new(size as f32), LocationRef::default()));
    let advance = |c| metrics.advance_width(characters.map(c)?);
    text.chars().map(|c| advance(c).map_or(missing, f64::from)).sum()
}

/// A text in lines no wider than `most` pixels, broken at spaces; a longer word stays whole.
pub fn wrap(text: &str, size: f64, most: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
            let longer = if line.is_empty() { word.to_string() } else { format!("{line} {word}") };
            if !line.is_empty() && width(&longer, size, false) > most {
                lines.push(std::mem::replace(&mut line, word.to_string()));
            } else {
                line = longer;
            }
        }
        lines.push(line);
    }
    lines.retain(|line| !line.is_empty());
    lines
}

/// A semi-bold text no wider than `most` pixels: what is too long ends in an ellipsis.
pub fn shorten(text: &str, size: f64, most: f64) -> String {
    if width(text, size, true) <= most {
        return text.to_string();
    }
    let mut short: Vec<char> = text.chars().collect();
    let shown = |short: &[char]| format!("{}\u{2026}", short.iter().collect::<String>().trim_end());
    while !short.is_empty() && width(&shown(&short), size, true) > most {
        short.pop();
    }
    shown(&short)
}

/// A text with the characters that have a meaning in XML escaped.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\'' => safe += "&#39;",
            // XML does not allow control characters.
            c if c.is_control() && c != '\n' && c != '\t' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_font() {
        // Digits of Inter are 0.62 em or so wide; a text is as wide as its letters.
        assert!((width("0", 100.0, false) - 62.0).abs() < 4.0, "{}", width("0", 100.0, false));
        assert!((width("00", 10.0, false) - 2.0 * width("0", 10.0, false)).abs() < 1e-4);
        assert!(width("width", 12.0, true) > width("width", 12.0, false));
    }

    #[test]
    fn lines_are_no_wider_than_asked() {
        let lines = wrap("one two three four five six seven", 12.0, 60.0);
        assert!(lines.len() > 2 && lines.iter().all(|line| width(line, 12.0, false) <= 60.0), "{lines:?}");
        assert_eq!(lines.join(" "), "one two three four five six seven");
        let short = shorten("one two three four", 12.0, 60.0);
        assert!(short.ends_with('\u{2026}') && width(&short, 12.0, true) <= 60.0, "{short}");
    }
}
