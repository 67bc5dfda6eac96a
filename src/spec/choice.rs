//! The kinds of data, which serde cannot derive.

use crate::data::shapes::Shape;
use crate::numeric::word_or_number::words;
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
    /// Images.
    Images,
}

/// The kinds by their names, and what each is.
const KINDS: &[(&str, &str)] = &[
    ("gmm", "a Gaussian mixture, given by `[[data.components]]`"),
    ("eight_gaussians", "eight modes on a circle, a mixture too"),
    ("swiss_roll", "a spiral"),
    ("scattered_moon", "a crescent, a share of it scattered"),
    ("moon_two_circles", "a crescent and two discs"),
    ("central_banana", "a curved cloud with a blob"),
    ("two_moons", "two crescents that reach into each other"),
    ("pinwheel", "five spiral arms"),
    ("checkerboard", "the black squares of a 4 x 4 board"),
    ("circles", "circles of radius 1 and 1/2"),
    ("s_curve", "an S"),
    ("table", "a file of points, `path`"),
    ("images", "images of one size, `path` or `name`"),
];

impl DataKind {
    /// The name used in specs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gmm => "gmm",
            Self::EightGaussians => "eight_gaussians",
            Self::Shape(shape) => shape.name(),
            Self::Table => "table",
            Self::Images => "images",
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
        [Self::Gmm, Self::EightGaussians, Self::Table, Self::Images]
            .into_iter()
            .chain(shapes)
            .find(|kind| kind.name() == name)
            .ok_or_else(|| de::Error::custom(format!("`{name}` is no kind of data")))
    }
}

impl JsonSchema for DataKind {
    fn schema_name() -> Cow<'static, str> {
        "DataKind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": words(KINDS) })
    }
}
