//! What a figure shows, before anything is drawn: panels of marks on axes, all numbers in data units.
//!
//! The builders of this module's neighbours make [`Figure`]s of results; [`super::draw`] makes pictures of
//! them. The same numbers go to a CSV beside each picture ([`super::numbers`]).

use serde::Serialize;

/// What a mark represents; a theme gives it its colour.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Real points.
    Data,
    /// The baseline pipeline.
    Baseline,
    /// The Gaussianized pipeline.
    Gaussianized,
    /// The whitened pipeline.
    Whitened,
    /// The first paper's recipe.
    IcaKde,
    /// The exact denoiser.
    Exact,
    /// A pipeline without a colour of its own, by its number among them.
    Own(usize),
    /// Numbers of a paper.
    Paper,
    /// Contours, and points in the background.
    Quiet,
    /// A position between 0 and 1 on the scale of values.
    Value(f64),
}

impl Role {
    /// The role of a pipeline among those of a study, which are in the order of its spec: the same one in every figure.
    pub fn of_pipeline(name: &str, pipelines: &[String]) -> Self {
        let fixed = |name: &str| match name {
            "baseline" => Some(Self::Baseline),
            "gaussianized" => Some(Self::Gaussianized),
            "whitened" => Some(Self::Whitened),
            "ica_kde" => Some(Self::IcaKde),
            "exact" => Some(Self::Exact),
            _ => None,
        };
        let others = || pipelines.iter().filter(|other| fixed(other).is_none());
        fixed(name).unwrap_or_else(|| Self::Own(others().position(|n| n == name).unwrap_or_default()))
    }
}

/// A role and how strongly it is shown: 1 is the full colour, less is nearer to the background.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ink {
    /// What it represents.
    pub role: Role,
    /// Strength in (0, 1].
    pub strength: f64,
}

impl From<Role> for Ink {
    fn from(role: Role) -> Self {
        Self { role, strength: 1.0 }
    }
}

/// How numbers become positions on an axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By their logarithm.
    Log,
    /// By their logarithm, for whole numbers: 0 stands at the lower end, which is below 1.
    LogFromZero,
    /// Positions 0, 1, 2, ... with names.
    Named(Vec<String>),
}

/// One axis of a panel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// What it measures, with its unit.
    pub label: String,
    /// How.
    pub scale: Scale,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Axis {
    /// A linear axis.
    pub fn linear(label: &str, low: f64, high: f64) -> Self {
        Self { label: label.to_string(), scale: Scale::Linear, low, high }
    }
}

/// A colour scale of shaded points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColourBar {
    /// What the colour measures.
    pub label: String,
    /// Value at its lower end.
    pub low: f64,
    /// Value at its upper end; larger ones have the same colour.
    pub high: f64,
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stroke {
    /// A result.
    Normal,
    /// One of many, or raw values behind a smoothed line.
    Thin,
    /// Something to compare with.
    Dashed,
    /// A place on an axis: thin and dashed.
    Guide,
}

/// A pipeline at a point of the sweep: what a mark shows the results of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The pipeline.
    pub pipeline: String,
    /// The values of the sweep's keys.
    pub point: Vec<String>,
}

impl Origin {
    /// The mark as one of its results.
    #[must_use]
    pub fn on(&self, mark: Mark) -> Mark {
        mark.of(&self.pipeline, &self.point)
    }
}

