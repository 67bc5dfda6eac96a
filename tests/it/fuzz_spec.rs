//! Mutated specs and arguments: the reader never panics, names a place in every refusal, and what it takes it writes
//! down in a form that it reads as the same. `GDIFF_FUZZ_SPECS` says how many specs are tried; `scripts/test.sh` tries
//! 100,000.

use crate::common::{TINY, in_repository};
use gdiff::spec::{Override, read_text};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::{AtomicUsize, Ordering};

const FILE: &str = "fuzz.toml";

/// A sweep in all its forms, for the reader's other half.
const SWEEP: &str = "\n[sweep]\n\"network.width\" = [8, 16]\n\"data.components.0.std\" = [0.1, 0.2]\n\
    [[sweep.zip]]\n\"train.iterations\" = [10, 20]\n\"train.ema\" = [0.0, 0.9]\n\
    [[sweep.points]]\n\"train.isotropy.lambda\" = 0.3\n\"network.hidden\" = [4, 4]\n";

const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "-0.0",
    "0.5",
    "1e308",
    "-1e308",
    "1e-320",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1000000000",
    "999999999999",
    "4294967296",
    "0x7fffffffffffffff",
    "1_000",
    "3.0",
    "65537",
];

const VALUES: &[&str] = &[
    "true",
    "\"\"",
    "\"word\"",
    "'\\n'",
    "\"\"\"two\nlines\"\"\"",
    "[]",
    "[[]]",
    "[1]",
    "[0.5, \"a\"]",
    "{}",
    "{ a = 1 }",
    "1979-05-27",
    "07:32:00",
    "1979-05-27T07:32:00Z",
    "[[1.0, 0.0], [0.0, 1.0]]",
    "\"isj\"",
    "\"all\"",
    "\"gmm\"",
    "\"table\"",
    "\"swiss_roll\"",
    "\"none\"",
    "\"exact\"",
    "[\"exact\"]",
    "\"\\u0000\"",
    "\"\u{1F600}\"",
    "[[1e308, 0.0], [0.0, -1e308]]",
    "[nan, nan]",
    "[1e308, 1e308]",
];

const KEYS: &[&str] = &[
    "name",
    "seed",
    "replicates",
    "pipelines",
    "data",
    "kind",
    "samples",
    "scale",
    "noise",
    "extra",
    "path",
    "sha256",
    "components",
    "mean",
    "weight",
    "std",
    "variances",
    "covariance",
    "gaussianize",
    "layers",
    "bandwidth",
    "held_out",
    "diffusion",
    "steps",
    "schedule",
    "beta_start",
    "beta_end",
    "rescale",
    "network",
    "hidden",
    "width",
    "time",
    "time_dim",
    "conditioning",
    "train",
    "epochs",
    "iterations",
    "batch_size",
    "isotropy",
    "lambda",
    "control",
    "sample",
    "count",
    "sampler",
    "eta",
    "metrics",
    "every",
    "k",
    "reference",
    "sweep",
    "zip",
    "points",
    "",
    "\"\"",
    "\"a b\"",
    "x",
    "\u{e4}",
    "0",
];

const DOTTED: &[&str] = &[
    "data.components.0.mean",
    "data.components.0.weight",
    "data.components.1.std",
    "data.components.99.std",
    "data.components.-1",
    "data.components",
    "data",
    "network.width",
    "network.hidden",
    "network.hidden.0",
    "train.epochs",
    "train.iterations",
    "train.isotropy.lambda",
    "train.isotropy",
    "sweep",
    "sweep.zip",
    "sweep.points",
    "sweep.zip.0",
    "pipelines",
    "pipelines.0",
    "replicates",
    "seed",
    "name",
    "data.kind",
    "data.path",
    "gaussianize.bandwidth",
    "gaussianize.components",
    "sample.steps",
    "metrics.k",
    "a.b.c.d",
    "name.x",
    "seed.0",
];

/// Arguments that are fine by themselves.
const FINE: &[&str] = &[
    "train.learning_rate=3e-4",
    "network.width=12",
    "network.hidden=[3, 5]",
    "network.hidden.0=7",
    "train.epochs=2",
    "train.iterations=9",
    "data.components.0.weight=0.25",
    "data.components.1.std=0.5",
    "train.isotropy.lambda=0.5",
    "train.isotropy={ lambda = 0.2, control = true }",
    "gaussianize.bandwidth=isj",
    "gaussianize.bandwidth=0.3",
    "gaussianize.components=1",
    "sample.sampler=ddim",
    "sweep={}",
    "sweep.\"train.ema\"=[0.0, 0.5]",
    "pipelines=[\"baseline\"]",
    "replicates=3",
    "name=other",
    "seed=9",
];

