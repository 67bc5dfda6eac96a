//! Sweeps as users write and use them: all forms of `[sweep]`, folders with odd names, plans that move, several
//! processes.

use crate::common::{TINY, Waiting, csv, message, run, said, same_tables, shell, spec, succeeded, text};
use std::path::Path;
use tempfile::tempdir;

/// A spec with this sweep and one pipeline.
fn sweep(text: &str) -> String {
    let one = TINY.replace("[\"baseline\", \"gaussianized\", \"exact\"]", "[\"baseline\"]");
    assert_ne!(one, TINY);
    format!("{one}\n{text}\n")
}

/// The values of the sweep's keys at each point.
fn points(text: &str) -> Vec<Vec<String>> {
    let study = gdiff::spec::read_text("spec", &sweep(text), &[]).unwrap();
    study.points.into_iter().map(|point| point.values).collect()
}

#[test]
fn a_key_may_be_written_in_quotes_with_a_dot_or_as_a_table() {
    let quoted = points("[sweep]\n\"network.width\" = [4, 6]\n\"train.ema\" = [0.0, 0.5]");
    assert_eq!(quoted, [["4", "0.0"], ["4", "0.5"], ["6", "0.0"], ["6", "0.5"]]);
    assert_eq!(points("[sweep]\nnetwork.width = [4, 6]\ntrain.ema = [0.0, 0.5]"), quoted);
    assert_eq!(points("[sweep.network]\nwidth = [4, 6]\n[sweep.train]\nema = [0.0, 0.5]"), quoted);
    // A point of its own leaves the rest of a section alone, however it is written.
    let study = gdiff::spec::read_text("spec", &sweep("[[sweep.points]]\nnetwork.width = 4"), &[]).unwrap();
    assert!(study.points[0].runs[0].spec.contains("time_dim = 4"), "{}", study.points[0].runs[0].spec);
    let set: gdiff::spec::Override = "sweep.\"train.ema\"=[0.1]".parse().unwrap();
    let study = gdiff::spec::read_text("spec", &sweep("[sweep]\nnetwork.width = [4, 6]"), &[set]).unwrap();
    assert_eq!(study.keys, ["network.width", "train.ema"]);
}

#[test]
fn sweeps_that_cannot_be_meant_are_refused_with_their_place() {
    let folder = tempdir().unwrap();
    for (text, words) in [
        ("[sweep]\n\"network.width\" = [4, 6, 4]", "points 0 and 2 of the sweep (4)"),
        ("[sweep]\nreplicates = [1, 2]", "ask for the very same runs"),
        ("[sweep]\n\"network.width\" = [4]\n\"network.hidden\" = [[4]]", "undoes `network.width`"),
        (
            "[sweep]\n\"train.ema\" = [0.1]\n[[sweep.zip]]\n\"train.ema\" = [0.0]\nseed = [1]",
            "undoes `train.ema`",
        ),
        ("[[sweep.zip]]", "is empty"),
        ("[sweep]\ndata.path = [\"=1+cmd|' /C calc'!A0\"]", "begins with a sign that spreadsheets compute"),
        ("[sweep]\ndata.path = [\"@a.csv\"]", "a path as \"./@a.csv\""),
        ("[sweep]\ndata.path = [\"a\\u001b[31m.csv\"]", "holds a control character"),
        ("[[sweep.zip]]\nseed = [1, 2]\n\"train.ema\" = [0.1]", "has 1 values, but its group has 2"),
        ("[sweep]\nseed = []", "a list of at least one value"),
        ("[sweep]\n\"network.widht\" = [4]", "did you mean `width`?"),
        ("[sweep]\n\"network.width\" = [4, 0]", "must be from 1 to 16384"),
        ("[[sweep.points]]\nreplicates = 2000000", "more than 1000000 runs"),
    ] {
        spec(folder.path(), &sweep(text));
        for command in ["check", "run"] {
            let output = run(folder.path(), &[command, "spec.toml"]);
            let message = message(&output);
            assert_eq!(output.status.code(), Some(2), "{text}: {message}");
            assert!(message.contains(words) && message.starts_with("gdiff: spec.toml:"), "{text}: {message}");
        }
    }
    assert!(!folder.path().join("results").exists());
}

