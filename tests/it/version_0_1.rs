//! A folder that version 0.1 wrote is read, listed, drawn, and gone on with.

use crate::common::{csv, message, run, said, succeeded, text};
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// A copy of the folders that version 0.1 wrote, beside their spec.
fn old() -> TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let (path, name) = (entry.as_ref().unwrap().path(), entry.unwrap().file_name());
            match path.is_dir() {
                true => copy(&path, &to.join(name)),
                false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
            }
        }
    }
    let folder = tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/version_0_1"), folder.path());
    folder
}

/// The rows of a table without the names of runs.
fn rows(path: impl AsRef<Path>) -> Vec<Vec<String>> {
    csv(path).1.into_iter().map(|row| row[1..].to_vec()).collect()
}

#[test]
fn its_runs_are_listed_and_drawn() {
    let folder = old();
    for name in ["sweep", "plain"] {
        let listed = run(folder.path(), &["ls", name]);
        succeeded(&listed);
        let runs = if name == "sweep" { 4 } else { 1 };
        assert_eq!(said(&listed).matches("| done ").count(), runs, "{}", said(&listed));
        let plotted = run(folder.path(), &["plot", name, "--out", "drawn"]);
        succeeded(&plotted);
        assert!(said(&plotted).contains("log_likelihood.svg"), "{}", said(&plotted));
        assert!(said(&plotted).contains("clouds"), "{}", message(&plotted));
        assert!(!message(&plotted).contains("runs are here"), "{}", message(&plotted));
    }
    // A folder without its plan is listed by its spec, under the names that its runs have.
    std::fs::remove_file(folder.path().join("sweep/points.json")).unwrap();
    let listed = said(&run(folder.path(), &["ls", "sweep"]));
    assert_eq!(listed.matches("| done ").count(), 4, "{listed}");
}