fn one<'a>(dice: &mut impl Rng, list: &[&'a str]) -> &'a str {
    list[dice.random_range(0..list.len())]
}

/// Where the words of a text begin and end: runs of letters, digits, and what numbers and keys are made of.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut begin = None;
    for (i, c) in text.char_indices().chain([(text.len(), ' ')]) {
        let inside = c.is_alphanumeric() || "_.-+".contains(c);
        match (inside, begin) {
            (true, None) => begin = Some(i),
            (false, Some(b)) => {
                words.push((b, i));
                begin = None;
            }
            _ => {}
        }
    }
    words
}

fn replace(text: &str, (begin, end): (usize, usize), with: &str) -> String {
    format!("{}{with}{}", &text[..begin], &text[end..])
}

/// One change of a text.
fn mutate(dice: &mut impl Rng, text: &str, others: &[String]) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let words = words(text);
    if lines.is_empty() || words.is_empty() {
        return others[dice.random_range(0..others.len())].clone();
    }
    let line = dice.random_range(0..lines.len());
    let word = words[dice.random_range(0..words.len())];
    match dice.random_range(0..14) {
        0 => {
            let mut bytes = text.as_bytes().to_vec();
            let at = dice.random_range(0..bytes.len());
            bytes[at] ^= 1 << dice.random_range(0..8);
            // A file that is not UTF-8 is refused before it is parsed.
            String::from_utf8_lossy(&bytes).into_owned()
        }
        1 => {
            let other = words[dice.random_range(0..words.len())];
            let (first, second) = if word.0 <= other.0 { (word, other) } else { (other, word) };
            let swapped = replace(text, second, &text[first.0..first.1]);
            replace(&swapped, first, &text[second.0..second.1])
        }
        2 => {
            lines.remove(line);
            lines.join("\n")
        }
        3 => {
            lines.insert(dice.random_range(0..=lines.len()), lines[line]);
            lines.join("\n")
        }
        4 | 5 => {
            let numbers: Vec<_> =
                words.iter().filter(|(b, e)| text[*b..*e].parse::<f64>().is_ok()).copied().collect();
            match numbers.get(dice.random_range(0..numbers.len().max(1))) {
                Some(&number) => replace(text, number, one(dice, NUMBERS)),
                None => replace(text, word, one(dice, NUMBERS)),
            }
        }
        6 | 7 => match lines[line].split_once('=') {
            Some((key, _)) => {
                let changed = format!("{key}= {}", one(dice, VALUES));
                lines[line] = &changed;
                lines.join("\n")
            }
            None => replace(text, word, one(dice, VALUES)),
        },
        8 | 9 => match lines[line].split_once('=') {
            Some((_, value)) => {
                let changed = format!("{} = {value}", one(dice, KEYS));
                lines[line] = &changed;
                lines.join("\n")
            }
            None => replace(text, word, one(dice, KEYS)),
        },
        10 => {
            let header = format!("[{}.{}]", one(dice, KEYS), one(dice, KEYS));
            let header = if dice.random() { header } else { format!("[{header}]") };
            lines.insert(line, &header);
            lines.join("\n")
        }
        11 => {
            let depth = dice.random_range(1..3000);
            let (open, close) = if dice.random() { ("[", "]") } else { ("{a=", "}") };
            let nested = format!("{} = {}1{}", one(dice, KEYS), open.repeat(depth), close.repeat(depth));
            lines.insert(line, &nested);
            lines.join("\n")
        }
        12 => {
            let other = &others[dice.random_range(0..others.len())];
            let theirs: Vec<&str> = other.lines().collect();
            let from = dice.random_range(0..theirs.len());
            lines[..line].iter().chain(&theirs[from..]).copied().collect::<Vec<_>>().join("\n")
        }
        _ => {
            let values: Vec<&str> = (0..dice.random_range(0..4)).map(|_| one(dice, VALUES)).collect();
            let key = one(dice, DOTTED);
            format!("{text}\n[sweep]\n\"{key}\" = [{}, {}]\n", values.join(", "), one(dice, NUMBERS))
        }
    }
}

/// An argument of `--set`.
fn argument(dice: &mut impl Rng) -> String {
    let noise = |dice: &mut dyn Rng| -> String {
        (0..dice.random_range(0..12))
            .map(|_| char::from_u32(dice.random_range(0..0x300)).unwrap_or('?'))
            .collect()
    };
    if dice.random_range(0..2) == 0 {
        return one(dice, FINE).to_string();
    }
    let key = match dice.random_range(0..4) {
        0 => noise(dice),
        1 => format!("{}.{}", one(dice, KEYS), one(dice, KEYS)),
        _ => one(dice, DOTTED).to_string(),
    };
    let value = match dice.random_range(0..4) {
        0 => noise(dice),
        1 => one(dice, NUMBERS).to_string(),
        2 => format!("[{}, {}]", one(dice, VALUES), one(dice, NUMBERS)),
        _ => one(dice, VALUES).to_string(),
    };
    if dice.random_range(0..20) == 0 { key } else { format!("{key}={value}") }
}

