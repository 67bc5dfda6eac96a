//! A sweep over `data.path`: what tables show of each path, and the paths of a spec that may lie elsewhere.

use super::grid::Setting;
use super::origin::join;
use super::plan::Plan;
use std::collections::HashMap;
use std::path::{Component, Path};
use toml::{Table, Value};

/// The key of the file of a table.
pub const PATH: &str = "data.path";

/// The path that a point sets, if it does.
pub fn of(settings: &[Setting]) -> Option<&str> {
    settings.iter().find(|(key, ..)| key == PATH).and_then(|(_, value, _)| value.as_str())
}

/// What is shown of each path: as many of its last parts as tell it from the others. Where a path begins makes no
/// difference, so a spec and its resolved form, which has absolute paths, show the same.
pub fn shown(paths: &[&str]) -> HashMap<String, String> {
    let parts = |path: &str| -> Vec<String> {
        let parts = Path::new(path).components().filter(|part| !matches!(part, Component::CurDir));
        parts.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
    };
    let tail = |path: &str, count: usize| -> Vec<String> {
        let parts = parts(path);
        parts[parts.len().saturating_sub(count)..].to_vec()
    };
    let longest = paths.iter().map(|path| parts(path).len()).max().unwrap_or(0);
    let short = |path: &&str| {
        let is_own = |count: &usize| {
            paths.iter().all(|other| other == path || tail(other, *count) != tail(path, *count))
        };
        let count = (1..=longest).find(is_own).unwrap_or(longest);
        ((*path).to_string(), tail(path, count).join("/"))
    };
    paths.iter().map(short).collect()
}

/// The sweep with every path as the plan of its point has it, which is absolute.
pub fn absolute(sweep: &Table, points: &[(&Plan, &[Setting])]) -> Table {
    let found = |(plan, settings): &(&Plan, &[Setting])| {
        Some((of(settings)?.to_string(), plan.resolved.data.path.clone()?))
    };
    let places: HashMap<String, String> = points.iter().filter_map(found).collect();
    let mut sweep = sweep.clone();
    if !places.is_empty() {
        replace_in(&mut sweep, "", &places);
    }
    sweep
}

fn replace_in(table: &mut Table, prefix: &str, places: &HashMap<String, String>) {
    for (key, value) in table.iter_mut() {
        let group = prefix.is_empty() && (key == "zip" || key == "points");
        replace(value, &if group { String::new() } else { join(prefix, key) }, places);
    }
}

fn replace(value: &mut Value, key: &str, places: &HashMap<String, String>) {
    match value {
        Value::Table(inner) => replace_in(inner, key, places),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, key, places)),
        Value::String(path) if key == PATH => {
            if let Some(place) = places.get(path) {
                path.clone_from(place);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn paths_show_what_tells_them_apart() {
        let all = shown(&["a/x.csv", "./b/x.csv", "/c/y.csv"]);
        assert_eq!(
            (&*all["a/x.csv"], &*all["./b/x.csv"], &*all["/c/y.csv"]),
            ("a/x.csv", "b/x.csv", "y.csv")
        );
        let all = shown(&["/s/a/x.csv", "/s/b/x.csv", "/c/y.csv"]);
        assert_eq!((&*all["/s/a/x.csv"], &*all["/c/y.csv"]), ("a/x.csv", "y.csv"));
    }
}
