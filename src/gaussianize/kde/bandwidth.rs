//! Rules for the kernel bandwidth `h` of one component.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::{isj, shimazaki};
use crate::numeric::word_or_number;

/// How the bandwidth of each component is chosen. In a spec it is a number or the name of a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BandwidthRule {
    /// This number, in units of the component's standard deviation (components are whitened).
    Fixed(f64),
    /// `std (3 n / 4)^(-1/5)`.
    Silverman,
    /// `std n^(-1/5)`.
    Scott,
    /// The improved Sheather-Jones plug-in of Botev, Grotowski & Kroese (2010).
    Isj,
    /// The least expected squared error of Shimazaki & Shinomoto (2010), the first paper's own pointer.
    Shimazaki,
}

/// A bandwidth, and what went wrong if its rule gave none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bandwidth {
    /// The bandwidth, positive.
    pub value: f64,
    /// Whether the rule found no bandwidth, so that `value` is Silverman's.
    pub fell_back: bool,
}

impl BandwidthRule {
    /// The bandwidth for ascending `sorted` points of one component.
    ///
    /// Where a rule finds none (no fixed point, no minimum inside its range) the result is Silverman's bandwidth, with
    /// `fell_back` set.
    pub fn choose(self, sorted: &[f64]) -> Bandwidth {
        let n = sorted.len() as f64;
        let std = standard_deviation(sorted);
        let silverman = std * (0.75 * n).powf(-0.2);
        let found = match self {
            Self::Fixed(h) => Some(h),
            Self::Silverman => Some(silverman),
            Self::Scott => Some(std * n.powf(-0.2)),
            Self::Isj => isj::bandwidth(sorted),
            Self::Shimazaki => shimazaki::bandwidth(sorted, std),
        };
        let found = found.filter(|h| *h > 0.0 && h.is_finite());
        Bandwidth { value: found.unwrap_or(silverman), fell_back: found.is_none() }
    }
}

/// The rules by their names in a spec.
const NAMED: [(&str, BandwidthRule); 4] = [
    ("silverman", BandwidthRule::Silverman),
    ("scott", BandwidthRule::Scott),
    ("isj", BandwidthRule::Isj),
    ("shimazaki", BandwidthRule::Shimazaki),
];

/// What each rule is.
const ABOUT: [(&str, &str); 4] = [
    (NAMED[0].0, "`std (3 n / 4)^(-1/5)`"),
    (NAMED[1].0, "`std n^(-1/5)`"),
    (NAMED[2].0, "the improved Sheather-Jones plug-in of Botev, Grotowski & Kroese (2010)"),
    (NAMED[3].0, "the least expected squared error of Shimazaki & Shinomoto (2010)"),
];

impl Serialize for BandwidthRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(h) => serializer.serialize_f64(*h),
            rule => {
                let named = NAMED.iter().find(|(_, other)| other == rule);
                serializer.serialize_str(named.expect("every rule but a fixed bandwidth has a name").0)
            }
        }
    }
}

impl<'de> Deserialize<'de> for BandwidthRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrName;
        impl Visitor<'_> for NumberOrName {
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
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Self::Value, E> {
                Ok(BandwidthRule::Fixed(v as f64))
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Self::Value, E> {
                let named = NAMED.iter().find(|(name, _)| *name == v);
                named.map(|(_, rule)| *rule).ok_or_else(|| E::invalid_value(de::Unexpected::Str(v), &self))
            }
        }
        deserializer.deserialize_any(NumberOrName)
    }
}

impl JsonSchema for BandwidthRule {
    fn schema_name() -> Cow<'static, str> {
        "Bandwidth".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut forms = word_or_number::words(&ABOUT);
        forms.push(serde_json::json!({ "type": "number", "exclusiveMinimum": 0 }));
        json_schema!({ "anyOf": forms })
    }
}

/// Standard deviation with `n - 1` in the denominator; 0 for fewer than two points.
pub fn standard_deviation(points: &[f64]) -> f64 {
    if points.len() < 2 {
        return 0.0;
    }
    let n = points.len() as f64;
    let mean = points.iter().sum::<f64>() / n;
    (points.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}
