//! Shared by the black-box tests: the binary, small specs, and reading what was written.

pub mod clouds;
mod process;
pub mod records;
pub mod spaces;
pub mod trainings;

use assert_cmd::Command;
use gdiff::spec::Override;
pub use process::{Dice, Waiting, message, run, said, shell, succeeded};
use std::path::{Path, PathBuf};

/// Two runs that are over at once, with every stage.
pub const SMALL: &str = r#"name = "small"
pipelines = ["baseline", "gaussianized"]
[data]
kind = "eight_gaussians"
samples = 60
[gaussianize]
coupling = "marginal"
layers = 1
[diffusion]
steps = 4
[network]
hidden = [4]
time_dim = 4
[train]
iterations = 5
[sample]
count = 30
[metrics]
reference = 30
"#;

/// A spec that runs in well under a second.
pub const TINY: &str = r#"name = "tiny"
seed = 5
pipelines = ["baseline", "gaussianized", "exact"]

[data]
kind = "gmm"
samples = 300
[[data.components]]
weight = 0.5
mean = [-1.0, 0.0]
std = 0.3
[[data.components]]
weight = 0.5
mean = [1.0, 0.5]
std = 0.3

[diffusion]
steps = 12

[network]
hidden = [8, 8]
time_dim = 4

[train]
iterations = 40
batch_size = 64

[sample]
count = 200

[metrics]
reference = 250
"#;

/// The binary, in a folder of its own.
pub fn gdiff(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("gdiff").expect("the binary is built");
    command.current_dir(folder);
    command
}

/// Writes a spec into a folder.
pub fn spec(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("spec.toml");
    std::fs::write(&path, text).expect("the folder is writable");
    path
}

/// A file as text.
pub fn text(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The tables that must not depend on how a study came to its end.
pub const TABLES: [&str; 5] = ["metrics.csv", "loss.csv", "summary.csv", "isotropy.csv", "gaussianizer.csv"];

/// Two folders hold the same tables, byte for byte.
pub fn same_tables(a: &Path, b: &Path) {
    for table in TABLES {
        assert!(text(a.join(table)) == text(b.join(table)), "{table} of {} differs", b.display());
    }
    // Of a folder of an earlier version there is none.
    if a.join("metrics.json").exists() {
        let same = text(a.join("metrics.json")) == text(b.join("metrics.json"));
        assert!(same, "metrics.json of {} differs", b.display());
    }
}

/// A CSV file as header and rows of cells.
pub fn csv(path: impl AsRef<Path>) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(path.as_ref()).expect("the file is there");
    let header = reader.headers().expect("a header").iter().map(str::to_string).collect();
    let rows = reader.records().map(|r| r.expect("a row").iter().map(str::to_string).collect()).collect();
    (header, rows)
}

/// Every file under a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().map(|e| e.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.push(entry);
        }
    }
    found.sort();
    found
}

/// What puts the digits in the place of images that the repository does not hold, so that a spec of it can be read.
pub fn stand_in(config: &Path) -> Vec<Override> {
    let table: toml::Table = text(config).parse().unwrap();
    let is_elsewhere = table.get("data").is_some_and(|data| {
        data.get("kind").and_then(toml::Value::as_str) == Some("images") && data.get("path").is_some()
    });
    let digits = ["data.path=unset", "data.name=digits"];
    digits.iter().filter(|_| is_elsewhere).map(|set| set.parse().unwrap()).collect()
}

/// Every file of the repository under a folder whose name ends so.
pub fn in_repository(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    found.retain(|path| path.extension().is_some_and(|e| e == extension));
    found
}
