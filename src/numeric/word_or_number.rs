//! A key of a spec whose value is one of a few words or a whole number, such as `distances = "ends"` or `distances = 10`.
//!
//! Such a type implements [`WordOrNumber`], and reads, writes and describes itself by these functions.

use schemars::{Schema, json_schema};
use serde::Serializer;
use serde::de::{self, Deserializer, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// What such a value can be.
pub trait WordOrNumber: Copy {
    /// The words, each with its meaning.
    const WORDS: &'static [(&'static str, &'static str)];
    /// The smallest number.
    const SMALLEST: usize;

    /// The value of one of the words.
    fn of_word(word: &str) -> Option<Self>;
    /// The value of a number.
    fn of_number(number: usize) -> Self;
    /// The word for the value, or the number.
    fn written(self) -> Result<&'static str, usize>;
}

/// Writes a value.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: WordOrNumber, S: Serializer>(value: T, serializer: S) -> Result<S::Ok, S::Error> {
    match value.written() {
        Ok(word) => serializer.serialize_str(word),
        Err(number) => serializer.serialize_u64(number as u64),
    }
}

/// Reads a value.
///
/// # Errors
/// If it is neither one of the words nor a whole number of 0 or more.
pub fn deserialize<'de, T: WordOrNumber, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Either<T>(PhantomData<T>);
    impl<T: WordOrNumber> Visitor<'_> for Either<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            for (i, (word, _)) in T::WORDS.iter().enumerate() {
                write!(f, "{}\"{word}\"", if i > 0 { ", " } else { "" })?;
            }
            f.write_str(if T::SMALLEST == 0 { " or a whole number" } else { " or a positive whole number" })
        }
        fn visit_i64<E: de::Error>(self, v: i64) -> Result<T, E> {
            usize::try_from(v)
                .map(T::of_number)
                .map_err(|_| E::invalid_value(de::Unexpected::Signed(v), &self))
        }
        fn visit_u64<E: de::Error>(self, v: u64) -> Result<T, E> {
            usize::try_from(v)
                .map(T::of_number)
                .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(v), &self))
        }
        fn visit_str<E: de::Error>(self, v: &str) -> Result<T, E> {
            T::of_word(v).ok_or_else(|| E::invalid_value(de::Unexpected::Str(v), &self))
        }
    }
    deserializer.deserialize_any(Either(PhantomData))
}

/// The JSON Schemas of words, each with its meaning.
pub fn words(words: &[(&str, &str)]) -> Vec<serde_json::Value> {
    words.iter().map(|(word, about)| serde_json::json!({ "const": word, "description": about })).collect()
}

/// The JSON Schema of a value.
pub fn schema<T: WordOrNumber>() -> Schema {
    let mut forms = words(T::WORDS);
    forms.push(serde_json::json!({ "type": "integer", "minimum": T::SMALLEST }));
    json_schema!({ "anyOf": forms })
}

/// Implements serde's traits and the schema of a type that is [`WordOrNumber`].
macro_rules! word_or_number {
    ($type:ident) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::numeric::word_or_number::serialize(*self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::numeric::word_or_number::deserialize(deserializer)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::numeric::word_or_number::schema::<Self>()
            }
        }
    };
}
pub(crate) use word_or_number;