/// A refusal names a line and column, the argument, or at least the key.
fn names_a_place(message: &str, text: &str) -> bool {
    let place = || -> Option<bool> {
        let mut parts = message.strip_prefix(FILE)?.strip_prefix(':')?.splitn(3, ':');
        let line: usize = parts.next()?.parse().ok()?;
        let column: usize = parts.next()?.parse().ok()?;
        Some((1..=text.lines().count() + 1).contains(&line) && column >= 1)
    };
    place() == Some(true)
        || message.starts_with("--set ")
        || message.strip_prefix(&format!("{FILE}: ")).is_some_and(|m| m.matches('`').count() >= 2)
}

/// Reads a spec and checks what comes of it; whether it was taken.
fn read_one(text: &str, set: &[Override]) -> bool {
    match read_text(FILE, text, set) {
        Ok(study) => {
            let resolved = study.to_toml().expect("what was read can be written");
            let again = read_text("resolved", &resolved, &[]).unwrap_or_else(|e| panic!("{e}\n{resolved}"));
            assert_eq!(again.to_toml().unwrap(), resolved);
            let specs = |study: &gdiff::spec::Study| -> Vec<_> {
                study.points.iter().flat_map(|p| p.runs.iter().map(|run| run.spec.clone())).collect()
            };
            assert_eq!(specs(&again), specs(&study));
            true
        }
        Err(error) => {
            let message = error.to_string();
            assert!(names_a_place(&message, text), "no place: {message}");
            assert!(!error.message().trim().is_empty(), "no reason: {message}");
            false
        }
    }
}

/// Runs `trial` for many seeds on all cores; returns how many were taken.
fn many(trials: usize, trial: impl Fn(&mut ChaCha8Rng) -> bool + Sync) -> usize {
    let (next, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= trials {
                        break;
                    }
                    let mut dice = ChaCha8Rng::seed_from_u64(i as u64);
                    taken.fetch_add(usize::from(trial(&mut dice)), Ordering::Relaxed);
                }
            });
        }
    });
    taken.into_inner()
}

/// How many specs are tried where nobody asks for another count; three tenths as many lists of arguments.
const USUAL: usize = 2000;

/// Both halves of the reader are to be tried: a tenth at least is taken, and a tenth refused.
fn both_halves(taken: usize, trials: usize, what: &str) {
    assert!((trials / 10..trials - trials / 10).contains(&taken), "{taken} of {trials} {what} were taken");
}

/// Specs with up to three changes.
fn mutated_specs(trials: usize) {
    let configs = in_repository("configs", "toml");
    // Some machines have data sets outside the repository, whose tens of thousands of images would be read each time.
    let read = |path| std::fs::read_to_string(path).unwrap().replace("/usr/share/", "/nowhere/");
    let configs = configs.iter().map(read);
    let texts: Vec<String> =
        [TINY.to_string(), format!("{TINY}{SWEEP}")].into_iter().chain(configs).collect();
    let taken = many(trials, |dice| {
        let mut text = texts[dice.random_range(0..texts.len())].clone();
        for _ in 0..dice.random_range(1..4) {
            text = mutate(dice, &text, &texts);
        }
        read_one(&text, &[])
    });
    both_halves(taken, trials, "specs");
}

/// Lists of up to three arguments.
fn overrides(trials: usize) {
    let texts = [TINY.to_string(), format!("{TINY}{SWEEP}")];
    let taken = many(trials, |dice| {
        let text = &texts[dice.random_range(0..texts.len())];
        let mut set = Vec::new();
        for _ in 0..dice.random_range(1..4) {
            let argument = argument(dice);
            match argument.parse::<Override>() {
                Ok(o) => set.push(o),
                Err(message) => {
                    assert!(message.matches('`').count() >= 2, "no place: {message}");
                    return false;
                }
            }
        }
        read_one(text, &set)
    });
    both_halves(taken, trials, "lists of arguments");
}

#[test]
fn mutated_specs_and_arguments_are_read_or_refused_with_a_place() {
    let asked = std::env::var("GDIFF_FUZZ_SPECS").ok();
    let specs = asked.map_or(USUAL, |count| count.parse().expect("GDIFF_FUZZ_SPECS is a count"));
    let arguments = specs * 3 / 10;
    mutated_specs(specs);
    overrides(arguments);
    println!("fuzz: {specs} mutated specs, {arguments} overrides");
}
