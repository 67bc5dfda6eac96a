//! Writing SVG: a growing text with the few elements that figures need.

use super::text::escape;
use super::theme::Theme;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// A rectangle, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left side.
    pub x: f64,
    /// Upper side.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Area {
    /// Right side.
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    /// Lower side.
    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }
}

/// Which point of a text its position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// At its beginning.
    Start,
    /// In its middle.
    Middle,
    /// At its end.
    End,
}

/// Size, colour and weight of a text.
#[derive(Debug, Clone)]
pub struct Font {
    /// Size in pixels.
    pub size: f64,
    /// Colour.
    pub colour: String,
    /// Semi-bold.
    pub bold: bool,
}

/// A picture that is being written.
pub struct Svg {
    /// Colours.
    pub theme: Theme,
    text: String,
    name: String,
    clips: usize,
}

/// A coordinate: a tenth of a pixel is finer than the eye.
pub fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let short = text.strip_suffix(".0").unwrap_or(&text);
    if short == "-0" { "0".to_string() } else { short.to_string() }
}

impl Svg {
    /// An empty picture; `name` makes its inner names unlike those of others in a page.
    pub fn new(theme: Theme, name: &str) -> Self {
        Self { theme, text: String::new(), name: name.to_string(), clips: 0 }
    }

    /// A filled area.
    pub fn rectangle(&mut self, area: Area, fill: &str) {
        let [x, y, w, h] = [area.x, area.y, area.width, area.height].map(number);
        let _ = write!(self.text, r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}"/>"#);
    }

    /// The outline of an area.
    pub fn frame(&mut self, area: Area, colour: &str) {
        let [x, y, w, h] = [area.x, area.y, area.width, area.height].map(number);
        let _ = write!(
            self.text,
            r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="none" stroke="{colour}"/>"#
        );
    }

    /// A text on the baseline `y`.
    pub fn text(&mut self, x: f64, y: f64, anchor: Anchor, font: &Font, content: &str) {
        self.rotated_text(x, y, anchor, font, content, false);
    }

    /// A text that may be written upwards.
    pub fn rotated_text(
        &mut self,
        x: f64,
        y: f64,
        anchor: Anchor,
        font: &Font,
        content: &str,
        rotated: bool,
    ) {
        let (x, y) = (number(x), number(y));
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => r#" text-anchor="middle""#,
            Anchor::End => r#" text-anchor="end""#,
        };
        let weight = if font.bold { r#" font-weight="600""# } else { "" };
        let rotation = if rotated { format!(r#" transform="rotate(-90 {x} {y})""#) } else { String::new() };
        let (size, colour, content) = (number(font.size), &font.colour, escape(content));
        let _ = write!(
            self.text,
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{colour}"{anchor}{weight}{rotation}>{content}</text>"#
        );
    }

    /// A picture of pixels, the bytes of a PNG, as large as fits into an area without being stretched, its pixels sharp.
    pub fn picture(&mut self, area: Area, png: &[u8], title: &str) {
        let [x, y, w, h] = [area.x, area.y, area.width, area.height].map(number);
        let (data, title) = (STANDARD.encode(png), escape(title));
        let _ = write!(
            self.text,
            r#"<image x="{x}" y="{y}" width="{w}" height="{h}" style="image-rendering:pixelated" href="data:image/png;base64,{data}"><title>{title}</title></image>"#
        );
    }

    /// A stroked path.
    pub fn stroke(&mut self, path: &str, colour: &str, width: f64, dashed: bool) {
        let dash = if dashed { r#" stroke-dasharray="5 4""# } else { "" };
        let width = number(width);
        let _ = write!(
            self.text,
            r#"<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round" stroke-linejoin="round"{dash}/>"#
        );
    }

    /// A filled path.
    pub fn fill(&mut self, path: &str, colour: &str, opacity: f64) {
        let _ = write!(self.text, r#"<path d="{path}" fill="{colour}" fill-opacity="{opacity}"/>"#);
    }

    /// Everything until [`end_group`](Self::end_group) is one part of a picture in a page: a class and a number by which the
    /// page's script finds it. In files there are no such parts.
    pub fn begin_group(&mut self, class: &str, number: usize) {
        if self.theme == Theme::Page {
            let _ = write!(self.text, r#"<g class="{class}" data-n="{number}">"#);
        }
    }

    /// Ends the part.
    pub fn end_group(&mut self) {
        if self.theme == Theme::Page {
            self.text += "</g>";
        }
    }

    /// Everything until [`end_clip`](Self::end_clip) is cut off at the sides of an area.
    pub fn begin_clip(&mut self, area: Area) {
        self.clips += 1;
        let id = format!("{}-{}", self.name, self.clips);
        let [x, y, w, h] = [area.x, area.y, area.width, area.height].map(number);
        let _ = write!(
            self.text,
            r#"<clipPath id="{id}"><rect x="{x}" y="{y}" width="{w}" height="{h}"/></clipPath><g clip-path="url(#{id})">"#
        );
    }

    /// Ends the cutting.
    pub fn end_clip(&mut self) {
        self.text += "</g>";
    }

    /// The whole picture of a size, with a title for those who cannot see it.
    pub fn finish(self, width: f64, height: f64, title: &str) -> String {
        // Whole pixels, or the last row shows what is behind the picture.
        let (w, h, title) = (number(width.ceil()), number(height.ceil()), escape(title));
        let (family, theme) = (escape(super::text::FAMILY), self.theme);
        let back = match theme {
            Theme::Page => String::new(),
            _ => format!(r#"<rect width="{w}" height="{h}" fill="{}"/>"#, theme.paper()),
        };
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{w}" height="{h}" font-family="{family}" role="img"><title>{title}</title>{back}{}</svg>"#,
            self.text
        )
    }
}

/// A path through points; a gap where one is not finite.
pub fn path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    path_of(points, number)
}

/// The same with another digit, for what is shown enlarged.
pub fn fine_path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    path_of(points, |value| format!("{value:.2}"))
}

fn path_of(points: impl IntoIterator<Item = (f64, f64)>, number: impl Fn(f64) -> String) -> String {
    let mut text = String::new();
    let mut pen = 'M';
    for (x, y) in points {
        if x.is_finite() && y.is_finite() {
            // Far outside of the picture is as good as outside, and readable for every renderer.
            let _ = write!(text, "{pen}{} {}", number(x.clamp(-1e5, 1e5)), number(y.clamp(-1e5, 1e5)));
            pen = 'L';
        } else {
            pen = 'M';
        }
    }
    text
}

/// A path of dots: strokes of no length, which round ends make round.
pub fn dots(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut text = String::new();
    for (x, y) in points {
        let _ = write!(text, "M{} {}h0", number(x), number(y));
    }
    text
}
