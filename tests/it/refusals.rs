//! A bad spec, argument or file is refused with a sentence that says what and where, and exit code 2;
//! nothing is written.

use crate::common::{TINY, gdiff, message, spec};
use tempfile::tempdir;

/// Runs `gdiff run` on a changed spec; expects exit code 2, these words, and no output folder.
fn refused(changed: &str, words: &[&str]) {
    assert_ne!(changed, TINY, "the change did not take");
    let folder = tempdir().unwrap();
    let path = spec(folder.path(), changed);
    for command in ["run", "check"] {
        let output = gdiff(folder.path()).arg(command).arg(&path).output().unwrap();
        let message = message(&output);
        assert_eq!(output.status.code(), Some(2), "{command}: {message}");
        for word in words {
            assert!(message.contains(word), "{command}: `{word}` is not in: {message}");
        }
        assert!(message.starts_with("gdiff: "), "{message}");
        // One sentence, and beneath it the line that it is about.
        let begin = |line: &&str| line.contains("spec.toml:") && !line.contains(" errors in ");
        assert_eq!(message.lines().filter(begin).count(), 1, "one sentence: {message}");
        let of_a_line = message
            .split("spec.toml:")
            .nth(1)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        assert_eq!(message.contains('^'), of_a_line, "the line: {message}");
    }
    assert!(!folder.path().join("results").exists(), "something was written");
}

fn with(old: &str, new: &str) -> String {
    TINY.replacen(old, new, 1)
}

#[test]
fn an_unknown_section_is_refused_with_place_and_nearest_name() {
    refused(&with("[train]", "[trian]"), &["spec.toml:24:2", "unknown key `trian`", "did you mean `train`?"]);
}

#[test]
fn an_unknown_key_is_refused_with_place_and_nearest_name() {
    refused(
        &with("batch_size = 64", "bach_size = 64"),
        &["spec.toml:26:1", "unknown key `bach_size`", "did you mean `batch_size`?"],
    );
}

#[test]
fn an_unknown_key_of_a_component_is_refused() {
    refused(&with("std = 0.3", "sdt = 0.3"), &["spec.toml:11:1", "unknown key `sdt`", "did you mean `std`?"]);
}

#[test]
fn an_unknown_word_is_refused_with_the_nearest_one() {
    refused(
        &with("steps = 12", "steps = 12\nschedule = \"liner\""),
        &["spec.toml:19", "diffusion.schedule", "`liner`", "did you mean `linear`?"],
    );
    refused(&with("\"exact\"]", "\"exakt\"]"), &["spec.toml:3", "`exakt`", "did you mean `exact`?"]);
}

#[test]
fn broken_toml_is_refused_with_its_place() {
    refused(&with("seed = 5", "seed = = 5"), &["spec.toml:2:", "not valid TOML"]);
}

#[test]
fn a_missing_key_is_named() {
    refused(&with("name = \"tiny\"\n", ""), &["`name` is missing"]);
    refused(&with("mean = [-1.0, 0.0]\n", ""), &["spec.toml:8", "data.components[0].mean", "missing"]);
}

#[test]
fn numbers_out_of_range_are_refused_with_their_key() {
    for (old, new, key) in [
        ("steps = 12", "steps = 0", "diffusion.steps"),
        ("steps = 12", "steps = 12\nbeta_start = -0.1", "diffusion.beta_start"),
        ("steps = 12", "steps = 12\nbeta_end = 1.0", "diffusion.beta_end"),
        ("steps = 12", "steps = 12\nbeta_end = nan", "diffusion.beta_end"),
        ("steps = 12", "steps = 12\nbeta_start = 0.03", "above"),
        ("samples = 300", "samples = 0", "data.samples"),
        ("samples = 300", "samples = -3", "data.samples"),
        ("samples = 300", "samples = 2.5", "data.samples"),
        ("count = 200", "count = 0", "sample.count"),
        ("count = 200", "count = 200\nepsilon_scale = inf", "sample.epsilon_scale"),
        ("reference = 250", "reference = 5", "metrics.k"),
        ("reference = 250", "every = 0", "metrics.every"),
        ("batch_size = 64", "batch_size = 0", "train.batch_size"),
        ("batch_size = 64", "learning_rate = nan", "train.learning_rate"),
        ("batch_size = 64", "ema = 1.0", "train.ema"),
        ("batch_size = 64", "clip_norm = -1", "train.clip_norm"),
        ("batch_size = 64", "epochs = 3", "train.iterations"),
        ("batch_size = 64", "[train.isotropy]\nlambda = -0.1", "train.isotropy.lambda"),
        ("hidden = [8, 8]", "hidden = []", "network.hidden"),
        ("hidden = [8, 8]", "hidden = [8, 0]", "network.hidden[1]"),
        ("hidden = [8, 8]", "hidden = [8]\nwidth = 4", "network.width"),
        ("time_dim = 4", "time_dim = 3", "network.time_dim"),
        ("seed = 5", "seed = 5\nreplicates = 0", "replicates"),
        ("name = \"tiny\"", "name = \"../up\"", "name"),
        ("\"exact\"]", "\"baseline\"]", "twice"),
        ("[network]", "[gaussianize]\nlayers = 0\n[network]", "gaussianize.layers"),
        ("[network]", "[gaussianize]\nbandwidth = -1.0\n[network]", "gaussianize.bandwidth"),
        ("[network]", "[gaussianize]\ncomponents = 3\n[network]", "gaussianize.components"),
        ("weight = 0.5", "weight = -0.5", "weight"),
        ("weight = 0.5", "weight = nan", "weight"),
    ] {
        refused(&with(old, new), &["spec.toml:", key]);
    }
}

