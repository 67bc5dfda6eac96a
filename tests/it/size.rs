//! What is too large is refused in a sentence before memory is asked for, and what is large takes no longer than it
//! must.

use crate::common::{TINY, Waiting, gdiff, message, run, said, shell, spec, succeeded, text};
use gdiff::study::side_by_side::{Load, jobs_that_fit, most_held};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::tempdir;

/// Far longer than any of this takes, and far shorter than it took where the time grew with the square of the length.
const HANG: Duration = Duration::from_secs(120);

/// It was refused with exit code 2 and a sentence of these words.
fn refused(folder: &Path, arguments: &[&str], words: &[&str]) {
    let output = run(folder, arguments);
    let message = message(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    for word in words {
        assert!(message.contains(word), "{arguments:?}: `{word}` is not in: {message}");
    }
    assert!(message.starts_with("gdiff: ") && message.len() < 1000, "{message}");
}

#[test]
fn what_cannot_fit_into_memory_is_refused_with_its_bytes() {
    let folder = tempdir().unwrap();
    // A billion points of a thousand numbers are more than any machine holds.
    let wide = TINY.replace("mean = [-1.0, 0.0]", &format!("mean = [{}]", vec!["0.0"; 1000].join(", ")));
    let wide = wide.replace("mean = [1.0, 0.5]", &format!("mean = [{}]", vec!["1.0"; 1000].join(", ")));
    for (key, line) in [("data.samples", "7:1"), ("sample.count", "29:1"), ("metrics.reference", "32:1")] {
        let (section, name) = key.split_once('.').unwrap();
        let at = wide.find(&format!("[{section}]")).unwrap();
        let begin = at + wide[at..].find(&format!("{name} = ")).unwrap();
        let end = begin + wide[begin..].find('\n').unwrap();
        let huge = format!("{}{name} = 1000000000{}", &wide[..begin], &wide[end..]);
        spec(folder.path(), &huge);
        let place = format!("spec.toml:{line}: a run would take about ");
        let words = [place.as_str(), " TiB of memory (", " in all; lower `", key];
        for command in [&["check", "spec.toml"][..], &["run", "spec.toml"], &["run", "spec.toml", "--json"]] {
            refused(folder.path(), command, &words);
        }
        assert!(!folder.path().join("results").exists(), "something was written");
        // A plan may be executed on a larger machine; here it cannot.
        let planned = run(folder.path(), &["sweep", "plan", "spec.toml", "--out", name]);
        succeeded(&planned);
        assert!(message(&planned).contains(&format!("gdiff: note: here {place}")), "{}", message(&planned));
        refused(folder.path(), &["sweep", "exec", name, "--index", "0"], &words[1..]);
        assert!(said(&run(folder.path(), &["ls", name])).contains("missing"));
    }
    spec(folder.path(), &wide);
    // Only the points of a sweep are run.
    let sweep = "sweep.\"data.samples\"=[100, 1000000000]";
    refused(folder.path(), &["run", "spec.toml", "--set", sweep], &["--set sweep", "lower `data.samples`"]);
    spec(folder.path(), TINY);
    refused(folder.path(), &["data", "spec.toml", "--count", "1000000000000000"], &["14.2 PiB of memory"]);
    succeeded(&run(folder.path(), &["data", "spec.toml", "--out", "points.csv"]));
    succeeded(&run(folder.path(), &["gaussianize", "fit", "points.csv", "--out", "map"]));
    let sample = ["gaussianize", "sample", "map", "--count", "1000000000000000", "--out", "more.csv"];
    refused(folder.path(), &sample, &["1000000000000000 points would take 28.4 PiB of memory"]);
}

#[test]
fn the_estimate_counts_networks_encodings_and_points() {
    let bytes = |more: &[&str], key: &str| {
        let set: Vec<gdiff::spec::Override> = more.iter().map(|text| text.parse().unwrap()).collect();
        let plan = gdiff::spec::read_text("spec", TINY, &set).unwrap().base;
        assert!(plan.memory_bytes() >= plan.memory.iter().map(|term| term.bytes).max().unwrap());
        plan.memory.iter().filter(|term| term.key == key).map(|term| term.bytes).sum::<u64>()
    };
    // 300 points of two numbers in double precision: three times, and six times while a Gaussianizer is fitted.
    assert_eq!(bytes(&[], "data.samples"), 300 * 2 * 9 * 8);
    assert_eq!(bytes(&["pipelines=[\"baseline\"]"], "data.samples"), 300 * 2 * 3 * 8);
    // (6, 8), (8, 8) and (8, 2) with their biases, four times in single precision; a fifth time with an average.
    assert_eq!(bytes(&[], "network"), (7 * 8 + 9 * 8 + 9 * 2) * 4 * 4);
    assert_eq!(bytes(&["train.ema=0.9"], "network"), (7 * 8 + 9 * 8 + 9 * 2) * 5 * 4);
    let steps = ["diffusion.steps=1000000", "network.time_dim=4096"];
    assert_eq!(bytes(&steps, "network.time_dim"), 1_000_000 * 4096 * 12);
    assert_eq!(bytes(&steps, "diffusion.steps"), 1_000_000 * 32);
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let checked = succeeded(&run(folder.path(), &["check", "spec.toml"]));
    let line = checked.lines().find(|line| line.starts_with("memory ")).unwrap();
    assert!(line.ends_with(" MiB for a run") && line.contains(" about "), "{line}");
}

#[test]
fn an_array_whose_header_promises_more_than_its_file_holds_is_refused() {
    let folder = tempdir().unwrap();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000000, 2), }";
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    bytes.extend([0; 64]);
    std::fs::write(folder.path().join("huge.npy"), bytes).unwrap();
    let words =
        ["huge.npy", "its header promises 100000000000000 x 2 entries of 8 bytes, but 64 bytes follow"];
    refused(folder.path(), &["metrics", "huge.npy", "huge.npy"], &words);
}

