//! What a stranger types first: `init`, `explain`, values after the spec, help, version, manual pages.

use crate::common::{SMALL, TINY, gdiff, message, run, said, shell, spec, succeeded, text};
use clap::{CommandFactory, Parser};
use gdiff::cli::Cli;
use gdiff::spec::{Override, keys, read_text, sections};
use tempfile::tempdir;

#[test]
fn the_spec_of_init_passes_check_and_runs() {
    let folder = tempdir().unwrap();
    let said = succeeded(&run(folder.path(), &["init", "first.toml"]));
    assert_eq!(said, "first.toml is written; type next: gdiff run first.toml\n");
    let written = text(folder.path().join("first.toml"));
    assert!(written.contains("name = \"first\"") && written.lines().any(|line| line.starts_with("# ")));
    // On standard output the same but for the name.
    let printed = run(folder.path(), &["init"]);
    assert_eq!(succeeded(&printed), written);
    assert!(message(&printed).contains("gdiff run"), "{}", message(&printed));
    succeeded(&run(folder.path(), &["check", "first.toml"]));
    // The command that it tells to type, on fewer points and replicates.
    let few = "gdiff run first.toml replicates=1 data.samples=100 sample.count=50 metrics.reference=50 train.iterations=20";
    succeeded(&shell(
        folder.path(),
        &few.replace("gdiff", &assert_cmd::cargo::cargo_bin("gdiff").display().to_string()),
    ));
    assert!(folder.path().join("results/first/summary.csv").is_file());
    // With the sweep that it proposes.
    let swept = written.replace("# [sweep]", "[sweep]").replace("# \"network.width\"", "\"network.width\"");
    assert_ne!(swept, written);
    std::fs::write(folder.path().join("swept.toml"), swept).unwrap();
    assert!(succeeded(&run(folder.path(), &["check", "swept.toml"])).contains("3 points over network.width"));
}

