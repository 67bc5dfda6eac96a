//! `[diagnostics]`: commitment, cloning and the error over t, against closed forms, by hand, and as part of a study.

use crate::common::{
    SMALL, TINY, Waiting, csv, gdiff, message, run, said, same_tables, spec, succeeded, text,
};
use gdiff::data::mixture::GaussianMixture;
use gdiff::diffusion::diagnostics::cloning::{
    Agreement, LEVEL, candidate_steps, crossing, first_steps, go_on, normalized,
};
use gdiff::diffusion::diagnostics::error_over_t::{
    noised_errors, path_errors, shares, spread, step_divergence,
};
use gdiff::diffusion::{
    Denoiser, DiffusionError, DiffusionOptions, MixtureDenoiser, SampleOptions, Schedule, VarianceKind,
    sample,
};
use gdiff::metrics::{mode_choice, share_alike};
use gdiff::numeric::random::Stream;
use ndarray::{Array2, ArrayView2, Axis, arr1, arr2};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tempfile::tempdir;

/// The section with everything on.
const ALL: &str = "\n[diagnostics]\ncloning = true\nerror_over_t = true\n";

/// Two modes in enough steps that nothing is clipped, and everything on.
fn all_on() -> String {
    format!("{}{ALL}", TINY.replace("steps = 12", "steps = 50"))
}

/// The tables that the section writes.
const OWN: [&str; 2] = ["bifurcation.csv", "error_over_t.csv"];

/// A table by the names of its columns.
struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read(path: impl AsRef<Path>) -> Self {
        let (header, rows) = csv(path);
        Self { header, rows }
    }

    /// The rows of a pipeline's first replicate.
    fn of(&self, pipeline: &str) -> Self {
        let rows = self.rows.iter().filter(|row| row[1] == pipeline && row[2] == "0").cloned().collect();
        Self { header: self.header.clone(), rows }
    }

    fn filtered(&self, column: &str, value: &str) -> Self {
        let rows = self.rows.iter().zip(self.texts(column)).filter(|(_, text)| text == value);
        Self { header: self.header.clone(), rows: rows.map(|(row, _)| row.clone()).collect() }
    }

    fn texts(&self, column: &str) -> Vec<String> {
        let at = self.header.iter().position(|name| name == column).unwrap_or_else(|| panic!("no {column}"));
        self.rows.iter().map(|row| row[at].clone()).collect()
    }

    fn values(&self, column: &str) -> Vec<Option<f64>> {
        self.texts(column).iter().map(|text| text.parse().ok()).collect()
    }

    /// The values of a column that is nowhere empty.
    fn all(&self, column: &str) -> Vec<f64> {
        self.values(column).into_iter().map(|v| v.unwrap_or_else(|| panic!("{column} is empty"))).collect()
    }
}

fn schedule(steps: usize) -> Schedule {
    Schedule::new(&DiffusionOptions { steps, ..DiffusionOptions::default() }).unwrap()
}

/// Two equal modes at -1 and 1 on a line.
fn two_modes(std: f64) -> GaussianMixture {
    let covariance = arr2(&[[std * std]]);
    GaussianMixture::new(&[1.0, 1.0], &[arr1(&[-1.0]), arr1(&[1.0])], &[covariance.clone(), covariance])
        .unwrap()
}

fn ancestral() -> Box<dyn gdiff::diffusion::Sampler> {
    SampleOptions::default().build(VarianceKind::FixedSmall, None).unwrap()
}

/// The mean of a reverse step (G 6) from one point.
fn step_mean(denoiser: &dyn Denoiser, schedule: &Schedule, x: f64, t: usize) -> f64 {
    let eps = denoiser.predict_noise(arr2(&[[x]]).view(), t).unwrap()[[0, 0]];
    (x - schedule.beta(t) / (1.0 - schedule.alpha_bar(t)).sqrt() * eps) / schedule.alpha(t).sqrt()
}

