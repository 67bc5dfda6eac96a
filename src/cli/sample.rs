//! `gdiff sample`: more points from a finished run, by any sampler, without training again.

use super::image_output::ImageOutput;
use super::{Failure, Settings, give_table, offered, refuse_as_table, refuse_input_of_spec};
use crate::numeric::memory;
use crate::report::note;
use crate::run::FinishedRun;
use crate::spec::Override;
use crate::store::names;
use clap::Args;
use std::path::{Path, PathBuf};

/// `gdiff sample`
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// The folder of a finished run, for example results/NAME/runs/gaussianized-r0
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// How many points [default: as many as the run drew]
    #[arg(long, value_name = "N")]
    pub count: Option<std::num::NonZeroUsize>,
    /// Sampler [default: the run's]
    #[arg(long, value_name = "NAME", value_parser = offered::of_key("sample.sampler"))]
    pub sampler: Option<String>,
    /// Reverse steps [default: the run's]
    #[arg(long, value_name = "N")]
    pub steps: Option<std::num::NonZeroUsize>,
    /// Where to begin: noise, late (the smallest step at which the noised training points look normal), or the step `t`
    /// of a late start [default: as the run]
    #[arg(long, value_name = "noise|late|N", value_parser = offered::of_key("sample.start"))]
    pub start: Option<String>,
    /// Seed of the starting points and the noise [default: the run's: its own samples again]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Other keys of `[sample]`, and diffusion.variance and diffusion.clip.
    #[command(flatten)]
    pub set: Settings,
    /// File to write, CSV or npy [default: CSV on standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Images in files.
    #[command(flatten)]
    pub images: ImageOutput,
}

/// The keys outside of `[sample]` that only sampling depends on.
const OF_SAMPLING: [&str; 2] = ["diffusion.variance", "diffusion.clip"];

impl SampleArgs {
    /// The flags as values for keys of the spec.
    fn overrides(&self) -> Result<Vec<Override>, Failure> {
        for given in &self.set.0 {
            let key = given.key();
            if key == "sample.count" {
                return Err(Failure::input("--count says how many points to draw".to_string()));
            }
            if !key.starts_with("sample.") && !OF_SAMPLING.contains(&key.as_str()) {
                return Err(Failure::input(format!(
                    "--set {key} would ask for another run: only keys of [sample], diffusion.variance and diffusion.clip can differ from the run's"
                )));
            }
        }
        let flags = [
            ("sample.sampler", "--sampler", self.sampler.is_some()),
            ("sample.steps", "--steps", self.steps.is_some()),
            ("sample.start", "--start", self.start.is_some()),
            ("sample.start_step", "--start", self.start.is_some()),
        ];
        let is_set = |key: &str| self.set.0.iter().any(|given| given.key() == key);
        if let Some((key, flag, _)) = flags.iter().find(|(key, _, given)| *given && is_set(key)) {
            return Err(Failure::input(format!("{flag} and --set {key} say the same; give one of them")));
        }
        let sampler = self.sampler.as_ref().map(|name| Override::from_flag("sample.sampler", name));
        let steps = self.steps.map(|steps| Override::from_flag("sample.steps", &steps.to_string()));
        let start = self.start.iter().flat_map(|start| start_overrides(start));
        Ok(sampler.into_iter().chain(steps).chain(start).chain(self.set.0.iter().cloned()).collect())
    }
}

/// The keys that `--start` sets.
fn start_overrides(start: &str) -> Vec<Override> {
    let (start, step) = match start {
        "late" => ("late", Some("auto")),
        step if step.parse::<usize>().is_ok() => ("late", Some(step)),
        word => (word, None),
    };
    let step = step.map(|step| Override::of_flag("--start", "sample.start_step", step));
    [Override::from_flag("sample.start", start)].into_iter().chain(step).collect()
}

pub(super) fn sample(args: &SampleArgs) -> Result<(), Failure> {
    let overrides = args.overrides()?;
    let folder = run_folder(&args.run)?;
    if let Some(out) = &args.out {
        let inputs =
            [names::SPEC, names::STATUS, names::MODEL, names::GAUSSIANIZER].map(|name| folder.join(name));
        refuse_as_table(out, &inputs.each_ref().map(PathBuf::as_path))?;
    }
    let run = FinishedRun::open_with(&folder, &overrides)?;
    args.out.iter().try_for_each(|out| refuse_input_of_spec("--out", out, &run.plan().inputs()))?;
    run.ignored().iter().for_each(|sentence| note(sentence));
    let place = args.images.place(run.plan())?;
    let count = args.count.map_or(run.plan().sample.count, usize::from);
    let dim = run.plan().data.source.dim();
    let widest = run.plan().network.widths().iter().copied().max().unwrap_or(dim);
    let bytes = memory::of_f64(&[count, 4 * dim.max(widest)]);
    memory::check(&format!("drawing {count} points"), bytes).map_err(Failure::input)?;
    let points = run.draw(count, args.seed)?;
    if let Some(place) = place {
        return place.give(points.view());
    }
    give_table(args.out.as_deref(), &run.plan().data.source.axis_names(), &points)
}

/// The folder of the run: the given one, or the only run of a study's folder.
pub(super) fn run_folder(given: &Path) -> Result<PathBuf, Failure> {
    if given.join(names::STATUS).is_file() {
        return Ok(given.to_path_buf());
    }
    let runs = crate::study::planned::run_folders(given);
    match runs.as_slice() {
        [] => Err(Failure::input(format!(
            "{} is no folder of a finished run; give one under runs/ of an output folder",
            given.display()
        ))),
        [run] => Ok(crate::study::planned::folder(given, run)),
        [first, ..] => Err(Failure::input(format!(
            "{} holds {} runs; give one of them, for example {}",
            given.display(),
            runs.len(),
            crate::study::planned::folder(given, first).display()
        ))),
    }
}