#[test]
fn sweeps_that_are_none_are_refused_at_their_value() {
    for (sweep, words) in [
        ("\"network.width\" = [4, 0]", ["spec.toml:34:23", "network.width"]),
        ("\"network.widht\" = [4]", ["spec.toml:34", "did you mean `width`?"]),
        ("\"network.width\" = []", ["spec.toml:34", "at least one value"]),
        ("\"network.width\" = 4", ["spec.toml:34", "must be a list"]),
        ("[[sweep.zip]]\n\"network.width\" = [4, 5]\nseed = [1]", ["spec.toml:36", "its group has 2"]),
        ("points = 3", ["spec.toml:34", "[[sweep.points]]"]),
    ] {
        refused(&format!("{TINY}[sweep]\n{sweep}\n"), &words);
    }
}

#[test]
fn keys_of_another_kind_of_data_are_refused() {
    let kind = |kind: &str, more: &str| with("kind = \"gmm\"", &format!("kind = \"{kind}\"{more}"));
    refused(&kind("swiss_roll", ""), &["spec.toml:8", "has no `components`"]);
    refused(&kind("gmm", "\nnoise = 0.1"), &["spec.toml:7:1", "has no `noise`"]);
    let shape = |text: &str| {
        let data = TINY.find("kind").unwrap()..TINY.find("[diffusion]").unwrap();
        TINY.replace(&TINY[data], text).replace(", \"exact\"]", "]")
    };
    refused(&shape("kind = \"circles\"\nextra = 0.5\n"), &["spec.toml:7:1", "has no `extra`"]);
    refused(&shape("kind = \"circles\"\nnoise = -1.0\n"), &["spec.toml:7:1", "data.noise"]);
    refused(&shape("kind = \"table\"\n"), &["needs `path`"]);
    refused(&shape("kind = \"table\"\npath = \"no.csv\"\n"), &["spec.toml:7:1", "no.csv", "cannot be read"]);
    let exact = shape("kind = \"circles\"\n").replace("\"gaussianized\"]", "\"exact\"]");
    refused(&exact, &["spec.toml:3", "needs data of a Gaussian mixture"]);
}

#[test]
fn covariances_that_are_none_are_refused() {
    for (new, word) in [
        ("covariance = [[1.0, 2.0], [2.0, 1.0]]", "not positive definite"),
        ("covariance = [[1.0, 0.5], [0.4, 1.0]]", "not symmetric"),
        ("covariance = [[1.0, 0.5]]", "2 rows of 2"),
        ("covariance = [[1.0, nan], [nan, 1.0]]", "finite"),
        ("covariance = [[0.0, 0.0], [0.0, 0.0]]", "not positive definite"),
        ("std = -0.3", "positive"),
        ("variances = [0.1]", "coordinates"),
        ("variances = [0.1, 0.0]", "positive"),
        ("std = 0.3\nvariances = [0.1, 0.1]", "only one"),
        ("", "no spread"),
    ] {
        refused(&with("std = 0.3", new), &["spec.toml:", "data.components[0]", word]);
    }
}