/// Something drawn in a panel.
///
/// The origins of lines, points and intervals are either none, where a mark belongs to no pipeline and sweep point; one,
/// of the whole mark; or one for each of its points.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "mark")]
pub enum Mark {
    /// A line through points, with an optional band around it.
    Line {
        /// Whose results it shows.
        #[serde(skip)]
        origins: Vec<Origin>,
        /// What it is.
        label: String,
        /// Whether that is written at its end.
        named: bool,
        /// Its colour.
        ink: Ink,
        /// How it is drawn.
        stroke: Stroke,
        /// Abscissas.
        x: Vec<f64>,
        /// Ordinates.
        y: Vec<f64>,
        /// Lower ends of the band, as many as `x`, or none.
        low: Vec<f64>,
        /// Upper ends.
        high: Vec<f64>,
    },
    /// A level across the whole panel.
    Level {
        /// Written at its end.
        label: String,
        /// Its colour.
        ink: Ink,
        /// Where.
        y: f64,
        /// The ends of a band around it.
        band: Option<(f64, f64)>,
    },
    /// A cloud of points.
    Points {
        /// Whose results it shows.
        #[serde(skip)]
        origins: Vec<Origin>,
        /// What they are.
        label: String,
        /// Their colour, where they have no values.
        ink: Ink,
        /// Diameter in pixels.
        size: f64,
        /// Abscissas.
        x: Vec<f64>,
        /// Ordinates.
        y: Vec<f64>,
        /// What each one's colour shows by the panel's [`ColourBar`]; or empty.
        value: Vec<f64>,
    },
    /// Means with their intervals, at positions of a named axis.
    Intervals {
        /// Whose results it shows.
        #[serde(skip)]
        origins: Vec<Origin>,
        /// What they are; written in the figure's key, once for all that are the same.
        label: String,
        /// Their colour.
        ink: Ink,
        /// Open (true) or filled dots.
        open: bool,
        /// Positions.
        x: Vec<f64>,
        /// Means.
        y: Vec<f64>,
        /// Lower ends; equal to the mean where none is known.
        low: Vec<f64>,
        /// Upper ends.
        high: Vec<f64>,
    },
    /// Lines of equal density.
    Contours {
        /// What is inside of the lines.
        label: String,
        /// Each line as points.
        lines: Vec<Vec<[f64; 2]>>,
    },
    /// A histogram as a density.
    Histogram {
        /// What is counted.
        label: String,
        /// Its colour.
        ink: Ink,
        /// Ends of the bins, one more than heights.
        edges: Vec<f64>,
        /// Heights, with area 1.
        heights: Vec<f64>,
    },
    /// Images side by side, which fill the panel.
    Sheet {
        /// What they are.
        label: String,
        /// The picture of all of them, as the bytes of a PNG.
        #[serde(skip)]
        png: Vec<u8>,
        /// Of each image the place of what it was compared with; or empty.
        index: Vec<f64>,
        /// The distance between the two.
        distance: Vec<f64>,
    },
}

/// Axes and what is drawn on them. Where the vertical axis is a named one, the panel is turned: the abscissas of its
/// marks run along the vertical axis, and their ordinates along the horizontal one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Panel {
    /// Its own title.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Colour scale, where points have values.
    pub colour: Option<ColourBar>,
    /// In the order of drawing.
    pub marks: Vec<Mark>,
}

impl Panel {
    /// Whether the vertical axis is the one of the abscissas.
    pub fn is_turned(&self) -> bool {
        matches!(self.y.scale, Scale::Named(_))
    }

    /// The names along its axis of places, where it has one.
    pub fn places(&self) -> Option<&[String]> {
        [&self.x, &self.y].into_iter().find_map(|axis| match &axis.scale {
            Scale::Named(names) => Some(names.as_slice()),
            _ => None,
        })
    }
}

/// The form of the panels of a row.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Both axes with one unit length: point clouds.
    Square,
    /// Height over width.
    Ratio(f64),
}

/// Panels side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PanelRow {
    /// Written along the row's left side; may be empty.
    pub title: String,
    /// Colour of that title.
    pub role: Role,
    /// Form of the panels.
    pub form: Form,
    /// Left to right.
    pub panels: Vec<Panel>,
}

/// A whole figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Name of its files.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// The setting: data, network, steps, replicates.
    pub setting: String,
    /// How to read it, and what was left out.
    pub note: String,
    /// Top to bottom.
    pub rows: Vec<PanelRow>,
}

impl Mark {
    /// The same mark as one of the results of a pipeline at a point of the sweep.
    #[must_use]
    pub fn of(self, pipeline: &str, point: &[String]) -> Self {
        self.of_each(vec![Origin { pipeline: pipeline.to_string(), point: point.to_vec() }])
    }

    /// The same mark with an origin for each of its points.
    #[must_use]
    pub fn of_each(mut self, of: Vec<Origin>) -> Self {
        match &mut self {
            Self::Line { origins, .. } | Self::Points { origins, .. } | Self::Intervals { origins, .. } => {
                *origins = of
            }
            Self::Level { .. } | Self::Contours { .. } | Self::Histogram { .. } | Self::Sheet { .. } => {}
        }
        self
    }

    /// Whose results it shows.
    pub fn origins(&self) -> &[Origin] {
        match self {
            Self::Line { origins, .. } | Self::Points { origins, .. } | Self::Intervals { origins, .. } => {
                origins
            }
            Self::Level { .. } | Self::Contours { .. } | Self::Histogram { .. } | Self::Sheet { .. } => &[],
        }
    }

    /// The name at the end of a line or level.
    pub fn end_label(&self) -> Option<&str> {
        match self {
            Self::Line { label, named: true, .. } => Some(label),
            Self::Level { label, .. } => Some(label),
            _ => None,
        }
    }
}
