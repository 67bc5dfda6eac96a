//! Errors of a spec: all of them at once, each with the line that it is about and carets under what is meant, in the names
//! of the spec and never of the program's types, with the key that was likely meant.

use crate::common::{TINY, gdiff, message, run, spec};
use gdiff::spec::{Override, keys, read_text};
use tempfile::tempdir;

/// Values of every type that TOML has, by the name of the type.
const VALUES: [(&str, &str); 10] = [
    ("bool", "true"),
    ("int", "3"),
    ("negative", "-3"),
    ("float", "2.5"),
    ("string", "\"no such word\""),
    ("array", "[true]"),
    ("nested", "[[\"a\"], 1979-05-27]"),
    ("table", "{ nothing = 1 }"),
    ("date", "1979-05-27"),
    ("time", "07:32:00"),
];

/// What no message may hold: words of Rust and of its libraries.
const RUST: [&str; 22] = [
    "struct",
    "variant",
    "untagged",
    "enum",
    "f64",
    "usize",
    "u64",
    "i64",
    "u8",
    "Option",
    "invalid type",
    "invalid value",
    "expected a sequence",
    "expected a map",
    "File",
    "Options",
    "::",
    "missing field",
    "unknown field",
    "newtype",
    "$__toml",
    "tuple",
];

/// A spec with a value at a key, and the line on which it stands.
fn with_value(path: &str, value: &str) -> (String, usize) {
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let top = if section.is_empty() { format!("{name} = {value}\n") } else { String::new() };
    let needed = |key: &str, line: &str| if path == key { String::new() } else { format!("{line}\n") };
    let mut text = format!("{top}{}", needed("name", "name = \"a\""));
    let own = "[pipeline.mine]\n";
    let (heading, rest) = match section {
        "" => (String::new(), "[data]\nkind = \"eight_gaussians\"\n".to_string()),
        "data" => ("[data]\n".to_string(), needed("data.kind", "kind = \"eight_gaussians\"")),
        "data.components" => {
            text += "[data]\nkind = \"gmm\"\n";
            let mean = needed("data.components.mean", "mean = [0.0]");
            let std = if name == "std" { "" } else { "std = 1.0\n" };
            ("[[data.components]]\n".to_string(), format!("{mean}{std}"))
        }
        "pipeline.NAME" => {
            text += "[data]\nkind = \"eight_gaussians\"\n";
            (own.to_string(), needed("pipeline.NAME.space", "space = [\"scale\"]"))
        }
        "features" => {
            text += "[data]\nkind = \"images\"\nname = \"digits\"\n";
            ("[features]\n".to_string(), String::new())
        }
        section => {
            text += "[data]\nkind = \"eight_gaussians\"\n";
            (format!("[{section}]\n"), String::new())
        }
    };
    if section.is_empty() {
        return (text + &rest, 1);
    }
    text += &heading;
    let line = text.lines().count() + 1;
    (format!("{text}{name} = {value}\n{rest}"), line)
}

#[test]
fn no_message_about_a_value_of_a_wrong_type_names_a_type_of_the_program() {
    let mut refused = 0;
    for key in keys() {
        let mut of_key = 0;
        for (kind, value) in VALUES {
            let (text, line) = with_value(&key.path, value);
            let Err(error) = read_text("spec.toml", &text, &[]) else { continue };
            let error = error.to_string();
            (refused, of_key) = (refused + 1, of_key + 1);
            // The file's own name ends in none of these words.
            let words = error.replace("spec.toml", "");
            for word in RUST {
                assert!(!words.contains(word), "{} = {value} ({kind}): `{word}` is in: {error}", key.path);
            }
            let first = error.lines().next().unwrap();
            assert!(
                first.starts_with(&format!("spec.toml:{line}:")),
                "{} = {value} stands on line {line}, not where it is said: {error}\n{text}",
                key.path
            );
            let name = key.path.rsplit('.').next().unwrap();
            assert!(first.contains(name), "{} = {value} is not named: {error}", key.path);
        }
        assert!(of_key >= 4, "{} takes nearly everything", key.path);
    }
    assert!(refused > 400, "{refused}");
}

