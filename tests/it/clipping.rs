//! Clipping of the predicted x0: the samplers' formulas, where it is on, and the runs that needed it.

use crate::common::{csv, message, run, spec, succeeded};
use gdiff::data::mixture::GaussianMixture;
use gdiff::diffusion::sample::clip::within;
use gdiff::diffusion::{
    Clip, DataBox, Denoiser, DiffusionError, DiffusionOptions, MixtureDenoiser, SampleOptions, SamplerKind,
    Schedule, ScheduleKind, VarianceKind, sample,
};
use gdiff::numeric::random::Stream;
use gdiff::run::FinishedRun;
use gdiff::spec;
use ndarray::{Array2, ArrayView2, arr2, array};
use std::path::Path;

/// Two modes, 2,000 points: the study on which a cosine schedule gave -253,919 nats.
const TWO_GAUSSIANS: &str = r#"name = "two"
pipelines = ["exact", "baseline"]
[data]
kind = "gmm"
samples = 2000
[[data.components]]
mean = [2.0, 0.0]
std = 0.5
[[data.components]]
mean = [-2.0, 0.0]
std = 0.5
[train]
iterations = 1000
[network]
width = 16
[sample]
count = 2000
[metrics]
every = 1000
reference = 2000
"#;

fn schedule(kind: ScheduleKind, steps: usize) -> Schedule {
    Schedule::new(&DiffusionOptions { schedule: kind, steps, ..DiffusionOptions::default() }).unwrap()
}

fn options(kind: SamplerKind, steps: usize) -> SampleOptions {
    let steps = (kind != SamplerKind::Ddpm).then_some(steps);
    SampleOptions { steps, ..SampleOptions::new(kind) }
}

fn draw(
    denoiser: &dyn Denoiser,
    schedule: &Schedule,
    options: &SampleOptions,
    bounds: Option<DataBox>,
) -> Array2<f64> {
    let sampler = within(bounds, options.build(VarianceKind::FixedSmall, None).unwrap());
    let start = Stream::new(1, 0, "start").standard_normal(0, 200, 2);
    let noise = Stream::new(1, 0, "noise");
    sample::<DiffusionError>(denoiser, schedule, sampler, start, &noise, &mut |_, _, _| Ok(())).unwrap()
}

fn two_modes() -> GaussianMixture {
    let covariance = Array2::eye(2) * 0.25;
    GaussianMixture::new(
        &[1.0, 1.0],
        &[array![2.0, 0.0], array![-2.0, 0.0]],
        &[covariance.clone(), covariance],
    )
    .unwrap()
}

/// A denoiser whose prediction is a little too large, as a network's is.
struct Wrong<'a>(&'a MixtureDenoiser);

impl Denoiser for Wrong<'_> {
    fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError> {
        Ok(self.0.predict_noise(x, t)? * 1.02 + 0.01)
    }
}

#[test]
fn a_box_that_holds_every_prediction_changes_nothing_but_the_rounding() {
    let (schedule, mixture) = (schedule(ScheduleKind::Linear, 100), two_modes());
    let exact = MixtureDenoiser::new(&mixture, &schedule).unwrap();
    let wide = DataBox::of(arr2(&[[-1e3, -1e3], [1e3, 1e3]]).view());
    for kind in SamplerKind::ALL {
        for eta in [0.0, 1.0] {
            let options = SampleOptions { eta, ..options(kind, 20) };
            let plain = draw(&exact, &schedule, &options, None);
            let clipped = draw(&exact, &schedule, &options, Some(wide.clone()));
            let worst = (&plain - &clipped).iter().fold(0.0, |a: f64, b| a.max(b.abs()));
            assert!(worst < 1e-9, "{options:?}: {worst}");
            assert!(worst > 0.0 || kind == SamplerKind::DpmSolver2M, "the formulas with x0 were not used");
        }
    }
}

#[test]
fn with_a_wrong_denoiser_and_no_signal_at_the_start_every_sampler_ends_within_the_box() {
    let mixture = two_modes();
    let bounds = [[-3.0, -1.0], [3.0, 1.5]];
    let schedules = [schedule(ScheduleKind::Cosine, 1000), schedule(ScheduleKind::Linear, 10)];
    let mut left = 0;
    for schedule in &schedules {
        let exact = MixtureDenoiser::new(&mixture, schedule).unwrap();
        for kind in SamplerKind::ALL {
            let options = options(kind, schedule.steps().min(50));
            let plain = draw(&Wrong(&exact), schedule, &options, None);
            left += usize::from(plain.iter().any(|v| v.abs() > 10.0));
            let x = draw(&Wrong(&exact), schedule, &options, Some(DataBox::of(arr2(&bounds).view())));
            for row in x.rows() {
                for (v, (low, high)) in row.iter().zip([(-3.0, 3.0), (-1.0, 1.5)]) {
                    assert!(*v >= low - 1e-12 && *v <= high + 1e-12, "{options:?}: {row}");
                }
            }
        }
    }
    assert!(left >= 4, "the case is too easy: without clipping only {left} of 8 ran away");
}