/// Between two deltas at -1 and 1 the score at 0 has the derivative (abar / (1 - abar) - 1) / (1 - abar), and the reverse
/// drift beta (x / 2 + score) loses its stability at 0 where 1/2 (1 - abar)^2 - (1 - abar) + abar = 0, which is
/// abar^2 + 2 abar = 1: abar = sqrt 2 - 1. In steps, the derivative of the step's mean passes 1 there, up to beta.
#[test]
fn between_two_deltas_the_middle_becomes_unstable_where_alpha_bar_is_sqrt_2_minus_1() {
    for steps in [1000, 4000] {
        let schedule = schedule(steps);
        let exact = MixtureDenoiser::new(&two_modes(1e-4), &schedule).unwrap();
        let derivative = |t: usize| {
            let h = 1e-5;
            (step_mean(&exact, &schedule, h, t) - step_mean(&exact, &schedule, -h, t)) / (2.0 * h)
        };
        let unstable: Vec<usize> = (1..=steps).filter(|&t| derivative(t) > 1.0).collect();
        let first = *unstable.last().unwrap();
        // Once it is unstable, it stays so until the modes are reached.
        assert_eq!(unstable.len(), first, "{steps}");
        let (abar, beta) = (schedule.alpha_bar(first), schedule.beta(first));
        let expected = 2f64.sqrt() - 1.0;
        assert!((abar - expected).abs() < 2.0 * beta, "{abar} at {first} of {steps}, not {expected}");
    }
}

/// With the exact denoiser the end of a point x_t is in mode k with probability r_k(x_t), the responsibility under the
/// noised mixture. Two continuations agree with probability sum_k r_k^2.
#[test]
fn clones_agree_as_often_as_the_responsibilities_at_their_point_say() {
    let (schedule, mixture, n) = (schedule(400), two_modes(0.1), 3000);
    let exact = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let stream = Stream::new(4, 0, "test");
    let wanted: BTreeSet<usize> = (0..=20).map(|i| i * 20).collect();
    let mut states: Vec<(usize, usize, Array2<f64>)> = Vec::new();
    let end = sample::<DiffusionError>(
        &exact,
        &schedule,
        ancestral(),
        stream.child("start").standard_normal(0, n, 1),
        &stream.child("noise"),
        &mut |step, t, x| {
            if wanted.contains(&step) {
                states.push((step, t, x.clone()));
            }
            Ok(())
        },
    )
    .unwrap();
    let ends = mode_choice(&mixture, end.view()).unwrap().modes;
    let from: Vec<(usize, ArrayView2<f64>)> = states.iter().map(|(step, _, x)| (*step, x.view())).collect();
    let clones =
        go_on::<DiffusionError>(&exact, &schedule, ancestral(), &from, &stream.child("clones"), &|| Ok(()));
    let clones = clones.unwrap();
    let (mut agreement, mut by_theory) = (Agreement::default(), Vec::new());
    for ((step, t, x), clone) in states.iter().zip(&clones) {
        let modes = mode_choice(&mixture, clone.view()).unwrap().modes;
        agreement.add(*step, modes.iter().zip(&ends).map(|(a, b)| a == b).collect());
        let at_t = mixture.diffused(schedule.alpha_bar(*t)).unwrap();
        let squares = at_t.responsibilities(x.view()).mapv(|r| r * r).sum_axis(Axis(1));
        by_theory.push((*step, squares.mean().unwrap()));
    }
    let measured = agreement.shares();
    let error = |p: f64| 4.0 * (p * (1.0 - p) / n as f64).sqrt();
    for ((step, phi), (_, expected)) in measured.iter().zip(&by_theory) {
        // A coarse schedule chooses a little earlier than the continuous process.
        assert!((phi - expected).abs() < error(*expected) + 0.015, "step {step}: {phi}, not {expected}");
    }
    // Noise does not remember: by chance half agree; and at the end all do.
    assert!((measured[0].1 - 0.5).abs() < error(0.5), "{:?}", measured[0]);
    assert_eq!(measured.last(), Some(&(400, 1.0)));
    assert_eq!(clones.last().unwrap(), &end);
    let found = agreement.crossing(0.5, &stream).unwrap();
    let expected = crossing(&by_theory, 0.5).unwrap();
    assert!(found.low < found.step && found.step < found.high, "{found:?}");
    assert!((found.step - expected).abs() < (found.high - found.low).max(6.0), "{found:?}, not {expected}");
}