#[test]
fn the_data_can_be_swept_too_and_points_with_one_data_set_share_it() {
    let folder = tempdir().unwrap();
    let text = sweep(
        "[sweep]\n\"data.samples\" = [100, 150]\n\"data.components.0.std\" = [0.2, 0.3]\n\"network.hidden\" = [[4], [5]]",
    );
    spec(folder.path(), &text.replace("seed = 5", "seed = 5\nreplicates = 3"));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "two", "--jobs", "2", "--quiet"]));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "many", "--jobs", "50", "--quiet"]));
    same_tables(&folder.path().join("two"), &folder.path().join("many"));
    let (header, rows) = csv(folder.path().join("two/summary.csv"));
    assert_eq!(&header[1..4], ["data.samples", "data.components.0.std", "network.hidden"]);
    let data = |size: &str| {
        let of =
            |row: &&Vec<String>| row[0] == "data" && row[1] == "100" && row[2] == "0.2" && row[3] == size;
        rows.iter().find(of).unwrap()[4..].to_vec()
    };
    assert_eq!(data("[4]"), data("[5]"), "two networks on the same data");
}

#[test]
fn folders_with_odd_names_do() {
    let folder = tempdir().unwrap();
    let odd = folder.path().join("it's 100 % \u{e4}\"odd\" $HOME; rm");
    std::fs::create_dir(&odd).unwrap();
    spec(&odd, &sweep("[sweep]\nseed = [1, 2]"));
    let out = "out put/-x";
    succeeded(&run(&odd, &["run", "spec.toml", "--out", "whole", "--quiet"]));
    succeeded(&run(&odd, &["sweep", "plan", "spec.toml", "--out", out]));
    succeeded(&run(&odd, &["sweep", "submit", out, "--dry-run", "--", "--comment=two words"]));
    // The script of a job array is a script of bash, with the number of its task in the environment.
    let script = odd.join(out).join("slurm/array-0.sh");
    assert!(text(&script).contains("#SBATCH '--comment=two words'\n"), "{}", text(&script));
    for task in ["0", "1"] {
        let job = std::process::Command::new("bash")
            .arg(&script)
            .env("SLURM_ARRAY_TASK_ID", task)
            .current_dir("/")
            .output()
            .unwrap();
        succeeded(&job);
    }
    succeeded(&run(&odd, &["sweep", "collect", out]));
    same_tables(&odd.join("whole"), &odd.join(out));
}

#[test]
fn a_plan_that_has_moved_goes_on_in_its_new_place() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &sweep("[sweep]\nseed = [1, 2, 3]"));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "whole", "--quiet"]));
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "here"]));
    succeeded(&run(folder.path(), &["sweep", "exec", "here", "--index", "1"]));
    std::fs::create_dir(folder.path().join("there")).unwrap();
    std::fs::rename(folder.path().join("here"), folder.path().join("there/moved")).unwrap();
    let there = folder.path().join("there");
    // What reaches past the end is left out; the run that is done is not done again.
    let rest = run(&there, &["sweep", "exec", "moved", "--index", "0", "--count", "99"]);
    assert_eq!(said(&rest), "2 runs done, 1 were done already\n");
    succeeded(&run(&there, &["sweep", "collect", "moved"]));
    same_tables(&folder.path().join("whole"), &there.join("moved"));
    let beyond = run(&there, &["sweep", "exec", "moved", "--index", "3"]);
    assert_eq!((beyond.status.code(), message(&beyond).contains("no run 3")), (Some(2), true));
}

