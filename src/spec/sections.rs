//! The sections of the spec file, with every default in sight.

use super::choice::DataKind;
use crate::data::images::{Crop, DamagedImages, ImageOptions, NamedImages, Resize};
use crate::data::table::{ColumnChoice, Delimiter, MissingRows, TableOptions};
use crate::gaussianize::GaussianizeOptions;
use crate::space::{ReferenceScale, ScaleKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Standard deviation of the modes of "eight_gaussians".
pub const EIGHT_GAUSSIANS_STD: f64 = 0.2;

/// A spec's `[gaussianize]` alone, as the flags of the tool give it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianizeOnly {
    /// The section.
    pub gaussianize: GaussianizeOptions,
}

/// `[data]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataFile {
    /// What the points are drawn from; `cargo doc` has the formulas.
    pub kind: DataKind,
    /// Training points.
    #[serde(default = "ten_thousand")]
    pub samples: usize,
    /// Scaling of the points before training; metrics are always in data space.
    #[serde(default = "no_scaling")]
    pub scale: ScaleKind,
    /// By what the real points are scaled that samples are compared with.
    #[serde(default = "by_training")]
    pub reference_scale: ReferenceScale,
    /// A shape's noise, or the standard deviation of the modes of `"eight_gaussians"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "of the kind"))]
    pub noise: Option<f64>,
    /// The share of a shape's extra part.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "of the kind"))]
    pub extra: Option<f64>,
    /// File of a `"table"`, from the spec's folder on: text (comma, tab, semicolon, spaces), npy, npz, or text in
    /// gzip. Of `"images"`: a folder of PNG, JPEG or WebP, npy of bytes,
    /// idx, or CIFAR's binary files (docs/images.md).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "needed of a table"))]
    pub path: Option<String>,
    /// `"images"` of the program instead of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none"))]
    pub name: Option<NamedImages>,
    /// SHA-256 of that file in hexadecimal; it is filled in, so that a table with other points is another
    /// experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "of the file"))]
    pub sha256: Option<String>,
    /// Whether the first line of a table holds the names of the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "by the rows"))]
    pub header: Option<bool>,
    /// What separates the cells of a table: `"comma"`, `"tab"`, `"semicolon"`, `"space"` or a character.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "by the lines"))]
    pub delimiter: Option<Delimiter>,
    /// The columns of a table that are the axes of the points, by name or by number from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "all"))]
    pub columns: Option<Vec<ColumnChoice>>,
    /// What becomes of rows of a table in which a value is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "\"refuse\""))]
    pub missing: Option<MissingRows>,
    /// Height and width of images in pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "of the files"))]
    pub size: Option<usize>,
    /// How images get that size.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "\"area\""))]
    pub resize: Option<Resize>,
    /// What is cut out of images before they get their size.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "\"none\""))]
    pub crop: Option<Crop>,
    /// Channels of images: 1 (grey, by the luma of Rec. 601) or 3 (red, green, blue).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "of the files"))]
    pub channels: Option<usize>,
    /// What becomes of image files of a folder that cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "\"refuse\""))]
    pub damaged: Option<DamagedImages>,
    /// Folder, from the spec's folder on, where the decoded images of a folder are kept and found again by the digest of its
    /// files, so that they are decoded once. It changes no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none"))]
    pub cache: Option<String>,
    /// Whether each training image is followed by its mirror image, left and right exchanged: twice as many training points.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "false"))]
    pub flip: Option<bool>,
    /// Fraction of a table's rows, or of images, that is kept aside at most, half of it as reference and half as fresh points.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "0.5"))]
    pub test_fraction: Option<f64>,
    /// The components of a `"gmm"`, each a table `[[data.components]]` with a mean and one of `std`, `variances`
    /// and `covariance`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-default" = "none"))]
    pub components: Vec<ComponentFile>,
}

impl DataFile {
    /// The section of a kind with every value at its default.
    pub fn usual(kind: DataKind) -> Self {
        let (noise, extra) = match kind {
            DataKind::Shape(shape) => (shape.usual_noise(), shape.usual_extra()),
            DataKind::EightGaussians => (Some(EIGHT_GAUSSIANS_STD), None),
            DataKind::Gmm | DataKind::Table | DataKind::Images => (None, None),
        };
        Self {
            kind,
            samples: ten_thousand(),
            scale: no_scaling(),
            reference_scale: by_training(),
            noise,
            extra,
            path: None,
            name: None,
            sha256: None,
            header: None,
            delimiter: None,
            columns: None,
            missing: None,
            size: None,
            resize: None,
            crop: (kind == DataKind::Images).then_some(Crop::None),
            channels: None,
            damaged: (kind == DataKind::Images).then_some(DamagedImages::Refuse),
            cache: None,
            flip: (kind == DataKind::Images).then_some(false),
            test_fraction: None,
            components: Vec::new(),
        }
    }

    /// How images are to be read.
    pub fn image_options(&self) -> ImageOptions {
        ImageOptions {
            size: self.size,
            resize: self.resize.unwrap_or_default(),
            crop: self.crop.unwrap_or_default(),
            channels: self.channels,
            damaged: self.damaged.unwrap_or_default(),
        }
    }

    /// How the table is to be read.
    pub fn table_options(&self) -> TableOptions {
        TableOptions {
            header: self.header,
            delimiter: self.delimiter,
            columns: self.columns.clone(),
            missing: self.missing.unwrap_or_default(),
        }
    }
}

fn by_training() -> ReferenceScale {
    ReferenceScale::Training
}

fn ten_thousand() -> usize {
    10_000
}

fn no_scaling() -> ScaleKind {
    ScaleKind::None
}

/// `[[data.components]]`: one normal distribution, its spread given in one of three ways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentFile {
    /// Weight relative to the other components; they are normalized.
    #[serde(default = "unit")]
    pub weight: f64,
    /// Mean, a number for each axis.
    pub mean: Vec<f64>,
    /// Full covariance, by rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "one of the three is needed"))]
    pub covariance: Option<Vec<Vec<f64>>>,
    /// One standard deviation for all axes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "one of the three is needed"))]
    pub std: Option<f64>,
    /// A variance for each axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "one of the three is needed"))]
    pub variances: Option<Vec<f64>>,
}

fn unit() -> f64 {
    1.0
}
