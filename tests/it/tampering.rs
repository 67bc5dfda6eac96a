//! The attack on what lies on disk: every file that a study writes is changed in every way. The same command either gives
//! the very files of the sound study again, or refuses in a sentence, and `gdiff verify` finds the change. The counts
//! that the tests print stand in `docs/reliability.md`.

use crate::common::{Dice, SMALL, TABLES, files, message, run, spec, succeeded, text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::{TempDir, tempdir};

/// Two small runs that write every kind of file.
fn every_file() -> String {
    format!("{SMALL}points = true\n")
}

/// The ways of changing a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    CutAtALine,
    CutInside,
    Emptied,
    Flipped,
    Swapped,
    OfTheOtherRun,
    Deleted,
}

const KINDS: [Kind; 7] = [
    Kind::CutAtALine,
    Kind::CutInside,
    Kind::Emptied,
    Kind::Flipped,
    Kind::Swapped,
    Kind::OfTheOtherRun,
    Kind::Deleted,
];

/// The files of a folder by their path in it, without locks.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn contents(folder: &Path) -> Files {
    let found = files(folder).into_iter().filter(|path| !path.ends_with(".lock"));
    found
        .map(|path| (path.strip_prefix(folder).unwrap().to_path_buf(), std::fs::read(&path).unwrap()))
        .collect()
}

/// Makes a folder hold these files and no others.
fn restore(folder: &Path, whole: &Files) {
    for path in contents(folder).keys().filter(|path| !whole.contains_key(*path)) {
        std::fs::remove_file(folder.join(path)).unwrap();
    }
    for (path, bytes) in whole {
        let path = folder.join(path);
        if !std::fs::read(&path).is_ok_and(|there| there == *bytes) {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
    }
}

/// Two parts of a file in each other's place: two rows of a text, the halves of anything else.
fn swapped(bytes: &[u8]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        let (a, b) = bytes.split_at(bytes.len() / 2);
        return [b, a].concat();
    };
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let last = lines.len() - 1;
    if last >= 2 {
        lines.swap(last / 2, last / 2 + 1);
        return lines.concat().into_bytes();
    }
    let (a, b) = bytes.split_at(bytes.len() / 2);
    [b, a].concat()
}

/// What becomes of a file; none where this kind of change changes nothing.
fn changed(whole: &Files, path: &Path, kind: Kind, dice: &mut Dice) -> Option<Option<Vec<u8>>> {
    let bytes = &whole[path];
    let after = match kind {
        Kind::Deleted => return Some(None),
        Kind::Emptied => Vec::new(),
        Kind::CutInside => bytes[..dice.below(bytes.len().max(1))].to_vec(),
        Kind::CutAtALine => {
            let last = bytes[..bytes.len().saturating_sub(1)].iter().rposition(|b| *b == b'\n')?;
            bytes[..=last].to_vec()
        }
        Kind::Flipped => {
            let mut flipped = bytes.clone();
            let (at, bit) = (dice.below(bytes.len().max(1)), dice.below(8));
            *flipped.get_mut(at)? ^= 1 << bit;
            flipped
        }
        Kind::Swapped => swapped(bytes),
        Kind::OfTheOtherRun => {
            let name = path.to_string_lossy().replace("baseline-r0", "@");
            let name = name.replace("gaussianized-r0", "baseline-r0").replace('@', "gaussianized-r0");
            whole.get(Path::new(&name))?.clone()
        }
    };
    (after != *bytes).then_some(Some(after))
}

/// What came of an attack.
#[derive(Debug, Default)]
struct Counts {
    changes: usize,
    healed: usize,
    refused: usize,
    found: usize,
    /// Changes that `gdiff verify` does not find.
    not_found: Vec<(PathBuf, Kind)>,
}

/// A folder under attack.
struct Attack<'a> {
    folder: TempDir,
    /// The commands that make the study in `d`, in their order.
    commands: &'a [&'a [&'a str]],
    /// The files of the sound study.
    sound: Files,
    /// Files whose bytes hold times, so that they differ when they are made again.
    with_times: fn(&Path) -> bool,
    /// Files that a success may leave changed: the user's word.
    of_the_user: fn(&Path) -> bool,
}