#[test]
fn a_table_is_found_from_anywhere_and_another_table_is_another_experiment() {
    let folder = tempdir().unwrap();
    let rows: String = (0..80).map(|i| format!("{},{}\n", i % 7, (i * i) % 11)).collect();
    std::fs::write(folder.path().join("points.csv"), format!("x0,x1\n{rows}")).unwrap();
    let text = sweep("[sweep]\nseed = [1, 2]");
    let data = text.find("[data]").unwrap();
    let after = text.find("[diffusion]").unwrap();
    let table =
        format!("{}[data]\nkind = \"table\"\npath = \"points.csv\"\n{}", &text[..data], &text[after..]);
    spec(folder.path(), &table);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "whole", "--quiet"]));
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "parts"]));
    let parts = folder.path().join("parts");
    succeeded(&run(
        Path::new("/"),
        &["sweep", "exec", parts.to_str().unwrap(), "--index", "0", "--count", "2"],
    ));
    succeeded(&run(folder.path(), &["sweep", "collect", "parts"]));
    same_tables(&folder.path().join("whole"), &parts);
    std::fs::write(folder.path().join("points.csv"), format!("x0,x1\n9{rows}")).unwrap();
    let other = run(folder.path(), &["run", "spec.toml", "--out", "whole"]);
    assert_eq!(other.status.code(), Some(2));
    let said = message(&other);
    let place = folder.path().join("points.csv");
    let words = format!(
        "holds results of a spec that cannot be followed here (spec.toml:11:1: {} is not the file that this spec was made for",
        place.display()
    );
    assert!(said.contains(&words), "{said}");
    let resolved = run(folder.path(), &["check", "whole/spec.toml"]);
    assert!(
        message(&resolved).contains("not the file that this spec was made for"),
        "{}",
        message(&resolved)
    );
}

#[test]
fn a_study_that_gains_or_loses_its_sweep_keeps_its_runs() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let runs = |out: &str| {
        let mut names: Vec<String> = std::fs::read_dir(at(out).join("runs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let trained =
        |out: &str, name: &str| std::fs::metadata(at(out).join("runs").join(name).join("model.safetensors"));
    let plain = |out: &str| {
        spec(folder.path(), &sweep(""));
        succeeded(&run(folder.path(), &["run", "spec.toml", "--out", out, "--quiet"]));
    };
    let swept = |out: &str| {
        spec(folder.path(), &sweep("[sweep]\nseed = [5, 6]"));
        succeeded(&run(folder.path(), &["run", "spec.toml", "--out", out, "--quiet"]));
    };
    plain("out");
    let first = trained("out", "baseline-r0").unwrap().modified().unwrap();
    swept("out");
    let names = runs("out");
    assert_eq!(names.len(), 2);
    // The network of the first run was not trained again, under whichever name it is now.
    let kept = |name: &String| trained("out", name).unwrap().modified().unwrap() == first;
    assert_eq!(names.iter().filter(|name| kept(name)).count(), 1, "{names:?}");
    swept("anew");
    same_tables(&at("out"), &at("anew"));
    succeeded(&run(folder.path(), &["verify", "out"]));
    plain("out");
    assert_eq!(trained("out", "baseline-r0").unwrap().modified().unwrap(), first);
    assert_eq!(runs("out").len(), 2);
    plain("again");
    same_tables(&at("out"), &at("again"));
    succeeded(&run(folder.path(), &["verify", "out"]));
    // A plan for job arrays takes them over too.
    spec(folder.path(), &sweep("[sweep]\nseed = [5, 6]"));
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "out"]));
    let rest = run(folder.path(), &["sweep", "exec", "out", "--index", "0", "--count", "2"]);
    assert!(succeeded(&rest).contains("2 were done already"), "{}", said(&rest));
}