#[test]
fn a_crossing_is_the_last_one_and_none_where_the_mode_is_chosen_from_the_beginning() {
    // 0.775 of two equal classes is 0.55.
    assert!((normalized(0.775, 0.5).unwrap() - LEVEL).abs() < 1e-12);
    assert_eq!(normalized(1.0, 1.0), None);
    let noisy = [(0, 0.5), (10, 0.9), (20, 0.6), (30, 0.95), (40, 1.0)];
    assert!((crossing(&noisy, 0.5).unwrap() - (20.0 + 10.0 * 0.175 / 0.35)).abs() < 1e-12);
    assert_eq!(crossing(&[(0, 1.0), (10, 1.0)], 0.26), None);
    // Never reached, and a single mode.
    assert_eq!(crossing(&[(0, 0.5), (10, 0.6)], 0.5), None);
    assert_eq!(crossing(&[(0, 1.0), (10, 1.0)], 1.0), None);
    let mut agreement = Agreement::default();
    agreement.add(10, vec![true; 50]);
    agreement.add(0, [vec![true; 10], vec![false; 40]].concat());
    assert_eq!(agreement.shares(), [(0, 0.2), (10, 1.0)]);
    let between = agreement.between(0.2, &(0..=10).collect());
    assert_eq!(between, (1..10).collect::<BTreeSet<usize>>());
    let crossing = agreement.crossing(0.2, &Stream::new(1, 0, "a"));
    assert_eq!(crossing, agreement.crossing(0.2, &Stream::new(1, 0, "a")));
    assert!(crossing.is_some_and(|c| (c.step - 5.5).abs() < 1e-12 && c.low <= c.step && c.step <= c.high));
}

#[test]
fn cloned_steps_are_few_and_near_the_step_of_theory() {
    for (last, theory) in
        [(100, Some(70)), (100, None), (1000, Some(3)), (7, Some(7)), (1, None), (1, Some(1))]
    {
        let (first, all) = (first_steps(last, theory), candidate_steps(last, theory));
        assert!(first.is_subset(&all), "{last}");
        assert!(first.contains(&0) && first.contains(&last) && first.iter().all(|step| *step <= last));
        assert!(first.len() <= 16 && theory.is_none_or(|theory| first.contains(&theory)), "{first:?}");
    }
}

/// A denoiser that is wrong by a known factor.
struct Scaled<'a>(&'a MixtureDenoiser, f64);

impl Denoiser for Scaled<'_> {
    fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError> {
        Ok(self.0.predict_noise(x, t)? * self.1)
    }
}

/// The exact denoiser of N(0, I) is sqrt(1 - abar) x: its error is abar for each dimension (method 1). One that is scaled
/// by s is (s - 1)^2 (1 - abar) from it, at points of N(0, I).
#[test]
fn errors_of_normal_data_are_the_closed_ones() {
    let (schedule, d, n) = (schedule(50), 3, 40_000);
    let zero = arr1(&[0.0, 0.0, 0.0]);
    let normal = GaussianMixture::new(&[1.0], &[zero], &[Array2::eye(d)]).unwrap();
    let exact = MixtureDenoiser::new(&normal, &schedule).unwrap();
    let stream = Stream::new(2, 0, "test");
    let x0 = stream.child("x0").standard_normal(0, n, d);
    let times = spread(1, 50, 100);
    assert_eq!(times, (1..=50).collect::<Vec<_>>());
    let noise = stream.child("noise");
    let of = |denoiser: &dyn Denoiser| {
        noised_errors::<DiffusionError>(
            denoiser,
            Some(&exact),
            (x0.view(), &noise),
            &schedule,
            &times,
            &|| Ok(()),
        )
        .unwrap()
    };
    for error in of(&exact) {
        let abar = schedule.alpha_bar(error.t);
        assert_eq!((error.excess, error.mse), (Some(0.0), error.optimal));
        // The error is abar times a chi-squared of n d degrees over their number.
        let room = 5.0 * abar * (2.0 / (n * d) as f64).sqrt();
        assert!((error.optimal.unwrap() - abar).abs() < room, "{error:?}, not {abar}");
    }
    for s in [0.7, 1.1] {
        for error in of(&Scaled(&exact, s)) {
            let expected = (s - 1.0).powi(2) * (1.0 - schedule.alpha_bar(error.t));
            let excess = error.excess.unwrap();
            assert!(
                (excess / expected - 1.0).abs() < 5.0 * (2.0 / (n * d) as f64).sqrt(),
                "{excess} {expected}"
            );
            // In expectation the error is the optimum and the excess.
            let gap = error.mse.unwrap() - error.optimal.unwrap() - excess;
            assert!(gap.abs() < 0.01, "{gap}");
        }
    }
    let path = [(7, x0.view())];
    let along =
        path_errors::<DiffusionError>(&Scaled(&exact, 1.1), &exact, path.into_iter(), &|| Ok(())).unwrap();
    let square = x0.iter().map(|v| v * v).sum::<f64>() / x0.len() as f64;
    let expected = 0.01 * (1.0 - schedule.alpha_bar(7)) * square;
    assert!((along[0].excess.unwrap() / expected - 1.0).abs() < 1e-9);
    assert_eq!((along[0].mse, along[0].optimal), (None, None));
}

