//! Values that serde cannot derive: kinds of data, and those that are a number or a word.

use crate::data::shapes::Shape;
use crate::gaussianize::{BandwidthRule, Components};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// `[gaussianize] bandwidth`: a number, or the name of a selector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandwidthChoice(pub BandwidthRule);

/// `[gaussianize] components`: "all", or how many leading ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ComponentsChoice(pub Components);

const BANDWIDTHS: &[&str] = &["silverman", "scott", "isj", "shimazaki"];
const COMPONENTS: &[&str] = &["all"];

impl Serialize for BandwidthChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            BandwidthRule::Fixed(h) => serializer.serialize_f64(h),
            BandwidthRule::Silverman => serializer.serialize_str("silverman"),
            BandwidthRule::Scott => serializer.serialize_str("scott"),
            BandwidthRule::Isj => serializer.serialize_str("isj"),
            BandwidthRule::Shimazaki => serializer.serialize_str("shimazaki"),
        }
    }
}

impl<'de> Deserialize<'de> for BandwidthChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = BandwidthRule;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a positive number or one of \"silverman\", \"scott\", \"isj\", \"shimazaki\"")
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Self::Value, E> {
                Ok(BandwidthRule::Fixed(v))
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Self::Value, E> {
                Ok(BandwidthRule::Fixed(v as f64))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Self::Value, E> {
                match v {
                    "silverman" => Ok(BandwidthRule::Silverman),
                    "scott" => Ok(BandwidthRule::Scott),
                    "isj" => Ok(BandwidthRule::Isj),
                    "shimazaki" => Ok(BandwidthRule::Shimazaki),
                    other => Err(E::unknown_variant(other, BANDWIDTHS)),
                }
            }
        }
        deserializer.deserialize_any(Words).map(Self)
    }
}

impl Serialize for ComponentsChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Components::All => serializer.serialize_str("all"),
            Components::Leading(m) => serializer.serialize_u64(m as u64),
        }
    }
}

impl<'de> Deserialize<'de> for ComponentsChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Components;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("\"all\" or a positive whole number")
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Self::Value, E> {
                usize::try_from(v)
                    .map(Components::Leading)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(v), &self))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Self::Value, E> {
                if v == "all" { Ok(Components::All) } else { Err(E::unknown_variant(v, COMPONENTS)) }
            }
        }
        deserializer.deserialize_any(Words).map(Self)
    }
}

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

impl JsonSchema for BandwidthChoice {
    fn schema_name() -> Cow<'static, str> {
        "Bandwidth".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "enum": BANDWIDTHS }, { "type": "number", "exclusiveMinimum": 0 }] })
    }
}

impl JsonSchema for ComponentsChoice {
    fn schema_name() -> Cow<'static, str> {
        "Components".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "enum": COMPONENTS }, { "type": "integer", "minimum": 1 }] })
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
