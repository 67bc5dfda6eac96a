//! What the documentation says is what the program has.

use gdiff::metrics::scored::columns;
use gdiff::spec::sections;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The text between two comments of a Markdown file.
fn between<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("<!-- {name} -->\n")).expect("the comment that begins it");
    rest.split_once(&format!("<!-- /{name} -->")).expect("the comment that ends it").0
}

/// The table of metrics as Markdown. `UPDATE_DOCS=1 cargo test --release docs::` writes it.
#[test]
fn the_table_of_metrics_is_that_of_the_program() {
    let bound = |value: f64, none: &str| if value.is_finite() { value.to_string() } else { none.to_string() };
    let mut table = "| metric | unit | range | meaning |\n| --- | --- | --- | --- |\n".to_string();
    for column in columns() {
        let range = format!("{} to {}", bound(column.range.0, "-inf"), bound(column.range.1, "inf"));
        table += &format!("| `{}` | {} | {range} | {} |\n", column.name, column.unit, column.about);
    }
    let page = read("docs/outputs.md");
    let old = between(&page, "metrics");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let begin = old.as_ptr() as usize - page.as_ptr() as usize;
        let new = [&page[..begin], &table, &page[begin + old.len()..]].concat();
        std::fs::write(path("docs/outputs.md"), new).unwrap();
        return;
    }
    assert_eq!(old, table, "UPDATE_DOCS=1 writes it anew");
    let listed = columns().map(|column| column.name).collect::<Vec<_>>().join(", ");
    assert!(page.contains(&format!("step, t, {listed}`")), "the list of columns of metrics.csv");
}

/// The dotted keys of a schema's values; those of a list's tables, and of tables under names of one's own, too.
fn of_schema(schema: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    let join = |name: &str| if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
    if schema["additionalProperties"]["properties"].is_object() {
        return of_schema(&schema["additionalProperties"], &join("NAME"), found);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let key = join(name);
        let items = &inner["items"];
        match () {
            () if key == "sweep" => {}
            () if inner["type"] == "object" => of_schema(inner, &key, found),
            () if items["properties"].is_object() => of_schema(items, &key, found),
            () => drop(found.insert(key)),
        }
    }
}

/// The table of keys as Markdown.
fn table_of_keys() -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut table = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n".to_string();
    for section in sections() {
        if !section.path.is_empty() {
            table += &format!("| **`{}`** | | | {} |\n", section.heading, cell(&section.about));
        }
        for key in &section.keys {
            let name = key.path.rsplit('.').next().unwrap();
            let default = key.default.as_deref().map_or("needed".to_string(), |default| {
                // What is no value is said in words.
                let is_value = format!("v = {default}").parse::<toml::Table>().is_ok();
                if is_value { format!("`{default}`") } else { default.to_string() }
            });
            let values = key.values.iter().map(|(word, about)| match about.as_str() {
                "" => format!("`\"{word}\"`"),
                about => format!("`\"{word}\"`: {}", about.trim_end_matches('.')),
            });
            let values: Vec<String> = values.collect();
            let values =
                if values.is_empty() { String::new() } else { format!("<br>{}", values.join("<br>")) };
            table += &format!(
                "| `{name}` | {} | {} | {}{} |\n",
                key.kind,
                cell(&default),
                cell(&key.about),
                cell(&values)
            );
        }
    }
    table
}

/// The keys that the reader takes are those of the documentation and of `gdiff explain`, which stand in docs/spec.md as the
/// program has them. `UPDATE_DOCS=1 cargo test --release docs::` writes it.
#[test]
fn the_table_of_keys_is_that_of_the_program() {
    let mut known = BTreeSet::new();
    of_schema(&gdiff::spec::schema(), "", &mut known);
    let explained: BTreeSet<String> = gdiff::spec::keys().map(|key| key.path.clone()).collect();
    assert_eq!(explained, known);
    for key in gdiff::spec::keys() {
        assert!(!key.about.is_empty() && !key.kind.is_empty(), "{} has no meaning", key.path);
        let bare = key.values.iter().find(|(_, about)| about.is_empty());
        assert_eq!(bare, None, "a value of {} has no meaning", key.path);
    }
    let (table, page) = (table_of_keys(), read("docs/spec.md"));
    let old = between(&page, "keys");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let begin = old.as_ptr() as usize - page.as_ptr() as usize;
        let new = [&page[..begin], &table, &page[begin + old.len()..]].concat();
        std::fs::write(path("docs/spec.md"), new).unwrap();
        return;
    }
    assert_eq!(old, table, "UPDATE_DOCS=1 writes it anew");
}