#[test]
fn keys_of_endless_parts_are_refused() {
    let folder = tempdir().unwrap();
    // An argument of the command line has at most 128 KiB.
    let key = vec!["a"; 60_000].join(".");
    let words = ["the key `a.a.a.a.", "has 60000 parts, but no key has more than 32"];
    spec(folder.path(), TINY);
    refused_argument(folder.path(), &format!("{key}=1"), &words);
    spec(folder.path(), &format!("{TINY}\n[sweep]\n\"{key}\" = [1]\n"));
    refused(folder.path(), &["check", "spec.toml"], &words);
    for text in [
        format!("{key} = 1"),
        format!("[{key}]"),
        format!("a = {}{}", "[".repeat(60_000), "]".repeat(60_000)),
        format!("a = {}1{}", "{a = ".repeat(60_000), "}".repeat(60_000)),
        format!("a = {}1{}", format!("{{{} = ", vec!["a"; 70].join(".")).repeat(70), "}".repeat(70)),
    ] {
        spec(folder.path(), &format!("{text}\n"));
        refused(folder.path(), &["check", "spec.toml"], &["spec.toml:"]);
    }
}

/// As [`refused`], of a value of `--set`, which the message repeats.
fn refused_argument(folder: &Path, set: &str, words: &[&str]) {
    let output = run(folder, &["check", "spec.toml", "--set", set]);
    assert_eq!(output.status.code(), Some(2));
    assert!(words.iter().all(|word| message(&output).contains(word)), "{words:?}");
}

#[test]
fn long_lists_take_no_time_that_grows_with_the_square_of_their_length() {
    let folder = tempdir().unwrap();
    let many = vec!["8"; 2_000_000].join(",");
    for (list, words) in [
        (format!("[sweep]\n\"train.iterations\" = [{many}]"), "has more than 100000 points"),
        (format!("[data.components.0]\nmean = [{many}]"), "unknown key `0`"),
    ] {
        spec(folder.path(), &format!("{TINY}\n{list}\n"));
        let output = gdiff(folder.path()).args(["check", "spec.toml"]).timeout(HANG).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(message(&output).contains(words), "{}", message(&output));
    }
    let hidden = TINY.replace("hidden = [8, 8]", &format!("hidden = [{many}]"));
    spec(folder.path(), &hidden);
    let output = gdiff(folder.path()).args(["check", "spec.toml"]).timeout(HANG).output().unwrap();
    assert!(message(&output).contains("has 2000000 layers"), "{}", message(&output));
    spec(
        folder.path(),
        &TINY.replace("pipelines = [", &format!("pipelines = [{}", "\"exact\",".repeat(1_000_000))),
    );
    let output = gdiff(folder.path()).args(["check", "spec.toml"]).timeout(HANG).output().unwrap();
    assert!(message(&output).contains("is given twice"), "{}", message(&output));
}

