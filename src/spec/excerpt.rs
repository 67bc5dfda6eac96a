//! The line of a spec that an error is about, with carets under what is meant.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::ops::Range;

/// Width of a terminal that does not tell its own.
const WIDTH: usize = 120;

/// The line `number` (from 1) of a text, carets under the bytes `span` of the text, which begin in that line; what reaches
/// past its end is left out. With colours where `styled`.
pub fn excerpt(text: &str, number: usize, span: Range<usize>, styled: bool) -> String {
    let start = text[..span.start].rfind('\n').map_or(0, |i| i + 1);
    let end = text[start..].find('\n').map_or(text.len(), |i| start + i);
    let line = text[start..end].trim_end_matches('\r');
    let begin = (span.start - start).min(line.len());
    let stop = (span.end.min(end).saturating_sub(start)).clamp(begin, line.len());
    let mark = AnnotationKind::Primary.span(begin..stop);
    let snippet = Snippet::source(line).line_start(number).annotation(mark);
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(WIDTH).render(&[Group::with_level(Level::ERROR).element(snippet)])
}