#[test]
fn a_bad_override_is_refused_by_its_own_text() {
    let folder = tempdir().unwrap();
    let path = spec(folder.path(), TINY);
    for (set, words) in [
        ("train.batch_size=0", vec!["--set train.batch_size=0", "whole number from 1"]),
        ("train.bach_size=3", vec!["--set train.bach_size=3", "did you mean `batch_size`?"]),
        ("diffusion.steps=many", vec!["--set diffusion.steps=many", "diffusion.steps"]),
        ("data.components.7.weight=1", vec!["--set data.components.7.weight=1", "2 items"]),
        ("name.first=1", vec!["--set name.first=1", "not a table"]),
        ("nothing", vec!["KEY=VALUE"]),
    ] {
        let output = gdiff(folder.path()).arg("run").arg(&path).args(["--set", set]).output().unwrap();
        let message = message(&output);
        assert_eq!(output.status.code(), Some(2), "{set}: {message}");
        for word in words {
            assert!(message.contains(word), "{set}: `{word}` is not in: {message}");
        }
    }
}

#[test]
fn missing_and_unreadable_specs_are_refused() {
    let folder = tempdir().unwrap();
    let absent = gdiff(folder.path()).args(["run", "absent.toml"]).output().unwrap();
    assert_eq!(absent.status.code(), Some(2));
    assert!(message(&absent).contains("absent.toml: no such file"));
    std::fs::write(folder.path().join("binary.toml"), [0xff, 0xfe, 0x00]).unwrap();
    let binary = gdiff(folder.path()).args(["run", "binary.toml"]).output().unwrap();
    assert_eq!(binary.status.code(), Some(2));
    assert!(message(&binary).contains("not UTF-8"));
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let folder = tempdir().unwrap();
    let path = spec(folder.path(), TINY);
    for arguments in
        [vec!["--device", "gpu"], vec!["--threads", "0"], vec!["--quiet", "--json"], vec!["--no-such-flag"]]
    {
        let output = gdiff(folder.path()).arg("run").arg(&path).args(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    for out in ["spec.toml", "spec.toml/deeper/still"] {
        let output = gdiff(folder.path()).args(["run", "spec.toml", "--out", out]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{out}");
        assert!(message(&output).contains("spec.toml is a file, and a folder is needed"), "{output:?}");
    }
}

#[test]
fn tables_that_are_none_are_refused_with_line_and_column() {
    let folder = tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("good.csv", "x0,x1\n0,0\n1,0\n0,1\n1,1\n");
    write("word.csv", "x0,x1\n1,2\n1,two\n");
    write("nan.csv", "x0,x1\n1,NaN\n");
    write("ragged.csv", "x0,x1\n1,2\n1,2,3\n");
    write("empty.csv", "");
    write("header.csv", "x0,x1\n");
    write("narrow.csv", "x0\n1\n2\n3\n4\n");
    for (fake, words) in [
        ("word.csv", vec!["word.csv", "line 3, column 2", "`two`"]),
        ("nan.csv", vec!["nan.csv", "line 2, column 2", "finite"]),
        ("ragged.csv", vec!["ragged.csv"]),
        ("empty.csv", vec!["empty.csv", "no points"]),
        ("header.csv", vec!["header.csv", "no points"]),
        ("narrow.csv", vec!["2 columns", "narrow.csv has 1"]),
        ("absent.csv", vec!["absent.csv"]),
    ] {
        let output = gdiff(folder.path()).args(["metrics", "good.csv", fake, "--k", "1"]).output().unwrap();
        let message = message(&output);
        assert_eq!(output.status.code(), Some(2), "{fake}: {message}");
        for word in words {
            assert!(message.contains(word), "{fake}: `{word}` is not in: {message}");
        }
    }
    let output = gdiff(folder.path()).args(["metrics", "good.csv", "good.csv", "--k", "4"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("too few"));
}

#[test]
fn cuda_in_a_build_without_it_is_refused_with_a_sentence_that_says_where_to_read() {
    if candle_core::utils::cuda_is_available() {
        return;
    }
    let folder = tempdir().unwrap();
    let path = spec(folder.path(), TINY);
    let output = gdiff(folder.path()).arg("run").arg(&path).args(["--device", "cuda"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("--features cuda") && message(&output).contains("docs/cuda.md"));
    assert!(!message(&output).contains("try it again"), "{}", message(&output));
    assert!(!folder.path().join("results").exists());
}

#[test]
fn more_threads_than_a_machine_bears_are_refused() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    for (flag, count) in
        [("--threads", "1025"), ("--threads", "18446744073709551615"), ("--jobs", "9999999"), ("--jobs", "0")]
    {
        let output =
            gdiff(folder.path()).args(["run", "spec.toml", "--out", "d", flag, count]).output().unwrap();
        let message = message(&output);
        assert_eq!(output.status.code(), Some(2), "{flag} {count}: {message}");
        assert!(message.contains(flag) && message.contains("a whole number from 1 to 1024"), "{message}");
        assert!(!folder.path().join("d").exists());
    }
}