#[test]
fn a_clipped_prediction_is_the_nearest_point_of_the_box_and_keeps_what_is_no_number() {
    let bounds = DataBox::of(arr2(&[[0.0, -1.0], [2.0, 1.0], [1.0, 0.0]]).view());
    let mut x = arr2(&[[-1.0, 0.5], [3.0, f64::NAN], [f64::INFINITY, f64::NEG_INFINITY]]);
    bounds.clip(&mut x);
    assert_eq!(x.row(0), array![0.0, 0.5]);
    assert!(x[[1, 0]] == 2.0 && x[[1, 1]].is_nan());
    assert_eq!(x.row(2), array![2.0, -1.0]);
}

#[test]
fn auto_clips_a_network_where_no_signal_is_left_at_the_first_step_visited() {
    for (abar, trained, clips) in
        [(2e-9, true, true), (2e-9, false, false), (1e-6, true, false), (4e-5, true, false)]
    {
        assert_eq!(Clip::Auto.applies(abar, trained), clips, "{abar} {trained}");
        assert!(Clip::Data.applies(abar, trained) && !Clip::None.applies(abar, trained));
    }
}

/// The keys of the runs of a spec with some values replaced, and its warnings.
fn keys(sets: &[&str]) -> (Vec<spec::StageKeys>, Vec<String>) {
    let sets: Vec<spec::Override> = sets.iter().map(|set| set.parse().unwrap()).collect();
    let study = spec::read_text("spec.toml", TWO_GAUSSIANS, &sets).unwrap();
    let keys = study.points[0].runs.iter().map(|run| run.keys.as_ref().clone()).collect();
    (keys, study.base.warnings)
}

#[test]
fn a_run_that_is_clipped_is_another_run_and_one_that_is_not_stays_what_it_was() {
    let (auto, warnings) = keys(&[]);
    assert_eq!(auto, keys(&["diffusion.clip=none"]).0, "nothing is clipped at T = 100");
    assert!(warnings.is_empty(), "{warnings:?}");
    let clipped = keys(&["diffusion.clip=data"]).0;
    assert!(clipped[0].sampling != auto[0].sampling && clipped[1].sampling != auto[1].sampling);
    assert!(clipped[1].training == auto[1].training, "the network is the same");

    for cosine in [
        ["diffusion.schedule=cosine", "diffusion.steps=1000", "sample.sampler=ddim", "sample.steps=50"],
        ["diffusion.steps=20", "sample.steps=20", "sample.sampler=ddim", "seed=0"],
    ] {
        let with = |clip| keys(&[&cosine[..], &[clip]].concat());
        let (auto, warnings) = keys(&cosine);
        let said = |w: &[String]| w.iter().filter(|w| w.contains("diffusion.clip")).count();
        let (none, data) = (with("diffusion.clip=none"), with("diffusion.clip=data"));
        assert_eq!((said(&warnings), said(&none.1), said(&data.1)), (1, 1, 0));
        assert_eq!(auto[1], data.0[1], "auto is data here");
        assert!(auto[1].sampling != none.0[1].sampling && auto[1].training == none.0[1].training);
        assert!(auto[0] == none.0[0] && auto[0] != data.0[0], "auto leaves the exact denoiser as it is");
    }
    let leading =
        ["diffusion.schedule=cosine", "diffusion.steps=1000", "sample.sampler=ddim", "sample.steps=50"];
    let leading = [&leading[..], &["sample.spacing=leading"]].concat();
    assert!(!keys(&leading).1.iter().any(|w| w.contains("clip")), "it begins where there is signal");
}

/// The last log-likelihoods of the exact denoiser and the network.
fn log_likelihoods(out: &Path) -> [f64; 2] {
    let (header, rows) = csv(out.join("metrics.csv"));
    let at = |name: &str| header.iter().position(|h| h == name).unwrap();
    ["exact", "baseline"].map(|pipeline| {
        let last = rows.iter().rfind(|row| row[at("pipeline")] == pipeline).unwrap();
        last[at("log_likelihood")].parse().unwrap()
    })
}

