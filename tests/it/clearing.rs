//! Files are removed and replaced by the lists of what was written, and by nothing else.

use crate::common::{TINY, Waiting, files, message, run, spec, succeeded, text};
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// One pipeline, quickly done.
fn small() -> String {
    let text = TINY.replace("[\"baseline\", \"gaussianized\", \"exact\"]", "[\"baseline\"]");
    assert_ne!(text, TINY);
    text
}

fn with_spec(text: &str) -> TempDir {
    let folder = tempdir().unwrap();
    spec(folder.path(), text);
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The command fails as one of wrong input, with these words.
fn refused(folder: &Path, arguments: &[&str], words: &str) {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", message(&output));
    assert!(message(&output).contains(words), "{arguments:?}: {}", message(&output));
}

#[test]
fn a_drawing_replaces_and_removes_only_what_drawings_wrote() {
    let folder = with_spec(&(small() + "\n[sweep]\nseed = [7, 8]\n"));
    let path = folder.path();
    succeeded(&run(path, &["run", "spec.toml", "--out", "two", "--quiet"]));
    succeeded(&run(path, &["run", "spec.toml", "--out", "one", "--quiet", "--set", "sweep={}"]));
    let plot = |from: &str| run(path, &["plot", from, "--out", "p"]);
    succeeded(&plot("two"));
    assert!(path.join("p/figures/clouds_seed_7.svg").is_file());
    for mine in ["loss_notes.csv", "clouds_mine.svg", "isotropy.png.csv"] {
        write(path, &format!("p/figures/{mine}"), "mine");
    }
    succeeded(&plot("two"));
    succeeded(&plot("one"));
    // The clouds of a point that is not drawn any more go, and what nobody drew stays.
    assert!(path.join("p/figures/clouds.svg").is_file());
    for end in ["svg", "png", "csv"] {
        assert!(!path.join(format!("p/figures/clouds_seed_7.{end}")).exists(), "{end}");
    }
    for mine in ["loss_notes.csv", "clouds_mine.svg", "isotropy.png.csv"] {
        assert_eq!(text(path.join("p/figures").join(mine)), "mine");
    }
    // The folder of another study keeps its own page, whatever is asked for.
    succeeded(&run(path, &["plot", "one"]));
    let page = text(path.join("one/report.html"));
    for more in [&[][..], &["--force"]] {
        let words = "one is the folder of another study";
        refused(path, &[&["plot", "two", "--out", "one"], more].concat(), words);
    }
    assert!(
        text(path.join("one/report.html")) == page && !path.join("one/figures/clouds_seed_7.svg").exists()
    );
    // A figure that somebody changed is not replaced, and not removed.
    write(path, "p/figures/loss.svg", "changed");
    refused(path, &["plot", "one", "--out", "p"], "p/figures/loss.svg: gdiff did not draw this file");
    assert_eq!(text(path.join("p/figures/loss.svg")), "changed");
    succeeded(&run(path, &["plot", "one", "--out", "p", "--force"]));
    assert_ne!(text(path.join("p/figures/loss.svg")), "changed");
    write(path, "p/figures/clouds.svg", "changed");
    succeeded(&run(path, &["plot", "two", "--out", "p"]));
    assert_eq!(text(path.join("p/figures/clouds.svg")), "changed");
}

#[test]
fn a_file_in_the_place_of_a_figure_or_the_page_is_refused() {
    let folder = with_spec(&small());
    let path = folder.path();
    succeeded(&run(path, &["run", "spec.toml", "--out", "d", "--quiet"]));
    for (i, mine) in ["figures/loss.svg", "figures/clouds.csv", "report.html"].iter().enumerate() {
        let out = format!("p{i}");
        write(path, &format!("{out}/{mine}"), "mine");
        refused(path, &["plot", "d", "--out", &out], &format!("{out}/{mine}: gdiff did not draw this file"));
        assert_eq!(text(path.join(&out).join(mine)), "mine");
        assert_eq!(files(&path.join(&out)).len(), 1, "something was drawn beside it");
        succeeded(&run(path, &["plot", "d", "--out", &out, "--force"]));
        assert_ne!(std::fs::read(path.join(&out).join(mine)).unwrap(), b"mine");
        succeeded(&run(path, &["plot", "d", "--out", &out]));
    }
}

#[test]
fn a_folder_that_an_earlier_version_drew_has_no_list_and_loses_nothing() {
    let folder = with_spec(&small());
    let path = folder.path();
    succeeded(&run(path, &["run", "spec.toml", "--out", "d", "--plot", "--quiet"]));
    std::fs::remove_file(path.join("d/figures/drawn.json")).unwrap();
    write(path, "d/figures/clouds_width_16.svg", "old");
    let output = run(path, &["plot", "d"]);
    succeeded(&output);
    let notice = "figures/clouds_width_16.svg in d look like figures of an earlier version and stay";
    assert!(message(&output).contains(notice), "{}", message(&output));
    assert_eq!(text(path.join("d/figures/clouds_width_16.svg")), "old");
    assert!(path.join("d/figures/drawn.json").is_file());
}

#[test]
fn a_drawing_that_was_killed_is_drawn_again() {
    let folder = with_spec(&small());
    let path = folder.path();
    succeeded(&run(path, &["run", "spec.toml", "--out", "d", "--quiet"]));
    succeeded(&run(path, &["plot", "d", "--out", "whole"]));
    for name in ["drawn.json", "loss.svg", "loss.png", "spheres.csv", "report.html"] {
        Waiting::begin(path, &["plot", "d", "--out", "killed"], &[&format!("write:{name}")]).kill();
    }
    succeeded(&run(path, &["plot", "d", "--out", "killed"]));
    let (whole, killed) = (path.join("whole"), path.join("killed"));
    for file in files(&whole).iter().filter(|path| !path.ends_with(".lock")) {
        let same = killed.join(file.strip_prefix(&whole).unwrap());
        assert!(std::fs::read(file).unwrap() == std::fs::read(&same).unwrap(), "{}", same.display());
    }
    assert_eq!(files(&whole).len(), files(&killed).len());
}

#[test]
fn force_takes_away_what_a_study_wrote_and_nothing_else() {
    let folder = with_spec(&TINY.replace(", \"exact\"]", "]"));
    let path = folder.path();
    let command = ["run", "spec.toml", "--out", "d", "--tensorboard"];
    succeeded(&run(path, &[&command[..], &["--plot"]].concat()));
    let mine = [
        "notes.txt",
        "runs/readme.txt",
        "runs/mine/samples.csv",
        "runs/gaussianized-r0/notes.txt",
        "runs/gaussianized-r0/folder/model.safetensors",
        "figures/loss_mine.svg",
        "tensorboard/gaussianized-r0/mine",
    ];
    mine.iter().for_each(|name| write(&path.join("d"), name, "mine"));
    write(path, "d/runs/baseline-r0/.gdiff-a1B2c3.part", "half");
    let output = run(
        path,
        &[
            "run",
            "spec.toml",
            "--out",
            "d",
            "--force",
            "--set",
            "seed=9",
            "--set",
            "pipelines=[\"baseline\"]",
        ],
    );
    succeeded(&output);
    assert!(
        message(&output).contains("stay where they are: nothing shows that gdiff wrote them"),
        "{}",
        message(&output)
    );
    for name in mine {
        assert_eq!(text(path.join("d").join(name)), "mine", "{name}");
    }
    let left: Vec<String> = files(&path.join("d/runs/gaussianized-r0"))
        .iter()
        .chain(&files(&path.join("d/figures")))
        .map(|file| file.strip_prefix(path).unwrap().display().to_string())
        .collect();
    assert_eq!(
        left,
        [
            "d/runs/gaussianized-r0/folder/model.safetensors",
            "d/runs/gaussianized-r0/notes.txt",
            "d/figures/loss_mine.svg"
        ]
    );
    assert!(!path.join("d/report.html").exists() && !path.join("d/tensorboard/baseline-r0").exists());
    assert!(!path.join("d/runs/baseline-r0/.gdiff-a1B2c3.part").exists());
    assert!(path.join("d/runs/baseline-r0/status.json").is_file());
    // With nothing of anybody else's nothing is left, and nothing is said.
    succeeded(&run(path, &[&["run", "spec.toml", "--out", "e"][..], &["--plot", "--quiet"]].concat()));
    let output = run(path, &["run", "spec.toml", "--out", "e", "--force", "--set", "seed=9"]);
    succeeded(&output);
    assert!(!message(&output).contains("stay where they are"), "{}", message(&output));
    assert!(!path.join("e/figures").exists());
}

#[test]
fn force_keeps_what_is_not_ours_beside_the_scripts_of_job_arrays() {
    let folder = with_spec(&(small() + "\n[sweep]\nseed = [7, 8]\n"));
    let path = folder.path();
    succeeded(&run(path, &["sweep", "plan", "spec.toml", "--out", "d"]));
    succeeded(&run(path, &["sweep", "submit", "d", "--dry-run"]));
    let script = path.join("d/slurm/array-0.sh");
    assert!(script.is_file());
    write(path, "d/slurm/12_0.log", "log");
    write(path, "d/slurm/mine.sh", "mine");
    succeeded(&run(path, &["run", "spec.toml", "--out", "d", "--quiet", "--force", "--set", "sweep={}"]));
    assert!(
        !script.exists() && !path.join("d/slurm/12_0.log").exists() && !path.join("d/points.json").exists()
    );
    assert_eq!(text(path.join("d/slurm/mine.sh")), "mine");
}

#[test]
fn a_spec_of_another_program_is_no_mark() {
    let folder = with_spec(&small());
    let path = folder.path();
    write(path, "d/spec.toml", "[package]\nname = \"other\"\n");
    write(path, "d/runs/baseline-r0/samples.csv", "mine");
    // The user's own spec is no mark either of the tables beside it.
    write(path, "e/spec.toml", &format!("# mine\n{}", small()));
    write(path, "e/metrics.csv", "time,value\n1,2\n");
    // A provenance of another program.
    write(path, "f/spec.toml", &small());
    write(path, "f/provenance.json", "{\"tool\": \"other\"}\n");
    for (out, spec) in [("d", "spec.toml"), ("e", "e/spec.toml"), ("f", "f/spec.toml")] {
        let before: Vec<String> = files(&path.join(out)).iter().map(text).collect();
        for force in [&[][..], &["--force"]] {
            refused(path, &[&["run", spec, "--out", out], force].concat(), "was not written by gdiff");
        }
        refused(path, &["sweep", "plan", spec, "--out", out], "was not written by gdiff");
        assert_eq!(files(&path.join(out)).iter().map(text).collect::<Vec<_>>(), before, "{out}");
    }
}

#[test]
fn a_study_whose_spec_is_gone_is_refused_and_started_afresh_with_force() {
    let folder = with_spec(&small());
    let path = folder.path();
    succeeded(&run(path, &["run", "spec.toml", "--out", "d", "--quiet"]));
    let summary = text(path.join("d/summary.csv"));
    std::fs::remove_file(path.join("d/spec.toml")).unwrap();
    refused(path, &["run", "spec.toml", "--out", "d"], "its spec.toml is gone");
    succeeded(&run(path, &["run", "spec.toml", "--out", "d", "--quiet", "--force"]));
    assert_eq!(text(path.join("d/summary.csv")), summary);
}

#[test]
fn a_spec_that_somebody_wrote_is_kept_when_another_takes_its_place() {
    let folder = with_spec(&small());
    let path = folder.path();
    let mine = format!("# my own words\n{}", small());
    write(path, "d/spec.toml", &mine);
    succeeded(&run(path, &["run", "d/spec.toml", "--out", "d", "--quiet"]));
    assert_eq!(text(path.join("d/spec.toml")), mine);
    succeeded(&run(path, &["run", "d/spec.toml", "--out", "d", "--quiet", "--force"]));
    assert_eq!(text(path.join("d/spec.toml")), mine);
    // Another spec, with and without force.
    let output = run(path, &["run", "d/spec.toml", "--out", "d", "--set", "replicates=2"]);
    succeeded(&output);
    assert!(message(&output).contains("is kept as d/spec.toml.1"), "{}", message(&output));
    assert_eq!(text(path.join("d/spec.toml.1")), mine);
    // What gdiff wrote needs no copy.
    succeeded(&run(path, &["run", "spec.toml", "--out", "d", "--quiet", "--force", "--set", "seed=9"]));
    succeeded(&run(
        path,
        &["run", "spec.toml", "--out", "d", "--quiet", "--force", "--set", "sweep.seed=[1,2]"],
    ));
    succeeded(&run(path, &["run", "spec.toml", "--out", "d", "--quiet", "--force"]));
    assert!(!path.join("d/spec.toml.2").exists());
}
