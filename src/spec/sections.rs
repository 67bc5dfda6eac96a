//! The sections of the spec file, with every default in sight.

use super::choice::DataKind;
use crate::data::table::{ColumnChoice, Delimiter, TableOptions};
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
    /// What kind of data set.
    pub kind: DataKind,
    /// Number of training points.
    #[serde(default = "ten_thousand")]
    pub samples: usize,
    /// Scaling before training.
    #[serde(default = "no_scaling")]
    pub scale: ScaleKind,
    /// Scaling of the reference points.
    #[serde(default = "by_training")]
    pub reference_scale: ReferenceScale,
    /// Noise of a shape, or standard deviation of its modes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<f64>,
    /// Share of a shape's extra part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra: Option<f64>,
    /// File of a table: CSV or its like, gzipped or not, npy or npz; a relative path begins in the spec's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// SHA-256 of that file in hexadecimal; filled in, so that other points are another experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whether the first line of a table is its header; left out, all rows decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// What separates the cells of a table: "comma", "tab", "semicolon", "space" or one character; left out, the file
    /// decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// The columns of a table that are the axes of the points, by name or by number from 0; left out, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<ColumnChoice>>,
    /// Fraction of a table's rows that is kept aside, half of it as reference and half as fresh points; left out, 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// Components of a mixture.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ComponentFile>,
}

impl DataFile {
    /// The section of a kind with every value at its default.
    pub fn usual(kind: DataKind) -> Self {
        let (noise, extra) = match kind {
            DataKind::Shape(shape) => (shape.usual_noise(), shape.usual_extra()),
            DataKind::EightGaussians => (Some(EIGHT_GAUSSIANS_STD), None),
            DataKind::Gmm | DataKind::Table => (None, None),
        };
        Self {
            kind,
            samples: ten_thousand(),
            scale: no_scaling(),
            reference_scale: by_training(),
            noise,
            extra,
            path: None,
            sha256: None,
            header: None,
            delimiter: None,
            columns: None,
            test_fraction: None,
            components: Vec::new(),
        }
    }

    /// How the table is to be read.
    pub fn table_options(&self) -> TableOptions {
        TableOptions { header: self.header, delimiter: self.delimiter, columns: self.columns.clone() }
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
    /// Weight relative to the other components.
    #[serde(default = "unit")]
    pub weight: f64,
    /// Mean.
    pub mean: Vec<f64>,
    /// Full covariance, by rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covariance: Option<Vec<Vec<f64>>>,
    /// One standard deviation for all axes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std: Option<f64>,
    /// A variance for each axis.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variances: Option<Vec<f64>>,
}

fn unit() -> f64 {
    1.0
}
