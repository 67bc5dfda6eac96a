//! How the source is built: imports point one way, from folder to folder and from file to file.

use crate::common::in_repository;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The modules of the crate, in the order in which data flow: each may use those before it.
const ORDER: [&str; 12] = [
    "numeric",
    "data",
    "gaussianize",
    "space",
    "diffusion",
    "metrics",
    "spec",
    "store",
    "run",
    "study",
    "report",
    "cli",
];

/// A file as a module: `src/metrics/mod.rs` is `["metrics"]`, `src/metrics/prdc.rs` is `["metrics", "prdc"]`.
type Module = Vec<String>;

/// Every module of the library, and its code without comments and unit tests.
fn modules() -> BTreeMap<Module, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let module = |path: &Path| -> Module {
        let path = path.strip_prefix(&source).unwrap().with_extension("");
        path.iter().map(|part| part.to_str().unwrap().to_string()).filter(|part| part != "mod").collect()
    };
    let code = |path: &Path| -> String {
        let text = std::fs::read_to_string(path).unwrap();
        let before_tests = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        before_tests.map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
    };
    let files = in_repository("src", "rs");
    let library = files.iter().filter(|path| !path.ends_with("lib.rs") && !path.ends_with("main.rs"));
    library.map(|path| (module(path), code(path))).collect()
}

/// The paths that begin with this word, groups in braces taken apart: `crate::a::{b, c}` is `a::b` and `a::c`.
fn paths(code: &str, word: &str) -> Vec<Vec<String>> {
    fn path(code: &str, before: &[String], found: &mut Vec<Vec<String>>) -> usize {
        let word = |at: usize| code[at..].find(|c: char| !c.is_alphanumeric() && c != '_').map(|n| at + n);
        let (mut at, mut path_here) = (0, before.to_vec());
        loop {
            at += code[at..].len() - code[at..].trim_start().len();
            if code[at..].starts_with('{') {
                at += 1;
                while !code[at..].trim_start().starts_with('}') {
                    at += path(&code[at..], &path_here, found);
                    at += usize::from(code[at..].starts_with(','));
                }
                return at + code[at..].find('}').expect("the brace that ended the loop") + 1;
            }
            let end = word(at).unwrap_or(code.len());
            path_here.push(code[at..end].to_string());
            at = end;
            if !code[at..].starts_with("::") {
                found.push(path_here);
                // A new name, or what follows in the group, is passed over.
                return at + code[at..].find([',', '}', ';']).unwrap_or(0);
            }
            at += 2;
        }
    }
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&format!("{word}::")) {
        if !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            path(&code[at + word.len() + 2..], &[], &mut found);
        }
    }
    found
}

#[test]
fn imports_point_up_the_list_of_modules() {
    let place = |name: &str| ORDER.iter().position(|&n| n == name);
    let mut wrong = BTreeSet::new();
    for (module, code) in modules() {
        let own = place(&module[0]).unwrap_or_else(|| panic!("`{}` is not in the list", module[0]));
        for path in paths(&code, "crate") {
            if place(&path[0]).is_none_or(|other| other > own) {
                wrong.insert(format!("{} uses crate::{}", module.join("/"), path.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the order:\n{}", Vec::from_iter(wrong).join("\n"));
}

#[test]
fn no_file_imports_itself_through_others() {
    let modules = modules();
    // The module that a path leads to, if it is a file beside or below; what `mod.rs` hands on has no file of its own.
    let file = |path: &[String]| -> Option<Module> {
        (2..=path.len()).rev().map(|n| path[..n].to_vec()).find(|path| modules.contains_key(path))
    };
    let mut uses: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, code) in &modules {
        let siblings = paths(code, "super").into_iter().map(|path| {
            let above = path.iter().take_while(|part| *part == "super").count();
            let parent = &module[..module.len().saturating_sub(1 + above)];
            [parent, &path[above..]].concat()
        });
        let all = siblings.chain(paths(code, "crate")).filter_map(|path| file(&path));
        uses.insert(module, all.filter(|other| other != module).collect());
    }
    // All that a file reaches; a file that reaches itself stands in a circle with those that reach it back.
    let reach = |from: &Module| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(module) = open.pop() {
            let next = uses[&module].iter().filter(|next| seen.insert((*next).clone()));
            open.extend(next.cloned().collect::<Vec<_>>());
        }
        seen
    };
    let reached: BTreeMap<&Module, BTreeSet<Module>> = modules.keys().map(|m| (m, reach(m))).collect();
    let circle = |module: &Module| -> Vec<String> {
        let back = reached[module].iter().filter(|other| reached[other].contains(module));
        back.map(|other| other.join("/")).collect()
    };
    let circles: BTreeSet<Vec<String>> = modules.keys().map(circle).filter(|c| !c.is_empty()).collect();
    assert!(circles.is_empty(), "files that use each other in a circle: {circles:?}");
}

#[test]
fn one_file_writes_to_standard_output_and_standard_error() {
    // Whether standard error is a terminal may be asked.
    let may = |module: &Module| module.join("/") == "store/console";
    let asks = |module: &Module| module.join("/") == "report/progress";
    let mut wrong = Vec::new();
    for (module, code) in modules().into_iter().filter(|(module, _)| !may(module)) {
        for word in ["print!(", "println!(", "dbg!(", "stdout()", "stderr()"] {
            if code.contains(word) && !(asks(&module) && word == "stderr()") {
                wrong.push(format!("{} has {word}", module.join("/")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn paths_are_taken_apart() {
    let code = "use crate::a::{self, b::{c, d as e}, f};\nlet x = crate::g::h(super::i, xcrate::j);";
    let joined = |word| paths(code, word).into_iter().map(|p| p.join("::")).collect::<Vec<_>>();
    assert_eq!(joined("crate"), ["a::self", "a::b::c", "a::b::d", "a::f", "g::h"]);
    assert_eq!(joined("super"), ["i"]);
}
