//! `gdiff check`: the points of a sweep, what is left when what is the same is done once, and the guesses of time and disk.

use crate::common::{SMALL, TINY, run, spec, succeeded};
use tempfile::tempdir;

/// The number before a word in the line that begins with a name.
fn counted(text: &str, name: &str, word: &str) -> usize {
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")))
        .unwrap_or_else(|| panic!("{name}: {text}"));
    let (before, _) = line.split_once(word).unwrap_or_else(|| panic!("{word}: {line}"));
    before.split_whitespace().last().unwrap().parse().unwrap_or_else(|_| panic!("{word}: {line}"))
}

/// The bytes that check says.
fn guessed_bytes(text: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with("disk ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let unit = match words[words.len() - 1] {
        "bytes" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        other => panic!("{other}: {line}"),
    };
    words[words.len() - 2].parse::<f64>().unwrap() * unit
}

/// Bytes of all files beneath a folder.
fn bytes_in(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|e| if e.path().is_dir() { bytes_in(&e.path()) } else { e.metadata().unwrap().len() }).sum()
}

#[test]
fn check_counts_what_is_shared_and_guesses_the_disk() {
    let folder = tempdir().unwrap();
    let sweeps = [
        // A training is shared by all samplers, and a fit by all lambdas; two replicates of each.
        ("", 2, 1, 1, 0),
        ("[sweep]\n\"sample.sampler\" = [\"ddim\", \"heun\"]\n", 8, 4, 2, 2),
        ("[sweep]\n\"network.hidden\" = [[4], [6], [8]]\n", 12, 12, 2, 3),
        (
            "[sweep]\n\"sample.epsilon_scale\" = [0.9, 1.0]\n\"train.learning_rate\" = [0.1, 0.2]\n",
            16,
            8,
            2,
            4,
        ),
    ];
    for (sweep, runs, trainings, fits, points) in sweeps {
        let replicates = if points == 0 { "replicates=1" } else { "replicates=2" };
        let (trainings, fits) = if points == 0 { (2, 1) } else { (trainings, fits) };
        let whole = format!("{}{sweep}", SMALL.replace("count = 30", "count = 800"));
        spec(folder.path(), &whole);
        let said = succeeded(&run(folder.path(), &["check", "spec.toml", replicates]));
        assert_eq!(counted(&said, "work", "run"), runs, "{said}");
        assert_eq!(counted(&said, "work", "training"), trainings, "{said}");
        assert_eq!(counted(&said, "work", "fit"), fits, "{said}");
        assert_eq!(said.lines().filter(|line| line.starts_with("point ")).count(), points, "{said}");
        assert!(said.contains("by a short measurement on this machine"), "{said}");
        let out = format!("out{runs}");
        succeeded(&run(folder.path(), &["run", "spec.toml", replicates, "--out", &out, "--quiet"]));
        let written = bytes_in(&folder.path().join(&out)) as f64;
        let ratio = guessed_bytes(&said) / written;
        assert!((0.5..2.0).contains(&ratio), "{ratio} of {written} bytes: {said}");
    }
}

#[test]
fn check_counts_the_bytes_of_large_samples_within_a_tenth() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &TINY.replace("count = 200", "count = 20000").replace("\"gaussianized\", ", ""));
    let said = succeeded(&run(folder.path(), &["check", "spec.toml"]));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--quiet"]));
    let written = bytes_in(&folder.path().join("results")) as f64;
    let ratio = guessed_bytes(&said) / written;
    assert!((0.9..1.1).contains(&ratio), "{ratio} of {written} bytes: {said}");
}

#[test]
fn points_of_a_sweep_are_listed_and_many_are_cut_short() {
    let folder = tempdir().unwrap();
    let many: Vec<String> = (1..=30).map(|width| width.to_string()).collect();
    spec(folder.path(), &format!("{SMALL}[sweep]\n\"network.width\" = [{}]\n", many.join(", ")));
    let said = succeeded(&run(folder.path(), &["check", "spec.toml"]));
    assert!(said.contains("point        network.width = 20\n") && said.contains("and 10 more"), "{said}");
    assert!(!said.contains("network.width = 21\n"), "{said}");
}
