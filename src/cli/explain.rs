//! `gdiff explain`

use super::{Failure, print};
use crate::report::wrapped;
use crate::spec::{Key, Meant, Section, meant, sections};
use clap::Args;
use std::fmt::Write;

/// `gdiff explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A key (train.learning_rate, or learning_rate), a section (train), a value (heun), or the name that another tool has
    /// for a key (lr) [default: all sections and keys]
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
}

pub(super) fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    let Some(typed) = &args.key else { return print(&all()) };
    match meant(typed) {
        Meant::These { sections, keys, by } => {
            let by = by.map(|by| format!("{by}\n"));
            let sections = sections.into_iter().map(section);
            let texts: Vec<String> =
                by.into_iter().chain(sections).chain(keys.into_iter().map(key)).collect();
            print(&texts.join("\n"))
        }
        Meant::Near(near) => Err(Failure::input(format!(
            "`{typed}` is no key of a spec; near are {}; `gdiff explain` lists all of them",
            near.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// Every section with its keys, a line each.
fn all() -> String {
    let mut text = String::new();
    for section in sections() {
        let heading = if section.path.is_empty() { "at the top of the file" } else { &section.heading };
        let _ = writeln!(text, "{heading}");
        text += &wrapped(&section.about, "    ");
        text += &lines(section);
        text.push('\n');
    }
    text + "`gdiff explain KEY` says more of one.\n"
}

fn section(section: &'static Section) -> String {
    let mut text = format!("{}\n{}", section.heading, wrapped(&section.about, "    "));
    if !section.keys.is_empty() {
        text.push('\n');
        text += &lines(section);
    }
    // The sections within it.
    let within = format!("{}.", section.path);
    for inner in sections().iter().filter(|inner| inner.path.starts_with(&within)) {
        let _ = write!(text, "\n{}\n{}{}", inner.heading, wrapped(&inner.about, "    "), lines(inner));
    }
    text
}

/// A key of a section on each line: name, default, first sentence of its meaning.
fn lines(section: &Section) -> String {
    let name = |key: &Key| key.path.rsplit('.').next().unwrap_or_default().to_string();
    let width = section.keys.iter().map(|key| name(key).len()).max().unwrap_or(0);
    let line = |key: &Key| {
        let default = key.default.as_ref().map_or("needed".to_string(), |default| format!("[{default}]"));
        let first = format!("    {:<width$}  ", name(key));
        let rest = " ".repeat(first.len());
        let about = wrapped(&format!("{} {default}", key.about), &rest);
        format!("{first}{}", about.trim_start())
    };
    section.keys.iter().map(line).collect()
}

fn key(key: &'static Key) -> String {
    let mut text = format!("{}\n{}", key.path, wrapped(&key.about, "    "));
    let default = key.default.as_deref().unwrap_or("none: it must be given");
    let _ = writeln!(text, "\n    type     {}\n    default  {default}", key.kind);
    let width = key.values.iter().map(|(word, _)| word.len() + 2).max().unwrap_or(0);
    for (i, (word, about)) in key.values.iter().enumerate() {
        let first =
            format!("    {:<7}  {:<width$}  ", if i == 0 { "values" } else { "" }, format!("\"{word}\""));
        let about = wrapped(about, &" ".repeat(first.len()));
        text += &format!("{first}{}\n", about.trim()).replace("  \n", "\n");
    }
    text
}