#[test]
fn the_column_optimal_of_a_costly_mixture_is_made_of_a_part_of_the_batch() {
    let folder = tempdir().unwrap();
    let (mut components, dim) = (String::new(), 100);
    for k in 0..200 {
        let mean: Vec<String> = (0..dim).map(|j| f64::from((k * 7 + j) % 5).to_string()).collect();
        components += &format!(
            "[[data.components]]\nmean = [{}]\nstd = 1.0\n",
            mean.join(", ").replace(", ", ".0, ") + ".0"
        );
    }
    let (before, rest) = TINY.split_once("[[data.components]]").unwrap();
    let after = &rest[rest.find("[diffusion]").unwrap()..];
    let costly = format!("{before}{components}{after}").replace("steps = 12", "steps = 100");
    let costly = costly.replace("iterations = 40", "iterations = 2");
    spec(folder.path(), &costly.replace("\"baseline\", \"gaussianized\", \"exact\"", "\"baseline\""));
    let more = ["--set", "metrics.every=100", "--set", "metrics.distances=none"];
    let output = run(folder.path(), &[&["run", "spec.toml", "--out", "out"], &more[..]].concat());
    succeeded(&output);
    // 200 (100^2 + 100^3 / 3) operations a row.
    let words = "`optimal` of loss.csv is made of the first 7 of the 64 points of an iteration";
    assert!(message(&output).contains(words), "{}", message(&output));
    let loss = text(folder.path().join("out/loss.csv"));
    assert_eq!(loss.lines().count(), 3);
    let last = loss.lines().last().unwrap().rsplit(',').next().unwrap();
    assert!(last.parse::<f64>().is_ok_and(|optimal| optimal > 0.0 && optimal < 2.0), "{loss}");
}

