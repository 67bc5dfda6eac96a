//! Text in lines that a terminal holds.

/// Columns of a line.
const WIDTH: usize = 96;

/// A text in lines of at most 96 characters, each after `indent`, the last with its end too; nothing of an empty text. A
/// word longer than a line has a line of its own.
pub fn wrapped(text: &str, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn no_word_is_lost_and_no_line_is_long() {
        let text = "word ".repeat(100);
        let lines = wrapped(&text, "  ");
        assert!(lines.lines().all(|line| line.starts_with("  word") && line.chars().count() <= 96));
        assert_eq!(lines.split_whitespace().count(), 100);
        assert_eq!(wrapped("", "  "), "");
        assert_eq!(wrapped(&"x".repeat(200), ""), format!("{}\n", "x".repeat(200)));
    }
}