#[test]
fn what_a_folder_holds_is_not_mixed_up() {
    let folder = tempdir().unwrap();
    let write = |text: &str| spec(folder.path(), &sweep(text));
    write("[sweep]\nseed = [1, 2]");
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]));
    // The same spec can be planned there; nothing is left to do.
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "out"]));
    assert!(said(&run(folder.path(), &["sweep", "submit", "out"])).contains("every run is done"));
    // Numbers that job arrays may count on stay as they are.
    write("[sweep]\nseed = [1, 2, 3]");
    for command in
        [["run", "spec.toml", "--out", "out"].as_slice(), &["sweep", "plan", "spec.toml", "--out", "out"]]
    {
        let output = run(folder.path(), command);
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains("a plan of other runs"), "{}", message(&output));
    }
    // Another experiment is refused by both.
    std::fs::remove_file(folder.path().join("out/points.json")).unwrap();
    spec(folder.path(), &sweep("[sweep]\nseed = [1, 2]").replace("steps = 12", "steps = 11"));
    for command in
        [["run", "spec.toml", "--out", "out"].as_slice(), &["sweep", "plan", "spec.toml", "--out", "out"]]
    {
        let output = run(folder.path(), command);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            message(&output).contains("there `diffusion.steps = 12`, here `diffusion.steps = 11`"),
            "{}",
            message(&output)
        );
    }
    // Folders without runs or plan are told apart.
    for (command, words) in
        [("exec", "has no points.json"), ("collect", "has no points.json"), ("status", "has no runs")]
    {
        let mut arguments = vec!["sweep", command, "nothing"];
        arguments.extend(if command == "exec" { &["--index", "0"][..] } else { &[] });
        let output = run(folder.path(), &arguments);
        assert_eq!(
            (output.status.code(), message(&output).contains(words)),
            (Some(2), true),
            "{}",
            message(&output)
        );
    }
}

#[test]
fn a_damaged_plan_is_said_and_written_anew() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &sweep("[sweep]\nseed = [1, 2]"));
    let plan = ["sweep", "plan", "spec.toml", "--out", "out"];
    succeeded(&run(folder.path(), &plan));
    for file in ["points.json", "specs.txt"] {
        let path = folder.path().join("out").join(file);
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() * 3 / 4] ^= 1;
        for damaged in [whole[..whole.len() / 2].to_vec(), flipped] {
            std::fs::write(&path, &damaged).unwrap();
            let output = run(folder.path(), &["sweep", "exec", "out", "--index", "0", "--count", "2"]);
            assert_eq!(output.status.code(), Some(1), "{file}: {}", message(&output));
            assert!(message(&output).contains("writes it anew"), "{}", message(&output));
            std::fs::write(&path, &damaged).unwrap();
            std::fs::remove_file(folder.path().join("out/points.json")).unwrap();
            succeeded(&run(folder.path(), &plan));
            assert_eq!(std::fs::read(&path).unwrap(), whole, "{file}");
        }
    }
}

#[test]
fn ctrl_c_stops_a_sweep_and_the_printed_command_goes_on() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &sweep("[sweep]\nseed = [1, 2, 3, 4]"));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "whole", "--quiet"]));
    let command = ["run", "spec.toml", "--force", "--out", "stopped", "--jobs", "2"];
    // Two runs are at work, and both are in the middle of their training.
    let (status, message) = Waiting::begin(folder.path(), &command, &["train:20", "train:20"]).interrupt();
    assert_eq!(status.code(), Some(130), "{message}");
    let first = message.lines().find(|line| !line.starts_with("gdiff: note: ")).unwrap();
    assert!(first.starts_with("gdiff: interrupted"), "{message}");
    let pasted = message.trim().lines().last().unwrap();
    assert!(!pasted.contains("--force"), "{pasted}");
    succeeded(&shell(folder.path(), pasted));
    same_tables(&folder.path().join("whole"), &folder.path().join("stopped"));
}

