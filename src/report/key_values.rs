//! The values of sweep keys as JSON, numbers as numbers.

use crate::store::Label;
use serde_json::{Map, Value};

/// A value of a sweep key: a number, a switch, or a text; null where the point leaves the key alone.
pub fn typed(value: &str) -> Value {
    match serde_json::from_str(value) {
        Ok(typed @ (Value::Number(_) | Value::Bool(_))) => typed,
        _ if value.is_empty() => Value::Null,
        _ => Value::from(value),
    }
}

/// The values of a run by the names of the keys.
pub fn key_values(keys: &[String], label: &Label) -> Map<String, Value> {
    keys.iter().cloned().zip(label.values.iter().map(|value| typed(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_numbers() {
        let typed = ["32", "0.1", "1e-3", "true", "cosine", "", "[8, 16]", "\"8\""].map(typed);
        let expected = [
            json!(32),
            json!(0.1),
            json!(0.001),
            json!(true),
            json!("cosine"),
            json!(null),
            json!("[8, 16]"),
            json!("\"8\""),
        ];
        assert_eq!(typed, expected);
    }
}
