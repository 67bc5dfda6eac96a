//! A finished run, read back: the same points at any reverse step, without having stored them.
//!
//! Data, starting points and noise come from the run's own named streams, network and space from its folder,
//! so that the first `n` points of a run are here again, up to the rounding of another device.

use super::error::{RunError, StageError};
use super::late_start::late_start;
use super::prepare::{exact_denoiser, read_chain};
use super::replicate::{Purpose, reference_points};
use crate::data::source::Part;
use crate::diffusion::{
    DataBox, Denoiser, DiffusionError, LateStart, Network, NetworkDenoiser, StartStep, sample,
};
use crate::gaussianize::Gaussianizer;
use crate::space::options::NamedTransform;
use crate::space::{Chain, FitContext, TransformOptions};
use crate::spec::{self, DenoiserKind, Fault, Override, Place, Plan, SamplePlan, SpecError};
use crate::store::run_folder::read_checked;
use crate::store::{Status, StoreError, names};
use candle_core::Device;
use ndarray::{Array2, ArrayView2};
use std::path::Path;

/// The points of one reverse step, in data space.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// Reverse step: 0 is x_T.
    pub step: usize,
    /// Diffusion time.
    pub t: usize,
    /// Points `(n, d)`.
    pub points: Array2<f64>,
}

/// A run that can be sampled again.
pub struct FinishedRun {
    plan: Plan,
    /// How it is sampled: as the run was, or otherwise.
    sample: SamplePlan,
    replicate: usize,
    chain: Chain,
    /// None where the samples are those of the space alone.
    denoiser: Option<Box<dyn Denoiser>>,
    /// The box to which the predicted x0 is clipped; none where it is not.
    bounds: Option<DataBox>,
    /// Where a late start begins; none for a start from noise.
    late: Option<LateStart>,
    ignored: Vec<String>,
}

impl FinishedRun {
    /// Reads network and space of a finished run from its folder.
    ///
    /// # Errors
    /// If a file of the run is missing or damaged, or its data cannot be drawn here.
    pub fn open(folder: &Path) -> Result<Self, RunError> {
        Self::open_with(folder, &[])
    }

    /// As [`open`](Self::open), to be sampled otherwise than the run was: with other values of keys that only sampling
    /// depends on.
    ///
    /// # Errors
    /// As [`open`](Self::open), or if a value cannot be meant.
    pub fn open_with(folder: &Path, overrides: &[Override]) -> Result<Self, RunError> {
        let failed = |name: &str, reason: String| StoreError::Read { path: folder.join(name), reason };
        let shown = || folder.display().to_string();
        let status = Status::read_done(folder).ok_or_else(|| RunError::Unfinished(shown()))?;
        let text = String::from_utf8_lossy(&read_checked(folder, &status, names::SPEC)?).into_owned();
        let plan = spec::read_finished(folder, names::SPEC, &text, &[]);
        let plan = plan.map_err(|e| RunError::SpecOfRun { folder: shown(), reason: e.to_string() })?.base;
        let study = spec::read_finished(folder, names::SPEC, &text, overrides);
        let study = study.map_err(|e| RunError::Spec(Box::new(e)))?;
        let keys: Vec<String> = overrides.iter().map(Override::key).collect();
        let (ignored, sample) = (study.without_effect(&keys), study.base.sample);
        variance_is_known(&plan, &sample)?;
        let replicate = status.label.replicate;
        let train = training_points(&plan, replicate);
        let chain = read_chain(folder, &status, &plan, train.view())?;
        let denoiser: Option<Box<dyn Denoiser>> = match plan.pipelines[0].denoiser {
            DenoiserKind::None => None,
            DenoiserKind::Exact => Some(exact(&plan, &chain, replicate)?),
            DenoiserKind::Network => {
                let bytes = read_checked(folder, &status, names::MODEL)?;
                let network = Network::from_safetensors(&bytes, &Device::Cpu)
                    .map_err(|e| failed(names::MODEL, e.to_string()))?;
                if network.outputs() != plan.sample.variance.outputs() {
                    let reason = "its outputs are not those that the run's diffusion.variance asks for";
                    return Err(failed(names::MODEL, reason.to_string()).into());
                }
                let scale = status.control_scale.unwrap_or(1.0) * sample.epsilon_scale;
                let denoiser =
                    NetworkDenoiser::new(network, scale).map_err(|e| failed(names::MODEL, e.to_string()))?;
                Some(Box::new(denoiser))
            }
        };
        let bounds = bounds(&sample, &chain, train.view(), plan.pipelines[0].denoiser);
        // An automatic start that the run has found already is not looked for again.
        let at = match (sample.late, status.start_step) {
            (Some(StartStep::Auto), Some(t)) if plan.sample.late == sample.late => Some(StartStep::At(t)),
            (at, _) => at,
        };
        let late = late(&plan, at.filter(|_| denoiser.is_some()), &chain, train.view(), replicate)?;
        Ok(Self { plan, sample, replicate, chain, denoiser, bounds, late, ignored })
    }