/// The divergence is that of two normal distributions of one variance, whose means come from the sampler itself.
#[test]
fn the_divergence_of_a_step_is_that_of_its_two_normal_distributions() {
    let schedule = schedule(30);
    let exact = MixtureDenoiser::new(&two_modes(0.3), &schedule).unwrap();
    for kind in [VarianceKind::FixedSmall, VarianceKind::FixedLarge] {
        for t in [2, 3, 15, 30] {
            let x = 0.37;
            let means = [1.0, 1.2].map(|s| step_mean(&Scaled(&exact, s), &schedule, x, t));
            let eps =
                [1.0, 1.2].map(|s| Scaled(&exact, s).predict_noise(arr2(&[[x]]).view(), t).unwrap()[[0, 0]]);
            let variance = schedule.variance(kind, t).unwrap();
            let expected = (means[0] - means[1]).powi(2) / (2.0 * variance);
            let found = step_divergence(&schedule, variance, t, 1, (eps[0] - eps[1]).powi(2)).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-9, "{kind:?} {t}: {found}, not {expected}");
        }
    }
    // The last step of the smaller variance adds no noise.
    let variance = schedule.variance(VarianceKind::FixedSmall, 1).unwrap();
    assert_eq!(step_divergence(&schedule, variance, 1, 1, 0.1), None);
}

#[test]
fn shares_stand_for_the_times_between_and_sum_to_one() {
    assert_eq!(shares(&[1, 2, 3], &[None, Some(1.0), Some(3.0)], 3), [None, Some(0.25), Some(0.75)]);
    // 1 stands for 1 to 5.5, 10 for the rest.
    let thinned = shares(&[1, 10], &[Some(1.0), Some(1.0)], 10);
    assert_eq!(thinned, [Some(0.5), Some(0.5)]);
    assert_eq!(shares(&[1, 2], &[Some(0.0), Some(0.0)], 2), [None, None]);
    assert_eq!(spread(1, 1000, 100).len(), 100);
    assert_eq!((spread(1, 1000, 100)[0], spread(1, 1000, 100)[99]), (1, 1000));
    assert_eq!(spread(0, 0, 100), [0]);
}

#[test]
fn commitment_and_entropy_of_points_by_hand() {
    let unit = arr2(&[[1.0]]);
    let mixture =
        GaussianMixture::new(&[0.75, 0.25], &[arr1(&[0.0]), arr1(&[0.0])], &[unit.clone(), unit]).unwrap();
    // Two equal components: the responsibilities are the weights everywhere.
    let choice = mode_choice(&mixture, arr2(&[[0.3], [-5.0]]).view()).unwrap();
    assert_eq!(choice.modes, [0, 0]);
    let expected = -(0.75 * 0.75f64.ln() + 0.25 * 0.25f64.ln());
    assert!((choice.entropy - expected).abs() < 1e-12);
    assert_eq!(share_alike(&[0, 1, 2, 2], &[0, 1, 1, 1]), 0.5);
    assert!(mode_choice(&mixture, arr2(&[[f64::NAN]]).view()).is_err());
    assert!(mode_choice(&mixture, arr2(&[[0.0, 0.0]]).view()).is_err());
}

