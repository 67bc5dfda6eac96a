//! Colours: Okabe and Ito's palette, which colour-blind people can distinguish, on light and on dark,
//! and as CSS variables for pages that switch between the two.

use crate::report::figures::model::{Ink, Role};

/// A colour as red, green and blue.
type Rgb = [u8; 3];

/// What a picture is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// On white.
    Light,
    /// On nearly black.
    Dark,
    /// In a page whose style sheet has [`css_variables`].
    Page,
}

/// A named colour of both themes.
struct Colour {
    name: &'static str,
    light: Rgb,
    dark: Rgb,
}

const fn colour(name: &'static str, light: Rgb, dark: Rgb) -> Colour {
    Colour { name, light, dark }
}

const PAPER: usize = 0;
const INK: usize = 1;
const MUTED: usize = 2;
const GRID: usize = 3;
const QUIET: usize = 4;
const BASELINE: usize = 5;
const GAUSSIANIZED: usize = 6;
const EXACT: usize = 7;
const THEIRS: usize = 8;
const WHITENED: usize = 9;
const ICA_KDE: usize = 10;
const OWN: usize = 11;

/// Background first; blue and sky blue, vermilion and orange, green, purple, amber and yellow are Okabe and Ito's. From
/// [`OWN`] on the pipelines of a spec's own, in their order: light and dark ones alternate, as everybody sees
/// lightness; after the last one the colours begin anew.
const COLOURS: [Colour; 19] = [
    colour("paper", [255, 255, 255], [20, 24, 29]),
    colour("ink", [28, 32, 38], [233, 236, 239]),
    colour("muted", [85, 94, 105], [160, 169, 179]),
    colour("grid", [228, 231, 235], [45, 51, 58]),
    colour("quiet", [150, 158, 168], [110, 119, 129]),
    colour("baseline", [0, 114, 178], [86, 180, 233]),
    colour("gaussianized", [213, 94, 0], [240, 142, 40]),
    colour("exact", [0, 158, 115], [40, 196, 152]),
    colour("theirs", [170, 85, 135], [214, 140, 184]),
    colour("whitened", [204, 145, 0], [240, 228, 66]),
    colour("ica_kde", [125, 75, 35], [205, 150, 105]),
    colour("own0", [85, 51, 160], [170, 150, 255]),
    colour("own1", [122, 160, 30], [190, 225, 90]),
    colour("own2", [90, 100, 20], [175, 180, 100]),
    colour("own3", [225, 80, 150], [255, 130, 190]),
    colour("own4", [0, 85, 90], [90, 180, 185]),
    colour("own5", [180, 110, 230], [215, 175, 255]),
    colour("own6", [140, 20, 30], [240, 110, 110]),
    colour("own7", [90, 180, 190], [160, 235, 235]),
];

/// Where the colour of a role is.
fn index(role: Role) -> usize {
    match role {
        Role::Data | Role::Value(_) => INK,
        Role::Baseline => BASELINE,
        Role::Gaussianized => GAUSSIANIZED,
        Role::Whitened => WHITENED,
        Role::IcaKde => ICA_KDE,
        Role::Exact => EXACT,
        Role::Own(number) => OWN + number % (COLOURS.len() - OWN),
        Role::Paper => THEIRS,
        Role::Quiet => QUIET,
    }
}

/// The name of a role's colour among the [`css_variables`], without the dashes.
pub fn css_name(role: Role) -> &'static str {
    COLOURS[index(role)].name
}

/// Steps of the scale of values.
pub const STEPS: usize = 12;

/// The scale of values: viridis, without the ends that vanish in the background.
const VALUES: [Rgb; STEPS] = [
    [68, 1, 84],
    [72, 33, 115],
    [67, 62, 133],
    [56, 88, 140],
    [45, 112, 142],
    [37, 133, 142],
    [30, 155, 138],
    [42, 176, 127],
    [82, 197, 105],
    [134, 213, 73],
    [186, 222, 40],
    [253, 231, 37],
];

/// The step of the scale of values for a number between 0 and 1.
pub fn step_of(value: f64) -> usize {
    ((value * STEPS as f64) as usize).min(STEPS - 1)
}

fn value_colour(step: usize, dark: bool) -> Rgb {
    // Not the whole scale: its light end cannot be seen on white, its dark end not on black.
    let (first, span) = if dark { (0.18, 0.82) } else { (0.0, 0.9) };
    let index = (first + span * step as f64 / (STEPS - 1) as f64) * (STEPS - 1) as f64;
    let below = (index as usize).min(STEPS - 2);
    mix(VALUES[below + 1], VALUES[below], index - below as f64)
}

fn mix(a: Rgb, b: Rgb, share: f64) -> Rgb {
    std::array::from_fn(|i| (share * f64::from(a[i]) + (1.0 - share) * f64::from(b[i])).round() as u8)
}

fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

impl Theme {
    fn named(self, index: usize) -> String {
        let colour = &COLOURS[index];
        match self {
            Self::Light => hex(colour.light),
            Self::Dark => hex(colour.dark),
            Self::Page => format!("var(--{})", colour.name),
        }
    }

    /// The background.
    pub fn paper(self) -> String {
        self.named(PAPER)
    }

    /// Titles and labels.
    pub fn ink(self) -> String {
        self.named(INK)
    }

    /// Smaller texts.
    pub fn muted(self) -> String {
        self.named(MUTED)
    }

    /// Grid lines and frames.
    pub fn grid(self) -> String {
        self.named(GRID)
    }

    /// Contours, and points in the background.
    pub fn quiet(self) -> String {
        self.named(QUIET)
    }

    /// The colour of a role, in its strength.
    pub fn colour(self, ink: Ink) -> String {
        let index = match ink.role {
            Role::Value(value) => return self.value(step_of(value)),
            role => index(role),
        };
        if ink.strength >= 1.0 {
            return self.named(index);
        }
        let (full, back) = (&COLOURS[index], &COLOURS[PAPER]);
        match self {
            Self::Light => hex(mix(full.light, back.light, ink.strength)),
            Self::Dark => hex(mix(full.dark, back.dark, ink.strength)),
            Self::Page => {
                let share = (100.0 * ink.strength).round();
                format!("color-mix(in srgb, var(--{}) {share}%, var(--paper))", full.name)
            }
        }
    }

    /// A step of the scale of values.
    pub fn value(self, step: usize) -> String {
        match self {
            Self::Light => hex(value_colour(step, false)),
            Self::Dark => hex(value_colour(step, true)),
            Self::Page => format!("var(--value{step})"),
        }
    }
}

/// The declarations of all colours of one theme, for a style sheet.
pub fn css_variables(dark: bool) -> String {
    let named = COLOURS.iter().map(|c| (c.name.to_string(), if dark { c.dark } else { c.light }));
    let values = (0..STEPS).map(|step| (format!("value{step}"), value_colour(step, dark)));
    named.chain(values).map(|(name, rgb)| format!("--{name}:{};", hex(rgb))).collect()
}
