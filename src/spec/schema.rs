//! The JSON Schema of a spec, for editors: the same serde types that read it, and the `[sweep]` over their keys.

use super::either_or::EITHER_OR;
use super::file::SpecFile;
use super::pipelines::built_in;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// What `[sweep]` is.
pub(super) const SWEEP: &str = "A grid over any keys, `\"network.width\" = [16, 32]`: every combination is run; left out, the spec is one point.";
/// What `[[sweep.zip]]` is.
pub(super) const ZIP: &str = "Keys that move together: lists of one length.";
/// What `[[sweep.points]]` is.
pub(super) const POINTS: &str = "Explicit points: a value for each key.";

/// The JSON Schema (draft 7, which editors know) of a spec file. What it refuses the reader refuses too; ranges
/// and what depends on several keys only the reader checks.
pub fn schema() -> Value {
    let mut schema = of_file();
    schema["title"] = json!("gdiff spec");
    let mut keys = Vec::new();
    dotted(&schema, "", &mut keys);
    for group in EITHER_OR {
        let parts: Vec<(&str, &str)> = group.iter().filter_map(|key| key.split_once('.')).collect();
        if let Some((section, _)) = parts.first() {
            let names: Vec<&str> = parts.iter().map(|(_, key)| *key).collect();
            schema["properties"][section]["not"] = json!({ "required": names });
        }
    }
    // Without pipelines of one's own only the built-in ones have a name.
    let names: Vec<&str> = built_in().collect();
    schema["if"] = json!({ "not": { "required": ["pipeline"] } });
    schema["then"] = json!({ "properties": { "pipelines": { "items": { "enum": names } } } });
    schema["properties"]["sweep"] = sweep(&keys);
    schema
}

/// The schema of the serde types that read a spec file, without a sweep.
pub(super) fn of_file() -> Value {
    let mut settings = SchemaSettings::draft07();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<SpecFile>().to_value();
    without_null(&mut schema);
    schema
}

/// TOML has no null: a key that may be left out is of its one type where it is given.
fn without_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type")
        && let Some(list) = types.as_array_mut()
    {
        list.retain(|name| name != "null");
        if let [one] = list.as_slice() {
            *types = one.clone();
        }
    }
    match schema {
        Value::Object(map) => map.values_mut().for_each(without_null),
        Value::Array(list) => list.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// The dotted keys of all values, for completion in `[sweep]`.
fn dotted(schema: &Value, prefix: &str, keys: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    for (name, inner) in properties {
        let key = super::origin::join(prefix, name);
        dotted(inner, &key, keys);
        keys.push(key);
    }
}

/// `[sweep]`: a grid over keys, groups that move together, explicit points.
fn sweep(keys: &[String]) -> Value {
    // A key may be written with a dot, which makes a table in a table.
    let values = json!({ "anyOf": [{ "type": "array", "minItems": 1 }, { "type": "object" }] });
    let key =
        json!({ "anyOf": [{ "enum": keys }, { "pattern": r"^data\.components\.[0-9]+(\.[a-z_]+)?$" }] });
    let group = |item: Value| json!({ "type": "object", "additionalProperties": item, "propertyNames": key });
    let mut sweep = group(values.clone());
    let own = json!({ "anyOf": [{ "enum": ["zip", "points"] }, key] });
    sweep["propertyNames"] = own;
    sweep["description"] = json!(SWEEP);
    sweep["properties"] = json!({
        "zip": { "type": "array", "items": group(values), "description": ZIP },
        "points": { "type": "array", "items": group(json!(true)), "description": POINTS },
    });
    sweep
}