#[test]
fn a_smaller_spec_says_how_many_runs_its_tables_leave_out_and_the_list_shows_them() {
    let folder = tempdir().unwrap();
    let of = |values: &str| sweep(&format!("[sweep]\nseed = [7, 8]\n\"train.ema\" = {values}"));
    spec(folder.path(), &of("[0.0, 0.5, 0.9]"));
    succeeded(&run(folder.path(), &["run", "spec.toml"]));
    spec(folder.path(), &sweep("[sweep]\n\"train.ema\" = [0.5]\nseed = [8]"));
    let output = run(folder.path(), &["run", "spec.toml"]);
    succeeded(&output);
    assert!(message(&output).contains("now hold 1 of 6 runs"), "{}", message(&output));
    assert_eq!(csv(folder.path().join("results/tiny/summary.csv")).0[1..3], ["train.ema", "seed"]);
    let few = run(folder.path(), &["ls", "results/tiny"]);
    assert_eq!(succeeded(&few).lines().filter(|line| line.contains("baseline-r0")).count(), 1);
    assert!(message(&few).contains("5 more runs in results/tiny"), "{}", message(&few));
    let all = succeeded(&run(folder.path(), &["ls", "results/tiny", "--all"]));
    // The others ran under another order of the keys; their values stand below the right ones.
    let lines: Vec<Vec<&str>> = all
        .lines()
        .map(|line| line.split('|').map(str::trim).collect())
        .filter(|l: &Vec<_>| l.len() > 4)
        .collect();
    assert_eq!(lines[0][1..5], ["run", "state", "ema", "seed"]);
    let points = |state: &str| {
        let mut points: Vec<(&str, &str)> =
            lines.iter().filter(|line| line[2] == state).map(|line| (line[3], line[4])).collect();
        points.sort_unstable();
        points
    };
    assert_eq!(points("done"), [("0.5", "8")]);
    let others = [("0.0", "7"), ("0.0", "8"), ("0.5", "7"), ("0.9", "7"), ("0.9", "8")];
    assert_eq!(points("done, not asked for"), others);
}

#[test]
fn an_option_of_a_batch_script_keeps_to_its_line() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &sweep("[sweep]\nseed = [7, 8]"));
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "plan"]));
    let line = "a\ntouch harm";
    for more in [vec!["--partition", line], vec!["--time", line], vec!["--", line]] {
        let arguments = [vec!["sweep", "submit", "plan", "--dry-run"], more].concat();
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(message(&output).contains("control character"), "{}", message(&output));
    }
    assert!(!folder.path().join("plan/slurm").exists());
    let options = gdiff::study::SubmitOptions {
        partition: Some(line.to_string()),
        time: None,
        cpus: 1,
        gpus: 0,
        per_task: 1,
        more: Vec::new(),
        dry_run: true,
    };
    let refused = gdiff::study::engine("slurm")
        .unwrap()
        .submit(&folder.path().join("plan"), &options)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("control character"), "{refused}");
}

#[test]
fn jobs_on_gpus_ask_slurm_for_them_and_run_on_one() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &sweep("[sweep]\nseed = [7, 8]"));
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "plan"]));
    let script = |more: &[&str]| {
        let output = run(folder.path(), &[&["sweep", "submit", "plan", "--dry-run"], more].concat());
        succeeded(&output);
        (text(folder.path().join("plan/slurm/array-0.sh")), message(&output))
    };
    let (plain, _) = script(&["--cpus", "3"]);
    assert!(!plain.contains("gres") && plain.trim_end().ends_with("--threads 3"), "{plain}");
    let (one, told) = script(&["--cpus", "3", "--gpus", "1"]);
    assert_eq!(one.replace("#SBATCH --gres=gpu:1\n", "").replace(" --device cuda\n", "\n"), plain);
    assert!(one.contains("#SBATCH --gres=gpu:1\n") && one.ends_with("--threads 3 --device cuda\n"), "{one}");
    let (two, _) = script(&["--gpus", "2", "--", "--gres=gpu:a100:1"]);
    // Slurm takes the last of two lines.
    let place = |line: &str| two.find(line).unwrap_or_else(|| panic!("{line} in {two}"));
    assert!(place("#SBATCH --gres=gpu:2\n") < place("#SBATCH '--gres=gpu:a100:1'\n"));
    assert_eq!(run(folder.path(), &["sweep", "submit", "plan", "--gpus", "0"]).status.code(), Some(2));
    // A program without CUDA would be one failed job after another.
    if !candle_core::utils::cuda_is_available() {
        assert!(told.contains("`--gpus` needs a build with CUDA"), "{told}");
        let refused = run(folder.path(), &["sweep", "submit", "plan", "--gpus", "1"]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(message(&refused).contains("docs/cuda.md"), "{}", message(&refused));
    }
}

#[test]
fn control_characters_are_written_out_on_a_terminal() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &sweep("\"\\u001b[31mred\" = 1"));
    let output = run(folder.path(), &["check", "spec.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("\\u{1b}[31mred"), "{}", message(&output));
    assert!(!output.stderr.contains(&0x1b), "{}", message(&output));
}