#[test]
fn init_never_overwrites_and_says_why_it_cannot_write() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("mine.toml"), "mine").unwrap();
    let output = run(folder.path(), &["init", "mine.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("mine.toml is there already"), "{}", message(&output));
    assert_eq!(text(folder.path().join("mine.toml")), "mine");
    for place in ["no/such/folder/a.toml", "mine.toml/a.toml"] {
        let output = run(folder.path(), &["init", place]);
        assert_eq!(output.status.code(), Some(1), "{}", message(&output));
        assert!(message(&output).contains("cannot be written"), "{}", message(&output));
    }
    if std::path::Path::new("/dev/full").exists() {
        let output = shell(
            folder.path(),
            &format!("{} init > /dev/full", assert_cmd::cargo::cargo_bin("gdiff").display()),
        );
        assert_eq!(output.status.code(), Some(1), "{}", message(&output));
    }
    let output = run(folder.path(), &["init", "--header", "true"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("--from"), "{}", message(&output));
}

/// A table as people have them: an index, two measurements, a class in words, a constant, a class in numbers.
fn table(rows: usize) -> String {
    let row = |i: usize| {
        let u = (i as f64 * 0.618_033_988_75).fract();
        format!("{i};{:.4};{:.4};{};2020;{}\n", 50.0 + 9.0 * u, u * u - 0.3, ["a", "b"][i % 2], i % 3)
    };
    "id;length;width (cm);species;year;grade\n".to_string() + &(0..rows).map(row).collect::<String>()
}

#[test]
fn init_from_a_table_says_what_it_saw_and_its_spec_runs() {
    let folder = tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("specs")).unwrap();
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/my table.csv"), table(400)).unwrap();
    succeeded(&run(folder.path(), &["init", "specs/mine.toml", "--from", "data/my table.csv"]));
    let written = text(folder.path().join("specs/mine.toml"));
    for line in [
        "name = \"mine\"",
        "path = \"../data/my table.csv\"",
        "columns = [\"length\", \"width (cm)\", \"grade\"]",
        "scale = \"standardize\"",
        "test_fraction = 0.5",
    ] {
        assert!(written.lines().any(|l| l == line), "{line}: {written}");
    }
    let words = written.replace("\n# ", " ");
    for sentence in [
        "400 rows of 6 columns, a text (delimiter \"semicolon\", a header)",
        "`id` counts the rows, and is left out",
        "`species` is no column of numbers (line 2 has `a` there), and is left out",
        "`year` is 2020 in every row, and is left out",
        "`grade` has only 3 different values",
    ] {
        assert!(words.contains(sentence), "{sentence}: {words}");
    }
    let output = run(folder.path(), &["check", "specs/mine.toml"]);
    assert!(succeeded(&output).contains("200 points in 3 dimensions"), "{}", said(&output));
    let few = ["run", "specs/mine.toml", "replicates=1", "train.iterations=5", "--quiet"];
    succeeded(&run(folder.path(), &few));
    // What is said of the table holds for the spec.
    let from = [
        "init",
        "two.toml",
        "--from",
        "data/my table.csv",
        "--columns",
        "length,4",
        "--delimiter",
        "semicolon",
    ];
    let output = run(folder.path(), &from);
    // A constant column cannot be scaled, but it was asked for.
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    let written = text(folder.path().join("two.toml"));
    assert!(
        written.contains("columns = [\"length\", \"year\"]") && written.contains("delimiter = \"semicolon\"")
    );
}

#[test]
fn init_takes_arrays_and_refuses_what_holds_no_points() {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("words.csv", "a,b\nx,y\nz,w\n");
    write("few.csv", "1.5,2\n3.5,1\n");
    for (name, words) in [
        ("words.csv", "no column can be an axis"),
        ("few.csv", "at least 8 are needed"),
        ("none.csv", "cannot be read"),
    ] {
        let output = run(folder.path(), &["init", "a.toml", "--from", name]);
        assert_eq!(output.status.code(), Some(2), "{name}: {}", message(&output));
        assert!(message(&output).contains(words), "{name}: {}", message(&output));
        assert!(!folder.path().join("a.toml").exists());
    }
    // What is wrong with each column is said, and rows that miss a value are left out where that is asked for.
    write("commas.csv", "a;b\n0,5;1,5\n1,5;2,5\n");
    let commas = message(&run(folder.path(), &["init", "a.toml", "--from", "commas.csv"]));
    assert!(
        commas.contains("`a` is no column of numbers (line 2 has `0,5` there; write a point"),
        "{commas}"
    );
    let hole = |(i, line): (usize, &str)| match line.split(';').nth(1) {
        Some(length) if i == 5 => line.replace(length, "") + "\n",
        _ => format!("{line}\n"),
    };
    let holes: String = table(40).lines().enumerate().map(hole).collect();
    write("holes.csv", &holes);
    succeeded(&run(folder.path(), &["init", "h.toml", "--from", "holes.csv", "--missing", "leave_out"]));
    let written = text(folder.path().join("h.toml"));
    assert!(written.contains("\"length\"") && written.contains("in which a value is missing"), "{written}");
    succeeded(&run(folder.path(), &["check", "h.toml"]));
    // A few points have fewer neighbours.
    write("twelve.csv", &table(12));
    succeeded(&run(folder.path(), &["init", "c.toml", "--from", "twelve.csv"]));
    assert!(text(folder.path().join("c.toml")).contains("\nk = 2\n"));
    succeeded(&run(folder.path(), &["check", "c.toml"]));
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &["data", "spec.toml", "--out", "points.npy"]));
    succeeded(&run(folder.path(), &["init", "b.toml", "--from", "points.npy"]));
    let written = text(folder.path().join("b.toml"));
    assert!(
        written.contains("300 rows of 2 columns, a NumPy array") && written.contains("scale = \"none\""),
        "{written}"
    );
    succeeded(&run(folder.path(), &["check", "b.toml"]));
}

#[test]
fn explain_knows_every_key_section_and_value() {
    let folder = tempdir().unwrap();
    let all = succeeded(&run(folder.path(), &["explain"]));
    for section in sections().iter().filter(|section| !section.path.is_empty()) {
        assert!(all.lines().any(|line| line == section.heading), "{}", section.heading);
    }
    for key in keys() {
        let said = succeeded(&run(folder.path(), &["explain", &key.path]));
        assert!(said.starts_with(&format!("{}\n", key.path)), "{said}");
        assert!(said.contains(&format!("type     {}", key.kind)), "{said}");
        let default = key.default.as_deref().unwrap_or("none: it must be given");
        assert!(said.contains(&format!("default  {default}")), "{said}");
        for (word, _) in &key.values {
            assert!(said.contains(&format!("\"{word}\"")), "{said}");
        }
        let about = key.about.split_whitespace().next().unwrap();
        assert!(said.contains(about) && all.contains(about), "{said}");
    }
}