    /// The run that the exact denoiser makes of a plan, whether it was part of the study or not.
    ///
    /// # Errors
    /// If no exact denoiser is known for the plan's data.
    pub fn exact(plan: Plan, replicate: usize) -> Result<Self, RunError> {
        let train = training_points(&plan, replicate);
        let mut context = FitContext {
            scale: plan.data.scale,
            gaussianize: &plan.gaussianize,
            axes: &plan.data.source.axis_names(),
            stream: &Purpose::Gaussianize.stream(&plan, replicate),
            fill: false,
            progress: &mut |_| {},
        };
        let scale = [TransformOptions::Named(NamedTransform::Scale)];
        let fitted = Chain::fit(&scale, train.view(), &mut context)
            .map_err(|e| RunError::Data { replicate, reason: e.to_string() })?;
        let denoiser = exact(&plan, &fitted.chain, replicate)?;
        let sample = plan.sample.clone();
        let bounds = bounds(&sample, &fitted.chain, train.view(), DenoiserKind::Exact);
        let late = late(&plan, sample.late, &fitted.chain, train.view(), replicate)?;
        let (chain, denoiser, ignored) = (fitted.chain, Some(denoiser), Vec::new());
        Ok(Self { plan, sample, replicate, chain, denoiser, bounds, late, ignored })
    }

    /// Which of the values that it was opened with have no effect on its samples, and why, a sentence each.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The run's plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The step `t` at which its reverse process begins.
    pub fn start_step(&self) -> usize {
        self.late.as_ref().map_or(self.plan.schedule.steps(), |late| late.t)
    }

    /// Its reverse steps; 0 where its samples are those of the space alone.
    pub fn steps(&self) -> usize {
        if self.denoiser.is_some() { self.sample.steps_from(self.start_step()) } else { 0 }
    }

    /// The time `t` of its points before the first reverse step and after each one: [`steps`](Self::steps) and one more.
    ///
    /// # Errors
    /// If the sampler does not fit the schedule.
    pub fn times(&self) -> Result<Vec<usize>, RunError> {
        let start = self.start_step();
        if self.steps() == 0 {
            return Ok(vec![start]);
        }
        let begun = self.sample.sampler(start, None).and_then(|sampler| sampler.times(&self.plan.schedule));
        let mut times = begun.map_err(|e| self.failed(e))?;
        times.push(0);
        Ok(times)
    }

    /// Its replicate.
    pub fn replicate(&self) -> usize {
        self.replicate
    }

    /// Where a late start begins; none for a start from noise.
    pub(super) fn late(&self) -> Option<&LateStart> {
        self.late.as_ref()
    }

    /// What predicts the noise; none where the samples are those of the space alone.
    pub(super) fn denoiser(&self) -> Option<&dyn Denoiser> {
        self.denoiser.as_deref()
    }

    /// The box to which the predicted x0 is clipped; none where it is not.
    pub(super) fn bounds(&self) -> Option<&DataBox> {
        self.bounds.as_ref()
    }

    /// The noise that it predicts at points `(n, d)` of its space at step `t`, times its `epsilon_scale`.
    ///
    /// # Errors
    /// If nothing predicts, or points or step do not fit.
    pub fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError> {
        let denoiser = self.denoiser();
        let denoiser = denoiser.ok_or_else(|| DiffusionError::Option("the run has no denoiser".into()))?;
        self.plan.schedule.check_step(t)?;
        denoiser.predict_noise(x, t)
    }

    /// Its space.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Its map to independent normal numbers, where it has one.
    pub fn gaussianizer(&self) -> Option<&Gaussianizer> {
        self.chain.gaussianizer()
    }

    /// The real points that the run's samples were compared with, `(m, d)`.
    ///
    /// # Errors
    /// If they cannot be scaled as the plan says.
    pub fn reference(&self) -> Result<Array2<f64>, RunError> {
        let replicate = self.replicate;
        let train = training_points(&self.plan, replicate);
        reference_points(&self.plan, replicate, self.plan.metrics.reference, train.view())
            .map_err(|e| RunError::Data { replicate, reason: e.to_string() })
    }

    /// The first `count` points of the run after those reverse steps that `wanted` says yes to.
    ///
    /// # Errors
    /// If the network does not fit the spec.
    pub fn clouds(&self, count: usize, wanted: &dyn Fn(usize) -> bool) -> Result<Vec<Cloud>, RunError> {
        let mut clouds = Vec::new();
        let count = count.min(self.plan.sample.count);
        self.backwards(count, self.plan.seed, &mut |step, t, x| {
            if wanted(step) {
                clouds.push(Cloud { step, t, points: self.data_space(x.view()) });
            }
        })?;
        Ok(clouds)
    }

