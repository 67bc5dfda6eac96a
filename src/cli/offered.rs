//! Words that the help and the completions offer for an argument, from the table that its reader uses.

use crate::data::source::Part;
use crate::metrics::features::{FeatureKind, Resizing};
use crate::run::DeviceChoice;
use crate::spec;
use crate::study::ENGINES;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use std::ffi::OsStr;
use std::str::FromStr;

/// A reader that takes what `inner` takes, and offers these words. What is none of them `inner` may take or refuse, so
/// that a number beside words, and a message with the nearest word, are its affair.
#[derive(Clone)]
pub struct Offered<P> {
    inner: P,
    words: Vec<(&'static str, &'static str)>,
}

impl<P: TypedValueParser> TypedValueParser for Offered<P> {
    type Value = P::Value;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<P::Value, Error> {
        self.inner.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let word = |(word, about): &(&'static str, &'static str)| PossibleValue::new(*word).help(*about);
        Some(Box::new(self.words.iter().map(word)))
    }
}

/// The words of a key of the spec; the spec's own checks refuse others.
pub fn of_key(key: &'static str) -> Offered<StringValueParser> {
    Offered { inner: StringValueParser::new(), words: spec::values(key).collect() }
}

/// Devices.
pub fn devices() -> Offered<impl TypedValueParser<Value = DeviceChoice>> {
    let words = vec![
        ("auto", "CUDA where this build and machine have it, else the CPU"),
        ("cpu", "the CPU"),
        ("cuda", "the first CUDA device; cuda:1 is the second"),
    ];
    Offered { inner: DeviceChoice::from_str, words }
}

/// Parts of a data set.
pub fn parts() -> Offered<impl TypedValueParser<Value = Part>> {
    let words = vec![
        (Part::Train.name(), "training points"),
        (Part::Reference.name(), "real points that samples are compared with"),
        (Part::Fresh.name(), "other real points, scored as if they were samples"),
    ];
    Offered { inner: Part::from_str, words }
}

/// Features of images.
pub fn features() -> Offered<impl TypedValueParser<Value = FeatureKind>> {
    Offered { inner: FeatureKind::from_str, words: FeatureKind::NAMES.to_vec() }
}

/// Ways of resizing images.
pub fn resizing() -> Offered<impl TypedValueParser<Value = Resizing>> {
    Offered { inner: Resizing::from_str, words: Resizing::NAMES.to_vec() }
}

/// Engines.
pub fn engines() -> Offered<StringValueParser> {
    let words = ENGINES.iter().map(|engine| (engine.name(), "")).collect();
    Offered { inner: StringValueParser::new(), words }
}