#[test]
fn what_is_done_is_kept_and_only_what_is_new_is_computed() {
    let folder = old();
    let metrics = rows(folder.path().join("sweep/metrics.csv"));
    let network: Vec<u8> =
        std::fs::read(folder.path().join("sweep/runs/baseline-r0-025efc4f46a5c8e6/model.safetensors"))
            .unwrap();
    let again = run(folder.path(), &["run", "spec.toml", "--out", "sweep", "--json"]);
    succeeded(&again);
    assert!(said(&again).contains("4 of its finished runs"), "{}", said(&again));
    assert!(said(&again).contains(r#""event":"begin","runs":0"#), "{}", said(&again));
    let (columns, _) = csv(folder.path().join("sweep/metrics.csv"));
    let kept = columns.iter().position(|column| column == "coverage").unwrap();
    let cut: Vec<Vec<String>> =
        rows(folder.path().join("sweep/metrics.csv")).into_iter().map(|row| row[..kept].to_vec()).collect();
    assert_eq!(cut, metrics);
    // The plan has the same numbers, and its runs are found under their new names.
    let status = said(&run(folder.path(), &["sweep", "status", "sweep"]));
    assert!(status.contains("done") && status.contains("0-3"), "{status}");
    assert!(!folder.path().join("sweep/runs/baseline-r0-025efc4f46a5c8e6").exists());
    // One more width, in a folder without a plan: two new runs beside the four.
    std::fs::remove_file(folder.path().join("sweep/points.json")).unwrap();
    let more =
        ["run", "spec.toml", "--out", "sweep", "--json", "--set", "sweep.\"network.hidden\"=[[4],[5],[6]]"];
    let more = run(folder.path(), &more);
    succeeded(&more);
    assert!(said(&more).contains(r#""event":"begin","runs":2"#), "{}", said(&more));
    let kept = std::fs::read_dir(folder.path().join("sweep/runs")).unwrap().flatten();
    let same = kept.filter(|run| std::fs::read(run.path().join("model.safetensors")).unwrap() == network);
    assert_eq!(same.count(), 1);
}

#[test]
fn a_plan_and_a_plain_folder_are_finished_already() {
    let folder = old();
    let executed = run(folder.path(), &["sweep", "exec", "sweep", "--index", "0", "--count", "4"]);
    assert_eq!(said(&executed), "0 runs done, 4 were done already\n", "{}", message(&executed));
    let tables = text(folder.path().join("plain/metrics.csv"));
    let plain =
        ["run", "spec.toml", "--set", "sweep={}", "--set", "pipelines=[\"baseline\"]", "--out", "plain"];
    let again = run(folder.path(), &plain);
    succeeded(&again);
    assert!(said(&again).contains("finished already"), "{}", said(&again));
    assert_eq!(text(folder.path().join("plain/metrics.csv")), tables);
    // Another spec is told apart from it as ever.
    let other = run(folder.path(), &[&plain[..], &["--set", "seed=9"]].concat());
    assert_eq!(other.status.code(), Some(2));
    assert!(message(&other).contains("there `seed = 4`, here `seed = 9`"), "{}", message(&other));
}

#[test]
fn what_is_computed_otherwise_today_is_computed_again() {
    // With so few steps nothing of the data is left at T: today the predicted x0 is clipped there.
    let folder = old();
    let spec =
        text(folder.path().join("plain/runs/baseline-r0/spec.toml")).replace("steps = 100", "steps = 6");
    for place in ["plain/runs/baseline-r0/spec.toml", "plain/spec.toml"] {
        std::fs::write(folder.path().join(place), &spec).unwrap();
    }
    let again = run(folder.path(), &["run", "plain/spec.toml", "--out", "plain", "--json"]);
    succeeded(&again);
    assert!(said(&again).contains(r#""event":"begin","runs":1"#), "{}", said(&again));
    let why = "baseline-r0 is computed again: today the predicted x0 is clipped where alpha_bar is small";
    assert!(said(&again).contains(why), "{}", said(&again));
}

#[test]
fn runs_of_other_numerics_are_computed_again_and_the_message_says_so() {
    let folder = old();
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "new"]));
    let runs: Vec<_> = std::fs::read_dir(folder.path().join("new/runs")).unwrap().flatten().collect();
    // Two runs of an earlier gdiff: another number, and therefore another key.
    for run in &runs[..2] {
        let status = run.path().join("status.json");
        let mut earlier: serde_json::Value = serde_json::from_str(&text(&status)).unwrap();
        earlier["numerics"] = 0.into();
        earlier["keys"]["run"] = "0".repeat(64).into();
        std::fs::write(&status, earlier.to_string()).unwrap();
    }
    let again = run(folder.path(), &["run", "spec.toml", "--out", "new", "--json"]);
    succeeded(&again);
    assert!(said(&again).contains(r#""event":"begin","runs":2"#), "{}", said(&again));
    assert!(said(&again).contains("2 runs ("), "{}", said(&again));
    assert!(said(&again).contains("computed again: its results are those of numerics 0"), "{}", said(&again));
}

#[test]
fn a_fit_to_few_points_is_computed_again_and_the_message_says_why() {
    let folder = old();
    let place = folder.path().join("sweep/runs");
    let few = text(folder.path().join("sweep/spec.toml")).replace("samples = 200", "samples = 40");
    std::fs::write(folder.path().join("sweep/spec.toml"), &few).unwrap();
    for run in std::fs::read_dir(&place).unwrap().flatten() {
        let spec = run.path().join("spec.toml");
        std::fs::write(&spec, text(&spec).replace("samples = 200", "samples = 40")).unwrap();
    }
    std::fs::remove_file(folder.path().join("sweep/points.json")).unwrap();
    let again = run(folder.path(), &["run", "sweep/spec.toml", "--out", "sweep", "--json"]);
    succeeded(&again);
    let said = said(&again);
    assert!(said.contains("2 of its finished runs are the same runs today"), "{said}");
    assert!(said.contains("are computed again: today cross-validation chooses the layers"), "{said}");
}