    /// `count` points of data space, `(count, d)`, from starting points and noise of that seed; without one, of the run's
    /// own, which gives its own samples again.
    ///
    /// # Errors
    /// If the network does not fit the spec, or a sample is not finite.
    pub fn draw(&self, count: usize, seed: Option<u64>) -> Result<Array2<f64>, RunError> {
        let mut last = None;
        self.backwards(count, seed.unwrap_or(self.plan.seed), &mut |_, _, x| last = Some(x.clone()))?;
        let last = last.expect("the first step is seen in any case");
        let points = self.data_space(last.view());
        match points.iter().find(|v| !v.is_finite()) {
            None => Ok(points),
            Some(v) => {
                let what = format!("a sample holds {v}");
                let diverged = StageError::Diverged { step: self.steps(), t: 0, what };
                Err(diverged.of(&format!("replicate {}", self.replicate), "sample"))
            }
        }
    }

    /// Runs the reverse process for `count` points; `see(step, t, x)` sees those of each step, in the run's space.
    fn backwards(
        &self,
        count: usize,
        seed: u64,
        see: &mut dyn FnMut(usize, usize, &Array2<f64>),
    ) -> Result<(), RunError> {
        let (plan, replicate) = (&self.plan, self.replicate);
        // Without a transform the space is that of the data.
        let dim = self.chain.output_dim().unwrap_or_else(|| plan.data.source.dim());
        let mut start = Purpose::Start.seeded(seed, replicate).standard_normal(0, count, dim);
        let noise = Purpose::SampleNoise.seeded(seed, replicate);
        let mut observe = |step: usize, t: usize, x: &Array2<f64>| -> Result<(), DiffusionError> {
            see(step, t, x);
            Ok(())
        };
        if let Some(late) = &self.late {
            start = late.points(&plan.schedule, start.view()).map_err(|e| self.failed(e))?;
        }
        let mut draw = || match &self.denoiser {
            Some(denoiser) if self.steps() > 0 => {
                let sampler = self.sample.sampler(self.start_step(), self.bounds.clone())?;
                sample(denoiser.as_ref(), &plan.schedule, sampler, start.clone(), &noise, &mut observe)
                    .map(|_| ())
            }
            _ => observe(0, self.start_step(), &start),
        };
        draw().map_err(|e| self.failed(e))
    }

    /// What a sampling that failed is reported as.
    fn failed(&self, error: DiffusionError) -> RunError {
        StageError::from(error).of(&format!("replicate {}", self.replicate), "sample")
    }

    fn data_space(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.chain.inverse(x)
    }
}

/// Refuses to sample a run with a learned variance whose network has learned none.
fn variance_is_known(plan: &Plan, sample: &SamplePlan) -> Result<(), RunError> {
    let learned_now = sample.variance.is_learned() && !plan.sample.variance.is_learned();
    if learned_now && plan.pipelines[0].is_trained() {
        let place = Place::Argument("diffusion.variance = \"learned_range\"".into());
        let message = "the network of this run has learned no variance of the reverse steps; run its spec with that key to train one that does";
        let fault = Fault { key: "diffusion.variance".into(), place, message: message.into() };
        return Err(RunError::Spec(Box::new(SpecError::new(names::SPEC, &"".into(), fault))));
    }
    Ok(())
}

pub(super) fn training_points(plan: &Plan, replicate: usize) -> Array2<f64> {
    plan.data.source.draw(Part::Train, plan.data.samples, plan.seed, replicate)
}

fn bounds(
    how: &SamplePlan,
    chain: &Chain,
    train: ArrayView2<f64>,
    denoiser: DenoiserKind,
) -> Option<DataBox> {
    let clips = how.clips(denoiser);
    clips.then(|| DataBox::of(chain.forward(train).view()))
}

/// Where a late start of a run begins.
fn late(
    plan: &Plan,
    at: Option<StartStep>,
    chain: &Chain,
    train: ArrayView2<f64>,
    replicate: usize,
) -> Result<Option<LateStart>, RunError> {
    let Some(at) = at else { return Ok(None) };
    let stream = Purpose::LateStart.stream(plan, replicate);
    let late = late_start(at, &plan.schedule, chain.forward(train).view(), &stream);
    late.map(Some).map_err(|e| e.of(&format!("replicate {replicate}"), "sample"))
}

fn exact(plan: &Plan, chain: &Chain, replicate: usize) -> Result<Box<dyn Denoiser>, RunError> {
    let failed = |reason: String| RunError::Data { replicate, reason };
    let denoiser = exact_denoiser(plan, chain).map_err(|e| failed(e.to_string()))?;
    match denoiser {
        Some(denoiser) => Ok(Box::new(denoiser)),
        None => Err(failed("the data are no mixture in this space, so no exact denoiser is known".into())),
    }
}