/// Runs a spec into a folder and returns its events.
fn events(folder: &Path, arguments: &[&str]) -> Vec<serde_json::Value> {
    let output = gdiff(folder).arg("run").args(arguments).arg("--json").output().unwrap();
    succeeded(&output);
    said(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How many runs entered a stage.
fn stages(events: &[serde_json::Value], stage: &str) -> usize {
    events.iter().filter(|event| event["event"] == "stage" && event["stage"] == stage).count()
}

#[test]
fn a_study_with_diagnostics_has_their_tables_and_each_says_what_is_known() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &all_on());
    events(folder.path(), &["spec.toml", "--out", "d"]);
    let out = folder.path().join("d");
    let (bifurcation, metrics) = (Table::read(out.join(OWN[0])), Table::read(out.join("metrics.csv")));
    for pipeline in ["baseline", "gaussianized", "exact"] {
        let (own, metrics) = (bifurcation.of(pipeline), metrics.of(pipeline));
        assert_eq!(own.texts("step"), (0..=50).map(|s| s.to_string()).collect::<Vec<_>>());
        let (committed, entropy) = (own.all("committed"), own.all("entropy"));
        assert_eq!(committed, metrics.all("committed"));
        assert_eq!(committed.last(), Some(&1.0));
        assert!(committed.iter().all(|c| (0.0..=1.0).contains(c)), "{committed:?}");
        assert!(entropy.iter().all(|h| (0.0..=2f64.ln()).contains(h)), "{entropy:?}");
        // The modes are 7 standard deviations apart: by chance half agree.
        let agree: Vec<f64> = own.values("clones_agree").into_iter().flatten().collect();
        assert!(agree.len() >= 11 && *agree.last().unwrap() == 1.0, "{agree:?}");
        let by_hand = |(phi, n): (Option<f64>, Option<f64>)| match (phi, n) {
            (Some(phi), Some(n)) => (2.0 * phi - 1.0 - n).abs() < 1e-12,
            (phi, n) => phi.is_none() && n.is_none(),
        };
        assert!(
            own.values("clones_agree").into_iter().zip(own.values("clones_agree_normalized")).all(by_hand)
        );
    }
    let exact = bifurcation.of("exact").values("clones_agree")[0].unwrap();
    assert!((exact - 0.5).abs() < 4.0 * (0.25f64 / 200.0).sqrt(), "{exact}");

    let errors = Table::read(out.join(OWN[1]));
    for pipeline in ["baseline", "exact"] {
        let noised = errors.of(pipeline).filtered("where", "noised");
        let path = errors.of(pipeline).filtered("where", "path");
        let times: Vec<String> = (1..=50).map(|t| t.to_string()).collect();
        assert_eq!((noised.texts("t"), path.texts("t")), (times.clone(), times));
        assert!(path.values("mse").iter().chain(&path.values("optimal")).all(Option::is_none));
        if pipeline == "exact" {
            assert!(noised.all("excess").into_iter().chain(path.all("excess")).all(|e| e == 0.0));
            assert_eq!(noised.all("mse"), noised.all("optimal"));
            continue;
        }
        assert!(noised.all("excess").into_iter().chain(path.all("excess")).all(|e| e > 0.0));
        for table in [&noised, &path] {
            // The last step adds no noise, so its divergence is not finite; the others share.
            let share = table.values("kl_share");
            assert_eq!(share[0], None);
            assert!((share[1..].iter().map(|s| s.unwrap()).sum::<f64>() - 1.0).abs() < 1e-9);
        }
    }
    // Where the map has bent the data, the optimum is not known.
    let gaussianized = errors.of("gaussianized");
    assert_eq!(gaussianized.texts("where"), ["noised"; 50]);
    assert!(gaussianized.all("mse").iter().all(|mse| *mse > 0.0));
    for column in ["optimal", "excess", "kl", "kl_share"] {
        assert!(gaussianized.values(column).iter().all(Option::is_none), "{column}");
    }

    // The measured step stands in status, summary and at the end of the run.
    let status: serde_json::Value =
        serde_json::from_str(&text(out.join("runs/exact-r0/status.json"))).unwrap();
    let step = |key: &str| status["cloning_step"][key].as_f64().unwrap();
    assert!(step("low") <= step("step") && step("step") <= step("high"), "{status}");
    let summary = Table::read(out.join("summary.csv")).filtered("metric", "cloning_step");
    let of_exact = summary.rows.iter().position(|row| row[0] == "exact").unwrap();
    assert_eq!(summary.all("mean")[of_exact], step("step"));
    let told = said(&run(folder.path(), &["run", "spec.toml", "--out", "d"]));
    assert!(
        told.contains("Reverse step at which the mode is chosen, by cloning (by theory): baseline"),
        "{told}"
    );
}

