//! The key that is meant where a word is none: the nearest one, the section that a key belongs to, or what other tools
//! call it.

use super::error::nearest;
use super::keys::{keys, sections};
use super::other_tools::of_other_tools;

/// "`a`", "`a` or `b`".
pub fn either(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" or ")
}

/// What to say after an unknown key of a section, in which these keys are known.
pub fn suggestion(unknown: &str, section: &str, known: &[&str]) -> String {
    let theirs = of_other_tools(unknown);
    let here = |key: &&&str| key.rsplit_once('.').map_or("", |(parent, _)| parent) == section;
    if let Some(key) = theirs.and_then(|keys| keys.iter().find(here)) {
        return format!(", did you mean `{key}`?");
    }
    let elsewhere: Vec<&str> =
        keys().map(|key| key.path.as_str()).filter(|key| leaf(key) == unknown).collect();
    if !elsewhere.is_empty() && elsewhere.len() <= 3 {
        return format!(", which belongs elsewhere; did you mean {}?", either(&elsewhere));
    }
    if let Some(word) = nearest(unknown, known.iter().copied()) {
        return format!(", did you mean `{word}`?");
    }
    if let Some(keys) = theirs {
        return format!(", did you mean {}?", either(keys));
    }
    match nearest(unknown, keys().map(|key| leaf(&key.path))) {
        Some(word) => {
            let paths: Vec<&str> =
                keys().map(|key| key.path.as_str()).filter(|key| leaf(key) == word).collect();
            format!(", did you mean {}?", either(&paths))
        }
        None => format!("; known here: {}", known.join(", ")),
    }
}

fn leaf(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// The keys and sections nearest to a word that is none, the nearest first, at most five.
pub fn near(typed: &str) -> Vec<String> {
    let typed = typed.to_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&typed, name);
    let names = sections().iter().map(|section| section.path.as_str()).filter(|path| !path.is_empty());
    let mut all: Vec<(usize, &str)> = names
        .chain(keys().map(|key| key.path.as_str()))
        .map(|path| {
            let within = leaf(path).contains(leaf(&typed)) && leaf(&typed).len() > 2;
            let near = distance(path).min(distance(leaf(path)));
            (if within { near.min(1) } else { near }, path)
        })
        .collect();
    all.sort_by_key(|(distance, _)| *distance);
    let least = all.first().map_or(0, |(distance, _)| *distance);
    // Beside one that is near, those that are not do not count.
    let most = if least <= 2 { least } else { least + 1 };
    let near = |(distance, _): &&(usize, &str)| *distance <= most;
    all.iter().filter(near).take(5).map(|(_, path)| (*path).to_string()).collect()
}
