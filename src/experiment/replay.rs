//! A finished run, read back: the same points at any reverse step, without having stored them.
//!
//! Data, starting points and noise come from the run's own named streams, network and map from its folder,
//! so that the first `n` points of a run are here again, up to the rounding of another device.

use super::error::{ExperimentError, StageError};
use super::pipeline::exact_denoiser;
use super::replicate::{Purpose, reference_points};
use super::status::Status;
use crate::data::scaling::Scaling;
use crate::data::source::Part;
use crate::diffusion::{Denoiser, DiffusionError, Network, NetworkDenoiser, sample};
use crate::gaussianize::Gaussianizer;
use crate::spec::{self, Pipeline, Plan};
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
pub struct Replay {
    plan: Plan,
    replicate: usize,
    scaling: Scaling,
    map: Option<Gaussianizer>,
    denoiser: Box<dyn Denoiser>,
}

impl Replay {
    /// Reads network and map of a finished run from its folder.
    ///
    /// # Errors
    /// If a file of the run is missing or damaged, or its data cannot be drawn here.
    pub fn open(folder: &Path) -> Result<Self, ExperimentError> {
        let failed = |name: &str, reason: String| ExperimentError::Read { path: folder.join(name), reason };
        let read = |name: &str| std::fs::read(folder.join(name)).map_err(|e| failed(name, e.to_string()));
        let status = Status::read(folder)
            .ok_or_else(|| failed("status.json", "the run is not finished".to_string()))?;
        let text = String::from_utf8_lossy(&read("spec.toml")?).into_owned();
        let plan =
            spec::read_text("spec.toml", &text, &[]).map_err(|e| failed("spec.toml", e.to_string()))?.base;
        let pipeline = plan.pipelines.first().copied().unwrap_or(Pipeline::Baseline);
        let map = match pipeline {
            Pipeline::Gaussianized => {
                let name = "gaussianizer.safetensors";
                let bytes = read(name)?;
                Some(Gaussianizer::from_safetensors(&bytes).map_err(|e| failed(name, e.to_string()))?)
            }
            _ => None,
        };
        if pipeline == Pipeline::Exact {
            return Self::exact(plan, status.label.replicate);
        }
        let name = "model.safetensors";
        let bytes = read(name)?;
        let network =
            Network::from_safetensors(&bytes, &Device::Cpu).map_err(|e| failed(name, e.to_string()))?;
        let scale = status.control_scale.unwrap_or(1.0) * plan.sample.epsilon_scale;
        let denoiser = NetworkDenoiser::new(network, scale).map_err(|e| failed(name, e.to_string()))?;
        let denoiser = Box::new(denoiser);
        let scaling = scaling(&plan, status.label.replicate)?;
        Ok(Self { plan, replicate: status.label.replicate, scaling, map, denoiser })
    }

    /// The run that the exact denoiser makes of a plan, whether it was part of the study or not.
    ///
    /// # Errors
    /// If no exact denoiser is known for the plan's data.
    pub fn exact(plan: Plan, replicate: usize) -> Result<Self, ExperimentError> {
        let data = |reason: String| ExperimentError::Data { replicate, reason };
        let scaling = scaling(&plan, replicate)?;
        let denoiser = exact_denoiser(&plan, Pipeline::Exact, &scaling).map_err(|e| data(e.to_string()))?;
        let denoiser =
            denoiser.ok_or_else(|| data("the data are no mixture, so no exact denoiser is known".into()))?;
        Ok(Self { plan, replicate, scaling, map: None, denoiser: Box::new(denoiser) })
    }

    /// The run's plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its map to independent normal numbers, where it has one.
    pub fn map(&self) -> Option<&Gaussianizer> {
        self.map.as_ref()
    }

    /// `n` points of data space `(n, d)` as they enter the map.
    pub fn scaled(&self, points: ArrayView2<f64>) -> Array2<f64> {
        self.scaling.forward(points)
    }

    /// The real points that the run's samples were compared with, `(m, d)`.
    ///
    /// # Errors
    /// If they cannot be scaled as the plan says.
    pub fn reference(&self) -> Result<Array2<f64>, ExperimentError> {
        let replicate = self.replicate;
        reference_points(&self.plan, replicate, &self.scaling)
            .map_err(|e| ExperimentError::Data { replicate, reason: e.to_string() })
    }

    /// The first `count` points of the run after those reverse steps that `wanted` says yes to.
    ///
    /// # Errors
    /// If the network does not fit the spec.
    pub fn clouds(
        &self,
        count: usize,
        wanted: &dyn Fn(usize) -> bool,
    ) -> Result<Vec<Cloud>, ExperimentError> {
        let (plan, replicate) = (&self.plan, self.replicate);
        let count = count.min(plan.sample.count);
        let start = Purpose::Start.stream(plan, replicate).standard_normal(0, count, plan.data.source.dim());
        let noise = Purpose::SampleNoise.stream(plan, replicate);
        let mut clouds = Vec::new();
        let mut observe = |step: usize, t: usize, x: &Array2<f64>| -> Result<(), DiffusionError> {
            if wanted(step) {
                clouds.push(Cloud { step, t, points: self.data_space(x.view()) });
            }
            Ok(())
        };
        let failed = |e| ExperimentError::Stage {
            run: format!("replicate {replicate}"),
            stage: "sample",
            source: StageError::from(e),
        };
        let sampler = plan.sample.sampler().map_err(failed)?;
        sample(self.denoiser.as_ref(), &plan.schedule, sampler, start, &noise, &mut observe)
            .map_err(failed)?;
        Ok(clouds)
    }

    fn data_space(&self, x: ArrayView2<f64>) -> Array2<f64> {
        match &self.map {
            Some(map) => self.scaling.inverse(map.inverse(x).view()),
            None => self.scaling.inverse(x),
        }
    }
}

/// The scaling that a replicate's training points ask for.
fn scaling(plan: &Plan, replicate: usize) -> Result<Scaling, ExperimentError> {
    let train = plan.data.source.draw(Part::Train, plan.data.samples, plan.seed, replicate);
    Scaling::fit(plan.data.scale, train.view())
        .map_err(|e| ExperimentError::Data { replicate, reason: e.to_string() })
}
