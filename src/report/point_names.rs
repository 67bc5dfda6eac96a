//! Names of sweep points, as people read them.

use crate::store::{Label, atomic};

/// Characters of a value that a name shows; a longer value loses its middle.
const VALUE_LENGTH: usize = 36;

/// Characters that a long value keeps at its beginning and at its end.
const KEPT: usize = 13;

/// Hexadecimal digits of a digest that distinguish two names.
pub(super) const DIGEST: usize = 8;

/// The shortest ends of dotted keys that differ: `steps`, or `sample.steps` beside `diffusion.steps`.
pub fn short_keys(keys: &[String]) -> Vec<String> {
    let end = |key: &str, parts: usize| {
        let begin = key.rmatch_indices('.').nth(parts - 1).map_or(0, |(i, _)| i + 1);
        key[begin..].to_string()
    };
    let short = |(k, key): (usize, &String)| {
        let differs = |parts: &usize| {
            let mine = end(key, *parts);
            keys.iter().enumerate().all(|(other, text)| other == k || end(text, *parts) != mine)
        };
        let parts = key.split('.').count();
        end(key, (1..parts).find(differs).unwrap_or(parts))
    };
    keys.iter().enumerate().map(short).collect()
}

/// A sweep point for people: `width 16, lambda 0.1`. A key that the point leaves alone does not appear, and a switch
/// appears when it is on. Points that differ have names that differ.
pub fn point_name(keys: &[String], values: &[String]) -> String {
    let one = |(name, value): (String, &String)| match value.as_str() {
        "" | "false" => None,
        "true" => Some(name),
        value => Some(format!("{name} {}", short_value(value))),
    };
    let names: Vec<String> = short_keys(keys).into_iter().zip(values).filter_map(one).collect();
    if !names.is_empty() || keys.is_empty() {
        return names.join(", ");
    }
    // No key is changed, or switches are off alone.
    let off = short_keys(keys).into_iter().zip(values).filter(|(_, value)| value.as_str() == "false");
    let off: Vec<String> = off.map(|(name, _)| format!("{name} off")).collect();
    if off.is_empty() { "as in the spec".to_string() } else { off.join(", ") }
}

/// A run for people: by pipeline, values of the sweep's keys, and replicate; without a sweep by its name.
pub fn run_name(keys: &[String], label: &Label) -> String {
    if keys.is_empty() {
        return label.run.clone();
    }
    format!("{}, {}, replicate {}", label.pipeline, point_name(keys, &label.values), label.replicate)
}

/// As [`run_name`], shorter.
pub fn short_run_name(keys: &[String], label: &Label) -> String {
    if keys.is_empty() {
        return label.run.clone();
    }
    format!("{}-r{}, {}", label.pipeline, label.replicate, point_name(keys, &label.values))
}

/// A value, or the beginning and the end of a long one with a short digest of the whole.
pub fn short_value(value: &str) -> String {
    let characters: Vec<char> = value.chars().collect();
    if characters.len() <= VALUE_LENGTH {
        return value.to_string();
    }
    let (begin, end) = (&characters[..KEPT], &characters[characters.len() - KEPT..]);
    let text = |part: &[char]| part.iter().collect::<String>();
    format!("{}\u{2026}{} #{}", text(begin), text(end), &atomic::digest(value.as_bytes())[..DIGEST])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn points_that_differ_have_names_that_differ() {
        let keys = owned(&["diffusion.steps", "sample.steps", "train.isotropy.control"]);
        assert_eq!(short_keys(&keys), ["diffusion.steps", "sample.steps", "control"]);
        assert_eq!(point_name(&keys, &owned(&["10", "", "true"])), "diffusion.steps 10, control");
        assert_eq!(point_name(&keys, &owned(&["", "10", "false"])), "sample.steps 10");
        assert_eq!(point_name(&keys, &owned(&["", "", "false"])), "control off");
        assert_eq!(point_name(&keys, &owned(&["", "", ""])), "as in the spec");
        assert_eq!(point_name(&[], &[]), "");
        let long = |end: &str| owned(&[&format!("{}{end}", "data/".repeat(60)), "", ""]);
        let (one, other) = (point_name(&keys, &long("1.csv")), point_name(&keys, &long("2.csv")));
        assert!(one != other && one.chars().count() < 70, "{one}");
        let same_ends =
            |middle: &str| owned(&[&format!("{}{middle}{}", "a".repeat(40), "b".repeat(40)), "", ""]);
        assert_ne!(point_name(&keys, &same_ends("1")), point_name(&keys, &same_ends("2")));
    }
}