/// A factor on the output is part of the error: with s = 1, 2, 3 the error is a parabola in s, which gives that of s = 4
/// and of 0, the mean square of the noise.
#[test]
fn the_error_is_that_of_the_scaled_network_that_the_sampler_asks() {
    let folder = tempdir().unwrap();
    let base = TINY.replace(", \"gaussianized\", \"exact\"", "");
    spec(
        folder.path(),
        &format!(
            "{base}{}\n[sweep]\n\"sample.epsilon_scale\" = [1.0, 2.0, 3.0, 4.0]\n",
            "[diagnostics]\nerror_over_t = true\n"
        ),
    );
    let events = events(folder.path(), &["spec.toml", "--out", "d"]);
    assert_eq!(stages(&events, "train"), 1);
    let errors = Table::read(folder.path().join("d/error_over_t.csv")).filtered("where", "noised");
    let of = |s: &str, column: &str| errors.filtered("sample.epsilon_scale", s).all(column);
    let mse = ["1.0", "2.0", "3.0", "4.0"].map(|s| of(s, "mse"));
    let optimal = ["1.0", "4.0"].map(|s| of(s, "optimal"));
    assert_eq!(optimal[0], optimal[1], "the optimum does not know of the factor");
    let by_time = mse[0].iter().zip(&mse[1]).zip(mse[2].iter().zip(&mse[3]));
    for (t, ((a, b), (c, d))) in by_time.enumerate() {
        assert!((3.0 * c - 3.0 * b + a - d).abs() < 1e-4 * d, "t = {}", t + 1);
        let noise = 3.0 * a - 3.0 * b + c;
        assert!((noise - 1.0).abs() < 5.0 * (2.0 / 400.0f64).sqrt(), "{noise} at t = {}", t + 1);
    }
    assert!(!folder.path().join("d/bifurcation.csv").exists());
}

#[test]
fn samples_of_a_single_mode_are_committed_from_the_beginning() {
    let folder = tempdir().unwrap();
    let begin = TINY.find("[[data.components]]").unwrap();
    let end = TINY.find("[diffusion]").unwrap();
    let one = "[[data.components]]\nmean = [1.0, -2.0]\nstd = 0.5\n\n";
    let base = [&TINY[..begin], one, &TINY[end..]].concat();
    spec(folder.path(), &format!("{base}{ALL}"));
    events(folder.path(), &["spec.toml", "--out", "d"]);
    let table = Table::read(folder.path().join("d/bifurcation.csv"));
    assert!(table.all("committed").iter().all(|c| *c == 1.0));
    assert!(table.all("entropy").iter().all(|h| *h == 0.0));
    // There is no chance to compare with, and no crossing.
    assert!(table.values("clones_agree_normalized").iter().all(Option::is_none));
    assert!(table.values("clones_agree").iter().flatten().all(|phi| *phi == 1.0));
    assert!(!text(folder.path().join("d/summary.csv")).contains("cloning_step"));
}

#[test]
fn left_out_nothing_changes_and_what_is_there_is_the_same_with_it() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    events(folder.path(), &["spec.toml", "--out", "without"]);
    spec(folder.path(), &format!("{TINY}\n[diagnostics]\n"));
    // An empty section is the same experiment: everything is there already.
    assert_eq!(stages(&events(folder.path(), &["spec.toml", "--out", "without"]), "sample"), 0);
    spec(folder.path(), &format!("{TINY}{ALL}"));
    events(folder.path(), &["spec.toml", "--out", "with"]);
    let (without, with) = (folder.path().join("without"), folder.path().join("with"));
    assert!(!text(without.join("runs/exact-r0/spec.toml")).contains("diagnostics"));
    for table in ["loss.csv", "isotropy.csv", "gaussianizer.csv"] {
        assert_eq!(text(without.join(table)), text(with.join(table)), "{table}");
    }
    for file in ["samples.csv", "model.safetensors"] {
        let read = |out: &Path| std::fs::read(out.join("runs/baseline-r0").join(file)).unwrap();
        assert_eq!(read(&without), read(&with), "{file}");
    }
    let (a, b) = (Table::read(without.join("metrics.csv")), Table::read(with.join("metrics.csv")));
    for column in a.header.iter().filter(|column| *column != "committed") {
        assert_eq!(a.texts(column), b.texts(column), "{column}");
    }
    assert!(a.values("committed").iter().all(Option::is_none));
    assert!(OWN.iter().all(|name| !without.join(name).exists()));
}

