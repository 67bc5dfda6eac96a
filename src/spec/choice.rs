//! The kinds of data, which serde cannot derive.

use crate::data::shapes::Shape;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;

/// `[data] kind`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataKind {
    /// A Gaussian mixture, given by its components.
    Gmm,
    /// Eight modes on a circle, a mixture too.
    EightGaussians,
    /// A two-dimensional shape.
    Shape(Shape),
    /// A user's own table.
    Table,
}

const KINDS: &[&str] = &[
    "gmm",
    "eight_gaussians",
    "swiss_roll",
    "scattered_moon",
    "moon_two_circles",
    "central_banana",
    "two_moons",
    "pinwheel",
    "checkerboard",
    "circles",
    "s_curve",
    "table",
];

impl DataKind {
    /// The name used in specs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gmm => "gmm",
            Self::EightGaussians => "eight_gaussians",
            Self::Shape(shape) => shape.name(),
            Self::Table => "table",
        }
    }
}

impl Serialize for DataKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for DataKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let shapes = Shape::ALL.into_iter().map(Self::Shape);
        [Self::Gmm, Self::EightGaussians, Self::Table]
            .into_iter()
            .chain(shapes)
            .find(|kind| kind.name() == name)
            .ok_or_else(|| de::Error::unknown_variant(&name, KINDS))
    }
}

impl JsonSchema for DataKind {
    fn schema_name() -> Cow<'static, str> {
        "DataKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": KINDS })
    }
}
