//! What a user means by a word: for `gdiff explain`.

use super::keys::{Key, Section, keys, sections};
use super::other_tools::of_other_tools;
use super::words;

/// What is known under a word that a user typed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Meant {
    /// The sections and keys of that name. `by` says in a sentence why the word leads there, where it is not their own.
    These {
        /// Sections.
        sections: Vec<&'static Section>,
        /// Keys.
        keys: Vec<&'static Key>,
        /// Why.
        by: Option<String>,
    },
    /// Nothing, but these keys are near.
    Near(Vec<String>),
}

/// What a user means by a word: a key, a section, a value, or the name that another tool has for a key.
pub fn meant(typed: &str) -> Meant {
    let typed = typed.trim().trim_matches(['[', ']']);
    let last = |path: &str| path.rsplit('.').next().map(str::to_string).unwrap_or_default();
    let all = sections();
    let sections = |fits: &dyn Fn(&Section) -> bool| {
        all.iter().filter(|section| !section.path.is_empty() && fits(section)).collect::<Vec<_>>()
    };
    let found = |fits: &dyn Fn(&Key) -> bool| keys().filter(|key| fits(key)).collect::<Vec<_>>();
    let these = |sections: Vec<&'static Section>, keys: Vec<&'static Key>, by: Option<String>| {
        (!sections.is_empty() || !keys.is_empty()).then_some(Meant::These { sections, keys, by })
    };
    let whole = || these(sections(&|s| s.path == typed), found(&|k| k.path == typed), None);
    // An item of a list by its number, a pipeline by its name.
    let general = general(typed);
    let of_item = || these(sections(&|s| s.path == general), found(&|k| k.path == general), None);
    let by_leaf = || these(sections(&|s| last(&s.path) == typed), found(&|k| last(&k.path) == typed), None);
    let of_others = || {
        let leaf = last(typed);
        let keys: Vec<&str> = of_other_tools(&leaf)?.to_vec();
        let sections = sections(&|s| keys.contains(&s.path.as_str()));
        let by = format!("here `{leaf}` is {}", words::either(&keys));
        these(sections, found(&|k| keys.contains(&k.path.as_str())), Some(by))
    };
    let by_value = || {
        let keys = found(&|k| k.values.iter().any(|(word, _)| word == typed.trim_matches('"')));
        let names: Vec<&str> = keys.iter().map(|key| key.path.as_str()).collect();
        let by = format!("`{typed}` is a value of {}", words::either(&names));
        these(Vec::new(), keys, Some(by))
    };
    whole()
        .or_else(of_item)
        .or_else(by_leaf)
        .or_else(of_others)
        .or_else(by_value)
        .unwrap_or_else(|| Meant::Near(words::near(typed)))
}

/// `data.components.0.mean` and `data.components[0].mean` as `data.components.mean`, `pipeline.mine.space` as
/// `pipeline.NAME.space`.
fn general(typed: &str) -> String {
    let typed = typed.replace(['[', ']'], ".");
    let parts = typed.split('.').filter(|part| !part.is_empty());
    let mut parts: Vec<&str> = parts.filter(|part| !part.bytes().all(|b| b.is_ascii_digit())).collect();
    if let ["pipeline", name, ..] = parts.as_mut_slice() {
        *name = "NAME";
    }
    parts.join(".")
}