#[test]
fn a_finished_study_gains_them_without_training_and_loses_them_again() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    events(folder.path(), &["spec.toml", "--out", "d"]);
    let out = folder.path().join("d");
    let loss = text(out.join("loss.csv"));
    spec(folder.path(), &format!("{TINY}{ALL}"));
    let gained = events(folder.path(), &["spec.toml", "--out", "d"]);
    assert_eq!(["gaussianize", "train", "sample", "diagnose"].map(|s| stages(&gained, s)), [0, 0, 3, 3]);
    events(folder.path(), &["spec.toml", "--out", "fresh"]);
    same_tables(&out, &folder.path().join("fresh"));
    for name in OWN {
        assert_eq!(text(out.join(name)), text(folder.path().join("fresh").join(name)), "{name}");
    }
    assert_eq!(text(out.join("loss.csv")), loss);
    let verified = |code: i32| {
        let output = run(folder.path(), &["verify", "d"]);
        assert_eq!(output.status.code(), Some(code), "{}{}", said(&output), message(&output));
    };
    verified(0);
    // A changed table of a run, and of the study, is found and healed.
    for name in ["runs/baseline-r0/bifurcation.csv", "error_over_t.csv", "bifurcation.csv"] {
        let whole = text(out.join(name));
        std::fs::write(out.join(name), whole.replace(",0,", ",1,")).unwrap();
        verified(1);
        events(folder.path(), &["spec.toml", "--out", "d"]);
        assert_eq!(text(out.join(name)), whole, "{name}");
        verified(0);
    }
    spec(folder.path(), TINY);
    let lost = events(folder.path(), &["spec.toml", "--out", "d"]);
    assert_eq!(["train", "sample", "diagnose"].map(|s| stages(&lost, s)), [0, 3, 0]);
    assert!(
        OWN.iter().all(|name| !out.join(name).exists() && !out.join("runs/baseline-r0").join(name).exists())
    );
    verified(0);
}

#[test]
fn tables_do_not_depend_on_threads_lockstep_nor_on_being_killed() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &format!("{TINY}{ALL}"));
    events(folder.path(), &["spec.toml", "--out", "one", "--threads", "1", "--jobs", "1"]);
    events(folder.path(), &["spec.toml", "--out", "three", "--threads", "3", "--jobs", "2"]);
    events(folder.path(), &["spec.toml", "--out", "lockstep", "--batch-runs", "4"]);
    let command = ["run", "spec.toml", "--out", "killed", "--quiet", "--jobs", "1"];
    for point in ["write:bifurcation.csv@gaussianized-r0", "write:error_over_t.csv@exact-r0"] {
        Waiting::begin(folder.path(), &command, &[point]).kill();
    }
    succeeded(&run(folder.path(), &command));
    for other in ["three", "lockstep", "killed"] {
        same_tables(&folder.path().join("one"), &folder.path().join(other));
        for name in OWN {
            assert_eq!(
                text(folder.path().join("one").join(name)),
                text(folder.path().join(other).join(name))
            );
        }
    }
}

#[test]
fn a_sweep_over_them_and_over_samplers_trains_once() {
    let folder = tempdir().unwrap();
    let base = TINY.replace(", \"gaussianized\", \"exact\"", "");
    let sweep = "\n[sweep]\n\"sample.sampler\" = [\"ddpm\", \"ddim\", \"heun\"]\n\"diagnostics.cloning\" = [false, true]\n";
    spec(folder.path(), &format!("{base}{sweep}"));
    let done = events(folder.path(), &["spec.toml", "--out", "d"]);
    assert_eq!(["train", "sample", "diagnose"].map(|s| stages(&done, s)), [1, 6, 3]);
    let table = Table::read(folder.path().join("d/bifurcation.csv"));
    assert_eq!(table.rows.len(), 3 * 13);
    assert!(table.texts("diagnostics.cloning").iter().all(|value| value == "true"));
    for (sampler, cloned) in [("ddpm", true), ("ddim", false), ("heun", false)] {
        let own = table.filtered("sample.sampler", sampler);
        assert_eq!(own.all("committed").last(), Some(&1.0));
        assert_eq!(own.values("clones_agree").iter().any(Option::is_some), cloned, "{sampler}");
    }
    // Planned, executed and collected it is the same.
    succeeded(&run(folder.path(), &["sweep", "plan", "spec.toml", "--out", "p"]));
    succeeded(&run(folder.path(), &["sweep", "exec", "p", "--index", "0", "--count", "6"]));
    succeeded(&run(folder.path(), &["sweep", "collect", "p"]));
    assert_eq!(text(folder.path().join("p/bifurcation.csv")), text(folder.path().join("d/bifurcation.csv")));
}

