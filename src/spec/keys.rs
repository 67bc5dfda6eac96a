//! The keys of a spec and what each of them means: for `gdiff explain`, for the documentation, and for suggestions.

use super::form::{Field, Form, TableForm, Word};
use super::origin::join;
use super::schema::{POINTS, SWEEP, ZIP, of_file};
use super::{order, pipelines};
use std::sync::OnceLock;

/// A key of a spec.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Key {
    /// The dotted key; an item of a list, and a pipeline of one's own, has no number or name of its own in it
    /// (`data.components.mean`, `pipeline.NAME.space`).
    pub path: String,
    /// The section that it stands in, empty at the top of the file.
    pub section: String,
    /// What it means.
    pub about: String,
    /// What kind of value it has, in a few words.
    pub kind: String,
    /// Its default as a spec has it, or in words; none where it must be given.
    pub default: Option<String>,
    /// The words that it can be, with what they mean.
    pub values: Vec<(String, String)>,
}

/// A section of a spec: a table with keys.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Section {
    /// The dotted name, empty for the keys at the top of the file.
    pub path: String,
    /// As a spec has it: `[train]`, `[[data.components]]`.
    pub heading: String,
    /// What it is.
    pub about: String,
    /// Its keys.
    pub keys: Vec<Key>,
}

/// What a whole spec may be, but for its sweep.
pub(super) fn form() -> &'static Form {
    static FORM: OnceLock<Form> = OnceLock::new();
    FORM.get_or_init(|| {
        let mut form = Form::of(&of_file());
        sort(&mut form, "");
        // Names are texts, and the built-in ones are known.
        let names =
            form.table.as_mut().and_then(|table| table.fields.iter_mut().find(|f| f.name == "pipelines"));
        if let Some(item) = names.and_then(|field| field.form.list.as_mut()) {
            let word = |(word, about): (&str, &str)| Word { word: word.into(), about: about.into() };
            item.words = pipelines::built_in_about().map(word).collect();
        }
        form
    })
}

/// The sections of a spec with their keys, in the order of the file.
pub fn sections() -> &'static [Section] {
    static SECTIONS: OnceLock<Vec<Section>> = OnceLock::new();
    SECTIONS.get_or_init(|| {
        let mut sections = Vec::new();
        if let Some(table) = form().section() {
            collect(table, ("", String::new(), String::new()), &mut sections);
        }
        let of = |heading: &str, about: &str| Section {
            path: heading.trim_matches(['[', ']']).to_string(),
            heading: heading.to_string(),
            about: about.to_string(),
            keys: Vec::new(),
        };
        sections.extend([of("[sweep]", SWEEP), of("[[sweep.zip]]", ZIP), of("[[sweep.points]]", POINTS)]);
        sections
    })
}

/// All keys, in the order of the file.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    sections().iter().flat_map(|section| &section.keys)
}

/// Whether a spec cannot be without the key at this path, which may go through lists (`data.components[0].mean`).
pub(super) fn is_required(path: &str) -> bool {
    let mut form = Some(form());
    let mut required = false;
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or(part);
        let Some(table) = form.and_then(|form| form.table.as_deref()) else { return false };
        let field = table.field(name);
        required = field.is_some_and(|field| field.required);
        let inner = field.map(|field| &field.form).or(table.others.as_deref());
        form = inner.and_then(|form| if part.contains('[') { form.list.as_deref() } else { Some(form) });
    }
    required
}

/// The words that the value of a key can be; none of a key that is not there, or that takes no words.
pub fn values(path: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let key = keys().find(|key| key.path == path);
    key.into_iter().flat_map(|key| &key.values).map(|(word, about)| (word.as_str(), about.as_str()))
}

/// Puts the keys of every section into their order.
fn sort(form: &mut Form, path: &str) {
    if let Some(item) = &mut form.list {
        sort(item, path);
    }
    let Some(table) = &mut form.table else { return };
    let order = order::keys(path);
    table.fields.sort_by_key(|field| order.iter().position(|name| *name == field.name));
    for field in &mut table.fields {
        let inner = if path.ends_with(".space") { field.name.clone() } else { join(path, &field.name) };
        sort(&mut field.form, &inner);
    }
    if let Some(others) = &mut table.others {
        sort(others, &join(path, "NAME"));
    }
}

/// Collects a section and those within it.
fn collect(table: &TableForm, (path, heading, about): (&str, String, String), sections: &mut Vec<Section>) {
    let mut own = Section { path: path.to_string(), heading, about, keys: Vec::new() };
    let mut inner = Vec::new();
    for field in &table.fields {
        let below = join(path, &field.name);
        let about = || field.about.clone();
        let list_of_tables = field.form.list.as_ref().and_then(|item| item.section());
        match (field.form.section(), list_of_tables) {
            (Some(section), _) if section.others.is_none() => {
                let about = match &field.default {
                    Some(default) => format!("{} [default: {default}]", field.about),
                    None => about(),
                };
                inner.push((section, (below.clone(), format!("[{below}]"), about)));
            }
            (Some(section), _) => {
                let one = section.others.as_ref().and_then(|form| form.section());
                let name = format!("{below}.NAME");
                inner.extend(one.map(|one| (one, (name.clone(), format!("[{name}]"), about()))));
            }
            (None, Some(item)) => inner.push((item, (below.clone(), format!("[[{below}]]"), about()))),
            (None, None) => own.keys.push(key(field, path, below)),
        }
    }
    sections.push(own);
    for (table, (path, heading, about)) in inner {
        collect(table, (&path, heading, about), sections);
    }
}

fn key(field: &Field, section: &str, path: String) -> Key {
    // The words of a list are those of its items.
    let of = if field.form.words.is_empty() { field.form.list.as_deref() } else { Some(&field.form) };
    let words = of.into_iter().flat_map(|form| &form.words);
    Key {
        path,
        section: section.to_string(),
        about: field.about.clone(),
        kind: field.form.kind(),
        default: field.default.clone().filter(|_| !field.required),
        values: words.map(|word| (word.word.clone(), word.about.clone())).collect(),
    }
}