impl Attack<'_> {
    fn out(&self) -> PathBuf {
        self.folder.path().join("d")
    }

    /// Runs the commands until one fails.
    fn make(&self) -> Output {
        let mut output = run(self.folder.path(), self.commands[0]);
        for command in &self.commands[1..] {
            if output.status.success() {
                output = run(self.folder.path(), command);
            }
        }
        output
    }

    /// Changes every file that `wanted` says yes to in every way, in a folder with the files `before`.
    fn on(&self, before: &Files, wanted: impl Fn(&Path) -> bool, dice: &mut Dice) -> Counts {
        let mut counts = Counts::default();
        for path in before.keys().filter(|path| wanted(path)) {
            for kind in KINDS {
                let Some(change) = changed(before, path, kind, dice) else { continue };
                let about = format!("{} {kind:?}", path.display());
                restore(&self.out(), before);
                match change {
                    Some(bytes) => std::fs::write(self.out().join(path), bytes).unwrap(),
                    None => std::fs::remove_file(self.out().join(path)).unwrap(),
                }
                counts.changes += 1;
                let verified = run(self.folder.path(), &["verify", "d"]);
                match verified.status.code() {
                    Some(1) => {
                        let named = message(&verified);
                        assert!(named.contains("not what was"), "{about}: {named}");
                        counts.found += 1;
                    }
                    Some(0) => counts.not_found.push((path.clone(), kind)),
                    other => panic!("{about}: verify ended with {other:?}: {}", message(&verified)),
                }
                let output = self.make();
                if output.status.success() {
                    self.is_sound(&about);
                    counts.healed += 1;
                } else {
                    let code = output.status.code();
                    assert!(code == Some(1) || code == Some(2), "{about}: {output:?}");
                    let sentence = message(&output);
                    assert!(
                        sentence.contains("gdiff: ") && !sentence.contains("panicked"),
                        "{about}: {sentence}"
                    );
                    counts.refused += 1;
                }
            }
        }
        assert_eq!(counts.healed + counts.refused, counts.changes);
        counts
    }

    /// The folder holds the files of the sound study, and `gdiff verify` finds nothing.
    fn is_sound(&self, about: &str) {
        let now = contents(&self.out());
        let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&now), names(&self.sound), "{about}");
        for (path, bytes) in &self.sound {
            if !(self.with_times)(path) && !(self.of_the_user)(path) {
                assert!(now[path] == *bytes, "{about}: {} differs", path.display());
            }
        }
        let verified = run(self.folder.path(), &["verify", "d"]);
        assert!(verified.status.success(), "{about}: {}", message(&verified));
    }
}

fn has_times(path: &Path) -> bool {
    path.ends_with("status.json") || path.ends_with("provenance.json")
}

fn is_spec(path: &Path) -> bool {
    path == Path::new("spec.toml")
}

fn nothing(_: &Path) -> bool {
    false
}

fn begin<'a>(commands: &'a [&'a [&'a str]], of_the_user: fn(&Path) -> bool) -> Attack<'a> {
    let folder = tempdir().unwrap();
    spec(folder.path(), &every_file());
    let attack = Attack { folder, commands, sound: Files::new(), with_times: has_times, of_the_user };
    succeeded(&attack.make());
    let sound = contents(&attack.out());
    Attack { sound, ..attack }
}

/// Without the tables of the study, as after a kill or in a folder of which parts were copied.
fn without_tables(whole: &Files) -> Files {
    let is_table = |path: &Path| {
        TABLES.iter().chain(&["metrics.json", "provenance.json"]).any(|table| path == Path::new(table))
    };
    whole
        .iter()
        .filter(|(path, _)| !is_table(path))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect()
}

/// What `verify` did not find is a spec of the same meaning, or, where no table says which runs there were, a run that
/// is not done.
fn only_excused(counts: &Counts, with_tables: bool) {
    for (path, kind) in &counts.not_found {
        let no_longer_done = path.ends_with("status.json") && *kind == Kind::Deleted && !with_tables;
        assert!(is_spec(path) || no_longer_done, "verify does not find {} {kind:?}", path.display());
    }
}

fn print(name: &str, counts: &Counts) {
    let Counts { changes, healed, refused, found, .. } = counts;
    println!("{name}: {changes} changes, {healed} healed, {refused} refused, {found} found by verify");
}