#[test]
fn explain_leads_from_other_words_to_the_key() {
    let folder = tempdir().unwrap();
    for (typed, words) in [
        ("learning_rate", vec!["train.learning_rate\n", "1e-3"]),
        ("lr", vec!["here `lr` is `train.learning_rate`", "1e-3"]),
        ("epochs", vec!["train.epochs\n"]),
        ("batch", vec!["train.batch_size\n", "256"]),
        ("hidden", vec!["network.hidden\n", "[16, 32, 64]"]),
        ("steps", vec!["diffusion.steps\n", "sample.steps\n"]),
        ("timesteps", vec!["diffusion.steps\n", "sample.steps\n"]),
        ("train", vec!["[train]\n", "learning_rate", "[train.isotropy]"]),
        ("[train]", vec!["[train]\n", "batch_size"]),
        ("isotropy", vec!["[train.isotropy]\n", "lambda"]),
        ("heun", vec!["`heun` is a value of `sample.sampler`", "two calls of the network"]),
        ("data.components.0.std", vec!["data.components.std\n"]),
        ("pipeline.mine.space", vec!["pipeline.NAME.space\n"]),
        ("data.components", vec!["[[data.components]]\n", "mean"]),
        ("sweep", vec!["[sweep]\n", "[[sweep.zip]]"]),
        ("pipelines", vec!["ica_kde", "whitened"]),
    ] {
        let said = succeeded(&run(folder.path(), &["explain", typed]));
        for word in words {
            assert!(said.contains(word), "{typed}: `{word}` is not in {said}");
        }
    }
    for (typed, near) in
        [("learning_rat", "`train.learning_rate`"), ("trian", "`train`"), ("sampel", "`sample`")]
    {
        let output = run(folder.path(), &["explain", typed]);
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains(near), "{typed}: {}", message(&output));
    }
    let output = run(folder.path(), &["explain", "", "x"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn what_is_cut_off_by_head_is_no_failure() {
    let folder = tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin("gdiff");
    for command in
        ["explain", "explain train", "init", "man", "schema", "completions zsh", "run --help", "--version"]
    {
        let line = format!("{} {command} > >(true) 2> err; echo $? > code; cat err", program.display());
        let output =
            std::process::Command::new("bash").args(["-c", &line]).current_dir(folder.path()).output();
        let Ok(output) = output else { return };
        assert_eq!(text(folder.path().join("code")).trim(), "0", "{command}: {}", said(&output));
        assert!(!said(&output).contains("panicked"), "{command}: {}", said(&output));
        // A disk that is full is one.
        if std::path::Path::new("/dev/full").exists() {
            let output = shell(folder.path(), &format!("{} {command} > /dev/full", program.display()));
            assert_eq!(output.status.code(), Some(1), "{command}: {}", message(&output));
        }
    }
}

#[test]
fn values_after_the_spec_are_those_of_set_in_the_order_of_the_command_line() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let checked = |arguments: &[&str]| {
        let mut all = vec!["check", "spec.toml"];
        all.extend(arguments);
        let said = succeeded(&run(folder.path(), &all));
        // The time is measured.
        said.lines().filter(|line| !line.starts_with("time ")).collect::<Vec<_>>().join("\n")
    };
    let plain = checked(&[]);
    assert!(plain.contains("40 iterations"), "{plain}");
    assert!(checked(&["train.iterations=7"]).contains("7 iterations"));
    assert_eq!(checked(&["train.iterations=7"]), checked(&["--set", "train.iterations=7"]));
    assert!(checked(&["train.iterations=7", "--set", "train.iterations=8"]).contains("8 iterations"));
    assert!(checked(&["--set", "train.iterations=8", "train.iterations=7"]).contains("7 iterations"));
    assert!(checked(&["network.hidden=[4, 5]", "--fit", "diffusion.steps=9"]).contains("4-5"));
    // A run is the one of --set, and its own spec says so.
    succeeded(&run(folder.path(), &["run", "spec.toml", "train.iterations=3", "--out", "a", "--quiet"]));
    succeeded(&run(
        folder.path(),
        &["run", "spec.toml", "--set", "train.iterations=3", "--out", "b", "--quiet"],
    ));
    crate::common::same_tables(&folder.path().join("a"), &folder.path().join("b"));
    assert_eq!(text(folder.path().join("a/spec.toml")), text(folder.path().join("b/spec.toml")));
    assert!(
        succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "replicates=2", "--out", "p"]))
            .contains("6 runs")
    );
    assert!(
        succeeded(&run(folder.path(), &["data", "spec.toml", "seed=1", "--count", "3"])).lines().count() == 4
    );
    let drawn = run(folder.path(), &["sample", "a/runs/baseline-r0", "sample.sampler=ddim", "--count", "3"]);
    let flag = run(folder.path(), &["sample", "a/runs/baseline-r0", "--sampler", "ddim", "--count", "3"]);
    assert_eq!(succeeded(&drawn), succeeded(&flag));
    for (arguments, word) in [
        (&["check", "spec.toml", "other.toml"][..], "`other.toml` is no KEY=VALUE"),
        (
            &["check", "spec.toml", "train.lr=1"],
            "train.lr=1: unknown key `lr`, did you mean `train.learning_rate`?",
        ),
        (&["check", "spec.toml", "=1"], "dotted key"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains(word), "{arguments:?}: {}", message(&output));
    }
}