#[test]
fn sections_that_are_none_are_refused_in_the_names_of_the_spec() {
    for (line, words) in [
        ("train = 3", "`train` is 3, but it must be a table ([train])"),
        ("data = true", "`data` is true, but it must be a table ([data])"),
        ("pipeline = [1]", "`pipeline` is a list, but it must be tables with names ([pipeline.NAME])"),
        ("sweep = \"width\"", "`sweep` must be a table"),
        (
            "metrics = 1979-05-27",
            "`metrics` is the date or time 1979-05-27, but it must be a table ([metrics])",
        ),
    ] {
        let key = line.split(' ').next().unwrap();
        let data = if key == "data" { "" } else { "[data]\nkind = \"eight_gaussians\"\n" };
        let error = read_text("s", &format!("{line}\nname = \"a\"\n{data}"), &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{line}: {error}");
        assert!(error.starts_with("s:1:1: "), "{error}");
    }
    for (old, new, words) in [
        (
            "[train]",
            "[train]\nisotropy = true",
            "`train.isotropy` is true, but it must be a table ([train.isotropy])",
        ),
        (
            "[train]",
            "[train]\nisotropy = 0.1",
            "`train.isotropy` is 0.1, but it must be a table ([train.isotropy])",
        ),
    ] {
        let error = read_text("s", &TINY.replacen(old, new, 1), &[]).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let components = "name = \"a\"\n[data]\nkind = \"gmm\"\ncomponents = 3\n";
    let error = read_text("s", components, &[]).unwrap_err().to_string();
    assert!(
        error.contains("s:4:1: `data.components` is 3, but it must be tables ([[data.components]])"),
        "{error}"
    );
}

/// A spec in which eleven things are wrong, of every kind.
const MANY: &str = r#"name = "many"
seed = "x"
pipelines = ["baseline", "exakt"]
epochs = 3

[data]
kind = "gmm"
n_samples = 300
[[data.components]]
mean = [0.0, 0.0]
std = -1

[train]
lr = 0.1
isotropy = true
ema = 2

[diffusion]
steps = 0

[sample]
steps = 500
count = 3.5

[sweep]
"network.width" = [8, 0]
"#;

#[test]
fn all_that_is_wrong_is_said_at_once_each_with_its_line_and_carets() {
    let folder = tempdir().unwrap();
    spec(folder.path(), MANY);
    let output = run(folder.path(), &["check", "spec.toml"]);
    let said = message(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for (line, words) in [
        (2, "`seed` is \"x\", but it must be a whole number, 0 or more"),
        (3, "unknown pipeline `exakt`, did you mean `exact`?"),
        (4, "did you mean `train.epochs`?"),
        (8, "did you mean `data.samples`?"),
        (11, "`data.components[0].std` is -1"),
        (14, "did you mean `train.learning_rate`?"),
        (15, "([train.isotropy])"),
        (16, "`train.ema` is 2"),
        (19, "`diffusion.steps` is 0"),
        (23, "`sample.count` is 3.5"),
        (26, "`network.width` is 0"),
    ] {
        let text = MANY.lines().nth(line - 1).unwrap();
        let mut lines = said.lines().skip_while(|l| !l.contains(&format!("spec.toml:{line}:")));
        assert!(lines.next().is_some_and(|l| l.contains(words)), "line {line}, {words}: {said}");
        assert_eq!(lines.next().map(str::trim), Some("|"), "{said}");
        assert!(lines.next().is_some_and(|l| l == format!("{line} | {text}")), "line {line}: {said}");
        let carets = lines.next().unwrap();
        let mark = carets.find('^').unwrap() - carets.find('|').unwrap() - 2;
        let marked = &text[mark..mark + carets.matches('^').count()];
        assert!(
            !marked.is_empty() && words.contains(marked.split([' ', '=']).next().unwrap().trim_matches('"'))
                || marked == "lr"
                || marked == "n_samples"
                || marked == "isotropy = true"
                || marked == "std = -1"
                || marked == "ema = 2"
                || marked == "steps = 0"
                || marked == "count = 3.5",
            "{marked}: {said}"
        );
    }
    // What only follows from a number that is wrong is not said: T is not known here.
    assert!(!said.contains("sample.steps"), "{said}");
    assert!(said.trim_end().ends_with("11 errors in spec.toml"), "{said}");
}

#[test]
fn what_is_said_together_is_what_is_said_of_each_alone() {
    // Each of these is wrong by itself; together nothing is lost and nothing is invented.
    let faults = [
        ("seed = 5", "seed = -5", "`seed`"),
        ("samples = 300", "samples = 0", "`data.samples`"),
        ("steps = 12", "steps = 12\nbeta_end = 2.0", "`diffusion.beta_end`"),
        ("hidden = [8, 8]", "hidden = []", "`network.hidden`"),
        ("time_dim = 4", "time_dim = 3", "`network.time_dim`"),
        ("batch_size = 64", "batch_size = 0\nlearning_rate = -1\nmomentum = 7", "`train.batch_size`"),
        ("count = 200", "count = 0\neta = 3", "`sample.count`"),
        ("reference = 250", "every = 0\nk = -1", "`metrics.every`"),
    ];
    let all = faults.iter().fold(TINY.to_string(), |text, (old, new, _)| {
        assert!(text.contains(old), "{old}");
        text.replacen(old, new, 1)
    });
    let together = read_text("s", &all, &[]).unwrap_err().to_string();
    let words: Vec<&str> = faults.iter().map(|(.., word)| *word).collect();
    let more = ["`train.learning_rate`", "`train.momentum`", "`sample.eta`", "`metrics.k`"];
    for word in words.into_iter().chain(more) {
        assert_eq!(
            together.matches(&format!(": {word} is")).count()
                + together.matches(&format!(": {word} has")).count(),
            1,
            "{word}: {together}"
        );
    }
    assert_eq!(together.lines().count(), faults.len() + more.len(), "{together}");
}

#[test]
fn data_that_are_none_hide_nothing_else_and_invent_nothing() {
    // Nothing is known of the points; what is wrong elsewhere is said all the same.
    let text = TINY
        .replacen("seed = 5", "seed = -5", 1)
        .replacen("kind = \"gmm\"", "kind = \"gnm\"", 1)
        .replacen("[network]", "[gaussianize]\ncomponents = 5\nlayers = 0\n[network]", 1)
        .replacen("count = 200", "eta = 2.0", 1);
    let error = read_text("s", &text, &[]).unwrap_err().to_string();
    for word in
        ["`seed`", "`data.kind` cannot be `gnm`, did you mean `gmm`?", "`gaussianize.layers`", "`sample.eta`"]
    {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert_eq!(error.lines().count(), 4, "{error}");
    // And so a file that is not there.
    let text =
        "name = \"a\"\nreplicates = 0\n[data]\nkind = \"table\"\npath = \"none.csv\"\n[train]\nema = 7\n";
    let error = read_text("s", text, &[]).unwrap_err().to_string();
    for word in ["`replicates`", "none.csv", "`train.ema`"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert_eq!(error.lines().count(), 3, "{error}");
    // Both components are wrong, each by itself; and a pipeline's space.
    let text = TINY
        .replacen("std = 0.3", "std = -1.0", 2)
        .replacen("pipelines = [", "pipelines = [\"mine\", ", 1)
        .replacen("[network]", "[pipeline.mine]\nspace = [\"scael\"]\n[network]", 1);
    let error = read_text("s", &text, &[]).unwrap_err().to_string();
    for word in ["data.components[0].std", "data.components[1].std", "did you mean `scale`?"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert_eq!(error.lines().count(), 3, "{error}");
}

#[test]
fn words_of_other_tools_lead_to_the_key() {
    for (section, line, key) in [
        ("train", "lr = 0.1", "`train.learning_rate`"),
        ("", "lr = 0.1", "`train.learning_rate`"),
        ("", "epochs = 3", "`train.epochs`"),
        ("network", "epochs = 3", "`train.epochs`"),
        ("train", "batch = 3", "`train.batch_size`"),
        ("", "batch_size = 3", "`train.batch_size`"),
        ("network", "dim = 3", "`network.width`"),
        ("network", "layers = 3", "`network.hidden`"),
        ("train", "layers = 3", "`gaussianize.layers`"),
        ("network", "hidden_layers = 3", "`network.hidden`"),
        ("diffusion", "timesteps = 3", "`diffusion.steps`"),
        ("sample", "num_inference_steps = 3", "`sample.steps`"),
        ("data", "n_samples = 3", "`data.samples`"),
        ("sample", "n_samples = 3", "`sample.count`"),
        ("train", "seed = 3", "`seed`"),
        ("train", "bach_size = 3", "`batch_size`"),
        ("train", "optimiser = \"adam\"", "`optimizer`"),
        ("", "ema_decay = 0.9", "`train.ema`"),
        ("metrics", "nearest_k = 3", "`metrics.k`"),
        ("diffusion", "beta_max = 0.1", "`diffusion.beta_end`"),
    ] {
        let text = match section {
            "" => format!("{line}\n{TINY}"),
            _ => {
                let heading = format!("[{section}]");
                let base = TINY.replacen(&heading, &format!("{heading}\n{line}"), 1);
                assert_ne!(base, TINY, "{section}");
                base
            }
        };
        let error = read_text("s", &text, &[]).unwrap_err().to_string();
        assert!(error.contains("did you mean") && error.contains(key), "[{section}] {line}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_key_that_no_tool_has_lists_what_is_known() {
    let error =
        read_text("s", &TINY.replacen("[metrics]", "[metrics]\nxyzzy = 3", 1), &[]).unwrap_err().to_string();
    assert!(error.contains("unknown key `xyzzy`; known here: every, log_likelihood, prdc"), "{error}");
    let error = read_text("s", &format!("xyzzy = 3\n{TINY}"), &[]).unwrap_err().to_string();
    assert!(error.contains("known here: name, seed") && error.contains(", sweep"), "{error}");
}

#[test]
fn what_an_argument_made_is_refused_at_the_argument() {
    for (argument, words) in [
        ("network.attention.0=7", "`network.attention` is a table"),
        ("xyzzy.a=7", "unknown key `xyzzy`"),
        ("diffusion.xyzzy.a=7", "unknown key `xyzzy`"),
    ] {
        let change = Override::from_word(argument).unwrap();
        let error = read_text("s", TINY, &[change]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{argument}: {words}")), "{error}");
    }
}

#[test]
fn a_width_whose_square_is_no_number_is_named_as_it_was_written() {
    let one = |std: &str| {
        let text =
            format!("name = \"m\"\n[data]\nkind = \"gmm\"\n[[data.components]]\nmean = [0.0]\nstd = {std}\n");
        read_text("s", &text, &[]).map_err(|e| e.to_string())
    };
    for std in ["1e200", "1e-200"] {
        let error = one(std).unwrap_err();
        assert!(
            error.starts_with(&format!("s:6:1: `data.components[0].std` is {std}, but its square")),
            "{error}"
        );
    }
    let error = one("-1e-200").unwrap_err();
    assert!(error.contains("is -1e-200, but it must be a positive finite number"), "{error}");
    one("1e-150").unwrap();
}

#[test]
fn colour_is_for_terminals_only() {
    let folder = tempdir().unwrap();
    spec(folder.path(), MANY);
    let output = run(folder.path(), &["check", "spec.toml"]);
    assert!(!message(&output).contains('\u{1b}'), "{}", message(&output));
    // Under a terminal, if the machine can make one.
    let Ok(version) = std::process::Command::new("script").arg("--version").output() else { return };
    if !version.status.success() {
        return;
    }
    let program = assert_cmd::cargo::cargo_bin("gdiff");
    for (term, no_color, coloured) in
        [("xterm", "", true), ("dumb", "", false), ("xterm", "1", false), ("", "", false)]
    {
        let mut command = std::process::Command::new("script");
        let line = format!("{} check spec.toml", program.display());
        command.args(["-qec", &line, "/dev/null"]).current_dir(folder.path()).env("TERM", term);
        let output = command.env("NO_COLOR", no_color).stdin(std::process::Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("11 errors in spec.toml"), "{text}");
        assert_eq!(text.contains("\u{1b}["), coloured, "TERM={term} NO_COLOR={no_color}: {text}");
    }
}

#[test]
fn characters_that_would_change_a_terminal_are_never_printed_as_they_are() {
    let folder = tempdir().unwrap();
    let text = "name = \"a\"\n\"ke\\u001by\u{202e}\" = 1\nseed = \"\u{7f}\u{9b}31m\" # \u{202e}\u{9b}\n[data]\nkind = \"circles\"\n";
    std::fs::write(folder.path().join("spec.toml"), text).unwrap();
    let output = gdiff(folder.path()).args(["check", "spec.toml"]).output().unwrap();
    let said = message(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    let hidden = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!said.chars().any(hidden), "{said:?}");
}

#[test]
fn long_lines_and_wide_characters_keep_their_carets() {
    let long = format!("name = \"a\"\nseed = \"{}\"\n[data]\nkind = \"circles\"\n", "x".repeat(100_000));
    let folder = tempdir().unwrap();
    spec(folder.path(), &long);
    let said = message(&run(folder.path(), &["check", "spec.toml"]));
    assert!(said.len() < 1000 && said.contains("spec.toml:2:1"), "{} bytes", said.len());
    spec(
        folder.path(),
        "name = \"a\"\npipelines = [\"\u{6f22}\u{5b57}\", \"x\"]\n[data]\nkind = \"circles\"\n",
    );
    let said = message(&run(folder.path(), &["check", "spec.toml"]));
    assert!(said.contains("spec.toml:2:14") && said.contains("spec.toml:2:20"), "{said}");
    assert!(said.contains("2 errors in spec.toml"), "{said}");
}
