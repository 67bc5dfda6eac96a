//! The order of a section's keys, which is that of the fields of its type.

use super::file::SpecFile;
use super::pipelines::PipelineOptions;
use super::sections::{ComponentFile, DataFile};
use crate::diffusion::{
    DiagnosticsOptions, DiffusionOptions, EvaluateOptions, IsotropyLoss, NetworkOptions, SampleOptions,
    TrainOptions,
};
use crate::gaussianize::GaussianizeOptions;
use crate::metrics::features::FeaturesOptions;
use crate::metrics::scored::MetricsOptions;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// The keys of a section in the order in which they are read about; none of a path that is no section.
pub fn keys(section: &str) -> &'static [&'static str] {
    match section {
        "" => fields::<SpecFile>(),
        "data" => fields::<DataFile>(),
        "data.components" => fields::<ComponentFile>(),
        "pipeline.NAME" => fields::<PipelineOptions>(),
        "gaussianize" => fields::<GaussianizeOptions>(),
        "diffusion" => fields::<DiffusionOptions>(),
        "network" => fields::<NetworkOptions>(),
        "train" => fields::<TrainOptions>(),
        "train.isotropy" => fields::<IsotropyLoss>(),
        "train.evaluate" => fields::<EvaluateOptions>(),
        "sample" => fields::<SampleOptions>(),
        "metrics" => fields::<MetricsOptions>(),
        "features" => fields::<FeaturesOptions>(),
        "diagnostics" => fields::<DiagnosticsOptions>(),
        _ => &[],
    }
}

/// The names of a type's fields, as serde knows them.
fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The reader of nothing hears which fields are asked for, and then has none of them.
    let _ = T::deserialize(Asked(&mut names));
    names
}

struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("no value"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
