//! `gdiff sample`: points from a finished run, its own again or others.

use crate::common::{TINY, csv, message, run, said, spec, succeeded, text};
use tempfile::tempdir;

#[test]
fn a_finished_run_gives_its_own_samples_again_and_others_without_training() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet"]));
    for pipeline in ["baseline", "gaussianized", "exact"] {
        let place = format!("d/runs/{pipeline}-r0");
        let own = text(folder.path().join(&place).join("samples.csv"));
        assert_eq!(said(&run(folder.path(), &["sample", &place])), own, "{pipeline}");
        // Fewer points are the first ones; more have them as their beginning.
        let few = said(&run(folder.path(), &["sample", &place, "--count", "3"]));
        assert_eq!(few.lines().count(), 4);
        assert!(own.starts_with(&few), "{pipeline}: {few}");
        let all = own.lines().count() - 1;
        let more = said(&run(folder.path(), &["sample", &place, "--count", &(all + 5).to_string()]));
        assert!(more.starts_with(&own), "{pipeline}");
        // Another seed, another sampler.
        let others: Vec<String> = [
            &["--seed", "77"][..],
            &["--sampler", "ddim", "--steps", "4"],
            &["--sampler", "heun", "--steps", "4"],
            &["--sampler", "ddim", "--steps", "4", "--set", "sample.eta=1.0"],
            &["--set", "diffusion.variance=fixed_large"],
        ]
        .iter()
        .map(|flags| {
            let output = run(folder.path(), &[&["sample", place.as_str()], *flags].concat());
            succeeded(&output);
            said(&output)
        })
        .collect();
        for (i, other) in others.iter().enumerate() {
            assert_eq!(other.lines().count(), own.lines().count());
            assert!(*other != own && !others[..i].contains(other), "{pipeline}: {i}");
        }
    }
    // A file by its name; the run's own folder is as it was.
    let before = text(folder.path().join("d/runs/baseline-r0/status.json"));
    succeeded(&run(folder.path(), &["sample", "d/runs/baseline-r0", "--out", "more.csv"]));
    assert_eq!(
        csv(folder.path().join("more.csv")).0,
        csv(folder.path().join("d/runs/baseline-r0/samples.csv")).0
    );
    assert_eq!(text(folder.path().join("d/runs/baseline-r0/status.json")), before);
    succeeded(&run(folder.path(), &["verify", "d"]));
}

#[test]
fn what_would_be_another_run_is_refused() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "d", "--quiet"]));
    let place = "d/runs/baseline-r0";
    let own = "d/runs/baseline-r0/model.safetensors";
    for (arguments, words) in [
        (&["sample", "d"][..], "give one of them, for example d/runs/baseline-r0"),
        (&["sample", "nowhere"], "is no folder of a finished run"),
        (&["sample", place, "--set", "seed=4"], "only keys of [sample]"),
        (&["sample", place, "--set", "network.width=4"], "only keys of [sample]"),
        (&["sample", place, "--set", "sample.count=4"], "--count"),
        (&["sample", place, "--sampler", "ddimm"], "did you mean `ddim`?"),
        (&["sample", place, "--sampler", "ddim", "--steps", "100000"], "steps"),
        (&["sample", place, "--count", "1000000000000000"], "points would take"),
        (&["sample", place, "--out", own], "is an input of this command"),
        (&["sample", place, "--steps", "4", "--set", "sample.steps=5"], "--steps and --set sample.steps"),
        (&["sample", place, "--start", "500"], "--start 500"),
        (&["sample", place, "--out", "d/summary.csv"], "is a file of a study"),
        (&["sample", place, "--out", "d/runs/exact-r0/samples.csv"], "is a file of a study"),
        (&["sample", place, "--out", "points.npz"], "let it end in .csv or .npy"),
    ] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", message(&output));
        assert!(message(&output).contains(words), "{arguments:?}: {}", message(&output));
    }
    // A damaged network is not sampled.
    let mut bytes = std::fs::read(folder.path().join(own)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(folder.path().join(own), bytes).unwrap();
    let output = run(folder.path(), &["sample", place]);
    assert_ne!(output.status.code(), Some(0));
    assert!(message(&output).contains("model.safetensors"), "{}", message(&output));
}
