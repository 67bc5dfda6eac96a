//! From a table to the serde types.

use super::error::SpecError;
use super::form::Form;
use super::origin::Origins;
use super::{presets, shape};
use serde::de::DeserializeOwned;

/// Reads the table into the serde types, after everything in it was compared with what a value may be, so that all that
/// is of the wrong kind is named at once.
///
/// # Errors
/// For each unknown or missing key, and each value of the wrong kind, with its place.
pub fn from_table<T: DeserializeOwned>(
    mut table: toml::Table,
    form: &Form,
    origins: &Origins,
) -> Result<T, SpecError> {
    shape::check(&table, form, origins)?;
    presets::expand(&mut table);
    serde_path_to_error::deserialize(toml::Value::Table(table)).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." => String::new(),
            path => path,
        };
        let sentence = error.inner().message().trim().replace('\n', "; ");
        origins.error(&path, format!("`{path}`: {sentence}"))
    })
}