/// The most memory that a process has held so far, in bytes, where the system tells.
fn most_held_by(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[test]
fn the_estimate_is_near_to_what_a_run_holds() {
    let folder = tempdir().unwrap();
    let point = |dim: usize, value: &str| format!("[{}]", vec![value; dim].join(", "));
    // What it holds just before its status appears, which is the last that it does; and the estimate.
    let measured = |pipeline: &str, dim: usize, more: &[&str]| {
        let text = TINY.replace("[-1.0, 0.0]", &point(dim, "-1.0")).replace("[1.0, 0.5]", &point(dim, "1.0"));
        spec(folder.path(), &text);
        let pipelines = format!("pipelines=[\"{pipeline}\"]");
        let mut set: Vec<&str> =
            vec![&pipelines, "diffusion.steps=4", "metrics.every=4", "metrics.distances=none"];
        set.extend(more);
        let set: Vec<gdiff::spec::Override> = set.iter().map(|text| text.parse().unwrap()).collect();
        let study = gdiff::spec::read(&folder.path().join("spec.toml"), &set).unwrap();
        spec(folder.path(), &study.to_toml().unwrap());
        let arguments = ["run", "spec.toml", "--out", "out", "--force", "--quiet", "--jobs", "1"];
        let waiting = Waiting::begin(folder.path(), &arguments, &["write:status.json"]);
        let held = most_held_by(waiting.id());
        waiting.kill();
        (held, study.base.memory_bytes() as f64)
    };
    let (Some(base), small) = measured("baseline", 2, &[]) else { return };
    let many = ["metrics.reference=150000", "sample.count=150000"];
    for (pipeline, dim, more) in [
        ("baseline", 2, &["data.samples=1000000"][..]),
        ("baseline", 2, &many),
        ("baseline", 8, &["metrics.reference=30000", "sample.count=30000", "data.samples=200000"]),
        ("gaussianized", 2, &["data.samples=60000", "gaussianize.held_out=0.0", "gaussianize.layers=10"]),
        ("gaussianized", 12, &["data.samples=20000", "gaussianize.held_out=0.0", "gaussianize.layers=6"]),
    ] {
        let (held, estimate) = measured(pipeline, dim, more);
        let held = held.unwrap().saturating_sub(base) as f64 + small;
        eprintln!("{pipeline} d {dim} {more:?}: {:.1} MB held, {:.1} estimated", held / 1e6, estimate / 1e6);
        assert!(
            estimate > held / 2.5 && estimate < held * 2.5,
            "{more:?}: {held} held, {estimate} estimated"
        );
    }
}

#[test]
fn runs_side_by_side_count_what_they_share_once() {
    let load = |data: &str, space: &str, training: Option<&str>| Load {
        data: (data.to_string(), 100),
        space: (space.to_string(), 10),
        own: 1,
        training: training.map(str::to_string),
    };
    let apart: Vec<Load> = (0..4).map(|i| load(&format!("d{i}"), &format!("s{i}"), None)).collect();
    assert_eq!([1, 2, 3, 4, 9].map(|jobs| most_held(&apart, jobs)), [111, 222, 333, 444, 444]);
    let one_space: Vec<Load> = (0..4).map(|_| load("d", "s", None)).collect();
    assert_eq!([1, 2, 4].map(|jobs| most_held(&one_space, jobs)), [111, 112, 114]);
    let one_data: Vec<Load> = (0..4).map(|i| load("d", &format!("s{i}"), None)).collect();
    assert_eq!(most_held(&one_data, 4), 144);
    // Those that wait for the same training do not run beside it.
    let waiting: Vec<Load> = ["a", "a", "a", "b"].map(|name| load("d", "s", Some(name))).to_vec();
    assert_eq!(most_held(&waiting, 4), 112);
    assert_eq!(jobs_that_fit(&apart, 4, 444), (4, None));
    assert_eq!(jobs_that_fit(&one_space, 4, 114), (4, None));
    let (jobs, sentence) = jobs_that_fit(&apart, 4, 250);
    assert_eq!(jobs, 2);
    let words = "4 runs side by side would take about 444 bytes of memory, but there are 250 bytes in all; 2 go at a time";
    assert_eq!(sentence.as_deref(), Some(words));
    assert_eq!(jobs_that_fit(&apart, 4, 0).0, 1, "a study whose run cannot fit is refused elsewhere");
    assert_eq!(jobs_that_fit(&[], 4, 0), (1, None));
}

/// Runs the binary where no process may have more than a gigabyte of addresses.
fn in_a_gigabyte(folder: &Path, arguments: &str) -> std::process::Output {
    let binary: PathBuf = assert_cmd::cargo::cargo_bin("gdiff");
    shell(folder, &format!("ulimit -v 1048576 && exec '{}' {arguments}", binary.display()))
}

#[test]
fn a_table_that_unpacks_to_more_than_the_memory_is_refused_without_taking_it() {
    let folder = tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("a.csv"), "x,y\n1,2\n3,4\n2,2\n5,1\n1,7\n0,3\n4,4\n").unwrap();
    // A gigabyte of rows in a few megabytes.
    let rows = "0,1\n".repeat(1 << 18);
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    (0..1024).for_each(|_| bomb.write_all(rows.as_bytes()).unwrap());
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 20 << 20);
    std::fs::write(path.join("bomb.csv.gz"), &bomb).unwrap();
    // A file of as many bytes that takes no room on the disk.
    std::fs::File::create(path.join("long.csv")).unwrap().set_len(1 << 30).unwrap();
    for (file, words) in [
        ("bomb.csv.gz", "it unpacks to more than 341.3 MiB"),
        ("long.csv", "it has 1.0 GiB"),
        ("/dev/zero", "it is longer than 341.3 MiB"),
    ] {
        let output = in_a_gigabyte(path, &format!("metrics a.csv {file} --k 2"));
        let message = message(&output);
        assert_eq!(output.status.code(), Some(2), "{file}: {message}");
        assert!(message.contains(words) && message.contains("but there are 1.0 GiB in all"), "{message}");
        assert!(message.contains(file) && message.contains("the table is too large"), "{message}");
    }
}

#[test]
fn an_archive_whose_entry_has_another_size_than_it_says_is_refused() {
    let mut array = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (4096, 2), }";
    array.extend(format!("{header:<117}\n").bytes());
    array.extend((0..8192).flat_map(|i| f64::from(i % 97).to_le_bytes()));
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let deflated =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("x.npy", deflated).unwrap();
    archive.write_all(&array).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    let read = |bytes: &[u8]| gdiff::data::table::decode(bytes, &Default::default());
    assert_eq!(read(&bytes).unwrap().points.dim(), (4096, 2));
    // The size stands in the entry's own header and in the directory at the end.
    let said = (array.len() as u32).to_le_bytes();
    let places: Vec<usize> =
        bytes.windows(4).enumerate().filter(|(_, word)| *word == said).map(|(at, _)| at).collect();
    assert_eq!(places.len(), 2);
    for (lie, words) in [(200_u32, "holds more"), (70_000, "holds fewer")] {
        let mut lying = bytes.clone();
        places.iter().for_each(|&at| lying[at..at + 4].copy_from_slice(&lie.to_le_bytes()));
        let refused = read(&lying).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("said to have {lie} bytes")) && refused.contains(words),
            "{refused}"
        );
    }
}