#[test]
fn schedules_without_signal_at_their_end_give_samples_near_those_of_the_exact_denoiser() {
    for (sets, capped, room) in [
        (
            &["diffusion.schedule=cosine", "diffusion.steps=1000", "sample.sampler=ddim", "sample.steps=50"]
                [..],
            false,
            1.0,
        ),
        (&["diffusion.steps=10"], true, 1.0),
        (&["diffusion.steps=20"], false, 1.0),
        (&["diffusion.steps=10", "sample.sampler=ddim"], true, 1.0),
        (&["diffusion.steps=10", "sample.sampler=dpm_solver_2m"], true, 1.0),
        // The first step spans a factor of 600 in sigma, which Heun's method takes badly with any denoiser.
        (
            &["diffusion.schedule=cosine", "diffusion.steps=1000", "sample.sampler=heun", "sample.steps=50"],
            false,
            10.0,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        spec(folder.path(), TWO_GAUSSIANS);
        let sets: Vec<&str> = sets.iter().flat_map(|set| ["--set", set]).collect();
        let output = run(folder.path(), &[&["run", "spec.toml", "--out", "out"], &sets[..]].concat());
        succeeded(&output);
        let said = message(&output);
        assert!(said.contains("the predicted x0 of networks is clipped"), "{said}");
        assert_eq!(said.contains("betas in a row reach their cap"), capped, "{said}");
        let [exact, network] = log_likelihoods(&folder.path().join("out"));
        assert!((exact - network).abs() < room, "{sets:?}: exact {exact}, network {network}");

        // The same points again from the finished run: the box is found again.
        let path = folder.path().join("out/runs/baseline-r0");
        let last = FinishedRun::open(&path).unwrap().clouds(20, &|step| step > 0).unwrap().pop().unwrap();
        let (_, rows) = csv(path.join("samples.csv"));
        for (again, row) in last.points.rows().into_iter().zip(&rows) {
            for (a, cell) in again.iter().zip(row) {
                let written: f64 = cell.parse().unwrap();
                assert!((a - written).abs() < 1e-6, "{sets:?}: {a} for {written}");
            }
        }
    }
}

#[test]
fn a_narrow_network_in_sixteen_dimensions_stays_near_the_exact_denoiser() {
    let mut text =
        "name = \"sixteen\"\npipelines = [\"exact\", \"baseline\"]\n[data]\nkind = \"gmm\"\nsamples = 1000\n"
            .to_string();
    for (first, second) in [(0.6, -0.6), (-0.6, -0.6), (0.6, 0.6)] {
        let mean: Vec<f64> = (0..16).map(|i| if i % 2 == 0 { first } else { second }).collect();
        text += &format!("[[data.components]]\nmean = {mean:?}\nstd = 0.4\n");
    }
    text += "[network]\nwidth = 16\n[train]\niterations = 3000\n[sample]\ncount = 500\n[metrics]\nevery = 1000\nreference = 500\n";
    let cosine = "--set diffusion.schedule=cosine --set diffusion.steps=1000 --set sample.sampler=ddim --set sample.steps=20";
    let mut unclipped = f64::INFINITY;
    for sets in [
        cosine.to_string(),
        "--set diffusion.steps=10".to_string(),
        format!("{cosine} --set diffusion.clip=none"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        spec(folder.path(), &text);
        let sets: Vec<&str> = sets.split(' ').collect();
        succeeded(&run(folder.path(), &[&["run", "spec.toml", "--out", "out"], &sets[..]].concat()));
        let [exact, network] = log_likelihoods(&folder.path().join("out"));
        if sets.contains(&"diffusion.clip=none") {
            unclipped = network;
        } else {
            assert!(network.is_finite() && (exact - network).abs() < 5.0 * exact.abs(), "{exact}, {network}");
        }
    }
    assert!(unclipped < -1e4, "the case is too easy: {unclipped} without clipping");
}

#[test]
fn what_cannot_be_divided_by_is_refused_and_a_finished_run_of_before_is_not_clipped() {
    let tiny =
        ["diffusion.rescale=false", "diffusion.beta_end=0.99", "diffusion.steps=1000", "sample.sampler=ddim"];
    let sets: Vec<spec::Override> = tiny.iter().map(|set| set.parse().unwrap()).collect();
    let refused = spec::read_text("spec.toml", TWO_GAUSSIANS, &sets).unwrap_err().to_string();
    assert!(refused.contains("below the range of numbers"), "{refused}");

    let cosine = format!("{TWO_GAUSSIANS}[diffusion]\nschedule = \"cosine\"\nsteps = 1000\n");
    let today = spec::read_text("spec.toml", &cosine, &[]).unwrap();
    let before = spec::read_finished(std::path::Path::new(""), "spec.toml", &cosine, &[]).unwrap();
    let own = spec::read_finished(std::path::Path::new(""), "spec.toml", &today.points[0].runs[1].spec, &[])
        .unwrap();
    assert!(today.points[0].runs[1].keys != before.points[0].runs[1].keys);
    assert_eq!(today.points[0].runs[1].keys, own.points[0].runs[0].keys);
}