#[test]
fn unset_takes_a_key_out_of_the_spec() {
    let with = |text: &str, set: &[&str]| {
        let all: Vec<Override> = set.iter().map(|text| text.parse().unwrap()).collect();
        read_text("s", text, &all).map(|study| study.to_toml().unwrap()).map_err(|e| e.to_string())
    };
    let term = TINY.replacen("[sample]", "[train.isotropy]\nlambda = 0.3\n[sample]", 1);
    assert_eq!(with(&term, &["train.isotropy=unset"]), with(TINY, &[]));
    assert_eq!(with(TINY, &["seed=unset"]), with(&TINY.replacen("seed = 5\n", "", 1), &[]));
    let epochs = TINY.replacen("iterations = 40\n", "epochs = 3\n", 1);
    assert_eq!(with(TINY, &["train.iterations=unset", "train.epochs=3"]), with(&epochs, &[]));
    let heavier = TINY.replacen("weight = 0.5\n", "", 1);
    assert_eq!(with(TINY, &["data.components.0.weight=unset"]), with(&heavier, &[]));
    let swept = format!("{TINY}[sweep]\n\"network.width\" = [4, 8]\n");
    assert_eq!(with(&swept, &["sweep=unset"]), with(TINY, &[]));
    // A key of it, whether it is written with dots or within quotes, there and here.
    let dotted = format!("{TINY}[sweep]\nnetwork.width = [4, 8]\n");
    let other = format!("{TINY}[sweep]\n\"network.width\" = [12]\n");
    for text in [&swept, &dotted] {
        for key in ["sweep.network.width", "sweep.\"network.width\""] {
            let of_none = with(&format!("{TINY}[sweep]\n"), &[]).unwrap();
            assert_eq!(with(text, &[&format!("{key}=unset")]).unwrap(), of_none);
            let points = |text: &str, set: &[Override]| -> Vec<Vec<String>> {
                read_text("s", text, set).unwrap().points.into_iter().map(|point| point.values).collect()
            };
            let set: Override = format!("{key}=[12]").parse().unwrap();
            assert_eq!(points(text, &[set]), points(&other, &[]), "{key} in {text}");
        }
    }
    // A text is written in quotes.
    let named = with(TINY, &["name=\"unset\""]).unwrap();
    assert!(named.contains("name = \"unset\""), "{named}");
    for (set, words) in [
        ("train.ema=unset", "`train.ema` is not written in the spec"),
        ("nothing.here=unset", "`nothing.here` is not written in the spec"),
        ("name=unset", "`name` cannot be taken out"),
        ("data=unset", "`data` cannot be taken out"),
        ("data.kind=unset", "`data.kind` cannot be taken out"),
        ("data.components.0.mean=unset", "`data.components.0.mean` cannot be taken out"),
        ("data.components.0=unset", "is a list, of which no item can be taken out"),
        ("data.components.9.std=unset", "is not written in the spec"),
    ] {
        let error = with(TINY, &[set]).unwrap_err();
        assert!(error.contains(words) && error.contains(set), "{set}: {error}");
    }
}

#[test]
fn a_run_without_a_key_is_the_run_of_a_spec_that_never_had_it() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &SMALL.replacen("[sample]", "[train.isotropy]\nlambda = 0.3\n[sample]", 1));
    std::fs::write(folder.path().join("plain.toml"), SMALL).unwrap();
    succeeded(&run(folder.path(), &["run", "spec.toml", "train.isotropy=unset", "--out", "a", "--quiet"]));
    succeeded(&run(folder.path(), &["run", "plain.toml", "--out", "b", "--quiet"]));
    crate::common::same_tables(&folder.path().join("a"), &folder.path().join("b"));
    assert_eq!(text(folder.path().join("a/spec.toml")), text(folder.path().join("b/spec.toml")));
    // The same identity: nothing is left to do.
    let again = run(folder.path(), &["run", "plain.toml", "--out", "a"]);
    assert!(succeeded(&again).contains("is finished already"), "{}", said(&again));
}

/// Every command, with those within it.
fn commands(of: &clap::Command, path: &str, all: &mut Vec<(String, clap::Command)>) {
    for inner in of.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let name = format!("{path}{}", inner.get_name());
        commands(inner, &format!("{name} "), all);
        all.push((name, inner.clone()));
    }
}