#[test]
fn the_places_that_extending_names_exist() {
    let page = read("docs/extending.md");
    let words: BTreeSet<&str> = page.split('`').skip(1).step_by(2).collect();
    let paths: Vec<&&str> = words.iter().filter(|word| word.starts_with("src/")).collect();
    assert!(paths.len() > 10);
    for name in paths {
        assert!(path(name).exists(), "docs/extending.md names {name}");
    }
    for (name, file) in [
        ("static METRICS", "src/metrics/scored/mod.rs"),
        ("struct MetricsOptions", "src/metrics/scored/options.rs"),
        ("enum SamplerKind", "src/diffusion/sample/options.rs"),
        ("enum ScheduleKind", "src/diffusion/schedule.rs"),
        ("enum NamedTransform", "src/space/options.rs"),
        ("enum Fitted", "src/space/fitted.rs"),
        ("enum Stored", "src/space/stored.rs"),
        ("static BUILT_IN", "src/spec/pipelines.rs"),
        ("enum Shape", "src/data/shapes.rs"),
        ("enum Source", "src/data/source.rs"),
        ("struct DiagnosticsOptions", "src/diffusion/diagnostics/options.rs"),
        ("static FIGURES", "src/report/figures/mod.rs"),
        ("static ENGINES", "src/study/engines/mod.rs"),
    ] {
        let item = name.rsplit(' ').next().unwrap();
        assert!(page.contains(&format!("`{item}")), "docs/extending.md does not name {item}");
        assert!(read(file).contains(name), "{file} has no `{name}`");
    }
}

#[test]
fn the_readme_is_short_and_its_spec_is_one() {
    let readme = read("README.md");
    let words = readme.split_whitespace().count();
    assert!(words <= 900, "README has {words} words");
    let (_, spec) = readme.split_once("```toml\n").unwrap();
    let (spec, _) = spec.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("first.toml"), spec).unwrap();
    let output = crate::common::run(folder.path(), &["check", "first.toml"]);
    crate::common::succeeded(&output);
    assert!(crate::common::said(&output).contains("15 = 5 replicates of baseline, gaussianized, exact"));
}

#[test]
fn the_pages_link_to_what_is_there() {
    let pages = ["README.md".to_string(), "CONTRIBUTING.md".to_string(), "CHANGELOG.md".to_string()];
    let docs = crate::common::in_repository("docs", "md").into_iter();
    let docs = docs.map(|page| format!("docs/{}", page.file_name().unwrap().to_string_lossy()));
    for page in pages.into_iter().chain(docs) {
        let text = read(&page);
        let of_markdown = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let of_html = ["src=\"", "srcset=\""].into_iter().flat_map(|name| text.split(name).skip(1));
        let of_html = of_html.filter_map(|rest| rest.split_once('"'));
        for (link, _) in of_markdown.chain(of_html) {
            if link.starts_with("http") || link.starts_with('#') {
                continue;
            }
            let beside = path(&page).parent().unwrap().join(link.split('#').next().unwrap());
            assert!(beside.exists(), "{page} links to {link}");
        }
    }
}

#[test]
fn the_files_that_results_list_are_there() {
    let mut listed = 0;
    for folder in std::fs::read_dir(path("results")).unwrap() {
        let folder = folder.unwrap().path();
        let Ok(readme) = std::fs::read_to_string(folder.join("README.md")) else { continue };
        let names: BTreeSet<String> = match std::fs::read_dir(&folder) {
            Ok(entries) => entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect(),
            Err(e) => panic!("{}: {e}", folder.display()),
        };
        // The first cell of a row that begins with a name.
        let cells = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
        for (cell, _) in cells {
            let is_file = |name: &&str| name.contains('.') && !name.contains(['/', ' ']);
            for name in cell.split('`').step_by(2).filter(is_file) {
                let (begin, end) = name.split_once('*').unwrap_or((name, name));
                let is_there = names.iter().any(|file| file.starts_with(begin) && file.ends_with(end));
                assert!(is_there, "{}/README.md lists `{name}`", folder.display());
                listed += 1;
            }
        }
    }
    assert!(listed > 10, "{listed} files");
}
