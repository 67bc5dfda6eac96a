//! What is not ours is never touched, and what was changed since we wrote it is never believed.

use crate::common::{SMALL, files, message, run, said, spec, succeeded, text};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use tempfile::tempdir;

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
}

fn refused(folder: &Path, arguments: &[&str], words: &str) {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", message(&output));
    assert!(message(&output).contains(words), "{arguments:?}: {}", message(&output));
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let folder = tempdir().unwrap();
    let rows: String = (0..40).map(|i| format!("{},{}\n", i % 7, (i * i) % 11)).collect();
    let table = format!("x0,x1\n{rows}");
    write(folder.path(), "d.csv", &table);
    spec(folder.path(), SMALL);
    succeeded(&run(folder.path(), &["gaussianize", "fit", "d.csv", "--out", "g", "--coupling", "marginal"]));
    let map = std::fs::read(folder.path().join("g")).unwrap();
    symlink("d.csv", folder.path().join("link.csv")).unwrap();
    for arguments in [
        &["gaussianize", "fit", "d.csv", "--out", "d.csv"][..],
        &["gaussianize", "fit", "d.csv", "--out", "link.csv"],
        &["gaussianize", "fit", "d.csv", "--out", "h", "--report", "./d.csv"],
        &["gaussianize", "apply", "g", "d.csv", "--out", "d.csv"],
        &["gaussianize", "apply", "g", "d.csv", "--out", "g"],
        &["gaussianize", "invert", "g", "d.csv", "--out", "d.csv"],
        &["gaussianize", "sample", "g", "--count", "3", "--out", "g"],
        &["data", "spec.toml", "--out", "spec.toml"],
    ] {
        refused(folder.path(), arguments, "is an input of this command");
    }
    // A hyphen is no file that anybody means.
    for arguments in [
        &["data", "spec.toml", "--out", "-"][..],
        &["gaussianize", "fit", "d.csv", "--out", "h", "--report", "-"],
        &["gaussianize", "apply", "g", "d.csv", "--out", "-"],
    ] {
        refused(folder.path(), arguments, " - would write a file named `-`");
    }
    assert!(!folder.path().join("-").exists());
    assert_eq!(text(folder.path().join("d.csv")), table);
    assert_eq!(text(folder.path().join("spec.toml")), SMALL);
    assert_eq!(std::fs::read(folder.path().join("g")).unwrap(), map);
}

/// A table of 40 rows, and the spec of a small study of it.
fn table_and_spec(folder: &Path) -> String {
    let rows: String = (0..40).map(|i| format!("{},{}\n", i % 7, (i * i) % 11)).collect();
    let table = format!("u,v\n{rows}");
    write(folder, "d.csv", &table);
    let end = SMALL.find("[diffusion]").unwrap();
    let text = format!("name = \"t\"\n[data]\nkind = \"table\"\npath = \"d.csv\"\n{}", &SMALL[end..]);
    spec(folder, &text);
    table
}

#[test]
fn the_table_that_a_spec_names_is_no_output() {
    let folder = tempdir().unwrap();
    let table = table_and_spec(folder.path());
    symlink("d.csv", folder.path().join("link.csv")).unwrap();
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "o", "--quiet"]));
    let name = std::fs::read_dir(folder.path().join("o/runs")).unwrap().next().unwrap().unwrap().file_name();
    let of_run = format!("o/runs/{}", name.to_string_lossy());
    for arguments in [
        &["data", "spec.toml", "--out", "d.csv"][..],
        &["data", "spec.toml", "--out", "link.csv"],
        &["sample", &of_run, "--out", "d.csv"],
        &["likelihood", &of_run, "--out", "./d.csv"],
        &["isotropy", &of_run, "--out", "d.csv"],
        &["compare", "o", "o", "--csv", "d.csv"],
        &["run", "spec.toml", "--out", "p", "--trace", "d.csv"],
    ] {
        refused(folder.path(), arguments, "which the spec reads; choose another place");
    }
    assert_eq!(text(folder.path().join("d.csv")), table);
    // One beside it is.
    succeeded(&run(folder.path(), &["data", "spec.toml", "--out", "e.csv"]));
}

#[test]
fn a_table_of_a_sweep_that_was_changed_is_noticed() {
    let folder = tempdir().unwrap();
    let table = table_and_spec(folder.path());
    write(folder.path(), "e.csv", &table.replace("\n3,", "\n4,"));
    let sweep = ["run", "spec.toml", "sweep.data.path=[\"d.csv\", \"e.csv\"]", "--out", "o", "--quiet"];
    succeeded(&run(folder.path(), &sweep));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "p", "--quiet", sweep[2]]));
    let summary = text(folder.path().join("o/summary.csv"));
    for (changed, other) in [("d.csv", "e.csv"), ("e.csv", "d.csv")] {
        let before = text(folder.path().join(changed));
        write(folder.path(), changed, &before.replace("\n5,", "\n9,"));
        let output = run(folder.path(), &sweep);
        assert_eq!(output.status.code(), Some(2), "{}", message(&output));
        assert!(
            message(&output).contains(changed) && !message(&output).contains(other),
            "{}",
            message(&output)
        );
        assert_eq!(text(folder.path().join("o/summary.csv")), summary);
        let output = run(folder.path(), &["compare", "o", "p"]);
        succeeded(&output);
        assert!(message(&output).contains("the specs are not compared"), "{}", message(&output));
        // Where the spec itself can be read, what it names is known.
        if changed == "e.csv" {
            refused(folder.path(), &["compare", "o", "p", "--csv", "e.csv"], "would change");
        }
        write(folder.path(), changed, &before);
    }
    succeeded(&run(folder.path(), &sweep));
}