#[test]
fn what_cannot_be_done_is_said_when_the_spec_is_checked() {
    let folder = tempdir().unwrap();
    let check = |text: &str, code: i32| {
        spec(folder.path(), text);
        let output = run(folder.path(), &["check", "spec.toml"]);
        assert_eq!(output.status.code(), Some(code), "{}", message(&output));
        said(&output) + &message(&output)
    };
    let ddim = |eta: &str| {
        format!("{}{ALL}", TINY.replace("[sample]", &format!("[sample]\nsampler = \"ddim\"\neta = {eta}")))
    };
    let told = check(&ddim("0.0"), 0);
    assert!(
        told.contains("`diagnostics.cloning` clones nothing, because the sampler adds no noise"),
        "{told}"
    );
    assert!(!check(&ddim("0.5"), 0).contains("clones nothing"));
    let plain = check(&all_on(), 0);
    assert!(plain.contains("diagnostics  cloning, error over t") && !plain.contains("warning"), "{plain}");
    // Data without known modes.
    let shape = format!("{}{ALL}", SMALL.replace("eight_gaussians", "swiss_roll"));
    let told = check(&shape, 0);
    assert!(told.contains("`diagnostics.cloning` has no effect, because the modes"), "{told}");
    let told = check(&format!("{shape}[sweep]\n\"diagnostics.cloning\" = [false, true]\n"), 2);
    assert!(told.contains("the sweep varies `diagnostics.cloning`, which has no effect"), "{told}");
    for (bad, words) in [
        ("cloning = 3", "`diagnostics.cloning` is 3, but it must be true or false"),
        ("clonning = true", "unknown key `clonning`, did you mean `cloning`?"),
        ("error_over_t = \"yes\"", "`diagnostics.error_over_t` is \"yes\", but it must be true or false"),
    ] {
        let told = check(&format!("{TINY}\n[diagnostics]\n{bad}\n"), 2);
        assert!(told.contains(words) && told.contains("spec.toml:"), "{told}");
    }
    // The shape's run has the error of its noise, and no more.
    spec(folder.path(), &shape);
    events(folder.path(), &["spec.toml", "--out", "d"]);
    assert!(!folder.path().join("d/bifurcation.csv").exists());
    let errors = Table::read(folder.path().join("d/error_over_t.csv"));
    assert_eq!(errors.texts("where"), ["noised"; 8]);
}

#[test]
fn figures_show_them_with_the_step_of_theory() {
    let folder = tempdir().unwrap();
    spec(folder.path(), &all_on());
    events(folder.path(), &["spec.toml", "--out", "d"]);
    succeeded(&run(folder.path(), &["plot", "d"]));
    let figures = folder.path().join("d/figures");
    let numbers = |name: &str| text(figures.join(format!("{name}.csv")));
    let steps: BTreeMap<String, f64> = {
        let summary = Table::read(folder.path().join("d/summary.csv")).filtered("metric", "speciation_step");
        summary.rows.iter().map(|row| row[0].clone()).zip(summary.all("mean")).collect()
    };
    assert!(steps.contains_key("baseline"), "{steps:?}");
    for name in ["bifurcation", "log_likelihood", "prdc_steps"] {
        assert!(numbers(name).contains("baseline, speciation by theory"), "{name}");
        let svg = text(figures.join(format!("{name}.svg")));
        assert!(svg.contains("Thin dashed vertical lines"), "{name}");
    }
    for panel in ["share in its final mode", "agreement of clones", "entropy of modes"] {
        assert!(text(figures.join("bifurcation.svg")).contains(panel), "{panel}");
    }
    for panel in ["noised points", "own points", "share of the path", "optimum not known"] {
        assert!(numbers("error_over_t").contains(panel), "{panel}");
    }
    // Without diagnostics there is no such figure, and no notice of one.
    spec(folder.path(), TINY);
    events(folder.path(), &["spec.toml", "--out", "plain"]);
    let output = run(folder.path(), &["plot", "plain"]);
    succeeded(&output);
    assert!(!folder.path().join("plain/figures/bifurcation.svg").exists());
    assert!(!message(&output).contains("choice of the modes"), "{}", message(&output));
}