#[test]
fn every_change_to_a_file_is_healed_or_refused() {
    let attack = begin(&[&["run", "spec.toml", "--out", "d", "--quiet"]], is_spec);
    let mut dice = Dice(7);
    let counts = attack.on(&attack.sound, |_| true, &mut dice);
    print("tables stand", &counts);
    assert!(counts.changes >= 150 && counts.healed >= 140, "{counts:?}");
    only_excused(&counts, true);
    let before = without_tables(&attack.sound);
    let counts = attack.on(&before, |_| true, &mut dice);
    print("tables do not stand", &counts);
    assert!(counts.changes >= 110 && counts.healed >= 100, "{counts:?}");
    only_excused(&counts, false);
}

#[test]
fn every_change_to_a_planned_study_is_healed_or_refused() {
    let commands: [&[&str]; 3] = [
        &["sweep", "plan", "spec.toml", "--out", "d"],
        &["sweep", "exec", "d", "--index", "0", "--count", "2", "--quiet"],
        &["sweep", "collect", "d"],
    ];
    let attack = begin(&commands, is_spec);
    // A plan that is damaged is written anew by the command that made it, and refused by the others.
    let mut dice = Dice(8);
    let counts = attack.on(&attack.sound, |_| true, &mut dice);
    print("planned", &counts);
    assert!(counts.changes >= 150 && counts.healed >= 140, "{counts:?}");
    only_excused(&counts, true);
    let attack = Attack { commands: &commands[1..], ..attack };
    let of_plan = |path: &Path| path == Path::new("points.json");
    let counts = attack.on(&without_runs(&attack.sound), of_plan, &mut dice);
    print("plan before its runs", &counts);
    assert!(counts.changes >= 5, "{counts:?}");
    assert_eq!((counts.refused, counts.found), (counts.changes, counts.changes), "{counts:?}");
}

/// A plan of which nothing was executed.
fn without_runs(whole: &Files) -> Files {
    let of_plan =
        |path: &Path| ["spec.toml", "points.json", "specs.txt"].iter().any(|name| path == Path::new(name));
    let mut files: Files = whole
        .iter()
        .filter(|(path, _)| of_plan(path))
        .map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect();
    // A run that was begun, so that the folder has one.
    let begun = PathBuf::from("runs/baseline-r0/spec.toml");
    files.insert(begun.clone(), whole[&begun].clone());
    files
}

#[test]
fn every_change_to_a_figure_is_healed_or_refused() {
    let commands: [&[&str]; 2] = [&["run", "spec.toml", "--out", "d", "--quiet"], &["plot", "d"]];
    let attack = begin(&commands, nothing);
    let names =
        ["figures/loss.svg", "figures/loss.png", "figures/loss.csv", "figures/drawn.json", "report.html"];
    let wanted = |path: &Path| names.iter().any(|name| path == Path::new(name));
    let counts = attack.on(&attack.sound, wanted, &mut Dice(9));
    print("figures", &counts);
    assert!(counts.changes >= 25, "{counts:?}");
    // A folder without a list is one that an earlier version drew.
    assert_eq!(counts.not_found, [(PathBuf::from("figures/drawn.json"), Kind::Deleted)]);
    // The advice of the refusal is followed.
    restore(&attack.out(), &attack.sound);
    std::fs::write(attack.out().join("figures/loss.svg"), "changed").unwrap();
    assert_eq!(attack.make().status.code(), Some(2));
    succeeded(&run(attack.folder.path(), &["plot", "d", "--force"]));
    attack.is_sound("plot --force");
}

#[test]
fn a_damaged_file_is_named_when_its_run_is_computed_again() {
    let attack = begin(&[&["run", "spec.toml", "--out", "d"]], is_spec);
    for name in ["samples.csv", "model.safetensors", "gaussianizer.safetensors", "points.csv"] {
        restore(&attack.out(), &attack.sound);
        let path = attack.out().join("runs/gaussianized-r0").join(name);
        std::fs::remove_file(&path).unwrap();
        let output = attack.make();
        succeeded(&output);
        let notice = format!("gaussianized-r0 is computed again: d/runs/gaussianized-r0/{name}");
        assert!(message(&output).contains(&notice), "{}", message(&output));
        attack.is_sound(name);
    }
    let status = attack.out().join("runs/baseline-r0/status.json");
    let digits = text(&status).replacen("0.", "1.", 1);
    std::fs::write(&status, digits).unwrap();
    succeeded(&attack.make());
    attack.is_sound("a status with another number");
}