#[test]
fn every_help_ends_in_examples_that_are_command_lines() {
    let mut all = Vec::new();
    commands(&Cli::command(), "", &mut all);
    all.push((String::new(), Cli::command()));
    assert!(all.len() > 20);
    for (name, command) in all {
        let help = command.get_after_help().unwrap_or_else(|| panic!("{name} has no examples")).to_string();
        let lines: Vec<&str> = help.lines().filter_map(|line| line.trim().strip_prefix("gdiff ")).collect();
        assert!(!lines.is_empty(), "{name}: {help}");
        for line in lines {
            // What is told beside a command stands apart from it.
            let typed = line.split("   ").next().unwrap().trim();
            let own = name.split(' ').all(|word| typed.split(' ').any(|other| other == word));
            assert!(name.is_empty() || own, "{name}: {typed}");
            let words = shlex::split(typed).unwrap();
            let read = Cli::try_parse_from(std::iter::once("gdiff".to_string()).chain(words));
            assert!(read.is_ok(), "{name}: {typed}: {}", read.unwrap_err());
        }
    }
}

#[test]
fn help_and_completions_offer_the_words_of_the_spec() {
    let folder = tempdir().unwrap();
    for (command, key, flag) in [
        (&["sample", "--help"][..], "sample.sampler", "--sampler"),
        (&["sample", "--help"], "sample.start", "--start"),
        (&["gaussianize", "fit", "--help"], "gaussianize.coupling", "--coupling"),
        (&["gaussianize", "fit", "--help"], "gaussianize.rotation", "--rotation"),
        (&["gaussianize", "fit", "--help"], "gaussianize.bandwidth", "--bandwidth"),
        (&["gaussianize", "fit", "--help"], "gaussianize.tails", "--tails"),
    ] {
        let help = succeeded(&run(folder.path(), command));
        let (_, of_flag) = help.split_once(&format!("{flag} ")).unwrap();
        let of_flag = of_flag.split("\n      --").next().unwrap();
        let words: Vec<&str> = gdiff::spec::values(key).map(|(word, _)| word).collect();
        assert!(words.len() >= 2, "{key}");
        for word in words {
            assert!(of_flag.contains(&format!("- {word}: ")), "{flag}: {word} is not in {of_flag}");
            let completions = succeeded(&run(folder.path(), &["completions", "fish"]));
            assert!(completions.contains(word), "{word}");
        }
    }
    let help = succeeded(&run(folder.path(), &["run", "--help"]));
    assert!(help.contains("- cuda: ") && help.contains("- cpu: ") && help.contains("- auto: "), "{help}");
    let help = succeeded(&run(folder.path(), &["data", "--help"]));
    assert!(help.contains("- reference: "), "{help}");
    assert!(succeeded(&run(folder.path(), &["sweep", "submit", "--help"])).contains("slurm"));
}

#[test]
fn the_version_says_what_the_program_is_made_of() {
    let folder = tempdir().unwrap();
    let short = succeeded(&run(folder.path(), &["-V"]));
    assert!(
        short.starts_with(concat!("gdiff ", env!("CARGO_PKG_VERSION"))) && short.lines().count() == 1,
        "{short}"
    );
    let long = succeeded(&run(folder.path(), &["--version"]));
    for line in ["commit   ", "profile  release", "BLAS     ", "CUDA     "] {
        assert!(long.lines().any(|l| l.starts_with(line) && l.len() > line.len() - 1), "{line}: {long}");
    }
    if cfg!(feature = "openblas-system") && !cfg!(feature = "openblas-static") {
        assert!(long.contains("OpenBLAS of the system"), "{long}");
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempdir().unwrap();
    let first = succeeded(&run(folder.path(), &["man"]));
    assert!(first.contains(".TH gdiff 1") && first.contains("gdiff\\-run(1)"), "{first}");
    let said = succeeded(&run(folder.path(), &["man", "--dir", "pages/man1"]));
    let mut all = Vec::new();
    commands(&Cli::command(), "", &mut all);
    assert!(said.starts_with(&format!("{} pages", all.len() + 1)), "{said}");
    for (name, _) in all {
        let page = text(folder.path().join(format!("pages/man1/gdiff-{}.1", name.replace(' ', "-"))));
        assert!(
            page.contains(".SH SYNOPSIS") && page.contains(&format!("gdiff {name}").replace('-', "\\-")),
            "{name}: {page}"
        );
        assert!(page.contains("Examples:"), "{name}");
    }
    std::fs::write(folder.path().join("file"), "").unwrap();
    let output = gdiff(folder.path()).args(["man", "--dir", "file"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", message(&output));
}