#[test]
fn tables_that_were_changed_are_not_shown_without_a_word() {
    let folder = tempdir().unwrap();
    table_and_spec(folder.path());
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "o", "--quiet"]));
    let path = |name: &str| folder.path().join(name);
    let name = std::fs::read_dir(path("o/runs")).unwrap().next().unwrap().unwrap().file_name();
    let of_run = format!("o/runs/{}/metrics.csv", name.to_string_lossy());
    let plain = run(folder.path(), &["ls", "o"]);
    assert!(succeeded(&plain).lines().any(|line| line.contains(". ") || line.contains("0.")));
    assert!(!message(&plain).contains("not what"));
    for file in ["o/metrics.csv", of_run.as_str()] {
        let before = text(path(file));
        write(folder.path(), file, &before.replacen(",0.", ",0.9", 1));
        let shown = if file == "o/metrics.csv" {
            run(folder.path(), &["plot", "o"])
        } else {
            run(folder.path(), &["ls", "o"])
        };
        succeeded(&shown);
        assert!(
            message(&shown).contains("metrics.csv") && message(&shown).contains("is not what"),
            "{}",
            message(&shown)
        );
        write(folder.path(), file, &before);
    }
}

#[test]
fn devices_pipes_links_and_permissions_stay_what_they_are() {
    let folder = tempdir().unwrap();
    spec(folder.path(), SMALL);
    let data =
        |out: &str| succeeded(&run(folder.path(), &["data", "spec.toml", "--count", "5", "--out", out]));
    data("plain.csv");
    let expected = text(folder.path().join("plain.csv"));
    data("/dev/null");
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    // A link stays a link, also one whose file is not there yet.
    write(folder.path(), "target.csv", "old");
    symlink("target.csv", folder.path().join("link.csv")).unwrap();
    symlink("new.csv", folder.path().join("dangling.csv")).unwrap();
    for (link, target) in [("link.csv", "target.csv"), ("dangling.csv", "new.csv")] {
        data(link);
        assert!(std::fs::symlink_metadata(folder.path().join(link)).unwrap().file_type().is_symlink());
        assert_eq!(text(folder.path().join(target)), expected);
    }
    // Permissions of a file that is replaced.
    let private = folder.path().join("private.csv");
    write(folder.path(), "private.csv", "old");
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o600)).unwrap();
    data("private.csv");
    assert_eq!(std::fs::metadata(&private).unwrap().mode() & 0o777, 0o600);
    // A pipe is written through, and read as it comes.
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    data("pipe");
    assert_eq!(reader.join().unwrap(), expected);
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn files_of_somebody_else_are_left_alone_even_with_force() {
    for name in
        ["metrics.csv", "summary.csv", "runs/mine.txt", "figures/loss.svg", "report.html", "points.json"]
    {
        for force in [&[][..], &["--force"]] {
            let folder = tempdir().unwrap();
            spec(folder.path(), SMALL);
            write(folder.path(), &format!("d/{name}"), "mine");
            refused(
                folder.path(),
                &[&["run", "spec.toml", "--out", "d"], force].concat(),
                "was not written by gdiff",
            );
            assert_eq!(text(folder.path().join("d").join(name)), "mine");
            assert_eq!(files(&folder.path().join("d")).len(), 1, "{name}");
        }
        let folder = tempdir().unwrap();
        spec(folder.path(), SMALL);
        write(folder.path(), &format!("d/{name}"), "mine");
        refused(folder.path(), &["sweep", "plan", "spec.toml", "--out", "d"], "was not written by gdiff");
    }
    // A folder with other files of the user's is as good as any.
    let folder = tempdir().unwrap();
    spec(folder.path(), SMALL);
    write(folder.path(), "d/notes.txt", "mine");
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet"]));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet", "--force"]));
    assert_eq!(text(folder.path().join("d/notes.txt")), "mine");
}

#[test]
fn a_lock_that_is_a_link_is_refused_and_its_target_kept() {
    let folder = tempdir().unwrap();
    spec(folder.path(), SMALL);
    write(folder.path(), "precious", "mine");
    std::fs::create_dir(folder.path().join("d")).unwrap();
    symlink("../precious", folder.path().join("d/.lock")).unwrap();
    let output = run(folder.path(), &["run", "spec.toml", "--out", "d"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(message(&output).contains("no lock of gdiff"), "{}", message(&output));
    assert_eq!(text(folder.path().join("precious")), "mine");
}

#[test]
fn verify_names_what_was_changed() {
    let folder = tempdir().unwrap();
    spec(folder.path(), SMALL);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet"]));
    let sound = run(folder.path(), &["verify", "d"]);
    succeeded(&sound);
    assert!(said(&sound).contains("files are what was written"), "{}", said(&sound));
    let samples = folder.path().join("d/runs/baseline-r0/samples.csv");
    let rows = text(&samples);
    std::fs::write(&samples, rows.replacen('1', "2", 1)).unwrap();
    let damaged = run(folder.path(), &["verify", "d"]);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(message(&damaged).contains("runs/baseline-r0/samples.csv"), "{}", message(&damaged));
    refused(folder.path(), &["verify", "nothing"], "has no runs");
}
